"""Plans: beams or channels, fractions and prescriptions as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from dicomlogic_core import Finding
from dicomlogic_rt.beam_frames import beam_frames
from dicomlogic_rt.beams import Beam, ControlPoint, LimitingDevice, Opening, Point
from dicomlogic_rt.brachy import Brachy
from dicomlogic_rt.plain import plain

__all__ = [
    "Beam",
    "BeamFraction",
    "ControlPoint",
    "DoseReference",
    "FractionGroup",
    "LimitingDevice",
    "Opening",
    "Plan",
    "Prescription",
    "SetupFraction",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BeamFraction:
    """A beam in a fraction group.

    Attributes:
        beam_number: of the beam.
        meterset: in the beam's dosimeter unit.
        dose_gy: per fraction, at `dose_point_lps_mm`.
        dose_point_depth_mm: along the beam axis from the surface.
    """

    beam_number: int | None = None
    meterset: float | None = None
    dose_gy: float | None = None
    dose_point_lps_mm: Point | None = None
    dose_point_depth_mm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupFraction:
    """A brachytherapy application setup in a fraction group, with its dose (Gy) at a point."""

    setup_number: int | None = None
    dose_gy: float | None = None
    dose_point_lps_mm: Point | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FractionGroup:
    """Fractions of the same beams or setups.

    Attributes:
        number: of the group.
        fractions: planned.
        beams, setups: what is delivered in each fraction.
        dose_references: numbers of the dose references it belongs to.
    """

    number: int | None = None
    fractions: int | None = None
    beams: tuple[BeamFraction, ...] = ()
    setups: tuple[SetupFraction, ...] = ()
    dose_references: tuple[int, ...] = ()

    @property
    def dose_gy(self) -> float | None:
        """Doses of its beams and setups times its fractions; None when one that delivers anything has no dose."""
        if any(beam.dose_gy is None and beam.meterset for beam in self.beams):
            return None
        parts = [beam.dose_gy for beam in self.beams] + [setup.dose_gy for setup in self.setups]
        doses = [dose for dose in parts if dose is not None]
        return sum(doses) * self.fractions if doses and self.fractions is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseReference:
    """A point or region with wanted or tolerated doses (Gy; volumes in percent).

    Attributes:
        number, uid, description: as in the plan.
        structure_type: POINT, VOLUME, COORDINATES or SITE.
        type: TARGET or ORGAN_AT_RISK.
        roi_number: of the structure set, for POINT and VOLUME.
        point_lps_mm: for COORDINATES.
        weight: ConstraintWeight.
        delivery_warning_gy, delivery_maximum_gy: limits of delivery.
        minimum_gy, prescription_gy, maximum_gy, underdose_percent: of targets.
        limit_gy, organ_maximum_gy, full_volume_gy, overdose_percent: of organs at risk.
    """

    number: int | None = None
    uid: str = ""
    description: str = ""
    structure_type: str = ""
    type: str = ""
    roi_number: int | None = None
    point_lps_mm: Point | None = None
    weight: float | None = None
    delivery_warning_gy: float | None = None
    delivery_maximum_gy: float | None = None
    minimum_gy: float | None = None
    prescription_gy: float | None = None
    maximum_gy: float | None = None
    underdose_percent: float | None = None
    limit_gy: float | None = None
    organ_maximum_gy: float | None = None
    full_volume_gy: float | None = None
    overdose_percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prescription:
    """A prescribed dose (Gy) and where it is told: ``dose reference 2 (SITE)`` or ``doses of fraction group 1``."""

    dose_gy: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """A treatment plan.

    Attributes:
        name: the loadable's name.
        sop_uid: SOPInstanceUID.
        label, plan_name, description, date, time: RTPlanLabel and so on, DICOM text.
        intent: CURATIVE, PALLIATIVE ...
        plan_geometry: PATIENT or TREATMENT_DEVICE.
        approval: APPROVED, UNAPPROVED or REJECTED.
        frame_of_reference_uid: "" when absent.
        patient_positions: of the patient setups, once each.
        beams: treatment and set-up beams in the order of the plan.
        fraction_groups, dose_references: in the order of the plan.
        brachy: sources and channels, or None.
        structure_set_uids, dose_uids, plan_uids: SOPInstanceUIDs it refers to.
        findings: what examining and reading found.
    """

    kind: ClassVar[str] = "plan"

    name: str = ""
    sop_uid: str = ""
    label: str = ""
    plan_name: str = ""
    description: str = ""
    date: str = ""
    time: str = ""
    intent: str = ""
    plan_geometry: str = ""
    approval: str = ""
    frame_of_reference_uid: str = ""
    patient_positions: tuple[str, ...] = ()
    beams: tuple[Beam, ...] = ()
    fraction_groups: tuple[FractionGroup, ...] = ()
    dose_references: tuple[DoseReference, ...] = ()
    brachy: Brachy | None = None
    structure_set_uids: tuple[str, ...] = ()
    dose_uids: tuple[str, ...] = ()
    plan_uids: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = field(default=())

    def beam(self, number: int) -> Beam:
        """The beam of a BeamNumber.

        Raises:
            KeyError: there is none; says which there are.
        """
        for beam in self.beams:
            if beam.number == number:
                return beam
        there = ", ".join(str(beam.number) for beam in self.beams) or "none"
        raise KeyError(f"no beam {number}; there are {there}")

    @property
    def isocentres_lps_mm(self) -> tuple[Point, ...]:
        """Every isocentre of the plan, once each."""
        return tuple(dict.fromkeys(point for beam in self.beams for point in beam.isocentres_lps_mm))

    @property
    def prescriptions(self) -> tuple[Prescription, ...]:
        """Prescribed doses: of targets that are sites or volumes, else of other targets, else by the beams' doses."""
        targets = [one for one in self.dose_references if one.type == "TARGET" and one.prescription_gy is not None]
        regions = [one for one in targets if one.structure_type in ("SITE", "VOLUME")]
        told = tuple(
            Prescription(dose_gy=one.prescription_gy, source=f"dose reference {one.number} ({one.structure_type})")
            for one in regions or targets
            if one.prescription_gy is not None
        )
        return told or tuple(
            Prescription(dose_gy=group.dose_gy, source=f"doses of fraction group {group.number}")
            for group in self.fraction_groups
            if group.dose_gy is not None
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON-able: everything read, with keys as the attributes.

        Every control point has besides ``collimator_to_lps``, the matrix of `beam_frames`, or None.
        """
        told: dict[str, Any] = {"kind": self.kind, **plain(self)}
        told["isocentres_lps_mm"] = plain(self.isocentres_lps_mm)
        told["prescriptions"] = plain(self.prescriptions)
        told["findings"] = [one.as_dict() for one in self.findings]
        for beam, beam_told in zip(self.beams, told["beams"]):
            for frame, point in zip(beam_frames(beam), beam_told["control_points"]):
                point["collimator_to_lps"] = None if frame is None else frame.tolist()
        return told

    def _repr_html_(self) -> str:
        from dicomlogic_rt.plan_faces import plan_html  # drawn only in notebooks

        return plan_html(self)

    def __repr__(self) -> str:
        parts = f"{len(self.beams)} beams, {len(self.fraction_groups)} fraction groups, {len(self.findings)} findings"
        return f"Plan({self.label!r}, {parts})"
