"""Running export jobs on threads, with progress and a stop that leaves finished files in place."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dicomlogic_core import make_jobs, run_jobs
from dicomlogic_core.cli.output import ProgressLine

if TYPE_CHECKING:
    from dicomlogic_core import Loadable, Session


def export_all(
    session: Session, loadables: Sequence[Loadable], folder: Path, *, format: str, options: Mapping[str, str], jobs: int
) -> list[dict[str, Any]]:
    """The rows of every loadable, in the order of `loadables`; `jobs` of them run at the same time."""
    todo = make_jobs(session, loadables, folder, format=format, options=options, portable=False)
    rows: dict[str, list[dict[str, Any]]] = {}
    stop = threading.Event()
    with ThreadPoolExecutor(jobs) as executor, ProgressLine() as progress:
        try:
            for done, result in enumerate(run_jobs(todo, executor, session=session, cancel=stop.is_set), 1):
                rows[result.loadable.id] = result.as_dicts()
                progress(done, len(todo), "loadables")
        except BaseException:  # Ctrl-C: the threads must end soon, or leaving the pool waits for all of them
            stop.set()
            raise
    return [row for loadable in loadables for row in rows.get(loadable.id, ())]
