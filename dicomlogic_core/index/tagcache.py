"""Rows of ``ctkDICOMTagCache.sql``: what spares CTK and Slicer opening the files."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import chain

from dicomlogic_core.header.rows import NOT_STORED, HeaderRow, WantedTags
from dicomlogic_core.index.levels import PIXEL_DATA
from dicomlogic_core.tags import tag_vr

NOT_IN_INSTANCE = "__TAG_NOT_IN_INSTANCE__"

_VARIABLES = 999
"""Bound values per statement that every SQLite accepts; also about where more gains nothing."""


class TagRows:
    """Makes and writes the cache rows of instances, several instances per statement.

    Absent tags get rows too: the marker is what keeps CTK from reading the file.
    """

    def __init__(self, wanted: WantedTags, tags: Sequence[str]) -> None:
        positions = {key: number for number, key in enumerate(wanted.keys)}
        self._tags = sorted(tag for tag in tags if tag in positions)
        self._places = [positions[tag] for tag in self._tags]
        self._pixels = self._tags.index(PIXEL_DATA) if PIXEL_DATA in self._tags else None
        self._sequences = [number for number, tag in enumerate(self._tags) if tag_vr(tag) == "SQ"]
        self._together = max(1, _VARIABLES // max(1, 2 * len(self._tags)))

    def values(self, row: HeaderRow) -> list[str]:
        """The cached texts of an instance, in the order of the tags."""
        texts = row.texts
        values = [texts[place] or NOT_IN_INSTANCE for place in self._places]
        for number in self._sequences:
            values[number] = NOT_IN_INSTANCE
        if self._pixels is not None and row.has_pixels and row.pixel_key in ("", PIXEL_DATA):
            values[self._pixels] = NOT_STORED
        return values

    def write(self, connection: sqlite3.Connection, instances: Sequence[tuple[str, HeaderRow]]) -> None:
        """Insert or replace the rows of instances; sorted by UID they fill the table's tree from left to right."""
        if not self._tags:
            return
        whole = len(instances) - len(instances) % self._together
        for start, end, count in ((0, whole, self._together), (whole, len(instances), 1)):
            flat = (self._bound(uid, row) for uid, row in instances[start:end])
            connection.executemany(self._sql(count), map(tuple, map(chain.from_iterable, zip(*[flat] * count))))

    def _bound(self, uid: str, row: HeaderRow) -> list[str]:
        bound = [uid] * (2 * len(self._tags))
        bound[1::2] = self.values(row)
        return bound

    def _sql(self, count: int) -> str:
        # The UID is bound once per row: numbered parameters that share it are slow in Python 3.12.0 to 3.12.3, which
        # take them for named ones and warn about each.
        rows = ", ".join([f"(?, '{tag[:4]},{tag[4:]}', ?)" for tag in self._tags] * count)
        return f"INSERT OR REPLACE INTO TagCache (SOPInstanceUID, Tag, Value) VALUES {rows}"  # noqa: S608
