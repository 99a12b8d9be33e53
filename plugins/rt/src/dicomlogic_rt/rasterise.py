"""Regions as masks on any grid: the image they were drawn on, the dose, or one given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import Finding, Geometry
from dicomlogic_rt.contour_planes import ContourPlanes, contour_planes
from dicomlogic_rt.grid_fit import ROUNDING, fit_findings
from dicomlogic_rt.grid_slicing import Slicing, slicing
from dicomlogic_rt.polygon_fill import filled_boxes
from dicomlogic_rt.rois import Roi

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EDGES_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mask:
    """A region on a grid.

    Attributes:
        array: ``[k, j, i]`` bool, read-only: True where the voxel's centre is inside.
        geometry: the grid.
        name: of the region.
        findings: what was left out, clipped or filled in.
    """

    array: NDArray[np.bool_]
    geometry: Geometry
    name: str
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        self.array.setflags(write=False)


def rasterise(roi: Roi, geometry: Geometry, *, largest_gap: float = 1.5, out: NDArray[np.bool_] | None = None) -> Mask:
    """The voxels of a grid whose centres lie inside a region.

    Within a plane the even-odd rule counts, for all its contours together. Across planes a voxel belongs to the plane
    in whose slab its centre lies: slabs reach half way to the neighbouring planes, and at the ends as far as on the
    other side. Single missing planes are empty (`largest_gap` of `contour_planes`). Planes may have any orientation.

    Args:
        largest_gap: in spacings: larger gaps between planes are empty, unless they repeat.
        out: ``[k, j, i]`` False everywhere, to be filled; a new array by default.

    Raises:
        ValueError: `out` has another shape.
    """
    shape = geometry.size_ijk[::-1]
    if out is None:
        out = np.zeros(shape, bool)
    elif out.shape != shape:
        raise ValueError(f"out has the shape {out.shape}, the grid {shape}")
    directions = geometry.ijk_to_lps[:3, :3]
    planes = contour_planes(roi, along=directions[:, 0], largest_gap=largest_gap, slab_mm=_step(geometry))
    findings = planes.findings
    if len(planes):
        cut = slicing(planes, geometry)
        findings += _place(planes, cut, geometry, out, (f"ROI {roi.number}",))
    # A view: the caller's own array stays writable.
    return Mask(array=out.view(), geometry=geometry, name=roi.name, findings=findings)


def _step(geometry: Geometry) -> float:
    """Distance of the grid's slices (mm): the thickness of a lone plane that tells none."""
    k = geometry.ijk_to_lps[:3, 2]
    normal = np.cross(geometry.ijk_to_lps[:3, 0], geometry.ijk_to_lps[:3, 1])
    return float(abs(k @ normal) / np.linalg.norm(normal))


def _place(
    planes: ContourPlanes, cut: Slicing, geometry: Geometry, out: NDArray[np.bool_], where: tuple[str, ...]
) -> tuple[Finding, ...]:
    size = geometry.size_ijk
    pictures, plane_of = _pairs(planes, cut, size) if cut.parallel else _oblique_pairs(planes, cut, size)
    seen = cut.pictures_of(out)
    for part in _portions(planes, plane_of):
        _draw(planes, cut, seen, pictures[part], plane_of[part])
    return tuple(fit_findings(planes, cut, geometry, used=np.unique(plane_of), where=where))


def _draw(
    planes: ContourPlanes,
    cut: Slicing,
    seen: NDArray[np.bool_],
    pictures: NDArray[np.intp],
    plane_of: NDArray[np.intp],
) -> None:
    """Fill pictures ``[picture, row, column]`` with the contours of a plane each."""
    edges, number = _edges_of(planes, plane_of)
    starts = cut.pixels(planes.starts[:, edges], pictures, number)
    ends = cut.pixels(planes.ends[:, edges], pictures, number)
    for pair, top, left, box in filled_boxes(starts, ends, number, (seen.shape[1], seen.shape[2])):
        picture = int(pictures[pair])
        target = seen[picture, top : top + box.shape[0], left : left + box.shape[1]]
        if cut.parallel:
            target[...] = box
        else:
            plane = int(plane_of[pair])
            target |= box & _in_slab(planes, cut, plane=plane, picture=picture, corner=(top, left), shape=box.shape)


