"""Elements in the form of the service's metadata: keywords, plain values, a list exactly where more than one may be."""

from __future__ import annotations

import base64
from typing import Any

from pydicom import Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VM, keyword_for_tag

from dicomlogic_core.testing.server_json import JsonStyle, header_json, raw_value
from dicomlogic_core.testing.server_store import Instance

_STYLE = JsonStyle(bulk_uri=str, bulk_threshold=1 << 62)  # every value is in the document
_BINARY = ("OB", "OW", "UN", "OF", "OD", "OL", "OV")


def instance_elements(instance: Instance) -> tuple[dict[str, Any], dict[str, str]]:
    """All elements of an instance by keyword, group 2 included, and the VRs of the private ones by tag."""
    found = _file_meta(instance.header.file_meta)
    header = header_json(instance.header, instance.encodings, _STYLE)
    found.update(_elements(header))
    if instance.pixel_keyword:
        found[instance.pixel_keyword] = None
    private = {key: element["vr"] for key, element in header.items() if _is_private(key)}
    return found, private


def _elements(header: dict[str, Any]) -> dict[str, Any]:
    return {_name(key): _value(key, element) for key, element in header.items()}


def _name(key: str) -> str:
    """The keyword; the tag for private and unknown elements, and for groups that repeat and so share a keyword."""
    return keyword_for_tag(int(key, 16)) if dictionary_has_tag(int(key, 16)) else key


def _is_private(key: str) -> bool:
    return int(key[:4], 16) % 2 == 1


def _value(key: str, element: dict[str, Any]) -> Any:
    if element["vr"] in _BINARY:
        # Empty private values of unknown VR are "" in the service's documents, other empty values null.
        return element.get("InlineBinary", "" if element["vr"] == "UN" and _is_private(key) else None)
    values = element.get("Value")
    if not values:
        return None
    if element["vr"] == "SQ":
        return [_elements(item) for item in values]
    return _counted(key, [_plain(element["vr"], value) for value in values])


def _plain(vr: str, value: Any) -> Any:
    if vr == "PN":
        groups = [(value or {}).get(group, "") for group in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(groups).rstrip("=")
    if vr == "IS" or value is None:
        return "" if value is None else str(value)
    return value


def _counted(key: str, values: list[Any]) -> Any:
    """A list if and only if the dictionary allows more than one value; private elements have no such entry."""
    tag = int(key, 16)
    if not dictionary_has_tag(tag):
        return values if len(values) > 1 else values[0]
    if dictionary_VM(tag) != "1":
        return values
    if len(values) == 1:
        return values[0]
    # More values than the dictionary allows.
    return "\\".join(values) if all(isinstance(value, str) for value in values) else values


def _file_meta(meta: Dataset) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for tag in sorted(meta.keys()):
        if tag.element == 0:
            continue  # group lengths are not kept
        raw = raw_value(meta.get_item(tag))
        binary = meta[tag].VR in _BINARY
        text = base64.b64encode(raw).decode() if binary else raw.decode("latin-1").strip(" \0")
        found[_name(f"{tag:08X}")] = text or None
    return found
