"""Beams from the data set of a plan; what a control point leaves out is as at the point before it.

What it does say, but unreadably, is None from there on: it is not as before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dicomlogic_rt.beams import Beam, ControlPoint, LimitingDevice, Opening
from dicomlogic_rt.elements import integer_of, is_told, items_of, number_of, numbers_of, text_of
from dicomlogic_rt.ion_reading import read_head, read_settings
from dicomlogic_rt.points import number_of_binary, ordered_points, point_of

if TYPE_CHECKING:
    from pydicom import Dataset


def read_beams(plan: Dataset, positions: Mapping[int | None, str]) -> list[Beam]:
    """Photon and electron beams, then ion beams. `positions`: number of a patient setup -> patient position."""
    beams = [_beam(item, positions, ion=False) for item in items_of(plan, "BeamSequence")]
    return beams + [_beam(item, positions, ion=True) for item in items_of(plan, "IonBeamSequence")]


def _beam(item: Dataset, positions: Mapping[int | None, str], *, ion: bool) -> Beam:
    prefix = "Ion" if ion else ""
    only = next(iter(positions.values())) if len(set(positions.values())) == 1 else ""
    setup = integer_of(item, "ReferencedPatientSetupNumber")
    return Beam(
        number=integer_of(item, "BeamNumber"),
        name=text_of(item, "BeamName"),
        description=text_of(item, "BeamDescription"),
        type=text_of(item, "BeamType"),
        delivery=text_of(item, "TreatmentDeliveryType"),
        radiation=text_of(item, "RadiationType"),
        machine=text_of(item, "TreatmentMachineName"),
        dosimeter_unit=text_of(item, "PrimaryDosimeterUnit"),
        sad_mm=number_of(item, "SourceAxisDistance"),
        patient_position=positions.get(setup, "") if setup is not None else only,
        final_meterset_weight=number_of(item, "FinalCumulativeMetersetWeight"),
        wedges=integer_of(item, "NumberOfWedges"),
        compensators=integer_of(item, "NumberOfCompensators"),
        boli=integer_of(item, "NumberOfBoli"),
        blocks=integer_of(item, "NumberOfBlocks"),
        devices=tuple(_device(device) for device in items_of(item, f"{prefix}BeamLimitingDeviceSequence")),
        control_points=_control_points(ordered_points(item, f"{prefix}ControlPointSequence"), ion=ion),
        ion=read_head(item) if ion else None,
    )


def _device(item: Dataset) -> LimitingDevice:
    return LimitingDevice(
        type=text_of(item, "RTBeamLimitingDeviceType"),
        pairs=integer_of(item, "NumberOfLeafJawPairs"),
        boundaries_mm=tuple(numbers_of(item, "LeafPositionBoundaries").tolist()),
        source_distance_mm=number_of(item, "SourceToBeamLimitingDeviceDistance"),
        isocentre_distance_mm=number_of_binary(item, "IsocenterToBeamLimitingDeviceDistance"),
    )


def _control_points(items: list[Dataset], *, ion: bool) -> tuple[ControlPoint, ...]:
    points: list[ControlPoint] = []
    for item in items:
        points.append(_control_point(item, points[-1] if points else ControlPoint(), ion=ion))
    return tuple(points)


def _control_point(item: Dataset, old: ControlPoint, *, ion: bool) -> ControlPoint:
    isocentre = "IsocenterPosition"

    def number(keyword: str, before: float | None) -> float | None:
        return number_of(item, keyword) if is_told(item, keyword) else before

    def binary(keyword: str, before: float | None) -> float | None:
        return number_of_binary(item, keyword) if is_told(item, keyword) else before

    return ControlPoint(
        index=integer_of(item, "ControlPointIndex"),
        meterset_weight=number("CumulativeMetersetWeight", old.meterset_weight),
        energy=number("NominalBeamEnergy", old.energy),
        dose_rate=number("DoseRateSet", old.dose_rate),
        gantry_angle=number("GantryAngle", old.gantry_angle),
        gantry_rotation=text_of(item, "GantryRotationDirection") or old.gantry_rotation,
        gantry_pitch_angle=binary("GantryPitchAngle", old.gantry_pitch_angle),
        collimator_angle=number("BeamLimitingDeviceAngle", old.collimator_angle),
        collimator_rotation=text_of(item, "BeamLimitingDeviceRotationDirection") or old.collimator_rotation,
        couch_angle=number("PatientSupportAngle", old.couch_angle),
        couch_rotation=text_of(item, "PatientSupportRotationDirection") or old.couch_rotation,
        eccentric_angle=number("TableTopEccentricAngle", old.eccentric_angle),
        table_pitch_angle=binary("TableTopPitchAngle", old.table_pitch_angle),
        table_roll_angle=binary("TableTopRollAngle", old.table_roll_angle),
        table_vertical_mm=number("TableTopVerticalPosition", old.table_vertical_mm),
        table_longitudinal_mm=number("TableTopLongitudinalPosition", old.table_longitudinal_mm),
        table_lateral_mm=number("TableTopLateralPosition", old.table_lateral_mm),
        isocentre_lps_mm=point_of(item, isocentre) if is_told(item, isocentre) else old.isocentre_lps_mm,
        source_to_surface_mm=number("SourceToSurfaceDistance", old.source_to_surface_mm),
        openings=_openings(item, old.openings),
        ion=read_settings(item, old.ion) if ion else None,
    )


def _openings(item: Dataset, old: tuple[Opening, ...]) -> tuple[Opening, ...]:
    """The openings of all devices; a device that the point does not name stays where it was, others may get lost."""
    openings = {one.type: one for one in old}
    for device in items_of(item, "BeamLimitingDevicePositionSequence"):
        type = text_of(device, "RTBeamLimitingDeviceType")
        places = numbers_of(device, "LeafJawPositions").tolist()
        half, odd = divmod(len(places), 2)
        openings.pop(type, None)
        if type and places and not odd and all(map(math.isfinite, places)):
            openings[type] = Opening(type=type, first=tuple(places[:half]), second=tuple(places[half:]))
    return tuple(openings.values())
