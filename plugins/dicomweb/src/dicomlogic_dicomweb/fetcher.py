"""The ``dicomweb`` fetcher: a whole series in one request, frames of a multi-frame in lists, single frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from dicomlogic_core import (
    BulkRef,
    Cancelled,
    Client,
    DicomLogicError,
    FetchContext,
    FetchResult,
    FrameRef,
    Location,
    NetworkError,
    UsageError,
    WebLocation,
    split_url,
)
from dicomlogic_dicomweb import instances, part10
from dicomlogic_dicomweb.bulkrefs import bulk_value
from dicomlogic_dicomweb.frames import Ask, Frames
from dicomlogic_dicomweb.ladder import INSTANCE
from dicomlogic_dicomweb.offers import Memory

LIST = 10
"""Frames of a multi-frame object asked for by one request."""

_FEW = 4
_MOST_OF_IT = 0.8
_AT_ONCE = 8
_LOST_IN_A_ROW = 8


class DicomwebFetcher:
    """Meets `Fetcher`. What a server turns out to offer is remembered for the life of its client."""

    def __init__(self) -> None:
        self._frames = Frames()
        self._memory = Memory()

    def plan(self, locations: Sequence[Location]) -> Sequence[Sequence[Location]]:
        """A series as one batch when most of it is wanted, ten frames of a multi-frame, or one frame."""
        by_series: dict[tuple[str, str], list[Location]] = {}
        batches: list[list[Location]] = []
        for location in locations:
            if isinstance(location.ref, BulkRef):
                batches.append([location])
            else:
                by_series.setdefault((location.source, location.ref.series_uid), []).append(location)
        for group in by_series.values():
            batches += [group] if self._is_whole_series(group) else self._by_instance(group)
        return batches

    def fetch(self, batch: Sequence[Location], context: FetchContext) -> Iterator[FetchResult]:
        """One result per location; what cannot be had is an error value."""
        if len({location.ref.sop_uid for location in batch}) > 1:
            yield from self._series(batch, context)
        else:
            yield from self._instance(batch, context)

    def _is_whole_series(self, group: Sequence[Location]) -> bool:
        wanted = len({location.ref.sop_uid for location in group})
        total = group[0].series_instances
        return (
            self._memory.recall(group[0].source).series
            and wanted >= max(_FEW, _MOST_OF_IT * total)
            and total > 0
            # Multi-frame objects may be far larger than the frames that are wanted of them.
            and all(location.frames == 1 for location in group)
        )

    def _by_instance(self, group: Sequence[Location]) -> list[list[Location]]:
        by_instance: dict[str, list[Location]] = {}
        for location in group:
            by_instance.setdefault(location.ref.sop_uid, []).append(location)
        batches = []
        for frames in by_instance.values():
            # Where only whole instances are to be had, all frames come out of one.
            best = self._memory.recall(frames[0].source).best(frames[0])
            size = len(frames) if best == INSTANCE else LIST
            batches += [frames[start : start + size] for start in range(0, len(frames), size)]
        return batches

    # --- a series ----------------------------------------------------------------------------------------------------

    def _series(self, batch: Sequence[Location], context: FetchContext) -> Iterator[FetchResult]:
        waiting: dict[str, list[Location]] = {}
        for location in batch:
            waiting.setdefault(location.ref.sop_uid, []).append(location)
        try:
            place, client = _open(batch[0], context)
            url = f"{place.base}/studies/{place.study_uid}/series/{place.series_uid}"
            for part in instances.series(client, url, context.cancelled):
                for location in waiting.pop(part10.sop_uid(part.data), ()):
                    yield _instance_result(location, part.data)
                if not waiting:
                    break
        except NetworkError as error:
            if error.status in instances.NOT_THIS_FORM or error.status == 404:
                self._memory.meet(batch[0].source, client).series = False
            elif not error.retryable or error.code == "network.unavailable":
                yield from (_failed(location, error) for left in waiting.values() for location in left)
                return
        except UsageError as error:
            yield from (_failed(location, error) for location in batch)
            return
        # What the answer did not hold, because it broke off or the server has lost it, is asked for by itself.
        yield from self._each(self._by_instance([location for left in waiting.values() for location in left]), context)

    def _each(self, batches: Sequence[Sequence[Location]], context: FetchContext) -> Iterator[FetchResult]:
        """Many instances from within one batch, several requests at once."""
        lost: list[NetworkError] = []

        def one(batch: Sequence[Location]) -> list[FetchResult]:
            if len(lost) >= _LOST_IN_A_ROW:
                return [_failed(location, lost[-1]) for location in batch]
            results = list(self._instance(batch, context))
            error = results[0].error if results else None
            if isinstance(error, NetworkError) and error.code == "network.unavailable":
                lost.append(error)
            else:
                lost.clear()
            return results

        if not batches:
            return
        pool = ThreadPoolExecutor(min(_AT_ONCE, len(batches)), thread_name_prefix="dicomweb-frames")
        try:
            for results in pool.map(one, batches):
                yield from results
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    # --- one instance ------------------------------------------------------------------------------------------------

    def _instance(self, batch: Sequence[Location], context: FetchContext) -> Iterator[FetchResult]:
        try:
            place, client = _open(batch[0], context)
            url = WebLocation(
                base=place.base, study_uid=place.study_uid, series_uid=place.series_uid, sop_uid=place.sop_uid
            ).url
            results = self._results(client, url, batch, context)
        except Cancelled:
            raise
        except DicomLogicError as error:
            results = [_failed(location, error) for location in batch]
        yield from results

    def _results(self, client: Client, url: str, batch: Sequence[Location], context: FetchContext) -> list[FetchResult]:
        first = batch[0]
        if isinstance(first.ref, BulkRef):
            return [
                FetchResult(ref=first.ref, data=bulk_value(client, url, first.ref.path, context), media_type=_OCTETS)
            ]
        if not isinstance(first.ref, FrameRef):
            data = instances.instance(client, url, context.cancelled)
            return [_instance_result(location, data) for location in batch]
        numbers = sorted({_number(location) for location in batch})
        offers = self._memory.meet(first.source, client)
        ask = Ask(client=client, url=url, numbers=numbers, location=first, offers=offers, context=context)
        found = {frame.number: frame for frame in self._frames.get(ask)}
        return [
            FetchResult(
                ref=location.ref,
                data=found[_number(location)].data,
                media_type=found[_number(location)].media_type,
                transfer_syntax=found[_number(location)].transfer_syntax,
            )
            for location in batch
        ]


_OCTETS = "application/octet-stream"


def _number(location: Location) -> int:
    return location.ref.frame if isinstance(location.ref, FrameRef) else 1


def _open(location: Location, context: FetchContext) -> tuple[WebLocation, Client]:
    """The parts of a location's URL, which may come from a foreign database, and the client that may ask for it."""
    place = split_url(location.url or "")
    client: Client = context.http(location.url or "")
    if not place.sop_uid:
        raise UsageError(
            "the URL names no instance", code="usage.url", where=location.ref.sop_uid, remedy="index again"
        )
    return place, client


def _instance_result(location: Location, data: memoryview) -> FetchResult:
    return FetchResult(
        ref=location.ref, data=data, media_type="application/dicom", transfer_syntax=part10.transfer_syntax(data)
    )


def _failed(location: Location, error: DicomLogicError) -> FetchResult:
    return FetchResult(ref=location.ref, error=error, retryable=isinstance(error, NetworkError) and error.retryable)
