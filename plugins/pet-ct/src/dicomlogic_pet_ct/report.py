"""The account of an uptake value: formula, inputs, times, assumptions and findings, JSON-able."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core import Finding
from dicomlogic_pet_ct.factors import SuvFactors, suv_factors
from dicomlogic_pet_ct.inputs import Number, PetInputs, Word
from dicomlogic_pet_ct.moments import moment_text
from dicomlogic_pet_ct.norms import VARIANTS, Variant
from dicomlogic_pet_ct.timing import Timing
from dicomlogic_pet_ct.units import Calibration

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUANTITY = ("126400", "Standardized Uptake Value")
ACTIVITY_UNIT = {"scheme": "UCUM", "value": "Bq/ml", "meaning": "Becquerels/milliliter"}


def suv_report(inputs: PetInputs, made: SuvFactors, frames: slice, findings: Sequence[Finding]) -> dict[str, Any]:
    """The report of a volume whose frames are `frames` of the inputs.

    It holds weight, height and sex, on which the value hangs, and nothing that names the patient.
    """
    return {
        "quantity": "standardized uptake value",
        "variant": made.variant.key,
        "name": made.variant.label,
        "unit": made.unit,
        "formula": made.formula,
        "stored_values": made.rule,
        "factor": _numbers(made.scale[frames]),
        "factor_meaning": f"{made.unit} per rescaled unit, by slice where it is a list",
        **_times(made.timing, frames),
        "inputs": [_input(one) for one in made.inputs],
        "header": dict(inputs.texts),
        "assumptions": list(made.assumptions),
        "codes": codes(made.variant),
        "findings": [one.as_dict() for one in findings],
    }


def activity_report(inputs: PetInputs, made: Calibration, frames: slice, findings: Sequence[Finding]) -> dict[str, Any]:
    """The report of an activity volume."""
    said = inputs.decay_correction.value
    return {
        "quantity": "activity concentration",
        "unit": "Bq/ml",
        "formula": "activity = rescaled value x factor",
        "stored_values": made.rule,
        "factor": _numbers(made.scale[frames]),
        "factor_meaning": "Bq/ml per rescaled unit, by slice where it is a list",
        "decay_correction": said or "unknown",
        "inputs": [_input(one) for one in (inputs.units, inputs.decay_correction)],
        "header": dict(inputs.texts),
        "assumptions": [],
        "findings": [one.as_dict() for one in findings],
    }


def uptake_factors(inputs: PetInputs, made: Calibration, frames: slice) -> dict[str, float | list[float]]:
    """Kind of uptake -> the factor from the activity of an activity volume to it, by slice where it is a list."""
    found = {key: suv_factors(inputs, key) for key in VARIANTS}
    return {
        key: _numbers((one.scale / made.scale)[frames]) for key, one in found.items() if isinstance(one, SuvFactors)
    }


def stored_report(inputs: PetInputs, findings: Sequence[Finding]) -> dict[str, Any]:
    """The report of values that could become neither activity nor uptake."""
    return {
        "quantity": "values as stored",
        "unit": "",
        "formula": "value = stored value x RescaleSlope + RescaleIntercept",
        "inputs": [_input(inputs.units)],
        "header": dict(inputs.texts),
        "assumptions": [],
        "findings": [one.as_dict() for one in findings],
    }


def codes(variant: Variant) -> dict[str, dict[str, str]]:
    """Unit, quantity and method as codes (PS3.16 CID 85, TID 1420)."""
    return {
        "quantity": {"scheme": "DCM", "value": QUANTITY[0], "meaning": QUANTITY[1]},
        "unit": {"scheme": "UCUM", "value": variant.code[0], "meaning": variant.code[1]},
        "method": {"scheme": "DCM", "value": variant.method[0], "meaning": variant.method[1]},
    }


def _input(one: Number | Word) -> dict[str, Any]:
    value: Any = one.value
    text = ""
    if isinstance(value, float):
        # Moments are told as such; they have no unit of their own.
        text = moment_text(value) if not one.unit else ""
        value = value if isfinite(value) else None
    made = {"name": one.name, "tag": one.tag, "raw": one.raw, "value": value, "unit": one.unit, "source": one.source}
    return {**made, "value": text} if text else made


def _numbers(values: NDArray[np.float64]) -> float | list[float]:
    """One number where all are equal."""
    listed: list[float] = values.tolist()
    return listed[0] if listed and listed.count(listed[0]) == len(listed) else listed


def _times(timing: Timing | None, frames: slice) -> dict[str, Any]:
    if timing is None:
        return {"reference_time": None, "injection_time": None, "uptake_minutes": None}
    seconds, uptake = timing.reference_s[frames], timing.uptake_s[frames] / 60
    first, last = (moment_text(float(value)) or None for value in (seconds.min(), seconds.max()))
    minutes = {round(float(value), 4) for value in (uptake.min(), uptake.max()) if isfinite(value)}
    return {
        "reference_time": {"rule": timing.rule, "first": first, "last": last},
        "injection_time": moment_text(timing.injected_s) or None,
        "uptake_minutes": sorted(minutes) or None,
        "decay_factor": _numbers(timing.factor[frames]),
    }
