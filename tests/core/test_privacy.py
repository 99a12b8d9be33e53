"""Which attributes are taken to identify a patient."""

from __future__ import annotations

import pytest
from pydicom.datadict import DicomDictionary

import dicomlogic_core as dl


def test_the_patient_module_is_hidden_but_for_what_axes_mean() -> None:
    shown = [
        entry[4] for tag, entry in DicomDictionary.items() if tag >> 16 == 0x0010 and not dl.identifies_patient(tag)
    ]
    assert shown == ["AnatomicalOrientationType"]


@pytest.mark.parametrize(
    "keyword", ["PatientName", "PatientID", "AccessionNumber", "InstitutionName", "ReferringPhysicianName", "StudyID"]
)
def test_who_and_where_is_hidden(keyword: str) -> None:
    assert dl.identifies_patient(keyword)


@pytest.mark.parametrize(
    "keyword", ["Modality", "SeriesDescription", "StudyInstanceUID", "PixelSpacing", "Manufacturer"]
)
def test_what_and_how_is_shown(keyword: str) -> None:
    assert not dl.identifies_patient(keyword)


def test_people_are_hidden_whatever_their_part() -> None:
    # Every name of a person in the study and series modules (groups 0008 and 0040 of the common image classes).
    people = ["OperatorsName", "PerformingPhysicianName", "NameOfPhysiciansReadingStudy", "PhysiciansOfRecord"]
    assert all(map(dl.identifies_patient, people))
