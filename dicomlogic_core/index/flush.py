"""Collects instances into batches: what is new, what is known, what changed, and when each is written."""

from __future__ import annotations

import sqlite3

from dicomlogic_core.findings import finding
from dicomlogic_core.header.rows import HeaderRow, WantedTags
from dicomlogic_core.index.duplicates import Known, compare
from dicomlogic_core.index.journal import show
from dicomlogic_core.index.marks import Mark, Marks
from dicomlogic_core.index.records import Record, element_findings
from dicomlogic_core.index.remembered import remember
from dicomlogic_core.index.result import Tally
from dicomlogic_core.index.steps import Background, Batch, Steps
from dicomlogic_core.index.store import Store
from dicomlogic_core.index.tagcache import TagRows


class Flush:
    """Takes records and writes them batch by batch.

    While the headers of one batch are read, the tag cache of the one before is written in the background; its images
    become visible when that is done.
    """

    def __init__(self, store: Store, wanted: WantedTags, marks: Marks, tags: TagRows, tally: Tally) -> None:
        self._store = store
        self._wanted = wanted
        self._marks = marks
        self._tally = tally
        self._steps = Steps(store, wanted, marks, tags)
        self._records: dict[str, Record] = {}
        self._orphans: list[HeaderRow] = []
        self._raw: list[tuple[bytes, set[str]]] = []
        self._pending: list[Mark] = []
        self._open: tuple[Batch, Background] | None = None

    def __len__(self) -> int:
        return len(self._records)

    @property
    def waiting(self) -> int:
        """Instances that are not visible in the database yet."""
        return len(self._records) + (len(self._open[0].records) if self._open else 0)

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
        """Begin to write what was collected.

        Raises:
            DatabaseError: the database cannot be written.
        """
        self._write(self._unfinished())

    def _write(self, later: str) -> None:
        """Write all but the series `later`, and finish the batch before."""
        self._settle()
        batch = self._take(later)
        if batch.records or batch.marks or batch.orphans:
            self._steps.write_blocks(batch)
            self._open = batch, Background(self._steps, batch)

    def _unfinished(self) -> str:
        """The series that is being read just now, unless it is large: a run that is killed leaves no half of it."""
        last = next(reversed(self._records.values()), None)
        if last is None:
            return ""
        count = sum(record.series_uid == last.series_uid for record in self._records.values())
        return last.series_uid if count <= len(self._records) // 2 else ""

    def _settle(self) -> None:
        """Finish the batch whose tags are being written."""
        if self._open is None:
            return
        (batch, background), self._open = self._open, None
        background.wait()
        touched = self._steps.write_rows(batch)
        self._steps.write_marks(batch)
        show(self._store.main)
        self._tally.instances += len(batch.records)
        if batch.records:
            self._tally.touch(touched)
        self._tally.findings += [*touched.findings, *element_findings(batch.records)]

    def _take(self, later: str) -> Batch:
        """What was collected, without the series `later` and without what the database has already."""
        records = [record for record in self._records.values() if not later or record.series_uid != later]
        marks = [mark for mark in self._pending if not later or mark.series_uid != later]
        batch = Batch([], self._orphans, self._raw, marks, Known.of(self._store, [record.uid for record in records]))
        self._orphans = []
        if later:
            self._records = {uid: record for uid, record in self._records.items() if record.series_uid == later}
            self._pending = [mark for mark in self._pending if mark.series_uid == later]
            self._raw = [(data, {later}) for data, uids in self._raw if later in uids]
        else:
            self._records, self._pending, self._raw = {}, [], []
        changed = []
        for record in records:
            verdict = compare(self._wanted, batch.known, record, self._marks.source_id)
            if verdict.conflict:
                self._conflict(record.uid, verdict.conflict, record.place)
            if verdict.write:
                changed.append(record)
            else:
                self._tally.skipped += 1
            if record.key:
                marks.append(Mark(record.key, record.version, record.series_uid))
        batch.records = changed
        return batch

    def end(self) -> None:
        """Write everything, keep the findings and note that the run reached its end.

        Raises:
            DatabaseError: the database cannot be written.
        """
        self._write("")
        self._settle()

        def action(connection: sqlite3.Connection) -> None:
            remember(connection, self._marks.source_id, self._tally.findings)
            self._marks.finished(connection)

        self._store.own.write(action)

    def _conflict(self, uid: str, old: str, new: str) -> None:
        self._tally.findings.append(
            finding("index.duplicate-conflict", f"{uid} came with different content", where=(old, new))
        )
