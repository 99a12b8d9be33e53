"""Which header attribute fills which column of Patients, Studies and Series, and how."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a parent table.

    Attributes:
        column: its name.
        key: of the header attribute.
        kind: ``text`` (first value), ``whole`` (a text that is one value), ``date`` or ``integer``.
        displayed: how CTK's generator treats it: ``first`` keeps the first non-empty text, ``merge`` appends, "" leaves
            it alone.
    """

    column: str
    key: str
    kind: str = "text"
    displayed: str = ""


PATIENT_ID = "00100020"
PATIENT_NAME = "00100010"
STUDY_UID = "0020000D"
SERIES_UID = "0020000E"
SOP_UID = "00080018"
MODALITY = "00080060"
ROWS = "00280010"
COLUMNS = "00280011"
PIXEL_DATA = "7FE00010"

PATIENT_FIELDS = (
    Field("PatientsBirthDate", "00100030", "date"),
    Field("PatientsBirthTime", "00100032"),
    Field("PatientsSex", "00100040"),
    Field("PatientsComments", "00104000", "whole"),
)
STUDY_FIELDS = (
    Field("StudyID", "00200010"),
    Field("StudyDate", "00080020", "date"),
    Field("StudyTime", "00080030"),
    Field("StudyDescription", "00081030", displayed="merge"),
    Field("AccessionNumber", "00080050"),
    Field("ModalitiesInStudy", "00080061", displayed="merge"),
    Field("InstitutionName", "00080080", displayed="first"),
    Field("ReferringPhysician", "00080090", displayed="merge"),
    Field("PerformingPhysiciansName", "00081050"),
)
SERIES_FIELDS = (
    Field("SeriesNumber", "00200011", "integer"),
    Field("SeriesDate", "00080021", "date"),
    Field("SeriesTime", "00080031"),
    Field("SeriesDescription", "0008103E", displayed="merge"),
    Field("Modality", MODALITY, displayed="first"),
    Field("BodyPartExamined", "00180015"),
    Field("FrameOfReferenceUID", "00200052"),
    Field("AcquisitionNumber", "00200012", "integer"),
    Field("ContrastAgent", "00180010"),
    Field("ScanningSequence", "00180020"),
    Field("EchoNumber", "00180086", "integer"),
    Field("TemporalPosition", "00200100", "integer"),
)
