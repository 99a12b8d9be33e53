"""As much of Part-10 files (PS3.10) as retrieving whole instances needs."""

from __future__ import annotations

import struct

from dicomlogic_core import is_uid

_PIXELS = b"\xe0\x7f\x10\x00"
_EXPLICIT_PIXEL_VRS = (b"OW", b"OB", b"OF", b"OD", b"UN")
_LONG_VRS = (b"OB", b"OW", b"UN", b"SQ", b"UT")
_UNDEFINED = 0xFFFFFFFF
_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_TRAILING_PADDING = b"\xfc\xff\xfc\xff"


def is_part10(data: memoryview | bytes) -> bool:
    """True when `data` begins as a Part-10 file does."""
    return bytes(data[128:132]) == b"DICM"


def sop_uid(data: memoryview | bytes) -> str:
    """SOP Instance UID of the data set; the meta information has another in files that were anonymised carelessly."""
    at, _ = _meta(data)
    explicit = transfer_syntax(data) != "1.2.840.10008.1.2"
    while at + 8 <= len(data):
        group, element, vr, length = struct.unpack_from("<HH2sH", data, at)
        if (group, element) >= (8, 0x18) or vr in _LONG_VRS:
            break
        if not explicit:
            (length,) = struct.unpack_from("<I", data, at + 4)
        if (group, element) == (8, 0x18):
            break
        at += 8 + length
    if bytes(data[at : at + 4]) == b"\x08\x00\x18\x00":
        (length,) = struct.unpack_from("<H", data, at + (6 if explicit else 4))
        uid = _ascii(data[at + 8 : at + 8 + length])
        if is_uid(uid):
            return uid
    return _by_pydicom(data)


def _by_pydicom(data: memoryview | bytes) -> str:
    """For big endian, deflated, and whatever else is rare before the UID."""
    from io import BytesIO

    import pydicom

    try:
        dataset = pydicom.dcmread(BytesIO(data), specific_tags=["SOPInstanceUID"], stop_before_pixels=True)
        return str(dataset.get("SOPInstanceUID", ""))
    except Exception:  # pydicom raises many kinds for damaged files; without a UID the part belongs to nobody
        return ""


def transfer_syntax(data: memoryview | bytes) -> str:
    """Transfer Syntax UID by the meta information, "" when it has none."""
    return _meta(data)[1]


def _meta(data: memoryview | bytes) -> tuple[int, str]:
    """Where the data set begins, and the transfer syntax; group 2 is explicit little endian always (PS3.10 7.1)."""
    at, syntax = 132, ""
    while at + 8 <= len(data):
        group, element, vr, length = struct.unpack_from("<HH2sH", data, at)
        if group != 2:
            break
        head = 8
        if vr in _LONG_VRS:
            if at + 12 > len(data):
                break
            (length,) = struct.unpack_from("<I", data, at + 8)
            head = 12
        if element == 0x10:
            syntax = _ascii(data[at + head : at + head + length])
        at += head + length
    return at, syntax


def _ascii(value: memoryview | bytes) -> str:
    return bytes(value).decode("ascii", "replace").strip(" \0")


def header_of(data: memoryview | bytes) -> bytes:
    """The file up to and with the head of its pixel element, so that a series' headers fit into memory.

    An icon has a pixel element too; the image's own is the one whose value goes on to the end of the file. Without such
    an element the whole file is the header.
    """
    whole = bytes(data)
    at = whole.find(_PIXELS, 132)
    while at >= 0:
        start = at + (12 if whole[at + 4 : at + 6] in _EXPLICIT_PIXEL_VRS else 8)
        end = _value_end(whole, start)
        if end == len(whole) or whole[end : end + 4] == _TRAILING_PADDING:
            return whole[:start]
        at = whole.find(_PIXELS, at + 2)
    return whole


def _value_end(whole: bytes, start: int) -> int:
    """Where the value whose head ends at `start` ends; -1 when that is beyond the file."""
    if start > len(whole):
        return -1
    (length,) = struct.unpack_from("<I", whole, start - 4)
    if length != _UNDEFINED:
        return start + length if start + length <= len(whole) else -1
    at = start
    while at + 8 <= len(whole):  # the fragments of PS3.5 A.4, closed by a delimiter
        (length,) = struct.unpack_from("<I", whole, at + 4)
        if whole[at : at + 4] != _ITEM:
            return at + 8 if whole[at : at + 4] == _DELIMITER else -1
        at += 8 + length
    return -1
