"""Axes that only an enhanced object's own dimension indices tell (PS3.3 C.7.6.17).

They are labels and no more: their numbers may be invalid, and say nothing about positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicomlogic_core import SeriesView, keyword_of, parse_number, same_partition
from dicomlogic_multi_volume.columns import Column, ordinal

# Where a frame lies is known from its position.
_OF_SPACE = frozenset(("00209056", "00209057", "00200032", "00200037", "0020930E", "0020930F", "00209113", "00189341"))


def dimension_columns(series: SeriesView, rows: NDArray[np.int64], known: Sequence[Column]) -> Iterator[Column]:
    """The dimensions that vary in `rows` and tell frames apart as no other column does."""
    texts = series.frames.text("DimensionIndexValues")
    picked = [texts[row] for row in rows.tolist()]
    if not all(picked):
        return
    pointers = _pointers(series)
    lists = [(text or "").split("\\") for text in picked]
    for number, pointer in enumerate(pointers):
        if pointer in _OF_SPACE or any(len(values) != len(pointers) for values in lists):
            continue
        numbers = np.array([parse_number(values[number]) for values in lists])
        if not np.isfinite(numbers).all() or (numbers == numbers[0]).all():
            continue
        _, codes = np.unique(numbers, return_inverse=True)
        codes = codes.reshape(-1).astype(np.int64)
        if not any(same_partition(codes, column.codes) for column in known):
            yield ordinal(f"index of {keyword_of(pointer)}", pointer, numbers.astype(np.int64), codes=codes)


def _pointers(series: SeriesView) -> list[str]:
    """What each dimension stands for, as GGGGEEEE; nothing when the objects of the series differ in that."""
    found = {
        tuple(str((item.get("00209165", {}).get("Value") or ("",))[0]).upper() for item in items)
        for items in _items(series)
    }
    return list(found.pop()) if len(found) == 1 else []


def _items(series: SeriesView) -> Iterator[Sequence[Mapping[str, Any]]]:
    return (items for items in series.items("DimensionIndexSequence") if items)
