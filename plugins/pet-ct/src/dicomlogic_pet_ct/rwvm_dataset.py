"""A Real World Value Mapping object (PS3.3 A.46) that says what the stored values of PET frames are."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dicomlogic_core import FrameRef, __version__
from dicomlogic_pet_ct.norms import Variant
from dicomlogic_pet_ct.rwvm import MAPPING_CLASS

if TYPE_CHECKING:
    from pydicom import Dataset

_SLOPE_DIGITS = 12  # slopes that differ less are one: they come from decimal texts
# The attributes of patient and study (PS3.3 C.7.1.1, C.7.2.1) that must be there, empty when not known.
_PATIENT_STUDY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
# Coded concepts of content items: scheme, value, meaning.
_QUANTITY = ("SCT", "246205007", "Quantity")
_METHOD = ("SCT", "370129005", "Measurement Method")
_UPTAKE = ("DCM", "126400", "Standardized Uptake Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """What is to be written.

    Attributes:
        frames: of one study.
        slopes: uptake value per stored value, one per frame, positive.
        variant: which uptake value.
        sop_class: of the images.
        bits: BitsStored of the images.
        signed: PixelRepresentation of the images.
        date: DA, that of the content.
        time: TM, that of the content.
        attributes: texts of patient and study by keyword, as far as they are known.
    """

    frames: tuple[FrameRef, ...]
    slopes: tuple[float, ...]
    variant: Variant
    sop_class: str
    bits: int = 16
    signed: bool = False
    date: str
    time: str
    attributes: Mapping[str, str]


def mapping_dataset(mapped: Mapped) -> Dataset:
    """The object, in a series of its own: one item per distinct slope, with the frames it is for.

    Its UIDs follow from its content, so that an archive takes the same mapping written twice as one object.
    """
    dataset = _object(mapped)
    groups: dict[str, list[FrameRef]] = {}
    for frame, slope in zip(mapped.frames, mapped.slopes):
        groups.setdefault(f"{slope:.{_SLOPE_DIGITS}g}", []).append(frame)
    exact = {f"{slope:.{_SLOPE_DIGITS}g}": slope for slope in reversed(mapped.slopes)}
    dataset.ReferencedImageRealWorldValueMappingSequence = [
        _item(
            ReferencedImageSequence=_images(mapped, frames),
            RealWorldValueMappingSequence=[_mapping(mapped, exact[text])],
        )
        for text, frames in groups.items()
    ]
    by_series: dict[str, list[FrameRef]] = {}
    for frame in mapped.frames:
        by_series.setdefault(frame.series_uid, []).append(frame)
    # The Common Instance Reference module, by which archives and our own index find the images.
    dataset.ReferencedSeriesSequence = [
        _item(
            SeriesInstanceUID=uid,
            ReferencedInstanceSequence=[
                _item(ReferencedSOPClassUID=mapped.sop_class, ReferencedSOPInstanceUID=sop_uid)
                for sop_uid in dict.fromkeys(frame.sop_uid for frame in frames)
            ],
        )
        for uid, frames in by_series.items()
    ]
    _identify(dataset)
    return dataset


def _identify(dataset: Dataset) -> None:
    """Give the UIDs (PS3.5 B.2): name-based UUIDs of all that is in the object."""
    content = json.dumps(dataset.to_json_dict(), sort_keys=True)
    series, instance = (uuid.uuid5(uuid.NAMESPACE_OID, f"{level} {content}").int for level in ("series", "instance"))
    dataset.SeriesInstanceUID, dataset.SOPInstanceUID = f"2.25.{series}", f"2.25.{instance}"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID


def _object(mapped: Mapped) -> Dataset:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    label = mapped.variant.label
    dataset = _item(
        SpecificCharacterSet="ISO_IR 192",
        SOPClassUID=MAPPING_CLASS,
        StudyInstanceUID=mapped.frames[0].study_uid,
        Modality="RWV",
        SeriesNumber=1,
        SeriesDescription=f"{label} of stored PET values",
        Laterality="",
        InstanceNumber=1,
        ContentDate=mapped.date,
        ContentTime=mapped.time,
        ContentLabel=label.upper()[:16],
        ContentDescription=f"Factors from stored values to {label}",
        ContentCreatorName="",
        Manufacturer="DICOMLogic",
        ManufacturerModelName="dicomlogic-pet-ct",
        DeviceSerialNumber="none",
        SoftwareVersions=__version__,
    )
    for keyword in _PATIENT_STUDY:
        setattr(dataset, keyword, mapped.attributes.get(keyword, ""))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = UID(MAPPING_CLASS)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def _images(mapped: Mapped, frames: Sequence[FrameRef]) -> list[Dataset]:
    """Image references (PS3.3 Table 10-3), with frame numbers where an instance has several frames."""
    numbers: dict[str, list[int]] = {}
    for frame in frames:
        numbers.setdefault(frame.sop_uid, []).append(frame.frame)
    counts: dict[str, int] = {}
    for frame in mapped.frames:
        counts[frame.sop_uid] = max(counts.get(frame.sop_uid, 1), frame.frame)
    images = []
    for uid, its in numbers.items():
        image = _item(ReferencedSOPClassUID=mapped.sop_class, ReferencedSOPInstanceUID=uid)
        if counts[uid] > 1:
            image.ReferencedFrameNumber = sorted(its)
        images.append(image)
    return images


def _mapping(mapped: Mapped, slope: float) -> Dataset:
    """The mapping item; values of the whole stored range are mapped, the negative ones of noise as well."""
    unit, meaning = mapped.variant.code
    first = -(1 << mapped.bits - 1) if mapped.signed else 0
    item = _item(
        LUTExplanation=meaning,
        LUTLabel=mapped.variant.label[:16],
        MeasurementUnitsCodeSequence=[_code(("UCUM", unit, meaning))],
        QuantityDefinitionSequence=[
            _content(_QUANTITY, _UPTAKE),
            _content(_METHOD, ("DCM", *mapped.variant.method)),
        ],
        RealWorldValueIntercept=0.0,
        RealWorldValueSlope=slope,
    )
    # US or SS as PixelRepresentation says, which this object does not have to tell the reader.
    vr = "SS" if mapped.signed else "US"
    item.add_new("RealWorldValueFirstValueMapped", vr, first)
    item.add_new("RealWorldValueLastValueMapped", vr, (1 << mapped.bits) - 1 + first)
    return item


def _content(name: tuple[str, str, str], value: tuple[str, str, str]) -> Dataset:
    return _item(ValueType="CODE", ConceptNameCodeSequence=[_code(name)], ConceptCodeSequence=[_code(value)])


def _code(code: tuple[str, str, str]) -> Dataset:
    scheme, value, meaning = code
    keyword = "CodeValue" if len(value) <= 16 else "LongCodeValue"
    return _item(CodingSchemeDesignator=scheme, CodeMeaning=meaning, **{keyword: value})


def _item(**values: Any) -> Dataset:
    from pydicom.dataset import Dataset  # not before something is written

    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item
