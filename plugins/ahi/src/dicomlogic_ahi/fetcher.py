"""The ``ahi`` fetcher: one request per frame, many at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dicomlogic_ahi.addresses import is_id, parse
from dicomlogic_ahi.service import Service
from dicomlogic_core import (
    Cancelled,
    DicomLogicError,
    FetchContext,
    FetchResult,
    FrameRef,
    Location,
    NetworkError,
    PixelError,
)

_SLACK = 64 << 10


class FrameFetcher:
    """Fetches frames. What came is judged where it is decoded: by its length, its end and its checksum."""

    def plan(self, locations: Sequence[Location]) -> Sequence[Sequence[Location]]:
        """Single frames: the service has nothing larger."""
        return [[location] for location in locations]

    def fetch(self, batch: Sequence[Location], context: FetchContext) -> Iterator[FetchResult]:
        """One result per location."""
        for location in batch:
            try:
                yield _frame(location, context)
            except Cancelled:
                raise
            except DicomLogicError as error:
                retryable = isinstance(error, NetworkError) and error.retryable
                yield FetchResult(ref=location.ref, error=error, retryable=retryable)


def _frame(location: Location, context: FetchContext) -> FetchResult:
    place = parse(location.url or "")
    if not isinstance(location.ref, FrameRef):
        raise PixelError(
            "AWS HealthImaging gives frames only, neither whole instances nor bulk values",
            code="network.no-form",
            where=location.ref.sop_uid,
            remedy="use its DICOMweb service, or the files",
        )
    frame_id = location.frame_id or (place.frame_id if location.ref.frame == 1 else "")
    if not is_id(frame_id):
        raise PixelError(
            "the image set names no such frame",
            code="pixels.missing",
            where=f"{location.ref.sop_uid} frame {location.ref.frame}",
            remedy="index the image set again",
        )
    service: Service = context.http(location.url or "")
    limit = 4 * location.native_size + _SLACK if location.native_size else 0
    answer = service.frame(place.datastore, place.image_set, frame_id, limit=limit, cancelled=context.cancelled)
    return FetchResult(
        ref=location.ref,
        data=answer.body,
        media_type=answer.content_type.partition(";")[0].strip(),
        transfer_syntax=location.transfer_syntax,
        # A frame that turns out to be damaged when it is decoded may arrive whole the next time.
        retryable=True,
    )
