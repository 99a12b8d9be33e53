"""Fetching as the core does, for the checks of fetchers: locations of frames, results by reference, arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dicomlogic_core.contracts import FetchResult
from dicomlogic_core.errors import DicomLogicError
from dicomlogic_core.frames import frame_location
from dicomlogic_core.loading import Loading
from dicomlogic_core.pixels.planning import plan_stack
from dicomlogic_core.references import FrameRef, InstanceRef, Location, Ref
from dicomlogic_core.series import SeriesView
from dicomlogic_core.session import Session
from dicomlogic_core.testing.checks.outcome import Broken, described, require
from dicomlogic_core.testing.checks.service_subject import ServiceSubject, views_of
from dicomlogic_core.transfer import FetchWork

Results = dict[Ref, list[FetchResult]]
Forms = dict[tuple[Ref, str], bytes]
"""Reference and media type -> bytes: a fetcher may bring a frame by itself, or the instance that holds it."""


def locations_of(session: Session) -> list[Location]:
    """The locations of all frames, as loading makes them of the instances'."""
    found: list[Location] = []
    for view in views_of(session):
        refs = view.frames.refs()
        plan = plan_stack(refs, {view.series_uid: view}.__getitem__, _no_header)
        for ref, treatment in zip(refs, plan.treatments):
            base = view.locations(list(view.sop_uids).index(ref.sop_uid))[0]
            assert treatment is not None
            found.append(frame_location(base, ref, treatment.description) or base)
    return found


def _no_header(ref: InstanceRef, whole: bool) -> Any:
    """Only images with a palette need more than the columns; none of the kit's has one."""
    raise KeyError(ref.sop_uid)


def context_of(
    subject: ServiceSubject,
    session: Session,
    *,
    cancel: Callable[[], bool] | None = None,
    buffer: Callable[[Ref, int], memoryview | None] | None = None,
) -> FetchWork:
    """What a fetcher gets for its work."""
    return FetchWork(subject.work(session, cancel=cancel), buffer or (lambda ref, size: None))


def fetched(
    subject: ServiceSubject,
    session: Session,
    locations: Sequence[Location],
    *,
    cancel: Callable[[], bool] | None = None,
    buffer: Callable[[Ref, int], memoryview | None] | None = None,
) -> Results:
    """All results by reference, fetched by a new worker as it plans."""
    worker, context = subject.worker(), context_of(subject, session, cancel=cancel, buffer=buffer)
    results: Results = {}
    with subject.listening():
        for batch in worker.plan(locations):
            for result in worker.fetch(batch, context):
                results.setdefault(result.ref, []).append(result)
    return results


def bytes_of(results: Results) -> Forms:
    """The bytes of every result.

    Raises:
        Broken: one is an error.
    """
    for ref, answers in results.items():
        require(answers[0].error is None, f"{name_of(ref)} cannot be had: {answers[0].error}")
    return {(ref, one.media_type): bytes(one.data or b"") for ref, answers in results.items() for one in answers}


def check_same_bytes(wanted: Forms, got: Forms, how: str) -> None:
    """Compare what came in the same form.

    Raises:
        Broken: bytes differ.
    """
    other = [key for key in wanted.keys() & got.keys() if wanted[key] != got[key]]
    names = [name_of(ref) for ref, _ in other]
    require(not names, f"{how}, {len(names)} references get other bytes, {names[:1]} for one")


def unanswered(locations: Sequence[Location], results: Results) -> str:
    """How many locations got no result, and how many results are of something else."""
    wanted = {one.ref for one in locations}
    lost, foreign = wanted - set(results), set(results) - wanted
    return f"{len(lost)} of {len(wanted)} locations get no result, {len(foreign)} results are of something else"


def name_of(ref: Ref) -> str:
    """A reference as it is told."""
    return f"{ref.sop_uid} frame {ref.frame}" if isinstance(ref, FrameRef) else ref.sop_uid


def stack_of(
    session: Session, study_uid: str, refs: Sequence[FrameRef], *, cancel: Callable[[], bool] | None = None
) -> Any:
    """An array of frames, fetched and decoded as loading does."""
    study = session.study(study_uid)
    loading = Loading(study, session.manager.registry, http=session.clients.http, cancel=cancel)
    return np.asarray(loading.stack(refs))


def must_fail(session: Session, view: SeriesView, what: str) -> None:
    """Make an array of a series.

    Raises:
        Broken: that works, or fails by another exception than a DicomLogicError.
    """
    try:
        stack_of(session, view.study_uid, view.frames.refs())
    except DicomLogicError as error:
        require(error.code != "plugin", f"a series {what} ends with another exception than a DicomLogicError: {error}")
        return
    except Exception as error:
        raise Broken(f"a series {what} ends with {described(error)}") from error
    raise Broken(f"a series {what} is loaded without a word")


def only_typed(
    subject: ServiceSubject, worker: Any, locations: Sequence[Location], context: FetchWork, when: str
) -> bool:
    """True when something failed; what failed must have done so by a DicomLogicError."""
    told = False
    for batch in worker.plan(locations):
        try:
            with subject.listening():
                answers = list(worker.fetch(batch, context))
        except DicomLogicError:
            return True
        except Exception as error:
            raise Broken(f"{when}, fetch raises {described(error)}") from error
        for answer in answers:
            require(answer.error is None or isinstance(answer.error, DicomLogicError), f"{when}: {answer.error!r}")
            told |= answer.error is not None
    return told
