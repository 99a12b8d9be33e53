"""How parallel planes lie: their order, doubles, gaps, tilt and drift, and the matrix of the stack they make.

Arrays in, a record out; no headers. Positions decide everything here: InstanceNumber, SliceLocation and the spacing and
tilt tags are wrong often enough (a table step is not a spacing, two vendors write one tilt with opposite signs).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from dicomlogic_core.geometry import frozen_array
from dicomlogic_core.planes_gaps import Gaps, classify_gaps

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_SAME_MM = 0.01  # positions nearer than this are one, unless the whole stack is finer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Planes:
    """n parallel frames at m distinct positions.

    Attributes:
        order: (n,) the frames by position along row x column; frames at one position keep their order.
        place: (n,) aligned with `order`: number of the distinct position, from 0.
        counts: (m,) frames at every distinct position.
        distances: (m,) along the normal from the first, mm.
        positions: (m, 3) LPS mm of the first frame at each.
        row, column, normal: (3,) unit vectors in LPS; normal = row x column.
        gaps: class, step and grid of the distances.
        shift: (3,) in-plane movement per mm along the normal: the gantry's tilt.
        drift_mm: (m,) distance of every position from the straight line of the stack.
    """

    order: NDArray[np.int64]
    place: NDArray[np.int64]
    counts: NDArray[np.int64]
    distances: NDArray[np.float64]
    positions: NDArray[np.float64]
    row: NDArray[np.float64]
    column: NDArray[np.float64]
    normal: NDArray[np.float64]
    gaps: Gaps
    shift: NDArray[np.float64]
    drift_mm: NDArray[np.float64]

    @property
    def multiplicity(self) -> int:
        """Frames at every position; 0 when their number differs."""
        first = int(self.counts[0])
        return first if bool((self.counts == first).all()) else 0

    @property
    def tilt_degrees(self) -> float:
        """Angle between the normal and the line along which the planes follow each other."""
        return math.degrees(math.atan(float(np.linalg.norm(self.shift))))

    def matrix(self, pixel_spacing: ArrayLike, *, step_mm: float = 1.0, dense: bool = False) -> NDArray[np.float64]:
        """(4, 4) ijk to LPS mm of the stack.

        The origin is the first plane and the third column leads straight to the last, so shear is kept.

        Args:
            pixel_spacing: distance of rows, then of columns, in mm (PS3.3 10.7.1.3).
            step_mm: along the normal, for a single plane.
            dense: leave out the places where planes are missing: the stored planes at k = 0..m-1.
        """
        between_rows, between_columns = np.asarray(pixel_spacing, dtype=float)
        matrix = np.eye(4)
        matrix[:3, 0] = self.row * between_columns
        matrix[:3, 1] = self.column * between_rows
        last = len(self.distances) - 1 if dense else int(self.gaps.grid[-1])
        matrix[:3, 2] = (self.positions[-1] - self.positions[0]) / last if last else self.normal * step_mm
        matrix[:3, 3] = self.positions[0]
        return frozen_array(matrix)

    def offsets_mm(self, matrix: NDArray[np.float64], *, dense: bool = False) -> NDArray[np.float64]:
        """(m,) how far `matrix` puts every plane from its true position."""
        places = np.arange(len(self.distances)) if dense else self.gaps.grid
        model = matrix[:3, 3] + places[:, None] * matrix[:3, 2]
        return cast("NDArray[np.float64]", np.linalg.norm(self.positions - model, axis=1))


def unit_axes(orientation: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Unit row, column and normal vectors (3,) of cosines (n, 6) that differ by jitter only."""
    cosines = orientation[0] if bool((orientation == orientation[0]).all()) else orientation.mean(axis=0)
    row = cosines[:3] / np.linalg.norm(cosines[:3])
    column = cosines[3:] / np.linalg.norm(cosines[3:])
    normal = np.cross(row, column)
    return row, column, normal / np.linalg.norm(normal)


def is_orientation(orientation: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) True for cosines (n, 6) that are finite, unit and orthogonal within 1e-3."""
    rows, columns = orientation[:, :3], orientation[:, 3:]
    with np.errstate(invalid="ignore"):
        unit = np.abs(np.linalg.norm(rows, axis=1) - 1) <= 1e-3
        unit &= np.abs(np.linalg.norm(columns, axis=1) - 1) <= 1e-3
        return cast("NDArray[np.bool_]", unit & (np.abs((rows * columns).sum(axis=1)) <= 1e-3))


def classify_planes(positions: NDArray[np.float64], orientation: NDArray[np.float64]) -> Planes:
    """The record of n frames with positions (n, 3) in LPS mm and parallel orientations (n, 6); all finite, n >= 1."""
    row, column, normal = unit_axes(orientation)
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    along = along[order]
    place = _places(along)
    first = np.flatnonzero(np.diff(place, prepend=-1))
    distances = along[first] - along[0]
    distinct = positions[order[first]]
    shift, drift = _line(distances, distinct, normal)
    return Planes(
        order=order,
        place=place,
        counts=np.bincount(place),
        distances=distances,
        positions=distinct,
        row=row,
        column=column,
        normal=normal,
        gaps=classify_gaps(distances),
        shift=shift,
        drift_mm=drift,
    )


def _places(along: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number of the distinct position of each of the ascending distances."""
    steps = np.diff(along)
    real = steps[steps > _SAME_MM]
    if not len(real):
        # Finer than 0.01 mm throughout (micro-CT), or all at one place but for rounding.
        real = steps[steps > 1e-6]
    if not len(real):
        return np.zeros(len(along), dtype=np.int64)
    middle = float(np.median(real))
    same = min(max(_SAME_MM, 0.01 * middle), middle / 4)
    return np.concatenate([[0], np.cumsum(steps > same)])


def _line(
    distances: NDArray[np.float64], positions: NDArray[np.float64], normal: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """In-plane movement per mm along the normal, and the distances left from that line."""
    sideways = positions - positions[0] - distances[:, None] * normal
    if len(distances) < 3:
        # Two planes always lie on a line, so nothing of it can be called drift.
        shift = sideways[-1] / distances[-1] if len(distances) == 2 else np.zeros(3)
        return shift, np.zeros(len(distances))
    middle = distances - distances.mean()
    mean = sideways.mean(axis=0)
    shift = middle @ (sideways - mean) / float(middle @ middle)
    left = sideways - mean - middle[:, None] * shift
    return shift, np.linalg.norm(left, axis=1)
