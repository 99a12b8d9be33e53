"""Regions as masks on any grid: the image they were drawn on, the dose, or one given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import Finding, Geometry, finding
from dicomlogic_rt.contour_planes import ContourPlanes, contour_planes
from dicomlogic_rt.grid_slicing import Slicing, slicing
from dicomlogic_rt.polygon_fill import filled_boxes
from dicomlogic_rt.rois import Roi

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDING = 1e-3  # of a slab: positions are written with few digits, and a tie must fall the same way everywhere


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
    planes = contour_planes(roi, along=directions[:, 0], largest_gap=largest_gap, slab_mm=_step(roi, geometry))
    findings = planes.findings
    if len(planes):
        cut = slicing(planes, geometry)
        findings += _place(planes, cut, geometry, out, (f"ROI {roi.number}",))
    # A view: the caller's own array stays writable.
    return Mask(array=out.view(), geometry=geometry, name=roi.name, findings=findings)


def _step(roi: Roi, geometry: Geometry) -> float:
    """Distance of the grid's slices (mm): the thickness of a lone plane that tells none."""
    k = geometry.ijk_to_lps[:3, 2]
    normal = np.cross(geometry.ijk_to_lps[:3, 0], geometry.ijk_to_lps[:3, 1])
    return float(abs(k @ normal) / np.linalg.norm(normal))


def _place(
    planes: ContourPlanes, cut: Slicing, geometry: Geometry, out: NDArray[np.bool_], where: tuple[str, ...]
) -> tuple[Finding, ...]:
    size = geometry.size_ijk
    pictures, plane_of = _pairs(planes, cut, size)
    edges, number = _edges_of(planes, plane_of)
    starts = cut.pixels(planes.starts[:, edges], pictures[number])
    ends = cut.pixels(planes.ends[:, edges], pictures[number])
    seen = cut.pictures_of(out)
    for pair, top, left, box in filled_boxes(starts, ends, number, (size[cut.rows], size[cut.columns])):
        target = seen[pictures[pair], top : top + box.shape[0], left : left + box.shape[1]]
        if cut.parallel:
            target[...] = box
        else:
            plane, picture = int(plane_of[pair]), int(pictures[pair])
            target |= box & _in_slab(planes, cut, plane=plane, picture=picture, corner=(top, left), shape=box.shape)
    return tuple(_placing_findings(planes, cut, size, used=set(plane_of.tolist()), pixels=starts, where=where))


def _pairs(
    planes: ContourPlanes, cut: Slicing, size: tuple[int, int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which planes are drawn into which pictures: (pairs,) picture and (pairs,) plane."""
    low, high = _slabs(planes)
    w = cut.w_first + cut.w_steps[cut.axis] * np.arange(size[cut.axis])
    if cut.parallel:
        plane = np.searchsorted(low, w, side="right") - 1
        pictures = np.flatnonzero((plane >= 0) & (w < high[plane]))
        # Planes ascending: their edges are then taken as they lie.
        pictures = pictures if cut.w_steps[cut.axis] > 0 else pictures[::-1]
        return pictures, plane[pictures]
    tilts = [cut.w_steps[axis] * (size[axis] - 1) for axis in (cut.columns, cut.rows)]
    lowest, highest = sum(min(tilt, 0) for tilt in tilts), sum(max(tilt, 0) for tilt in tilts)
    meets = (w[:, None] + lowest < high) & (w[:, None] + highest >= low)
    pictures, plane = np.nonzero(meets)
    return pictures, plane


def _slabs(planes: ContourPlanes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(planes,) lower and upper end of the slab of each plane; the lower one belongs to it."""
    rounding = _ROUNDING * (planes.below_mm + planes.above_mm)
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


def _placing_findings(
    planes: ContourPlanes,
    cut: Slicing,
    size: tuple[int, int, int],
    *,
    used: set[int],
    pixels: NDArray[np.float64],
    where: tuple[str, ...],
) -> Iterator[Finding]:
    beyond = 0
    for pixel, axis in zip(pixels, (cut.columns, cut.rows)):
        if pixel.size and (pixel.min() < -0.5 or pixel.max() > size[axis] - 0.5):
            beyond = max(beyond, int(((pixel < -0.5) | (pixel > size[axis] - 0.5)).sum()))
    tilts = [float(step) * (count - 1) for step, count in zip(cut.w_steps, size)]
    step = abs(float(cut.w_steps[cut.axis]))
    reach = step / 2 * (1 + _ROUNDING)
    low = cut.w_first + sum(min(tilt, 0) for tilt in tilts) - reach
    high = cut.w_first + sum(max(tilt, 0) for tilt in tilts) + reach
    within = planes.positions_mm[(planes.positions_mm >= low) & (planes.positions_mm <= high)]
    if beyond or len(within) < len(planes):
        message = f"{beyond} of {pixels.shape[1]} points and {len(planes) - len(within)} of {len(planes)} planes"
        yield finding("rt.contour-outside", f"{message} lie outside the grid; clipped", where=where)
    # Planes closer than slices need not each meet one; what none of its neighbours stands for is lost.
    met = planes.positions_mm[sorted(used)]
    lost = [one for one in within if not len(met) or float(np.abs(met - one).min()) > reach]
    if lost:
        yield finding("rt.contour-off-plane", f"{len(lost)} planes lie between slices of the grid", where=where)
