"""From a finished walk to a `HeaderRow`: texts, kept sequences, frame columns, pixel place."""

from __future__ import annotations

from typing import Any

from dicomlogic_core.errors import HeaderError
from dicomlogic_core.findings import finding
from dicomlogic_core.header.charset import TextDecoder, text_decoder
from dicomlogic_core.header.groups import frame_columns
from dicomlogic_core.header.pixelrules import PixelRules
from dicomlogic_core.header.rows import NOT_STORED, HeaderRow
from dicomlogic_core.header.sequences import SequenceReader, tag_key_of
from dicomlogic_core.header.table import CHARSET, FRAME_GROUPS, SHARED_GROUPS, Wanted
from dicomlogic_core.header.text import LONGEST_TEXT, RAW_VRS
from dicomlogic_core.header.vendor import VendorHeader, layout_of, read_grid
from dicomlogic_core.header.walk import UNDEFINED, Found, Walk
from dicomlogic_core.tags import keyword_of

LARGEST_ITEMS = 4 << 20
"""Bytes of a sequence that is kept; a longer one is reported and left to the dataset."""

# Implicit files do not say whether these are US or SS: PixelRepresentation does (PS3.5 A.1).
_SIGN_DEPENDENT = frozenset(("00280106", "00280107", "00280108", "00280109", "00280120", "00280121"))


