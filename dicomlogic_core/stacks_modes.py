"""Ways to load an uneven stack: filled, cut into runs, as it is, or resampled; and how each is laid out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from dicomlogic_core.errors import GeometryError, UsageError
from dicomlogic_core.findings import Finding, finding
from dicomlogic_core.geometry import Geometry, frozen_array
from dicomlogic_core.stacks import Stack
from dicomlogic_core.stacks_images import by_appearance, plane_columns
from dicomlogic_core.stacks_keys import StackPart

if TYPE_CHECKING:
    from numpy.typing import NDArray

Mode = Literal["", "fill", "split", "as-is", "resample", "error"]
MODES: tuple[Mode, ...] = ("fill", "split", "as-is", "resample", "error")

_CODES = {
    "missing": "geometry.gap",
    "piecewise": "geometry.spacing-varies",
    "overlapping": "geometry.overlap",
    "irregular": "geometry.spacing-irregular",
}
_OFF_GRID_MM = 1e-3  # Slicer's tolerance of corners
_OFFERED: dict[str, tuple[Mode, ...]] = {
    "missing": ("fill", "as-is", "resample"),
    "piecewise": ("split", "as-is", "resample"),
    "overlapping": ("as-is", "resample"),
    "irregular": ("as-is", "resample"),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """Where the frames of a stack go.

    Attributes:
        rows: for every k a row of the frame table; None for a slice that is missing.
        geometry: the grid.
        positions: (k, 3) LPS mm where every slice truly is; None when `geometry` is right within 1e-3 mm.
        offset_mm: largest distance of a slice from where `geometry` puts it.
    """

    rows: tuple[int | None, ...]
    geometry: Geometry
    positions: NDArray[np.float64] | None = None
    offset_mm: float = 0.0

    @property
    def missing(self) -> tuple[int, ...]:
        """Indices k of missing slices."""
        return tuple(k for k, row in enumerate(self.rows) if row is None)


def mode_of(text: str | None) -> Mode:
    """The mode an option names; "" for the default.

    Raises:
        UsageError: no such mode.
    """
    if not text:
        return ""
    if text not in MODES:
        raise UsageError(f"irregular={text} is not known", remedy=f"use one of {', '.join(MODES)}")
    return text


def modes_for(stack: Stack) -> tuple[Mode, ...]:
    """The ways to load it that are offered, the default first; ("",) when there is nothing to choose."""
    return _OFFERED.get(stack.gap_class, ("",)) if stack.kind == "volume" else ("",)


def can_be(stack: Stack, mode: Mode) -> bool:
    """True when a stack can be made one volume in a mode: holes can be filled only where steps are whole multiples."""
    if stack.kind != "volume" or mode == "split":
        return False
    return mode != "fill" or stack.gap_class == "missing"


def runs_of(stack: Stack) -> list[StackPart]:
    """The runs of equal step of a stack, or its stretches between missing slices; empty when it has only one."""
    if stack.planes is None or stack.kind != "volume":
        return []
    gaps = stack.planes.gaps
    bounds = [(run.first, run.last) for run in gaps.runs]
    if gaps.kind == "missing":
        starts = [0, *(np.flatnonzero(np.diff(gaps.grid) > 1) + 1).tolist()]
        bounds = [(first, after - 1) for first, after in zip(starts, [*starts[1:], len(gaps.grid)])]
    if len(bounds) < 2:
        return []
    why: tuple[Finding, ...] = tuple(found for found in stack.findings if found.code.startswith("geometry."))
    return [
        StackPart(rows=stack.rows[first : last + 1], label=f"run {number}", findings=why)
        for number, (first, last) in enumerate(bounds, 1)
    ]


def layout_of(stack: Stack, mode: Mode = "") -> Layout:
    """Frames and grid of a stack. Resampling starts from ``as-is``.

    Raises:
        GeometryError: the stack is no volume, or is uneven and `mode` is ``error``.
    """
    if stack.kind == "image-plane":
        return stored_order(stack)
    if stack.planes is None or stack.kind != "volume":
        raise stack_refusal(stack)
    if mode == "error" and not stack.regular:
        raise stack_refusal(stack)
    planes = stack.planes
    dense = planes.gaps.kind != "missing" or mode in ("as-is", "resample")
    matrix = planes.matrix(stack.pixel_spacing, step_mm=stack.step_mm, dense=dense)
    places = np.arange(len(stack.rows)) if dense else planes.gaps.grid
    rows: list[int | None] = [None] * (int(places[-1]) + 1)
    for place, row in zip(places.tolist(), stack.rows.tolist()):
        rows[place] = row
    offset = float(planes.offsets_mm(matrix, dense=dense).max())
    positions = None
    if offset > _OFF_GRID_MM:
        positions = matrix[:3, 3] + np.arange(len(rows))[:, None] * matrix[:3, 2]
        positions[places] = planes.positions
        positions = frozen_array(positions)
    return Layout(rows=tuple(rows), geometry=_geometry(stack, len(rows), matrix), positions=positions, offset_mm=offset)


def as_is_finding(stack: Stack) -> Finding | None:
    """How far equal steps put the slices of an uneven stack from their places; None when they do not."""
    if stack.kind != "volume" or stack.gap_class not in _OFFERED:
        return None
    layout = layout_of(stack, "as-is")
    if layout.positions is None:
        return None
    step = layout.geometry.spacing_mm[2]
    return finding(
        _CODES[stack.gap_class],
        f"as they are stored, slices {step:.5g} mm apart are up to {layout.offset_mm:.4g} mm from their places",
        severity="error" if layout.offset_mm > stack.step_mm / 2 else "warning",
        remedy="use the position table, or another way: irregular="
        + ", ".join(mode for mode in _OFFERED[stack.gap_class] if mode != "as-is"),
    )


def stored_order(stack: Stack) -> Layout:
    """All frames in order of InstanceNumber on a nominal grid, for a caller who says that this is right."""
    rows = by_appearance(stack.series, stack.claimed)
    matrix = np.eye(4)
    between_rows, between_columns = stack.pixel_spacing
    matrix[:3, :3] = np.diag([between_columns, between_rows, stack.step_mm])
    return Layout(rows=tuple(rows.tolist()), geometry=_geometry(stack, len(rows), matrix))


def _geometry(stack: Stack, count: int, matrix: NDArray[np.float64]) -> Geometry:
    rows, columns = plane_columns(stack.series).size[stack.rows[0]].tolist()
    return Geometry(size_ijk=(columns, rows, count), ijk_to_lps=matrix)


def stack_refusal(stack: Stack) -> GeometryError:
    """The error that says why a stack is not loaded, and what would help."""
    reasons = [found for found in stack.findings if found.severity != "note"] or list(stack.findings)
    first = reasons[0]
    return GeometryError(
        f"not loaded as one volume: {'; '.join(found.message for found in reasons)}",
        code=first.code,
        where=stack.series.series_uid,
        remedy=first.remedy,
    )
