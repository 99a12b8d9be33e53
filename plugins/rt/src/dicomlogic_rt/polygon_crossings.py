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
        starts, ends: (edges, 2) x, y.

    Returns:
        (crossings,) edge, row and x, edge by edge.
    """
    low = np.minimum(starts[:, 1], ends[:, 1])
    high = np.maximum(starts[:, 1], ends[:, 1])
    first = np.ceil(low).clip(0, row_count).astype(np.int64)
    counts = np.ceil(high).clip(0, row_count).astype(np.int64) - first
    edges = np.flatnonzero(counts)
    counts = counts[edges]
    slopes = (ends[edges, 0] - starts[edges, 0]) / (ends[edges, 1] - starts[edges, 1])
    before = np.cumsum(counts) - counts
    rows = np.arange(int(counts.sum())) - np.repeat(before - first[edges], counts)
    x = np.repeat(starts[edges, 0], counts) + (rows - np.repeat(starts[edges, 1], counts)) * np.repeat(slopes, counts)
    return np.repeat(edges, counts), rows, x
