"""Locations to bytes: batches of a fetcher in a pool of threads, each result handed on where it arrives.

Decoding happens in the fetching thread, by the function results are handed to. What is retryable is asked once more
after the rest. Results for something that was not asked are ignored, and what was asked and did not come is an error.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dicomlogic_core.contracts import Fetcher, FetchResult, WorkContext
from dicomlogic_core.errors import Cancelled, DicomLogicError, NetworkError, PixelError, PluginError
from dicomlogic_core.findings import Finding
from dicomlogic_core.references import Location, Ref

if TYPE_CHECKING:
    from dicomlogic_core.registry import Registry

Buffer = Callable[[Ref, int], memoryview | None]
Deliver = Callable[[FetchResult], None]
"""Takes one result's data to where it belongs; raises DicomLogicError when the data is not what was asked for."""

Unpack = Callable[[FetchResult], Iterable[FetchResult]]
"""Splits an answer for a whole instance, data or error, into results for the frames wanted of it."""


@dataclass(frozen=True, slots=True)
class Request:
    """A location to fetch and what is wanted from it: its own reference, or frames of the instance there."""

    location: Location
    refs: tuple[Ref, ...]


class FetchWork:
    """Meets `FetchContext`: the work's context with a place for native frames."""

    def __init__(self, work: WorkContext, buffer: Buffer) -> None:
        self._work = work
        self.buffer = buffer
        self.options = work.options
        self.bulk_keys = work.bulk_keys
        self.cancelled = work.cancelled
        self.http = work.http

    def progress(self, done: int, total: int, what: str) -> None:
        """Transfer counts frames itself; what a fetcher tells goes no further."""

    def report(self, finding: Finding) -> None:
        """Record a finding."""
        self._work.report(finding)


class Transfer:
    """One transfer from one fetcher."""

    def __init__(
        self,
        name: str,
        fetcher: Fetcher,
        work: WorkContext,
        deliver: Deliver,
        *,
        unpack: Unpack | None = None,
        buffer: Buffer | None = None,
        concurrency: int = 8,
        what: str = "frames",
        broken: Callable[[Exception], PluginError] | None = None,
    ) -> None:
        self._name = name
        self._broken = broken or self._failure
        self._fetcher = fetcher
        self._work = work
        self._deliver = deliver
        self._unpack = unpack
        self._context = FetchWork(work, buffer or _no_buffer)
        self._concurrency = max(1, concurrency)
        self._what = what
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._pending: set[Ref] = set()
        self._wanted: frozenset[Ref] = frozenset()
        self._done = 0
        self._failed: dict[Ref, DicomLogicError] = {}
        self._retry: set[Ref] = set()
        self._total = 0

    def run(self, requests: Sequence[Request]) -> Mapping[Ref, DicomLogicError]:
        """Fetch everything; what failed in spite of a second try, with its error.

        Raises:
            Cancelled: the work was cancelled; at most one batch per thread was finished after that.
            PluginError: the fetcher broke its contract by raising something else than a DicomLogicError.
        """
        self._pending = {ref for request in requests for ref in request.refs}
        self._wanted = frozenset(self._pending)
        self._total = len(self._pending)
        self._run_batches(requests)
        again = [request for request in requests if not self._retry.isdisjoint(request.refs)]
        if again:
            self._pending = {ref for request in again for ref in request.refs if ref in self._failed}
            for ref in self._pending:
                self._failed.pop(ref, None)
            self._run_batches(again)
        return self._failed

    def _run_batches(self, requests: Sequence[Request]) -> None:
        try:
            batches = [batch for batch in self._fetcher.plan([request.location for request in requests]) if batch]
        except DicomLogicError:
            raise
        except Exception as error:  # a plugin's failure is told as such
            raise self._broken(error) from error
        if len(batches) <= 1 or self._concurrency == 1:
            for batch in batches:
                self._fetch(batch)
        else:
            self._run_pool(batches)
        for ref in self._pending:
            self._failed[ref] = PixelError(
                "the fetcher did not deliver it", code="pixels.missing", where=_where(ref), remedy="fetch it again"
            )
        self._pending = set()

    def _run_pool(self, batches: Sequence[Sequence[Location]]) -> None:
        workers = min(self._concurrency, len(batches))
        with ThreadPoolExecutor(workers, thread_name_prefix="dicomlogic-fetch") as pool:
            futures = [pool.submit(self._fetch, batch) for batch in batches]
            try:
                finished, _ = wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                # Also after an interrupt from the keyboard: threads stop after the result they are at.
                self._stop.set()
                for future in futures:
                    future.cancel()
        self._stop.clear()
        for future in finished:
            future.result()

    def _fetch(self, batch: Sequence[Location]) -> None:
        self._check_cancel()
        try:
            for result in self._fetcher.fetch(batch, self._context):
                for part in self._parts(result):
                    self._take(part, split=part is not result)
                if self._stop.is_set():
                    return
                self._check_cancel()
        except DicomLogicError as error:
            if isinstance(error, (Cancelled, PluginError)):
                raise
            self._fail_rest(batch, error)
        except Exception as error:  # a plugin's failure is told as such
            raise self._broken(error) from error
        self._work.progress(self._done, self._total, self._what)

    def _parts(self, result: FetchResult) -> Iterable[FetchResult]:
        return (result,) if self._unpack is None else self._unpack(result)

    def _take(self, result: FetchResult, *, split: bool = False) -> None:
        ref = result.ref
        with self._lock:
            if ref not in self._pending:
                # A whole instance or series brings more than was asked for; the same frame twice is another matter.
                if result.error is None and not split and ref in self._wanted and ref not in self._failed:
                    self._failed[ref] = PixelError(
                        "delivered twice; which answer is right is unknown",
                        code="pixels.missing",
                        where=_where(ref),
                        remedy="fetch it again",
                    )
                return
            self._pending.discard(ref)
        error = result.error
        if error is None and result.data is None:
            error = PixelError("no data came", code="pixels.missing", where=_where(ref), remedy="fetch it again")
        if error is None:
            try:
                self._deliver(result)
            except DicomLogicError as problem:
                error = problem
        if error is None:
            with self._lock:
                self._done += 1
            return
        if not error.where:
            error.where = _where(ref)
        with self._lock:
            self._failed[ref] = error
            if result.retryable:
                self._retry.add(ref)

    def _fail_rest(self, batch: Sequence[Location], error: DicomLogicError) -> None:
        retryable = isinstance(error, NetworkError) and error.retryable
        for location in batch:
            for part in self._parts(FetchResult(ref=location.ref, error=error, retryable=retryable)):
                self._take(part, split=True)

    def _check_cancel(self) -> None:
        if self._work.cancelled():
            self._stop.set()
            raise Cancelled("loading was stopped", remedy="load again")

    def _failure(self, error: Exception) -> PluginError:
        return PluginError(f"fetcher {self._name} failed: {error!r}"[:300], plugin=self._name, stage="fetch")


