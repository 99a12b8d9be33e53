"""A Siemens mosaic: the slices of a volume as tiles of one image, with the private elements that tell their places."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

import numpy as np
from pydicom.dataset import Dataset

from dicomlogic_core.testing.phantom_objects import MR_IMAGE, Slice, base, pixels, set_pixels

_MARK = 77  # at the end of the fixed part of every name, and as a check number


def csa_header(values: dict[str, Sequence[str]]) -> bytes:
    """A CSA header of form ``SV10`` with the given values."""
    parts = [b"SV10\4\3\2\1", struct.pack("<LL", len(values), _MARK)]
    for name, texts in values.items():
        parts.append(struct.pack("<64sl4slll", name.encode(), len(texts), b"FD\0\0", 4, len(texts), _MARK))
        for text in texts:
            raw = text.encode() + b"\0"
            parts.append(struct.pack("<4l", len(raw), len(raw), _MARK, len(raw)))
            parts.append(raw.ljust((len(raw) + 3) & ~3, b"\0"))
    return b"".join(parts)


def mosaic(
    first: Slice, values: Sequence[int], *, name: str, step_mm: float, against: bool = False, csa: bool = True
) -> Dataset:
    """One image whose tiles hold `values`; tile 0 is at the place of `first`, each of its size.

    Args:
        step_mm: distance from tile to tile.
        against: tiles follow each other against row x column.
        csa: with the header that tells their direction.
    """
    rows, columns = first.size
    across = math.ceil(math.sqrt(len(values)))
    array = np.zeros((across * rows, across * columns), dtype="<u2")
    for tile, value in enumerate(values):
        down, right = divmod(tile, across)
        array[down * rows : (down + 1) * rows, right * columns : (right + 1) * columns] = pixels(value, first.size)
    dataset = base(name, MR_IMAGE, "MR", 0)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    cosines = np.array(first.orientation, dtype=float)
    # The position in the header is where the first pixel of an ordinary image of the mosaic's size would be.
    half = (across - 1) / 2
    corner = np.array(first.position) - half * (
        cosines[:3] * first.spacing[1] * columns + cosines[3:] * first.spacing[0] * rows
    )
    dataset.ImagePositionPatient = [float(f"{value:.9g}") for value in corner]
    dataset.ImageOrientationPatient = cosines.tolist()
    dataset.PixelSpacing = list(first.spacing)
    dataset.SpacingBetweenSlices = step_mm
    block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0A, "US", len(values))
    if csa:
        normal = np.cross(cosines[:3], cosines[3:]) * (-1 if against else 1)
        header = csa_header({"SliceNormalVector": [f"{value:.9f}" for value in normal]})
        dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", header)
    set_pixels(dataset, array)
    return dataset
