"""Attribute filters as queries take them, and as they are checked again, since many servers ignore some of them."""

from __future__ import annotations

from collections.abc import Mapping

from dicomlogic_core import keyword_of, tag_key
from dicomlogic_dicomweb.elements import MODALITIES, MODALITY, PATIENT_ID, SERIES_UID, STUDY_UID, JsonObject, texts

# Attributes that PS3.18 table 10.6.1-5 lets one match by, per level. The index applies all others to the headers.
_STUDY = (
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ModalitiesInStudy",
    "ReferringPhysicianName",
    "PatientName",
    "PatientID",
    "StudyInstanceUID",
    "StudyID",
)
_SERIES = ("Modality", "SeriesInstanceUID", "SeriesNumber")
# Those for which a listing is to be trusted: plain text that servers do not rewrite.
_CHECKED = {
    "StudyInstanceUID": STUDY_UID,
    "SeriesInstanceUID": SERIES_UID,
    "PatientID": PATIENT_ID,
    "Modality": MODALITY,
    "ModalitiesInStudy": MODALITIES,
}


class Filters:
    """The filters of one scan.

    Attributes:
        studies, series: query parameters of the two levels.
    """

    def __init__(self, where: Mapping[str, str]) -> None:
        named = {keyword_of(tag_key(name)) or name: value for name, value in where.items()}
        self.studies = _parameters(named, _STUDY)
        self.series = _parameters(named, _SERIES)
        if "Modality" in named:
            self.studies.setdefault("ModalitiesInStudy", named["Modality"])
        # Wildcards and lists are left to the index, which matches by the standard's rules.
        self._exact = {
            key: named[name]
            for name, key in _CHECKED.items()
            if name in named and not any(sign in named[name] for sign in "*?\\,")
        }

    def agrees(self, listed: JsonObject) -> bool:
        """False for an entry that the server lists although a filter forbids it."""
        return all(value in texts(listed, key) for key, value in self._exact.items() if key in listed)


def _parameters(named: Mapping[str, str], level: tuple[str, ...]) -> dict[str, str]:
    # A list of UIDs is separated by commas in a query, by backslashes elsewhere.
    return {
        name: named[name].replace("\\", ",") if name.endswith("UID") else named[name] for name in level if name in named
    }
