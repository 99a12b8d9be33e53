"""Scalars that an uptake value needs: refused when absent, repaired when their unit is plainly another."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from dicomlogic_core import Finding, finding
from dicomlogic_pet_ct.inputs import Number, PetInputs

_GRAMS = 1000.0  # no patient weighs as many kg
_CENTIMETRES = 3.0  # nobody is as many metres tall
_MEGABECQUEREL = 1e5  # less Bq than any scan needs
_KG = (1.0, 350.0)
_METRES = (0.3, 2.5)
_BQ = (1e6, 5e9)
_SMALL_BQ = 30e6  # doses are rarely less, and rarely more in mCi
_HALF_LIFE_S = (50.0, 1e6)
_HALF_LIFE_OFF = 0.02  # relative


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """An input after its check. `value` is NaN exactly when an error is among `findings`."""

    input: Number
    findings: tuple[Finding, ...] = ()

    @property
    def value(self) -> float:
        """The value to use."""
        return self.input.value

    @property
    def usable(self) -> bool:
        """True when there is a value."""
        return isfinite(self.input.value)


def checked_weight(inputs: PetInputs) -> Checked:
    """Weight in kg."""
    given = inputs.weight
    if not _positive(given):
        return _missing(given, "suv.no-weight")
    found = []
    if given.value >= _GRAMS:
        given = given.repaired(given.value / 1000)
        found.append(finding("suv.weight-in-grams", f"{_said(given)} is taken as grams: {given.value:.6g} kg"))
    found += _outside(given, _KG, "suv.body-range")
    return Checked(input=given, findings=tuple(found))


def checked_height(inputs: PetInputs) -> Checked:
    """Height in m."""
    given = inputs.height
    if not _positive(given):
        return _missing(given, "suv.no-height")
    found = []
    if given.value >= _CENTIMETRES:
        given = given.repaired(given.value / 100)
        found.append(finding("suv.height-unit", f"{_said(given)} is taken as cm: {given.value:.6g} m"))
    found += _outside(given, _METRES, "suv.body-range")
    return Checked(input=given, findings=tuple(found))


def checked_dose(inputs: PetInputs) -> Checked:
    """Dose in Bq."""
    given = inputs.dose
    if not _positive(given):
        return _missing(given, "suv.no-dose")
    found = []
    if given.value < _MEGABECQUEREL:
        given = given.repaired(given.value * 1e6)
        found.append(
            finding("suv.dose-in-mbq", f"{_said(given)} is taken as MBq: {given.value:.6g} Bq{_as_mci(given)}")
        )
    found += _outside(given, _BQ, "suv.dose-range")
    return Checked(input=given, findings=tuple(found))


def checked_half_life(inputs: PetInputs) -> Checked:
    """Half-life in s."""
    given = inputs.half_life
    if not _positive(given):
        hint = f"half-life-s={inputs.nuclide_half_life_s:g}" if isfinite(inputs.nuclide_half_life_s) else ""
        return _missing(given, "suv.no-half-life", remedy=f"give it: {hint}" if hint else None)
    found = _outside(given, _HALF_LIFE_S, "suv.half-life-range")
    expected = inputs.nuclide_half_life_s
    if isfinite(expected) and abs(given.value / expected - 1) > _HALF_LIFE_OFF:
        message = f"{_said(given)} s, but the nuclide that is named has {expected:g} s"
        found.append(finding("suv.half-life-range", message))
    return Checked(input=given, findings=tuple(found))


def _positive(given: Number) -> bool:
    return isfinite(given.value) and given.value > 0


def _said(given: Number) -> str:
    return f"{given.tag} {given.raw}"


def _as_mci(megabecquerel: Number) -> str:
    """A word on doses that are small as MBq and usual as mCi."""
    other = 37 * megabecquerel.value / 1e6
    return f"; if it is mCi: dose-mbq={other:.6g}" if megabecquerel.value <= _SMALL_BQ else ""


def _missing(given: Number, code: str, *, remedy: str | None = None) -> Checked:
    what = "is absent" if not given.raw.strip() else f"says {given.raw!r}"
    absent = Number(name=given.name, tag=given.tag, raw=given.raw, unit=given.unit)
    return Checked(input=absent, findings=(finding(code, f"{given.tag} {what}", severity="error", remedy=remedy),))


def _outside(given: Number, usual: tuple[float, float], code: str) -> list[Finding]:
    low, high = usual
    if low <= given.value <= high:
        return []
    return [finding(code, f"{given.name} of {given.value:.6g} {given.unit}, usual is {low:g} to {high:g} {given.unit}")]
