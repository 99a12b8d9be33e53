"""Looking into DICOM JSON objects (PS3.18 F.2) as far as finding things needs; headers are read by the core."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dicomlogic_core import NetworkError

JsonObject = Mapping[str, Any]

STUDY_UID, SERIES_UID, SOP_UID, SOP_CLASS = "0020000D", "0020000E", "00080018", "00080016"
PATIENT_ID, MODALITY, MODALITIES = "00100020", "00080060", "00080061"
STUDY_SERIES, SERIES_INSTANCES = "00201206", "00201209"
PIXEL_DATA = "7FE00010"


def objects(body: bytes | bytearray, url: str) -> list[JsonObject]:
    """The objects of an answer: a list, one object instead of a list, or nothing.

    Raises:
        NetworkError: the body is no JSON.
    """
    if not body.strip():
        return []
    try:
        found = json.loads(bytes(body).decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise NetworkError(
            "the answer is no JSON", code="network.not-json", url=url, status=200, remedy="check the URL and the server"
        ) from None
    entries = found if isinstance(found, list) else [found]
    return [entry for entry in entries if isinstance(entry, dict)]


def text(obj: JsonObject, key: str) -> str:
    """The first value of an element as text; "" when it is absent, empty or of an odd form."""
    element = obj.get(key)
    values = element.get("Value") if isinstance(element, dict) else None
    first = values[0] if isinstance(values, list) and values else values
    if isinstance(first, Mapping):
        first = first.get("Alphabetic")
    return "" if first is None or isinstance(first, list) else str(first).strip()


def texts(obj: JsonObject, key: str) -> list[str]:
    """All values of an element as texts."""
    element = obj.get(key)
    values = element.get("Value") if isinstance(element, dict) else None
    return [str(value).strip() for value in values if value is not None] if isinstance(values, list) else []


def number(obj: JsonObject, key: str) -> int:
    """The first value as a whole number; 0 when there is none."""
    try:
        return int(float(text(obj, key) or 0))
    except (ValueError, OverflowError):
        return 0
