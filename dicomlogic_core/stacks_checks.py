"""The geometry checks of the Imaging Data Commons under their names, with their tolerances."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core.planes import unit_axes
from dicomlogic_core.stacks import Stack
from dicomlogic_core.stacks_images import plane_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COSINE = 0.01
_IN_PLANE_MM = 0.1
_SPACING = 0.01  # of the mean


def geometry_checks(
    positions: NDArray[np.float64],
    orientation: NDArray[np.float64],
    pixel_spacing: NDArray[np.float64],
    size: NDArray[np.int64],
) -> dict[str, bool | float]:
    """Flags of a series: positions (n, 3) mm, orientation (n, 6), pixel_spacing (n, 2) mm, size (n, 2) rows, columns.

    `obliquity_degrees` is the angle between the normal and the nearest axis of the patient.
    """
    row, column, normal = unit_axes(orientation)
    along = np.sort(positions @ normal)
    gaps = np.diff(along)
    checks: dict[str, bool | float] = {
        "single_orientation": bool(np.ptp(orientation, axis=0).max() <= _COSINE),
        "orthogonal_orientation": bool(abs(float(row @ column)) <= _COSINE),
        "unique_slice_positions": len(np.unique(positions.round(3), axis=0)) == len(positions),
        "consistent_in_plane_row": bool(np.ptp(positions @ row) <= _IN_PLANE_MM),
        "consistent_in_plane_col": bool(np.ptp(positions @ column) <= _IN_PLANE_MM),
        "consistent_pixel_spacing": bool((np.ptp(pixel_spacing, axis=0) <= 1e-6).all()),
        "consistent_image_dimensions": bool((size == size[0]).all()),
        "uniform_slice_spacing": bool(not len(gaps) or np.ptp(gaps) <= _SPACING * float(gaps.mean())),
    }
    checks["regularly_spaced_3d_volume"] = all(bool(value) for value in checks.values()) and len(positions) > 1
    checks["obliquity_degrees"] = math.degrees(math.acos(min(1.0, float(np.abs(normal).max()))))
    return checks


def stack_checks(stack: Stack) -> dict[str, bool | float]:
    """The flags of the located frames of a stack, those left out included."""
    columns = plane_columns(stack.series)
    rows = stack.claimed
    spacing = np.nan_to_num(columns.pixel_spacing[rows])
    return geometry_checks(columns.position[rows], columns.orientation[rows], spacing, columns.size[rows])
