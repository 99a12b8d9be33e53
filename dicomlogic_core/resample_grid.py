"""Interpolation in index space: arrays in, arrays out. Places are counted in voxels, 0 at the centre of the first.

A voxel is a box: a place is inside a grid up to half a voxel beyond the outermost centres, where the outermost values
hold (ITK's rule). Half a voxel beyond, a place is outside. Ties of the nearest voxel go to the higher index.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kernel = Literal["linear", "nearest"]

ROUNDING = 1e-6
"""Voxels by which a place at the border may be off."""
_BLOCK = 1 << 15  # places at a time: what is computed of them stays in the processor's cache


def kernel_type(dtype: np.dtype[Any], kernel: Kernel) -> np.dtype[Any]:
    """Type of interpolated values: the source's for ``nearest``; floating point, without loss, for ``linear``."""
    if kernel == "nearest" or dtype.kind == "f":
        return dtype
    return np.dtype(np.float64 if dtype.itemsize > 2 else np.float32)


def general_planes(
    array: NDArray[Any], matrix: NDArray[np.float64], size_ijk: tuple[int, int, int], kernel: Kernel
) -> Iterator[tuple[NDArray[Any], NDArray[np.bool_]]]:
    """As `separable_planes`, for any affine `matrix` from result indices to source indices."""
    size_i, size_j, size_k = size_ijk
    rows = max(1, _BLOCK // size_i)
    along_i = matrix[:3, 0, None] * np.arange(size_i)
    kind = kernel_type(array.dtype, kernel)
    for k in range(size_k):
        plane = np.empty((size_j, size_i, *array.shape[3:]), kind)
        inside = np.empty((size_j, size_i), bool)
        for first in range(0, size_j, rows):
            part = slice(first, first + rows)
            j = np.arange(first, min(first + rows, size_j))
            starts = matrix[:3, 1, None] * j + (matrix[:3, 2] * k + matrix[:3, 3])[:, None]
            inside[part] = _inside_rows(starts, matrix[:3, 0], size_i, array.shape[2::-1])
            if inside[part].any():
                plane[part] = _values(array, starts[:, :, None] + along_i[:, None, :], kernel)
        yield plane, inside


def _inside_rows(
    starts: NDArray[np.float64], steps: NDArray[np.float64], count: int, size_ijk: tuple[int, ...]
) -> NDArray[np.bool_]:
    """``[j, i]`` True where rows of `count` places, that begin at `starts` (3, j), are inside a grid.

    Along a row places are evenly spaced, so that two crossings with the border tell of all of them.
    """
    first, last = np.full(starts.shape[1], -np.inf), np.full(starts.shape[1], np.inf)
    for start, step, size in zip(starts, steps.tolist(), size_ijk):
        low, high = -0.5 - ROUNDING - start, size - 0.5 + ROUNDING - start
        if abs(step) * count < ROUNDING:
            first[(low > 0) | (high < 0)] = np.inf
            continue
        first = np.maximum(first, np.minimum(low / step, high / step))
        last = np.minimum(last, np.maximum(low / step, high / step))
    i = np.arange(count)
    return np.asarray((i >= first[:, None]) & (i <= last[:, None]))


def at_places(
    array: NDArray[Any], places: NDArray[np.float64], kernel: Kernel
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Values at those of `places` ``(3, n)`` (i, j, k) that are inside ``array[k, j, i, ...]``, and which these are."""
    inside = np.ones(places.shape[1], bool)
    for place, size in zip(places, array.shape[2::-1]):
        inside &= (place >= -0.5 - ROUNDING) & (place <= size - 0.5 + ROUNDING)
    return _values(array, places[:, inside], kernel), inside


def _values(array: NDArray[Any], places: NDArray[np.float64], kernel: Kernel) -> NDArray[Any]:
    """Values at `places` ``(3, ...)``, which are overwritten; of what is outside, those at the border."""
    kind = kernel_type(array.dtype, kernel)
    flat = array.reshape(-1, *array.shape[3:])
    corner = np.zeros(places.shape[1:], np.intp)
    weights, steps, stride = [], [], 1
    for place, size in zip(places, array.shape[2::-1]):
        # Just below the last voxel, whose own value its weight of one then gives, a higher neighbour always exists.
        end = float(np.nextafter(size - 1.0, 0.0)) if kernel == "linear" else size - 0.5
        if kernel == "nearest":
            place += 0.5
        np.minimum(np.maximum(place, 0.0, out=place), end, out=place)
        low = place.astype(np.intp)
        if kernel == "linear":
            place -= low
            weights.append(place.astype(kind).reshape(*place.shape, *(1,) * (array.ndim - 3)))
        steps.append(stride if size > 1 else 0)
        low *= stride
        corner += low
        stride *= size

    def at(offset: int) -> NDArray[Any]:
        return flat.take(corner + offset, 0, mode="clip").astype(kind, copy=False)

    def along_i(offset: int) -> NDArray[Any]:
        return between(at(offset), at(offset + steps[0]), weights[0])

    def along_j(offset: int) -> NDArray[Any]:
        return between(along_i(offset), along_i(offset + steps[1]), weights[1])

    return at(0) if kernel == "nearest" else between(along_j(0), along_j(steps[2]), weights[2])


def between(low: NDArray[Any], high: NDArray[Any], weight: Any) -> NDArray[Any]:
    """Values between two, with the weight of the second."""
    result: NDArray[Any] = high - low
    result *= weight
    result += low
    return result
