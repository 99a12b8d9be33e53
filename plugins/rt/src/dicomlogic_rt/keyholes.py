"""Outlines of holes joined to what surrounds them, by the keyhole technique of PS3.3 C.8.8.6.3.

A corridor without width leads from the hole straight to the left, along an edge between two rows of pixels. Both its
sides are the same two points, so that filling by the even-odd rule is not changed by it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Point = tuple[float, float]
_Detours = dict[tuple[int, int], list[tuple[float, list[_Point]]]]
"""(outline, number of its edge) -> where the edge is left, y, and the points that are visited from there."""


def joined(outlines: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Outlines (n, 2) as `trace` gives them, every hole joined to the outline at its left."""
    loops = [[(x, y) for x, y in one.tolist()] for one in outlines]
    holes = [number for number, one in enumerate(outlines) if _area(one) < 0]
    if not holes:
        return outlines
    upright = _vertical_edges(loops)
    detours: _Detours = defaultdict(list)
    # From right to left: what is joined to a hole begins farther right than the hole itself.
    for hole in sorted(holes, key=lambda number: min(loops[number]), reverse=True):
        start = min(loops[hole])
        row = upright[start[1]]
        x, outline, edge = row[bisect_left(row, (start[0],)) - 1]
        hit = (x, start[1])
        way = _walked(loops[hole], hole, detours, first=loops[hole].index(start))
        detours[outline, edge].append((hit[1], [hit, *way, start, hit]))
    outer = sorted(set(range(len(loops))).difference(holes))
    return [np.array(_walked(loops[number], number, detours)) for number in outer]


def _area(outline: NDArray[np.float64]) -> float:
    following = np.roll(outline, -1, axis=0)
    return float(np.sum(outline[:, 0] * following[:, 1] - outline[:, 1] * following[:, 0]))


def _vertical_edges(loops: list[list[_Point]]) -> dict[float, list[tuple[float, int, int]]]:
    """y of a line between rows of pixels -> (x, outline, number of its edge) of what crosses or touches it, by x."""
    found: dict[float, list[tuple[float, int, int]]] = defaultdict(list)
    for number, loop in enumerate(loops):
        for edge, ((x, y), (next_x, next_y)) in enumerate(zip(loop, loop[1:] + loop[:1])):
            if x == next_x:
                low = min(y, next_y)
                for step in range(int(abs(next_y - y)) + 1):
                    found[low + step].append((x, number, edge))
    for row in found.values():
        row.sort()
    return found


def _walked(loop: list[_Point], number: int, detours: _Detours, *, first: int = 0) -> list[_Point]:
    """The points of an outline from the one numbered `first`, with its detours."""
    points = []
    for place in (*range(first, len(loop)), *range(first)):
        points.append(loop[place])
        leaving = detours.get((number, place), [])
        downwards = loop[(place + 1) % len(loop)][1] > loop[place][1]
        for _, way in sorted(leaving, key=lambda one: one[0], reverse=not downwards):
            points += way
    return points
