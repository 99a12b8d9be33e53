"""What a PET series offers: uptake values where they can be had, activity, and the reasons where they cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from dicomlogic_core import Finding, Loadable, SeriesView, UsageError, can_be, mode_of, part_name
from dicomlogic_pet_ct.factors import SuvFactors, SuvRefusal, activity_factors, suv_factors
from dicomlogic_pet_ct.inputs import PetInputs
from dicomlogic_pet_ct.norms import VARIANTS
from dicomlogic_pet_ct.options import overrides
from dicomlogic_pet_ct.parts import GATES, LAYOUT_MODES, PetPart, pet_parts
from dicomlogic_pet_ct.reading import read_inputs
from dicomlogic_pet_ct.severities import about, as_warnings
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
_UNEVEN = 0.05


def offers(series: SeriesView, options: Mapping[str, str]) -> Iterator[Loadable]:
    """The loadables of a series; nothing for projections, fused images and what has no place in the patient.

    Raises:
        UsageError: an option that cannot be meant.
    """
    wanted = options.get("suv", "")
    if wanted and wanted not in LABELS:
        raise UsageError(f"suv={wanted} is not known", remedy=f"use one of: {', '.join(LABELS)}")
    for part in pet_parts(series):
        yield from _of_part(part, part_inputs(part, options), wanted, options)


def part_inputs(part: PetPart, options: Mapping[str, str]) -> PetInputs:
    """The inputs of the frames of a part, volume by volume."""
    dynamic = part.axis is not None and part.axis.name not in GATES
    return read_inputs(part.stack.series, part.rows, options, voxel_ml=part.voxel_ml, dynamic=dynamic)


def _of_part(part: PetPart, inputs: PetInputs, wanted: str, options: Mapping[str, str]) -> Iterator[Loadable]:
    made = {key: suv_factors(inputs, key) for key in _keys(inputs)}
    activity = activity_factors(inputs)
    offered, refused = partial(_loadable, part, options=options), "asked for, and refused"
    possible = [key for key, one in made.items() if isinstance(one, SuvFactors)]
    for key, one in made.items():
        if isinstance(one, SuvFactors):
            confidence = _SUV if key == possible[0] else _OTHER
            yield offered(key, one.findings, confidence=confidence, why=f"{one.rule}; {one.formula}")
        elif key == wanted:
            yield offered(key, one.findings, confidence=_OTHER, why=refused)
    reasons = _reasons(made, activity)
    confidence = _ACTIVITY if possible else _ONLY_ACTIVITY
    if isinstance(activity, Calibration):
        found = (*activity.findings, *reasons)
        yield offered(ACTIVITY, found, confidence=confidence, why=activity.rule)
    elif wanted == ACTIVITY:
        yield offered(ACTIVITY, activity.findings, confidence=confidence, why=refused)
    if wanted == STORED or (not possible and isinstance(activity, SuvRefusal)):
        why = "neither activity nor uptake can be computed"
        yield offered(STORED, reasons, confidence=_ONLY_ACTIVITY, why=why)


def _keys(inputs: PetInputs) -> tuple[str, ...]:
    """The kinds that are tried, the one to select first at the head; the older lean mass only where it is stored."""
    return (*_OFFERED, "lbm-120") if inputs.suv_type.value == "LBM" and inputs.units.value == "GML" else _OFFERED


def _reasons(made: Mapping[str, SuvFactors | SuvRefusal], activity: Calibration | SuvRefusal) -> tuple[Finding, ...]:
    """Why there are not all kinds of uptake, or no activity, as warnings: what is loaded instead is right."""
    refused = [one for one in (*made.values(), activity) if isinstance(one, SuvRefusal)]
    found = dict.fromkeys(one for refusal in refused for one in refusal.findings)
    return tuple(as_warnings(found))


def _loadable(
    part: PetPart, key: str, findings: Sequence[Finding], *, confidence: float, options: Mapping[str, str], why: str
) -> Loadable:
    series = part.stack.series
    name = part_name(series, int(part.members[0][0]), part.label)
    if part.axis is not None:
        name += f" - {len(part.members)} frames Volume Sequence by {part.axis.name}"
        confidence = min(confidence - _SUV + _SEQUENCE, _SEQUENCE)
    elif not part.stack.regular:
        # Just above the same stack as a plain volume, in the same order among themselves.
        confidence = part.stack.confidence + _UNEVEN * confidence
    return Loadable(
        adaptor=NAME,
        kind="volume" if part.axis is None else "sequence",
        name=f"{name} ({LABELS[key]})",
        study_uid=series.study_uid,
        series_uids=(series.series_uid,),
        frames=series.frames.refs(part.claimed),
        confidence=round(confidence, 3),
        findings=(*part.findings, *about(findings, series.series_uid)),
        explanation=why,
        options={"suv": key, **overrides(options), **_irregular(part, options)},
    )


def _irregular(part: PetPart, options: Mapping[str, str]) -> dict[str, str]:
    """The way to load an uneven stack that was asked for, where it can be had."""
    mode = mode_of(options.get("irregular"))
    possible = mode in LAYOUT_MODES and not part.stack.regular and can_be(part.stack, mode)
    return {"irregular": mode} if possible else {}
