"""Linear resampling of slices along k, for stacks whose spacing is uneven."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_SLICES = 2  # times the slices that are there


def even_distances(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Equal steps over the same range as ascending `distances` (mm, at least two).

    The step is the smallest gap, or the median where the smallest would make more than twice the slices.
    """
    extent = float(distances[-1] - distances[0])
    gaps = np.diff(distances)
    most = _MOST_SLICES * len(distances)
    for step in (float(gaps.min()), float(np.median(gaps))):
        count = round(extent / step) + 1
        if count <= most:
            break
    return np.linspace(distances[0], distances[-1], max(2, min(count, most)))


def resample_slices(
    array: NDArray[Any], distances: NDArray[np.float64], wanted: NDArray[np.float64], *, padding: float | None = None
) -> NDArray[Any]:
    """`array` ``[k, ...]`` at `distances` (k,) mm, interpolated at `wanted` mm; floating point.

    Where one of the two neighbours holds `padding` the nearer slice is taken, so that padding never mixes with values.
    """
    place = np.interp(wanted, distances, np.arange(len(distances)))
    below = np.minimum(np.floor(place).astype(int), len(distances) - 2)
    weight = place - below
    kind = array.dtype if array.dtype.kind == "f" else np.dtype("float64" if array.dtype.itemsize > 2 else "float32")
    result = np.empty((len(wanted), *array.shape[1:]), kind)
    for k, (first, part) in enumerate(zip(below.tolist(), weight.tolist())):
        low, high = array[first].astype(kind), array[first + 1].astype(kind)
        result[k] = low + (high - low) * part
        if padding is not None:
            mixed = (array[first] == padding) | (array[first + 1] == padding)
            result[k][mixed] = (low if part < 0.5 else high)[mixed]
    return result
