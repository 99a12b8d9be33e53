"""The factor of every frame from rescaled values to a standardized uptake value, or the reasons why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite, log, nan
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import Finding, QuantityError, finding
from dicomlogic_pet_ct.checks import Checked, checked_dose, checked_half_life, checked_height, checked_weight
from dicomlogic_pet_ct.decay import Reference, corrected_to, measured_at
from dicomlogic_pet_ct.injection import checked_uptake, injection
from dicomlogic_pet_ct.inputs import Number, PetInputs, Word
from dicomlogic_pet_ct.norms import VARIANTS, Variant, norm
from dicomlogic_pet_ct.units import Calibration, calibration

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DISAGREE = 0.02
_NOT_KNOWN = Number(name="", tag="")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timing:
    """Moments in seconds since 2000, NaN where they are not known.

    Attributes:
        reference_s: (n,) when the values of every frame hold.
        rule: how it was chosen.
        injected_s: moment of injection.
        decay: (n,) factor that takes every frame back to the injection.
    """

    reference_s: NDArray[np.float64]
    rule: str
    injected_s: float
    decay: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SuvFactors:
    """What one kind of uptake value takes.

    Attributes:
        variant: which kind.
        scale: (n,) uptake value = rescaled value x scale.
        unit: UCUM code.
        formula: as text.
        rule: how rescaled values were read.
        inputs: what was used, repaired where it says so.
        timing: None where no decay was to be computed.
        assumptions: in words.
        findings: notes and warnings.
    """

    variant: Variant
    scale: NDArray[np.float64]
    unit: str
    formula: str
    rule: str
    inputs: tuple[Number | Word, ...] = ()
    timing: Timing | None = None
    assumptions: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SuvRefusal:
    """Why there is no factor; at least one finding is an error."""

    findings: tuple[Finding, ...]

    def error(self, where: str = "") -> QuantityError:
        """The error that names what is missing and the options that give it."""
        errors = [one for one in self.findings if one.severity == "error"]
        remedies = dict.fromkeys(one.remedy for one in errors if one.remedy)
        return QuantityError(
            f"no uptake value: {'; '.join(one.message for one in errors)}",
            code=errors[0].code,
            where=where,
            remedy="; ".join(remedies),
        )


def activity_factors(inputs: PetInputs) -> Calibration | SuvRefusal:
    """The factors from rescaled values to Bq/ml; a refusal when they cannot become activity."""
    found = calibration(inputs)
    if isinstance(found, tuple):
        return SuvRefusal(findings=found)
    if found.kind == "suv":
        message = f"{found.rule}; there is no activity in them"
        return SuvRefusal(findings=(finding("suv.units-unsupported", message, severity="error"),))
    return found


def suv_factors(inputs: PetInputs, variant: str = "bw") -> SuvFactors | SuvRefusal:
    """The factors of one kind of uptake value (a key of `VARIANTS`).

    Every number is finite and positive, and everything assumed or repaired on the way to it is among its findings.

    Raises:
        KeyError: there is no such kind.
    """
    wanted = VARIANTS[variant]
    stored = calibration(inputs)
    if isinstance(stored, tuple):
        return SuvRefusal(findings=stored)
    found = [*inputs.findings, *stored.findings, *_not_corrected(inputs)]
    if stored.kind == "suv":
        made = _from_suv(inputs, stored, wanted, found)
    else:
        made = _from_activity(inputs, stored, wanted, found)
    if isinstance(made, SuvFactors) and not bool((np.isfinite(made.scale) & (made.scale > 0)).all()):
        message = "the factor is no positive number"
        made = SuvRefusal(findings=(*found, finding("suv.body-range", message, severity="error")))
    return made


def _not_corrected(inputs: PetInputs) -> list[Finding]:
    if "ATTN" in inputs.corrected:
        return []
    accepted = inputs.accept_uncorrected
    message = "CorrectedImage does not name ATTN" + (": accepted by option" if accepted else "")
    return [finding("suv.not-attenuation-corrected", message, severity="warning" if accepted else "error")]


def _from_suv(inputs: PetInputs, stored: Calibration, wanted: Variant, found: list[Finding]) -> SuvFactors | SuvRefusal:
    """Stored uptake values, which the ratio of two norms makes another kind."""
    kept = stored.variant or VARIANTS["bw"]
    body = None if kept is wanted else _Body.of(inputs, (kept, wanted))
    ratio, formula = 1.0, f"{wanted.label} = value"
    used: tuple[Number | Word, ...] = ()
    if body is not None:
        found.extend(body.findings)
        ratio = body.norm(wanted) / body.norm(kept)
        formula = f"{wanted.label} = value x ({wanted.formula}) / ({kept.formula})"
        used = body.inputs
    if refused := _refused(found):
        return refused
    found.extend(_unused_options(inputs, used))
    return SuvFactors(
        variant=wanted,
        scale=stored.scale * ratio,
        unit=wanted.unit,
        formula=formula,
        rule=stored.rule,
        inputs=(inputs.units, *stored.inputs, *used),
        assumptions=() if body is None else body.assumptions,
        findings=tuple(dict.fromkeys(found)),
    )


def _from_activity(
    inputs: PetInputs, stored: Calibration, wanted: Variant, found: list[Finding]
) -> SuvFactors | SuvRefusal:
    dose = checked_dose(inputs)
    body = _Body.of(inputs, (wanted,))
    decay = _Decay.of(inputs)
    vendor = _from_vendor(inputs, stored, wanted)
    computed = [*found, *dose.findings, *body.findings, *decay.findings]
    refused = _refused(computed)
    if refused is not None:
        # The scanner's own factor needs none of them.
        if vendor is None or _refused(found):
            return refused
        return replace(vendor, findings=(*found, *_lowered(computed[len(found) :]), *vendor.findings))
    scale = stored.scale * decay.factor * (body.norm(wanted) / dose.value)
    if vendor is not None:
        off = float(np.abs(scale / vendor.scale - 1).max())
        if off <= _DISAGREE and not _options(inputs):
            text = f"computed from dose, weight and times it is {off:.3%} off, which is within {_DISAGREE:.0%}"
            return replace(vendor, assumptions=(text,), findings=(*computed, *vendor.findings), timing=decay.timing)
        if off > _DISAGREE:
            computed.append(finding("suv.philips-factor", f"(7053,1000) and (7053,1009) give SUVbw {off:.2%} apart"))
    return SuvFactors(
        variant=wanted,
        scale=scale,
        unit=wanted.unit,
        formula=f"{wanted.label} = activity x {decay.formula} x ({wanted.formula}) / D",
        rule=stored.rule,
        inputs=(inputs.units, *stored.inputs, inputs.decay_correction, dose.input, *decay.inputs, *body.inputs),
        timing=decay.timing,
        assumptions=body.assumptions,
        findings=tuple(dict.fromkeys(computed)),
    )


def _from_vendor(inputs: PetInputs, stored: Calibration, wanted: Variant) -> SuvFactors | None:
    """SUVbw by the scanner's own factor, which stands beside the one to activity."""
    if stored.vendor_suv is None or wanted.key != "bw":
        return None
    return SuvFactors(
        variant=wanted,
        scale=stored.vendor_suv,
        unit=wanted.unit,
        formula="SUVbw = value x (7053,1000)",
        rule="Units CNTS x (7053,1000) of Philips: SUVbw",
        inputs=(inputs.units, *stored.inputs),
    )


