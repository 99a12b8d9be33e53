"""Which attributes tell who a patient is; they are shown and written only when asked for."""

from __future__ import annotations

from dicomlogic_core.tags import TagLike, tag_key

# Outside group 0010 (the patient module): PS3.15 table E.1-1 lists them for removal or replacement.
_IDENTIFYING = frozenset(
    {
        "00080050",  # AccessionNumber
        "00080080",  # InstitutionName
        "00080081",  # InstitutionAddress
        "00080090",  # ReferringPhysicianName
        "00080092",  # ReferringPhysicianAddress
        "00080094",  # ReferringPhysicianTelephoneNumbers
        "00081010",  # StationName
        "00081040",  # InstitutionalDepartmentName
        "00081048",  # PhysiciansOfRecord
        "00081050",  # PerformingPhysicianName
        "00081060",  # NameOfPhysiciansReadingStudy
        "00081070",  # OperatorsName
        "00081120",  # ReferencedPatientSequence
        "00200010",  # StudyID
        "00321032",  # RequestingPhysician
        "00324000",  # StudyComments
        "00380010",  # AdmissionID
        "00380500",  # PatientState
        "00400275",  # RequestAttributesSequence
        "00401001",  # RequestedProcedureID
    }
)
_HARMLESS = frozenset({"00102210"})  # AnatomicalOrientationType decides what the axes mean


def identifies_patient(tag: TagLike) -> bool:
    """True when an attribute's value may tell who the patient is (PS3.15 annex E)."""
    key = tag_key(tag)
    return (key.startswith("0010") and key not in _HARMLESS) or key in _IDENTIFYING
