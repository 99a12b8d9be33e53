"""How elements are encoded (PS3.5 chapter 7), and the passing of sequences of undefined length."""

from __future__ import annotations

import struct

from dicomlogic_core.errors import HeaderError

UNDEFINED = 0xFFFFFFFF
DEEPEST = 64
"""Sequences inside sequences; deeper ones are refused (fo-dicom allows 256, dcmjs 326)."""

_LONG = b"OB OW OF OD OL OV SQ UC UN UR UT SV UV".split()
_SHORT = b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()
SHORT = frozenset(_SHORT)
"""VRs with a length of two bytes."""
HEAD_SIZE = {**dict.fromkeys(_LONG, 12), **dict.fromkeys(_SHORT, 8)}
"""VR -> bytes before the value in explicit encoding (PS3.5 7.1.2)."""


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

    def element(self, tag: int) -> int:
        """The element number of a tag's integer."""
        return tag & 0xFFFF if self.order == ">" else tag >> 16


IMPLICIT = Syntax(explicit=False)
EXPLICIT = Syntax(explicit=True)
BIG_ENDIAN = Syntax(explicit=True, big_endian=True)


class NeedMoreError(Exception):
    """The bytes end before what is being read; `size` are needed from the start."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


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
