"""Rows of ``ctkDICOMTagCache.sql``: what spares CTK and Slicer opening the files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from dicomlogic_core.header.rows import NOT_STORED, HeaderRow, WantedTags
from dicomlogic_core.index.levels import PIXEL_DATA
from dicomlogic_core.tags import tag_vr

NOT_IN_INSTANCE = "__TAG_NOT_IN_INSTANCE__"
EMPTY_STRING = "__VALUE_IS_EMPTY_STRING__"
MARKERS = frozenset({NOT_IN_INSTANCE, NOT_STORED, EMPTY_STRING})


class TagRows:
    """Makes and writes the cache rows of instances, one statement per instance.

    Absent tags get rows too: the marker is what keeps CTK from reading the file.
    """

    def __init__(self, wanted: WantedTags, tags: Sequence[str]) -> None:
        positions = {key: number for number, key in enumerate(wanted.keys)}
        self._tags = [tag for tag in tags if tag in positions]
        self._places = [positions[tag] for tag in self._tags]
        self._pixels = self._tags.index(PIXEL_DATA) if PIXEL_DATA in self._tags else None
        self._sequences = [number for number, tag in enumerate(self._tags) if tag_vr(tag) == "SQ"]
        rows = ", ".join(f"(?1, '{tag[:4]},{tag[4:]}', ?{number})" for number, tag in enumerate(self._tags, 2))
        self._sql = f"INSERT OR REPLACE INTO TagCache (SOPInstanceUID, Tag, Value) VALUES {rows}"  # noqa: S608

    def values(self, row: HeaderRow) -> list[str]:
        """The cached texts of an instance, in the order of the tags."""
        texts = row.texts
        values = [texts[place] or NOT_IN_INSTANCE for place in self._places]
        for number in self._sequences:
            values[number] = NOT_IN_INSTANCE
        if self._pixels is not None and row.has_pixels and row.pixel_key in ("", PIXEL_DATA):
            values[self._pixels] = NOT_STORED
        return values

    def write(self, connection: sqlite3.Connection, instances: Iterable[tuple[str, HeaderRow]]) -> None:
        """Insert or replace the rows of instances; sorted by UID the table's tree is filled from left to right."""
        if not self._tags:
            return
        # The sort key is the UID alone: header rows do not compare.
        ordered = sorted(instances, key=_uid)
        connection.executemany(self._sql, ((uid, *self.values(row)) for uid, row in ordered))


def _uid(instance: tuple[str, HeaderRow]) -> str:
    return instance[0]
