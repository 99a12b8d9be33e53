"""Interpolation in index space: arrays in, arrays out. Places are counted in voxels, 0 at the centre of the first.

A voxel is a box: a place is inside a grid up to half a voxel beyond the outermost centres, where the outermost values
hold (ITK's rule). Half a voxel beyond, a place is outside. Ties of the nearest voxel go to the higher index.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dicomlogic_core.in_order import in_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kernel = Literal["linear", "nearest"]

ROUNDING = 1e-6
"""Voxels by which a place at the border may be off."""
_BLOCK = 1 << 17  # places at a time: what is computed of them stays in the processor's cache


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

    def plane_at(k: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        plane = np.empty((size_j, size_i, *array.shape[3:]), kind)
        inside = np.empty((size_j, size_i), bool)
        for first in range(0, size_j, rows):
            part = slice(first, first + rows)
            j = np.arange(first, min(first + rows, size_j))
            starts = matrix[:3, 1, None] * j + (matrix[:3, 2] * k + matrix[:3, 3])[:, None]
            inside[part] = _inside_rows(starts, matrix[:3, 0], size_i, array.shape[2::-1])
            columns = np.flatnonzero(inside[part].any(axis=0))
            if len(columns):
                across = slice(columns[0], columns[-1] + 1)
                plane[part, across] = _values_of_rows(array, starts, along_i[:, across], kernel)
        return plane, inside

    return in_order(plane_at, size_k, voxels=size_i * size_j)


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
    i = np.arange(count, dtype=float)
    return np.asarray((i >= first[:, None]) & (i <= last[:, None]))


def at_places(
    array: NDArray[Any], places: NDArray[np.float64], kernel: Kernel
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Values at those of `places` ``(3, n)`` (i, j, k) that are inside ``array[k, j, i, ...]``, and which these are."""
    inside = np.ones(places.shape[1], bool)
    for place, size in zip(places, array.shape[2::-1]):
        inside &= (place >= -0.5 - ROUNDING) & (place <= size - 0.5 + ROUNDING)
    return _values(array, places[:, inside], kernel, beyond=(True, True, True)), inside


def _values_of_rows(
    array: NDArray[Any], starts: NDArray[np.float64], along: NDArray[np.float64], kernel: Kernel
) -> NDArray[Any]:
    """Values ``[j, i, ...]`` at the places ``starts[:, j] + along[:, i]``; of what is outside, those at the border."""
    # Most blocks lie between the outermost centres altogether, as their corners tell.
    low = starts.min(axis=1) + along[:, (0, -1)].min(axis=1)
    high = starts.max(axis=1) + along[:, (0, -1)].max(axis=1)
    beyond = (low < 0) | (high >= np.array(array.shape[2::-1]) - 1)
    return _values(array, starts[:, :, None] + along[:, None, :], kernel, beyond=beyond.tolist())


def _values(
    array: NDArray[Any], places: NDArray[np.float64], kernel: Kernel, *, beyond: Sequence[bool]
) -> NDArray[Any]:
    """Values at `places` ``(3, ...)``, which are overwritten; of what is outside, those at the border.

    `beyond` says for every axis whether places may be beyond the outermost centres.
    """
    corner: Any = 0.0
    stride = 1
    for place, size, clip in zip(places, array.shape[2::-1], beyond):
        if kernel == "nearest":
            place += 0.5
        if clip:
            # Just below the last voxel, whose own value its weight of one then gives, a higher neighbour always exists.
            end = float(np.nextafter(size - 1.0, 0.0)) if kernel == "linear" else size - 0.5
            np.minimum(np.maximum(place, 0.0, out=place), end, out=place)
        low = np.floor(place)
        if kernel == "linear":
            place -= low  # the weight of the higher neighbour
        if stride > 1:
            low *= stride
            low += corner
        corner = low
        stride *= size
    # By way of 32 bits, for which processors have an instruction.
    at: NDArray[np.intp] = (corner.astype(np.int32) if stride < 1 << 31 else corner).astype(np.intp)
    flat: NDArray[Any] = array.reshape(-1, *array.shape[3:])
    return flat.take(at, 0, mode="clip") if kernel == "nearest" else _mixed(array, at, places)


def _mixed(array: NDArray[Any], corner: NDArray[np.intp], weights: NDArray[np.float64]) -> NDArray[Any]:
    """Values between the voxels numbered `corner` and their higher neighbours, by the `weights` ``(3, ...)``."""
    kind = kernel_type(array.dtype, "linear")
    flat = array.reshape(-1, *array.shape[3:])
    size_k, size_j, size_i = array.shape[:3]
    step_i, step_j, step_k = int(size_i > 1), size_i * (size_j > 1), size_i * size_j * (size_k > 1)
    shape = (*corner.shape, *(1,) * (array.ndim - 3))
    weight_i, weight_j, weight_k = (weight.astype(kind).reshape(shape) for weight in weights)

    def at(offset: int) -> NDArray[Any]:
        return flat[offset:].take(corner, 0, mode="clip").astype(kind, copy=False)

    def along_i(offset: int) -> NDArray[Any]:
        return between(at(offset), high := at(offset + step_i), weight_i, out=high)

    def along_j(offset: int) -> NDArray[Any]:
        return between(along_i(offset), high := along_i(offset + step_j), weight_j, out=high)

    return between(along_j(0), high := along_j(step_k), weight_k, out=high)


def between(low: NDArray[Any], high: NDArray[Any], weight: Any, *, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Values between two, with the weight of the second; `out` may be one of them."""
    result: NDArray[Any] = np.subtract(high, low, out=out)
    result *= weight
    result += low
    return result
