"""The walk over the elements of a data set: where the wanted ones are, and where the pixel data begins.

Nothing is decoded and nothing is copied. The walk stops where its bytes end and goes on when it gets more. Sequences of
undefined length are passed without recursion (a file may nest 50,000 of them).
"""

from __future__ import annotations

import struct

from dicomlogic_core.errors import HeaderError
from dicomlogic_core.header.table import PIXELS, TagTable

UNDEFINED = 0xFFFFFFFF
DEEPEST = 64
"""Sequences inside sequences; deeper ones are refused (fo-dicom allows 256, dcmjs 326)."""
MOST_FOUND = 10_000
"""Wanted elements of one object; each tag may occur once, so that only a hostile file has more."""
MOST_ODD = 4096
"""Elements without a VR in an explicit data set, beyond which it is none (a run of zeros would give millions)."""
_LONGEST_CREATOR = 64  # LO
_WINDOW = 1 << 18

_LONG = b"OB OW OF OD OL OV SQ UC UN UR UT SV UV".split()
_SHORT = b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()
SHORT = frozenset(_SHORT)
"""VRs with a length of two bytes."""
HEAD_SIZE = {**dict.fromkeys(_LONG, 12), **dict.fromkeys(_SHORT, 8)}
"""VR -> bytes before the value in explicit encoding (PS3.5 7.1.2)."""

Found = tuple[int, "bytes | None", int, int]
"""(code of the table, or tag, VR or None when the encoding is implicit, offset of the value, its length)."""


class Syntax:
    """How elements are encoded. Tags are the integers that `head` reads, so that no swapping is needed."""

    def __init__(self, *, explicit: bool, big_endian: bool = False) -> None:
        self.explicit = explicit
        self.order = order = ">" if big_endian else "<"
        self.head = struct.Struct(order + "L2sH").unpack_from
        self.pair = struct.Struct(order + "LL").unpack_from
        self.word = struct.Struct(order + "L").unpack_from
        self.item = self.tag(0xFFFE, 0xE000)
        self.item_end = self.tag(0xFFFE, 0xE00D)
        self.sequence_end = self.tag(0xFFFE, 0xE0DD)
        self.delimiters = frozenset((self.item, self.item_end, self.sequence_end))

    def tag(self, group: int, element: int) -> int:
        """The integer of a tag."""
        return group << 16 | element if self.order == ">" else element << 16 | group

    def group(self, tag: int) -> int:
        """The group of a tag's integer."""
        return tag >> 16 if self.order == ">" else tag & 0xFFFF


IMPLICIT = Syntax(explicit=False)
EXPLICIT = Syntax(explicit=True)
BIG_ENDIAN = Syntax(explicit=True, big_endian=True)


