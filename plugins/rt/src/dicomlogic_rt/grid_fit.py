"""What of a region a grid cannot hold: contours beside it, beyond its ends, between its slices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import Finding, Geometry, finding
from dicomlogic_rt.contour_planes import ContourPlanes
from dicomlogic_rt.grid_slicing import Slicing

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Of a slab: positions are written with few digits, and a tie must fall the same way everywhere.
ROUNDING = 1e-3


def fit_findings(
    planes: ContourPlanes, cut: Slicing, geometry: Geometry, *, used: NDArray[np.intp], where: tuple[str, ...]
) -> Iterator[Finding]:
    """What of a region the grid cannot hold.

    Args:
        used: planes that were drawn.
        where: what findings concern.
    """
    size = geometry.size_ijk
    tilts = [float(step) * (count - 1) for step, count in zip(cut.w_steps, size)]
    reach = abs(float(cut.w_steps[cut.axis])) / 2 * (1 + ROUNDING)
    low = cut.w_first + sum(min(tilt, 0) for tilt in tilts) - reach
    high = cut.w_first + sum(max(tilt, 0) for tilt in tilts) + reach
    within = planes.positions_mm[(planes.positions_mm >= low) & (planes.positions_mm <= high)]
    beyond = _points_beyond(planes, geometry)
    if beyond or len(within) < len(planes):
        message = f"{beyond} of {planes.starts.shape[1]} points and {len(planes) - len(within)} of {len(planes)} planes"
        yield finding("rt.contour-outside", f"{message} lie outside the grid; clipped", where=where)
    # Planes closer than slices need not each meet one; what none of its neighbours stands for is lost.
    lost = int((_to_nearest(within, planes.positions_mm[used]) > reach).sum())
    if lost:
        yield finding("rt.contour-off-plane", f"{lost} planes lie between slices of the grid", where=where)


def _to_nearest(positions: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) distance of each position to the nearest of ascending places; infinite when there is none."""
    padded = np.concatenate([[-np.inf], places, [np.inf]])
    above = np.searchsorted(padded, positions)
    distance: NDArray[np.float64] = np.minimum(positions - padded[above - 1], padded[above] - positions)
    return distance


def _points_beyond(planes: ContourPlanes, geometry: Geometry) -> int:
    """Number of contour points beside the grid, or beyond its ends."""
    to_index = np.linalg.inv(geometry.ijk_to_lps)
    matrix = to_index[:3, :3] @ planes.axes.T
    last = np.array(geometry.size_ijk)[:, None] - 0.5
    # Usually the corners of the box round all points tell.
    u, v = (np.array([row.min(), row.max()]) for row in planes.starts)
    corners = np.stack(np.meshgrid(u, v, planes.positions_mm[[0, -1]])).reshape(3, -1)
    index = matrix @ corners + to_index[:3, 3:]
    if (index >= -0.5).all() and (index <= last).all():
        return 0
    index = matrix @ np.stack([*planes.starts, planes.positions_mm[planes.edge_planes]]) + to_index[:3, 3:]
    return int(((index < -0.5) | (index > last)).any(axis=0).sum())
