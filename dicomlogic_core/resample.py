"""Volumes on other grids and at single points, in world space: `resample_volume` and `sample_points`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core.errors import UsageError
from dicomlogic_core.findings import finding, merged
from dicomlogic_core.resample_grid import Kernel, at_places, general_planes, kernel_type
from dicomlogic_core.resample_lines import leaning_planes, leans, parallel_lines, separable_planes

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from dicomlogic_core.geometry import Geometry
    from dicomlogic_core.objects import Volume

    Planes = Iterator[tuple[NDArray[Any], NDArray[np.bool_]]]

_KERNELS = ("linear", "nearest")
_POINTS = 1 << 16  # at a time
# Attributes in `Volume.metadata["common"]` that are no longer true on another grid.
_GRID_ATTRIBUTES = """
Rows Columns PixelSpacing ImagerPixelSpacing SliceThickness SpacingBetweenSlices SliceLocation NumberOfFrames
ImagePositionPatient ImageOrientationPatient GridFrameOffsetVector GantryDetectorTilt InstanceNumber
"""
_OF_THE_GRID = frozenset(_GRID_ATTRIBUTES.split())
_OF_SLICES = frozenset(["varying", "slice_positions_lps_mm"])


def resample_volume(
    volume: Volume,
    geometry: Geometry,
    *,
    kernel: Kernel = "linear",
    outside: float | None = None,
    through: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None,
) -> Volume:
    """`volume` on the grid `geometry`, which may be turned, sheared or of another size: same LPS mm, same values.

    A voxel is a box: up to half a voxel beyond the outermost centres the outermost values hold, further away `outside`.
    Where a neighbour is missing, NaN or ``metadata["padding"]``, the nearest voxel is taken, so these never mix with
    values.

    Args:
        volume: a lazy one is fetched.
        geometry: of the result.
        kernel: ``linear`` (trilinear; the result is floating point) or ``nearest`` (the type is kept).
        outside: value of voxels outside the source. By default NaN, and where ``nearest`` keeps integers the volume's
            padding value, else 0.
        through: maps ``(n, 3)`` points in LPS mm of the result to those of the volume, where the two are registered;
            by default they are the same points.

    The result keeps name, quantity, unit, frame of reference, findings and metadata, but for what was said of slices,
    and has the finding ``geometry.resampled``. Its voxels are mixed from several slices: `provenance` is empty, and
    ``metadata["resampled"]`` names kernel, studies, series and instances.

    Raises:
        UsageError: an unknown kernel, or an outside value that the type cannot hold.
    """
    check_kernel(kernel)
    volume = volume.fetch()
    source = np.asarray(volume)
    kind = kernel_type(source.dtype, kernel)
    beyond = _outside(volume, kind, outside)
    planes = partial(_planes if through is None else partial(_mapped_planes, through), volume.geometry, geometry)
    size_i, size_j, size_k = geometry.size_ijk
    array = np.empty((size_k, size_j, size_i, *source.shape[3:]), kind)
    left = 0
    for k, (plane, inside) in enumerate(_filled(volume, source, planes, kernel)):
        array[k] = plane
        if not inside.all():
            array[k][~inside] = beyond
            left += int(inside.size - np.count_nonzero(inside))
    share = left / max(math.prod(geometry.size_ijk), 1)
    message = f"{kernel} values on a grid of {geometry.size_ijk} voxels"
    if left:
        message += f"; {100 * share:.3g} % of them lie outside the source and hold {beyond:g}"
    return replace(
        volume,
        array=array,
        geometry=geometry,
        provenance=(),
        missing=(),
        metadata=_metadata(volume, kernel),
        findings=merged(volume.findings, [finding("geometry.resampled", message, remedy="")]),
    )


def sample_points(
    volume: Volume, points_lps_mm: ArrayLike, *, kernel: Kernel = "linear"
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Values of a volume at ``(n, 3)`` points in LPS mm: ``(n,)`` float64, NaN outside; and ``(n,)`` True inside.

    Of a volume with c components per voxel the values are ``(n, c)``. Inside and the half voxel at the border are as
    for `resample_volume`; padding is a value like any other.

    Raises:
        UsageError: the points have another shape, or an unknown kernel.
    """
    check_kernel(kernel)
    points = np.asarray(points_lps_mm, float)
    if points.ndim != 2 or points.shape[1] != 3:
        raise UsageError(f"points have the shape {points.shape}", remedy="give (n, 3): x, y, z in LPS mm")
    source = np.ascontiguousarray(volume.fetch())
    to_index = np.linalg.inv(volume.geometry.ijk_to_lps)
    values = np.full((len(points), *source.shape[3:]), np.nan)
    inside = np.zeros(len(points), bool)
    for first in range(0, len(points), _POINTS):
        part = slice(first, first + _POINTS)
        places = to_index[:3, :3] @ points[part].T + to_index[:3, 3, None]
        found, within = at_places(source, places, kernel)
        values[part][within] = found
        inside[part] = within
    return values, inside


