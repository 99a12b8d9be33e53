"""What is inside sequences of a Part 10 file; kept ones become DICOM JSON objects."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from dicomlogic_core.errors import HeaderError
from dicomlogic_core.header.jsonvalues import json_element
from dicomlogic_core.header.syntax import DEEPEST, HEAD_SIZE, IMPLICIT, UNDEFINED, NeedMoreError, Syntax, skip_sequence
from dicomlogic_core.header.text import RAW_VRS, Decode, raw_text
from dicomlogic_core.tags import tag_vr

LARGEST_BINARY = 1 << 18
"""Bytes of a binary value inside a kept sequence (a modality LUT has at most 128 KiB); larger ones lose their value."""

Element = tuple[int, "bytes | None", int, int]
"""(integer tag, VR or None when implicit, offset of the value, its length)."""


def items_of(data: bytes, start: int, length: int, syntax: Syntax) -> Iterator[list[Element]]:
    """The elements of each item of a sequence value.

    Raises:
        HeaderError: an item or element reaches beyond the sequence; nested too deeply.
    """
    pos, end = start, start + length
    while pos + 8 <= end:
        tag, size = syntax.pair(data, pos)
        pos += 8
        if tag == syntax.sequence_end:
            return
        if tag != syntax.item:
            raise HeaderError("something else where an item of a sequence belongs")
        stop = end if size == UNDEFINED else pos + size
        if stop > end:
            raise HeaderError("an item reaches beyond its sequence")
        elements, pos = _read_item(data, pos, stop, syntax)
        yield elements


def _read_item(data: bytes, pos: int, end: int, syntax: Syntax) -> tuple[list[Element], int]:
    elements: list[Element] = []
    explicit, delimiters = syntax.explicit, syntax.delimiters
    vr: bytes | None = None
    while pos + 8 <= end:
        if explicit:
            tag, vr, length = syntax.head(data, pos)
            form = HEAD_SIZE.get(vr)
            start = pos + 8
            if form == 12:
                start = pos + 12
                length = syntax.word(data, pos + 8)[0] if start <= end else UNDEFINED - 1
            elif form is None and tag not in delimiters:
                vr, length = None, syntax.word(data, pos + 4)[0]
        else:
            tag, length = syntax.pair(data, pos)
            start = pos + 8
        if tag in delimiters:
            return elements, start
        if length == UNDEFINED:
            inside = IMPLICIT if vr == b"UN" or vr is None else syntax
            try:
                length = skip_sequence(data, start, inside) - start
            except NeedMoreError:
                length = UNDEFINED - 1
        if start + length > end:
            raise HeaderError("an element reaches beyond its item")
        elements.append((tag, vr, start, length))
        pos = start + length
    return elements, end


class SequenceReader:
    """Reads the sequences of one data set."""

    def __init__(self, data: bytes, syntax: Syntax, decode: Decode) -> None:
        self.data = data
        self.syntax = syntax
        self.decode = decode

    def json_items(
        self, start: int, length: int, *, syntax: Syntax | None = None, depth: int = 1
    ) -> list[dict[str, Any]]:
        """The items of the sequence value at `start` as DICOM JSON objects.

        Raises:
            HeaderError: broken structure, or nested too deeply (``header.limit``).
        """
        if depth > DEEPEST:
            raise HeaderError(f"sequences nested more than {DEEPEST} deep", code="header.limit")
        syntax = syntax or self.syntax
        return [self._json_object(elements, syntax, depth) for elements in items_of(self.data, start, length, syntax)]

    def _json_object(self, elements: list[Element], syntax: Syntax, depth: int) -> dict[str, Any]:
        item: dict[str, Any] = {}
        for tag, vr, start, length in elements:
            key = tag_key_of(tag, syntax)
            name = vr_name(key, vr)
            if name == "SQ":
                inside = IMPLICIT if vr == b"UN" else syntax
                values = self.json_items(start, length, syntax=inside, depth=depth + 1)
                item[key] = {"vr": "SQ", "Value": values} if values else {"vr": "SQ"}
            else:
                item[key] = self._json_element(name, self.data[start : start + length], syntax)
        return item

    def _json_element(self, vr: str, raw: bytes, syntax: Syntax) -> dict[str, Any]:
        code = vr.encode("latin-1")
        if code in RAW_VRS:
            try:
                text = raw_text(code, raw, self.decode, syntax.order)
            except ValueError:
                return {"vr": vr}
            return json_element(vr, text)
        if raw and len(raw) <= LARGEST_BINARY:
            return {"vr": vr, "InlineBinary": base64.b64encode(raw).decode("ascii")}
        return {"vr": vr}


def tag_key_of(tag: int, syntax: Syntax) -> str:
    """Eight hex digits of an integer tag."""
    return f"{tag:08X}" if syntax.order == ">" else f"{tag & 0xFFFF:04X}{tag >> 16:04X}"


def vr_name(key: str, vr: bytes | None) -> str:
    """The VR an element says, or the dictionary's where it says none."""
    if vr is not None and vr != b"UN":
        return vr.decode("latin-1")
    return tag_vr(key)
