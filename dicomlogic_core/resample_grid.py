"""Interpolation in index space: arrays in, arrays out. Places are counted in voxels, 0 at the centre of the first.

A voxel is a box: a place is inside a grid up to half a voxel beyond the outermost centres, where the outermost values
hold (ITK's rule). Half a voxel beyond, a place is outside. Ties of the nearest voxel go to the higher index.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kernel = Literal["linear", "nearest"]

_ROUNDING = 1e-6  # voxels by which a place at the border may be off
_PARALLEL = 1e-4  # voxels by which axes may run apart over the whole grid and still count as parallel
_BLOCK = 1 << 15  # places at a time: what is computed of them stays in the processor's cache


def kernel_type(dtype: np.dtype[Any], kernel: Kernel) -> np.dtype[Any]:
    """Type of interpolated values: the source's for ``nearest``; floating point, without loss, for ``linear``."""
    if kernel == "nearest" or dtype.kind == "f":
        return dtype
    return np.dtype(np.float64 if dtype.itemsize > 2 else np.float32)


# --- places along one axis -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Where samples of one axis fall.

    Attributes:
        low, high: the two neighbours' indices.
        weight: of the higher one, 0..1.
        inside: False where the place is outside the grid.
    """

    low: NDArray[np.intp]
    high: NDArray[np.intp]
    weight: NDArray[np.float64]
    inside: NDArray[np.bool_]

    def within(self) -> tuple[slice, Line]:
        """The samples inside, which are neighbours, and the line of these only."""
        at = np.flatnonzero(self.inside)
        part = slice(int(at[0]), int(at[-1]) + 1) if len(at) else slice(0, 0)
        return part, Line(self.low[part], self.high[part], self.weight[part], self.inside[part])

    @property
    def identical(self) -> bool:
        """True when every sample is the voxel of its own index."""
        return not self.weight.any() and np.array_equal(self.low, np.arange(len(self.low)))


def line_of(places: NDArray[np.float64], size: int, kernel: Kernel) -> Line:
    """The neighbours of places along an axis of `size` voxels."""
    inside = (places >= -0.5 - _ROUNDING) & (places <= size - 0.5 + _ROUNDING)
    if kernel == "nearest":
        low = np.clip(np.floor(places + 0.5), 0, size - 1).astype(np.intp)
        return Line(low, low, np.zeros(len(places)), inside)
    clipped = np.clip(places, 0, size - 1)
    low = np.minimum(np.floor(clipped), max(size - 2, 0)).astype(np.intp)
    return Line(low, np.minimum(low + 1, size - 1), clipped - low, inside)


def parallel_lines(
    matrix: NDArray[np.float64], size_ijk: tuple[int, int, int], source_ijk: tuple[int, ...], kernel: Kernel
) -> tuple[tuple[int, int, int], tuple[Line, Line, Line]] | None:
    """For grids whose axes are parallel: source axis and line of every result axis, both in order i, j, k; else None.

    Args:
        matrix: (4, 4) from result indices to source indices.
        size_ijk: of the result.
        source_ijk: size of the source.
    """
    reach = np.abs(matrix[:3, :3]) * np.maximum(np.array(size_ijk) - 1, 1)
    axes = reach.argmax(axis=0)
    reach[axes, range(3)] = 0.0
    if sorted(axes.tolist()) != [0, 1, 2] or reach.sum() > _PARALLEL:
        return None
    i, j, k = (
        line_of(matrix[axis, at] * np.arange(size_ijk[at]) + matrix[axis, 3], source_ijk[axis], kernel)
        for at, axis in enumerate(axes)
    )
    return (int(axes[0]), int(axes[1]), int(axes[2])), (i, j, k)


# --- planes ----------------------------------------------------------------------------------------------------------


def separable_planes(
    array: NDArray[Any], lines: tuple[Line, Line, Line], kind: np.dtype[Any]
) -> Iterator[tuple[NDArray[Any], NDArray[np.bool_]]]:
    """Per k of the result the plane ``[j, i, ...]`` of type `kind` and its mask ``[j, i]`` of what is inside.

    `array` ``[k, j, i, ...]`` has its axes in the order of the result. Every source plane is interpolated once.
    """
    i, j, k = lines
    (columns, i_within), (rows, j_within) = i.within(), j.within()
    inside = j.inside[:, None] & i.inside[None, :]
    nothing = np.zeros_like(inside)
    empty = np.zeros((*inside.shape, *array.shape[3:]), kind)
    held: dict[int, NDArray[Any]] = {}
    for low, high, weight, within in zip(k.low.tolist(), k.high.tolist(), k.weight.tolist(), k.inside.tolist()):
        if not within:
            yield empty, nothing
            continue
        wanted = [low] if weight == 0.0 else [low, high]
        held = {n: held[n] if n in held else _in_plane(array[n], i_within, j_within, kind) for n in wanted}
        plane = held[low] if weight == 0.0 else _between(held[low], held[high], kind.type(weight))
        if plane.shape != empty.shape:
            part, plane = plane, empty.copy()
            plane[rows, columns] = part
        yield plane, inside


def _in_plane(plane: NDArray[Any], i: Line, j: Line, kind: np.dtype[Any]) -> NDArray[Any]:
    return _along(_along(plane, j, 0, kind), i, 1, kind).astype(kind, copy=False)


def _along(plane: NDArray[Any], line: Line, axis: int, kind: np.dtype[Any]) -> NDArray[Any]:
    if line.identical and len(line.low) == plane.shape[axis]:
        return plane
    low = plane.take(line.low, axis)
    if not line.weight.any():
        return low
    shape = [1] * plane.ndim
    shape[axis] = -1
    high = plane.take(line.high, axis).astype(kind, copy=False)
    return _between(low.astype(kind, copy=False), high, line.weight.astype(kind).reshape(shape))


def _between(low: NDArray[Any], high: NDArray[Any], weight: Any) -> NDArray[Any]:
    result: NDArray[Any] = high - low
    result *= weight
    result += low
    return result


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
        low, high = -0.5 - _ROUNDING - start, size - 0.5 + _ROUNDING - start
        if abs(step) * count < _ROUNDING:
            first[(low > 0) | (high < 0)] = np.inf
            continue
        first = np.maximum(first, np.minimum(low / step, high / step))
        last = np.minimum(last, np.maximum(low / step, high / step))
    i = np.arange(count)
    return np.asarray((i >= first[:, None]) & (i <= last[:, None]))


# --- single places ---------------------------------------------------------------------------------------------------


def at_places(
    array: NDArray[Any], places: NDArray[np.float64], kernel: Kernel
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Values at those of `places` ``(3, n)`` (i, j, k) that are inside ``array[k, j, i, ...]``, and which these are."""
    inside = np.ones(places.shape[1], bool)
    for place, size in zip(places, array.shape[2::-1]):
        inside &= (place >= -0.5 - _ROUNDING) & (place <= size - 0.5 + _ROUNDING)
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
        return _between(at(offset), at(offset + steps[0]), weights[0])

    def along_j(offset: int) -> NDArray[Any]:
        return _between(along_i(offset), along_i(offset + steps[1]), weights[1])

    return at(0) if kernel == "nearest" else _between(along_j(0), along_j(steps[2]), weights[2])
