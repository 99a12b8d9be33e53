"""Exact areas of polygons by the even-odd rule: nested, overlapping, self-crossing, with keyholes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_PAIRS = 4_000_000
_THIN = 8
_SHORTEST = 1e-12  # of the height: strips between levels that are the same but for rounding


def even_odd_area(starts: NDArray[np.float64], ends: NDArray[np.float64]) -> float:
    """The area inside closed polygons whose edges are (2, edges) `starts` and `ends`, all taken together.

    The plane is cut into strips at every vertex, and again where edges cross inside a strip. Between two levels every
    edge is straight and none crosses another, so that the even-odd area is a sum of trapezoids.
    """
    rising = starts[1] != ends[1]
    up = starts[1] < ends[1]
    low, high = np.where(up, starts, ends)[:, rising], np.where(up, ends, starts)[:, rising]
    if not low.size:
        return 0.0
    levels = np.unique(np.concatenate([low[1], high[1]]))
    strips, bottom, top = _strip_edges(low, high, levels)
    crossed = _crossings(levels, strips, bottom, top)
    if len(crossed):
        levels = np.unique(np.concatenate([levels, crossed]))
        strips, bottom, top = _strip_edges(low, high, levels)
    # Edges of a strip in order from left to right are outer and inner borders in turn.
    order = np.lexsort((bottom + top, strips))
    strips, width = strips[order], (bottom + top)[order]
    firsts = np.flatnonzero(np.diff(strips, prepend=-1))
    place = np.arange(len(strips)) - np.repeat(firsts, np.diff(np.append(firsts, len(strips))))
    sign = np.where(place % 2 == 0, -0.5, 0.5)
    return float((sign * width * np.diff(levels)[strips]).sum())


def _strip_edges(
    low: NDArray[np.float64], high: NDArray[np.float64], levels: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """For every edge in every strip that it spans: (n,) strip, x at the strip's bottom, x at its top."""
    first = np.searchsorted(levels, low[1])
    counts = np.searchsorted(levels, high[1]) - first
    before = np.cumsum(counts) - counts
    strips = np.arange(int(counts.sum())) - np.repeat(before - first, counts)
    x, y = np.repeat(low[0], counts), np.repeat(low[1], counts)
    width, height = np.repeat(high[0] - low[0], counts), np.repeat(high[1] - low[1], counts)
    # Shares, not slopes, which overflow where an edge is nearly horizontal.
    bottom = x + (levels[strips] - y) / height * width
    top = x + (levels[strips + 1] - y) / height * width
    return strips, bottom, top


def _crossings(
    levels: NDArray[np.float64], strips: NDArray[np.intp], bottom: NDArray[np.float64], top: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Levels at which two edges of one strip cross inside it."""
    order = np.lexsort((top, bottom, strips))
    strips, bottom, top = strips[order], bottom[order], top[order]
    swapped = (np.diff(strips) == 0) & (top[1:] < top[:-1])
    crossed = np.unique(strips[1:][swapped])
    if not len(crossed):
        return np.empty(0)
    first, last = np.searchsorted(strips, crossed), np.searchsorted(strips, crossed, side="right")
    if ((last - first) ** 2).sum() > _MOST_PAIRS:
        # A scribble: thin strips, in which what crosses hardly matters.
        heights = np.diff(levels)[crossed]
        added: NDArray[np.float64] = levels[crossed] + np.arange(1, _THIN)[:, None] / _THIN * heights
        return added.ravel()
    found = [
        levels[strip] + share * (levels[strip + 1] - levels[strip])
        for strip, a, b in zip(crossed.tolist(), first.tolist(), last.tolist())
        for share in _shares(bottom[a:b], top[a:b])
    ]
    return np.array(found)


def _shares(bottom: NDArray[np.float64], top: NDArray[np.float64]) -> list[float]:
    """Where pairs of edges that change sides meet, as shares of the strip's height."""
    below = bottom[:, None] - bottom[None]
    above = top[:, None] - top[None]
    pairs = np.triu(below * above < 0)
    shares = below[pairs] / (below[pairs] - above[pairs])
    result: list[float] = shares[(shares > _SHORTEST) & (shares < 1 - _SHORTEST)].tolist()
    return result
