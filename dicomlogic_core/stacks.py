"""From frames to a stack: the one path of every image adaptor, for single-frame, multi-frame and tiled objects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from dicomlogic_core.findings import Finding, finding
from dicomlogic_core.planes import Planes, classify_planes
from dicomlogic_core.series import SeriesView
from dicomlogic_core.stacks_images import (
    by_appearance,
    image_plane_spacing,
    is_capture,
    is_positioned,
    plane_columns,
    slice_step,
)
from dicomlogic_core.stacks_report import axis_findings, double_findings, plane_findings
from dicomlogic_core.stacks_varying import orientation_clusters

if TYPE_CHECKING:
    from numpy.typing import NDArray

StackKind = Literal["volume", "four-dimensional", "image-plane", "unlocated", "mixed"]

_CONFIDENCE = {
    "single": 0.5,
    "uniform": 0.5,
    "rounding": 0.5,
    "missing": 0.45,
    "piecewise": 0.45,
    "overlapping": 0.45,
    "irregular": 0.3,
}
_LOW = 0.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stack:
    """Frames in the order in which they would lie in an array.

    Attributes:
        series: where they are from.
        rows: rows of the frame table; k ascending for a volume, else by InstanceNumber.
        kind: ``volume``: one frame at every position; ``four-dimensional``: several; ``image-plane``: 2-D images that
            need no position; ``unlocated``: images that need one and have none; ``mixed``: not parallel.
        planes: their positions; None unless located and parallel.
        pixel_spacing: distance of rows, then of columns, mm.
        step_mm: along the normal, of a single plane.
        doubles: (row kept, rows left out) where a few positions hold several frames.
        findings: what is worth knowing.
        confidence: 0.2 to 0.5.
    """

    series: SeriesView
    rows: NDArray[np.int64]
    kind: StackKind
    planes: Planes | None = None
    pixel_spacing: tuple[float, float] = (1.0, 1.0)
    step_mm: float = 1.0
    doubles: tuple[tuple[int, tuple[int, ...]], ...] = ()
    findings: tuple[Finding, ...] = ()
    confidence: float = _LOW

    @property
    def gap_class(self) -> str:
        """The class of its gaps; "" without planes."""
        return "" if self.planes is None else self.planes.gaps.kind

    @property
    def regular(self) -> bool:
        """True when nothing speaks against it being one whole volume."""
        return self.kind == "volume" and not self.doubles and self.gap_class in ("single", "uniform", "rounding")

    @property
    def claimed(self) -> NDArray[np.int64]:
        """`rows` and the doubles left out: no instance disappears."""
        left_out = [row for _, rows in self.doubles for row in rows]
        return np.concatenate([self.rows, np.array(left_out, dtype=np.int64)]) if left_out else self.rows


def stack_of(series: SeriesView, rows: NDArray[np.int64], *, extra: tuple[Finding, ...] = ()) -> Stack:
    """Order `rows` (n >= 1) of the frame table of `series` and say what they make. `extra` findings come first."""
    columns = plane_columns(series)
    if bool(columns.located[rows].all()):
        if orientation_clusters(columns.orientation[rows]) is not None:
            stack = _mixed(series, rows)
        else:
            stack = _located(series, rows, columns.position, columns.orientation)
    else:
        stack = _unlocated(series, rows, columns.invalid)
    if stack.kind != "image-plane":
        stack = _with_pixel_spacing(stack, columns.pixel_spacing)
    more = axis_findings(series, stack.rows)
    return replace(stack, findings=(*extra, *stack.findings, *more)) if extra or more else stack


def _located(
    series: SeriesView, rows: NDArray[np.int64], position: NDArray[np.float64], orientation: NDArray[np.float64]
) -> Stack:
    planes = classify_planes(position[rows], orientation[rows])
    doubles: tuple[tuple[int, tuple[int, ...]], ...] = ()
    if len(planes.distances) < len(rows):
        # From here on the order inside one position counts, and must not be that of files or servers.
        rows = by_appearance(series, rows)
        planes = classify_planes(position[rows], orientation[rows])
        if not _few_doubles(planes):
            return _four_dimensional(series, rows, planes)
        rows, doubles = _drop_doubles(rows, planes)
        planes = classify_planes(position[rows], orientation[rows])
    rows = rows[planes.order]
    found = [*double_findings(series, doubles), *plane_findings(series, rows, planes, orientation[rows])]
    step = planes.gaps.step_mm
    if planes.gaps.kind == "single":
        step, source = slice_step(series, int(rows[0]))
        found.append(finding("geometry.single-slice", f"one slice; its step of {step:g} mm is from {source}"))
    confidence = _CONFIDENCE[planes.gaps.kind]
    return Stack(
        series=series,
        rows=rows,
        kind="volume",
        planes=planes,
        step_mm=step,
        doubles=doubles,
        findings=tuple(found),
        confidence=min(confidence, 0.45) if doubles else confidence,
    )


def _few_doubles(planes: Planes) -> bool:
    """True when a minority of positions holds a second frame: copies rather than another dimension."""
    return planes.multiplicity == 0 and 3 * int((planes.counts > 1).sum()) <= len(planes.counts)


def _drop_doubles(
    rows: NDArray[np.int64], planes: Planes
) -> tuple[NDArray[np.int64], tuple[tuple[int, tuple[int, ...]], ...]]:
    """The last frame of every position, and what it replaced."""
    kept: list[int] = []
    doubles: list[tuple[int, tuple[int, ...]]] = []
    ends = np.cumsum(planes.counts).tolist()
    for end, count in zip(ends, planes.counts.tolist()):
        *others, last = rows[planes.order[end - count : end]].tolist()
        kept.append(last)
        if others:
            doubles.append((last, tuple(others)))
    return np.array(kept, dtype=np.int64), tuple(doubles)


def _four_dimensional(series: SeriesView, rows: NDArray[np.int64], planes: Planes) -> Stack:
    counts = planes.counts
    times = str(planes.multiplicity or f"{counts.min()} to {counts.max()}")
    found = finding(
        "series.four-dimensional",
        f"{len(rows)} frames at {len(counts)} positions, {times} at each: a time or parameter series, not one volume",
        remedy="load a sub-series, or install dicomlogic-multi-volume",
    )
    step = slice_step(series, int(rows[0]))[0] if planes.gaps.kind == "single" else planes.gaps.step_mm
    return Stack(
        series=series,
        rows=rows[planes.order],
        kind="four-dimensional",
        planes=planes,
        step_mm=step,
        findings=(found,),
    )


def _mixed(series: SeriesView, rows: NDArray[np.int64]) -> Stack:
    found = finding("geometry.non-parallel", "frames of several orientations", remedy="load the parts by orientation")
    return Stack(series=series, rows=by_appearance(series, rows), kind="mixed", findings=(found,))


def _unlocated(series: SeriesView, rows: NDArray[np.int64], invalid: NDArray[np.bool_]) -> Stack:
    rows = by_appearance(series, rows)
    first = int(rows[0])
    uids = tuple(dict.fromkeys(series.sop_uids[instance] for instance in series.frames.instance[rows].tolist()))[:20]
    if bool(invalid[rows].any()):
        code, what = "geometry.invalid-orientation", "direction cosines are not two orthogonal unit vectors"
    elif not is_positioned(series, first):
        return _image_plane(series, rows)
    elif "VFRAME" in (series.frames.text("ImageType")[first] or ""):
        code, what = "geometry.vendor-grid", f"{len(rows)} grids of slices whose places are not in the header"
    else:
        what = f"{len(rows)} frames without ImagePositionPatient or ImageOrientationPatient cannot be put in order"
        code = "geometry.missing-position"
    step = slice_step(series, first)[0]
    found = [finding(code, what, where=uids)]
    if is_capture(series, first):
        found.append(_not_image())
    return Stack(series=series, rows=rows, kind="unlocated", step_mm=step, findings=tuple(found))


def _image_plane(series: SeriesView, rows: NDArray[np.int64]) -> Stack:
    first = int(rows[0])
    spacing, trouble = image_plane_spacing(series, first)
    found = [finding("geometry.image-plane", "an image without a place in the patient: axes are those of the image")]
    if trouble:
        found.append(finding("geometry.uncalibrated", trouble))
    if capture := is_capture(series, first):
        found.append(_not_image())
    return Stack(
        series=series,
        rows=rows,
        kind="image-plane",
        pixel_spacing=spacing,
        findings=tuple(found),
        confidence=_LOW if capture else 0.5,
    )


def _not_image() -> Finding:
    return finding("series.not-image", "a screen save, dose sheet, derived capture or unknown class")


def _with_pixel_spacing(stack: Stack, pixel_spacing: NDArray[np.float64]) -> Stack:
    values = pixel_spacing[stack.rows[0]]
    if bool((values > 0).all()):
        return replace(stack, pixel_spacing=cast("tuple[float, float]", tuple(values.tolist())))
    found = finding("geometry.uncalibrated", "no usable PixelSpacing: 1 mm assumed")
    return replace(stack, findings=(*stack.findings, found))
