"""Where the planes of contours lie along their normal: which positions are one plane, how far apart planes are, which
of them continue each other. Arrays in, arrays out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SAME_MM = 0.01  # rounding of the written coordinates
_LONG_MM = 1.0
_SAME_SPACING = 0.1  # of a spacing: positions within it are one plane, gaps within it are equal
_LONGEST_RUN_GAP = 4.0  # spacings: larger gaps that repeat are the distance of separate parts


def usual_gap(gaps: NDArray[np.float64]) -> float:
    """The spacing (mm) that most of `gaps` (n,) mm agree on; NaN when no gap is larger than 0.01 mm.

    Gaps within 10 % are equal. The value with the largest product of its number squared and its length wins, lengths
    beyond 1 mm taken as 1 mm: doubled contours make many tiny gaps and separate parts a few long ones, and neither is
    the spacing. Of equals the shortest.
    """
    gaps = gaps[gaps > _SAME_MM]
    if not len(gaps):
        return float("nan")
    ordered = np.sort(gaps)
    first = np.searchsorted(ordered, ordered * (1 - _SAME_SPACING))
    last = np.searchsorted(ordered, ordered * (1 + _SAME_SPACING), side="right")
    best = int(np.argmax((last - first) ** 2 * ordered.clip(max=_LONG_MM)))
    return float(ordered[first[best] : last[best]].mean())


def group_positions(positions: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Planes of contours at `positions` (n,) mm: ascending (planes,) mm, and the plane of every contour (n,).

    Neighbours within a tenth of the spacing are one plane, at the mean of its contours.
    """
    order = np.argsort(positions, kind="stable")
    gaps = np.diff(positions[order])
    spacing = usual_gap(gaps)
    apart = gaps > max(_SAME_MM, _SAME_SPACING * spacing if np.isfinite(spacing) else _SAME_MM)
    plane_of = np.empty(len(positions), np.intp)
    plane_of[order] = np.concatenate([[0], np.cumsum(apart)])
    planes = np.bincount(plane_of, weights=positions) / np.bincount(plane_of)
    return planes, plane_of


def continued(gaps: NDArray[np.float64], spacing: float, largest_gap: float) -> NDArray[np.bool_]:
    """(gaps,) True where the structure goes on between two planes.

    It does up to `largest_gap` spacings, and through gaps up to four spacings that repeat: a part that was drawn on
    every second slice. A single larger gap is a plane that is missing, or space between two parts: nothing is there.
    """
    joined: NDArray[np.bool_] = gaps <= largest_gap * spacing
    if len(gaps) > 1:
        equal = np.abs(np.diff(gaps)) <= _SAME_SPACING * np.minimum(gaps[1:], gaps[:-1])
        repeats = np.concatenate([equal, [False]]) | np.concatenate([[False], equal])
        joined |= repeats & (gaps <= _LONGEST_RUN_GAP * spacing)
    return joined


def slab_edges(
    positions: NDArray[np.float64], joined: NDArray[np.bool_], lone_mm: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far each plane (n,) reaches below and above itself, mm: half way to the planes it continues.

    At an end it reaches as far as on its other side; a plane without neighbours half of `lone_mm` either way.
    """
    half = np.where(joined, np.diff(positions) / 2, np.nan)
    below = np.concatenate([[np.nan], half])
    above = np.concatenate([half, [np.nan]])
    ends_below = np.where(np.isnan(above), lone_mm / 2, above)
    ends_above = np.where(np.isnan(below), lone_mm / 2, below)
    return np.where(np.isnan(below), ends_below, below), np.where(np.isnan(above), ends_above, above)
