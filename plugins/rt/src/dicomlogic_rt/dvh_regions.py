"""A region as there is to sample: stretches between planes, and the part of the dose that it can meet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import Finding, Geometry, Volume
from dicomlogic_rt.contour_planes import ContourPlanes, contour_planes
from dicomlogic_rt.rois import Roi
from dicomlogic_rt.volumes import END_CAPS, MM3_PER_CC, EndCap, plane_areas, volume_parts

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LARGEST_PLANE = 1 << 20  # cells


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A piece of the region between two heights.

    Attributes:
        lower, upper: planes whose cells are mixed, linearly from one to the other.
        bottom_mm, top_mm: along the normal.
        tip: -1 when it tapers to a tip at its bottom, 1 at its top, else 0.
    """

    lower: int
    upper: int
    bottom_mm: float
    top_mm: float
    tip: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Region:
    """What there is to sample.

    Attributes:
        planes: contours of the region, u along the rows of the dose grid.
        areas_mm2: (planes,) exact areas.
        parts: the region from bottom to top.
        volume_cc: by the convention that made `parts`.
        window_mm: (2, 2) lowest and highest u and v that the dose grid reaches.
        findings: of the planes.
    """

    planes: ContourPlanes
    areas_mm2: NDArray[np.float64]
    parts: tuple[Stretch, ...]
    volume_cc: float
    window_mm: NDArray[np.float64]
    findings: tuple[Finding, ...]

    @property
    def smallest_cell_mm(self) -> float:
        """The finest lattice whose planes have a size that can be sampled."""
        low = np.maximum(self.planes.starts.min(axis=1), self.window_mm[0])
        high = np.minimum(self.planes.starts.max(axis=1), self.window_mm[1])
        u, v = (high - low).clip(0)
        return float(np.sqrt(u * v / _LARGEST_PLANE))


def region_of(roi: Roi, dose: Volume, end_cap: EndCap, largest_gap: float) -> Region:
    """The region in planes, its ends by the convention of `volume_cc`."""
    geometry = dose.geometry
    # A lone plane is as thick as the dose's slices, where nothing else is told.
    planes = contour_planes(
        roi, along=geometry.ijk_to_lps[:3, 0], largest_gap=largest_gap, slab_mm=geometry.spacing_mm[2]
    )
    areas = plane_areas(planes)
    return Region(
        planes=planes,
        areas_mm2=areas,
        parts=tuple(stretches(planes, end_cap)),
        volume_cc=float(volume_parts(planes, end_cap) @ areas) / MM3_PER_CC,
        window_mm=_window(planes, geometry),
        findings=planes.findings,
    )


def _window(planes: ContourPlanes, geometry: Geometry) -> NDArray[np.float64]:
    """(2, 2) lowest and highest u and v of a grid, half a voxel beyond its outermost centres."""
    ends = [(-0.5, size - 0.5) for size in geometry.size_ijk]
    corners = np.array([(*corner, 1.0) for corner in product(*ends)]) @ geometry.ijk_to_lps.T
    uv = corners[:, :3] @ planes.axes[:2].T
    return np.stack([uv.min(axis=0), uv.max(axis=0)])


def stretches(planes: ContourPlanes, end_cap: EndCap) -> Iterator[Stretch]:
    """The region from bottom to top, its ends by the convention of `volume_cc`."""
    share = END_CAPS[end_cap]
    tip = 1 if share < 1 else 0
    for first, last in planes.pieces:
        w = planes.positions_mm[first : last + 1].tolist()
        below, above = float(planes.below_mm[first]), float(planes.above_mm[last])
        bottom, top = w[0], w[-1]
        if first == last:
            below, above = below / 2, above / 2
            bottom, top = bottom - below, top + above
            yield Stretch(lower=first, upper=last, bottom_mm=bottom, top_mm=top)
        for number, (low, high) in enumerate(pairwise(w), first):
            yield Stretch(lower=number, upper=number + 1, bottom_mm=low, top_mm=high)
        if share:
            yield Stretch(lower=first, upper=first, bottom_mm=bottom - below, top_mm=bottom, tip=-tip)
            yield Stretch(lower=last, upper=last, bottom_mm=top, top_mm=top + above, tip=tip)
