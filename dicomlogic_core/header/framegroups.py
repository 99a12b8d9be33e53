"""Functional groups of a Part 10 file as texts (PS3.3 C.7.6.16); their merging is the same as for DICOM JSON."""

from __future__ import annotations

from dicomlogic_core.errors import HeaderError
from dicomlogic_core.header.groups import NOT_INSIDE, REFERENCES
from dicomlogic_core.header.pixelrules import MOST_FRAMES
from dicomlogic_core.header.sequences import Element, items_of, tag_key_of, vr_name
from dicomlogic_core.header.syntax import DEEPEST, IMPLICIT, Syntax
from dicomlogic_core.header.table import CREATOR, TagTable
from dicomlogic_core.header.text import Decode, raw_text

_LONGEST_REMEMBERED = 16384
_MOST_REMEMBERED = 4096


class GroupReader:
    """Reads the functional groups of one data set.

    Most macros are the same in every frame: what equal bytes hold is remembered, so that a frame costs little more than
    its position.
    """

    def __init__(self, data: bytes, syntax: Syntax, decode: Decode) -> None:
        self._data = data
        self._syntax = syntax
        self._decode = decode
        self._memo: dict[tuple[int, TagTable, bool, bytes], dict[str, str]] = {}

    def texts(self, start: int, length: int, table: TagTable) -> list[dict[str, str]]:
        """Per item the wanted texts, those of nested macro sequences included; an outer value wins over an inner one.

        Raises:
            HeaderError: broken structure; ``header.limit``.
        """
        groups: list[dict[str, str]] = []
        for elements in items_of(self._data, start, length, self._syntax):
            if len(groups) >= MOST_FRAMES:
                raise HeaderError(f"functional groups for more than {MOST_FRAMES} frames", code="header.limit")
            groups.append(self._collect(elements, table, self._syntax, 1, private=False))
        return groups

    def _collect(
        self, elements: list[Element], table: TagTable, syntax: Syntax, depth: int, *, private: bool
    ) -> dict[str, str]:
        texts: dict[str, str] = {}
        nested: list[Element] = []
        columns = len(table.wanted.keys)
        for element in elements:
            tag, vr, start, length = element
            code = table.codes.get(tag)
            if vr == b"SQ" or ((vr is None or vr == b"UN") and (code is None or code >= columns)):
                nested.append(element)
            if code == CREATOR:
                table = table.with_creator(tag, self._data[start : start + length].strip(b" \0").decode("latin-1"))
            elif code is not None and code >= 0:
                self._take(table, code, element, texts, private)
        if depth < DEEPEST:
            for element in nested:
                for key, text in self._macro(element, table, syntax, depth, private).items():
                    texts.setdefault(key, text)
        return texts

    def _macro(self, element: Element, table: TagTable, syntax: Syntax, depth: int, private: bool) -> dict[str, str]:
        """The texts of the first item of a macro sequence; of a private one only private columns."""
        tag, vr, start, length = element
        key = tag_key_of(tag, syntax)
        if length < 8 or key in REFERENCES or vr_name(key, vr) != "SQ":
            return {}
        private = private or bool(syntax.group(tag) & 1)
        inside = IMPLICIT if vr == b"UN" else syntax
        remembered = (tag, table, private, self._data[start : start + min(length, _LONGEST_REMEMBERED)])
        texts = self._memo.get(remembered) if length <= _LONGEST_REMEMBERED else None
        if texts is None:
            try:
                first = next(items_of(self._data, start, length, inside), [])
            except HeaderError:
                first = []  # one broken macro costs itself
            texts = self._collect(first, table, inside, depth + 1, private=private)
            if length <= _LONGEST_REMEMBERED and len(self._memo) < _MOST_REMEMBERED:
                self._memo[remembered] = texts
        return texts

    def _take(self, table: TagTable, code: int, element: Element, texts: dict[str, str], private: bool) -> None:
        wanted = table.wanted
        count = len(wanted.keys)
        _, vr, start, length = element
        for slot in (code,) if code < count else wanted.extras[code - count].slots:
            key = wanted.keys[slot]
            if key in texts or key in NOT_INSIDE or (private and "|" not in key):
                continue
            name = wanted.vrs[slot] if vr is None or vr == b"UN" else vr
            if name == b"SQ":
                continue
            try:
                texts[key] = raw_text(name, self._data[start : start + length], self._decode, self._syntax.order)
            except ValueError:
                continue
