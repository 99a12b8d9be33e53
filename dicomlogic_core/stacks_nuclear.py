"""Where the slices of a reconstructed nuclear medicine object lie: it has one position for all of them.

PS3.3 C.8.4.11: position and orientation are those of the first slice, in DetectorInformationSequence; SliceVector
numbers the slice of every frame, and SpacingBetweenSlices, here only, has a sign: negative is against row x column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core.series import SeriesView, parse_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUCLEAR_MEDICINE = "1.2.840.10008.5.1.4.1.1.20"


def place_slices(series: SeriesView, position: NDArray[np.float64], orientation: NDArray[np.float64]) -> None:
    """Fill `position` (n, 3) mm and `orientation` (n, 6) in place for frames of reconstructed objects."""
    detectors = series.items("DetectorInformationSequence")
    classes, types = series.text("SOPClassUID"), series.text("ImageType")
    vectors, steps = series.text("SliceVector"), series.numbers("SpacingBetweenSlices")
    instance, frame = series.frames.instance, series.frames.frame
    for row, items in enumerate(detectors):
        kind = (types[row] or "").upper()
        if not items or classes[row] != NUCLEAR_MEDICINE or "RECON" not in kind:
            continue
        first, cosines = _numbers(items[0], "00200032", 3), _numbers(items[0], "00200037", 6)
        rows = np.flatnonzero(instance == row)
        slices = _slices(vectors[row], frame[rows])
        if slices is None or not np.isfinite([*first, *cosines, steps[row]]).all():
            continue
        normal = np.cross(cosines[:3], cosines[3:])
        position[rows] = np.array(first) + (slices - 1)[:, None] * steps[row] * normal
        orientation[rows] = cosines


def _slices(vector: str | None, frame: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """The slice number, from 1, of every frame; None when the vector does not tell."""
    if not vector:
        return None
    numbers = np.array(parse_numbers(vector, vector.count("\\") + 1))
    return numbers[frame - 1] if len(numbers) >= int(frame.max()) else None


def _numbers(item: Mapping[str, Any], key: str, count: int) -> Sequence[float]:
    values = item.get(key, {}).get("Value", ())
    return parse_numbers("\\".join(map(str, values)), count)
