"""Headers in the DICOM JSON model (PS3.18 F.2), made by keyword: the shortest way to put an instance into an index."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dicomlogic_core.tags import tag_key, tag_vr

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"


def json_header(**values: Any) -> dict[str, Any]:
    """A header of one CT image; keywords replace or add attributes, None removes one, "" leaves it empty."""
    given = {
        "SOPClassUID": CT_IMAGE,
        "SOPInstanceUID": "1.2.3.4.5.1",
        "SeriesInstanceUID": "1.2.3.4.5",
        "StudyInstanceUID": "1.2.3.4",
        "PatientID": "P1",
        "PatientName": "Doe^Jane",
        "StudyDate": "20240102",
        "Modality": "CT",
        "Rows": 10,
        "Columns": 20,
        "BitsAllocated": 16,
        **values,
    }
    return {tag_key(name): element(name, value) for name, value in sorted(given.items()) if value is not None}


def element(keyword: str, value: Any) -> Mapping[str, Any]:
    """One element; a text may hold several values joined by a backslash."""
    vr = tag_vr(tag_key(keyword))
    if value == "":
        return {"vr": vr}
    several: Sequence[Any] = value.split("\\") if isinstance(value, str) else [value]
    if vr == "PN":
        groups = ("Alphabetic", "Ideographic", "Phonetic")
        several = [{name: text for name, text in zip(groups, one.split("=")) if text} for one in several]
    return {"vr": vr, "Value": list(several)}


def as_bytes(*headers: Mapping[str, Any]) -> bytes:
    """An array of headers as a server sends it."""
    return json.dumps(list(headers)).encode()