def _refused(findings: Sequence[Finding]) -> SuvRefusal | None:
    wrong = any(one.severity == "error" for one in findings)
    return SuvRefusal(findings=tuple(dict.fromkeys(findings))) if wrong else None


def _lowered(findings: Sequence[Finding]) -> list[Finding]:
    """Errors as warnings: a number was found without what they are about."""
    return [replace(one, severity="warning") if one.severity == "error" else one for one in findings]


def _options(inputs: PetInputs) -> list[str]:
    """Tags of the values that the caller gave."""
    numbers = (inputs.weight, inputs.height, inputs.dose, inputs.half_life, inputs.reference, *inputs.injected_at)
    given: list[Number | Word] = [*numbers, *inputs.injected_clock, inputs.sex, inputs.decay_correction]
    return [one.tag for one in given if one.source == "option"]


def _unused_options(inputs: PetInputs, used: Sequence[Number | Word]) -> list[Finding]:
    known = {one.tag for one in used}
    unused = [tag for tag in _options(inputs) if tag not in known]
    if not unused:
        return []
    message = f"{', '.join(unused)} changes nothing: the values are uptake values already"
    return [finding("suv.option", message, severity="warning", remedy="")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """The patient's body as far as some norms need it."""

    weight: Checked
    height: Checked
    sex: Word
    findings: tuple[Finding, ...]
    assumptions: tuple[str, ...]
    inputs: tuple[Number | Word, ...]

    @classmethod
    def of(cls, inputs: PetInputs, variants: Sequence[Variant]) -> _Body:
        weight, height = checked_weight(inputs), checked_height(inputs)
        tall, by_sex = any(one.height for one in variants), any(one.sex for one in variants)
        found, words = list(weight.findings), []
        used: list[Number | Word] = [weight.input]
        if tall:
            found.extend(height.findings)
            used.append(height.input)
        if by_sex:
            used.append(inputs.sex)
            if inputs.sex.value not in ("M", "F"):
                said = inputs.sex.value or "absent"
                found.append(finding("suv.sex-unknown", f"PatientSex {said}: the mean of the formulas for M and F"))
                words.append("norm: mean of the formulas for men and women")
        body = cls(
            weight=weight,
            height=height if tall else Checked(input=_NOT_KNOWN),
            sex=inputs.sex,
            findings=tuple(found),
            assumptions=tuple(words),
            inputs=tuple(used),
        )
        return body._with_norms(variants)

    def _with_norms(self, variants: Sequence[Variant]) -> _Body:
        found = list(self.findings)
        if _refused(found) is None:
            for variant in variants:
                if not self.norm(variant) > 0 or not isfinite(self.norm(variant)):
                    message = f"the norm of {variant.label} is {self.norm(variant):.4g} for this weight and height"
                    found.append(finding("suv.body-range", message, severity="error"))
        return replace(self, findings=tuple(found))

    def norm(self, variant: Variant) -> float:
        """g or cm2; NaN when an input is not known."""
        try:
            return norm(variant, self.weight.value, self.height.value, self.sex.value)
        except (OverflowError, ZeroDivisionError):
            return nan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Decay:
    """The way back to the moment of injection."""

    factor: NDArray[np.float64]
    formula: str
    timing: Timing | None
    inputs: tuple[Number | Word, ...]
    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, inputs: PetInputs) -> _Decay:
        half_life = checked_half_life(inputs)
        mode, problems = _mode(inputs)
        ones = np.ones(len(inputs.frames))
        if mode == "ADMIN":
            found = _lowered(half_life.findings)
            if half_life.usable:
                found += _lowered(_admin_times(inputs, half_life.value))
            timing = Timing(reference_s=ones * nan, rule="corrected to the injection", injected_s=nan, decay=ones)
            used = (half_life.input,)
            return cls(factor=ones, formula="1", timing=timing, inputs=used, findings=(*problems, *found))
        found = [*problems, *half_life.findings]
        if not mode or not half_life.usable:
            return cls(factor=ones * nan, formula="", timing=None, inputs=(half_life.input,), findings=tuple(found))
        at = corrected_to(inputs, half_life.value) if mode == "START" else measured_at(inputs, half_life.value)
        if isinstance(at, Finding):
            return cls(factor=ones * nan, formula="", timing=None, inputs=(half_life.input,), findings=(*found, at))
        return cls._between(inputs, half_life, at, found)

    @classmethod
    def _between(cls, inputs: PetInputs, half_life: Checked, at: Reference, found: list[Finding]) -> _Decay:
        first, last = float(at.seconds.min()), float(at.seconds.max())
        given = injection(inputs, first, half_life.value)
        found = [*found, *at.findings, *given.findings]
        injected = given.input.value
        factor = np.full(len(inputs.frames), nan)
        if isfinite(injected) and _refused(given.findings) is None:
            found.extend(checked_uptake(inputs, injected, first, last, half_life.value))
            if _refused(found) is None:
                factor = np.exp(log(2) / half_life.value * (at.seconds - injected))
        timing = Timing(reference_s=at.seconds, rule=at.rule, injected_s=injected, decay=factor)
        return cls(
            factor=factor,
            formula="exp(ln 2 / half-life x (reference time - injection time))",
            timing=timing,
            inputs=(half_life.input, given.input),
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
        if corrected:
            message = "DecayCorrection is NONE, but CorrectedImage names DECY"
            return "", [finding("suv.not-decay-corrected", message, severity="error")]
        message = "values are not corrected for decay: done here, from the mean moment of every frame"
        return "NONE", [finding("suv.not-decay-corrected", message, severity="note", remedy="")]
    if not corrected:
        message = f"CorrectedImage does not name DECY, but DecayCorrection is {said.value}"
        return "", [finding("suv.not-decay-corrected", message, severity="error")]
    return said.value, []


def _admin_times(inputs: PetInputs, half_life_s: float) -> list[Finding]:
    """What is wrong with the times of values that do not depend on them."""
    seconds = inputs.frames.acquisition_s
    seconds = seconds[np.isfinite(seconds)]
    if not len(seconds):
        return []
    given = injection(inputs, float(seconds.min()), half_life_s)
    if not isfinite(given.input.value):
        return list(given.findings)
    uptake = checked_uptake(inputs, given.input.value, float(seconds.min()), float(seconds.max()), half_life_s)
    return [*given.findings, *uptake]
