"""What a source has delivered before: marks of visited files and series, so that running again resumes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from dicomlogic_core.errors import UsageError
from dicomlogic_core.header.block import folder_of
from dicomlogic_core.index.blocks import parse_names
from dicomlogic_core.index.store import Store
from dicomlogic_core.index.values import utc_now
from dicomlogic_core.urls import normalise_url, shown

_FOLDERS_KEPT = 16


@dataclass(frozen=True, slots=True)
class Mark:
    """One visited file or series.

    Attributes:
        key: the source's own, see `Source.scan`.
        version: what it had when it was read.
        series_uid: what it holds; "" when that is nothing.
        code: why it holds nothing, "" otherwise.
        retry: True when the next run should try again.
    """

    key: str
    version: str
    series_uid: str = ""
    code: str = ""
    retry: bool = False


def plain_location(location: str) -> str:
    """A location as it may be stored: without userinfo, query and fragment; an absolute path for files."""
    if location.lower().startswith("file:"):
        location = url2pathname(urlsplit(location).path)
    if "://" not in location:
        path = os.path.abspath(os.path.expanduser(location))  # noqa: PTH100, PTH111
        # A single file belongs to its folder: the folder is what its paths are judged by.
        return (os.path.dirname(path) if Path(path).is_file() else path).replace(os.sep, "/")
    bare = shown(location)
    try:
        return normalise_url(bare)
    except UsageError:  # of a scheme with rules of its own
        return bare


class Marks:
    """The marks of one source in `dicomlogic.sql`."""

    def __init__(self, store: Store, provider: str, location: str, columns: Sequence[str]) -> None:
        self.location = plain_location(location)
        self.source_id = store.own.write(lambda connection: _source(connection, provider, self.location))
        self._store = store
        self._lost = _series_with_lost_images(store) | _series_lacking(store, self.source_id, columns)
        # Walks come by folder: a few folders at a time keep the memory flat however many files there are.
        self._in_folder = lru_cache(maxsize=_FOLDERS_KEPT)(self._read_folder)

    def known(self, key: str) -> str | None:
        """The version a key was indexed with; None when it is new or must be read again."""
        folder = folder_of(key)
        return self._in_folder(folder).get(key[len(folder) :])

    def _read_folder(self, folder: str) -> dict[str, str]:
        found = self._store.own.rows(
            "SELECT name, version, series_id FROM mark WHERE source_id = ? AND folder = ? AND retry = 0",
            (self.source_id, folder),
        )
        return {name: version for name, version, series_id in found if series_id not in self._lost}

    def write(self, connection: sqlite3.Connection, marks: Iterable[Mark], series: dict[str, int]) -> None:
        """Store marks; `series` gives the number of every series UID in them."""
        connection.executemany(
            "INSERT OR REPLACE INTO mark (source_id, folder, name, version, series_id, code, retry)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    self.source_id,
                    folder := folder_of(mark.key),
                    mark.key[len(folder) :],
                    mark.version,
                    series.get(mark.series_uid),
                    mark.code or None,
                    int(mark.retry),
                )
                for mark in marks
            ],
        )

    def finished(self, connection: sqlite3.Connection) -> None:
        """Note that a run reached its end."""
        connection.execute("UPDATE source SET indexed = ? WHERE id = ?", (utc_now(), self.source_id))


def _source(connection: sqlite3.Connection, provider: str, location: str) -> int:
    connection.execute(
        "INSERT INTO source (provider, location, added) VALUES (?, ?, ?) ON CONFLICT (location) DO NOTHING",
        (provider, location, utc_now()),
    )
    return int(connection.execute("SELECT id FROM source WHERE location = ?", (location,)).fetchone()[0])


def _series_lacking(store: Store, source_id: int, columns: Sequence[str]) -> set[int]:
    """Series of a source that were kept when fewer columns were wanted, before a plugin was installed."""
    lacking = [
        number
        for number, kept in store.own.rows("SELECT id, keys FROM keyset")
        if not parse_names(kept).issuperset(columns)
    ]
    found = store.own.rows_in("SELECT DISTINCT series_id, source_id FROM block WHERE keyset_id IN (?)", lacking)
    return {series_id for series_id, source in found if source == source_id}


def _series_with_lost_images(store: Store) -> set[int]:
    """Series that have fewer images than we left there: somebody, Slicer for example, removed some."""
    counts = dict(store.main.rows("SELECT SeriesInstanceUID, count(*) FROM Images GROUP BY SeriesInstanceUID"))
    return {
        number
        for number, uid, images in store.own.rows("SELECT id, series_uid, images FROM series")
        if counts.get(uid, 0) < images
    }