def _portions(planes: ContourPlanes, plane_of: NDArray[np.intp]) -> Iterator[slice]:
    """Pairs of about a million edges at a time: every oblique picture meets many planes."""
    edges = np.bincount(planes.edge_planes, minlength=len(planes))[plane_of]
    group = np.cumsum(edges) // _EDGES_AT_ONCE
    breaks = (np.flatnonzero(np.diff(group)) + 1).tolist()
    for first, last in pairwise([0, *breaks, len(plane_of)]):
        yield slice(first, last)


def _pairs(
    planes: ContourPlanes, cut: Slicing, size: tuple[int, int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which plane is drawn into which picture: (pairs,) picture and (pairs,) plane."""
    low, high = _slabs(planes)
    w = cut.w_first + cut.w_steps[cut.axis] * np.arange(size[cut.axis])
    plane = np.searchsorted(low, w, side="right") - 1
    pictures = np.flatnonzero((plane >= 0) & (w < high[plane]))
    # Planes ascending: their edges are then taken as they lie.
    pictures = pictures if cut.w_steps[cut.axis] > 0 else pictures[::-1]
    return pictures, plane[pictures]


def _oblique_pairs(
    planes: ContourPlanes, cut: Slicing, size: tuple[int, int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """As `_pairs` when pictures cut through several planes: those whose slab meets the box of their contours there."""
    firsts = np.searchsorted(planes.edge_planes, np.arange(len(planes)))
    base = cut.pixels(planes.starts, np.zeros(1, np.intp), 0)
    boxes = np.stack([kind.reduceat(base, firsts, axis=1) for kind in (np.minimum, np.maximum)])
    number = np.arange(size[cut.axis])
    steps = cut.w_steps[[cut.columns, cut.rows]]
    tilts = boxes * steps[:, None]
    w = cut.w_first + (cut.w_steps[cut.axis] + steps @ cut.drift) * number[:, None]
    low, high = _slabs(planes)
    meets = (w + tilts.min(axis=0).sum(axis=0) < high) & (w + tilts.max(axis=0).sum(axis=0) >= low)
    pictures, plane_of = np.nonzero(meets)
    return pictures, plane_of


def _slabs(planes: ContourPlanes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(planes,) lower and upper end of the slab of each plane; the lower one belongs to it."""
    rounding = ROUNDING * (planes.below_mm + planes.above_mm)
    low = planes.positions_mm - planes.below_mm - rounding
    return low, planes.positions_mm + planes.above_mm - rounding


def _edges_of(planes: ContourPlanes, plane_of: NDArray[np.intp]) -> tuple[slice | NDArray[np.intp], NDArray[np.intp]]:
    """The edges of each pair's plane, pair by pair: which edges, and (n,) number of the pair of each."""
    first = np.searchsorted(planes.edge_planes, plane_of)
    counts = np.searchsorted(planes.edge_planes, plane_of, side="right") - first
    number = np.repeat(np.arange(len(plane_of)), counts)
    if len(plane_of) and (np.diff(plane_of) == 1).all():
        return slice(int(first[0]), int(first[0]) + len(number)), number
    before = np.cumsum(counts) - counts
    return np.arange(len(number)) - np.repeat(before - first, counts), number


def _in_slab(
    planes: ContourPlanes, cut: Slicing, *, plane: int, picture: int, corner: tuple[int, int], shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    low, high = _slabs(planes)
    rows = cut.w_steps[cut.rows] * (corner[0] + np.arange(shape[0]))
    columns = cut.w_steps[cut.columns] * (corner[1] + np.arange(shape[1]))
    w = cut.w_first + cut.w_steps[cut.axis] * picture + rows[:, None] + columns
    result: NDArray[np.bool_] = (w >= low[plane]) & (w < high[plane])
    return result
