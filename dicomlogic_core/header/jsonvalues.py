"""Elements of DICOM JSON (PS3.18 F.2) in one form, tolerant of what servers send."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from dicomlogic_core.errors import HeaderError
from dicomlogic_core.header.jsonparse import canonical
from dicomlogic_core.header.syntax import DEEPEST
from dicomlogic_core.header.text import JSON_VRS, json_text
from dicomlogic_core.tags import tag_vr

BYTES_VRS = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
"""VRs whose values are bytes."""


def element_vr(key: str, element: Mapping[str, Any], known: str = "") -> str:
    """The VR an element says, or the dictionary's where it says none that exists."""
    vr = element.get("vr")
    if isinstance(vr, str):
        if vr in JSON_VRS or vr == "SQ":
            return vr
        vr = vr.upper()
        if vr in JSON_VRS or vr == "SQ" or vr in BYTES_VRS - {"UN"}:
            return vr
    if known:
        return known
    try:
        return tag_vr(key)
    except (ValueError, OverflowError):
        return "UN"  # the key is no tag


def element_values(element: Mapping[str, Any]) -> list[Any]:
    """The ``Value`` list; a lone value counts as a list of one, null as none."""
    values = element.get("Value")
    if values is None:
        return []
    return values if isinstance(values, list) else [values]


def normal_item(item: Any, depth: int = 1) -> dict[str, Any]:
    """A sequence item in the form `Part10Reader` gives: known VRs, numbers as numbers, no empty lists.

    Raises:
        HeaderError: ``header.limit``: nested too deeply.
    """
    if depth > DEEPEST:
        raise HeaderError(f"sequences nested more than {DEEPEST} deep", code="header.limit")
    if not isinstance(item, dict):
        return {}
    normal = {}
    for key, element in canonical(item).items():
        if isinstance(element, dict):
            normal[key] = _normal_element(key, element, depth)
    return normal


def _normal_element(key: str, element: Mapping[str, Any], depth: int) -> dict[str, Any]:
    vr = element_vr(key, element)
    values = element_values(element)
    if vr == "SQ":
        items = [normal_item(value, depth + 1) for value in values]
        return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
    if values and vr in JSON_VRS:
        try:
            return json_element(vr, json_text(vr, values))
        except (ValueError, TypeError, OverflowError):
            return {"vr": vr}
    kept = {name: element[name] for name in ("InlineBinary", "BulkDataURI") if name in element}
    return {"vr": vr, **kept}


def inline_bytes(element: Mapping[str, Any]) -> bytes | None:
    """The decoded ``InlineBinary`` of an element (the first, where a list is given); None when it has none.

    Raises:
        ValueError: no base64.
    """
    value = element.get("InlineBinary")
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, str):
        return None
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError("InlineBinary is no base64") from error


_DECIMALS = frozenset(("DS", "FL", "FD"))
_INTEGERS = frozenset(("IS", "US", "SS", "UL", "SL", "UV", "SV"))


def json_element(vr: str, text: str) -> dict[str, Any]:
    """A DICOM JSON element for a text: numbers as numbers where they read as such, names by group, tags as digits."""
    if not text:
        return {"vr": vr}
    single = vr in ("ST", "LT", "UT", "UR")
    return {"vr": vr, "Value": [_json_value(vr, part) for part in ([text] if single else text.split("\\"))]}


def _json_value(vr: str, part: str) -> Any:
    if not part:
        return None
    if vr == "PN":
        names = zip(("Alphabetic", "Ideographic", "Phonetic"), part.split("="))
        return {group: name for group, name in names if name}
    if vr == "AT":
        return part.strip("()").replace(",", "").upper()
    try:
        if vr in _INTEGERS:
            return int(part)
        if vr in _DECIMALS:
            return float(part)
    except ValueError:
        return part
    return part
