"""What is inside sequences of a Part 10 file: kept ones as DICOM JSON objects, functional groups as texts."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from dicomlogic_core.errors import HeaderError
from dicomlogic_core.header.groups import NOT_INSIDE, REFERENCES
from dicomlogic_core.header.jsonvalues import json_element
from dicomlogic_core.header.table import CREATOR, TagTable
from dicomlogic_core.header.text import RAW_VRS, Decode, raw_text
from dicomlogic_core.header.walk import DEEPEST, HEAD_SIZE, IMPLICIT, UNDEFINED, NeedMoreError, Syntax, skip_sequence
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

    # --- kept sequences

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
            name = _vr_name(key, vr)
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

    # --- functional groups

    def group_texts(self, start: int, length: int, table: TagTable) -> list[dict[str, str]]:
        """Per item the wanted texts, those of nested macro sequences included; an outer value wins over an inner one.

        Raises:
            HeaderError: broken structure.
        """
        groups = []
        for elements in items_of(self.data, start, length, self.syntax):
            texts: dict[str, str] = {}
            self._collect(elements, table, texts, 1, False)
            groups.append(texts)
        return groups

    def _collect(
        self, elements: list[Element], table: TagTable, texts: dict[str, str], depth: int, private_only: bool
    ) -> None:
        nested: list[tuple[Element, bool]] = []
        codes, syntax, data = table.codes, self.syntax, self.data
        columns = len(table.wanted.keys)
        for element in elements:
            tag, vr, start, length = element
            code = codes.get(tag)
            if vr == b"SQ" or ((vr is None or vr == b"UN") and (code is None or code >= columns)):
                nested.append((element, private_only or bool(syntax.group(tag) & 1)))
            if code is None:
                continue
            if code == CREATOR:
                table = table.with_creator(tag, data[start : start + length].strip(b" \0").decode("latin-1"))
                codes = table.codes
            elif code >= 0:
                self._take(table, code, element, texts, private_only)
        if depth >= DEEPEST:
            return
        for element, private in nested:
            tag, vr, start, length = element
            if length < 8 or not self._is_macro(tag, vr):
                continue
            inside = items_of(data, start, length, syntax)
            first = next(inside, None)
            if first:
                self._collect(first, table, texts, depth + 1, private)

    def _is_macro(self, tag: int, vr: bytes | None) -> bool:
        key = tag_key_of(tag, self.syntax)
        return key not in REFERENCES and _vr_name(key, vr) == "SQ"

    def _take(self, table: TagTable, code: int, element: Element, texts: dict[str, str], private_only: bool) -> None:
        wanted = table.wanted
        count = len(wanted.keys)
        _, vr, start, length = element
        for slot in (code,) if code < count else wanted.extras[code - count].slots:
            key = wanted.keys[slot]
            if key in texts or key in NOT_INSIDE or (private_only and "|" not in key):
                continue
            name = wanted.vrs[slot] if vr is None or vr == b"UN" else vr
            if name == b"SQ":
                continue
            try:
                texts[key] = raw_text(name, self.data[start : start + length], self.decode, self.syntax.order)
            except ValueError:
                continue


def tag_key_of(tag: int, syntax: Syntax) -> str:
    """Eight hex digits of an integer tag."""
    return f"{tag:08X}" if syntax.order == ">" else f"{tag & 0xFFFF:04X}{tag >> 16:04X}"


def _vr_name(key: str, vr: bytes | None) -> str:
    if vr is not None and vr != b"UN":
        return vr.decode("latin-1")
    return tag_vr(key)
