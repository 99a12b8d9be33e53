"""The factor of every frame from rescaled values to a standardized uptake value, or the reasons why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import Finding, QuantityError, finding
from dicomlogic_pet_ct.body import Body
from dicomlogic_pet_ct.checks import checked_dose
from dicomlogic_pet_ct.inputs import Number, PetInputs, Word
from dicomlogic_pet_ct.norms import VARIANTS, Variant
from dicomlogic_pet_ct.severities import as_warnings, has_errors
from dicomlogic_pet_ct.timing import Timing, at_injection, timing
from dicomlogic_pet_ct.units import Calibration, calibration

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DISAGREE = 0.02


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
    with np.errstate(all="ignore"):
        found = calibration(inputs)
    if isinstance(found, tuple):
        return SuvRefusal(findings=found)
    if not np.isfinite(found.scale).all():
        message = f"{found.rule}: the factor is no finite number"
        return SuvRefusal(findings=(finding("suv.units-unsupported", message, severity="error"),))
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
    with np.errstate(all="ignore"):  # what is not finite is refused in words
        return _made(inputs, VARIANTS[variant])


def _made(inputs: PetInputs, wanted: Variant) -> SuvFactors | SuvRefusal:
    stored = calibration(inputs)
    if isinstance(stored, tuple):
        return SuvRefusal(findings=tuple(dict.fromkeys([*inputs.findings, *stored])))
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
    body = None if kept is wanted else Body.of(inputs, (kept, wanted))
    ratio, formula = 1.0, f"{wanted.label} = value"
    used: tuple[Number | Word, ...] = ()
    if body is not None:
        found.extend(body.findings)
        ratio = nan if has_errors(found) else body.norm(wanted) / body.norm(kept)
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
        timing=at_injection(inputs, "none: uptake values hold for the injection", []),
        assumptions=() if body is None else body.assumptions,
        findings=tuple(dict.fromkeys(found)),
    )


def _from_activity(
    inputs: PetInputs, stored: Calibration, wanted: Variant, found: list[Finding]
) -> SuvFactors | SuvRefusal:
    dose = checked_dose(inputs)
    body = Body.of(inputs, (wanted,))
    decay = timing(inputs)
    vendor = _from_vendor(inputs, stored, wanted)
    computed = [*found, *dose.findings, *body.findings, *decay.findings]
    refused = _refused(computed)
    if refused is not None:
        # The scanner's own factor needs none of them.
        if vendor is None or _refused(found):
            return refused
        unused = _unused_options(inputs, vendor.inputs)
        return replace(vendor, findings=(*found, *as_warnings(computed[len(found) :]), *unused))
    scale = stored.scale * decay.factor * (body.norm(wanted) / dose.value)
    if vendor is not None and not _options(inputs):  # the scanner's factor knows the header's values only
        off = float(np.abs(scale / vendor.scale - 1).max())
        if off <= _DISAGREE:
            text = f"computed from dose, weight and times it is {off:.3%} off, which is within {_DISAGREE:.0%}"
            return replace(vendor, assumptions=(text,), findings=tuple(dict.fromkeys(computed)), timing=decay)
        computed.append(finding("suv.philips-factor", f"(7053,1000) and (7053,1009) give SUVbw {off:.2%} apart"))
    return SuvFactors(
        variant=wanted,
        scale=scale,
        unit=wanted.unit,
        formula=f"{wanted.label} = activity x {decay.formula} x ({wanted.formula}) / D",
        rule=stored.rule,
        inputs=(inputs.units, *stored.inputs, inputs.decay_correction, dose.input, *decay.inputs, *body.inputs),
        timing=decay,
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
    return SuvRefusal(findings=tuple(dict.fromkeys(findings))) if has_errors(findings) else None


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
    message = f"{', '.join(unused)} changes nothing: the value does not hang on it"
    return [finding("suv.option", message, severity="warning", remedy="")]
