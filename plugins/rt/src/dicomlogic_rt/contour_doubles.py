"""Contours that a file holds twice: filled together by the even-odd rule they would cancel each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SAME_MM = 1e-3


def doubled_contours(
    points: NDArray[np.float64], firsts: NDArray[np.intp], counts: NDArray[np.intp], planes: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """(contours,) True for contours that run along the points of an earlier one of their plane.

    They may begin at another point and run the other way round.

    Args:
        points: (2, n) mm, contour by contour.
        firsts, counts: (contours,) where each begins, and its number of points.
        planes: (contours,) plane of each; -1 for contours that are left out.
    """
    doubled = np.zeros(len(counts), bool)
    if int(planes.max()) + 1 == len(planes):
        return doubled
    centres = np.rint(np.add.reduceat(points, firsts, axis=1) / counts / _SAME_MM)
    keys = np.stack([planes, counts, *centres])
    order = np.lexsort(keys)
    alike = (np.diff(keys[:, order], axis=1) == 0).all(axis=0)
    for place in np.flatnonzero(alike).tolist():
        one, other = (points[:, firsts[c] : firsts[c] + counts[c]] for c in order[place : place + 2].tolist())
        doubled[order[place + 1]] = planes[order[place]] >= 0 and _same_outline(one, other)
    return doubled


def _same_outline(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Whether closed outlines (2, n) have the same points in the same order, either way round."""
    start = int(np.abs(other - one[:, :1]).sum(axis=0).argmin())
    forwards, backwards = np.roll(other, -start, axis=1), np.roll(other[:, ::-1], start + 1, axis=1)
    return any(bool((np.abs(way - one) <= _SAME_MM).all()) for way in (forwards, backwards))
