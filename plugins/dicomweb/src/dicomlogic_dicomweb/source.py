"""The ``dicomweb`` source: studies and series by QIDO-RS, headers by WADO-RS metadata."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from dicomlogic_core import (
    Client,
    DicomLogicError,
    Failure,
    HeaderBatch,
    NetworkError,
    Query,
    Unchanged,
    UsageError,
    WebLocation,
    WorkContext,
    finding,
    keyword_of,
    split_url,
    tag_key,
)
from dicomlogic_dicomweb.elements import (
    MODALITY,
    PATIENT_ID,
    SERIES_INSTANCES,
    SERIES_UID,
    STUDY_SERIES,
    STUDY_UID,
    JsonObject,
    number,
    text,
)
from dicomlogic_dicomweb.metadata import SeriesEntry, SeriesHeaders
from dicomlogic_dicomweb.plugin import OPTIONS
from dicomlogic_dicomweb.qido import PAGE, Listing

_AT_ONCE = 3
_LOST_IN_A_ROW = 3
# Attributes that PS3.18 table 10.6.1-5 lets one match by, per level. The index applies the others to the headers.
_STUDY_FILTERS = (
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ModalitiesInStudy",
    "ReferringPhysicianName",
    "PatientName",
    "PatientID",
    "StudyInstanceUID",
    "StudyID",
)
_SERIES_FILTERS = ("Modality", "SeriesInstanceUID", "SeriesNumber")
# Those where a listing is to be trusted: plain text that servers do not rewrite.
_CHECKED = {
    "StudyInstanceUID": STUDY_UID,
    "SeriesInstanceUID": SERIES_UID,
    "PatientID": PATIENT_ID,
    "Modality": MODALITY,
}


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
        scan = _Scan(place, client, context, listing, _by_keyword(query.where))
        yield from scan.run(known)


class _Scan:
    """One scan: lists series ahead while the headers of a few are under way."""

    def __init__(
        self, place: WebLocation, client: Client, context: WorkContext, listing: Listing, where: Mapping[str, str]
    ) -> None:
        self._place = place
        self._client = client
        self._context = context
        self._listing = listing
        self._where = where
        self._headers = SeriesHeaders(client, context, listing)
        self._lost = 0

    def run(self, known: Callable[[str], str | None]) -> Iterator[HeaderBatch | Failure | Unchanged]:
        under_way: deque[tuple[SeriesEntry, Future[list[HeaderBatch]]]] = deque()
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="dicomweb-index")
        try:
            for entry in self._series():
                if isinstance(entry, Failure):
                    yield entry
                    continue
                if entry.count and not self._place.sop_uid and known(f"series:{entry.series_uid}") == entry.version:
                    yield Unchanged(count=entry.count)
                    continue
                under_way.append((entry, pool.submit(self._headers.batches, entry, self._place.sop_uid)))
                if len(under_way) > _AT_ONCE:
                    yield from self._finished(*under_way.popleft())
            while under_way:
                yield from self._finished(*under_way.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _finished(self, entry: SeriesEntry, future: Future[list[HeaderBatch]]) -> Iterator[HeaderBatch | Failure]:
        try:
            batches = future.result()
        except NetworkError as error:
            # A service that went away would cost five attempts for each remaining series.
            self._lost = self._lost + 1 if error.code == "network.unavailable" else 0
            if self._lost == _LOST_IN_A_ROW or error.code == "network.unauthorized":
                raise
            yield Failure(location=f"{self._client.base}/{entry.path}", error=error)
            return
        self._lost = 0
        yield from batches

    # --- listing -----------------------------------------------------------------------------------------------------

    def _series(self) -> Iterator[SeriesEntry | Failure]:
        if self._place.series_uid:
            yield self._named_series()
            return
        for study_uid, announced in self._studies():
            path = f"studies/{study_uid}/series"
            filters = self._filters(_SERIES_FILTERS)
            listed = 0
            try:
                for found in self._listing.entries(path, SERIES_UID, filters):
                    listed += 1
                    if self._agrees(found, _SERIES_FILTERS):
                        yield SeriesEntry(
                            study_uid=study_uid,
                            series_uid=text(found, SERIES_UID),
                            count=number(found, SERIES_INSTANCES),
                        )
                if listed < announced and not filters:
                    message = f"the server announced {announced} series of a study and listed {listed}"
                    self._context.report(finding("source.incomplete", message, where=(study_uid,)))
            except DicomLogicError as error:
                if self._place.study_uid or not isinstance(error, NetworkError) or error.code == "network.unavailable":
                    raise
                yield Failure(location=f"{self._client.base}/{path}", error=error)

    def _named_series(self) -> SeriesEntry:
        """The series the location names, with its count where the server lists it."""
        study_uid, series_uid = self._place.study_uid, self._place.series_uid
        count = 0
        try:
            filters = {"SeriesInstanceUID": series_uid}
            for found in self._listing.entries(f"studies/{study_uid}/series", SERIES_UID, filters):
                if text(found, SERIES_UID) == series_uid:
                    count = number(found, SERIES_INSTANCES)
                    break
        except NetworkError as error:
            if error.code in {"network.unavailable", "network.unauthorized"}:
                raise
        return SeriesEntry(study_uid=study_uid, series_uid=series_uid, count=count)

    def _studies(self) -> Iterator[tuple[str, int]]:
        """UIDs, and the number of series the server says the study has (0: it does not say)."""
        if self._place.study_uid:
            yield self._place.study_uid, 0
            return
        for found in self._listing.entries("studies", STUDY_UID, self._filters(_STUDY_FILTERS)):
            if self._agrees(found, _STUDY_FILTERS):
                yield text(found, STUDY_UID), number(found, STUDY_SERIES)

    def _filters(self, names: Sequence[str]) -> dict[str, str]:
        # Lists of UIDs are separated by commas in a query, by backslashes in DICOM.
        filters = {
            name: self._where[name].replace("\\", ",") if name.endswith("UID") else self._where[name]
            for name in names
            if name in self._where
        }
        if names is _STUDY_FILTERS and "Modality" in self._where:
            filters.setdefault("ModalitiesInStudy", self._where["Modality"])
        return filters

    def _agrees(self, found: JsonObject, names: Sequence[str]) -> bool:
        """False for what a server lists although a filter forbids it; many ignore filters they do not know."""
        for name in names:
            key = _CHECKED.get(name)
            if key and name in self._where and key in found:
                wanted = self._where[name]
                if not any(sign in wanted for sign in "*?\\,") and text(found, key) != wanted:
                    return False
        return True


def _by_keyword(where: Mapping[str, str]) -> dict[str, str]:
    return {keyword_of(tag_key(name)) or name: value for name, value in where.items()}


def _page_size(options: Mapping[str, str]) -> int:
    text = options.get("page", str(PAGE))
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise UsageError(f"option page must be a positive number, not {text!r}")
    return int(text)


def _check_options(options: Mapping[str, str]) -> None:
    for name in options:
        if name not in OPTIONS and not name.startswith("header."):
            raise UsageError(f"the DICOMweb source has no option {name}", remedy=f"it has {', '.join(sorted(OPTIONS))}")
