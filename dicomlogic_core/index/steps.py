"""The transactions that write a batch: column blocks, tag cache, CTK's tables, marks."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dicomlogic_core.header.rows import HeaderRow, WantedTags
from dicomlogic_core.index import blocks
from dicomlogic_core.index.counts import Touched, leave, recount
from dicomlogic_core.index.duplicates import Known
from dicomlogic_core.index.marks import Mark, Marks
from dicomlogic_core.index.parents import Parents
from dicomlogic_core.index.paths import folder_name, placement, stored_name
from dicomlogic_core.index.records import Record, groups, orphan_groups, parts
from dicomlogic_core.index.remembered import forget
from dicomlogic_core.index.store import Store
from dicomlogic_core.index.tagcache import TagRows
from dicomlogic_core.index.values import local_timestamp, utc_timestamp
from dicomlogic_core.references import Location

# The last one wins, but what it does not know is kept: a file and a URL of one instance stay together.
_UPSERT = (
    "INSERT INTO Images (SOPInstanceUID, Filename, URL, SeriesInstanceUID, InsertTimestamp,"
    " DisplayedFieldsUpdatedTimestamp) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (SOPInstanceUID) DO UPDATE SET Filename = coalesce(excluded.Filename, Filename),"
    " URL = CASE WHEN coalesce(excluded.URL, '') = '' THEN URL ELSE excluded.URL END,"
    " SeriesInstanceUID = excluded.SeriesInstanceUID, InsertTimestamp = excluded.InsertTimestamp,"
    " DisplayedFieldsUpdatedTimestamp = excluded.DisplayedFieldsUpdatedTimestamp"
)


@dataclass(slots=True)
class Batch:
    """What is written together.

    Attributes:
        records: new or changed instances.
        orphans: headers without a series.
        raw: headers as a server sent them, with the series they are of.
        marks: what was visited.
        known: rows that existed before.
        series: numbers of the series in ``dicomlogic.sql``, known after the first step.
    """

    records: Sequence[Record]
    orphans: Sequence[HeaderRow]
    raw: Sequence[tuple[bytes, set[str]]]
    marks: Sequence[Mark]
    known: Known
    series: dict[str, int] = field(default_factory=dict)


class Steps:
    """Writes batches into one store for one source."""

    def __init__(self, store: Store, wanted: WantedTags, marks: Marks, tags: TagRows) -> None:
        self._store = store
        self._wanted = wanted
        self._marks = marks
        self._tags = tags
        self._folder = folder_name(store.folder)
        self._shares_folder = bool(placement(marks.location, self._folder))
        self._positions = {key: number for number, key in enumerate(wanted.keys)}

    def write_blocks(self, batch: Batch) -> None:
        """Step 1: headers by column, and as they came."""
        found = parts(batch.records)
        if not found:
            return
        if self._shares_folder:
            for part in found:
                part.locations = [self._movable(location) for location in part.locations]

        def action(connection: sqlite3.Connection) -> dict[str, int]:
            numbers, before = blocks.series_ids(connection, found)
            columns = blocks.keyset(connection, blocks.column_names(self._wanted))
            source = self._marks.source_id
            for part in found:
                number = numbers[part.series_uid]
                blocks.write_part(connection, part, self._wanted, series_id=number, source_id=source, keyset_id=columns)
                if part.series_uid in before:
                    blocks.drop_superseded(connection, number, source)
            for data, uids in batch.raw:
                for uid in uids & numbers.keys():
                    blocks.write_raw(connection, data, series_id=numbers[uid], source_id=source)
            return numbers

        batch.series = self._store.own.write(action)

    def _movable(self, location: Location) -> Location:
        """A file inside the database folder is named from there, so that the folder can be moved as a whole."""
        if location.path is None:
            return location
        return replace(location, path=stored_name(location.path, self._folder))

    def write_tags(self, batch: Batch) -> None:
        """Step 2: the tag cache. Before step 3, since CTK never looks again at an image without cached tags."""
        if batch.records:
            instances = sorted((record.uid, number) for number, record in enumerate(batch.records))
            rows = [(uid, batch.records[number].row) for uid, number in instances]
            self._store.cache.write(lambda connection: self._tags.write(connection, rows))

    def write_rows(self, batch: Batch) -> Touched:
        """Step 3: images and their parents, displayed fields included."""
        return self._store.main.write(lambda connection: self._rows(connection, batch))

    def _rows(self, connection: sqlite3.Connection, batch: Batch) -> Touched:
        inserted, updated = local_timestamp(), utc_timestamp()
        parents = Parents(connection, inserted, updated)
        for group in groups(batch.records, self._positions):
            parents.write(group)
        for group in orphan_groups(batch.orphans, self._positions):
            parents.write(group)
        connection.executemany(
            _UPSERT,
            [
                (record.uid, *self._columns(record.location), record.series_uid, inserted, updated)
                for record in batch.records
            ],
        )
        leave(connection, batch.known.moved(batch.records), parents.touched)
        recount(connection, parents.touched)
        return parents.touched

    def _columns(self, location: Location) -> tuple[str | None, str | None]:
        """Filename and URL as CTK would store them."""
        if location.path is None:
            return None, location.url
        return stored_name(location.path, self._folder), location.url or ""

    def write_marks(self, batch: Batch) -> None:
        """Step 4: what was visited need not be visited again."""
        counts = self._counts(batch.series)
        wanted = {mark.series_uid for mark in batch.marks if mark.series_uid} - batch.series.keys()
        found = dict(self._store.own.rows_in("SELECT series_uid, id FROM series WHERE series_uid IN (?)", wanted))

        def action(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "UPDATE series SET images = ? WHERE id = ?",
                [(counts.get(uid, 0), number) for uid, number in batch.series.items()],
            )
            self._marks.write(connection, batch.marks, batch.series | found)
            forget(connection, self._marks.source_id, (mark.key for mark in batch.marks))

        self._store.own.write(action)

    def _counts(self, series: Mapping[str, int]) -> dict[str, int]:
        sql = "SELECT SeriesInstanceUID, count(*) FROM Images WHERE SeriesInstanceUID IN (?) GROUP BY SeriesInstanceUID"
        return dict(self._store.main.rows_in(sql, series))


class Background:
    """A step that runs in a thread of its own: SQLite works without the interpreter lock while headers are read."""

    def __init__(self, steps: Steps, batch: Batch) -> None:
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(steps, batch), daemon=True)
        self._thread.start()

    def _run(self, steps: Steps, batch: Batch) -> None:
        try:
            steps.write_tags(batch)
        except Exception as error:  # the thread that waits raises it
            self._error = error

    def wait(self) -> None:
        """Wait for the end of the step.

        Raises:
            DatabaseError: what the step raised.
        """
        self._thread.join()
        if self._error is not None:
            raise self._error
