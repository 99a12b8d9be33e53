"""Where voxels lie: `Geometry`. Arrays in, records out; no headers, no input or output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def frozen_array(values: ArrayLike, dtype: str = "float64") -> NDArray[np.float64]:
    """A read-only copy in C order."""
    array = np.array(values, dtype=dtype, order="C")
    array.setflags(write=False)
    return cast("NDArray[np.float64]", array)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Geometry:
    """A grid of voxels in the patient.

    Attributes:
        size_ijk: number of columns (i), rows (j) and slices (k).
        ijk_to_lps: (4, 4) float64, read-only; maps the column vector (i, j, k, 1) to LPS millimetres at the voxel
            centre. Shear is allowed (gantry tilt). k ascends along row x column, so the determinant is positive.
    """

    size_ijk: tuple[int, int, int]
    ijk_to_lps: NDArray[np.float64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "ijk_to_lps", frozen_array(self.ijk_to_lps))

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxel centres along i, j and k (mm)."""
        x, y, z = np.linalg.norm(self.ijk_to_lps[:3, :3], axis=0)
        return float(x), float(y), float(z)

    @property
    def origin_lps_mm(self) -> tuple[float, float, float]:
        """Centre of voxel (0, 0, 0) in LPS mm."""
        x, y, z = self.ijk_to_lps[:3, 3]
        return float(x), float(y), float(z)

    @property
    def directions(self) -> NDArray[np.float64]:
        """(3, 3) unit columns: directions of i, j and k in LPS; not orthogonal when the gantry was tilted."""
        return cast("NDArray[np.float64]", self.ijk_to_lps[:3, :3] / np.array(self.spacing_mm))

    @property
    def ijk_to_ras(self) -> NDArray[np.float64]:
        """(4, 4) the same matrix to RAS mm, as 3D Slicer and NIfTI use it."""
        return cast("NDArray[np.float64]", np.diag([-1.0, -1.0, 1.0, 1.0]) @ self.ijk_to_lps)

    def corners_lps_mm(self) -> NDArray[np.float64]:
        """(8, 3) LPS mm of the eight corner voxels' centres; i varies fastest."""
        last = np.array(self.size_ijk) - 1
        index = np.array([(i, j, k, 1) for k in (0, last[2]) for j in (0, last[1]) for i in (0, last[0])], dtype=float)
        return cast("NDArray[np.float64]", (index @ self.ijk_to_lps.T)[:, :3])
