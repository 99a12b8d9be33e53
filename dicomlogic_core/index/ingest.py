"""Ingest: what a source delivers becomes rows, in batches of which all or nothing is kept.

Order of writing, each its own transaction: column blocks and raw headers, tag cache, CTK's tables, marks. A run that is
killed between two of them leaves rows nobody points to, and the next run replaces them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from dicomlogic_core.contracts import Failure, HeaderBatch, Unchanged
from dicomlogic_core.errors import DatabaseError, DicomLogicError, UsageError
from dicomlogic_core.findings import Finding, finding
from dicomlogic_core.header.part10 import Part10Reader
from dicomlogic_core.header.rows import HeaderRow, WantedTags
from dicomlogic_core.header.wanted import TAG_CACHE, TAG_CACHE_ALWAYS
from dicomlogic_core.index.blocks import column_names
from dicomlogic_core.index.filters import RowFilter
from dicomlogic_core.index.flush import Flush
from dicomlogic_core.index.levels import SERIES_UID, SOP_UID, STUDY_UID
from dicomlogic_core.index.marks import Mark, Marks
from dicomlogic_core.index.paths import folder_name, placement
from dicomlogic_core.index.records import Record
from dicomlogic_core.index.result import IndexResult, Tally
from dicomlogic_core.index.store import Store
from dicomlogic_core.index.tagcache import TagRows
from dicomlogic_core.references import InstanceRef, Location

if TYPE_CHECKING:
    from dicomlogic_core.header.dicomjson import JsonReader

BATCH_INSTANCES = 4096

TAG_LISTS: Mapping[str, Sequence[str]] = {"slicer": TAG_CACHE, "displayed": TAG_CACHE_ALWAYS, "off": ()}
"""Values of the `tag_cache` setting: 98 tags, the 40 that CTK adds itself, or none (cohorts of millions)."""

_NOT_DATA = frozenset({"file.not-dicom", "file.dicomdir"})


class Ingest:
    """Takes the items of one scan. Call `add` for each, then `finish`.

    Args:
        wanted: the columns to keep.
        provider: name of the source's provider.
        location: as the user named it; stored without userinfo and query.
        where: keyword -> value; instances that do not match are passed over.
        tag_cache: ``slicer``, ``displayed`` or ``off``, or the keys themselves.

    Raises:
        DatabaseError: the database is read-only, locked, or full.
        UsageError: an unknown `tag_cache`.
    """

    def __init__(
        self,
        store: Store,
        wanted: WantedTags,
        *,
        provider: str,
        location: str,
        where: Mapping[str, str] | None = None,
        tag_cache: str | Sequence[str] = "slicer",
    ) -> None:
        if store.read_only:
            raise DatabaseError(
                "the database was opened for reading only", where=str(store.folder), remedy="open it for writing"
            )
        if isinstance(tag_cache, str) and tag_cache not in TAG_LISTS:
            raise UsageError(f"tag-cache={tag_cache} is unknown", remedy=f"use one of {', '.join(TAG_LISTS)}")
        tags = TAG_LISTS[tag_cache] if isinstance(tag_cache, str) else tag_cache
        self._wanted = wanted
        self._marks = Marks(store, provider, location, column_names(wanted))
        self._tally = Tally()
        self._flush = Flush(store, wanted, self._marks, TagRows(wanted, tags), self._tally)
        self._tally.findings += [*store.findings, *placement(self._marks.location, folder_name(store.folder))]
        self._filter = RowFilter(wanted, where or {})
        self._part10 = Part10Reader(wanted)
        self._json: JsonReader | None = None
        positions = {key: number for number, key in enumerate(wanted.keys)}
        self._uid_places = (positions[SOP_UID], positions[SERIES_UID], positions[STUDY_UID])
        self._whole = True
        self._started = time.monotonic()

    @property
    def done(self) -> int:
        """Instances taken so far, new or known."""
        return self._tally.instances + self._tally.skipped + self._flush.waiting

    def known(self, key: str) -> str | None:
        """The version that a key was indexed with; None when it has to be read."""
        return self._marks.known(key)

    def add(self, item: HeaderBatch | Failure | Unchanged) -> None:
        """Take one item; writes when enough came together.

        Raises:
            DatabaseError: the database cannot be written.
        """
        if isinstance(item, Unchanged):
            self._tally.skipped += item.count
        elif isinstance(item, Failure):
            self._fail(item.location, item.error, item.key, item.version, skipped=item.skipped)
        else:
            self._add_batch(item)
            if len(self._flush) >= BATCH_INSTANCES:
                self._flush.run()

    def finish(self, findings: Sequence[Finding] = ()) -> IndexResult:
        """Write what is left and say what was done.

        Raises:
            DatabaseError: the database cannot be written.
        """
        self._tally.findings += findings
        self._flush.end()
        return self._tally.result(time.monotonic() - self._started)

    # --- headers -----------------------------------------------------------------------------------------------------

    def _add_batch(self, batch: HeaderBatch) -> None:
        met: set[str] = set()
        parsed = self._read_part10(batch) if batch.form == "part10" else self._read_json(batch)
        for number, row in parsed:
            key = batch.keys[number] if number < len(batch.keys) else ""
            version = batch.versions[number] if number < len(batch.versions) else ""
            if isinstance(row, DicomLogicError):
                place = self._place(batch, number)
                self._fail(place, row, key, version, skipped=row.code in _NOT_DATA)
                self._whole &= row.code in _NOT_DATA
            elif self._filter.matches(row):
                series_uid = self._take(batch, number, row, key, version)
                self._whole &= bool(series_uid)
                met.add(series_uid)
            else:
                self._whole = False
        met.discard("")
        if batch.form == "json" and met:
            self._flush.add_raw(_joined(batch.headers), met)
        if batch.series_uid:
            # A series comes in pages; with something refused or filtered out in one of them it is asked for again.
            if self._whole:
                self._flush.add_mark(Mark(batch.mark or f"series:{batch.series_uid}", batch.version, batch.series_uid))
            self._whole = True

    def _read_part10(self, batch: HeaderBatch) -> Iterator[tuple[int, HeaderRow | DicomLogicError]]:
        more = batch.more
        read = self._part10.read
        for number, head in enumerate(batch.headers):
            try:
                yield number, read(head, None if more is None else lambda size, number=number: more(number, size))  # type: ignore[misc]
            except DicomLogicError as error:
                yield number, error
            except OSError as error:
                yield number, _unreadable(error)

    def _read_json(self, batch: HeaderBatch) -> Iterator[tuple[int, HeaderRow | DicomLogicError]]:
        if self._json is None:
            from dicomlogic_core.header.dicomjson import JsonReader

            self._json = JsonReader(self._wanted)
        reader = self._json
        for number, data in enumerate(batch.headers):
            try:
                rows = reader.rows(data)
            except DicomLogicError as error:
                yield number, error
                continue
            for row in rows:
                yield number, row

    def _take(self, batch: HeaderBatch, number: int, row: HeaderRow, key: str, version: str) -> str:
        """Keep one instance; its series UID, "" when it was refused."""
        texts = row.texts
        uid, series_uid, study_uid = (texts[place] or "" for place in self._uid_places)
        if not study_uid or not uid or not series_uid:
            missing = "StudyInstanceUID" if not study_uid else "SOPInstanceUID" if not uid else "SeriesInstanceUID"
            error = DicomLogicError(
                f"{missing} is missing",
                code="index.missing-uid",
                where=self._place(batch, number),
                remedy="repair the header, then index again",
            )
            self._fail(error.where, error, key, version)
            if study_uid and uid:
                self._flush.add_orphan(row)
            return ""
        ref = InstanceRef(study_uid=study_uid, series_uid=series_uid, sop_uid=uid)
        location = _locate(batch, number, ref, row.has_pixels)
        short = number < len(batch.sizes) and _is_short(row, batch.sizes[number])
        self._flush.add(Record(uid, series_uid, study_uid, row, location, key, version, batch.complete, short))
        return series_uid

    def _place(self, batch: HeaderBatch, number: int) -> str:
        if number < len(batch.keys):
            return batch.keys[number]
        return f"series {batch.series_uid}" if batch.series_uid else self._marks.location

    def _fail(self, place: str, error: DicomLogicError, key: str, version: str, *, skipped: bool = False) -> None:
        if skipped:
            self._tally.skipped += 1
            if error.code == "file.dicomdir":
                self._tally.findings.append(finding("file.dicomdir", error.message, where=(place,)))
        else:
            self._tally.fail(place, error)
        if key:
            self._flush.add_mark(Mark(key, version, code=error.code, retry=not skipped))


def _locate(batch: HeaderBatch, number: int, ref: InstanceRef, has_pixels: bool) -> Location:
    if batch.locate is not None:
        return batch.locate(ref.study_uid, ref.series_uid, ref.sop_uid, has_pixels)
    if len(batch.locations) == len(batch.headers):
        return batch.locations[number]
    for location in batch.locations:
        if isinstance(location.ref, InstanceRef) and location.ref.sop_uid == ref.sop_uid:
            return location
    return Location(ref=ref)


def _is_short(row: HeaderRow, size: int) -> bool:
    """True when a file ends before its header or its native pixels do."""
    if row.pixel_offset is not None and row.pixel_length is not None:
        return row.pixel_offset + row.pixel_length > size
    return any(item.code == "file.truncated" for item in row.findings)


def _joined(headers: Sequence[bytes]) -> bytes:
    return headers[0] if len(headers) == 1 else b"[" + b",".join(headers) + b"]"


def _unreadable(error: OSError) -> DicomLogicError:
    return DicomLogicError(
        f"could not be read: {error.strerror or type(error).__name__}",
        code="file.unreadable",
        remedy="check its permissions, then index again",
    )
