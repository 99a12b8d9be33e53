"""From a finished walk to a `HeaderRow`: texts, kept sequences, frame columns, pixel place."""

from __future__ import annotations

from typing import Any

from dicomlogic_core.errors import HeaderError
from dicomlogic_core.findings import finding
from dicomlogic_core.header.charset import text_decoder
from dicomlogic_core.header.framegroups import GroupReader
from dicomlogic_core.header.groups import OF_THE_FIRST_FRAME, UNASSIGNED_SHARED, frame_columns
from dicomlogic_core.header.pixelrules import PixelRules
from dicomlogic_core.header.rows import NOT_STORED, HeaderRow
from dicomlogic_core.header.sequences import SequenceReader, items_of, tag_key_of
from dicomlogic_core.header.syntax import UNDEFINED
from dicomlogic_core.header.table import CHARSET, FRAME_GROUPS, SHARED_GROUPS, TagTable, Wanted
from dicomlogic_core.header.values import Values
from dicomlogic_core.header.vendor import VendorHeader, layout_of, read_grid
from dicomlogic_core.header.walk import Found, Walk
from dicomlogic_core.tags import keyword_of

_MOST_CHARSETS = 64

# Implicit files do not say whether these are US or SS: PixelRepresentation does (PS3.5 A.1).
_SIGN_DEPENDENT = frozenset(("00280106", "00280107", "00280108", "00280109", "00280120", "00280121"))