class NeedMoreError(Exception):
    """The bytes end before what is being read; `size` are needed from the start."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class Walk:
    """One pass over a data set.

    Attributes:
        pos: where the next element begins.
        table: what is wanted; changes with the private creators met.
        found: the wanted elements met so far.
        pixels: (tag, VR, offset, length) of the pixel element, where the walk ends; None without.
    """

    __slots__ = ("_odd_count", "found", "pixels", "pos", "syntax", "table")

    def __init__(self, syntax: Syntax, table: TagTable, pos: int) -> None:
        self.syntax = syntax
        self.table = table
        self.pos = pos
        self.found: list[Found] = []
        self.pixels: Found | None = None
        self._odd_count = 0

    def run(self, data: bytes) -> int:
        """Go on over `data` (the bytes from the file's start); 0 at the pixel data, else the size that is needed.

        Raises:
            HeaderError: ``header.limit``.
        """
        walk = self._explicit if self.syntax.explicit else self._implicit
        last = len(data) - 8
        try:
            while self.pos <= last:
                if walk(data, min(last, self.pos + _WINDOW)):
                    return 0
                if len(self.found) > MOST_FOUND:
                    raise HeaderError(f"more than {MOST_FOUND} wanted elements", code="header.limit")
        except NeedMoreError as more:
            return more.size
        return self.pos + 8

    def _explicit(self, data: bytes, last: int) -> bool:
        """Walk the elements that begin up to offset `last`; True at the pixel data."""
        append, seen = self.found.append, self.table.heads.get
        pos: int = self.pos
        while pos <= last:
            # Tag, VR and a short length in one look-up: files of one kind have the same heads.
            vr: bytes | None
            known = seen(data[pos : pos + 8])
            if known is not None:
                code, vr, length = known
                pos += 8
                if code is not None:
                    append((code, vr, pos, length))
                pos += length
                continue
            head = self.syntax.head(data, pos)
            tag, vr, length = head
            code = self.table.codes.get(tag)
            start = pos + 8
            if vr not in SHORT:
                self.pos = pos
                start, vr, length = self._long(data, pos, head, code)
            elif code is None or code >= 0:
                self.table.remember(data[pos:start], (code, vr, length))
            if code is not None:
                if code >= 0:
                    append((code, vr, start, length))
                else:
                    self.pos = pos
                    if self._special(data, code, (tag, vr, start, length)):
                        return True
                    seen = self.table.heads.get
            pos = start + length
        self.pos = pos
        return False

    def _implicit(self, data: bytes, last: int) -> bool:
        """As `_explicit`."""
        pair, append, get = self.syntax.pair, self.found.append, self.table.codes.get
        delimiters = self.syntax.delimiters
        pos: int = self.pos
        while pos <= last:
            tag, length = pair(data, pos)
            start = pos + 8
            code = get(tag)
            if tag in delimiters:
                length = 0
            elif length == UNDEFINED and code != PIXELS:
                self.pos = pos
                length = skip_sequence(data, start, self.syntax) - start
            if code is None:
                pos = start + length
            elif code >= 0:
                append((code, None, start, length))
                pos = start + length
            else:
                self.pos = pos
                if self._special(data, code, (tag, None, start, length)):
                    return True
                get = self.table.codes.get
                pos = start + length
        self.pos = pos
        return False

    def _special(self, data: bytes, code: int, element: Found) -> bool:
        """Take note of a private creator, or of the pixel data (True: the walk ends)."""
        if code == PIXELS:
            self.pixels = element
            return True
        tag, _, start, length = element
        if start + length > len(data):
            raise NeedMoreError(start + length)
        if length <= _LONGEST_CREATOR:
            creator = data[start : start + length].strip(b" \0").decode("latin-1")
            self.table = self.table.with_creator(tag, creator)
        return False

    def _long(
        self, data: bytes, pos: int, head: tuple[int, bytes, int], code: int | None
    ) -> tuple[int, bytes | None, int]:
        """Offset, VR and length of a value whose head is not the short one."""
        tag, vr, length = head
        start, kind = pos + 8, vr if vr in HEAD_SIZE else None
        if kind is not None:
            start = pos + 12
            if start > len(data):
                raise NeedMoreError(start)
            (length,) = self.syntax.word(data, pos + 8)
        else:
            kind, length = self._odd(data, pos, tag, vr, length)
        if length == UNDEFINED and code != PIXELS:
            inside = IMPLICIT if kind == b"UN" or kind is None else self.syntax
            length = skip_sequence(data, start, inside) - start
        return start, kind, length

    def _odd(self, data: bytes, pos: int, tag: int, vr: bytes, length: int) -> tuple[bytes | None, int]:
        """VR and length of an element whose VR is none: a stray delimiter, an implicit element, or an unknown VR."""
        self._odd_count += 1
        if self._odd_count > MOST_ODD:
            raise HeaderError(f"more than {MOST_ODD} elements without a VR", code="header.limit")
        if tag in self.syntax.delimiters:
            return None, 0
        if b"AA" <= vr <= b"ZZ" and vr.isalpha() and vr.isupper():
            return b"UN", length
        return None, int(self.syntax.word(data, pos + 4)[0])


def skip_sequence(data: bytes, pos: int, syntax: Syntax) -> int:
    """The end of a sequence of undefined length whose first item begins at `pos`, its delimiter included.

    Raises:
        NeedMoreError: the bytes end inside.
        HeaderError: ``header.limit``: nested too deeply.
    """
    # One entry per open sequence; items of undefined length add nothing, since a sequence or its end must follow.
    open_sequences = [syntax]
    size = len(data)
    while True:
        if pos + 8 > size:
            raise NeedMoreError(pos + 8)
        here = open_sequences[-1]
        tag, length = here.pair(data, pos)
        if tag in here.delimiters:
            pos += 8
            if tag == here.sequence_end:
                open_sequences.pop()
                if not open_sequences:
                    return pos
            elif tag == here.item and length != UNDEFINED:
                pos += length
            continue
        inside = here
        if here.explicit:
            tag, vr, length = here.head(data, pos)
            form = HEAD_SIZE.get(vr)
            pos += 8
            if form == 12:
                if pos + 4 > size:
                    raise NeedMoreError(pos + 4)
                (length,) = here.word(data, pos)
                pos += 4
                inside = IMPLICIT if vr == b"UN" else here
            elif form is None and not (vr.isalpha() and vr.isupper()):
                (length,) = here.word(data, pos - 4)
                inside = IMPLICIT
        else:
            pos += 8
        if length != UNDEFINED:
            pos += length
            continue
        open_sequences.append(inside)
        if len(open_sequences) > DEEPEST:
            raise HeaderError(f"sequences nested more than {DEEPEST} deep", code="header.limit")
