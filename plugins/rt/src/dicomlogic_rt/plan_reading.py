"""A plan from its data set: nothing is invented, what is absent stays None and is told."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

from dicomlogic_core import Finding
from dicomlogic_rt.beam_reading import read_beams
from dicomlogic_rt.brachy_reading import read_brachy
from dicomlogic_rt.elements import integer_of, items_of, number_of, text_of
from dicomlogic_rt.plan import BeamFraction, DoseReference, FractionGroup, Plan, SetupFraction
from dicomlogic_rt.plan_checks import contradictions, missing
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
    checks = (missing(dataset, beams, groups, brachy), contradictions(beams, groups, uid))
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
        findings=(*findings, *chain.from_iterable(checks)),
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
