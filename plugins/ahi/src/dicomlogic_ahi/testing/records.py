"""What the service says of data stores and image sets (service model 2023-07-19)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dicomlogic_ahi.testing.sets import CREATED, ImageSet

_ACCOUNT = "123456789012"

SEARCHED = {
    "DICOMPatientId": ("Patient", "PatientID"),
    "DICOMAccessionNumber": ("Study", "AccessionNumber"),
    "DICOMStudyId": ("Study", "StudyID"),
    "DICOMStudyInstanceUID": ("Study", "StudyInstanceUID"),
    "DICOMSeriesInstanceUID": ("Series", "SeriesInstanceUID"),
}
"""What a search can ask for: member of the request -> level and keyword of the document."""

_SUMMARY = {
    **SEARCHED,
    "DICOMPatientName": ("Patient", "PatientName"),
    "DICOMPatientBirthDate": ("Patient", "PatientBirthDate"),
    "DICOMPatientSex": ("Patient", "PatientSex"),
    "DICOMStudyDescription": ("Study", "StudyDescription"),
    "DICOMStudyDate": ("Study", "StudyDate"),
    "DICOMStudyTime": ("Study", "StudyTime"),
    "DICOMSeriesModality": ("Series", "Modality"),
    "DICOMSeriesBodyPart": ("Series", "BodyPartExamined"),
}


def datastore_record(datastore_id: str, region: str) -> dict[str, Any]:
    """A DatastoreSummary."""
    return {
        "datastoreId": datastore_id,
        "datastoreName": "loopback",
        "datastoreStatus": "ACTIVE",
        "datastoreArn": arn(datastore_id, region),
        "createdAt": CREATED,
        "updatedAt": CREATED,
    }


def arn(datastore_id: str, region: str) -> str:
    """The name of a data store for all of AWS."""
    return f"arn:aws:medical-imaging:{region}:{_ACCOUNT}:datastore/{datastore_id}"


def version_record(image_set: ImageSet, version: int) -> dict[str, Any]:
    """An ImageSetProperties: what there is to say of one version."""
    return {
        "imageSetId": image_set.image_set_id,
        "versionId": str(version),
        "imageSetState": image_set.state,
        "ImageSetWorkflowStatus": image_set.workflow,
        "createdAt": image_set.created_at,
        "updatedAt": image_set.updated_at,
        "isPrimary": image_set.is_primary,
    }


def summary(image_set: ImageSet) -> dict[str, Any]:
    """What a search says of an image set; elements that it does not have are left out."""
    tags: dict[str, Any] = {name: text for name, where in _SUMMARY.items() if (text := text_of(image_set, *where))}
    series = image_set.document["Study"]["Series"]
    tags["DICOMNumberOfStudyRelatedSeries"] = len(series)
    tags["DICOMNumberOfStudyRelatedInstances"] = sum(len(one["Instances"]) for one in series.values())
    number = text_of(image_set, "Series", "SeriesNumber")
    if number.isascii() and number.removeprefix("-").isdigit():
        tags["DICOMSeriesNumber"] = int(number)
    return {
        "imageSetId": image_set.image_set_id,
        "version": image_set.version,
        "createdAt": image_set.created_at,
        "updatedAt": image_set.updated_at,
        "lastAccessedAt": image_set.updated_at,
        "storageTier": "FREQUENT_ACCESS",
        "isPrimary": image_set.is_primary,
        "DICOMTags": tags,
    }


def text_of(image_set: ImageSet, level: str, keyword: str) -> str:
    """An element of a level of the document; "" when it is empty or not there."""
    block: Mapping[str, Any] = image_set.document["Study" if level == "Series" else level]
    if level == "Series":
        block = next(iter(block["Series"].values()))
    return str(block["DICOM"].get(keyword) or "")
