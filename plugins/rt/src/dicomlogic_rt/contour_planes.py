"""Contours of a region sorted into parallel planes of any orientation: where masks, volumes and DVHs start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import Finding, finding
from dicomlogic_rt.contour_crossings import crossing_contours
from dicomlogic_rt.contour_doubles import doubled_contours
from dicomlogic_rt.plane_axes import following, plane_axes, plane_normal
from dicomlogic_rt.plane_positions import continued, group_positions, slab_edges, usual_gap
from dicomlogic_rt.rois import FILLED_TYPES, Contour, Roi

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_LARGEST_GAP = 1.5  # spacings
_UNEVEN = 0.01  # of the spacing
_OVERLAPPING = 1.1  # spacings: slabs thicker than this
_TOLERATED_MM = 1.0  # out of plane, when there is no spacing to compare with


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ContourPlanes:
    """The filled contours of one region.

    Coordinates are millimetres (u, v, w) along the rows of `axes`: u and v in the planes, w along their normal.

    Attributes:
        axes: (3, 3) float64, rows are the unit vectors u, v, w in LPS; right-handed.
        positions_mm: (planes,) ascending w.
        spacing_mm: what most neighbouring planes agree on; NaN for a single plane.
        below_mm, above_mm: (planes,) how far the slab of each plane reaches either way; NaN when a single plane has no
            thickness.
        pieces: (first, last) plane of each part without gaps, last included.
        starts, ends: (2, edges) u and v of every edge; contours are closed.
        edge_planes: (edges,) plane of each edge, ascending.
        findings: about contours left out, doubled or crossing and planes unevenly spaced.
    """

    axes: NDArray[np.float64]
    positions_mm: NDArray[np.float64]
    spacing_mm: float
    below_mm: NDArray[np.float64]
    above_mm: NDArray[np.float64]
    pieces: tuple[tuple[int, int], ...]
    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    edge_planes: NDArray[np.intp]
    findings: tuple[Finding, ...] = ()

    def __len__(self) -> int:
        return len(self.positions_mm)

    def vertices_lps_mm(self) -> NDArray[np.float64]:
        """(edges, 3) every vertex, on its plane."""
        w = self.positions_mm[self.edge_planes]
        result: NDArray[np.float64] = np.stack([*self.starts, w], axis=1) @ self.axes
        return result


def contour_planes(
    roi: Roi, *, along: ArrayLike = (1.0, 0.0, 0.0), largest_gap: float = _LARGEST_GAP, slab_mm: float | None = None
) -> ContourPlanes:
    """Sort the filled contours of a region into planes.

    Args:
        along: LPS direction that u follows as far as the planes allow, such as the rows of the grid to fill.
        largest_gap: in spacings: neighbours farther apart do not continue each other, unless such gaps repeat (a part
            drawn on every second slice). 2.1 bridges single missing planes.
        slab_mm: thickness of a plane without neighbours, when the contour does not say.
    """
    where = (f"ROI {roi.number}",)
    contours, findings = _usable(roi, where)
    if not contours:
        return _nothing(findings)
    points = np.concatenate([contour.points for contour in contours]).T.copy()
    if not np.isfinite(points).all():
        return contour_planes(_finite(roi), along=along, largest_gap=largest_gap, slab_mm=slab_mm)
    counts = np.array([len(contour.points) for contour in contours])
    firsts = np.cumsum(counts) - counts
    axes = plane_axes(plane_normal(points, firsts), np.asarray(along, float))
    u, v, w = points if (axes == np.eye(3)).all() else axes @ points

    heights = np.add.reduceat(w, firsts) / counts
    flat = _flat(w, firsts, heights)
    if not flat.all():
        message = f"{int((~flat).sum())} of {len(flat)} contours do not lie in the planes of the others; left out"
        findings.append(finding("rt.contour-off-plane", message, where=where))
    if not flat.any():
        return _nothing(findings)
    positions, plane_of = group_positions(heights[flat])
    gaps = np.diff(positions)
    spacing = usual_gap(gaps)
    told = _told_thickness(contours, spacing)
    # Slabs whose thickness is told end there: what repeats is then no drawing on every second slice, but empty.
    joined = continued(gaps, spacing, largest_gap) if told is None else gaps <= largest_gap * told
    findings += _uneven(gaps, joined, spacing, where)
    lone = spacing if np.isfinite(spacing) else _lone_thickness(contours, slab_mm)
    below, above = slab_edges(positions, joined, lone if told is None else told)

    of_contour = np.full(len(contours), -1, np.intp)
    of_contour[flat] = plane_of
    starts = np.stack([u, v])
    again = doubled_contours(starts, firsts, counts, of_contour) & _bounding_alone(contours)
    if again.any():
        message = f"{int(again.sum())} of {len(again)} contours are another one of their plane once more; taken once"
        findings.append(finding("rt.contour-duplicate", message, where=where))
        of_contour[again] = -1
    ends = following(starts, firsts, counts)
    crossed = crossing_contours(starts, ends, firsts, counts, np.where(_bounding_alone(contours), of_contour, -1))
    if crossed.any():
        message = f"{int(crossed.sum())} of {len(crossed)} contours cross another one; what both cover is outside"
        findings.append(finding("rt.contour-overlap", message, where=where))
    starts, ends, edge_planes = _by_plane(starts, ends, np.repeat(of_contour, counts))
    return ContourPlanes(
        axes=axes,
        positions_mm=positions,
        spacing_mm=spacing,
        below_mm=below,
        above_mm=above,
        pieces=_pieces(joined),
        starts=starts,
        ends=ends,
        edge_planes=edge_planes,
        findings=tuple(findings),
    )


def _flat(w: NDArray[np.float64], firsts: NDArray[np.intp], heights: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(contours,) True for those that stay within half a spacing of their mean height."""
    bent = np.maximum(np.maximum.reduceat(w, firsts) - heights, heights - np.minimum.reduceat(w, firsts))
    spacing = usual_gap(np.diff(np.sort(heights)))
    flat: NDArray[np.bool_] = bent <= (spacing / 2 if np.isfinite(spacing) else _TOLERATED_MM)
    return flat


