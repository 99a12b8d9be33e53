"""A DICOM header as the DICOM JSON model (PS3.18 Annex F), written from the raw bytes so that no text changes."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.charset import decode_bytes
from pydicom.datadict import dictionary_VR, private_dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag
from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS

_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
_WORDS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
_BINARY = {"OB", "UN", *_WORDS}
_ONE_TEXT = {"LT", "ST", "UT", "UR"}
_BY_CHARACTER_SET = {"SH", "LO", "ST", "LT", "UC", "UT"}
_AMBIGUOUS = {"US or SS or OW": "OW", "US or OW": "OW", "OB or OW": "OW"}


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonStyle:
    """How a server writes its JSON.

    Attributes:
        bulk_threshold: binary values longer than this many bytes become a BulkDataURI.
        bulk_uri: makes the URI of a value from its tag path, e.g. ``52009229/0/00289110``.
        numbers: DS as JSON numbers, which loses the text (Orthanc before 1.12); text otherwise.
        binary: False leaves binary elements out altogether (Azure).
    """

    bulk_uri: Callable[[str], str]
    bulk_threshold: int = 1024
    numbers: bool = False
    binary: bool = True


def header_json(dataset: Dataset, encodings: list[str], style: JsonStyle, path: str = "") -> dict[str, Any]:
    """The elements of `dataset` by ascending tag, without group lengths; a header has no pixel data."""
    found = {}
    for tag in sorted(dataset.keys()):
        if tag.element == 0 or tag.group <= 2:
            continue
        key = f"{tag:08X}"
        element = dataset.get_item(tag)
        vr = _vr(element, dataset)
        if vr in _BINARY and not style.binary:
            continue
        entry = {"vr": vr}
        if vr == "SQ":
            entry |= _sequence(dataset[tag], encodings, style, f"{path}{key}/")
        elif value := raw_value(element):
            entry |= _value(vr, value, _little_endian(element, dataset), encodings, style, path + key)
        found[key] = entry
    return found


def raw_value(element: Any) -> bytes:
    """The bytes of an element as they are in the file; b"" when it is empty."""
    if isinstance(element, RawDataElement):
        return element.value or b""
    if element.is_empty:
        return b""
    # What pydicom has already converted: identifiers and a few numbers, all of plain ASCII.
    value = element.value
    if isinstance(value, bytes):
        return value
    parts = value if isinstance(value, list) or hasattr(value, "append") else [value]
    if element.VR in _NUMBERS:
        return struct.pack(f"<{len(parts)}{_NUMBERS[element.VR]}", *parts)
    return "\\".join(str(getattr(part, "original_string", part)) for part in parts).encode()


def _little_endian(element: Any, dataset: Dataset) -> bool:
    if isinstance(element, RawDataElement):
        return bool(element.is_little_endian)
    return True  # `raw_value` packs converted numbers so


def _vr(element: Any, dataset: Dataset) -> str:
    vr = element.VR or "UN"
    if vr == "UN" and isinstance(element, RawDataElement):
        vr = _dictionary_vr(element.tag, dataset)
    if vr == "US or SS":
        return "SS" if dataset.get("PixelRepresentation") == 1 else "US"
    return _AMBIGUOUS.get(vr, str(vr))


def _dictionary_vr(tag: BaseTag, dataset: Dataset) -> str:
    try:
        if not tag.is_private:
            return dictionary_VR(tag)
        if tag.is_private_creator:
            return "LO"
        creator = dataset.get_item(BaseTag(tag.group << 16 | tag.element >> 8))
        return private_dictionary_VR(tag, raw_value(creator).decode("latin-1").strip(" \0")) if creator else "UN"
    except KeyError:
        return "UN"


def _sequence(element: DataElement, encodings: list[str], style: JsonStyle, path: str) -> dict[str, Any]:
    items = [header_json(item, encodings, style, f"{path}{n}/") for n, item in enumerate(element.value or ())]
    return {"Value": items} if items else {}


def _value(
    vr: str, value: bytes, little_endian: bool, encodings: list[str], style: JsonStyle, path: str
) -> dict[str, Any]:
    if vr in _BINARY:
        if len(value) > style.bulk_threshold:
            return {"BulkDataURI": style.bulk_uri(path)}
        return {"InlineBinary": base64.b64encode(little_endian_words(vr, value, little_endian)).decode()}
    if vr in _NUMBERS or vr == "AT":
        values = _numbers(vr, value, "<" if little_endian else ">")
    elif vr == "PN":
        values = _names(value, encodings)
    else:
        values = _texts(vr, value, encodings, style.numbers)
    return {"Value": values} if values else {}


def little_endian_words(vr: str, value: bytes, little_endian: bool) -> bytes:
    """Bytes of a binary value as Explicit VR Little Endian has them."""
    size = _WORDS.get(vr, 1)
    if little_endian or size == 1:
        return value
    swapped = bytearray(len(value))
    for byte in range(size):
        swapped[byte::size] = value[size - 1 - byte :: size]
    return bytes(swapped)


def _numbers(vr: str, value: bytes, order: str) -> list[Any]:
    if vr == "AT":
        pairs = struct.unpack(f"{order}{len(value) // 4 * 2}H", value[: len(value) // 4 * 4])
        return [f"{group:04X}{element:04X}" for group, element in zip(pairs[::2], pairs[1::2])]
    code = _NUMBERS[vr]
    count = len(value) // struct.calcsize(code)
    numbers = struct.unpack(f"{order}{count}{code}", value[: count * struct.calcsize(code)])
    return [number if math.isfinite(number) else None for number in numbers]


def _names(value: bytes, encodings: list[str]) -> list[Any]:
    names: list[Any] = []
    for name in decode_bytes(value, encodings, PN_DELIMS).rstrip(" \0").split("\\"):
        groups = zip(("Alphabetic", "Ideographic", "Phonetic"), name.split("="))
        names.append({group: text for group, text in groups if text} or None)
    return [] if names == [None] else names


def _texts(vr: str, value: bytes, encodings: list[str], numbers: bool) -> list[Any]:
    codecs = encodings if vr in _BY_CHARACTER_SET else ["latin-1"]
    text = decode_bytes(value, codecs, TEXT_VR_DELIMS)
    if vr in _ONE_TEXT:
        return [text.rstrip(" \0")] if text.rstrip(" \0") else []
    parts = [part.strip(" \0") for part in text.split("\\")]
    if parts == [""]:
        return []
    if vr == "IS" or (vr == "DS" and numbers):
        return [_as_number(vr, part, numbers) for part in parts]
    return [part or None for part in parts]


def _as_number(vr: str, text: str, lossy: bool) -> int | float | str | None:
    """A number where the text can be made from it again, or where the server is one that does not care."""
    try:
        number = int(text) if vr == "IS" else float(text)
    except ValueError:
        return text or None
    return number if lossy or str(number) == text else text
