"""Real world value mappings inside the images themselves: of single slices, and of the frames of enhanced objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core import InstanceRef, SeriesView
from dicomlogic_pet_ct.rwvm import ValueMapping, mappings_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset

_SEQUENCE = "RealWorldValueMappingSequence"


def embedded_quantities(series: SeriesView, rows: Sequence[int]) -> list[str]:
    """The quantities that every instance of the frames maps to; of an enhanced object as its first frame says."""
    instances = dict.fromkeys(series.frames.instance[list(rows)].tolist())
    kept = series.items(_SEQUENCE)
    found = [[one.quantity for one in mappings_of(kept[instance] or ())] for instance in instances]
    if not found:
        return []
    return [quantity for quantity in dict.fromkeys(found[0]) if quantity and all(quantity in one for one in found)]


def embedded_slopes(
    series: SeriesView, rows: Sequence[int], quantity: str, dataset: Callable[[InstanceRef], Dataset]
) -> NDArray[np.float64]:
    """(n,) slopes of frames, NaN where none is given; whole headers are read of multi-frame objects only."""
    instance, number = series.frames.instance, series.frames.frame
    kept = series.items(_SEQUENCE)
    counts = series.columns.frame_counts
    known: dict[int, list[float]] = {}
    slopes = np.full(len(rows), nan)
    for place, row in enumerate(rows):
        one = int(instance[row])
        if one not in known:
            if counts[one] > 1:
                known[one] = _of_frames(dataset(series.instance(one)), quantity)
            else:
                known[one] = [_slope(mappings_of(kept[one] or ()), quantity)]
        frame = int(number[row]) - 1
        if frame < len(known[one]):
            slopes[place] = known[one][frame]
    return slopes


def _of_frames(dataset: Dataset, quantity: str) -> list[float]:
    shared = dataset.get("SharedFunctionalGroupsSequence") or [None]
    common = _items(shared[0]) or _items(dataset)
    frames = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    return [_slope(mappings_of(_items(frame) or common), quantity) for frame in frames]


def _items(dataset: Dataset | None) -> list[dict[str, Any]]:
    items = () if dataset is None else dataset.get(_SEQUENCE) or ()
    return [item.to_json_dict() for item in items]


def _slope(mappings: Sequence[ValueMapping], quantity: str) -> float:
    """The one slope to a quantity; NaN for none, for several that differ, and beside an intercept."""
    slopes = {one.slope if one.intercept == 0 else nan for one in mappings if one.quantity == quantity}
    return slopes.pop() if len(slopes) == 1 else nan
