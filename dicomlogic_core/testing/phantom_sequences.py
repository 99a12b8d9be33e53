"""Series that repeat positions: classic MR slices of volumes whose every value is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from dicomlogic_core.testing.phantom_objects import MR_IMAGE, base, set_pixels

STEP_MM = 3.0
SIZE = (6, 8)

Values = Mapping[str, Any]


def voxel(volume: int, position: int) -> int:
    """The value of all pixels of one frame: tells volume and position."""
    return 100 * (volume + 1) + position


def sequence(
    volumes: Sequence[Values],
    *,
    positions: int = 4,
    name: str = "sequence",
    by_position: bool = False,
    each: Callable[[int, int], Values] | None = None,
    private: Callable[[Dataset, int, int], None] | None = None,
    size: tuple[int, int] = SIZE,
) -> list[Dataset]:
    """One dataset per volume and position, numbered volume by volume.

    Args:
        volumes: attributes of every volume, by keyword.
        positions: slices per volume, 3 mm apart.
        by_position: number the instances position by position instead.
        each: attributes of one frame, given (volume, position).
        private: called with dataset, volume and position, for private elements.
        size: rows and columns.
    """
    places = [(volume, position) for volume in range(len(volumes)) for position in range(positions)]
    if by_position:
        places.sort(key=lambda place: (place[1], place[0]))
    datasets = []
    for number, (volume, position) in enumerate(places):
        dataset = mr_slice(number, voxel(volume, position), position, name=name, size=size)
        for keyword, value in {**volumes[volume], **(each(volume, position) if each else {})}.items():
            setattr(dataset, keyword, value)
        if private is not None:
            private(dataset, volume, position)
        datasets.append(dataset)
    return datasets


def mr_slice(number: int, value: int, position: int, *, name: str, size: tuple[int, int] = SIZE) -> Dataset:
    """An axial MR slice of one value."""
    dataset = base(name, MR_IMAGE, "MR", number)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
    dataset.ImagePositionPatient = [-10.0, -20.0, STEP_MM * position]
    dataset.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    dataset.PixelSpacing = [1.5, 1.25]
    dataset.SliceThickness = 3
    set_pixels(dataset, np.full(size, value, dtype="<u2"))
    return dataset
