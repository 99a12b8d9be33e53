"""Dose-volume histograms as values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from dicomlogic_core import Finding
from dicomlogic_rt.dvh_curves import DvhCurve
from dicomlogic_rt.volumes import EndCap

_SHOWN = (98, 95, 50, 5, 2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dvh:
    """Dose inside a region.

    All shares are of the volume inside the dose grid (`curve`), which is `volume_cc` but for `outside_cc`.

    Attributes:
        name: of the region.
        roi_number: its number.
        curve: cumulative; ``dvh.d(95)``, ``dvh.d_cc(2)``, ``dvh.v(20)`` and ``dvh.v_cc(20)`` ask it.
        unit: UCUM code of doses: ``Gy``, or ``1`` for relative ones.
        volume_cc: volume of the region by `end_cap`.
        end_cap: convention of `volume_cc` at the ends of the region.
        minimum, mean, maximum: dose; extremes include points on the surface. NaN without any volume in the grid.
        outside_cc: volume beyond the dose grid, whose dose is unknown.
        cell_mm: size of the finest samples.
        samples: their number.
        movement_percent: largest change of a D value or the mean in the last refinement, percent of the maximum.
        findings: of the region's planes; ``rt.dvh-outside-grid``.
    """

    kind: ClassVar[str] = "dvh"

    name: str
    roi_number: int
    curve: DvhCurve
    unit: str
    volume_cc: float
    end_cap: EndCap
    minimum: float
    mean: float
    maximum: float
    outside_cc: float
    cell_mm: float
    samples: int
    movement_percent: float
    findings: tuple[Finding, ...] = ()

    def d(self, percent: float) -> float:
        """Dose that the hottest `percent` of the volume receives at least."""
        return self.curve.d(percent)

    def d_cc(self, cc: float) -> float:
        """Dose that the hottest `cc` receive at least; NaN when there are fewer."""
        return self.curve.d_cc(cc)

    def v(self, dose: float) -> float:
        """Percent of the volume that receives at least `dose`."""
        return self.curve.v(dose)

    def v_cc(self, dose: float) -> float:
        """Volume in cc that receives at least `dose`."""
        return self.curve.v_cc(dose)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able: numbers, curve, findings; what is unknown is None."""
        numbers = {
            key: _number(getattr(self, key))
            for key in ("volume_cc", "outside_cc", "minimum", "mean", "maximum", "cell_mm", "movement_percent")
        }
        return {
            "kind": self.kind,
            "name": self.name,
            "roi_number": self.roi_number,
            "unit": self.unit,
            "end_cap": self.end_cap,
            **numbers,
            "samples": self.samples,
            "d_percent": {str(percent): _number(self.d(percent)) for percent in _SHOWN},
            "doses": self.curve.doses.tolist(),
            "volumes_cc": self.curve.volumes_cc.tolist(),
            "findings": [finding.as_dict() for finding in self.findings],
        }

    def __repr__(self) -> str:
        return (
            f"Dvh({self.name!r}, {self.volume_cc:.4g} cc ({self.end_cap}), min {self.minimum:.4g}, "
            f"mean {self.mean:.4g}, max {self.maximum:.4g} {self.unit}, findings={len(self.findings)})"
        )

    def _repr_html_(self) -> str:
        from dicomlogic_rt.dvh_faces import dvh_table_html  # drawn only in notebooks

        return dvh_table_html([self])


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
