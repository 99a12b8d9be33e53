"""DICOM JSON text to objects and elements in one form, tolerant of what servers send (PS3.18 F.2).

The parser is orjson or msgspec where installed. Both refuse NaN and infinite numbers, which servers do send: then the
standard library's reads the same text.
"""

from __future__ import annotations

import base64
import binascii
import gc
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from dicomlogic_core.errors import HeaderError
from dicomlogic_core.header.text import JSON_VRS, json_text
from dicomlogic_core.header.walk import DEEPEST
from dicomlogic_core.tags import KEYWORDS, tag_vr

_HEX = frozenset("0123456789ABCDEF")
BYTES_VRS = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
"""VRs whose values are bytes."""


@cache
def _fast_parsers() -> list[Callable[[bytes], Any]]:
    parsers: list[Callable[[bytes], Any]] = []
    try:
        import orjson

        parsers.append(orjson.loads)
    except ImportError:
        try:
            import msgspec

            parsers.append(msgspec.json.decode)
        except ImportError:
            pass
    return parsers


@contextmanager
def no_collection() -> Iterator[None]:
    """Without the cyclic collector, which takes a third of the time of parsing and finds nothing in fresh JSON."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def parse(data: bytes) -> Any:
    """JSON bytes to objects, by the fastest parser that accepts them.

    Raises:
        HeaderError: no JSON; nested more deeply than any DICOM object (``header.limit``).
    """
    with no_collection():
        for parser in _fast_parsers():
            try:
                return parser(data)
            except (ValueError, RecursionError):
                continue
        try:
            return json.loads(bytes(data).decode("utf-8-sig"))
        except RecursionError as error:
            raise HeaderError("JSON nested too deeply", code="header.limit") from error
        except ValueError as error:
            raise HeaderError(f"no JSON: {type(error).__name__}", code="header") from error


def split(data: bytes) -> list[dict[str, Any]]:
    """The objects of a metadata answer: one object, an array of them, or nothing.

    Raises:
        HeaderError: no JSON, or JSON that is no object.
    """
    if not data.strip():
        return []
    parsed = parse(data)
    objects = parsed if isinstance(parsed, list) else [parsed]
    return [canonical(entry) for entry in objects]


def canonical(entry: Any) -> dict[str, Any]:
    """The object with eight upper-case digits as keys; keywords and commas are accepted.

    Raises:
        HeaderError: something other than an object.
    """
    if not isinstance(entry, dict):
        raise HeaderError(f"{type(entry).__name__} where a DICOM object belongs")
    for key in entry:
        if len(key) != 8 or not key.isalnum() or key.upper() != key:
            return {canonical_key(key): element for key, element in entry.items()}
    return entry


def canonical_key(key: str) -> str:
    """Eight upper-case digits for a tag in any spelling or a keyword."""
    digits = key.replace(",", "").strip("() ").upper()
    if len(digits) == 8 and _HEX.issuperset(digits):
        return digits
    return KEYWORDS.get(key, key)


def element_vr(key: str, element: Mapping[str, Any], known: str = "") -> str:
    """The VR an element says, or the dictionary's where it says none that exists."""
    vr = element.get("vr")
    if isinstance(vr, str):
        if vr in JSON_VRS or vr == "SQ":
            return vr
        vr = vr.upper()
        if vr in JSON_VRS or vr == "SQ" or vr in BYTES_VRS - {"UN"}:
            return vr
    return known or tag_vr(key)


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
