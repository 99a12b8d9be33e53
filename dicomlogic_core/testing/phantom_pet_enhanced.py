"""PET as multi-frame objects: Enhanced PET (PS3.3 A.56) and Legacy Converted Enhanced PET (A.72)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID

from dicomlogic_core.testing.phantom_objects import base, set_pixels
from dicomlogic_core.testing.phantom_pet import (
    DURATION_S,
    SPACING_MM,
    STEP_MM,
    Values,
    average_time,
    clock,
    frame_pixels,
    isotope_item,
    pet_slice,
    position_of,
    set_values,
    slope,
)

ENHANCED_PET = UID("1.2.840.10008.5.1.4.1.1.130")
LEGACY_PET = UID("1.2.840.10008.5.1.4.1.1.128.1")
BQML = ("Bq/ml", "UCUM", "Becquerels/milliliter")
SUV_BW = ("{SUVbw}g/ml", "UCUM", "Standardized Uptake Value body weight")


def item(**values: Any) -> Dataset:
    """A data set of attributes by keyword."""
    made = Dataset()
    set_values(made, values)
    return made


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """A code sequence item (PS3.3 8.8)."""
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def mapping_item(
    real_slope: float, units: tuple[str, str, str] = BQML, *, last: int = 32767, intercept: float = 0.0
) -> Dataset:
    """A RealWorldValueMappingSequence item (PS3.3 C.7.6.16.2.11): real value = `real_slope` x stored + `intercept`."""
    return item(
        LUTExplanation=units[2],
        LUTLabel=units[0].replace("{", "").replace("}", "")[:16],
        MeasurementUnitsCodeSequence=[code(*units)],
        RealWorldValueFirstValueMapped=0,
        RealWorldValueLastValueMapped=last,
        RealWorldValueIntercept=intercept,
        RealWorldValueSlope=real_slope,
    )


def enhanced_pet(
    count: int = 5,
    *,
    name: str = "enhanced pet",
    isotope: Values | None = None,
    times: Sequence[float] = (0.0,),
    frame: Callable[[int], Values] | None = None,
    mappings: Callable[[int], Sequence[Dataset]] | None = None,
    **values: Any,
) -> Dataset:
    """One Enhanced PET object; frame k lies at 3 mm x k and holds what `stored` and `slope` say.

    As the standard has it the dose is in MBq, injection a date-time, the unit a real world value mapping per frame, and
    decay is corrected to DecayCorrectionDateTime, 11:00:00. Frames of several `times` follow each other.

    Args:
        count: positions.
        isotope: attributes of the radiopharmaceutical item.
        times: seconds from 11:00:00 to the start of each volume's acquisition of two minutes; several make it dynamic.
        frame: attributes of the FrameContentSequence item of a frame, by its number from 0.
        mappings: items of its RealWorldValueMappingSequence; one to Bq/ml by default, none for an empty list.
        values: attributes of the object; None takes one away.
    """
    dataset = base(name, ENHANCED_PET, "PT", 0)
    set_values(dataset, {**_OBJECT, **values})
    dataset.NumberOfFrames = count * len(times)
    dose = {"RadionuclideTotalDose": "370", "RadiopharmaceuticalStartTime": None, **(isotope or {})}
    dataset.RadiopharmaceuticalInformationSequence = [isotope_item({"RadiopharmaceuticalAgentNumber": 1, **dose})]
    dataset.SharedFunctionalGroupsSequence = [
        item(
            PlaneOrientationSequence=[item(ImageOrientationPatient=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0])],
            PixelMeasuresSequence=[item(PixelSpacing=list(SPACING_MM), SliceThickness=STEP_MM)],
            PETFrameTypeSequence=[item(FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])],
        )
    ]
    groups = []
    for number in range(count * len(times)):
        volume, place = divmod(number, count)
        content = {**_content(times[volume], volume, place), **(frame(number) if frame else {})}
        group = _placed(place, number)
        group.FrameContentSequence = [item(**content)]
        items = [mapping_item(slope(number))] if mappings is None else list(mappings(number))
        if items:
            group.RealWorldValueMappingSequence = items
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = groups
    stacked = np.stack([frame_pixels(number) for number in range(count * len(times))])
    set_pixels(dataset, stacked, bits_stored=16, signed=True)
    return dataset


def legacy_pet(count: int = 5, *, name: str = "legacy pet", isotope: Values | None = None, **values: Any) -> Dataset:
    """One Legacy Converted Enhanced PET object of the slices that `pet_series` makes.

    Attributes with no place in the multi-frame object are kept as the conversion rules say (PS3.3 C.7.6.16.2.25 and
    .26): equal ones in the shared group's UnassignedSharedConvertedAttributesSequence, differing ones per frame.
    """
    slices = [
        pet_slice(number, name=name, position=position_of(number), isotope=isotope, values=values)
        for number in range(count)
    ]
    dataset = base(name, LEGACY_PET, "PT", 0)
    for keyword in _PATIENT_AND_SERIES:
        if keyword in slices[0]:
            setattr(dataset, keyword, getattr(slices[0], keyword))
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.NumberOfFrames = count
    unassigned = [keyword for keyword in _CONVERTED if keyword in slices[0]]
    dataset.SharedFunctionalGroupsSequence = [
        item(
            PlaneOrientationSequence=[item(ImageOrientationPatient=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0])],
            PixelMeasuresSequence=[item(PixelSpacing=list(SPACING_MM), SliceThickness=STEP_MM)],
            UnassignedSharedConvertedAttributesSequence=[
                item(**{keyword: getattr(slices[0], keyword) for keyword in unassigned})
            ],
        )
    ]
    groups = []
    for number, one in enumerate(slices):
        group = _placed(number, number)
        group.FrameContentSequence = [item(FrameAcquisitionDateTime=one.AcquisitionDate + one.AcquisitionTime)]
        own = {keyword: getattr(one, keyword) for keyword in ("FrameReferenceTime", "ImageIndex") if keyword in one}
        group.UnassignedPerFrameConvertedAttributesSequence = [item(**own)]
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = groups
    set_pixels(dataset, np.stack([frame_pixels(number) for number in range(count)]), bits_stored=16, signed=True)
    return dataset


def _content(start_s: float, volume: int, place: int) -> dict[str, Any]:
    day = "20200102"
    return {
        "DimensionIndexValues": [volume + 1, place + 1],
        "StackID": "1",
        "InStackPositionNumber": place + 1,
        "TemporalPositionIndex": volume + 1,
        "FrameAcquisitionDateTime": day + clock(3600 + start_s),
        "FrameAcquisitionDuration": 1000 * DURATION_S,
        "FrameReferenceDateTime": day + clock(3600 + start_s + average_time()),
    }


def _placed(place: int, number: int) -> Dataset:
    return item(
        PlanePositionSequence=[item(ImagePositionPatient=list(position_of(place)))],
        PixelValueTransformationSequence=[item(RescaleSlope=slope(number), RescaleIntercept=0, RescaleType="US")],
    )


_OBJECT: dict[str, Any] = {
    "ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
    "Manufacturer": "PHANTOM",
    "SeriesDate": "20200102",
    "SeriesTime": "110000",
    "AcquisitionDateTime": "20200102110000",
    "PatientSex": "M",
    "PatientSize": "1.75",
    "PatientWeight": "70",
    "DecayCorrected": "YES",
    "DecayCorrectionDateTime": "20200102110000",
    "AttenuationCorrected": "YES",
    "ScatterCorrected": "YES",
    "RandomsCorrected": "YES",
    "DeadTimeCorrected": "YES",
    "CountsSource": "EMISSION",
}
_PATIENT_AND_SERIES = (
    "PatientSex",
    "PatientSize",
    "PatientWeight",
    "Manufacturer",
    "StudyDate",
    "StudyTime",
    "SeriesDate",
    "SeriesTime",
    "SeriesDescription",
)
_CONVERTED = (
    "Units",
    "DecayCorrection",
    "CorrectedImage",
    "SeriesType",
    "CountsSource",
    "AcquisitionDate",
    "AcquisitionTime",
    "ActualFrameDuration",
    "RadiopharmaceuticalInformationSequence",
    "SUVType",
    "DoseCalibrationFactor",
)
