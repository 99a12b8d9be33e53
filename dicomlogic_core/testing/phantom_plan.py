"""Radiotherapy plans and images for tests: beams, ion beams and channels with values that are chosen by the caller.

Objects of one `name` share study and frame of reference with those of `phantom_rt` of that name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID

from dicomlogic_core.testing.phantom_objects import base, set_pixels, uid

PLAN = UID("1.2.840.10008.5.1.4.1.1.481.5")
ION_PLAN = UID("1.2.840.10008.5.1.4.1.1.481.8")
IMAGE = UID("1.2.840.10008.5.1.4.1.1.481.1")


def item(**values: Any) -> Dataset:
    """A sequence item; lists of items become sequences."""
    made = Dataset()
    for keyword, value in values.items():
        nested = isinstance(value, list) and bool(value) and isinstance(value[0], Dataset)
        setattr(made, keyword, Items(value) if nested else value)
    return made


def plan(
    beams: Sequence[Dataset] = (),
    *,
    name: str = "ct",
    label: str = "PHANTOM",
    number: int = 0,
    patient_position: str = "HFS",
    fractions: int = 5,
    beam_doses: Mapping[int, float] | None = None,
    structure_set: str = "",
    ion: bool = False,
) -> Dataset:
    """An RT plan with one patient setup and one fraction group.

    Args:
        beams: of `photon_beam`, or of `ion_beam` with `ion`.
        number: tells plans of one name apart.
        beam_doses: BeamNumber -> Gy for each fraction; 1 Gy by default.
        structure_set: SOPInstanceUID it refers to.
    """
    dataset = base(name, ION_PLAN if ion else PLAN, "RTPLAN", number)
    dataset.SeriesInstanceUID = uid(name, "plan", "series")
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(plan_uid(name, number))
    dataset.RTPlanLabel = label
    dataset.RTPlanGeometry = "PATIENT"
    dataset.PatientSetupSequence = Items([item(PatientSetupNumber=1, PatientPosition=patient_position)])
    doses = {beam.BeamNumber: 1.0 for beam in beams} if beam_doses is None else beam_doses
    dataset.FractionGroupSequence = Items(
        [
            item(
                FractionGroupNumber=1,
                NumberOfFractionsPlanned=fractions,
                NumberOfBeams=len(doses),
                NumberOfBrachyApplicationSetups=0,
                ReferencedBeamSequence=[
                    item(ReferencedBeamNumber=beam, BeamDose=dose, BeamMeterset=100 * dose)
                    for beam, dose in doses.items()
                ],
            )
        ]
    )
    if beams:
        setattr(dataset, "IonBeamSequence" if ion else "BeamSequence", Items(list(beams)))
    if structure_set:
        dataset.ReferencedStructureSetSequence = Items([item(ReferencedSOPInstanceUID=structure_set)])
    return dataset


def plan_uid(name: str = "ct", number: int = 0) -> str:
    """SOPInstanceUID of a plan."""
    return str(uid(name, "plan", number))


def photon_beam(
    number: int, points: Sequence[Mapping[str, Any]], *, devices: Sequence[Dataset] = (), **values: Any
) -> Dataset:
    """A beam of 1000 mm SAD; `points` are the attributes of its control points, ``openings`` among them.

    ``openings`` maps the type of a device to its positions. `values` replace or add attributes of the beam.
    """
    made = item(
        BeamNumber=number,
        BeamName=f"beam {number}",
        BeamType="STATIC" if len(points) == 2 else "DYNAMIC",
        RadiationType="PHOTON",
        TreatmentDeliveryType="TREATMENT",
        SourceAxisDistance=1000,
        NumberOfControlPoints=len(points),
        ReferencedPatientSetupNumber=1,
        ControlPointSequence=[_point(index, point) for index, point in enumerate(points)],
    )
    if devices:
        made.BeamLimitingDeviceSequence = Items(list(devices))
    made.update(item(**values))
    return made


def device(type: str, *, pairs: int = 1, boundaries: Sequence[float] = ()) -> Dataset:
    """A beam limiting device."""
    made = item(RTBeamLimitingDeviceType=type, NumberOfLeafJawPairs=pairs)
    if boundaries:
        made.LeafPositionBoundaries = list(boundaries)
    return made


def _point(index: int, values: Mapping[str, Any]) -> Dataset:
    made = item(ControlPointIndex=index, **{key: value for key, value in values.items() if key != "openings"})
    openings = values.get("openings")
    if openings:
        made.BeamLimitingDevicePositionSequence = Items(
            [item(RTBeamLimitingDeviceType=type, LeafJawPositions=list(places)) for type, places in openings.items()]
        )
    return made


def ion_beam(number: int, points: Sequence[Mapping[str, Any]], **values: Any) -> Dataset:
    """A scanned proton beam with a snout; `points` as for `photon_beam`."""
    made = item(
        BeamNumber=number,
        BeamName=f"field {number}",
        BeamType="STATIC",
        RadiationType="PROTON",
        ScanMode="MODULATED",
        VirtualSourceAxisDistances=[2000.0, 2500.0],
        SnoutSequence=[item(SnoutID="S18")],
        NumberOfControlPoints=len(points),
        ReferencedPatientSetupNumber=1,
        IonControlPointSequence=[_point(index, point) for index, point in enumerate(points)],
    )
    made.update(item(**values))
    return made


def brachy_plan(setups: Sequence[Dataset], *, name: str = "ct", sources: Sequence[Dataset] = ()) -> Dataset:
    """A brachytherapy plan without beams."""
    dataset = plan(name=name, label="BRACHY", beam_doses={})
    dataset.BrachyTreatmentTechnique, dataset.BrachyTreatmentType = "INTERSTITIAL", "HDR"
    dataset.SourceSequence = Items(list(sources))
    dataset.ApplicationSetupSequence = Items(list(setups))
    return dataset


def rt_image(
    *,
    name: str = "ct",
    number: int = 0,
    size: tuple[int, int] = (6, 8),
    plan: str = "",
    beam: int = 1,
    position: tuple[float, float] = (-7.0, 5.0),
    spacing: tuple[float, float] = (2.0, 2.0),
    **values: Any,
) -> Dataset:
    """A portal image of `size` rows and columns, 1500 mm from a source 1000 mm above the isocentre.

    Args:
        position: RTImagePosition, of the first pixel in the receptor's system.
        spacing: between rows and between columns in the image plane.
        plan: SOPInstanceUID of the plan, with `beam` of it; without a plan none is named.
        values: replace or add attributes.
    """
    dataset = base(name, IMAGE, "RTIMAGE", number)
    dataset.SeriesInstanceUID = uid(name, "rt image", "series")
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid(name, "rt image", number)
    dataset.RTImageLabel = "PORTAL"
    dataset.RTImagePlane = "NORMAL"
    dataset.ImagePlanePixelSpacing = list(spacing)
    dataset.RTImagePosition = list(position)
    dataset.RadiationMachineSAD, dataset.RTImageSID = 1000, 1500
    dataset.GantryAngle, dataset.PatientSupportAngle, dataset.BeamLimitingDeviceAngle = 0, 0, 0
    if plan:
        dataset.ReferencedRTPlanSequence = Items([item(ReferencedSOPInstanceUID=plan)])
        dataset.ReferencedBeamNumber = beam
    set_pixels(dataset, np.arange(size[0] * size[1], dtype="<u2").reshape(size))
    dataset.update(item(**values))
    return dataset
