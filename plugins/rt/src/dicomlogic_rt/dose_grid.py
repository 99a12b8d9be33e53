"""Where the planes of a dose lie: both meanings of GridFrameOffsetVector, and the grid they make (PS3.3 C.8.8.3.2)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core import Finding, Geometry, GeometryError, Planes, classify_planes, even_distances, finding
from dicomlogic_rt.dose_headers import DoseHeader

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OFFSET_MM = 1e-3
_TRANSVERSE = 1e-3  # of the cosines
_FURTHEST_MM = 1e6  # a kilometre
_EVEN = 0.01  # mm, or parts of the step: how far a plane may be off the grid before values are interpolated


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseGrid:
    """The grid of a dose, and how its slices are made of the stored planes.

    Attributes:
        geometry: of the volume.
        order: (n,) number of the stored plane for every plane, ascending along row x column.
        places: (k,) for every slice of the volume its place among the ordered planes; whole numbers unless the planes
            are uneven.
        findings: what was not as it should be.
    """

    geometry: Geometry
    order: tuple[int, ...]
    places: NDArray[np.float64]
    findings: tuple[Finding, ...] = ()

    @property
    def interpolated(self) -> bool:
        """True when slices lie between stored planes."""
        return len(self.places) != len(self.order) or not bool((self.places == np.arange(len(self.order))).all())


def plane_positions(header: DoseHeader) -> tuple[NDArray[np.float64], list[Finding]]:
    """(n, 3) LPS mm of the first voxel's centre in every stored plane of one instance, and remarks on the offsets.

    A single plane is at ImagePositionPatient.
    Offsets are (a) relative to ImagePositionPatient, along row x column, when they begin with 0; (b) absolute z when
    they begin with its z and planes are transverse. Zero as both is (a).

    Raises:
        GeometryError: ``rt.dose-offsets``: neither of the two; several planes without offsets; fewer than planes.
    """
    _check_plane(header)
    offsets, remarks = header.offsets, list(_remarks(header))
    if header.frames == 1:
        return header.position[None, :], remarks
    if len(offsets) < header.frames:
        raise _bad_offsets(f"{len(offsets)} offsets for {header.frames} planes", header)
    first, used = float(offsets[0]), offsets[: header.frames]
    normal = np.cross(header.orientation[:3], header.orientation[3:])
    normal = normal / np.linalg.norm(normal)
    transverse = math.hypot(normal[0], normal[1]) <= _TRANSVERSE
    if abs(first) <= _OFFSET_MM:
        return header.position + used[:, None] * normal, remarks
    if transverse and abs(first - header.position[2]) <= _OFFSET_MM:
        positions = np.repeat(header.position[None, :], len(used), axis=0)
        positions[:, 2] = used
        return positions, remarks
    raise _bad_offsets(
        f"offsets begin with {first:g} mm, which is neither 0 nor the z of a transverse plane at "
        f"{header.position[2]:g} mm",
        header,
    )


def _check_plane(header: DoseHeader) -> None:
    if not (np.abs([*header.position, *header.offsets]) <= _FURTHEST_MM).all() or np.isnan(header.orientation).any():
        raise GeometryError(
            "ImagePositionPatient or ImageOrientationPatient is absent or unreadable, or planes are beyond a kilometre",
            code="geometry.missing-position",
            where=header.sop_uid,
            remedy="export the dose again",
        )
    rows, columns = header.orientation.clip(-2, 2).reshape(2, 3)  # infinite cosines are no units either
    unit = abs(np.linalg.norm(rows) - 1) <= _TRANSVERSE and abs(np.linalg.norm(columns) - 1) <= _TRANSVERSE
    if not unit or abs(float(rows @ columns)) > _TRANSVERSE or not _sizes(header.pixel_spacing):
        raise GeometryError(
            "the cosines of ImageOrientationPatient are not orthogonal units, or PixelSpacing is not positive",
            code="geometry.invalid-orientation",
            where=header.sop_uid,
            remedy="repair the headers",
        )


def _sizes(lengths: NDArray[np.float64]) -> bool:
    return bool(((lengths > 0) & (lengths <= _FURTHEST_MM)).all())


def _remarks(header: DoseHeader) -> Iterator[Finding]:
    if len(header.offsets) > header.frames:
        yield _note(f"{len(header.offsets)} offsets for {header.frames} planes: the first are used", header)
    if header.frames > 1 and not header.by_offsets:
        yield _note("FrameIncrementPointer does not name GridFrameOffsetVector, which is used all the same", header)


def _note(message: str, header: DoseHeader) -> Finding:
    return finding("rt.dose-offsets", message, where=(header.sop_uid,), severity="note", remedy="")


def _bad_offsets(message: str, header: DoseHeader) -> GeometryError:
    return GeometryError(message, code="rt.dose-offsets", where=header.sop_uid, remedy="export the dose again")


def dose_grid(headers: Sequence[DoseHeader]) -> DoseGrid:
    """The grid of the planes of one instance, or of the single planes of several.

    Stored planes are numbered in the order of `headers` and of their frames.

    Raises:
        GeometryError: planes that are doubled, not parallel or not on a line; offsets that contradict the positions.
    """
    parts = [plane_positions(header) for header in headers]
    positions = np.concatenate([part for part, _ in parts])
    orientation = np.repeat([header.orientation for header in headers], [len(part) for part, _ in parts], axis=0)
    planes = classify_planes(positions, orientation)
    first = headers[0]
    if planes.multiplicity != 1:
        raise _bad_offsets("several planes at one position", first)
    findings = [found for _, remarks in parts for found in remarks]
    if len(headers) == 1 and bool((np.diff(planes.order) < 0).any()):
        findings.append(_note("planes are stored against row x column: they are put in its order", first))
    step, how = _single_step(first) if len(positions) == 1 else (planes.gaps.step_mm, "")
    if how:
        findings.append(finding("geometry.single-slice", f"one plane; its step of {step:g} mm is {how}"))
    matrix = np.array(planes.matrix(first.pixel_spacing, step_mm=step, dense=True))
    places = np.arange(len(positions), dtype=np.float64)
    off = float(planes.offsets_mm(matrix, dense=True).max())
    if off > max(_EVEN, _EVEN * planes.gaps.step_mm):
        places, matrix = _even(planes, matrix)
        findings.extend(_uneven(planes, len(places), first))
    rows, columns = first.size
    geometry = Geometry(size_ijk=(columns, rows, len(places)), ijk_to_lps=matrix)
    return DoseGrid(geometry=geometry, order=tuple(planes.order.tolist()), places=places, findings=tuple(findings))


def _single_step(header: DoseHeader) -> tuple[float, str]:
    if len(header.offsets) > 1 and header.offsets[1] != header.offsets[0]:
        return abs(float(header.offsets[1] - header.offsets[0])), "the distance of the first two offsets"
    if 0 < header.thickness <= _FURTHEST_MM:
        return header.thickness, "SliceThickness"
    return 1.0, "assumed"


def _even(planes: Planes, matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places of evenly spaced slices among uneven planes, and their matrix."""
    if float(planes.drift_mm.max()) > max(_EVEN, _EVEN * planes.gaps.step_mm):
        raise GeometryError(
            f"planes are up to {planes.drift_mm.max():.3g} mm off a straight line",
            code="rt.dose-offsets",
            remedy="load the planes one by one",
        )
    wanted = even_distances(planes.distances)
    places: Any = np.interp(wanted, planes.distances, np.arange(len(planes.distances)))
    resized = matrix.copy()
    resized[:3, 2] *= (len(planes.distances) - 1) / (len(wanted) - 1)
    return places, resized


def _uneven(planes: Planes, count: int, header: DoseHeader) -> Iterator[Finding]:
    gaps = np.diff(planes.distances)
    where = (header.sop_uid,)
    message = f"planes of the dose are {gaps.min():g} to {gaps.max():g} mm apart"
    yield finding("geometry.spacing-varies", message, where=where, remedy="")
    step = float(planes.distances[-1]) / (count - 1)
    yield finding(
        "geometry.resampled",
        f"{len(planes.distances)} planes interpolated linearly along k to {count}, {step:.5g} mm apart",
        where=where,
        remedy="",
    )
