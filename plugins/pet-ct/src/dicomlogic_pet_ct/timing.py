"""The way back to the injection: to what values are corrected for decay, when the tracer was given, and the factor."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, log, nan
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import Finding, finding
from dicomlogic_pet_ct.checks import Checked, checked_half_life
from dicomlogic_pet_ct.decay import Reference, corrected_to, measured_at
from dicomlogic_pet_ct.injection import checked_uptake, injection
from dicomlogic_pet_ct.inputs import Number, PetInputs, Word
from dicomlogic_pet_ct.severities import as_warnings, has_errors

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FACTOR_OFF = 1e-3
_DECAY = "exp(ln 2 / half-life x (reference time - injection time))"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timing:
    """The times of one part of a series. Moments are seconds since 2000, NaN where they are not known.

    Attributes:
        reference_s: (n,) when the values of every frame hold; the injection itself for values corrected to it.
        rule: how that was chosen.
        injected_s: moment of injection.
        uptake_s: (n,) from the injection to `reference_s`, or to the acquisition for values corrected to the injection.
        factor: (n,) that takes every frame back to the injection; NaN when an error is among `findings`.
        formula: of the factor.
        inputs: what was used, for the report.
        findings: what is worth knowing.
    """

    reference_s: NDArray[np.float64]
    rule: str
    injected_s: float
    uptake_s: NDArray[np.float64]
    factor: NDArray[np.float64]
    formula: str
    inputs: tuple[Number | Word, ...] = ()
    findings: tuple[Finding, ...] = ()


def timing(inputs: PetInputs) -> Timing:
    """Decay from the injection to the moments at which the values hold."""
    half_life = checked_half_life(inputs)
    mode, problems = _mode(inputs)
    if mode == "ADMIN":
        return at_injection(inputs, "corrected to the injection", problems, half_life)
    found = [*problems, *half_life.findings]
    if not mode or not half_life.usable:
        return _nothing(inputs, half_life, found)
    at = corrected_to(inputs, half_life.value) if mode == "START" else measured_at(inputs, half_life.value)
    if isinstance(at, Finding):
        return _nothing(inputs, half_life, [*found, at])
    return _between(inputs, half_life, at, found)


def at_injection(inputs: PetInputs, rule: str, problems: list[Finding], half_life: Checked | None = None) -> Timing:
    """The times of values that hold for the injection: what is wrong with them is a warning only."""
    half_life = half_life or checked_half_life(inputs)
    found = [*problems, *as_warnings(half_life.findings)]
    seconds = inputs.frames.acquisition_s
    known = seconds[np.isfinite(seconds)]
    used, injected = half_life.input, nan
    moment: Number | None = None
    if half_life.usable and len(known):
        given = injection(inputs, float(known.min()), half_life.value)
        moment, injected = given.input, given.input.value
        found.extend(as_warnings(given.findings))
        if isfinite(injected):
            uptake = checked_uptake(inputs, injected, float(known.min()), float(known.max()), half_life.value)
            found.extend(as_warnings(uptake))
    count = len(inputs.frames)
    return Timing(
        reference_s=np.full(count, injected),
        rule=rule,
        injected_s=injected,
        uptake_s=seconds - injected,
        factor=np.ones(count),
        formula="1",
        inputs=(used,) if moment is None else (used, moment),
        findings=tuple(found),
    )


def _between(inputs: PetInputs, half_life: Checked, at: Reference, found: list[Finding]) -> Timing:
    first, last = float(at.seconds.min()), float(at.seconds.max())
    given = injection(inputs, first, half_life.value)
    injected = given.input.value
    found = [*found, *at.findings, *given.findings]
    if isfinite(injected):
        found.extend(checked_uptake(inputs, injected, first, last, half_life.value))
    factor = np.full(len(inputs.frames), nan)
    if not has_errors(found):
        factor = np.exp(log(2) / half_life.value * (at.seconds - injected))
    return Timing(
        reference_s=at.seconds,
        rule=at.rule,
        injected_s=injected,
        uptake_s=at.seconds - injected,
        factor=factor,
        formula=_DECAY,
        inputs=(half_life.input, given.input, *([inputs.reference] if inputs.reference.source == "option" else [])),
        findings=tuple(found),
    )


def _nothing(inputs: PetInputs, half_life: Checked, found: list[Finding]) -> Timing:
    unknown = np.full(len(inputs.frames), nan)
    return Timing(
        reference_s=unknown,
        rule="",
        injected_s=nan,
        uptake_s=unknown,
        factor=unknown,
        formula="",
        inputs=(half_life.input,),
        findings=tuple(found),
    )


def _mode(inputs: PetInputs) -> tuple[str, list[Finding]]:
    """START, ADMIN or NONE; "" with an error when it is not known or contradicts CorrectedImage."""
    said = inputs.decay_correction
    corrected = not inputs.corrected.isdisjoint(("DECY", "DECAY"))
    if said.value not in ("START", "ADMIN", "NONE"):
        what = f"says {said.raw!r}" if said.raw.strip() else "is absent"
        return "", [finding("suv.decay-correction", f"{said.tag} {what}", severity="error")]
    if said.source == "option":
        return said.value, [finding("suv.option", f"decay correction {said.value} by option")]
    if said.value == "NONE":
        return _not_corrected(inputs, said, corrected=corrected)
    if not corrected:
        message = f"CorrectedImage does not name DECY, but DecayCorrection is {said.value}"
        return "", [finding("suv.not-decay-corrected", message, severity="error")]
    return said.value, []


def _not_corrected(inputs: PetInputs, said: Word, *, corrected: bool) -> tuple[str, list[Finding]]:
    """Values that are said not to be corrected, unless the factor that they were multiplied by says otherwise."""
    factors = inputs.frames.decay_factor
    if bool((np.abs(factors[np.isfinite(factors)] - 1) > _FACTOR_OFF).any()):
        message = f"{said.tag} is {said.raw}, but DecayFactor is up to {np.nanmax(factors):.4g}"
        return "", [finding("suv.not-decay-corrected", message, severity="error")]
    message = "values are not corrected for decay: done here, from the mean moment of every frame"
    if not corrected:
        return "NONE", [finding("suv.not-decay-corrected", message, severity="note", remedy="")]
    message += f"; CorrectedImage names DECY all the same, but {said.tag} says {said.raw}"
    return "NONE", [finding("suv.not-decay-corrected", message, remedy="verify; or give it: decay-correction=START")]
