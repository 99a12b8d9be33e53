"""Distances between neighbouring planes: regular, with holes, in runs, interleaved or without any rule.

Tolerances: 0.01 mm is Slicer's, 1 % highdicom's and the Imaging Data Commons', 10 % for a hole vtk-dicom's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

GapClass = Literal["single", "uniform", "rounding", "missing", "piecewise", "overlapping", "irregular"]

_ABSOLUTE_MM = 0.01
_HOLE = 0.10  # a hole is a multiple of the step within this part of it
_INTERLEAVED = 0.25  # alternating gaps nearer than this are jitter
_MOST_FILLED = 10  # a grid with more than this many places per stored plane is no stack with holes


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Neighbouring planes `first`..`last` (inclusive) of one step in mm."""

    first: int
    last: int
    step_mm: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gaps:
    """How m planes follow each other.

    Attributes:
        kind: the class; ``single`` for one plane.
        step_mm: the step of the grid: the median gap, or the unit that all gaps are multiples of.
        grid: (m,) place of every plane on the grid, from 0; 0..m-1 unless planes are missing.
        runs: runs of equal step, for ``piecewise`` only.
        deviation_mm: largest difference of a gap from its multiple of `step_mm`.
    """

    kind: GapClass
    step_mm: float
    grid: NDArray[np.int64]
    runs: tuple[Run, ...] = ()
    deviation_mm: float = 0.0

    @property
    def missing(self) -> tuple[int, ...]:
        """Places of the grid without a plane."""
        if not len(self.grid) or self.grid[-1] == len(self.grid) - 1:
            return ()
        return tuple(sorted(set(range(int(self.grid[-1]) + 1)) - set(self.grid.tolist())))


def is_uniform(gaps: NDArray[np.float64]) -> bool:
    """True when all gaps (mm) are one step: within 0.01 mm or 0.1 % of the median; 1 % below 0.1 mm."""
    middle = float(np.median(gaps))
    return float(np.abs(gaps - middle).max()) <= _tolerance(middle)


def _tolerance(middle: float) -> float:
    return max(_ABSOLUTE_MM, 1e-3 * middle) if middle >= 0.1 else 0.01 * middle


def classify_gaps(distances: NDArray[np.float64]) -> Gaps:
    """The class of planes at ascending, distinct `distances` (m,) along their normal, in mm."""
    count = len(distances)
    plain = np.arange(count, dtype=np.int64)
    if count < 2:
        return Gaps(kind="single", step_mm=float("nan"), grid=plain)
    gaps = np.diff(distances)
    middle = float(np.median(gaps))
    deviation = float(np.abs(gaps - middle).max())
    if deviation <= _tolerance(middle):
        return Gaps(kind="uniform", step_mm=middle, grid=plain, deviation_mm=deviation)
    if deviation <= 0.01 * middle:
        return Gaps(kind="rounding", step_mm=middle, grid=plain, deviation_mm=deviation)
    if (holes := _with_holes(gaps, middle)) is not None:
        return holes
    runs = _runs(gaps)
    kind: GapClass = "piecewise" if runs else "overlapping" if _interleaved(gaps) else "irregular"
    return Gaps(kind=kind, step_mm=middle, grid=plain, runs=runs, deviation_mm=deviation)


def _with_holes(gaps: NDArray[np.float64], middle: float) -> Gaps | None:
    """The grid on which every gap is a whole number of steps; None when there is none."""
    for unit in (middle, float(gaps.min()), robust_step(gaps)):
        steps = np.rint(gaps / unit).astype(np.int64)
        if steps.min() < 1 or steps.max() < 2 or steps.sum() + 1 > _MOST_FILLED * (len(gaps) + 1):
            continue
        deviation = np.abs(gaps - steps * unit)
        if deviation.max() <= _HOLE * unit:
            grid = np.concatenate([[0], np.cumsum(steps)])
            return Gaps(kind="missing", step_mm=unit, grid=grid, deviation_mm=float(deviation.max()))
    return None


def robust_step(gaps: NDArray[np.float64]) -> float:
    """The mean (mm) of the smallest gaps that agree with each other, as many as do: larger ones hold holes."""
    ordered = np.sort(gaps)
    numbers = np.arange(1, len(gaps) + 1)
    means = np.cumsum(ordered) / numbers
    variances = np.cumsum(ordered * ordered) / numbers - means * means
    agreeing = np.flatnonzero(variances <= 1e-6 * means * means)
    return float(means[agreeing[-1]])


def _stretches(gaps: NDArray[np.float64]) -> list[tuple[int, int]]:
    """First and last index of maximal stretches of equal gaps."""
    allowed = np.where(gaps >= 0.1, np.maximum(_ABSOLUTE_MM, 1e-3 * gaps), 0.01 * gaps)
    breaks = np.flatnonzero(np.abs(np.diff(gaps)) > allowed[1:]) + 1
    starts = [0, *breaks.tolist()]
    return [(first, after - 1) for first, after in zip(starts, [*starts[1:], len(gaps)])]


def _runs(gaps: NDArray[np.float64]) -> tuple[Run, ...]:
    """Two or three runs of at least three planes that make up the whole; empty when that is not so.

    A lone gap between two runs is their boundary. Where no lone gap lies between them, the gap after a run leads to the
    first plane of the next.
    """
    runs: list[Run] = []
    start = 0
    for first, last in _stretches(gaps):
        if len(runs) == 3:
            return ()
        if first == last and runs and first == start - 1:
            continue  # the lone gap that leads to the plane at which the next run starts
        run = Run(first=start, last=last + 1, step_mm=float(np.median(gaps[first : last + 1])))
        if run.last - run.first < 2 or not is_uniform(gaps[first : last + 1]):
            return ()
        runs.append(run)
        start = run.last + 1
    return tuple(runs) if len(runs) in (2, 3) and runs[-1].last == len(gaps) else ()


def _interleaved(gaps: NDArray[np.float64]) -> bool:
    """True for two uniform sets of planes pushed into each other: every second gap is the same, the others differ."""
    if len(gaps) < 4 or not (is_uniform(gaps[0::2]) and is_uniform(gaps[1::2])):
        return False
    return abs(float(gaps[0] - gaps[1])) > _INTERLEAVED * float(gaps[:2].max())
