"""Cumulative dose-volume curves: what they say at a dose or a volume, and how far two of them are apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_POINTS = 2000  # doses at which curves are compared: all their bins up to this many


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DvhCurve:
    """Volume that receives at least a dose.

    Attributes:
        doses: (n,) ascending from 0, edges of bins, in Gy (or parts of a relative dose).
        volumes_cc: (n,) cubic centimetres that receive at least that dose; falls from the whole volume to 0.
    """

    doses: NDArray[np.float64]
    volumes_cc: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ("doses", "volumes_cc"):
            array = np.array(getattr(self, name), dtype=np.float64)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if self.doses.shape != self.volumes_cc.shape or self.doses.ndim != 1 or not len(self.doses):
            raise ValueError(f"doses {self.doses.shape} and volumes {self.volumes_cc.shape} are no curve")

    @property
    def total_cc(self) -> float:
        """The whole volume."""
        return float(self.volumes_cc[0])

    def d(self, percent: float) -> float:
        """Dose that the hottest `percent` of the volume receives at least: ``d(95)`` is D95."""
        return self.d_cc(self.total_cc * percent / 100)

    def d_cc(self, cc: float) -> float:
        """Dose that the hottest `cc` receive at least: ``d_cc(2)`` is D2cc; NaN when the whole volume is smaller."""
        if not 0 <= cc <= self.total_cc * (1 + 1e-12) or self.total_cc == 0:
            return float("nan")
        # The last point with at least this volume: on a plateau its far end, where the volume begins to fall.
        at_least = self.volumes_cc >= min(cc, self.total_cc) if cc > 0 else self.volumes_cc > 0
        last = int(np.flatnonzero(at_least)[-1])
        if last + 1 == len(self.doses):
            return float(self.doses[last])
        low, high = self.volumes_cc[last + 1], self.volumes_cc[last]
        share = float((high - cc) / (high - low)) if high > low else 0.0
        return float(self.doses[last] + share * (self.doses[last + 1] - self.doses[last]))

    def v_cc(self, dose: float) -> float:
        """Volume in cc that receives at least `dose`."""
        return float(np.interp(dose, self.doses, self.volumes_cc, right=0.0))

    def v(self, dose: float) -> float:
        """Percent of the volume that receives at least `dose`: ``v(20)`` is V20."""
        return 100 * self.v_cc(dose) / self.total_cc if self.total_cc else float("nan")

    def differential(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n - 1,) middle dose of every bin, and the cc in it."""
        return (self.doses[1:] + self.doses[:-1]) / 2, -np.diff(self.volumes_cc)

    def percent(self) -> NDArray[np.float64]:
        """(n,) `volumes_cc` as percent of the whole."""
        return 100 * self.volumes_cc / self.total_cc if self.total_cc else np.zeros(len(self.volumes_cc))


@dataclass(frozen=True, slots=True, kw_only=True)
class DvhComparison:
    """How near a curve is to another.

    Attributes:
        pass_percent: share of the compared curve's bins that lie within the tolerances of the reference.
        largest: distance of the farthest bin, 1 being the tolerance.
        largest_volume_percent: largest difference of volume at one dose, percent of the whole.
        volume_percent, dose_percent: the tolerances.
    """

    pass_percent: float
    largest: float
    largest_volume_percent: float
    volume_percent: float
    dose_percent: float


def compare(
    curve: DvhCurve, reference: DvhCurve, *, volume_percent: float = 1.0, dose_percent: float = 1.0
) -> DvhComparison:
    """Compare two curves as SlicerRT does: distance in volume and dose together.

    For every bin of either, the smallest of sqrt((dv / tolerance)^2 + (dd / tolerance)^2) over the reference's line,
    where dv is in percent of the whole volume of each curve, dd of the reference's maximum; 1 or less passes.

    Raises:
        UsageError: a curve without volume.
    """
    if not (curve.total_cc > 0 and reference.total_cc > 0):
        raise UsageError("a curve without volume cannot be compared", remedy="compare regions inside the dose")
    maximum = reference.d(0)
    doses = np.unique(np.concatenate([curve.doses, reference.doses]))
    doses = doses if len(doses) <= _POINTS else np.linspace(0, max(curve.d(0), maximum), _POINTS)
    volumes = np.interp(doses, curve.doses, curve.percent(), right=0.0)
    expected = np.interp(doses, reference.doses, reference.percent(), right=0.0)
    scale = np.array([100 / (dose_percent * maximum) if maximum else 0.0, 1 / volume_percent])
    points = np.stack([doses, volumes], axis=1) * scale
    line = np.stack([doses, expected], axis=1) * scale
    # No point is farther than the line is above or below it, so only the line that near in dose matters.
    reach = np.abs(points[:, 1] - line[:, 1])
    first = np.searchsorted(line[:, 0], points[:, 0] - reach, side="left") - 1
    last = np.searchsorted(line[:, 0], points[:, 0] + reach, side="right") + 1
    spans = zip(first.clip(min=0).tolist(), last.tolist())
    distances = np.array([_distance(point, line[a:b]) for point, (a, b) in zip(points, spans)])
    return DvhComparison(
        pass_percent=float(100 * np.mean(distances <= 1)),
        largest=float(distances.max()),
        largest_volume_percent=float(np.abs(volumes - expected).max()),
        volume_percent=volume_percent,
        dose_percent=dose_percent,
    )


def _distance(point: NDArray[np.float64], line: NDArray[np.float64]) -> float:
    """From a point to a polyline."""
    starts, steps = line[:-1], np.diff(line, axis=0)
    lengths = (steps**2).sum(axis=1)
    along = np.where(lengths > 0, ((point - starts) * steps).sum(axis=1) / np.where(lengths > 0, lengths, 1), 0)
    nearest = starts + along.clip(0, 1)[:, None] * steps
    return float(np.sqrt(((point - nearest) ** 2).sum(axis=1).min()))
