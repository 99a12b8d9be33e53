"""The patient's body, as far as the norms that are asked for need it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan

from dicomlogic_core import Finding, finding
from dicomlogic_pet_ct.checks import Checked, checked_height, checked_weight
from dicomlogic_pet_ct.inputs import Number, PetInputs, Word
from dicomlogic_pet_ct.norms import Variant, norm
from dicomlogic_pet_ct.severities import has_errors

_NOT_ASKED = Checked(input=Number(name="height", tag="PatientSize"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Weight, height and sex after their checks.

    Attributes:
        weight, height: `height` is left out when no norm needs it.
        sex: as the header or the caller says.
        findings: an error among them when a norm cannot be had.
        assumptions: in words.
        inputs: what was used, for the report.
    """

    weight: Checked
    height: Checked
    sex: Word
    findings: tuple[Finding, ...]
    assumptions: tuple[str, ...]
    inputs: tuple[Number | Word, ...]

    @classmethod
    def of(cls, inputs: PetInputs, variants: Sequence[Variant]) -> Body:
        """The body for the norms of `variants`."""
        weight, height = checked_weight(inputs), checked_height(inputs)
        found, words = list(weight.findings), []
        used: list[Number | Word] = [weight.input]
        if tall := any(one.height for one in variants):
            found.extend(height.findings)
            used.append(height.input)
        if any(one.sex for one in variants):
            used.append(inputs.sex)
            if inputs.sex.value not in ("M", "F"):
                said = inputs.sex.value or "absent"
                found.append(finding("suv.sex-unknown", f"PatientSex {said}: the mean of the formulas for M and F"))
                words.append("norm: mean of the formulas for men and women")
        body = cls(
            weight=weight,
            height=height if tall else _NOT_ASKED,
            sex=inputs.sex,
            findings=tuple(found),
            assumptions=tuple(words),
            inputs=tuple(used),
        )
        return body if has_errors(found) else body._with_norms(variants)

    def _with_norms(self, variants: Sequence[Variant]) -> Body:
        """With errors for norms that the formulas do not give, and a word on those beyond the weight."""
        found, words = list(self.findings), list(self.assumptions)
        for variant in variants:
            value = self.norm(variant)
            if not (value > 0 and isfinite(value)):
                message = f"the norm of {variant.label} is {value:.4g} for this weight and height"
                found.append(finding("suv.body-range", message, severity="error"))
            elif variant.suv_type.startswith("LBM") and value > 1000 * self.weight.value:
                message = f"lean body mass {value / 1000:.4g} kg exceeds weight {self.weight.value:.4g} kg"
                found.append(finding("suv.body-range", message))
            elif variant.key == "ibw" and value > 1000 * self.weight.value:
                words.append(
                    "norm: the ideal weight lies above the weight; 3D Slicer's extension takes the weight then"
                )
        return replace(self, findings=tuple(found), assumptions=tuple(words))

    def norm(self, variant: Variant) -> float:
        """g, or cm2 for the body surface; NaN when an input is not known."""
        try:
            return norm(variant, self.weight.value, self.height.value, self.sex.value)
        except (OverflowError, ZeroDivisionError):
            return nan
