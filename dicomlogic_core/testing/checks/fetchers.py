"""Checks of fetchers: `Fetcher.plan` and `Fetcher.fetch`, alone and under the loading of arrays."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from dicomlogic_core.errors import Cancelled, DicomLogicError
from dicomlogic_core.references import FrameRef, Ref
from dicomlogic_core.session import Session
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.checks.fetching import (
    Forms,
    bytes_of,
    check_same_bytes,
    context_of,
    fetched,
    locations_of,
    must_fail,
    name_of,
    only_typed,
    stack_of,
    unanswered,
)
from dicomlogic_core.testing.checks.outcome import Broken, Check, NotApplicable, described, require
from dicomlogic_core.testing.checks.service_subject import NO_SECRET, ServiceSubject, views_of
from dicomlogic_core.testing.fakes import closed_manager
from dicomlogic_core.transfer import FetchWork
from dicomlogic_core.work import Work


def plan_covers_every_location_once(subject: ServiceSubject) -> None:
    """`plan` cuts what it is given into batches: every location in one of them, in whatever order they come.

    Contract: `Fetcher.plan`.
    """
    with subject.indexed() as (session, _):
        locations = locations_of(session)
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
        locations = locations_of(session)
        results = fetched(subject, session, locations)
        require(set(results) == {one.ref for one in locations}, unanswered(locations, results))
        for ref, answers in results.items():
            require(len(answers) == 1, f"{name_of(ref)} is answered {len(answers)} times")
            answer = answers[0]
            require(answer.error is None, f"{name_of(ref)} cannot be had: {answer.error}")
            require(answer.data is not None, f"{name_of(ref)} is answered without data and without an error")


def frames_are_those_of_the_files(subject: ServiceSubject) -> None:
    """Arrays made of what is fetched equal those of the files, value by value.

    Contract: `Fetcher.fetch`.
    """
    folder = subject.write()
    with subject.indexed(folder) as (session, _), Session(manager=closed_manager()) as files:
        files.index(folder)
        for view in views_of(session):
            refs = view.frames.refs()
            wanted = stack_of(files, view.study_uid, refs)
            with subject.listening():
                got = stack_of(session, view.study_uid, refs)
            backwards = stack_of(session, view.study_uid, refs[::-1])[::-1]
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
        locations = locations_of(session)
        wanted = bytes_of(fetched(subject, session, locations))
        shuffled = list(locations)
        random.Random(5).shuffle(shuffled)
        check_same_bytes(wanted, bytes_of(fetched(subject, session, locations[::-1])), "in reversed order")
        check_same_bytes(wanted, bytes_of(fetched(subject, session, shuffled)), "shuffled")
        for one in locations[:3]:
            check_same_bytes(wanted, bytes_of(fetched(subject, session, [one])), "asked for alone")


def duplicates_are_answered_alike(subject: ServiceSubject) -> None:
    """A location that comes twice gets the same bytes each time, and costs the others nothing.

    Contract: `Fetcher.fetch`.
    """
    with subject.indexed() as (session, _):
        locations = locations_of(session)
        results = fetched(subject, session, [*locations, locations[0]])
        require(set(results) == {one.ref for one in locations}, unanswered(locations, results))
        first = results[locations[0].ref]
        require(all(answer.error is None for answer in first), f"asked for twice, a frame fails: {first[0].error}")
        require(len({bytes(answer.data or b"") for answer in first}) == 1, "one frame is answered by different bytes")


def threads_may_fetch_at_once(subject: ServiceSubject) -> None:
    """`fetch` is called from several threads at once and gives the same bytes as from one.

    Contract: `Fetcher`.
    """
    with subject.indexed() as (session, _):
        locations = locations_of(session)
        alone: Forms = {}
        for one in locations:
            alone.update(bytes_of(fetched(subject, session, [one])))
        worker, context = subject.worker(), context_of(subject, session)
        with subject.listening(), ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda one: list(worker.fetch([one], context)), [*locations, *locations]))
        for answer in (one for answered in answers for one in answered):
            require(answer.error is None, f"{name_of(answer.ref)} fails among threads: {answer.error}")
            same = bytes(answer.data or b"") == alone[answer.ref, answer.media_type]
            require(same, f"{name_of(answer.ref)} has other bytes among threads")


def one_lost_frame_costs_nothing_else(subject: ServiceSubject) -> None:
    """A location where nothing is becomes an error value that says what and where; all others arrive.

    Contract: `Fetcher.fetch`: failures are error values, not exceptions.
    """
    with subject.indexed() as (session, _):
        locations = locations_of(session)
        place = len(locations) // 2
        lost = subject.host.lost(locations[place])
        results = fetched(subject, session, [*locations[:place], lost, *locations[place + 1 :]])
        answer = results.get(lost.ref, [])
        require(len(answer) == 1, f"a lost frame is answered {len(answer)} times")
        require(isinstance(answer[0].error, DicomLogicError), f"a lost frame is answered by {answer[0].error!r}")
        for one in (*locations[:place], *locations[place + 1 :]):
            good = results.get(one.ref, [])
            require(good and good[0].error is None, f"beside a lost frame, {name_of(one.ref)} does not arrive")


def buffers_are_given_back(subject: ServiceSubject) -> None:
    """Bytes that were read into a buffer of the context are given as that buffer; nothing is longer than its frame.

    Contract: `FetchContext.buffer`.
    """
    with subject.indexed() as (session, _):
        locations = locations_of(session)
        lent: dict[Ref, memoryview] = {}

        def buffer(ref: Ref, size: int) -> memoryview | None:
            return lent.setdefault(ref, memoryview(bytearray(size)))

        wanted = bytes_of(fetched(subject, session, locations))
        sizes = {one.ref: one.native_size for one in locations}
        for ref, answers in fetched(subject, session, locations, buffer=buffer).items():
            for answer in answers:
                got = bytes(answer.data or b"")
                require(got == wanted[ref, answer.media_type], f"{name_of(ref)} has other bytes when a buffer is lent")
                require(ref not in lent or bytes(lent[ref]) == got, f"the buffer lent for {name_of(ref)} is not filled")
                native = not answer.media_type.startswith("application/dicom") and isinstance(ref, FrameRef)
                limit = sizes[ref] if native and ref in lent else 0
                require(
                    not limit or len(got) <= limit, f"{name_of(ref)} brings {len(got)} bytes, its frame has {limit}"
                )


def cancel_stops_fetching(subject: ServiceSubject) -> None:
    """When the caller wants it to stop, fetching a batch ends or raises Cancelled; it raises nothing else.

    Contract: `WorkContext.cancelled`.
    """
    with subject.indexed() as (session, _):
        try:
            fetched(subject, session, locations_of(session), cancel=lambda: True)
        except Cancelled:
            pass
        except Exception as error:
            raise Broken(f"cancelled, fetch raises {described(error)}") from error
        view = next(views_of(session))
        try:
            stack_of(session, view.study_uid, view.frames.refs(), cancel=lambda: True)
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
            locations = locations_of(session)
        worker = subject.worker()
        context = FetchWork(Work(options=subject.quick()), lambda ref, size: None)
        only_typed(subject, worker, locations, context, "without a connection")


def short_pixels_are_told(subject: ServiceSubject) -> None:
    """Pixel data that ends before its frames do is an error of the loading, never an array with less in it.

    Contract: `Fetcher.fetch`; docs/explanation/reliability.md.
    """
    folder = subject.new_folder()
    phantoms.tricky(12, folder)
    with subject.indexed(folder) as (session, _):
        for view in views_of(session):
            must_fail(session, view, "of which a file is cut short")


def cut_bodies_are_told(subject: ServiceSubject) -> None:
    """An answer that ends early is an error of the loading, never an array with less in it.

    Contract: `Fetcher.fetch`; docs/explanation/reliability.md.
    """
    with subject.indexed() as (session, location):
        session.clients.name(location, subject.quick())
        subject.host.cut_bodies()
        must_fail(session, next(views_of(session)), "whose answers are cut")


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
            context = context_of(subject, session)
            told = only_typed(subject, subject.worker(), locations_of(session), context, "of a service that is gone")
        require(told, "frames arrive from a service that is gone")


def secrets_are_in_no_error(subject: ServiceSubject) -> None:
    """The secret that a location needs is in no result, error, repr or printed text.

    Contract: docs/howto/credentials.md; secrets are references.
    """
    if not subject.secrets:
        raise NotApplicable(NO_SECRET)
    with subject.indexed() as (session, _):
        locations = locations_of(session)
        results = fetched(subject, session, [subject.host.lost(locations[0]), *locations])
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
