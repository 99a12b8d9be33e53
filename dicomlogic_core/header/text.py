"""From value to text: exactly what CTK would store, for raw Part 10 values and for DICOM JSON values.

None stands for a value that cannot be had (absent, or a sequence's text is ""), "" for present and empty, `NOT_STORED`
for one that is present but has no text. Values are joined by a backslash, as in the file.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from dicomlogic_core.header.rows import NOT_STORED

LONGEST_TEXT = 1 << 20
"""Bytes of text beyond which a value is only marked as present."""

Decode = Callable[[bytes], str]
Convert = Callable[[bytes, Decode, str], str]
"""(raw value, decoder of its text, byte order ``<`` or ``>``) -> text."""


def _trimmed(text: str) -> str:
    if "\\" in text:
        return "\\".join([part.strip(" ") for part in text.split("\\")])
    return text.strip(" ")


def default_text(raw: bytes, decode: Decode, order: str) -> str:
    """AE AS CS DA DS DT IS TM UI: the default repertoire, each value trimmed on both sides."""
    if b"\0" in raw:
        raw = raw.replace(b"\0", b"")
    if b"\\" in raw:
        return b"\\".join([part.strip(b" ") for part in raw.split(b"\\")]).decode("latin-1")
    return raw.strip(b" ").decode("latin-1")


def name_like_text(raw: bytes, decode: Decode, order: str) -> str:
    """LO SH: as `default_text`, in the data set's character set."""
    text = decode(raw)
    if "\0" in text:
        text = text.replace("\0", "")
    return _trimmed(text)


def free_text(raw: bytes, decode: Decode, order: str) -> str:
    """ST LT UT UR: one value, leading blanks are content."""
    return decode(raw).replace("\0", "").rstrip(" ")


def unlimited_text(raw: bytes, decode: Decode, order: str) -> str:
    """UC: several values, leading blanks are content."""
    return "\\".join([part.rstrip(" ") for part in decode(raw).replace("\0", "").split("\\")])


def person_name_text(raw: bytes, decode: Decode, order: str) -> str:
    """PN: the groups alphabetic=ideographic=phonetic as they are, only trailing blanks removed."""
    return unlimited_text(raw, decode, order)


def float_text(value: float) -> str:
    """FL: nine significant digits, C style (0.1 -> ``0.100000001``)."""
    return f"{value:.9g}"


def double_text(value: float) -> str:
    """FD: the shortest decimal that reads back, without ``.0``."""
    text = repr(value)
    return text[:-2] if text.endswith(".0") else text


def tag_text(group: int, element: int) -> str:
    """AT: ``(gggg,eeee)``."""
    return f"({group:04x},{element:04x})"


def _numbers(code: str, size: int, write: Callable[[Any], str] = str) -> Convert:
    formats = {
        "<": (struct.Struct("<" + code).unpack, "<%d" + code),
        ">": (struct.Struct(">" + code).unpack, ">%d" + code),
    }

    def text(raw: bytes, decode: Decode, order: str) -> str:
        one, several = formats[order]
        if len(raw) == size:
            return write(one(raw)[0])
        count, rest = divmod(len(raw), size)
        if rest:
            raise ValueError(f"{len(raw)} bytes are no whole number of {size}-byte values")
        return "\\".join([write(value) for value in struct.unpack(several % count, raw)])

    return text


def _tags(raw: bytes, decode: Decode, order: str) -> str:
    if len(raw) % 4:
        raise ValueError(f"{len(raw)} bytes are no whole number of tags")
    words = struct.unpack(f"{order}{len(raw) // 2}H", raw)
    return "\\".join([tag_text(*words[start : start + 2]) for start in range(0, len(words), 2)])


RAW_VRS: dict[bytes, Convert] = {
    **dict.fromkeys((b"AE", b"AS", b"CS", b"DA", b"DS", b"DT", b"IS", b"TM", b"UI"), default_text),
    **dict.fromkeys((b"LO", b"SH"), name_like_text),
    **dict.fromkeys((b"ST", b"LT", b"UT", b"UR"), free_text),
    b"UC": unlimited_text,
    b"PN": person_name_text,
    b"US": _numbers("H", 2),
    b"SS": _numbers("h", 2),
    b"UL": _numbers("L", 4),
    b"SL": _numbers("l", 4),
    b"UV": _numbers("Q", 8),
    b"SV": _numbers("q", 8),
    b"FL": _numbers("f", 4, float_text),
    b"FD": _numbers("d", 8, double_text),
    b"AT": _tags,
}
"""VRs whose values have a text."""


