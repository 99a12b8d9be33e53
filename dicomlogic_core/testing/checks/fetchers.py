"""Checks of fetchers: `Fetcher.plan` and `Fetcher.fetch`, alone and under the loading of arrays."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from dicomlogic_core.contracts import FetchResult
from dicomlogic_core.errors import Cancelled, DicomLogicError
from dicomlogic_core.frames import frame_location
from dicomlogic_core.loading import Loading
from dicomlogic_core.pixels.planning import plan_stack
from dicomlogic_core.references import FrameRef, Location, Ref
from dicomlogic_core.series import SeriesView
from dicomlogic_core.session import Session
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.checks.outcome import Broken, Check, NotApplicable, described, require
from dicomlogic_core.testing.checks.service_subject import NO_SECRET, ServiceSubject
from dicomlogic_core.testing.fakes import closed_manager
from dicomlogic_core.transfer import FetchWork
from dicomlogic_core.work import Work

Results = dict[Ref, list[FetchResult]]
Forms = dict[tuple[Ref, str], bytes]
"""Reference and media type -> bytes: a fetcher may bring a frame by itself, or the instance that holds it."""


def plan_covers_every_location_once(subject: ServiceSubject) -> None:
    """`plan` cuts what it is given into batches: every location in one of them, in whatever order they come.

    Contract: `Fetcher.plan`.
    """
    with subject.indexed() as (session, _):
        locations = _locations(session)
        for given in (locations, locations[::-1], locations[:1], []):
            planned = [location for batch in subject.worker().plan(given) for location in batch]
            lost = [one for one in given if one not in planned]
            require(not lost, f"plan leaves out {len(lost)} of {len(given)} locations")
            require(len(planned) == len(given), f"plan makes {len(planned)} locations of {len(given)}")


def every_result_carries_its_reference(subject: ServiceSubject) -> None:
    """Every location is answered by one result with its own reference, which has bytes or an error, and not both.

    Contract: `Fetcher.fetch`, `FetchResult` in dicomlogic_core.contracts.
    """
    with subject.indexed() as (session, _):
        locations = _locations(session)
        results = _fetched(subject, session, locations)
        require(set(results) == {one.ref for one in locations}, _unanswered(locations, results))
        for ref, answers in results.items():
            require(len(answers) == 1, f"{_name(ref)} is answered {len(answers)} times")
            answer = answers[0]
            require(answer.error is None, f"{_name(ref)} cannot be had: {answer.error}")
            require(answer.data is not None, f"{_name(ref)} is answered without data and without an error")


def frames_are_those_of_the_files(subject: ServiceSubject) -> None:
    """Arrays made of what is fetched equal those of the files, value by value.

    Contract: `Fetcher.fetch`.
    """
    folder = subject.write()
    with subject.indexed(folder) as (session, _), Session(manager=closed_manager()) as files:
        files.index(folder)
        for view in _views(session):
            refs = view.frames.refs()
            wanted = _stack(files, view.study_uid, refs)
            with subject.listening():
                got = _stack(session, view.study_uid, refs)
            backwards = _stack(session, view.study_uid, refs[::-1])[::-1]
            require(np.array_equal(got, backwards), f"{view!r} has other values when asked for in reversed order")
            require(got.dtype == wanted.dtype, f"{view!r} is {got.dtype}, the files are {wanted.dtype}")
            require(
                np.array_equal(got, wanted), f"{int((got != wanted).sum())} values of {view!r} differ from the files"
            )


def any_order_gives_the_same_bytes(subject: ServiceSubject) -> None:
    """Locations in any order, alone or together, give the same bytes for the same reference.

    Contract: `Fetcher.fetch`.
    """
    with subject.indexed() as (session, _):
        locations = _locations(session)
        wanted = _bytes(_fetched(subject, session, locations))
        shuffled = list(locations)
        random.Random(5).shuffle(shuffled)
        _same_bytes(wanted, _bytes(_fetched(subject, session, locations[::-1])), "in reversed order")
        _same_bytes(wanted, _bytes(_fetched(subject, session, shuffled)), "shuffled")
        for one in locations[:3]:
            _same_bytes(wanted, _bytes(_fetched(subject, session, [one])), "asked for alone")


def duplicates_are_answered_alike(subject: ServiceSubject) -> None:
    """A location that comes twice gets the same bytes each time, and costs the others nothing.

    Contract: `Fetcher.fetch`.
    """
    with subject.indexed() as (session, _):
        locations = _locations(session)
        results = _fetched(subject, session, [*locations, locations[0]])
        require(set(results) == {one.ref for one in locations}, _unanswered(locations, results))
        first = results[locations[0].ref]
        require(all(answer.error is None for answer in first), f"asked for twice, a frame fails: {first[0].error}")
        require(len({bytes(answer.data or b"") for answer in first}) == 1, "one frame is answered by different bytes")


def threads_may_fetch_at_once(subject: ServiceSubject) -> None:
    """`fetch` is called from several threads at once and gives the same bytes as from one.

    Contract: `Fetcher`.
    """
    with subject.indexed() as (session, _):
        locations = _locations(session)
        alone: Forms = {}
        for one in locations:
            alone.update(_bytes(_fetched(subject, session, [one])))
        worker, context = subject.worker(), _context(subject, session)
        with subject.listening(), ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda one: list(worker.fetch([one], context)), [*locations, *locations]))
        for answer in (one for answered in answers for one in answered):
            require(answer.error is None, f"{_name(answer.ref)} fails among threads: {answer.error}")
            same = bytes(answer.data or b"") == alone[answer.ref, answer.media_type]
            require(same, f"{_name(answer.ref)} has other bytes among threads")


def one_lost_frame_costs_nothing_else(subject: ServiceSubject) -> None:
    """A location where nothing is becomes an error value that says what and where; all others arrive.

    Contract: `Fetcher.fetch`: failures are error values, not exceptions.
    """
    with subject.indexed() as (session, _):
        locations = _locations(session)
        place = len(locations) // 2
        lost = subject.host.lost(locations[place])
        results = _fetched(subject, session, [*locations[:place], lost, *locations[place + 1 :]])
        answer = results.get(lost.ref, [])
        require(len(answer) == 1, f"a lost frame is answered {len(answer)} times")
        require(isinstance(answer[0].error, DicomLogicError), f"a lost frame is answered by {answer[0].error!r}")
        for one in (*locations[:place], *locations[place + 1 :]):
            good = results.get(one.ref, [])
            require(good and good[0].error is None, f"beside a lost frame, {_name(one.ref)} does not arrive")


def buffers_are_given_back(subject: ServiceSubject) -> None:
    """Bytes that were read into a buffer of the context are given as that buffer; nothing is longer than its frame.

    Contract: `FetchContext.buffer`.
    """
    with subject.indexed() as (session, _):
        locations = _locations(session)
        lent: dict[Ref, memoryview] = {}

        def buffer(ref: Ref, size: int) -> memoryview | None:
            return lent.setdefault(ref, memoryview(bytearray(size)))

        wanted = _bytes(_fetched(subject, session, locations))
        sizes = {one.ref: one.native_size for one in locations}
        for ref, answers in _fetched(subject, session, locations, buffer=buffer).items():
            for answer in answers:
                got = bytes(answer.data or b"")
                require(got == wanted[ref, answer.media_type], f"{_name(ref)} has other bytes when a buffer is lent")
                require(ref not in lent or bytes(lent[ref]) == got, f"the buffer lent for {_name(ref)} is not filled")
                native = not answer.media_type.startswith("application/dicom") and isinstance(ref, FrameRef)
                limit = sizes[ref] if native and ref in lent else 0
                require(not limit or len(got) <= limit, f"{_name(ref)} brings {len(got)} bytes, its frame has {limit}")


def cancel_stops_fetching(subject: ServiceSubject) -> None:
    """When the caller wants it to stop, fetching a batch ends or raises Cancelled; it raises nothing else.

    Contract: `WorkContext.cancelled`.
    """
    with subject.indexed() as (session, _):
        try:
            _fetched(subject, session, _locations(session), cancel=lambda: True)
        except Cancelled:
            pass
        except Exception as error:
            raise Broken(f"cancelled, fetch raises {described(error)}") from error
        view = next(_views(session))
        try:
            _stack(session, view.study_uid, view.frames.refs(), cancel=lambda: True)
        except Cancelled:
            return
        raise Broken("an array is given although its loading was cancelled")


def without_a_connection_errors_are_typed(subject: ServiceSubject) -> None:
    """After the session was closed, or where it gives no connection, errors are DicomLogicErrors or error values.

    Contract: `WorkContext.http`; `Fetcher.fetch`.
    """
    with subject.served(subject.write()) as location:
        with subject.session() as session:
            subject.index(session, location)
            locations = _locations(session)
        worker = subject.worker()
        context = FetchWork(Work(options=subject.quick()), lambda ref, size: None)
        _only_typed(subject, worker, locations, context, "without a connection")


def short_pixels_are_told(subject: ServiceSubject) -> None:
    """Pixel data that ends before its frames do is an error of the loading, never an array with less in it.

    Contract: `Fetcher.fetch`; docs/explanation/reliability.md.
    """
    folder = subject.new_folder()
    phantoms.tricky(12, folder)
    with subject.indexed(folder) as (session, _):
        for view in _views(session):
            _must_fail(session, view, "of which a file is cut short")


def cut_bodies_are_told(subject: ServiceSubject) -> None:
    """An answer that ends early is an error of the loading, never an array with less in it.

    Contract: `Fetcher.fetch`; docs/explanation/reliability.md.
    """
    with subject.indexed() as (session, _):
        session.clients.name(_, subject.quick())
        subject.host.cut_bodies()
        _must_fail(session, next(_views(session)), "whose answers are cut")


def a_service_that_is_gone_is_told(subject: ServiceSubject) -> None:
    """When the service no longer answers, every location gets an error value, or fetch raises a DicomLogicError.

    Contract: `Fetcher.fetch`.
    """
    folder = subject.write()
    with subject.session() as session:
        with subject.served(folder) as location:
            subject.index(session, location)
            session.clients.name(location, subject.quick())
        for path in [path for path in folder.rglob("*") if path.is_file()]:
            path.unlink()
        with subject.environment():
            context = _context(subject, session)
            told = _only_typed(subject, subject.worker(), _locations(session), context, "of a service that is gone")
        require(told, "frames arrive from a service that is gone")


def secrets_are_in_no_error(subject: ServiceSubject) -> None:
    """The secret that a location needs is in no result, error, repr or printed text.

    Contract: docs/howto/credentials.md; secrets are references.
    """
    if not subject.secrets:
        raise NotApplicable(NO_SECRET)
    with subject.indexed() as (session, _):
        locations = _locations(session)
        results = _fetched(subject, session, [subject.host.lost(locations[0]), *locations])
        said = repr([(one.ref, one.error, str(one.error)) for answers in results.values() for one in answers])
        said += repr(locations) + repr(session) + subject.printed.getvalue()
        require(not any(value in said for value in subject.secrets.values()), "a secret is in a result or an error")


FETCHERS: tuple[Check, ...] = (
    plan_covers_every_location_once,
    every_result_carries_its_reference,
    frames_are_those_of_the_files,
    any_order_gives_the_same_bytes,
    duplicates_are_answered_alike,
    threads_may_fetch_at_once,
    one_lost_frame_costs_nothing_else,
    buffers_are_given_back,
    cancel_stops_fetching,
    without_a_connection_errors_are_typed,
    short_pixels_are_told,
    cut_bodies_are_told,
    a_service_that_is_gone_is_told,
    secrets_are_in_no_error,
)


# --- locations and bytes ---------------------------------------------------------------------------------------------


def _views(session: Session) -> Iterator[SeriesView]:
    for row in session.list("study"):
        yield from session.study(row["StudyInstanceUID"])


def _locations(session: Session) -> list[Location]:
    """The locations of all frames, as loading makes them of the instances'."""
    found: list[Location] = []
    for view in _views(session):
        refs = view.frames.refs()
        plan = plan_stack(refs, lambda uid, view=view: view, lambda ref, whole: None)  # type: ignore[arg-type,return-value,misc]  # grey phantoms need no header
        for ref, treatment in zip(refs, plan.treatments):
            base = view.locations(list(view.sop_uids).index(ref.sop_uid))[0]
            assert treatment is not None
            found.append(frame_location(base, ref, treatment.description) or base)
    return found


