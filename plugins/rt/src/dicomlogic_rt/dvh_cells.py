"""Shares of square cells that the contours of a plane cover: samples with weights, exact in volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_rt.contour_planes import ContourPlanes
from dicomlogic_rt.polygon_crossings import row_crossings

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LINES = 4  # per cell: along them coverage is exact, across them a mean


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """Cells of a lattice whose lines are multiples of the cell.

    Attributes:
        row, column: lattice place of the first cell; cell (r, c) spans v from r x cell, u from c x cell.
        shares: ``[row, column]`` 0..1 covered.
        outside_mm2: area beyond the window that the cells were asked for.
    """

    row: int
    column: int
    shares: NDArray[np.float64]
    outside_mm2: float = 0.0

    def on(self, row: int, column: int, shape: tuple[int, int]) -> NDArray[np.float64]:
        """The shares in a larger box that begins at (row, column)."""
        if (row, column, shape) == (self.row, self.column, self.shares.shape):
            return self.shares
        box = np.zeros(shape)
        r, c = self.row - row, self.column - column
        box[r : r + self.shares.shape[0], c : c + self.shares.shape[1]] = self.shares
        return box


def covered_cells(
    planes: ContourPlanes, number: int, area_mm2: float, cell_mm: float, window_mm: NDArray[np.float64]
) -> Cells:
    """The cells of one plane inside a window.

    Args:
        area_mm2: exact area of the plane; the cells, and what lies outside, add up to it.
        window_mm: (2, 2) lowest and highest u and v: ``[[u, v], [u, v]]``.
    """
    first, last = np.searchsorted(planes.edge_planes, (number, number + 1)).tolist()
    starts, ends = planes.starts[:, first:last] / cell_mm, planes.ends[:, first:last] / cell_mm
    window = np.stack([np.floor(window_mm[0] / cell_mm), np.ceil(window_mm[1] / cell_mm)])
    cells = _covered(starts, ends, window)
    found = float(cells.shares.sum()) * cell_mm**2
    if not np.array_equal(starts.T.clip(*window), starts.T):
        return Cells(row=cells.row, column=cells.column, shares=cells.shares, outside_mm2=max(area_mm2 - found, 0.0))
    if found == 0:
        # Too thin for any line: where its vertices are.
        column, row = np.floor(starts).astype(np.int64) - [[cells.column], [cells.row]]
        np.add.at(cells.shares, (row, column), 1.0)
        found = float(cells.shares.sum()) * cell_mm**2
    cells.shares[...] *= area_mm2 / found
    return cells


def _covered(starts: NDArray[np.float64], ends: NDArray[np.float64], window: NDArray[np.float64]) -> Cells:
    low, high = (np.floor(edge(axis=1)).clip(*window) for edge in (starts.min, starts.max))
    column, row = low.astype(int).tolist()
    columns, rows = (high.clip(max=window[1] - 1) - low + 1).astype(int).clip(0).tolist()
    scale, shift = np.array([[1.0], [_LINES]]), np.array([[0.0], [0.5]])
    corner = np.array([[column], [row]], float)
    _, lines, x = row_crossings((starts - corner) * scale - shift, (ends - corner) * scale - shift, rows * _LINES)
    # Of the crossings of a line in order, every second one leaves the area again.
    order = np.lexsort((x, lines))
    lines, x = lines[order], x[order].clip(0, columns)
    enter = 1.0 - 2.0 * (np.arange(len(x)) % 2)
    whole = np.floor(x).astype(np.int64)
    part = x - whole
    width = columns + 2
    flat = lines // _LINES * width + whole
    size = rows * width
    steps = np.bincount(flat, enter * (1 - part), size) + np.bincount(flat + 1, enter * part, size)
    shares = np.cumsum(steps[:size].reshape(rows, width), axis=1)[:, :columns] / _LINES
    return Cells(row=row, column=column, shares=shares.clip(0, 1))
