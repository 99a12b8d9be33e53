"""Findings about a stack: every gap, double, drift and tilt with millimetres and the instances it concerns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core.findings import Finding, finding
from dicomlogic_core.planes import Planes
from dicomlogic_core.series import SeriesView

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TILT_DEGREES = 0.05
_DRIFT_MM = 0.01
_JITTER = 1e-4  # radians
_TAG = 0.01  # relative difference of a spacing tag that is worth a note
_MOST_GAPS = 20  # gaps with a finding of their own


def plane_findings(
    series: SeriesView, rows: NDArray[np.int64], planes: Planes, orientation: NDArray[np.float64]
) -> Iterator[Finding]:
    """What is worth knowing about located frames: `rows` in order of position, one per distinct position."""
    uids = [series.sop_uids[instance] for instance in series.frames.instance[rows].tolist()]
    yield from _gap_findings(planes, uids)
    if planes.tilt_degrees > _TILT_DEGREES:
        yield finding("geometry.tilt", f"the stack is sheared: its planes are tilted by {planes.tilt_degrees:.2f} deg")
    worst = int(planes.drift_mm.argmax())
    if planes.drift_mm[worst] > _DRIFT_MM:
        yield finding(
            "geometry.drift",
            f"positions leave a straight line by up to {planes.drift_mm[worst]:.3f} mm, most at plane {worst}",
            where=(uids[worst],),
        )
    jitter = float(np.ptp(orientation, axis=0).max())
    if jitter > _JITTER:
        yield finding("geometry.orientation-jitter", f"direction cosines differ by up to {jitter:.1e}")
    yield from _tag_findings(series, rows, planes)


def _gap_findings(planes: Planes, uids: Sequence[str]) -> Iterator[Finding]:
    gaps = planes.gaps
    if gaps.kind == "missing":
        yield from _holes(planes, uids)
        return
    steps = np.diff(planes.distances)
    if gaps.kind == "rounding":
        yield finding(
            "geometry.spacing-rounding",
            f"the spacing {gaps.step_mm:.5g} mm differs by up to {gaps.deviation_mm:.2g} mm between slices",
        )
    elif gaps.kind == "piecewise":
        runs = "; ".join(f"{run.last - run.first + 1} slices at {run.step_mm:.5g} mm" for run in gaps.runs)
        where = tuple(uids[run.first] for run in gaps.runs[1:])
        yield finding("geometry.spacing-varies", f"runs of different spacing: {runs}", where=where)
    elif gaps.kind == "overlapping":
        yield finding(
            "geometry.overlap",
            f"interleaved blocks: gaps of {steps[0]:.5g} and {steps[1]:.5g} mm alternate",
        )
    elif gaps.kind == "irregular":
        yield finding(
            "geometry.spacing-irregular", f"no regular spacing: gaps of {steps.min():.5g} to {steps.max():.5g} mm"
        )


def _holes(planes: Planes, uids: Sequence[str]) -> Iterator[Finding]:
    grid = planes.gaps.grid
    holes = np.flatnonzero(np.diff(grid) > 1).tolist()
    for before in holes[:_MOST_GAPS]:
        first, last = int(grid[before]) + 1, int(grid[before + 1]) - 1
        which = f"slice k = {first}" if first == last else f"slices k = {first} to {last}"
        gap = float(planes.distances[before + 1] - planes.distances[before])
        yield finding(
            "geometry.gap",
            f"{which} missing: a gap of {gap:.5g} mm where the step is {planes.gaps.step_mm:.5g} mm, between "
            f"{_point(planes.positions[before])} and {_point(planes.positions[before + 1])} mm",
            where=(uids[before], uids[before + 1]),
        )
    if len(holes) > _MOST_GAPS:
        yield finding(
            "geometry.gap",
            f"{len(holes) - _MOST_GAPS} more gaps; all missing slices: k = {', '.join(map(str, planes.gaps.missing))}",
        )


def _point(position: NDArray[np.float64]) -> str:
    return "(" + ", ".join(f"{value:.5g}" for value in position.tolist()) + ")"


def axis_findings(series: SeriesView, rows: NDArray[np.int64]) -> list[Finding]:
    """What is worth knowing about the meaning of the axes."""
    found = []
    grids = series.columns.grids
    if grids and any(row in grids and grids[row].normal_assumed for row in set(series.frames.instance[rows].tolist())):
        found.append(finding("geometry.assumed-normal", "tiles are taken to follow each other along row x column"))
    if "QUADRUPED" in series.text("AnatomicalOrientationType"):
        found.append(finding("geometry.quadruped", "an animal: axes are as stored, their names may mean others"))
    return found


def _tag_findings(series: SeriesView, rows: NDArray[np.int64], planes: Planes) -> Iterator[Finding]:
    """SpacingBetweenSlices against the positions; with a tilt it may also be the table's step."""
    texts = set(series.text("SpacingBetweenSlices"))
    if texts == {None} or len(planes.distances) < 2 or planes.gaps.kind not in ("uniform", "rounding", "missing"):
        return
    values = series.frames.numbers("SpacingBetweenSlices")[rows]
    values = values[np.isfinite(values)]
    if not len(values):
        return
    step = planes.gaps.step_mm
    table = step * float(np.hypot(1.0, np.linalg.norm(planes.shift)))
    off = np.minimum(np.abs(values - step), np.abs(values - table))
    worst = int(off.argmax())
    if off[worst] > _TAG * step:
        yield finding(
            "geometry.spacing-tag",
            f"SpacingBetweenSlices says {values[worst]:g} mm, the positions are {step:.5g} mm apart",
        )


def double_findings(series: SeriesView, doubles: Sequence[tuple[int, tuple[int, ...]]]) -> Iterator[Finding]:
    """Frames at a position that another frame took: (row kept, rows left out)."""
    uids, instance = series.sop_uids, series.frames.instance
    for kept, others in doubles:
        names = tuple(uids[int(instance[row])] for row in (*others, kept))
        x, y, z = series.frames.position[kept].tolist()
        yield finding(
            "geometry.duplicate",
            f"{len(names)} frames at ({x:.5g}, {y:.5g}, {z:.5g}) mm; the last by InstanceNumber is used, loading "
            f"compares their pixels",
            where=names,
            remedy="check which one is meant",
        )
