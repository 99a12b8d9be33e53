"""Studies seen differently, for the checks of examining: reordered, damaged, emptied, grown, and in another process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from dicomlogic_core.contracts import Columns
from dicomlogic_core.loadable import Loadable
from dicomlogic_core.series import SeriesView, StudyView
from dicomlogic_core.testing.checks.adaptor_subject import AdaptorSubject, Case
from dicomlogic_core.testing.checks.columns import Damaged, Noted, Picked, view_of
from dicomlogic_core.testing.checks.outcome import Broken, described, require

_ITEMS: tuple[Any, ...] = (None, [], [{}], [{"00080100": {"vr": "SH"}}], [{"00540016": {"vr": "SQ", "Value": [None]}}])
_TEXTS = (None, "", "abc", "1\\2", "nan", "1e400", "-1")


def changed(case: Case, change: Callable[[SeriesView], Columns]) -> StudyView:
    """The study of a case, with `change` made of the columns of every series."""
    views = [view_of(change(view), view) for view in case.study]
    return StudyView(case.study.study_uid, views, options=case.study.options)


def same_views(case: Case, study: StudyView) -> list[SeriesView]:
    """The series of a changed study that the adaptor is asked about."""
    return [study.by_uid(view.series_uid) for view in case.views]


def reversed_rows(view: SeriesView) -> Picked:
    """Instances from the last to the first."""
    return Picked(view.columns, range(len(view))[::-1])


def interleaved(view: SeriesView) -> Picked:
    """Every second instance, then the others."""
    return Picked(view.columns, [*range(1, len(view), 2), *range(0, len(view), 2)])


def emptied(view: SeriesView) -> Picked:
    """Instances without any value but their UIDs."""
    return Damaged(view.columns, "", None, emptied=True)


def questions(subject: AdaptorSubject, worker: Any, case: Case, size: int) -> tuple[list[str], int]:
    """The columns asked for of a case of so many instances, one key per question, and the loadables they led to."""
    noted: list[Noted] = []

    def repeated(view: SeriesView) -> Noted:
        noted.append(Noted(view.columns, [number % len(view) for number in range(size)]))
        return noted[-1]

    study = changed(case, repeated)
    offered = subject.examined(worker, case, study, same_views(case, study))
    return [key for columns in noted for key in columns.asked], len(offered)


def damages(case: Case, key: str) -> Iterator[tuple[str, StudyView]]:
    """A column absent, empty, unreadable, of another multiplicity, out of range: what it is, and the study with it."""

    def damaged(text: str | None, **how: Any) -> StudyView:
        return changed(case, lambda view: Damaged(view.columns, key, text, **how))

    for text in _TEXTS:
        yield f"{key} = {text!r}", damaged(text)
    yield f"{key} absent in the first", damaged(None, first_only=True)
    if any(any(view.items(key)) for view in case.study):
        for items in _ITEMS:
            yield f"{key} holding {items}", damaged(None, items=items)


def must_not_raise(
    subject: AdaptorSubject, worker: Any, case: Case, study: StudyView, views: Iterable[SeriesView], what: str
) -> None:
    """Examine a study.

    Raises:
        Broken: examine raised, or gave something else than loadables.
    """
    try:
        for loadable in subject.examined(worker, case, study, views):
            require(isinstance(loadable, Loadable), f"{what} gave a {type(loadable).__name__} instead of a Loadable")
    except Broken:
        raise
    except Exception as error:
        raise Broken(f"examine raised on {what}: {described(error)}") from error


_ELSEWHERE = """
import json, sys
import dicomlogic_core as dl
with dl.open() as session:
    session.index(sys.argv[1])
    options = json.loads(sys.argv[3])
    found = [one.id for one in session.examine(all=True, options=options) if one.adaptor == sys.argv[2]]
print("\\n" + json.dumps(sorted(found)))
"""


def ids_elsewhere(subject: AdaptorSubject, case: Case) -> list[str]:
    """Identifiers of the adaptor's loadables as another process gives them, with another hash of texts."""
    command = [sys.executable, "-c", _ELSEWHERE, str(case.folder), subject.provider_name, json.dumps(subject.options)]
    origin = subject.offer.origin
    environment = {**os.environ, "DICOMLOGIC_PLUGINS": origin.distribution or "none", "PYTHONHASHSEED": "7"}
    environment.pop("DICOMLOGIC_DISABLE_PLUGINS", None)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    last = done.stderr.strip().splitlines()[-1:] or ["no message"]
    require(done.returncode == 0, f"examining {case.name} in another process fails: {last[0]}")
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found
