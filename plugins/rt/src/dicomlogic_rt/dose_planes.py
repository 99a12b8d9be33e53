"""Slices between stored planes, for doses whose planes are uneven; also of planes that are fetched on demand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core import FrameArray

if TYPE_CHECKING:
    from numpy.typing import NDArray


def interpolated(planes: NDArray[Any] | FrameArray, places: NDArray[np.float64]) -> NDArray[Any] | FrameArray:
    """Slices at `places` among `planes`, floating point; lazy planes give lazy slices, at two planes each."""
    kind = planes.dtype if planes.dtype.kind == "f" else np.dtype("f8" if planes.dtype.itemsize > 2 else "f4")
    if planes.dtype == kind and len(places) == len(planes) and bool((places == np.arange(len(planes))).all()):
        return planes
    mix = _Mix(planes, places, kind)
    shape = (len(places), *planes.shape[1:])
    if isinstance(planes, FrameArray):
        return FrameArray(shape, kind, mix, found=lambda: planes.findings)
    return mix(range(len(places)))


@dataclass(frozen=True, slots=True, eq=False)
class _Mix:
    """Makes slices of the two planes beside each."""

    planes: NDArray[Any] | FrameArray
    places: NDArray[np.float64]
    dtype: np.dtype[Any]

    def __call__(self, wanted: Sequence[int]) -> NDArray[Any]:
        places = self.places[list(wanted)]
        below = np.clip(np.floor(places).astype(int), 0, max(len(self.planes) - 2, 0))
        above = np.minimum(below + 1, len(self.planes) - 1)
        planes: Any = self.planes
        if isinstance(planes, FrameArray):
            needed = sorted({*below.tolist(), *above.tolist()})
            planes = dict(zip(needed, planes.frames(needed)))  # fetched in one batch
        result = np.empty((len(places), *self.planes.shape[1:]), self.dtype)
        for k, (low, high, part) in enumerate(zip(below.tolist(), above.tolist(), (places - below).tolist())):
            result[k] = planes[low]
            if part:
                result[k] += (planes[high].astype(self.dtype) - result[k]) * self.dtype.type(part)
        return result