class RowBuilder:
    """Makes rows from walks, for one set of wanted tags."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self._blank: list[str | None] = [None] * len(wanted.keys)
        self._signed = {wanted.slots[key] for key in _SIGN_DEPENDENT if key in wanted.slots}
        self._representation = wanted.slots.get("00280103", -1)
        self._uids = [wanted.slots.get(key, -1) for key in ("00080018", "0020000D", "0020000E")]
        self._pixels = PixelRules(wanted.slots)
        extras = {extra.key: len(wanted.keys) + number for number, extra in enumerate(wanted.extras)}
        self._charset = extras[CHARSET] if CHARSET in extras else wanted.slots[CHARSET]

    def row(self, data: bytes, walk: Walk, *, complete: bool = True) -> HeaderRow:
        """The row of a walk that reached the pixel data, the end, or (not `complete`) the cut end of the file.

        Raises:
            HeaderError: ``file.truncated`` when the file is cut before its UIDs; ``header.limit``.
        """
        found = walk.found
        size = len(data)
        if found and found[-1][2] + found[-1][3] > size:
            found = [element for element in found if element[2] + element[3] <= size]
        row = HeaderRow(self._blank.copy())
        decoder = self._decoder(data, found)
        later = self._fill(row, data, walk, found, decoder)
        self._place_pixels(row, walk)
        if not decoder.known:
            row.findings.append(finding("header.charset", "unknown SpecificCharacterSet"))
        if not complete:
            self._report_cut(row)
        self._pixels.count_frames(row)
        self._fill_extras(row, data, walk, later, decoder)
        return row

    def _decoder(self, data: bytes, found: list[Found]) -> TextDecoder:
        charset = self._charset
        for code, _, start, length in found:
            if code == charset:
                return text_decoder(data[start : start + min(length, 1024)])
        return text_decoder(None)

    def _fill(self, row: HeaderRow, data: bytes, walk: Walk, found: list[Found], decoder: TextDecoder) -> list[Found]:
        """Fill the text columns; returns the elements that are more than one."""
        texts, decode, order = row.texts, decoder.decode, walk.syntax.order
        count, convert_of = len(texts), RAW_VRS.get
        later: list[Found] = []
        for element in found:
            code, vr, start, length = element
            if code >= count:
                later.append(element)
            elif not length:
                texts[code] = ""
            else:
                if vr is None or vr == b"UN":
                    vr = self._vr(code, texts) if vr is None or length <= LONGEST_TEXT else vr
                convert = convert_of(vr)
                if convert is None or length > LONGEST_TEXT:
                    texts[code] = "" if vr == b"SQ" else NOT_STORED
                    continue
                try:
                    texts[code] = convert(data[start : start + length], decode, order)
                except ValueError as error:
                    self._report(row, self.wanted.keys[code], error)
        return later

    def _vr(self, slot: int, texts: list[str | None]) -> bytes:
        if slot in self._signed and self._representation >= 0 and texts[self._representation] == "1":
            return b"SS"
        return self.wanted.vrs[slot]

    def _place_pixels(self, row: HeaderRow, walk: Walk) -> None:
        if walk.pixels is None:
            return
        tag, _, start, length = walk.pixels
        row.pixel_key = key = tag_key_of(tag, walk.syntax)
        row.pixel_offset = start
        row.pixel_length = None if length == UNDEFINED else length
        row.has_pixels = length > 0
        if (slot := self.wanted.slots.get(key)) is not None:
            row.texts[slot] = NOT_STORED if length else ""

    def _report_cut(self, row: HeaderRow) -> None:
        if not all(slot < 0 or row.texts[slot] for slot in self._uids):
            raise HeaderError("the file ends before its UIDs", code="file.truncated", remedy="copy it again")
        row.findings.append(finding("file.truncated", "the file ends inside its header; what came before is kept"))

    def _report(self, row: HeaderRow, key: str, error: Exception) -> None:
        row.findings.append(finding("header.element", f"{keyword_of(key)} ({key}): {error}"))

    def _fill_extras(self, row: HeaderRow, data: bytes, walk: Walk, later: list[Found], decoder: TextDecoder) -> None:
        reader = SequenceReader(data, walk.syntax, decoder.decode)
        groups: dict[str, list[dict[str, str]]] = {}
        items: dict[str, Any] = {}
        vendor: dict[str, tuple[int, int]] = {}
        for code, vr, start, length in later:
            extra = self.wanted.extras[code - len(row.texts)]
            for slot in extra.slots:
                self._fill(row, data, walk, [(slot, vr, start, length)], decoder)
            try:
                if extra.key in (SHARED_GROUPS, FRAME_GROUPS):
                    groups[extra.key] = reader.group_texts(start, length, walk.table)
                elif extra.item:
                    if length <= LARGEST_ITEMS:
                        items[extra.key] = reader.json_items(start, length)
                    else:
                        row.findings.append(finding("header.element", f"{keyword_of(extra.key)} is too long to keep"))
                elif extra.raw:
                    vendor[extra.key] = start, length
            except HeaderError as error:
                if error.code == "header.limit":
                    raise
                self._report(row, extra.key, error)
        if items:
            row.items = items
        if groups:
            self._frame_columns(row, groups)
        self._tile(row, reader, vendor)

    def _frame_columns(self, row: HeaderRow, groups: dict[str, list[dict[str, str]]]) -> None:
        shared = next(iter(groups.get(SHARED_GROUPS, ())), {})
        frames = groups.get(FRAME_GROUPS, [])
        if row.has_pixels and len(frames) > row.frame_count == 1:
            row.frame_count = len(frames)
        if columns := frame_columns(shared, frames, row.frame_count):
            row.frames = columns

    def _tile(self, row: HeaderRow, reader: SequenceReader, found: dict[str, tuple[int, int]]) -> None:
        slots, texts = self.wanted.slots, row.texts
        layout = layout_of(texts[slots["00080008"]]) if "00080008" in slots else None
        if layout is None:
            return

        def raw(key: str) -> bytes:
            start, length = found.get(key, (0, 0))
            return reader.data[start : start + length]

        def items(key: str) -> list[dict[str, Any]]:
            return reader.json_items(*found[key]) if key in found else []

        def text(key: str) -> str | None:
            return texts[slots[key]] if key in slots else None

        row.grid, problem = read_grid(layout, VendorHeader(text, raw, items))
        if problem:
            row.findings.append(problem)