def _finite(roi: Roi) -> Roi:
    """The region with coordinates that are no numbers left out; a contour may then be too short."""
    return replace(
        roi,
        contours=tuple(
            replace(contour, points=contour.points[np.isfinite(contour.points).all(axis=1)]) for contour in roi.contours
        ),
    )


def _by_plane(
    starts: NDArray[np.float64], ends: NDArray[np.float64], planes: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Edges in the order of their planes, without those of plane -1. Most files are in order already."""
    if planes[0] >= 0 and (planes[1:] >= planes[:-1]).all():
        return starts, ends, planes
    order = np.argsort(planes, kind="stable")[int((planes < 0).sum()) :]
    return starts[:, order], ends[:, order], planes[order]


def _usable(roi: Roi, where: tuple[str, ...]) -> tuple[list[Contour], list[Finding]]:
    """The contours to fill, and what is said about the others."""
    usable = [contour for contour in roi.contours if contour.filled]
    closed = [contour for contour in roi.contours if contour.geometric_type in FILLED_TYPES]
    open_ones = sum(contour.geometric_type.startswith("OPEN") for contour in roi.contours)
    findings = []
    if not roi.contours:
        findings.append(finding("rt.roi-empty", "no contours", where=where))
    if len(closed) > len(usable):
        message = f"{len(closed) - len(usable)} of {len(closed)} closed contours have less than three points; left out"
        findings.append(finding("rt.contour-short", message, where=where))
    if open_ones:
        message = f"{open_ones} of {len(roi.contours)} contours are open; not filled"
        findings.append(finding("rt.contour-open", message, where=where))
    return usable, findings


def _bounding_alone(contours: list[Contour]) -> NDArray[np.bool_]:
    """(contours,) True for those that are not meant to cancel what they cover."""
    return np.array([contour.geometric_type != "CLOSEDPLANAR_XOR" for contour in contours])


def _uneven(
    gaps: NDArray[np.float64], joined: NDArray[np.bool_], spacing: float, where: tuple[str, ...]
) -> list[Finding]:
    odd = np.abs(gaps - spacing) > _UNEVEN * spacing
    parts = []
    if odd.any():
        lengths = ", ".join(f"{gap:.4g}" for gap in np.unique(np.round(gaps[odd], 3))[:6])
        parts.append(f"{int(odd.sum())} of {len(gaps)} gaps differ: {lengths} mm")
    if not joined.all():
        parts.append(f"{int((~joined).sum())} of {len(gaps)} gaps are taken as empty")
    if not parts:
        return []
    return [finding("rt.plane-spacing", f"planes are {spacing:.4g} mm apart; {'; '.join(parts)}", where=where)]


def _told_thickness(contours: list[Contour], spacing: float) -> float | None:
    """ContourSlabThickness (mm) where all contours agree on it, else None.

    Slabs thicker than the planes are apart overlap: they tell nothing about where a region ends.
    """
    told = {contour.slab_thickness_mm for contour in contours}
    thickness = told.pop()
    if told or thickness is None or thickness <= 0 or thickness > spacing * _OVERLAPPING:
        return None
    return thickness


def _lone_thickness(contours: list[Contour], slab_mm: float | None) -> float:
    told = [contour.slab_thickness_mm for contour in contours if contour.slab_thickness_mm]
    return abs(told[0]) if told else float("nan") if slab_mm is None else slab_mm


def _pieces(joined: NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    breaks = np.flatnonzero(~joined)
    firsts = [0, *(breaks + 1).tolist()]
    lasts = [*breaks.tolist(), len(joined)]
    return tuple(zip(firsts, lasts))


def _nothing(findings: list[Finding]) -> ContourPlanes:
    return ContourPlanes(
        axes=np.eye(3),
        positions_mm=np.empty(0),
        spacing_mm=float("nan"),
        below_mm=np.empty(0),
        above_mm=np.empty(0),
        pieces=(),
        starts=np.empty((2, 0)),
        ends=np.empty((2, 0)),
        edge_planes=np.empty(0, np.intp),
        findings=tuple(findings),
    )
