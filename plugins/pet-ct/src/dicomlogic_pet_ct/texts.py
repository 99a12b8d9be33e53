"""Header texts of some frames: what they agree on, and what is inside the radiopharmaceutical item."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core import SeriesView, parse_number, tag_key

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomlogic_core import PrivateTag

_MOST_SHOWN = 4


class FrameTexts:
    """The frames of one stack, by row of the frame table."""

    def __init__(self, series: SeriesView, rows: Sequence[int]) -> None:
        self.series = series
        self.rows = [int(row) for row in rows]
        self._instances = frozenset(series.frames.instance[self.rows].tolist())
        self._isotopes: list[Mapping[str, Any]] | None = None

    def of_frames(self, tag: str | PrivateTag) -> list[str]:
        """One text per frame, "" where absent."""
        column = self.series.frames.text(tag)
        picked = [column[row] for row in self.rows]
        known = {text: (text or "").strip() for text in set(picked)}
        return [known[text] for text in picked]

    def numbers(self, tag: str | PrivateTag) -> NDArray[np.float64]:
        """(n,) one number per frame, NaN where absent or unreadable."""
        texts = self.of_frames(tag)
        known = {text: parse_number(text) for text in set(texts)}
        return np.array([known[text] for text in texts], dtype=np.float64)

    def distinct(self, tag: str | PrivateTag) -> list[str]:
        """The texts of an attribute that is the same in every frame of a proper series; numbers that are equal once.

        "" stands among them when only some frames have the attribute.
        """
        return _distinct(self.of_frames(tag))

    def of_isotope(self, keyword: str) -> list[str]:
        """The texts of an attribute of the radiopharmaceutical, over all items and instances.

        Converted objects may have it in their functional groups instead of in an item of the sequence.
        """
        texts = [_value(item, keyword) for item in self.isotopes()]
        return _distinct(texts) if any(texts) else self.distinct(keyword)

    def isotopes(self) -> list[Mapping[str, Any]]:
        """Items of RadiopharmaceuticalInformationSequence; equal ones that follow each other once."""
        if self._isotopes is None:
            self._isotopes = [item for item, _ in groupby(self._items("RadiopharmaceuticalInformationSequence"))]
        return self._isotopes

    def code(self, sequence: str) -> tuple[str, str]:
        """Value and meaning of the first code of a sequence inside the radiopharmaceutical; "" when absent."""
        for item in self.isotopes():
            first = _first_item(item, tag_key(sequence))
            if value := _value(first, "00080100"):
                return value, _value(first, "00080104")
        return "", ""

    def mapped(self) -> list[Mapping[str, Any]]:
        """The first item of the real world value mappings; none where there are none."""
        return list(islice(self._items("RealWorldValueMappingSequence"), 1))

    def shown(self, tag: str | PrivateTag) -> str:
        """The distinct texts of an attribute, for people."""
        texts = list(dict.fromkeys(self.of_frames(tag)))
        more = f" ... ({len(texts)} values)" if len(texts) > _MOST_SHOWN else ""
        return ", ".join(text or "absent" for text in texts[:_MOST_SHOWN]) + more if any(texts) else ""

    def _items(self, keyword: str) -> Iterator[Mapping[str, Any]]:
        """The items of a sequence, over the instances of the frames."""
        for instance, items in enumerate(self.series.items(keyword)):
            if instance in self._instances:
                yield from items or ()


def _first_item(item: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    items: Sequence[Any] = item.get(key, {}).get("Value") or ()
    return items[0] if items and isinstance(items[0], Mapping) else {}


def _value(item: Mapping[str, Any], tag: str) -> str:
    values = item.get(tag_key(tag), {}).get("Value") or ()
    return "\\".join("" if value is None else str(value) for value in values).strip()


def _distinct(texts: Sequence[str]) -> list[str]:
    found: dict[float | str, str] = {}
    for text in dict.fromkeys(texts):
        number = parse_number(text)
        found.setdefault(text if math.isnan(number) else number, text)
    return sorted(found.values())
