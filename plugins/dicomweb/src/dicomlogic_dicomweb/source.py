"""The ``dicomweb`` source: studies and series by QIDO-RS, headers by WADO-RS metadata."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from dicomlogic_core import (
    Client,
    Failure,
    HeaderBatch,
    NetworkError,
    Query,
    Unchanged,
    UsageError,
    WorkContext,
    split_url,
)
from dicomlogic_dicomweb.catalogue import Catalogue, SeriesEntry
from dicomlogic_dicomweb.filters import Filters
from dicomlogic_dicomweb.metadata import SeriesHeaders
from dicomlogic_dicomweb.plugin import OPTIONS
from dicomlogic_dicomweb.qido import PAGE, Listing

_AT_ONCE = 4
_AHEAD = 4
_LOST_IN_A_ROW = 3


class DicomwebSource:
    """Scans one service, or a study, series or instance of it."""

    def scan(
        self, query: Query, known: Callable[[str], str | None], context: WorkContext
    ) -> Iterator[HeaderBatch | Failure | Unchanged]:
        """One pass; series come in the order the server lists them.

        Keys are ``series:UID`` and versions the server's instance counts, so that a series that has grown is read again
        and an interrupted run goes on where it stopped.

        Raises:
            SourceError: the service cannot be listed, or is lost on the way.
            UsageError: an option or a filter that cannot be meant.
        """
        _check_options(query.options)
        client: Client = context.http(query.location)
        # Of dicomweb://LABEL/... the client knows what the label stands for.
        place = split_url(query.location, {query.location.partition("://")[2].partition("/")[0]: client.base})
        listing = Listing(client, context, _page_size(query.options))
        catalogue = Catalogue(place, client, context, listing, Filters(query.where))
        headers = SeriesHeaders(client, context, listing)
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="dicomweb-index")
        try:
            yield from _Scan(pool, catalogue, headers, client.base, place.sop_uid).run(known)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class _Scan:
    """One scan: listings of the next studies and headers of the next series are under way while others are indexed."""

    def __init__(
        self, pool: ThreadPoolExecutor, catalogue: Catalogue, headers: SeriesHeaders, base: str, sop_uid: str
    ) -> None:
        self._pool = pool
        self._catalogue = catalogue
        self._headers = headers
        self._base = base
        self._sop_uid = sop_uid
        self._lost = 0

    def run(self, known: Callable[[str], str | None]) -> Iterator[HeaderBatch | Failure | Unchanged]:
        """The items of the scan."""
        under_way: deque[tuple[SeriesEntry, Future[list[HeaderBatch]]]] = deque()
        for entry in self._series():
            if isinstance(entry, Failure):
                yield entry
            elif entry.count and not self._sop_uid and known(f"series:{entry.series_uid}") == entry.version:
                yield Unchanged(count=entry.count)
            else:
                under_way.append((entry, self._pool.submit(self._headers.batches, entry, self._sop_uid)))
                if len(under_way) > _AHEAD:
                    yield from self._finished(*under_way.popleft())
        while under_way:
            yield from self._finished(*under_way.popleft())

    def _series(self) -> Iterator[SeriesEntry | Failure]:
        under_way: deque[Future[list[SeriesEntry | Failure]]] = deque()
        for study in self._catalogue.studies():
            under_way.append(self._pool.submit(self._catalogue.series, study))
            if len(under_way) > _AHEAD:
                yield from under_way.popleft().result()
        while under_way:
            yield from under_way.popleft().result()

    def _finished(self, entry: SeriesEntry, future: Future[list[HeaderBatch]]) -> Iterator[HeaderBatch | Failure]:
        try:
            batches = future.result()
        except NetworkError as error:
            # A service that went away would cost five attempts for each remaining series.
            self._lost = self._lost + 1 if error.code == "network.unavailable" else 0
            if self._lost == _LOST_IN_A_ROW or error.code == "network.unauthorized":
                raise
            yield Failure(location=f"{self._base}/{entry.path}", error=error)
            return
        self._lost = 0
        yield from batches


def _page_size(options: Mapping[str, str]) -> int:
    text = options.get("page", str(PAGE))
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise UsageError(f"option page must be a positive number, not {text!r}")
    return int(text)


def _check_options(options: Mapping[str, str]) -> None:
    for name in options:
        if name not in OPTIONS and not name.startswith("header."):
            raise UsageError(f"the DICOMweb source has no option {name}", remedy=f"it has {', '.join(sorted(OPTIONS))}")
