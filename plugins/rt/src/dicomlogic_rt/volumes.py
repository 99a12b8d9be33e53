"""Volumes of regions from the exact areas of their contours, by a stated convention for the ends."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dicomlogic_core import Finding, UsageError, finding
from dicomlogic_rt.contour_planes import ContourPlanes, contour_planes
from dicomlogic_rt.polygon_areas import even_odd_area
from dicomlogic_rt.rois import Roi

if TYPE_CHECKING:
    from numpy.typing import NDArray

EndCap = Literal["half", "full", "cone"]
END_CAPS: dict[str, float] = {"half": 0.0, "full": 1.0, "cone": 1 / 3}
"""Share of the outer half slab of an end plane that counts: none, all, or a cone on it."""

MM3_PER_CC = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoiVolume:
    """The volume of a region and how it was counted.

    Attributes:
        cc: cubic centimetres; NaN when a single plane has no thickness.
        end_cap: convention: ``half`` counts half slabs at the ends (the trapezoid rule), ``full`` whole slabs (as every
            labelmap), ``cone`` half slabs and a cone on each end.
        planes: number of planes with contours.
        spacing_mm: between most neighbouring planes; NaN for a single plane.
        pieces: parts along the normal with empty planes between them.
        areas_mm2: even-odd area of every plane.
        findings: contours left out, planes unevenly spaced.
    """

    cc: float
    end_cap: EndCap
    planes: int
    spacing_mm: float
    pieces: int
    areas_mm2: tuple[float, ...]
    findings: tuple[Finding, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; what is unknown is None."""
        return {
            "cc": self.cc if np.isfinite(self.cc) else None,
            "end_cap": self.end_cap,
            "planes": self.planes,
            "spacing_mm": self.spacing_mm if np.isfinite(self.spacing_mm) else None,
            "pieces": self.pieces,
            "areas_mm2": list(self.areas_mm2),
            "findings": [finding.as_dict() for finding in self.findings],
        }


def volume_cc(
    roi: Roi, *, end_cap: EndCap = "half", largest_gap: float = 1.5, slab_mm: float | None = None
) -> RoiVolume:
    """The volume of a region.

    Between two planes that continue each other lies their mean area times their distance. At each end the plane's outer
    half slab counts by `end_cap`. A plane without neighbours is a whole slab under ``full``; under ``half`` it is half
    a slab, since an end plane has one half slab and here both ends share it; ``cone`` adds its two cones to that.

    Args:
        largest_gap: in spacings: larger gaps between planes are empty, unless they repeat.
        slab_mm: thickness of a plane without neighbours when its contour does not say.

    Raises:
        UsageError: unknown `end_cap`.
    """
    if end_cap not in END_CAPS:
        raise UsageError(f"end_cap {end_cap!r} is unknown", remedy=f"one of {', '.join(END_CAPS)}")
    planes = contour_planes(roi, largest_gap=largest_gap, slab_mm=slab_mm)
    areas = plane_areas(planes)
    findings = planes.findings
    if len(planes) and np.isnan(planes.below_mm).any():
        message = "one plane without a thickness; the volume is unknown"
        findings += (finding("rt.plane-spacing", message, where=(f"ROI {roi.number}",), remedy="give slab_mm"),)
    return RoiVolume(
        cc=float(volume_parts(planes, end_cap) @ areas) / MM3_PER_CC,
        end_cap=end_cap,
        planes=len(planes),
        spacing_mm=planes.spacing_mm,
        pieces=len(planes.pieces),
        areas_mm2=tuple(areas.tolist()),
        findings=findings,
    )


def plane_areas(planes: ContourPlanes) -> NDArray[np.float64]:
    """(planes,) even-odd area in mm2."""
    bounds = np.searchsorted(planes.edge_planes, np.arange(len(planes) + 1)).tolist()
    areas = [even_odd_area(planes.starts[:, a:b], planes.ends[:, a:b]) for a, b in pairwise(bounds)]
    return np.array(areas, dtype=float)


def volume_parts(planes: ContourPlanes, end_cap: EndCap) -> NDArray[np.float64]:
    """(planes,) thickness in mm that each plane's area counts with."""
    share = END_CAPS[end_cap]
    below, above = planes.below_mm.copy(), planes.above_mm.copy()
    for first, last in planes.pieces:
        alone = 0.5 if first == last else 0.0
        below[first] *= alone + (1 - alone) * share
        above[last] *= alone + (1 - alone) * share
    thickness: NDArray[np.float64] = below + above
    return thickness
