"""Wanted tags compiled for the walk: integer tag -> code, with private elements found by their creator."""

from __future__ import annotations

from typing import NamedTuple

from dicomlogic_core.header.rows import WantedTags
from dicomlogic_core.header.syntax import Syntax
from dicomlogic_core.header.wanted import wanted_vr

CREATOR = -1
"""Code of a private creator of a group in which something is wanted."""
PIXELS = -2
"""Code of PixelData, FloatPixelData and DoubleFloatPixelData, where a header ends."""

PIXEL_KEYS = ("7FE00008", "7FE00009", "7FE00010")
CHARSET = "00080005"
SHARED_GROUPS = "52009229"
FRAME_GROUPS = "52009230"
_MOST_HEADS = 4096
_GROUPS = (SHARED_GROUPS, FRAME_GROUPS)


class Extra(NamedTuple):
    """A wanted element that is more than one text column.

    Attributes:
        key: its column key.
        slots: text columns it fills.
        item: True for a sequence kept as DICOM JSON.
        raw: True for a value that is handed on as bytes (functional groups, vendor headers).
    """

    key: str
    slots: tuple[int, ...] = ()
    item: bool = False
    raw: bool = False


class Wanted:
    """What a reader asks of every header, compiled once.

    Attributes:
        keys: the text columns.
        vrs: VR by dictionary of each text column, as the walk gives it.
        extras: elements that are more than a text column; their code is ``len(keys)`` + their index.
    """

    def __init__(self, wanted: WantedTags, raw: frozenset[str] = frozenset()) -> None:
        self.tags = wanted
        self.keys = wanted.keys
        self.slots = {key: slot for slot, key in enumerate(wanted.keys)}
        self.vrs = [wanted_vr(key).encode("ascii") for key in wanted.keys]
        self.extras: list[Extra] = []
        self.standard: dict[str, int] = {}
        self.private: dict[tuple[int, str], dict[int, str]] = {}
        self.usual: dict[int, dict[int, str]] = {}
        # The character set is needed whether or not its column is.
        self._raw = raw = raw | frozenset(_GROUPS) | (frozenset() if CHARSET in self.slots else {CHARSET})
        for key in sorted({*wanted.keys, *wanted.items, *raw}):
            if "|" in key:
                self._add_private(key)
            elif ":" not in key:
                self.standard[key] = self._code(key, (key,))

    def _add_private(self, key: str) -> None:
        address, creator = key.split("|", 1)
        group, element = int(address[:4], 16), int(address[6:8], 16)
        self.private.setdefault((group, creator), {})[element] = key
        self.usual.setdefault(group, {}).setdefault(element, key)

    def _code(self, key: str, columns: tuple[str, ...]) -> int:
        slots = tuple(self.slots[column] for column in columns if column in self.slots)
        item, as_bytes = key in self.tags.items, key in self._raw
        if len(slots) == 1 and not item and not as_bytes:
            return slots[0]
        extra = Extra(key, slots, item, as_bytes)
        if extra not in self.extras:
            self.extras.append(extra)
        return len(self.keys) + self.extras.index(extra)

    def code_at(self, group: int, element: int, key: str) -> int:
        """The code of a private column found at (group, element); a column asked for by that very tag is filled too."""
        literal = f"{group:04X}{element:04X}"
        return self._code(key, (key, literal))

    def groups_with_private(self) -> frozenset[int]:
        """Groups in which private creators matter."""
        return frozenset(group for group, _ in self.private)


class TagTable:
    """Codes by integer tag, given the private creators met so far; shared between files.

    Attributes:
        codes: integer tag -> code; never changes.
        heads: the eight bytes of a short element's head -> (code, VR, length of the value), as far as met.
    """

    def __init__(self, wanted: Wanted, codes: dict[int, int], syntax: Syntax) -> None:
        self.wanted = wanted
        self.codes = codes
        self._syntax = syntax
        self.heads: dict[bytes, tuple[int | None, bytes | None, int]] = {}
        self._next: dict[tuple[int, str], TagTable] = {}

    @classmethod
    def of(cls, wanted: Wanted, syntax: Syntax) -> TagTable:
        """The table at the start of a data set.

        A private block without a creator is read at its usual place (block 10), as some PET objects need it.
        """
        codes: dict[int, int] = {}
        table = cls(wanted, codes, syntax)
        for group in wanted.groups_with_private():
            for block in range(0x10, 0x100):
                codes[syntax.tag(group, block)] = CREATOR
        for group, elements in wanted.usual.items():
            for element, key in elements.items():
                codes[syntax.tag(group, 0x1000 | element)] = wanted.code_at(group, 0x1000 | element, key)
        for key, code in wanted.standard.items():
            codes.setdefault(syntax.tag(int(key[:4], 16), int(key[4:], 16)), code)
        for key in PIXEL_KEYS:
            codes[syntax.tag(int(key[:4], 16), int(key[4:], 16))] = PIXELS
        return table

    def with_creator(self, tag: int, creator: str) -> TagTable:
        """The table after private creator `creator` was met at `tag`."""
        table = self._next.get((tag, creator))
        if table is None:
            table = self._make(tag, creator)
            if len(self._next) < 64:  # a hostile file may hold any number of names
                self._next[tag, creator] = table
        return table

    def remember(self, head: bytes, meaning: tuple[int | None, bytes | None, int]) -> None:
        """Keep what a head means."""
        if len(self.heads) >= _MOST_HEADS:
            self.heads.clear()
        self.heads[head] = meaning

    def _make(self, tag: int, creator: str) -> TagTable:
        group, block = self._syntax.group(tag), self._syntax.element(tag)
        usual = self.wanted.usual.get(group, {}) if block == 0x10 else {}
        elements = self.wanted.private.get((group, creator), {})
        if not usual and not elements:
            return self
        codes = dict(self.codes)
        for element in usual:
            place = self._syntax.tag(group, block << 8 | element)
            literal = self.wanted.standard.get(f"{group:04X}{block << 8 | element:04X}")
            codes.pop(place, None)
            if literal is not None:
                codes[place] = literal
        for element, key in elements.items():
            codes[self._syntax.tag(group, block << 8 | element)] = self.wanted.code_at(group, block << 8 | element, key)
        return TagTable(self.wanted, codes, self._syntax)
