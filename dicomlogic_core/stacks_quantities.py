"""What the values of a series are, and their UCUM unit, from headers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dicomlogic_core.findings import Finding, finding
from dicomlogic_core.series import SeriesView

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_CT = frozenset(_STORAGE + end for end in ("2", "2.1", "2.2"))
_MR = frozenset(_STORAGE + end for end in ("4", "4.1", "4.4"))
_PET = frozenset(_STORAGE + end for end in ("128", "128.1", "130"))
_HOUNSFIELD = "[hnsf'U]"
# Units (0054,1001), PS3.3 C.8.9.1.1.3, to quantity and UCUM.
_PET_UNITS = {
    "BQML": ("activity concentration", "Bq/ml"),
    "GML": ("standardized uptake value", "g/ml"),
    "CNTS": ("counts", "{counts}"),
    "CPS": ("count rate", "{counts}/s"),
    "CM2ML": ("standardized uptake value", "cm2/ml"),
    "PROPCNTS": ("proportional to counts", "{propcounts}"),
    "PROPCPS": ("proportional to count rate", "{propcounts}/s"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """Quantity and UCUM unit; both "" when unknown."""

    name: str = ""
    unit: str = ""
    findings: tuple[Finding, ...] = ()


def quantity_of(series: SeriesView, rows: Sequence[int]) -> Quantity:
    """What the rescaled values of frames are."""
    frames = series.frames
    sop_class = series.text("SOPClassUID")[int(frames.instance[rows[0]])] or ""
    if sop_class in _CT:
        return _ct(series, rows)
    if sop_class in _MR:
        return Quantity(name="MR signal intensity", unit="1")
    if sop_class in _PET:
        units = {(series.text("Units")[instance] or "").upper() for instance in frames.instance[list(rows)].tolist()}
        name, unit = _PET_UNITS.get(units.pop(), ("", "")) if len(units) == 1 else ("", "")
        return Quantity(name=name, unit=unit)
    return Quantity()


def _ct(series: SeriesView, rows: Sequence[int]) -> Quantity:
    """Hounsfield units, unless the header says or shows otherwise."""
    picked = list(rows)
    texts = series.frames.text("RescaleType")
    types = {text for row in picked if (text := texts[row])}
    if types == {"HU"}:
        return Quantity(name="CT attenuation", unit=_HOUNSFIELD)
    if types:
        return _not_hounsfield(f"RescaleType is {', '.join(sorted(types))}")
    slope = series.frames.numbers("RescaleSlope")[picked]
    intercept = series.frames.numbers("RescaleIntercept")[picked]
    if any(a != 1 and b == 0 for a, b in zip(slope.tolist(), intercept.tolist()) if not math.isnan(a + b)):
        return _not_hounsfield("RescaleSlope is not 1 while RescaleIntercept is 0")
    return Quantity(name="CT attenuation", unit=_HOUNSFIELD)


def _not_hounsfield(why: str) -> Quantity:
    return Quantity(findings=(finding("pixels.not-hu", f"values of a CT that are no Hounsfield units: {why}"),))
