"""RT structure sets as DICOM files: all attributes of type 1 and 2 of PS3.3 A.19.3."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
from pydicom import DataElement, Dataset, config
from pydicom.datadict import dictionary_VR
from pydicom.dataset import FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import ImplicitVRLittleEndian, generate_uid

from dicomlogic_core import SeriesView, Volume, WriteError, replacing
from dicomlogic_rt.image_sets import ImageSet, image_set, image_set_of_volume
from dicomlogic_rt.reference_writing import referenced_frames, sop_classes_of
from dicomlogic_rt.region_writing import head_item, observation_items, region_item
from dicomlogic_rt.structures import StructureSet
from dicomlogic_rt.written_values import LONG_TEXT, SHORT_TEXT, text

STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
_EMPTY_PATIENT_AND_STUDY = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
)


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
        WriteError: as `structure_dataset`, or the file cannot be written.
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

    Contours without points are left out.

    Raises:
        WriteError: no frame of reference is known, there are no regions, two have one number, or a coordinate is no
            number.
    """
    _check(structures)
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
    dataset.StructureSetROISequence = [head_item(roi, frame_of_reference) for roi in structures.rois]
    dataset.ROIContourSequence = [region_item(roi, images, classes) for roi in structures.rois]
    dataset.RTROIObservationsSequence = observation_items(structures.rois)
    dataset.ApprovalStatus = "UNAPPROVED"
    return dataset


def _check(structures: StructureSet) -> None:
    """Refuse what no file can hold (PS3.3 C.8.8.5 wants regions, each with a number of its own)."""
    numbers = Counter(roi.number for roi in structures.rois)
    doubled = [number for number, count in numbers.items() if count > 1]
    if not numbers:
        raise WriteError(
            "there are no regions, without which a structure set is not valid",
            where=structures.name,
            remedy="add a region; it may be without contours",
        )
    if doubled:
        raise WriteError(
            f"several regions have the number {doubled[0]}",
            where=structures.name,
            remedy="give each a number of its own",
        )
    for roi in structures.rois:
        if not all(np.isfinite(contour.points).all() for contour in roi.contours):
            raise WriteError(
                f"region {roi.number} has coordinates that are no numbers",
                where=structures.name,
                remedy="take these points out",
            )


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
    for keyword, value in attributes.items():
        if value:  # as the images have it, even where that is not allowed
            element = DataElement(Tag(keyword), dictionary_VR(keyword), value, validation_mode=config.IGNORE)
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
    dataset.StructureSetLabel = text(label, SHORT_TEXT)
    name = str(structures.metadata.get("StructureSetName", "")) or label
    dataset.StructureSetName = text(name, LONG_TEXT)
    dataset.StructureSetDate, dataset.StructureSetTime = date, time
