"""What readers of beams and channels share: points, binary numbers and control points in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_rt.elements import integer_of, items_of, numbers_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset


def point_of(dataset: Dataset, keyword: str) -> tuple[float, float, float] | None:
    """Three finite numbers of a DS element; None when it is anything else."""
    return _triple(numbers_of(dataset, keyword))


def point_of_binary(dataset: Dataset, keyword: str) -> tuple[float, float, float] | None:
    """Three finite numbers of an FL or FD element; None when it is anything else."""
    return _triple(numbers_of_binary(dataset, keyword))


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float] | None:
    if len(values) != 3 or not np.isfinite(values).all():
        return None
    x, y, z = values.tolist()
    return x, y, z


def ordered_points(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a control point sequence by ControlPointIndex; as stored when one of them has none."""
    items = items_of(dataset, keyword)
    numbers = [integer_of(item, "ControlPointIndex") for item in items]
    known = [number for number in numbers if number is not None]
    if len(known) != len(items):
        return items
    return [items[place] for place in sorted(range(len(items)), key=known.__getitem__)]


def numbers_of_binary(dataset: Dataset, keyword: str) -> NDArray[np.float64]:
    """(n,) float64 values of an FL or FD element; none when it is absent or damaged.

    A file keeps binary values as bytes until they are asked for by the data dictionary.
    """
    if keyword not in dataset:
        return np.empty(0)
    try:
        value = dataset[keyword].value
        return np.atleast_1d(np.array([] if value is None else value, dtype=np.float64))
    except Exception:  # pydicom raises nearly anything on broken bytes, and one value must not cost the others
        return np.empty(0)


def number_of_binary(dataset: Dataset, keyword: str) -> float | None:
    """The first value of an FL or FD element if it is finite; else None."""
    values = numbers_of_binary(dataset, keyword)
    return float(values[0]) if len(values) and np.isfinite(values[0]) else None
