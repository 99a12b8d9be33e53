"""Interpolation along one axis after the other, for grids whose axes are parallel, or lean like a tilted gantry's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core.in_order import in_order
from dicomlogic_core.resample_grid import ROUNDING, Kernel, between

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PARALLEL = 1e-4  # voxels by which axes may run apart over the whole grid and still count as parallel


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
    inside = (places >= -0.5 - ROUNDING) & (places <= size - 0.5 + ROUNDING)
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
    neighbours = list(zip(k.low.tolist(), k.high.tolist(), k.weight.tolist(), k.inside.tolist()))
    # Places run one way along k, so a plane that was let go is not needed again.
    needed = list(dict.fromkeys(n for *pair, weight, within in neighbours if within for n in pair[: 1 + (weight > 0)]))

    def made(number: int) -> NDArray[Any]:
        return _in_plane(array[needed[number]], i_within, j_within, kind)

    held: dict[int, NDArray[Any]] = {}
    with closing(in_order(made, len(needed), voxels=len(i_within.low) * len(j_within.low))) as planes:
        for low, high, weight, within in neighbours:
            if not within:
                yield empty, nothing
                continue
            wanted = [low] if weight == 0.0 else [low, high]
            held = {n: held[n] if n in held else next(planes) for n in wanted}
            plane = held[low] if weight == 0.0 else between(held[low], held[high], kind.type(weight))
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
    return between(low.astype(kind, copy=False), high, line.weight.astype(kind).reshape(shape))


def leans(matrix: NDArray[np.float64], size_ijk: tuple[int, int, int]) -> bool:
    """True when planes of the result are planes of the source, only moved from one to the next: a tilted gantry's.

    Args:
        matrix: (4, 4) from result indices to source indices.
        size_ijk: of the result.
    """
    reach = np.abs(matrix[:3, :3]) * np.maximum(np.array(size_ijk) - 1, 1)
    return bool(reach[[0, 1, 2, 2], [1, 0, 0, 1]].sum() <= _PARALLEL)


def leaning_planes(
    array: NDArray[Any],
    matrix: NDArray[np.float64],
    size_ijk: tuple[int, int, int],
    kernel: Kernel,
    kind: np.dtype[Any],
) -> Iterator[tuple[NDArray[Any], NDArray[np.bool_]]]:
    """As `separable_planes`, where `leans` says that planes stay planes: `array` ``[k, j, i, ...]`` of the source."""
    size_i, size_j, size_k = size_ijk
    k_line = line_of(matrix[2, 2] * np.arange(size_k) + matrix[2, 3], array.shape[0], kernel)

    def plane_at(k: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        plane = np.zeros((size_j, size_i, *array.shape[3:]), kind)
        i = line_of(matrix[0, 0] * np.arange(size_i) + matrix[0, 2] * k + matrix[0, 3], array.shape[2], kernel)
        j = line_of(matrix[1, 1] * np.arange(size_j) + matrix[1, 2] * k + matrix[1, 3], array.shape[1], kernel)
        inside = (j.inside[:, None] & i.inside[None, :]) & k_line.inside[k]
        if inside.any():
            (columns, i), (rows, j) = i.within(), j.within()
            low = _in_plane(array[k_line.low[k]], i, j, kind)
            weight = kind.type(k_line.weight[k])
            high = _in_plane(array[k_line.high[k]], i, j, kind) if weight else low
            plane[rows, columns] = between(low, high, weight) if weight else low
        return plane, inside

    return in_order(plane_at, size_k, voxels=size_i * size_j)
