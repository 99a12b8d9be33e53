"""How planes of contours cut a grid: which axis of the grid crosses them, and where their coordinates lie in pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import Geometry
from dicomlogic_rt.contour_planes import ContourPlanes

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OTHERS = {0: (1, 2), 1: (0, 2), 2: (0, 1)}  # slice axis -> column and row axis of its pictures
_TILT = 0.02  # of a slab across the grid: less is rounding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slicing:
    """A grid as pictures along one of its axes (0 = i, 1 = j, 2 = k), and the planes' coordinates in them.

    Attributes:
        axis: the axis that crosses the planes; one picture for every index along it.
        columns, rows: axes of the pictures' x and y.
        matrix: (2, 2) from (u, v) mm to (x, y) pixels.
        offset, drift: (2,) added to (x, y): `offset` + `drift` x index of the picture; sheared and
            oblique grids drift.
        w_first: w (mm) of voxel (0, 0, 0).
        w_steps: (3,) change of w along i, j, k.
        parallel: True when every picture lies at one w.
    """

    axis: int
    columns: int
    rows: int
    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]
    drift: NDArray[np.float64]
    w_first: float
    w_steps: NDArray[np.float64]
    parallel: bool

    def pixels(
        self, uv: NDArray[np.float64], pictures: NDArray[np.intp], number: NDArray[np.intp] | int
    ) -> NDArray[np.float64]:
        """(2, n) x and y of points (2, n) mm, each in the one of `pictures` that its `number` tells."""
        if self.matrix[0, 1] == 0 == self.matrix[1, 0]:
            result = np.stack([uv[0] * self.matrix[0, 0], uv[1] * self.matrix[1, 1]])
        else:
            result = self.matrix @ uv
        result += self.offset[:, None]
        if self.drift.any():
            result += pictures[number] * self.drift[:, None]
        return result

    def pictures_of(self, array: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """``[k, j, i]`` seen as ``[picture, row, column]``."""
        seen: NDArray[np.bool_] = array.transpose(2 - self.axis, 2 - self.rows, 2 - self.columns)
        return seen


def slicing(planes: ContourPlanes, geometry: Geometry) -> Slicing:
    """Cut a grid for these planes: along the axis that runs most across them."""
    steps = planes.axes @ geometry.ijk_to_lps[:3, :3]
    first = planes.axes @ geometry.ijk_to_lps[:3, 3]
    axis = int(np.argmax(np.abs(steps[2]) / np.linalg.norm(steps, axis=0)))
    columns, rows = _OTHERS[axis]
    matrix = np.asarray(np.linalg.inv(steps[:2][:, [columns, rows]]), dtype=np.float64)
    thickness = float(np.nanmin([*(planes.below_mm + planes.above_mm), abs(steps[2, axis])]))
    tilt = sum(abs(steps[2, other]) * geometry.size_ijk[other] for other in (columns, rows))
    drift = -matrix @ steps[:2, axis]
    return Slicing(
        axis=axis,
        columns=columns,
        rows=rows,
        matrix=matrix,
        offset=-matrix @ first[:2],
        # Rounding must not make a drift of an upright grid.
        drift=np.where(np.abs(drift) * geometry.size_ijk[axis] < 1e-6, 0.0, drift),
        w_first=float(first[2]),
        w_steps=steps[2],
        parallel=bool(tilt < _TILT * thickness),
    )
