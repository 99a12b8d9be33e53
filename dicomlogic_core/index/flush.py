"""One batch of instances: what is new, what is known, what changed, and the four transactions that write it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dicomlogic_core.findings import Finding, finding
from dicomlogic_core.header.rows import HeaderRow, WantedTags
from dicomlogic_core.index import blocks, levels
from dicomlogic_core.index.blocks import Part
from dicomlogic_core.index.duplicates import Known, compare
from dicomlogic_core.index.marks import Mark, Marks
from dicomlogic_core.index.parents import Group, Parents
from dicomlogic_core.index.paths import folder_name, stored_name
from dicomlogic_core.index.remembered import forget, remember
from dicomlogic_core.index.result import Tally
from dicomlogic_core.index.store import Store
from dicomlogic_core.index.tagcache import TagRows
from dicomlogic_core.index.values import first_value, local_timestamp, utc_timestamp
from dicomlogic_core.references import Location


@dataclass(slots=True)
class Record:
    """One instance on its way into the database."""

    uid: str
    series_uid: str
    study_uid: str
    row: HeaderRow
    location: Location
    key: str
    version: str
    complete: bool
    short: bool = False

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return self.location.path or self.location.url or self.uid


class Flush:
    """Collects records and writes them."""

    def __init__(self, store: Store, wanted: WantedTags, marks: Marks, tags: TagRows, tally: Tally) -> None:
        self._store = store
        self._wanted = wanted
        self._marks = marks
        self._tags = tags
        self._tally = tally
        self._folder = folder_name(store.folder)
        self._positions = {key: number for number, key in enumerate(wanted.keys)}
        self._records: dict[str, Record] = {}
        self._orphans: list[HeaderRow] = []
        self._raw: list[tuple[bytes, set[str]]] = []
        self._pending: list[Mark] = []

    def __len__(self) -> int:
        return len(self._records)

    def add(self, record: Record) -> None:
        """Take an instance; a UID met again in this batch replaces the earlier one in its place."""
        earlier = self._records.get(record.uid)
        if earlier is not None:
            if earlier.row.texts != record.row.texts:
                self._conflict(record.uid, earlier.place, record.place)
            keep = (earlier.complete, not earlier.short) > (record.complete, not record.short)
            loser = record if keep else earlier
            if loser.key:
                self.add_mark(Mark(loser.key, loser.version, loser.series_uid))
            if keep:
                return
        self._records[record.uid] = record

    def add_orphan(self, row: HeaderRow) -> None:
        """Take an instance without a series: it makes patient and study rows only, as in CTK."""
        self._orphans.append(row)

    def add_raw(self, data: bytes, series_uids: set[str]) -> None:
        """Take raw headers of series whose instances were added."""
        self._raw.append((data, series_uids))

    def add_mark(self, mark: Mark) -> None:
        """Remember a visited key once everything before it is written."""
        self._pending.append(mark)

    def run(self) -> None:
        """Write the batch and begin the next."""
        if not (self._records or self._pending or self._orphans):
            return
        records, orphans, raw, marks = list(self._records.values()), self._orphans, self._raw, self._pending
        self._records, self._orphans, self._raw, self._pending = {}, [], [], []
        known = Known.of(self._store, [record.uid for record in records])
        changed = []
        for record in records:
            verdict = compare(self._store, self._wanted, known, record, self._marks.source_id)
            if verdict.conflict:
                self._conflict(record.uid, verdict.conflict, record.place)
            if verdict.write:
                changed.append(record)
            else:
                self._tally.skipped += 1
            if record.key:
                marks.append(Mark(record.key, record.version, record.series_uid))
        numbers = self._write_blocks(changed, raw)
        self._store.cache.write(
            lambda connection: self._tags.write(connection, ((record.uid, record.row) for record in changed))
        )
        self._store.main.write(lambda connection: self._write_rows(connection, changed, orphans, known))
        self._write_marks(marks, numbers)
        self._note_findings(changed)

    def end(self) -> None:
        """Keep the findings and note that the run reached its end."""

        def action(connection: sqlite3.Connection) -> None:
            remember(connection, self._marks.source_id, self._tally.findings)
            self._marks.finished(connection)

        self._store.own.write(action)

    # --- the four steps ----------------------------------------------------------------------------------------------

    def _write_blocks(self, records: Sequence[Record], raw: Sequence[tuple[bytes, set[str]]]) -> dict[str, int]:
        parts = _parts(records)
        if not parts:
            return {}

        def action(connection: sqlite3.Connection) -> dict[str, int]:
            numbers, before = blocks.series_ids(connection, parts)
            columns = blocks.keyset(connection, self._wanted.keys)
            source = self._marks.source_id
            for part in parts:
                number = numbers[part.series_uid]
                blocks.write_part(connection, part, self._wanted, series_id=number, source_id=source, keyset_id=columns)
                if part.series_uid in before:
                    blocks.drop_superseded(connection, number, source)
            for data, uids in raw:
                for uid in uids & numbers.keys():
                    blocks.write_raw(connection, data, series_id=numbers[uid], source_id=source)
            return numbers

        return self._store.own.write(action)

    def _write_rows(
        self, connection: sqlite3.Connection, records: Sequence[Record], orphans: Sequence[HeaderRow], known: Known
    ) -> None:
        inserted, updated = local_timestamp(), utc_timestamp()
        parents = Parents(connection, inserted, updated)
        for group in self._groups(records):
            parents.write(group)
        self._tally.touch(parents.touched)
        for group in self._orphan_groups(orphans):
            parents.write(group)
        connection.executemany(
            "INSERT INTO Images (SOPInstanceUID, Filename, URL, SeriesInstanceUID, InsertTimestamp,"
            " DisplayedFieldsUpdatedTimestamp) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (SOPInstanceUID) DO UPDATE SET Filename = coalesce(excluded.Filename, Filename),"
            " URL = CASE WHEN coalesce(excluded.URL, '') = '' THEN URL ELSE excluded.URL END,"
            " SeriesInstanceUID = excluded.SeriesInstanceUID, InsertTimestamp = excluded.InsertTimestamp,"
            " DisplayedFieldsUpdatedTimestamp = excluded.DisplayedFieldsUpdatedTimestamp",
            [(record.uid, *self._columns(record.location), record.series_uid, inserted, updated) for record in records],
        )
        parents.leave(known.moved(records))
        parents.recount()
        self._tally.instances += len(records)
        self._tally.findings += parents.touched.findings

    def _columns(self, location: Location) -> tuple[str | None, str | None]:
        """Filename and URL as CTK would store them."""
        if location.path is None:
            return None, location.url
        return stored_name(location.path, self._folder), location.url or ""

    def _write_marks(self, marks: Sequence[Mark], numbers: dict[str, int]) -> None:
        counts = dict(
            self._store.main.rows_in(
                "SELECT SeriesInstanceUID, count(*) FROM Images WHERE SeriesInstanceUID IN (?)"
                " GROUP BY SeriesInstanceUID",
                numbers,
            )
        )
        wanted = {mark.series_uid for mark in marks if mark.series_uid} - numbers.keys()
        found = dict(self._store.own.rows_in("SELECT series_uid, id FROM series WHERE series_uid IN (?)", wanted))

        def action(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "UPDATE series SET images = ? WHERE id = ?",
                [(counts.get(uid, 0), number) for uid, number in numbers.items()],
            )
            self._marks.write(connection, marks, numbers | found)
            forget(connection, self._marks.source_id, (mark.key for mark in marks))

        self._store.own.write(action)

    # --- helpers -----------------------------------------------------------------------------------------------------

    def _groups(self, records: Sequence[Record]) -> Iterator[Group]:
        """Records with the same parents together, in order of appearance."""
        id_place, name_place = self._positions[levels.PATIENT_ID], self._positions[levels.PATIENT_NAME]
        members: dict[tuple[str | None, str | None, str, str], list[HeaderRow]] = {}
        for record in records:
            texts = record.row.texts
            key = (texts[id_place], texts[name_place], record.study_uid, record.series_uid)
            members.setdefault(key, []).append(record.row)
        for (patient_id, name, study_uid, series_uid), rows in members.items():
            yield self._group(patient_id, name, study_uid, series_uid, rows)

    def _orphan_groups(self, rows: Sequence[HeaderRow]) -> Iterator[Group]:
        for row in rows:
            patient_id, name, study_uid = (
                row.texts[self._positions[key]] for key in (levels.PATIENT_ID, levels.PATIENT_NAME, levels.STUDY_UID)
            )
            yield self._group(patient_id, name, str(study_uid), "", [row])

    def _group(
        self, patient_id: str | None, name: str | None, study_uid: str, series_uid: str, rows: Sequence[HeaderRow]
    ) -> Group:
        # CTK's substitution: the study stands in for a missing PatientID, the PatientID for a missing name.
        number = first_value(patient_id) or study_uid
        return Group(
            patient_id=number,
            patient_name=first_value(name) or number,
            study_uid=study_uid,
            series_uid=series_uid,
            texts=_Distinct(self._positions, rows),
        )

    def _conflict(self, uid: str, old: str, new: str) -> None:
        self._tally.findings.append(
            finding("index.duplicate-conflict", f"{uid} came with different content", where=(old, new))
        )

    def _note_findings(self, records: Sequence[Record]) -> None:
        """Findings of elements, one per kind with the instances it concerns."""
        gathered: dict[Finding, list[str]] = {}
        for record in records:
            for item in record.row.findings:
                gathered.setdefault(item, []).append(record.place)
        for item, places in gathered.items():
            where = item.where or tuple(places[:10])
            more = f" (and {len(places) - 10} more)" if len(places) > 10 and not item.where else ""
            self._tally.findings.append(
                Finding(
                    code=item.code, severity=item.severity, message=item.message + more, where=where, remedy=item.remedy
                )
            )


class _Distinct:
    """The distinct texts of a column over some rows, in order of appearance."""

    def __init__(self, positions: dict[str, int], rows: Sequence[HeaderRow]) -> None:
        self._positions = positions
        self._rows = rows

    def __call__(self, key: str) -> Sequence[str | None]:
        place = self._positions.get(key)
        return [None] if place is None else list(dict.fromkeys([row.texts[place] for row in self._rows]))


def _parts(records: Sequence[Record]) -> list[Part]:
    """Records by series, and by whether their headers are complete."""
    parts: dict[tuple[str, bool], Part] = {}
    for record in records:
        part = parts.get((record.series_uid, record.complete))
        if part is None:
            part = Part(record.series_uid, record.study_uid, [], [], [], record.complete)
            parts[record.series_uid, record.complete] = part
        part.sop_uids.append(record.uid)
        part.rows.append(record.row)
        part.locations.append(record.location)
    return list(parts.values())
