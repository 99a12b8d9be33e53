"""The walk over the elements of a data set: where the wanted ones are, and where the pixel data begins.

Nothing is decoded and nothing is copied. The walk stops where its bytes end and goes on when it gets more. Sequences of
undefined length are passed without recursion (a file may nest 50,000 of them).
"""

from __future__ import annotations

from dicomlogic_core.errors import HeaderError
from dicomlogic_core.header.syntax import (
    HEAD_SIZE,
    IMPLICIT,
    SHORT,
    UNDEFINED,
    NeedMoreError,
    Syntax,
    skip_sequence,
)
from dicomlogic_core.header.table import PIXELS, TagTable

MOST_FOUND = 10_000
"""Wanted elements of one object; each tag may occur once, so that only a hostile file has more."""
MOST_ODD = 4096
"""Elements without a VR in an explicit data set, beyond which it is none (a run of zeros would give millions)."""
_LONGEST_CREATOR = 64  # LO
_WINDOW = 1 << 18

Found = tuple[int, "bytes | None", int, int]
"""(code of the table, or tag, VR or None when the encoding is implicit, offset of the value, its length)."""


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
