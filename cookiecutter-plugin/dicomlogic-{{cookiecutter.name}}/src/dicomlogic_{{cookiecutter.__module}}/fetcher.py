"""A fetcher over a small web service that gives whole instances: the core takes the frames out of them.

The service of this example answers

    GET ROOT/series/UID/instances/UID    a Part-10 file (PS3.10), application/dicom
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dicomlogic_core import (
    BulkRef,
    Cancelled,
    Client,
    DicomLogicError,
    FetchContext,
    FetchResult,
    Location,
    NetworkError,
    UsageError,
)


class {{ cookiecutter.__class }}:
    """Asks for every instance once, however many of its frames are wanted. Called from several threads at once."""

    def plan(self, locations: Sequence[Location]) -> Sequence[Sequence[Location]]:
        """A batch per instance."""
        batches: dict[str, list[Location]] = {}
        for location in locations:
            batches.setdefault(location.url or "", []).append(location)
        return list(batches.values())

    def fetch(self, batch: Sequence[Location], context: FetchContext) -> Iterator[FetchResult]:
        """One result per location; what cannot be had is an error value."""
        wanted = [location for location in batch if not isinstance(location.ref, BulkRef)]
        for location in batch:
            if isinstance(location.ref, BulkRef):
                error = UsageError("this service gives whole instances only", where=location.ref.sop_uid)
                yield FetchResult(ref=location.ref, error=error)
        try:
            data = self._instance(wanted[0].url or "", context) if wanted else b""
        except Cancelled:
            raise
        except DicomLogicError as error:
            again = isinstance(error, NetworkError) and error.retryable
            yield from (FetchResult(ref=location.ref, error=error, retryable=again) for location in wanted)
            return
        for location in wanted:
            yield FetchResult(ref=location.ref, data=data, media_type="application/dicom")

    def _instance(self, url: str, context: FetchContext) -> bytes | bytearray:
        client: Client = context.http(url)  # with the credentials of the source that the URL belongs to
        return client.get(url.partition("+")[2], "application/dicom", cancelled=context.cancelled).body