def _no_buffer(ref: Ref, size: int) -> None:
    return None


def transfer(
    requests: Sequence[Request],
    registry: Registry,
    work: WorkContext,
    deliver: Deliver,
    *,
    unpack: Unpack | None = None,
    buffer: Buffer | None = None,
    what: str = "frames",
) -> Mapping[Ref, DicomLogicError]:
    """Fetch requests with the fetchers of their schemes; what failed, with its error.

    Raises:
        UsageError: no fetcher handles a scheme.
        Cancelled, PluginError: see `Transfer.run`.
    """
    failed: dict[Ref, DicomLogicError] = {}
    for scheme in dict.fromkeys(request.location.scheme for request in requests):
        provider = registry.for_scheme("fetcher", scheme)
        one = Transfer(
            provider.name,
            registry.worker("fetcher", provider.name),
            work,
            deliver,
            unpack=unpack,
            buffer=buffer,
            concurrency=getattr(provider, "concurrency", 8),
            what=what,
            broken=partial(registry.error, "fetcher", provider.name, "fetch"),
        )
        failed.update(one.run([request for request in requests if request.location.scheme == scheme]))
    return failed


def raise_failures(failed: Mapping[Ref, DicomLogicError], total: int) -> None:
    """Raise what was not fetched: the error itself when there is one, else the first with the count.

    Raises:
        NetworkError, PixelError: frames could not be had.
    """
    if not failed:
        return
    first = next(iter(failed.values()))
    if len(failed) == 1:
        raise first
    message = f"{len(failed)} of {total} frames could not be had; the first: {first.message}"
    if isinstance(first, NetworkError):
        raise NetworkError(
            message, code=first.code, url=first.url, status=first.status, attempts=first.attempts, remedy=first.remedy
        ) from first
    raise PixelError(message, code=first.code, where=first.where, remedy=first.remedy) from first


def _where(ref: Ref) -> str:
    frame = getattr(ref, "frame", 0)
    return f"{ref.sop_uid} frame {frame}" if frame else ref.sop_uid
