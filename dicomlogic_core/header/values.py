"""Raw values of Part 10 files to texts and items, remembering what was converted before."""

from __future__ import annotations

from typing import Any

from dicomlogic_core.errors import HeaderError
from dicomlogic_core.header.charset import TextDecoder
from dicomlogic_core.header.sequences import SequenceReader
from dicomlogic_core.header.syntax import IMPLICIT
from dicomlogic_core.header.text import RAW_VRS, Decode, raw_text

LARGEST_ITEMS = 4 << 20
"""Bytes of a sequence that is kept; a longer one is reported and left to the dataset."""
_MOST_REMEMBERED = 2048
_LONGEST_REMEMBERED = 512


class Values:
    """Raw values to texts in one character set. What was converted before is remembered, since most values of a series
    are the same in every file: they cost one look-up and share one text.

    Attributes:
        decode: bytes to text.
        known: False when the character set is not one we know.
        memos: VR -> raw value -> text, for the VRs that have a text.
    """

    def __init__(self, decoder: TextDecoder, order: str) -> None:
        self.decode: Decode = decoder.decode
        self.known = decoder.known
        self.memos: dict[bytes | None, dict[bytes, str]] = {vr: {} for vr in RAW_VRS}
        self._order = order
        self._items: dict[tuple[bytes, bool], list[dict[str, Any]]] = {}

    def fresh(self, vr: bytes, raw: bytes) -> str:
        """The text of a value that is expected to be new.

        Raises:
            ValueError: the length does not fit the VR.
        """
        return raw_text(vr, raw, self.decode, self._order)

    def convert(self, vr: bytes, raw: bytes) -> str:
        """The text of a value, remembered.

        Raises:
            ValueError: the length does not fit the VR.
        """
        text = raw_text(vr, raw, self.decode, self._order)
        if len(raw) <= _LONGEST_REMEMBERED:
            memo = self.memos[vr]
            if len(memo) >= _MOST_REMEMBERED:
                memo.clear()
            memo[raw] = text
        return text

    def items(
        self, reader: SequenceReader, start: int, length: int, *, unknown_vr: bool = False
    ) -> list[dict[str, Any]]:
        """The items of a kept sequence; nobody changes them, so that equal ones are one object.

        Raises:
            HeaderError: broken structure, too deep, or too long to be kept.
        """
        if length > LARGEST_ITEMS:
            raise HeaderError(f"{length} bytes are too many to keep")
        syntax = IMPLICIT if unknown_vr else reader.syntax  # PS3.5 6.2.2: what is in a UN sequence is implicit
        if length > _LONGEST_REMEMBERED:
            return reader.json_items(start, length, syntax=syntax)
        key = reader.data[start : start + length], syntax.explicit
        items = self._items.get(key)
        if items is None:
            if len(self._items) >= _MOST_REMEMBERED:
                self._items.clear()
            items = self._items[key] = reader.json_items(start, length, syntax=syntax)
        return items
