"""``dicomlogic plugins``: what is installed, what each provides, and what failed and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
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
        report = replace(report, problems=_problems(outcomes))
    record = {**report.as_dict(), "checks": [one.as_dict() for one in outcomes]}
    emit(args, record, lambda: _told(report, outcomes))
    return 1 if report.problems else 0


def _problems(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """What failed, each reason once: it may be that of many checks."""
    checks: dict[tuple[str, str], list[str]] = {}
    for one in outcomes:
        if one.status == "failed":
            checks.setdefault((one.worker, one.message), []).append(one.check)
    return tuple(f"{worker}: {', '.join(names)}: {message}" for (worker, message), names in checks.items())


def _told(report: CheckReport, outcomes: Sequence[Outcome]) -> str:
    """The report for people: checks counted, what could not be looked at by reason, then what is wrong."""
    idle = Counter((one.worker, one.message) for one in outcomes if one.status == "not applicable")
    lines = [
        f"{worker}: {', '.join(f'{count} {status}' for status, count in _counted(outcomes, worker))}"
        for worker in dict.fromkeys(one.worker for one in outcomes)
    ]
    lines += [f"{worker}: {count} not applicable: {reason}" for (worker, reason), count in idle.items()]
    return "\n".join([*lines, report.as_text()])


def _counted(outcomes: Sequence[Outcome], worker: str) -> Iterable[tuple[str, int]]:
    """How many checks of a worker passed and failed."""
    return Counter(one.status for one in outcomes if one.worker == worker and one.status != "not applicable").items()
