"""RT structure sets as DICOM files: all attributes of type 1 and 2 of PS3.3 A.19.3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import DataElement, Dataset, config
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import ImplicitVRLittleEndian, generate_uid

from dicomlogic_core import SeriesView, Volume, WriteError, replacing
from dicomlogic_rt.image_sets import ImageSet, image_set, image_set_of_volume
from dicomlogic_rt.reference_writing import contour_image, referenced_frames, sop_classes_of
from dicomlogic_rt.rois import Code, Contour, Observation, Roi
from dicomlogic_rt.structures import StructureSet

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
_EMPTY_PATIENT_AND_STUDY = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
)
_SHORT_TEXT, _LONG_TEXT, _SHORT_PARAGRAPH = 16, 64, 1024  # characters of SH and CS, LO, ST (PS3.5 6.2)


def write_structure_set(
    structures: StructureSet, path: str | Path, images: ImageSet | SeriesView | Volume | None = None
) -> Path:
    """Write a structure set as one DICOM file, implicit little endian; returns its path.

    It becomes a new instance in a new series of the patient's study.

    Args:
        structures: what to write; coordinates are kept within 0.00001 mm.
        path: the file.
        images: what it is drawn on. Contours that name no image are given the nearest slice within half a step. A
            series (`Session.series_of`) also brings the attributes of patient and study, a volume does not unless it
            was loaded with ``show_phi=true``.

    Raises:
        WriteError: no frame of reference is known, or the file cannot be written.
    """
    dataset = structure_dataset(structures, _images(images))
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ImplicitVRLittleEndian  # explicit lengths of DS end at 64 KiB, which long contours exceed
    dataset.file_meta = meta
    target = Path(path)
    with replacing(target) as file:
        dataset.save_as(file, enforce_file_format=True)
    return target


def _images(images: ImageSet | SeriesView | Volume | None) -> ImageSet | None:
    if isinstance(images, SeriesView):
        return image_set(images)
    return image_set_of_volume(images) if isinstance(images, Volume) else images


def structure_dataset(structures: StructureSet, images: ImageSet | None = None) -> Dataset:
    """The data set of a structure set, see `write_structure_set`.

    Raises:
        WriteError: no frame of reference is known.
    """
    frame_of_reference = _frame_of_reference(structures, images)
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = STRUCTURE_SET
    dataset.SOPInstanceUID = generate_uid(prefix=None)
    attributes = {**structures.attributes, **(images.attributes if images else {})}
    _add_patient_and_study(dataset, attributes, structures, images)
    _add_series(dataset, structures, frame_of_reference)
    classes = sop_classes_of(structures, images)
    dataset.ReferencedFrameOfReferenceSequence = referenced_frames(structures, images, frame_of_reference, classes)
    dataset.StructureSetROISequence = [_head(roi, frame_of_reference) for roi in structures.rois]
    dataset.ROIContourSequence = [_region(roi, images, classes) for roi in structures.rois]
    dataset.RTROIObservationsSequence = _observations(structures.rois)
    dataset.ApprovalStatus = "UNAPPROVED"
    return dataset


def _frame_of_reference(structures: StructureSet, images: ImageSet | None) -> str:
    found = [*structures.frames_of_reference, images.frame_of_reference_uid if images else ""]
    if not any(found):
        raise WriteError(
            "the regions lie in no known frame of reference",
            where=structures.name,
            remedy="give the images that they were drawn on",
        )
    return next(uid for uid in found if uid)


def _add_patient_and_study(
    dataset: Dataset, attributes: Mapping[str, str], structures: StructureSet, images: ImageSet | None
) -> None:
    for keyword in _EMPTY_PATIENT_AND_STUDY:
        setattr(dataset, keyword, "")
    for keyword, text in attributes.items():
        if text:  # as the images have it, even where that is not allowed
            element = DataElement(Tag(keyword), dictionary_VR(keyword), text, validation_mode=config.IGNORE)
            dataset.add(element)
    known = [attributes.get("StudyInstanceUID", ""), images.study_uid if images else ""]
    known += [series.study_uid for series in structures.references]
    dataset.StudyInstanceUID = next((uid for uid in known if uid), "") or generate_uid(prefix=None)


def _add_series(dataset: Dataset, structures: StructureSet, frame_of_reference: str) -> None:
    now = datetime.now()
    date, time = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    dataset.Modality = "RTSTRUCT"
    dataset.SeriesInstanceUID = generate_uid(prefix=None)
    dataset.SeriesNumber = None
    dataset.SeriesDate, dataset.SeriesTime = date, time
    dataset.OperatorsName = ""
    dataset.Manufacturer = "DICOMLogic"
    dataset.FrameOfReferenceUID = frame_of_reference
    dataset.PositionReferenceIndicator = ""
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = date, time
    dataset.InstanceNumber = 1
    label = structures.label or "Structures"
    dataset.StructureSetLabel = _text(label, _SHORT_TEXT)
    name = str(structures.metadata.get("StructureSetName", "")) or label
    dataset.StructureSetName = _text(name, _LONG_TEXT)
    dataset.StructureSetDate, dataset.StructureSetTime = date, time


def _head(roi: Roi, frame_of_reference: str) -> Dataset:
    item = Dataset()
    item.ROINumber = roi.number
    item.ReferencedFrameOfReferenceUID = roi.frame_of_reference_uid or frame_of_reference
    item.ROIName = _text(roi.name, _LONG_TEXT)
    description = roi.description or (roi.name if len(roi.name) > _LONG_TEXT else "")
    if description:
        item.ROIDescription = description[:_SHORT_PARAGRAPH]
    item.ROIGenerationAlgorithm = _text(roi.algorithm, _SHORT_TEXT)
    return item


def _region(roi: Roi, images: ImageSet | None, classes: Mapping[str, str]) -> Dataset:
    item = Dataset()
    item.ReferencedROINumber = roi.number
    if roi.colour is not None:
        item.ROIDisplayColor = list(roi.colour)
    if roi.contours:
        item.ContourSequence = [
            _contour(contour, number, images, classes) for number, contour in enumerate(roi.contours, 1)
        ]
    return item


def _contour(contour: Contour, number: int, images: ImageSet | None, classes: Mapping[str, str]) -> Dataset:
    item = Dataset()
    item.ContourNumber = number
    image = contour_image(contour, images, classes)
    if image is not None:
        item.ContourImageSequence = [image]
    item.ContourGeometricType = contour.geometric_type
    if contour.slab_thickness_mm is not None:
        item.ContourSlabThickness = decimal(contour.slab_thickness_mm)
    if contour.offset_vector_mm is not None:
        item.ContourOffsetVector = [decimal(part) for part in contour.offset_vector_mm]
    item.NumberOfContourPoints = len(contour.points)
    # Raw, since pydicom would make an object of every coordinate.
    tag, value = Tag("ContourData"), _contour_data(contour.points)
    item[tag] = RawDataElement(tag, "DS", len(value), value, 0, True, True)
    return item


def _contour_data(points: NDArray[np.float64]) -> bytes:
    text = "\\".join(map(decimal, points.ravel().tolist()))
    return (text + " " * (len(text) % 2)).encode("ascii")


def decimal(value: float) -> str:
    """A decimal string of at most 16 characters (PS3.5 6.2), 10 digits, at least 0.00001 exact below 100 m."""
    return f"{value:.10g}" if abs(value) >= 1e-9 else "0"


def _text(text: str, most: int) -> str:
    """At most so many characters, without those that separate values or control a terminal."""
    return "".join(one if one.isprintable() else " " for one in text.replace("\\", "/"))[:most].strip()


def _observations(rois: Sequence[Roi]) -> list[Dataset]:
    items: list[Dataset] = []
    for roi in rois:
        said = roi.observations or (Observation(interpreted_type=roi.interpreted_type, codes=roi.codes),)
        for observation in said:
            item = Dataset()
            item.ObservationNumber = len(items) + 1
            item.ReferencedROINumber = roi.number
            if observation.label:
                item.ROIObservationLabel = _text(observation.label, _SHORT_TEXT)
            if observation.description:
                item.ROIObservationDescription = observation.description[:_SHORT_PARAGRAPH]
            item.RTROIInterpretedType = _text(observation.interpreted_type, _SHORT_TEXT)
            item.ROIInterpreter = ""
            if observation.codes:
                item.RTROIIdentificationCodeSequence = [_code(code) for code in observation.codes]
            if observation.physical_properties:
                item.ROIPhysicalPropertiesSequence = [
                    _property(name, value) for name, value in observation.physical_properties.items()
                ]
            items.append(item)
    return items


def _code(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme, code.meaning
    return item


def _property(name: str, value: Any) -> Dataset:
    item = Dataset()
    item.ROIPhysicalProperty, item.ROIPhysicalPropertyValue = name, decimal(value)
    return item
