"""Shares of square cells that the contours of a plane cover: samples with weights, exact in volume."""

from __future__ import annotations

from collections.abc import Iterator
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
    """

    row: int
    column: int
    shares: NDArray[np.float64]

    def on(self, row: int, column: int, shape: tuple[int, int]) -> NDArray[np.float64]:
        """The shares in a larger box that begins at (row, column)."""
        if (row, column, shape) == (self.row, self.column, self.shares.shape):
            return self.shares
        box = np.zeros(shape)
        r, c = self.row - row, self.column - column
        box[r : r + self.shares.shape[0], c : c + self.shares.shape[1]] = self.shares
        return box


def covered_cells(planes: ContourPlanes, areas_mm2: NDArray[np.float64], cell_mm: float) -> Iterator[Cells]:
    """The cells of each plane in turn. Shares are scaled so that their sum is the plane's exact area."""
    bounds = np.searchsorted(planes.edge_planes, np.arange(len(planes) + 1)).tolist()
    for number, area in enumerate(areas_mm2.tolist()):
        edges = slice(bounds[number], bounds[number + 1])
        cells = _covered(planes.starts[:, edges] / cell_mm, planes.ends[:, edges] / cell_mm)
        total = float(cells.shares.sum()) * cell_mm**2
        if total > 0:
            cells.shares[...] *= area / total
        yield cells


def _covered(starts: NDArray[np.float64], ends: NDArray[np.float64]) -> Cells:
    column, row = np.floor(starts.min(axis=1)).astype(int).tolist()
    last_column, last_row = np.floor(starts.max(axis=1)).astype(int).tolist()
    rows, columns = last_row - row + 1, last_column - column + 1
    scale, shift = np.array([[1.0], [_LINES]]), np.array([[0.0], [0.5]])
    corner = np.array([[column], [row]], float)
    _, lines, x = row_crossings((starts - corner) * scale - shift, (ends - corner) * scale - shift, rows * _LINES)
    # Of the crossings of a line in order, every second one leaves the area again.
    order = np.lexsort((x, lines))
    lines, x = lines[order], x[order]
    enter = 1.0 - 2.0 * (np.arange(len(x)) % 2)
    whole = np.floor(x).astype(np.int64).clip(0, columns)
    part = x - whole
    width = columns + 2
    flat = lines // _LINES * width + whole
    size = rows * width
    steps = np.bincount(flat, enter * (1 - part), size) + np.bincount(flat + 1, enter * part, size)
    shares = np.cumsum(steps.reshape(rows, width), axis=1)[:, :columns] / _LINES
    return Cells(row=row, column=column, shares=shares.clip(0, 1))
