"""Headers from DICOM JSON (PS3.18 F.2), read from the parsed object element by element.

An element of unusable form costs itself (finding ``header.element``), never its instance. The result does not depend on
which JSON parser is installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dicomlogic_core.errors import DicomLogicError
from dicomlogic_core.findings import Finding, finding
from dicomlogic_core.header.groups import OF_THE_FIRST_FRAME, UNASSIGNED_SHARED, frame_columns
from dicomlogic_core.header.jsongroups import JsonGroups
from dicomlogic_core.header.jsonparse import RawObject, canonical, entries, no_collection, parse, split
from dicomlogic_core.header.jsonprivate import PrivateColumns, private_element
from dicomlogic_core.header.jsontexts import LONGEST_REMEMBERED, MOST_REMEMBERED, JsonTexts
from dicomlogic_core.header.jsonvalues import element_values, inline_bytes, normal_item
from dicomlogic_core.header.pixelrules import PixelRules
from dicomlogic_core.header.rows import NOT_STORED, HeaderRow, WantedTags
from dicomlogic_core.header.table import FRAME_GROUPS, PIXEL_KEYS, SHARED_GROUPS
from dicomlogic_core.header.vendor import VendorHeader, layout_of, read_grid
from dicomlogic_core.header.wanted import wanted_vr
from dicomlogic_core.tags import keyword_of

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["JsonReader", "split", "to_dataset"]

_TRANSFER_SYNTAX = ("00020010", "00083002")
_PRIVATE = -1
_UNWANTED = -2
_MOST_KEYS = 20_000
_LONGEST_ITEMS = 4096


class JsonReader:
    """Reads DICOM JSON objects into rows. Safe to share between threads: what it remembers only saves time."""

    def __init__(self, wanted: WantedTags) -> None:
        self.wanted = wanted
        self._slots = {key: slot for slot, key in enumerate(wanted.keys)}
        self._vrs = [wanted_vr(key) for key in wanted.keys]
        self._blank: list[str | None] = [None] * len(wanted.keys)
        self._pixels = PixelRules(self._slots)
        self._texts = JsonTexts()
        self._private = PrivateColumns(self._slots)
        self._groups = JsonGroups(wanted.keys, self._vrs, self._texts, self._private)
        # Private attributes asked for by their very number, where the dictionary knows no VR.
        self._numbered = {key for key in self._slots if key[:4] in self._private.groups and "|" not in key}
        self._codes = {key: slot for key, slot in self._slots.items() if key[:4] not in self._private.groups}
        self._item_memo: dict[bytes, list[dict[str, Any]]] = {}
        self._raw_memos: list[dict[bytes, str]] = [{} for _ in wanted.keys]

    def rows(self, data: bytes) -> list[HeaderRow | DicomLogicError]:
        """The rows of an answer's objects; an entry that cannot be read at all is an error value.

        Raises:
            HeaderError: the bytes as a whole are no JSON.
        """
        if not data.strip():
            return []
        result: list[HeaderRow | DicomLogicError] = []
        with no_collection():
            for entry in entries(data):
                try:
                    result.append(self.row(entry))
                except DicomLogicError as error:
                    result.append(error)
        return result

    def row(self, obj: Mapping[str, Any]) -> HeaderRow:
        """The row of one DICOM JSON object.

        Raises:
            HeaderError: it is no object; nested too deeply (``header.limit``).
        """
        obj = canonical(obj)
        row = HeaderRow(self._blank.copy())
        if isinstance(obj, RawObject):
            self._fill_raw(row, obj)
        else:
            self._fill(row, obj)
        self._place_pixels(row, obj)
        self._keep_items(row, obj)
        self._frame_columns(row, obj)
        self._tile(row, obj)
        return row

    def _fill_raw(self, row: HeaderRow, obj: RawObject) -> None:
        """As `_fill`, for elements that are still bytes: the same bytes of a column mean the same text."""
        texts, codes, memos = row.texts, self._codes, self._raw_memos
        private: list[str] = []
        for key, raw in obj.raw.items():
            slot = codes.get(key)
            if slot is None:
                slot = self._code(key)
            if slot >= 0:
                memo = memos[slot]
                element = bytes(raw)
                text = memo.get(element)
                if text is None:
                    self._put(row, slot, key, parse(element))
                    text = texts[slot]
                    if text is not None and len(element) <= LONGEST_REMEMBERED:
                        if len(memo) >= MOST_REMEMBERED:
                            memo.clear()
                        memo[element] = text
                else:
                    texts[slot] = text
            elif slot == _PRIVATE:
                private.append(key)
        if private:
            self._fill_private(row, obj, private)

    def _fill(self, row: HeaderRow, obj: Mapping[str, Any]) -> None:
        texts, codes, quick = row.texts, self._codes, self._texts.quick
        private: list[str] = []
        for key, element in obj.items():
            slot = codes.get(key)
            if slot is None:
                slot = self._code(key)
            if slot >= 0:
                text = quick(element)
                if text is None:
                    self._put(row, slot, key, element)
                else:
                    texts[slot] = text
            elif slot == _PRIVATE:
                private.append(key)
        if private:
            self._fill_private(row, obj, private)

    def _code(self, key: str) -> int:
        code = _PRIVATE if key[:4] in self._private.groups else _UNWANTED
        if len(self._codes) < _MOST_KEYS:
            self._codes[key] = code
        return code

    def _put(self, row: HeaderRow, slot: int, key: str, element: Any) -> None:
        try:
            row.texts[slot] = self._texts.text(key, element, self._vrs[slot])
        except (ValueError, TypeError, OverflowError) as error:
            row.findings.append(_unusable(key, error))

    def _fill_private(self, row: HeaderRow, obj: Mapping[str, Any], keys: list[str]) -> None:
        found = self._private.slots(keys, obj)
        for key, slot in found.items():
            self._put(row, slot, key, obj[key])
        for key in self._numbered.intersection(keys):
            if key in found:
                row.texts[self._slots[key]] = row.texts[found[key]]
            else:
                self._put(row, self._slots[key], key, obj[key])

    def _place_pixels(self, row: HeaderRow, obj: Mapping[str, Any]) -> None:
        for key in PIXEL_KEYS:
            element = obj.get(key)
            if isinstance(element, dict):
                row.pixel_key = key
                filled = element.get("BulkDataURI") or element.get("InlineBinary") or element.get("Value")
                row.has_pixels = bool(filled) or self._pixels.described(row)
                if key in self._slots:
                    row.texts[self._slots[key]] = NOT_STORED if row.has_pixels else ""
                break
        else:
            row.has_pixels = self._pixels.described(row)
        for key in _TRANSFER_SYNTAX:
            values = element_values(obj[key]) if isinstance(obj.get(key), dict) else []
            if len(values) == 1 and isinstance(values[0], str):
                row.transfer_syntax = values[0].strip(" \0")
                break
        self._pixels.count_frames(row)

    def _keep_items(self, row: HeaderRow, obj: Mapping[str, Any]) -> None:
        """Sequences of the top level, or else of the shared functional groups, or else of the first frame's."""
        wanted = self.wanted.items
        kept = {key: self._items(obj, key) for key in wanted if key in obj}
        shared = _first_item(obj, SHARED_GROUPS)
        places = (
            (shared, wanted),
            (_first_item(shared, UNASSIGNED_SHARED), wanted),
            (_first_item(obj, FRAME_GROUPS), wanted & OF_THE_FIRST_FRAME),
        )
        for place, keys in places:
            kept.update({key: self._items(place, key) for key in keys if key in place and key not in kept})
        if kept:
            row.items = kept

    def _tile(self, row: HeaderRow, obj: Mapping[str, Any]) -> None:
        layout = layout_of(row.texts[self._slots["00080008"]]) if "00080008" in self._slots else None
        if layout is None:
            return

        def text(key: str) -> str | None:
            return row.texts[self._slots[key]] if key in self._slots else None

        def raw(key: str) -> bytes:
            try:
                return inline_bytes(private_element(obj, key)) or b""
            except ValueError:
                return b""

        def items(key: str) -> list[dict[str, Any]]:
            return [normal_item(item) for item in element_values(private_element(obj, key))]

        row.grid, problem = read_grid(layout, VendorHeader(text, raw, items))
        if problem:
            row.findings.append(problem)

    def _items(self, obj: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
        """The items of a kept sequence; nobody changes them, so that equal ones are one object."""
        raw = bytes(obj.raw[key]) if isinstance(obj, RawObject) else b""
        items = self._item_memo.get(raw) if raw else None
        if items is None:
            element = obj[key]
            items = [normal_item(item) for item in element_values(element)] if isinstance(element, dict) else []
            if raw and len(raw) <= _LONGEST_ITEMS:
                if len(self._item_memo) >= MOST_REMEMBERED:
                    self._item_memo.clear()
                self._item_memo[raw] = items
        return items

    def _frame_columns(self, row: HeaderRow, obj: Mapping[str, Any]) -> None:
        shared = self._groups.texts(obj.get(SHARED_GROUPS))
        frames = self._groups.texts(obj.get(FRAME_GROUPS))
        if shared or frames:
            row.frames = frame_columns(shared[0] if shared else {}, frames, row.frame_count) or None


def _first_item(obj: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The first item of a sequence; empty when it has none."""
    element = obj.get(key)
    item = next(iter(element_values(element)), None) if isinstance(element, dict) else None
    return canonical(item) if isinstance(item, dict) else {}


def _unusable(key: str, error: Exception) -> Finding:
    return finding("header.element", f"{keyword_of(key)} ({key}): {type(error).__name__}: unusable JSON value")


# --- objects to pydicom ----------------------------------------------------------------------------------------------


def to_dataset(obj: Mapping[str, Any]) -> Dataset:
    """A pydicom Dataset, made element by element: one that pydicom refuses is left out, the others stay.

    Raises:
        HeaderError: it is no object.
    """
    from dicomlogic_core.header.datasets import dataset_of

    return dataset_of(canonical(obj))