def _context(
    subject: ServiceSubject,
    session: Session,
    *,
    cancel: Callable[[], bool] | None = None,
    buffer: Callable[[Ref, int], memoryview | None] | None = None,
) -> FetchWork:
    return FetchWork(subject.work(session, cancel=cancel), buffer or (lambda ref, size: None))


def _fetched(
    subject: ServiceSubject,
    session: Session,
    locations: Sequence[Location],
    *,
    cancel: Callable[[], bool] | None = None,
    buffer: Callable[[Ref, int], memoryview | None] | None = None,
) -> Results:
    """All results by reference, fetched by a new worker as it plans."""
    worker, context = subject.worker(), _context(subject, session, cancel=cancel, buffer=buffer)
    results: Results = {}
    with subject.listening():
        for batch in worker.plan(locations):
            for result in worker.fetch(batch, context):
                results.setdefault(result.ref, []).append(result)
    return results


def _bytes(results: Results) -> Forms:
    for ref, answers in results.items():
        require(answers[0].error is None, f"{_name(ref)} cannot be had: {answers[0].error}")
    return {(ref, one.media_type): bytes(one.data or b"") for ref, answers in results.items() for one in answers}


def _same_bytes(wanted: Forms, got: Forms, how: str) -> None:
    other = [key for key in wanted.keys() & got.keys() if wanted[key] != got[key]]
    require(not other, f"{how}, {len(other)} references get other bytes, {_name(other[0][0]) if other else ''} for one")


def _unanswered(locations: Sequence[Location], results: Results) -> str:
    wanted = {one.ref for one in locations}
    lost, foreign = wanted - set(results), set(results) - wanted
    return f"{len(lost)} of {len(wanted)} locations get no result, {len(foreign)} results are of something else"


def _name(ref: Ref) -> str:
    return f"{ref.sop_uid} frame {ref.frame}" if isinstance(ref, FrameRef) else ref.sop_uid


def _stack(
    session: Session, study_uid: str, refs: Sequence[FrameRef], *, cancel: Callable[[], bool] | None = None
) -> Any:
    study = session.study(study_uid)
    loading = Loading(study, session.manager.registry, http=session.clients.http, cancel=cancel)
    return np.asarray(loading.stack(refs))


def _must_fail(session: Session, view: SeriesView, what: str) -> None:
    try:
        _stack(session, view.study_uid, view.frames.refs())
    except DicomLogicError as error:
        require(error.code != "plugin", f"a series {what} ends with another exception than a DicomLogicError: {error}")
        return
    except Exception as error:
        raise Broken(f"a series {what} ends with {described(error)}") from error
    raise Broken(f"a series {what} is loaded without a word")


def _only_typed(
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
