"""Header columns seen differently: in another order, damaged, repeated, and noted. Each meets `Columns`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dicomlogic_core.contracts import Columns, TileGrid
from dicomlogic_core.references import Location
from dicomlogic_core.series import SeriesView

FrameText = Mapping[int, "str | Sequence[str | None]"]


class Picked:
    """Rows of other columns, in the given order; a row may come more than once, with a UID of its own each time."""

    def __init__(self, columns: Columns, rows: Sequence[int]) -> None:
        self._columns = columns
        self._rows = list(rows)
        self.study_uid = columns.study_uid
        self.series_uid = columns.series_uid
        met: set[int] = set()
        self.sop_uids: Sequence[str] = []
        for number, row in enumerate(self._rows):
            uid = columns.sop_uids[row]
            self.sop_uids.append(f"{uid[:50]}.{number}" if row in met else uid)
            met.add(row)
        self.frame_counts: Sequence[int] = [columns.frame_counts[row] for row in self._rows]
        self.grids: Mapping[int, TileGrid] = self._moved(columns.grids)
        self.missing_keys = columns.missing_keys

    def _moved(self, by_row: Mapping[int, Any]) -> dict[int, Any]:
        return {number: by_row[row] for number, row in enumerate(self._rows) if row in by_row}

    def text(self, key: str) -> Sequence[str | None]:
        """Texts of the picked rows."""
        column = self._columns.text(key)
        return [column[row] for row in self._rows]

    def frame_text(self, key: str) -> FrameText:
        """Texts of functional groups of the picked rows."""
        return self._moved(self._columns.frame_text(key))

    def items(self, key: str) -> Sequence[Sequence[Mapping[str, Any]] | None]:
        """Items of the picked rows."""
        column = self._columns.items(key)
        return [column[row] for row in self._rows]

    def locations(self, row: int) -> tuple[Location, ...]:
        """Locations of a picked row."""
        return self._columns.locations(self._rows[row])


class Damaged(Picked):
    """All rows, with something else in one column: a text for all instances, or for the first one only.

    `items` replaces the items of the column likewise; ``emptied`` takes away the values of every column.
    """

    def __init__(
        self,
        columns: Columns,
        key: str,
        text: str | None,
        *,
        items: Sequence[Mapping[str, Any]] | None = None,
        first_only: bool = False,
        emptied: bool = False,
    ) -> None:
        super().__init__(columns, range(len(columns.sop_uids)))
        self._key = key
        self._text = text
        self._items = items
        self._few = first_only
        self._emptied = emptied

    def _replaced(self, column: Sequence[Any], value: Any) -> Sequence[Any]:
        return [value, *column[1:]] if self._few else [value] * len(column)

    def text(self, key: str) -> Sequence[str | None]:
        """Texts, damaged or not."""
        if self._emptied:
            return [None] * len(self.sop_uids)
        column = super().text(key)
        return self._replaced(column, self._text) if key == self._key else column

    def frame_text(self, key: str) -> FrameText:
        """Texts of functional groups, damaged or not."""
        if self._emptied:
            return {}
        found = super().frame_text(key)
        if key != self._key or self._text is None:
            return {} if key == self._key else found
        rows = list(found)[: 1 if self._few else None]
        return {**found, **dict.fromkeys(rows, self._text)}

    def items(self, key: str) -> Sequence[Sequence[Mapping[str, Any]] | None]:
        """Items, damaged or not."""
        if self._emptied:
            return [None] * len(self.sop_uids)
        column = super().items(key)
        return self._replaced(column, self._items) if key == self._key else column


class Noted(Picked):
    """Rows of other columns that note which columns were asked for, in `asked`: one key per question."""

    def __init__(self, columns: Columns, rows: Sequence[int]) -> None:
        super().__init__(columns, rows)
        self.asked: list[str] = []

    def text(self, key: str) -> Sequence[str | None]:
        """Texts, noted."""
        self.asked.append(key)
        return super().text(key)

    def frame_text(self, key: str) -> FrameText:
        """Texts of functional groups, noted."""
        self.asked.append(key)
        return super().frame_text(key)

    def items(self, key: str) -> Sequence[Sequence[Mapping[str, Any]] | None]:
        """Items, noted."""
        self.asked.append(key)
        return super().items(key)


def view_of(columns: Columns, original: SeriesView) -> SeriesView:
    """A view of changed columns; whole headers are those of the original."""
    dataset: Callable[[str], Any] = lambda uid: original.dataset(list(original.sop_uids).index(uid))  # noqa: E731
    return SeriesView(columns, dataset=dataset)
