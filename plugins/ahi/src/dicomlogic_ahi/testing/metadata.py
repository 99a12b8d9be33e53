"""Image-set metadata documents of files: one series per set, elements at the level they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dicomlogic_ahi.testing.elements import instance_elements
from dicomlogic_ahi.testing.frames import stored_frames
from dicomlogic_ahi.testing.sets import DATASTORE, Frame, ImageSet, identifier
from dicomlogic_core.testing.server_frames import FrameReader
from dicomlogic_core.testing.server_store import Instance, Store

# PS3.3 C.7.1.1; C.7.2.1 and C.7.2.2; C.7.3.1, C.7.4.1 and C.7.5.1.
_LEVELS = {
    "Patient": """PatientName PatientID IssuerOfPatientID PatientBirthDate PatientBirthTime PatientSex OtherPatientIDs
        OtherPatientNames EthnicGroup PatientComments PatientIdentityRemoved DeidentificationMethod""",
    "Study": """StudyInstanceUID StudyDate StudyTime StudyID AccessionNumber StudyDescription ReferringPhysicianName
        PhysiciansOfRecord NameOfPhysiciansReadingStudy AdmittingDiagnosesDescription PatientAge PatientSize
        PatientWeight Occupation AdditionalPatientHistory""",
    "Series": """SeriesInstanceUID SeriesNumber SeriesDate SeriesTime SeriesDescription Modality Laterality
        BodyPartExamined PatientPosition ProtocolName PerformingPhysicianName OperatorsName FrameOfReferenceUID
        PositionReferenceIndicator Manufacturer ManufacturerModelName InstitutionName InstitutionAddress
        InstitutionalDepartmentName StationName DeviceSerialNumber SoftwareVersions SpatialResolution
        PerformedProcedureStepStartDate PerformedProcedureStepStartTime PerformedProcedureStepID
        PerformedProcedureStepDescription""",
}
_ABSENT = object()


def image_sets_from(
    folder: str | Path, *, datastore: str = DATASTORE, lossless: str = "HTJ2K", stored_syntax: bool = True
) -> list[ImageSet]:
    """Image sets of the DICOM files under `folder`, one per series, in the order of their UIDs; the same every time.

    `lossless` is the data store's format, ``HTJ2K`` or ``JPEG_2000_LOSSLESS``. Without imagecodecs frames stay as they
    are. `stored_syntax` False leaves ``StoredTransferSyntaxUID`` out, as older documents do.

    The service splits a series whose instances disagree about patient, study or series into several sets. Here such
    elements are kept with the instances instead, so that one set has everything.
    """
    series: dict[tuple[str, str], list[Instance]] = {}
    for instance in Store.read(Path(folder)).instances.values():
        series.setdefault((instance.study_uid, instance.series_uid), []).append(instance)
    reader = FrameReader()
    return [_image_set(series[uids], reader, datastore, lossless, stored_syntax) for uids in sorted(series)]


def _image_set(
    instances: Sequence[Instance], reader: FrameReader, datastore: str, lossless: str, stored_syntax: bool
) -> ImageSet:
    study_uid, series_uid = instances[0].study_uid, instances[0].series_uid
    frames: dict[str, Frame] = {}
    blocks: dict[str, dict[str, Any]] = {}
    # The service gives instances in no order that means anything.
    for instance in sorted(instances, key=lambda instance: identifier(instance.sop_uid)):
        elements, private = instance_elements(instance)
        stored = {
            identifier(datastore, instance.sop_uid, str(number)): frame
            for number, frame in enumerate(stored_frames(instance, reader, lossless), 1)
        }
        frames.update(stored)
        block: dict[str, Any] = {"DICOM": elements, "DICOMVRs": private}
        if stored and stored_syntax:
            block["StoredTransferSyntaxUID"] = next(iter(stored.values())).syntax
        block["ImageFrames"] = [_described(key, frame, elements) for key, frame in stored.items()]
        blocks[instance.sop_uid] = block
    headers = [block["DICOM"] for block in blocks.values()]
    patient, study, series = (_lift(headers, names.split()) for names in _LEVELS.values())
    document = {
        "SchemaVersion": "1.1",
        "DatastoreID": datastore,
        "ImageSetID": identifier(datastore, study_uid, series_uid),
        "Patient": {"DICOM": patient},
        "Study": {"DICOM": study, "Series": {series_uid: {"DICOM": series, "Instances": blocks}}},
    }
    return ImageSet(document=document, frames=frames)


def _lift(headers: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """Take the elements of a level out of the instances that all agree about them."""
    common = {}
    for name in sorted(names):
        values = [header.get(name, _ABSENT) for header in headers]
        if values[0] is not _ABSENT and all(value == values[0] for value in values):
            common[name] = values[0]
            for header in headers:
                del header[name]
    return common


def _described(key: str, frame: Frame, elements: Mapping[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"ID": key, "FrameSizeInBytes": frame.size}
    if frame.checksum is not None:
        size = {"Width": elements.get("Columns"), "Height": elements.get("Rows")}
        # Newer documents give the full resolution only.
        entry["PixelDataChecksumFromBaseToFullResolution"] = [{**size, "Checksum": frame.checksum}]
    if frame.lowest is not None:
        entry |= {"MinPixelValue": frame.lowest, "MaxPixelValue": frame.highest}
    return entry
