"""Outlines of masks along the edges of their pixels, so that filling them again gives the same mask.

Every outline runs half a pixel from the centres inside, which no rounding of coordinates brings to the other side, and
bounds exactly the area of its pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STEPS = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)])  # (row, column) of a step to the right, down, left and up


def trace(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Closed outlines of ``mask[j, i]``: arrays (n, 2) of pixel coordinates (i, j), n >= 4, first point not repeated.

    Pixels that touch at a corner only are outlined apart. Outer outlines have their pixels on the right hand (j points
    down), holes too, so that holes run the other way round; filled together by the even-odd rule they give `mask`.
    """
    edges = _edges(mask)
    follower = _followers(edges)
    heads = np.argwhere(edges)
    turned = follower[:, 0] != heads[:, 0]
    return _loops(heads, follower, turned)


def _edges(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """``[direction, row, column]``: whether an edge leaves a pixel corner that way with the inside on its right hand.

    Corner (row, column) is at i = column - 0.5, j = row - 0.5.
    """
    inside = np.pad(mask.astype(bool), 1)
    above_left, above_right = inside[:-1, :-1], inside[:-1, 1:]
    below_left, below_right = inside[1:, :-1], inside[1:, 1:]
    return np.stack(
        [
            below_right & ~above_right,
            below_left & ~below_right,
            above_left & ~below_left,
            above_right & ~above_left,
        ]
    )


def _followers(edges: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(n, 3) direction, row and column of the edge after each of ``argwhere(edges)``: right turns first."""
    direction, row, column = np.nonzero(edges)
    row = row + _STEPS[direction, 0]
    column = column + _STEPS[direction, 1]
    following = np.full(len(direction), -1)
    for turn in (-1, 0, 1):  # the last one set wins
        way = (direction + turn) % 4
        following = np.where(edges[way, row, column], way, following)
    return np.stack([following, row, column], axis=1)


def _loops(
    heads: NDArray[np.int64], follower: NDArray[np.int64], turned: NDArray[np.bool_]
) -> list[NDArray[np.float64]]:
    """Follow the edges; of every loop the corners where it turns."""
    number = {tuple(head): place for place, head in enumerate(heads.tolist())}
    next_edge = [number[one] for one in map(tuple, follower.tolist())]
    corners = (follower[:, :0:-1] - 0.5).tolist()
    turns = turned.tolist()
    left = [True] * len(next_edge)
    loops = []
    for start in range(len(next_edge)):
        if not left[start]:
            continue
        loop = []
        edge = start
        while left[edge]:
            left[edge] = False
            if turns[edge]:
                loop.append(corners[edge])
            edge = next_edge[edge]
        loops.append(np.array(loop))
    return loops
