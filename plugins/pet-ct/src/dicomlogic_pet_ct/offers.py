"""What a PET series offers: uptake values where they can be had, activity, and the reasons where they cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from dicomlogic_core import Finding, Loadable, SeriesView, UsageError, part_name
from dicomlogic_pet_ct.factors import SuvFactors, SuvRefusal, activity_factors, suv_factors
from dicomlogic_pet_ct.inputs import PetInputs
from dicomlogic_pet_ct.norms import VARIANTS
from dicomlogic_pet_ct.options import overrides
from dicomlogic_pet_ct.parts import PetPart, pet_parts
from dicomlogic_pet_ct.reading import read_inputs
from dicomlogic_pet_ct.units import Calibration

NAME = "pet-ct"
ACTIVITY, STORED = "activity", "stored"
LABELS: Mapping[str, str] = {
    **{key: variant.label for key, variant in VARIANTS.items()},
    ACTIVITY: "activity",
    STORED: "as stored",
}
"""Value of the option ``suv`` -> the end of a name."""

_OFFERED = tuple(key for key in VARIANTS if key != "lbm-120")
_SUV, _OTHER, _ACTIVITY = 0.95, 0.9, 0.85
_ONLY_ACTIVITY = 0.55  # above a plain volume, which does not say why there is no uptake
_SEQUENCE = 0.6
_UNEVEN = 0.4  # how much less to trust an uneven stack


def offers(series: SeriesView, options: Mapping[str, str]) -> Iterator[Loadable]:
    """The loadables of a series; nothing for projections, fused images and what has no place in the patient.

    Raises:
        UsageError: an option that cannot be meant.
    """
    wanted = options.get("suv", "")
    if wanted and wanted not in LABELS:
        raise UsageError(f"suv={wanted} is not known", remedy=f"use one of: {', '.join(LABELS)}")
    for part in pet_parts(series):
        yield from _of_part(part, part_inputs(part, options), wanted, overrides(options))


def part_inputs(part: PetPart, options: Mapping[str, str]) -> PetInputs:
    """The inputs of the frames of a part, volume by volume."""
    dynamic = part.axis is not None and part.axis.name != "TriggerTime"
    return read_inputs(part.stack.series, part.rows, options, voxel_ml=part.voxel_ml, dynamic=dynamic)


def _of_part(part: PetPart, inputs: PetInputs, wanted: str, given: Mapping[str, str]) -> Iterator[Loadable]:
    made = {key: suv_factors(inputs, key) for key in _keys(inputs)}
    activity = activity_factors(inputs)
    offered, refused = partial(_loadable, part, given=given), "asked for, and refused"
    possible = [key for key, one in made.items() if isinstance(one, SuvFactors)]
    for key, one in made.items():
        if isinstance(one, SuvFactors):
            confidence = _SUV if key == possible[0] else _OTHER
            yield offered(key, one.findings, confidence=confidence, why=f"{one.rule}; {one.formula}")
        elif key == wanted:
            yield offered(key, one.findings, confidence=_OTHER, why=refused)
    reasons = () if possible else _warnings(made)
    confidence = _ACTIVITY if possible else _ONLY_ACTIVITY
    if isinstance(activity, Calibration):
        found = (*inputs.findings, *activity.findings, *reasons)
        yield offered(ACTIVITY, found, confidence=confidence, why=activity.rule)
    elif wanted == ACTIVITY:
        yield offered(ACTIVITY, activity.findings, confidence=confidence, why=refused)
    if wanted == STORED or (not possible and isinstance(activity, SuvRefusal)):
        why = "neither activity nor uptake can be computed"
        yield offered(STORED, reasons, confidence=_ONLY_ACTIVITY, why=why)


def _keys(inputs: PetInputs) -> list[str]:
    """The kinds that are tried, the one to select first at the head."""
    return ["lbm-120", *_OFFERED] if inputs.suv_type.value == "LBM" and inputs.units.value == "GML" else [*_OFFERED]


def _warnings(made: Mapping[str, SuvFactors | SuvRefusal]) -> tuple[Finding, ...]:
    """Why there is no SUVbw, as warnings: what is loaded instead is right."""
    return tuple(replace(one, severity="warning") if one.severity == "error" else one for one in made["bw"].findings)


def _loadable(
    part: PetPart, key: str, findings: Sequence[Finding], *, confidence: float, given: Mapping[str, str], why: str
) -> Loadable:
    series = part.stack.series
    name = part_name(series, int(part.members[0][0]), part.label)
    if part.axis is not None:
        name += f" - {len(part.members)} frames Volume Sequence by {part.axis.name}"
        confidence = min(confidence - _SUV + _SEQUENCE, _SEQUENCE)
    if not part.stack.regular:
        confidence -= _UNEVEN if part.axis is None and confidence > _UNEVEN + 0.5 else 0.0
    return Loadable(
        adaptor=NAME,
        kind="volume" if part.axis is None else "sequence",
        name=f"{name} ({LABELS[key]})",
        study_uid=series.study_uid,
        series_uids=(series.series_uid,),
        frames=series.frames.refs(part.claimed),
        confidence=round(confidence, 3),
        findings=tuple(dict.fromkeys([*part.findings, *findings])),
        explanation=why,
        options={"suv": key, **given},
    )
