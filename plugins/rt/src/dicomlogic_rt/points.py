"""What readers of beams and channels share: points in the patient and control points in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_rt.elements import integer_of, items_of, numbers_of

if TYPE_CHECKING:
    from pydicom import Dataset


def point_of(dataset: Dataset, keyword: str) -> tuple[float, float, float] | None:
    """Three finite numbers; None when it is anything else."""
    values = numbers_of(dataset, keyword)
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
