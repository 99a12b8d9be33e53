"""The same SOPInstanceUID again: unchanged, changed, reduced, moved, or in conflict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicomlogic_core.header.rows import WantedTags
from dicomlogic_core.index import blocks
from dicomlogic_core.index.store import Store
from dicomlogic_core.references import InstanceRef

if TYPE_CHECKING:
    from dicomlogic_core.index.blocks import StoredBlock
    from dicomlogic_core.index.records import Record


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with an instance: write it or not, and the place it contradicts."""

    write: bool = True
    conflict: str = ""


_NEW = Verdict()


class Known:
    """Images rows that exist for the UIDs of a batch, and the headers they came with."""

    def __init__(self, store: Store, series_of: dict[str, str]) -> None:
        self._store = store
        self.series_of = series_of
        self._blocks: dict[str, Sequence[StoredBlock]] = {}
        self._places: dict[str, dict[str, list[tuple[int, int]]]] = {}

    @classmethod
    def of(cls, store: Store, uids: Sequence[str]) -> Known:
        """What the database has of these instances."""
        found = store.main.rows_in(
            "SELECT SOPInstanceUID, SeriesInstanceUID FROM Images WHERE SOPInstanceUID IN (?)", uids
        )
        return cls(store, {str(uid): str(series_uid) for uid, series_uid in found})

    def headers(self, uid: str) -> list[tuple[StoredBlock, int]]:
        """Where the headers of a known instance are, oldest first."""
        series_uid = self.series_of[uid]
        if series_uid not in self._blocks:
            self._blocks[series_uid], _ = blocks.read_series(self._store, series_uid)
            self._places[series_uid] = dict(blocks.places_of(self._blocks[series_uid]))
        found = self._places[series_uid].get(uid, [])
        return [(self._blocks[series_uid][number], row) for number, row in found]

    def moved(self, records: Iterable[Record]) -> set[str]:
        """Series that instances of a batch have left."""
        return {
            old
            for record in records
            if (old := self.series_of.get(record.uid)) is not None and old != record.series_uid
        }


def compare(wanted: WantedTags, known: Known, record: Record, source_id: int) -> Verdict:
    """Judge one instance against what the database has."""
    if record.uid not in known.series_of:
        return _NEW
    found = known.headers(record.uid)
    if not found:
        return _NEW  # a row of CTK's own, or one whose headers are damaged
    if not record.complete and any(stored.complete for stored, _ in found):
        return Verdict(write=False)
    ref = InstanceRef(study_uid=record.study_uid, series_uid=record.series_uid, sop_uid=record.uid)
    mine = [(stored, row) for stored, row in found if stored.source_id == source_id]
    stored, row = (mine or found)[-1]
    location = stored.block.location(row, ref)
    same_place = (location.path, location.url) == (record.location.path, record.location.url)
    same = blocks.same_header(wanted.keys, stored, row, record.row) and stored.complete == record.complete
    if same and same_place and known.series_of[record.uid] == record.series_uid:
        return Verdict(write=not stored.columns.issuperset(blocks.column_names(wanted)))
    # A file that is cut short says nothing against the whole one that is known.
    write = same_place or not record.short
    comparable = (location.path is None) == (record.location.path is None)
    if not same and not same_place and comparable:
        return Verdict(write=write, conflict=location.path or location.url or record.uid)
    return Verdict(write=write)
