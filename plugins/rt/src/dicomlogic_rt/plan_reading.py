"""A plan from its data set: nothing is invented, what is absent stays None and is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dicomlogic_core import Finding, finding
from dicomlogic_rt.beam_reading import read_beams
from dicomlogic_rt.brachy_reading import read_brachy
from dicomlogic_rt.elements import integer_of, items_of, number_of, text_of
from dicomlogic_rt.plan import Beam, BeamFraction, DoseReference, FractionGroup, Plan, SetupFraction
from dicomlogic_rt.points import number_of_binary, point_of

if TYPE_CHECKING:
    from pydicom import Dataset


def read_plan(dataset: Dataset, *, name: str = "", findings: Sequence[Finding] = ()) -> Plan:
    """The plan of a whole RT Plan or RT Ion Plan; `findings` are those of examining."""
    setups = {
        integer_of(item, "PatientSetupNumber"): text_of(item, "PatientPosition")
        for item in items_of(dataset, "PatientSetupSequence")
    }
    beams = tuple(read_beams(dataset, setups))
    groups = tuple(_fraction_group(item) for item in items_of(dataset, "FractionGroupSequence"))
    uid = text_of(dataset, "SOPInstanceUID")
    brachy = read_brachy(dataset)
    missing = tuple(_missing(dataset, beams, groups, uid, no_beams=brachy is not None))
    return Plan(
        name=name,
        sop_uid=uid,
        label=text_of(dataset, "RTPlanLabel"),
        plan_name=text_of(dataset, "RTPlanName"),
        description=text_of(dataset, "RTPlanDescription"),
        date=text_of(dataset, "RTPlanDate"),
        time=text_of(dataset, "RTPlanTime"),
        intent=text_of(dataset, "PlanIntent"),
        plan_geometry=text_of(dataset, "RTPlanGeometry"),
        approval=text_of(dataset, "ApprovalStatus"),
        frame_of_reference_uid=text_of(dataset, "FrameOfReferenceUID"),
        patient_positions=tuple(dict.fromkeys(position for position in setups.values() if position)),
        beams=beams,
        fraction_groups=groups,
        dose_references=tuple(_dose_reference(item) for item in items_of(dataset, "DoseReferenceSequence")),
        brachy=brachy,
        structure_set_uids=_uids(dataset, "ReferencedStructureSetSequence"),
        dose_uids=_uids(dataset, "ReferencedDoseSequence"),
        plan_uids=_uids(dataset, "ReferencedRTPlanSequence"),
        findings=(*findings, *missing),
    )


def _uids(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    uids = [text_of(item, "ReferencedSOPInstanceUID") for item in items_of(dataset, keyword)]
    return tuple(dict.fromkeys(uid for uid in uids if uid))


def _fraction_group(item: Dataset) -> FractionGroup:
    numbers = [
        integer_of(one, "ReferencedDoseReferenceNumber") for one in items_of(item, "ReferencedDoseReferenceSequence")
    ]
    return FractionGroup(
        number=integer_of(item, "FractionGroupNumber"),
        fractions=integer_of(item, "NumberOfFractionsPlanned"),
        beams=tuple(
            BeamFraction(
                beam_number=integer_of(beam, "ReferencedBeamNumber"),
                meterset=number_of(beam, "BeamMeterset"),
                dose_gy=number_of(beam, "BeamDose"),
                dose_point_lps_mm=point_of(beam, "BeamDoseSpecificationPoint"),
                dose_point_depth_mm=number_of_binary(beam, "BeamDosePointDepth"),
            )
            for beam in items_of(item, "ReferencedBeamSequence")
        ),
        setups=tuple(
            SetupFraction(
                setup_number=integer_of(setup, "ReferencedBrachyApplicationSetupNumber"),
                dose_gy=number_of(setup, "BrachyApplicationSetupDose"),
                dose_point_lps_mm=point_of(setup, "BrachyApplicationSetupDoseSpecificationPoint"),
            )
            for setup in items_of(item, "ReferencedBrachyApplicationSetupSequence")
        ),
        dose_references=tuple(number for number in numbers if number is not None),
    )


def _dose_reference(item: Dataset) -> DoseReference:
    return DoseReference(
        number=integer_of(item, "DoseReferenceNumber"),
        uid=text_of(item, "DoseReferenceUID"),
        description=text_of(item, "DoseReferenceDescription"),
        structure_type=text_of(item, "DoseReferenceStructureType"),
        type=text_of(item, "DoseReferenceType"),
        roi_number=integer_of(item, "ReferencedROINumber"),
        point_lps_mm=point_of(item, "DoseReferencePointCoordinates"),
        weight=number_of(item, "ConstraintWeight"),
        delivery_warning_gy=number_of(item, "DeliveryWarningDose"),
        delivery_maximum_gy=number_of(item, "DeliveryMaximumDose"),
        minimum_gy=number_of(item, "TargetMinimumDose"),
        prescription_gy=number_of(item, "TargetPrescriptionDose"),
        maximum_gy=number_of(item, "TargetMaximumDose"),
        underdose_percent=number_of(item, "TargetUnderdoseVolumeFraction"),
        limit_gy=number_of(item, "OrganAtRiskLimitDose"),
        organ_maximum_gy=number_of(item, "OrganAtRiskMaximumDose"),
        full_volume_gy=number_of(item, "OrganAtRiskFullVolumeDose"),
        overdose_percent=number_of(item, "OrganAtRiskOverdoseVolumeFraction"),
    )


def _missing(
    dataset: Dataset, beams: Sequence[Beam], groups: Sequence[FractionGroup], uid: str, *, no_beams: bool
) -> Iterator[Finding]:
    """What a reader of the plan would look for and does not find: a note for each attribute."""

    def note(message: str, beam_numbers: Sequence[object] = ()) -> Finding:
        where = (uid, *(f"beam {number}" for number in beam_numbers))
        return finding("rt.plan-missing", message, where=where)

    if not groups:
        yield note("the plan has no fraction scheme")
    if not beams and not no_beams:
        yield note("the plan has no beams")
    if beams and not items_of(dataset, "PatientSetupSequence"):
        yield note("the plan has no patient setups: patient positions are unknown")
    for what, absent in _absent(beams).items():
        if absent:
            yield note(f"{what}: absent in {len(absent)} of {len(beams)} beams", absent)
    stored = [*items_of(dataset, "BeamSequence"), *items_of(dataset, "IonBeamSequence")]
    for item, beam in zip(stored, beams):
        told = integer_of(item, "NumberOfControlPoints")
        if told is not None and told != len(beam.control_points):
            yield note(f"{len(beam.control_points)} of {told} control points are there", [beam.number])


def _absent(beams: Sequence[Beam]) -> dict[str, list[object]]:
    """What is looked for -> numbers of the beams that do not have it."""
    absent: dict[str, list[object]] = {
        "control points": [],
        "isocentre": [],
        "gantry angle": [],
        "energy": [],
        "source-axis distance": [],
        "jaws and leaves": [],
        "positions of jaws or leaves": [],
    }
    for beam in beams:
        first = beam.control_points[0] if beam.control_points else None
        distance = beam.sad_mm if beam.ion is None else beam.ion.virtual_sad_mm
        lacks = {
            "control points": first is None,
            "isocentre": first is not None and not beam.isocentres_lps_mm,
            "gantry angle": first is not None and first.gantry_angle is None,
            "energy": first is not None and first.energy is None,
            "source-axis distance": distance is None,
            "jaws and leaves": beam.ion is None and not beam.devices,
            "positions of jaws or leaves": first is not None
            and any(first.opening(device.type) is None for device in beam.devices),
        }
        for what, lacking in lacks.items():
            if lacking:
                absent[what].append(beam.number)
    return absent
