"""Where polygons cross the rows of a grid: the one computation behind masks and shares of covered cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def row_crossings(
    starts: NDArray[np.float64], ends: NDArray[np.float64], row_count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Crossings of edges with the lines y = 0, 1 ... `row_count` - 1.

    An edge crosses y when one of its ends lies at or below it and the other above (half-open), so that a vertex on a
    row counts once and a horizontal edge never.

    Args:
        starts, ends: (2, edges) x and y.

    Returns:
        (crossings,) edge, row and x, edge by edge.
    """
    first, last = (np.ceil(one[1]).clip(0, row_count).astype(np.int64) for one in (starts, ends))
    counts = np.abs(last - first)
    first = np.minimum(first, last)
    edges = np.flatnonzero(counts)
    counts = counts[edges]
    x0, y0 = starts[0, edges], starts[1, edges]
    width, height = ends[0, edges] - x0, ends[1, edges] - y0
    before = np.cumsum(counts) - counts
    rows = np.arange(int(counts.sum())) - np.repeat(before - first[edges], counts)
    # Not by slopes, which overflow where an edge is nearly horizontal.
    share = (rows - np.repeat(y0, counts)) / np.repeat(height, counts)
    x = np.repeat(x0, counts) + share * np.repeat(width, counts)
    return np.repeat(edges, counts), rows, x