def raw_text(vr: bytes, raw: bytes, decode: Decode, order: str = "<") -> str:
    """The text of a raw value.

    Raises:
        ValueError: the length does not fit the VR.
    """
    if not raw:
        return ""
    convert = RAW_VRS.get(vr)
    if convert is None:
        return "" if vr == b"SQ" else NOT_STORED
    return convert(raw, decode, order) if len(raw) <= LONGEST_TEXT else NOT_STORED


# --- DICOM JSON (PS3.18 F.2) ---------------------------------------------------------------------------------------


_BEYOND = 1 << 64


def integer_text(value: int) -> str:
    """An integer; beyond 64 bits as a float, since JSON parsers differ in what they make of those."""
    return str(value) if -_BEYOND < value < _BEYOND else double_text(float(value))


def _json_number(value: Any) -> str:
    if isinstance(value, str):
        return value.strip(" ")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{type(value).__name__} where a number belongs")
    return integer_text(value) if isinstance(value, int) else double_text(value)


def _json_integer(value: Any) -> str:
    text = _json_number(value)
    if not text or text.lstrip("+-").isdigit():
        return text
    number = float(text)
    if not number.is_integer():
        raise ValueError("a fraction where an integer belongs")
    return str(int(number)) if abs(number) < _BEYOND else text


def _json_decimal(value: Any) -> str:
    return double_text(value) if type(value) is float else _json_number(value)


def _json_single(value: Any) -> str:
    text = _json_number(value)
    if not text:
        return ""
    number = float(text)
    if math.isfinite(number):
        number = struct.unpack("<f", struct.pack("<f", number))[0]
    return float_text(number)


def _json_double(value: Any) -> str:
    if type(value) is float:
        return double_text(value)
    text = _json_number(value)
    return double_text(float(text)) if text else ""


def _json_string(value: Any) -> str:
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{type(value).__name__} where a text belongs")
    return _json_number(value)


def _json_trimmed(value: Any) -> str:
    return _trimmed(_json_string(value))


def _json_name(value: Any) -> str:
    if isinstance(value, str):
        return _clean(value).rstrip(" ")
    if not isinstance(value, dict):
        raise ValueError(f"{type(value).__name__} where a person name belongs")
    groups = [value.get(group) or "" for group in ("Alphabetic", "Ideographic", "Phonetic")]
    if not all(isinstance(group, str) for group in groups):
        raise ValueError("a person name group that is no text")
    return _clean("=".join(groups)).rstrip("= ")


def _json_tag(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} where a tag belongs")
    digits = value.strip("() ").replace(",", "")
    number = int(digits, 16)
    if len(digits) != 8:
        raise ValueError("a tag of not eight digits")
    return tag_text(number >> 16, number & 0xFFFF)


def _clean(text: str) -> str:
    """Without NULs and lone surrogates, which neither SQLite nor UTF-8 can take."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return text.replace("\0", "").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


JSON_VRS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("AE", "AS", "CS", "DA", "DT", "TM", "UI", "LO", "SH"), _json_trimmed),
    **dict.fromkeys(("ST", "LT", "UT", "UR", "UC"), lambda value: _json_string(value).rstrip(" ")),
    **dict.fromkeys(("US", "SS", "UL", "SL", "UV", "SV", "IS"), _json_integer),
    "PN": _json_name,
    "DS": _json_decimal,
    "FL": _json_single,
    "FD": _json_double,
    "AT": _json_tag,
}
"""VR -> one value of the ``Value`` list -> text."""

NUMBER_TEXTS: dict[tuple[str, type], Callable[[Any], str]] = {
    **dict.fromkeys([(vr, int) for vr in ("IS", "US", "SS", "UL", "SL", "UV", "SV", "DS")], integer_text),
    ("DS", float): double_text,
    ("FD", float): double_text,
    ("FL", float): _json_single,
}
"""(VR, type of the JSON value) -> its text, for the forms nearly every server sends."""


def json_text(vr: str, values: Sequence[Any] | Iterable[Any]) -> str:
    """The text of a ``Value`` list.

    Raises:
        ValueError: a value of unusable form.
    """
    write = JSON_VRS.get(vr)
    if write is None:
        return "" if vr == "SQ" else NOT_STORED
    text = "\\".join(["" if value is None else write(value) for value in values])
    return text if len(text) <= LONGEST_TEXT else NOT_STORED