class RowBuilder:
    """Makes rows from walks, for one set of wanted tags."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self._known: dict[tuple[bytes | None, str], Values] = {}
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
        values = self.values(data, walk, found)
        later = self._fill(row, data, found, values)
        self._place_pixels(row, walk)
        if not values.known:
            row.findings.append(finding("header.charset", "unknown SpecificCharacterSet"))
        if not complete:
            self._report_cut(row)
        self._pixels.count_frames(row)
        reader = SequenceReader(data, walk.syntax, values.decode)
        vendor = self._fill_extras(row, reader, walk, later, values) if later else {}
        self._tile(row, reader, vendor)
        return row

    def values(self, data: bytes, walk: Walk, found: list[Found]) -> Values:
        """The converter for the data set's character set."""
        terms = None
        for code, _, start, length in found:
            if code == self._charset:
                terms = data[start : start + min(length, 1024)]
                break
        values = self._known.get((terms, walk.syntax.order))
        if values is None:
            if len(self._known) >= _MOST_CHARSETS:
                self._known.clear()
            values = self._known[terms, walk.syntax.order] = Values(text_decoder(terms), walk.syntax.order)
        return values

    def _fill(self, row: HeaderRow, data: bytes, found: list[Found], values: Values) -> list[Found]:
        """Fill the text columns; returns the elements that are more than one."""
        texts, memo_of = row.texts, values.memos.get
        count = len(texts)
        later: list[Found] = []
        for element in found:
            code, vr, start, length = element
            if code >= count:
                later.append(element)
                continue
            if not length:
                texts[code] = ""
                continue
            memo = memo_of(vr)
            if memo is None:
                if vr is None or vr == b"UN":
                    vr = self._vr(code, texts)
                memo = memo_of(vr)
                if memo is None:
                    texts[code] = "" if vr == b"SQ" else NOT_STORED
                    continue
            raw = data[start : start + length]
            text = memo.get(raw)
            if text is None:
                try:
                    text = values.convert(vr or b"UN", raw)
                except ValueError as error:
                    self._report(row, self.wanted.keys[code], error)
            texts[code] = text
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

    # --- what a learned layout asks

    def series_uid(self, row: HeaderRow) -> str:
        """SeriesInstanceUID of a row, "" when it has none or the column is not wanted."""
        slot = self.wanted.slots.get("0020000E")
        return "" if slot is None else row.texts[slot] or ""

    def must_be_static(self, head: bytes, walk: Walk) -> bool:
        """True for an element on which the reading of others depends."""
        if head[:2] == b"\x02\x00":
            return head[2:4] in (b"\x02\x00", b"\x10\x00")
        tag = walk.syntax.word(head, 0)[0]
        key = tag_key_of(tag, walk.syntax)
        if key in (CHARSET, "00280103", "00080008"):
            return True
        code = walk.table.codes.get(tag)
        if code is None or code < len(self.wanted.keys):
            return code is not None and code < 0
        return self.wanted.extras[code - len(self.wanted.keys)].raw

    def use_of(self, code: int | None, vr: bytes | None, row: HeaderRow) -> tuple[tuple[int, ...], bytes, str]:
        """(text columns, VR, key of the kept sequence) that an element found by the walk is for."""
        if code is None:
            return (), b"UN", ""
        count = len(self.wanted.keys)
        slots, item = ((code,), "") if code < count else self._extra_use(code - count)
        if slots and (vr is None or vr == b"UN"):
            vr = self._vr(slots[0], row.texts)
        return slots, vr or b"SQ", item

    def _extra_use(self, number: int) -> tuple[tuple[int, ...], str]:
        extra = self.wanted.extras[number]
        return extra.slots, extra.key if extra.item else ""

    def counts_frames(self, slot: int) -> bool:
        """True for the column of NumberOfFrames."""
        return self.wanted.keys[slot] == "00280008"

    def count_frames(self, row: HeaderRow) -> None:
        """Set the row's `frame_count`."""
        self._pixels.count_frames(row)

    def _fill_extras(
        self, row: HeaderRow, reader: SequenceReader, walk: Walk, later: list[Found], values: Values
    ) -> dict[str, tuple[int, int]]:
        """Sequences and functional groups; returns key -> (offset, length) of vendor values."""
        group_reader = GroupReader(reader.data, walk.syntax, values.decode)
        groups: dict[str, list[dict[str, str]]] = {}
        items: dict[str, Any] = {}
        vendor: dict[str, tuple[int, int]] = {}
        for code, vr, start, length in later:
            extra = self.wanted.extras[code - len(row.texts)]
            known = self._vr(extra.slots[0], row.texts) if extra.slots and (vr is None or vr == b"UN") else vr
            for slot in extra.slots:
                self._fill(row, reader.data, [(slot, known, start, length)], values)
            try:
                if extra.key in (SHARED_GROUPS, FRAME_GROUPS):
                    groups[extra.key] = group_reader.texts(start, length, walk.table)
                    shared = extra.key == SHARED_GROUPS
                    self._share_items(items, reader, walk.table, values, (start, length), shared=shared)
                elif extra.item:
                    items[extra.key] = values.items(reader, start, length, unknown_vr=vr == b"UN")
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
        return vendor

    def _share_items(
        self,
        items: dict[str, Any],
        reader: SequenceReader,
        table: TagTable,
        values: Values,
        place: tuple[int, int],
        *,
        shared: bool,
    ) -> None:
        """Kept sequences of the first item of functional groups, where what was read before has none."""
        count = len(self.wanted.keys)
        for tag, vr, start, length in next(items_of(reader.data, *place, reader.syntax), []):
            if shared and tag_key_of(tag, reader.syntax) == UNASSIGNED_SHARED:
                self._share_items(items, reader, table, values, (start, length), shared=True)
            code = table.codes.get(tag, -1)
            extra = self.wanted.extras[code - count] if code >= count else None
            if extra is None or not extra.item or extra.key in items:
                continue
            if shared or extra.key in OF_THE_FIRST_FRAME:
                items[extra.key] = values.items(reader, start, length, unknown_vr=vr == b"UN")

    def _frame_columns(self, row: HeaderRow, groups: dict[str, list[dict[str, str]]]) -> None:
        shared = next(iter(groups.get(SHARED_GROUPS, ())), {})
        frames = groups.get(FRAME_GROUPS, [])
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
