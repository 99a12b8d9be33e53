"""``dicomlogic plugins``: what is installed, what each provides, and what failed and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dicomlogic_core import CheckReport, UsageError, check_plugin, default_manager
from dicomlogic_core.cli.output import ProgressLine, emit, table

if TYPE_CHECKING:
    from argparse import Namespace

    from dicomlogic_core.testing.checks.outcome import Outcome


def show(args: Namespace) -> int:
    """List plugins; exit code 1 when one failed."""
    rows = [record.as_dict() for record in default_manager().records()]
    columns = ("name", "distribution", "version", "status", "provides", "error")
    emit(args, rows, lambda: table(rows, columns))
    return 1 if any(row["status"] == "failed" for row in rows) else 0


def check(args: Namespace) -> int:
    """Load one plugin strictly, check its workers and run the conformance kit; exit code 1 when something is wrong."""
    if not args.name:
        raise UsageError("plugins check needs a name", remedy="dicomlogic plugins lists them")
    report = check_plugin(args.name)
    outcomes: list[Outcome] = []
    if not report.problems:  # a plugin that cannot be used would fail every check for the same reason
        from dicomlogic_core.testing.checks.offline import run_offline

        with ProgressLine() as progress:
            outcomes = run_offline(report.workers, progress)
        failed = [one for one in outcomes if one.status == "failed"]
        report = replace(report, problems=tuple(f"{one.worker}: {one.check}: {one.message}" for one in failed))
    record = {**report.as_dict(), "checks": [one.as_dict() for one in outcomes]}
    emit(args, record, lambda: _told(report, outcomes))
    return 1 if report.problems else 0


def _told(report: CheckReport, outcomes: Sequence[Outcome]) -> str:
    rows = [one.as_dict() for one in outcomes]
    counts = Counter(one.status for one in outcomes)
    summary = "checks: " + ", ".join(f"{count} {status}" for status, count in counts.items())
    listed = [table(rows, ("worker", "check", "status", "message")), "", summary] if rows else []
    return "\n".join([*listed, report.as_text()])
