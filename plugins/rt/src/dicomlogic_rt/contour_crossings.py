"""Contours that cross another one of their plane: what both cover is outside by the even-odd rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TOUCHING_MM = 0.01  # how far outlines may run over each other, as those of keyholes and neighbours do


def crossing_contours(
    starts: NDArray[np.float64],
    ends: NDArray[np.float64],
    firsts: NDArray[np.intp],
    counts: NDArray[np.intp],
    planes: NDArray[np.intp],
) -> NDArray[np.bool_]:
    """(contours,) True for contours whose outline crosses that of another one of their plane.

    Args:
        starts, ends: (2, n) mm of every edge, contour by contour.
        firsts, counts: (contours,) where each begins, and its number of edges.
        planes: (contours,) plane of each; -1 for contours that are left out.
    """
    crossing = np.zeros(len(counts), bool)
    order = np.argsort(planes, kind="stable")
    shared = np.bincount(planes + 1)
    shared[0] = 0
    if shared.max() < 2:
        return crossing
    low, high = np.minimum.reduceat(starts, firsts, axis=1), np.maximum.reduceat(starts, firsts, axis=1)
    plane_ends = np.cumsum(np.bincount(planes + 1))
    for plane in np.flatnonzero(shared > 1).tolist():
        members = order[plane_ends[plane - 1] : plane_ends[plane]]
        for one, other in _boxes_that_meet(low[:, members], high[:, members]):
            pair = members[[one, other]]
            edges = [slice(firsts[c], firsts[c] + counts[c]) for c in pair.tolist()]
            box = (low[:, pair].max(axis=1), high[:, pair].min(axis=1))
            if not crossing[pair].all() and _cross(*(_near(starts[:, at], ends[:, at], *box) for at in edges)):
                crossing[pair] = True
    return crossing


def _boxes_that_meet(low: NDArray[np.float64], high: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs of boxes (2, n) that have a common part."""
    apart = (low[:, :, None] >= high[:, None, :]).any(axis=0)
    first, second = np.nonzero(np.triu(~apart & ~apart.T, 1))
    return list(zip(first.tolist(), second.tolist()))


def _near(
    starts: NDArray[np.float64], ends: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The edges (2, n) that may reach into a box."""
    meets = (np.maximum(starts, ends) >= low[:, None]) & (np.minimum(starts, ends) <= high[:, None])
    at = meets.all(axis=0)
    return starts[:, at], ends[:, at]


def _cross(
    one: tuple[NDArray[np.float64], NDArray[np.float64]], other: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> bool:
    """Whether edges of one outline run through edges of the other."""
    parted = _on_both_sides(*one, *other)
    return bool(parted.any()) and bool((parted & _on_both_sides(*other, *one).T).any())


def _on_both_sides(
    starts: NDArray[np.float64],
    ends: NDArray[np.float64],
    other_starts: NDArray[np.float64],
    other_ends: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """(edges, others) True where the line through an edge has the ends of another edge on either side of it."""
    along = ends - starts
    length = np.maximum(np.hypot(*along), _TOUCHING_MM)
    u, v = (along / length)[:, :, None]

    def distances(points: NDArray[np.float64]) -> NDArray[np.float64]:
        result: NDArray[np.float64] = u * (points[1] - starts[1][:, None]) - v * (points[0] - starts[0][:, None])
        return result

    low, high = distances(other_starts), distances(other_ends)
    return (np.minimum(low, high) < -_TOUCHING_MM) & (np.maximum(low, high) > _TOUCHING_MM)
