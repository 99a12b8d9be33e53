"""``dicomlogic plugins``: what is installed, what each provides, and what failed and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicomlogic_core import UsageError, check_plugin, default_manager
from dicomlogic_core.cli.output import emit, table

if TYPE_CHECKING:
    from argparse import Namespace


def show(args: Namespace) -> int:
    """List plugins; exit code 1 when one failed."""
    rows = [record.as_dict() for record in default_manager().records()]
    columns = ("name", "distribution", "version", "status", "provides", "error")
    emit(args, rows, lambda: table(rows, columns))
    return 1 if any(row["status"] == "failed" for row in rows) else 0


def check(args: Namespace) -> int:
    """Load one plugin strictly and check its workers; exit code 1 when something is wrong."""
    if not args.name:
        raise UsageError("plugins check needs a name", remedy="dicomlogic plugins lists them")
    report = check_plugin(args.name)
    emit(args, report.as_dict(), report.as_text)
    return 1 if report.problems else 0
