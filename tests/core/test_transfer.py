"""Transfers: every reference is delivered once, retried once, or an error; threads, progress, cancel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from dicomlogic_core.contracts import FetchContext, FetchResult
from dicomlogic_core.errors import Cancelled, DicomLogicError, NetworkError, PixelError, PluginError
from dicomlogic_core.references import FrameRef, InstanceRef, Location, Ref
from dicomlogic_core.transfer import Request, Transfer, raise_failures
from dicomlogic_core.work import Work


def ref(number: int) -> FrameRef:
    return FrameRef(study_uid="1", series_uid="1.1", sop_uid=f"1.1.{number}")


def requests(count: int) -> list[Request]:
    return [Request(Location(ref=ref(n), url=f"http://host/{n}"), (ref(n),)) for n in range(count)]


Answer = Callable[[Location], Iterator[FetchResult]]


class Scripted:
    """A fetcher that answers by a function and remembers what it was asked."""

    def __init__(self, answer: Answer, size: int = 1) -> None:
        self.answer = answer
        self.size = size
        self.asked: list[Ref] = []
        self.lock = threading.Lock()
        self.running = self.most = 0

    def plan(self, locations: Sequence[Location]) -> Sequence[Sequence[Location]]:
        return [locations[start : start + self.size] for start in range(0, len(locations), self.size)]

    def fetch(self, batch: Sequence[Location], context: FetchContext) -> Iterator[FetchResult]:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            for location in batch:
                with self.lock:
                    self.asked.append(location.ref)
                yield from self.answer(location)
        finally:
            with self.lock:
                self.running -= 1


def good(location: Location) -> Iterator[FetchResult]:
    yield FetchResult(ref=location.ref, data=location.ref.sop_uid.encode())


def run(
    answer: Answer, count: int = 10, *, size: int = 1, concurrency: int = 1, work: Work | None = None, **given: Any
) -> tuple[dict[Ref, bytes], dict[Ref, DicomLogicError], Scripted]:
    """Delivered data, errors, and the fetcher."""
    got: dict[Ref, bytes] = {}

    def deliver(result: FetchResult) -> None:
        assert result.ref not in got
        got[result.ref] = bytes(result.data or b"")

    fetcher = Scripted(answer, size)
    one = Transfer("scripted", fetcher, work or Work(), deliver, concurrency=concurrency, **given)
    return got, dict(one.run(requests(count))), fetcher


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_everything_is_delivered_once(size: int, concurrency: int) -> None:
    got, failed, fetcher = run(good, 20, size=size, concurrency=concurrency)
    assert got == {ref(n): f"1.1.{n}".encode() for n in range(20)}
    assert not failed
    assert len(fetcher.asked) == 20
    assert fetcher.most <= concurrency


def test_batches_run_at_the_same_time_up_to_the_setting() -> None:
    gate = threading.Barrier(4, timeout=20)  # passes only when four batches are in flight together

    def wait(location: Location) -> Iterator[FetchResult]:
        gate.wait()
        yield from good(location)

    got, failed, fetcher = run(wait, 8, concurrency=4)
    assert len(got) == 8 and not failed and fetcher.most == 4


def test_retryable_errors_are_asked_once_more_after_the_rest() -> None:
    refused: set[Ref] = set()

    def once(location: Location) -> Iterator[FetchResult]:
        if location.ref in (ref(1), ref(5)) and location.ref not in refused:
            refused.add(location.ref)
            error = NetworkError("busy", code="network.unavailable", status=503, retryable=True)
            yield FetchResult(ref=location.ref, error=error, retryable=True)
        else:
            yield from good(location)

    got, failed, fetcher = run(once)
    assert len(got) == 10 and not failed
    assert fetcher.asked[10:] == [ref(1), ref(5)]


def test_what_fails_twice_or_is_final_stays_an_error() -> None:
    def answer(location: Location) -> Iterator[FetchResult]:
        if location.ref == ref(2):
            yield FetchResult(ref=location.ref, error=NetworkError("busy", status=503), retryable=True)
        elif location.ref == ref(3):
            yield FetchResult(ref=location.ref, error=NetworkError("gone", status=404))
        else:
            yield from good(location)

    got, failed, fetcher = run(answer)
    assert set(failed) == {ref(2), ref(3)} and len(got) == 8
    assert fetcher.asked.count(ref(2)) == 2 and fetcher.asked.count(ref(3)) == 1


@pytest.mark.parametrize(
    "silent",
    [lambda location: iter(()), lambda location: iter([FetchResult(ref=location.ref)])],
    ids=["no result", "no data"],
)
def test_what_does_not_come_is_missing(silent: Answer) -> None:
    def answer(location: Location) -> Iterator[FetchResult]:
        return silent(location) if location.ref == ref(4) else good(location)

    got, failed, _ = run(answer)
    assert set(failed) == {ref(4)} and len(got) == 9
    assert failed[ref(4)].code == "pixels.missing"
    assert "1.1.4" in failed[ref(4)].where


def test_the_same_frame_twice_is_an_error_since_one_of_them_is_another() -> None:
    def answer(location: Location) -> Iterator[FetchResult]:
        yield from good(location)
        if location.ref == ref(6):
            yield FetchResult(ref=ref(6), data=b"other")

    got, failed, _ = run(answer)
    assert set(failed) == {ref(6)} and failed[ref(6)].code == "pixels.missing"
    assert len(got) == 10


def test_what_nobody_asked_for_is_passed_over() -> None:
    def answer(location: Location) -> Iterator[FetchResult]:
        yield FetchResult(ref=ref(99), data=b"stranger")
        yield from good(location)

    got, failed, _ = run(answer)
    assert len(got) == 10 and not failed


def test_data_that_is_refused_is_that_frame_s_error() -> None:
    def deliver(result: FetchResult) -> None:
        if result.ref == ref(0):
            raise PixelError("short", code="pixels.short")

    failed = Transfer("scripted", Scripted(good), Work(), deliver).run(requests(3))
    assert {one: error.code for one, error in failed.items()} == {ref(0): "pixels.short"}
    assert "1.1.0" in failed[ref(0)].where


@pytest.mark.parametrize("concurrency", [1, 4])
def test_an_exception_of_the_fetcher_is_a_plugin_s_failure(concurrency: int) -> None:
    def answer(location: Location) -> Iterator[FetchResult]:
        if location.ref == ref(3):
            raise ZeroDivisionError("oops")
        yield from good(location)

    with pytest.raises(PluginError) as caught:
        run(answer, concurrency=concurrency)
    assert (caught.value.plugin, caught.value.stage) == ("scripted", "fetch")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_raised_error_of_ours_fails_the_batch_and_no_other() -> None:
    def answer(location: Location) -> Iterator[FetchResult]:
        if location.ref == ref(4):
            raise NetworkError("cut", code="network.truncated")
        yield from good(location)

    got, failed, _ = run(answer, 9, size=3)
    assert set(failed) == {ref(4), ref(5)} and len(got) == 7


@pytest.mark.parametrize("concurrency", [1, 2])
def test_cancel_stops_within_one_batch_of_each_thread(concurrency: int) -> None:
    stop = threading.Event()

    def answer(location: Location) -> Iterator[FetchResult]:
        if location.ref == ref(20):
            stop.set()
        yield from good(location)

    fetcher = Scripted(answer, 10)
    one = Transfer("scripted", fetcher, Work(cancel=stop.is_set), lambda result: None, concurrency=concurrency)
    with pytest.raises(Cancelled):
        one.run(requests(1000))
    assert len(fetcher.asked) <= 20 + 10 * concurrency + 1
    assert fetcher.running == 0


def test_progress_ends_at_the_total() -> None:
    told: list[tuple[int, int, str]] = []
    run(good, 25, size=4, concurrency=3, work=Work(on_progress=lambda *call: told.append(call)))
    assert told[-1] == (25, 25, "frames")
    assert all(done <= total for done, total, _ in told)


def test_a_whole_instance_is_split_and_its_other_frames_are_passed_over() -> None:
    whole = InstanceRef(study_uid="1", series_uid="1.1", sop_uid="1.1")

    def unpack(result: FetchResult) -> Iterator[FetchResult]:
        assert result.ref == whole
        for number in range(5):
            yield FetchResult(ref=ref(number), data=result.data, error=result.error)

    def answer(location: Location) -> Iterator[FetchResult]:
        yield FetchResult(ref=whole, data=b"all")
        yield FetchResult(ref=whole, data=b"again")

    got: list[Ref] = []
    one = Transfer("scripted", Scripted(answer), Work(), lambda result: got.append(result.ref), unpack=unpack)
    request = Request(Location(ref=whole, url="http://host"), (ref(1), ref(3)))
    assert not one.run([request])
    assert got == [ref(1), ref(3)]


def test_memory_stays_bounded_while_frames_stream() -> None:
    alive = most = 0

    class Data(bytes):
        def __init__(self, *_: object) -> None:
            nonlocal alive, most
            alive += 1
            most = max(most, alive)

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def answer(location: Location) -> Iterator[FetchResult]:
        yield FetchResult(ref=location.ref, data=Data(b"x" * 100))

    failed = Transfer("scripted", Scripted(answer, 50), Work(), lambda result: None).run(requests(500))
    assert not failed
    assert most <= 3


def test_failures_are_raised_once_with_their_number() -> None:
    raise_failures({}, 5)
    alone = PixelError("short", code="pixels.short", where="x", remedy="fetch")
    with pytest.raises(PixelError) as caught:
        raise_failures({ref(0): alone}, 5)
    assert caught.value is alone
    with pytest.raises(PixelError, match="2 of 5 frames could not be had; the first: short") as caught:
        raise_failures({ref(0): alone, ref(1): PixelError("b")}, 5)
    assert (caught.value.code, caught.value.where, caught.value.remedy) == ("pixels.short", "x", "fetch")
    network = NetworkError("down", code="network.unavailable", url="http://host", status=503)
    with pytest.raises(NetworkError, match="2 of 5") as network_error:
        raise_failures({ref(0): network, ref(1): alone}, 5)
    assert network_error.value.status == 503