def check_kernel(kernel: str) -> None:
    """Refuse kernels that are not known.

    Raises:
        UsageError: an unknown kernel.
    """
    if kernel not in _KERNELS:
        raise UsageError(f"{kernel!r} is no kernel", remedy=f"use one of {', '.join(_KERNELS)}")


def _outside(volume: Volume, kind: np.dtype[Any], outside: float | None) -> float:
    if outside is None:
        return math.nan if kind.kind == "f" else float(volume.metadata.get("padding", 0))
    if kind.kind != "f" and (not float(outside).is_integer() or not _holds(kind, outside)):
        raise UsageError(f"{kind} voxels cannot hold {outside} outside the source", remedy="give a value of that type")
    return float(outside)


def _holds(kind: np.dtype[Any], value: float) -> bool:
    if kind.kind == "b":
        return value in (0, 1)
    return bool(np.iinfo(kind).min <= value <= np.iinfo(kind).max)


def _planes(here: Geometry, there: Geometry, source: NDArray[Any], kernel: Kernel) -> Planes:
    """Planes on the grid `there` of an array on the grid `here`."""
    matrix = np.linalg.inv(here.ijk_to_lps) @ there.ijk_to_lps
    kind = kernel_type(source.dtype, kernel)
    found = parallel_lines(matrix, there.size_ijk, source.shape[2::-1], kernel)
    if found is not None:
        axes, lines = found
        order = [2 - axis for axis in reversed(axes)]
        return separable_planes(source.transpose(*order, *range(3, source.ndim)), lines, kind)
    if leans(matrix, there.size_ijk):
        return leaning_planes(source, matrix, there.size_ijk, kernel, kind)
    return general_planes(np.ascontiguousarray(source), matrix, there.size_ijk, kernel)


def _mapped_planes(
    through: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    here: Geometry,
    there: Geometry,
    source: NDArray[Any],
    kernel: Kernel,
) -> Planes:
    """As `_planes`, with points of `there` mapped to those of `here`."""
    size_i, size_j, size_k = there.size_ijk
    to_index = np.linalg.inv(here.ijk_to_lps)
    source = np.ascontiguousarray(source)
    j, i = (index.ravel() for index in np.indices((size_j, size_i), dtype=float))
    for k in range(size_k):
        index = np.stack([i, j, np.full(len(i), float(k)), np.ones(len(i))])
        points = through((there.ijk_to_lps[:3] @ index).T)
        found, within = at_places(source, to_index[:3, :3] @ points.T + to_index[:3, 3, None], kernel)
        plane = np.empty((len(i), *source.shape[3:]), found.dtype)
        plane[within] = found
        yield plane.reshape(size_j, size_i, *source.shape[3:]), within.reshape(size_j, size_i)


def _filled(
    volume: Volume, source: NDArray[Any], planes: Callable[[NDArray[Any], Kernel], Planes], kernel: Kernel
) -> Planes:
    """Planes of the result; with the nearest voxels where interpolation would mix values with their absence."""
    holed = _with_holes(volume, source) if kernel == "linear" else None
    if holed is None:
        yield from planes(source, kernel)
        return
    for (plane, inside), (near, _) in zip(planes(holed, "linear"), planes(source, "nearest")):
        yield np.where(np.isnan(plane), near, plane), inside


def _with_holes(volume: Volume, source: NDArray[Any]) -> NDArray[Any] | None:
    """The source as floating point with NaN where there is no value; None when there is one everywhere."""
    holes = np.zeros(source.shape, bool)
    holes[list(volume.missing)] = True
    if (padding := volume.metadata.get("padding")) is not None:
        holes |= source == padding
    if source.dtype.kind == "f":
        holes |= np.isnan(source)
    if not holes.any():
        return None
    holed = source.astype(kernel_type(source.dtype, "linear"))
    holed[holes] = np.nan
    return holed


def _metadata(volume: Volume, kernel: Kernel) -> Mapping[str, Any]:
    refs = [ref for ref in volume.provenance if ref is not None]
    kept = {name: value for name, value in volume.metadata.items() if name not in _OF_SLICES}
    if "common" in kept:
        kept["common"] = {name: text for name, text in kept["common"].items() if name not in _OF_THE_GRID}
    named = {
        "study_uids": list(dict.fromkeys(ref.study_uid for ref in refs)),
        "series_uids": list(dict.fromkeys(ref.series_uid for ref in refs)),
        "instance_uids": list(dict.fromkeys(ref.sop_uid for ref in refs)),
    }
    # A volume that was resampled before has no instances by slice, but still says where it came from.
    kept["resampled"] = {**named, **({} if refs else kept.get("resampled", {})), "kernel": kernel}
    return kept
