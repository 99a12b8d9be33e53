"""Bytes of text elements to Unicode, by SpecificCharacterSet (PS3.3 C.12.1.1.2, PS3.5 chapter 6 and annexes H to K).

Absent means Latin-1, which is what files without the element mostly hold. An unknown term gives ``?`` for every byte
beyond ASCII; whoever reads the header reports it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

# Number of the ISO registry -> Python codec of a character set that may stand alone.
_CODECS = {
    6: "utf-8",  # ASCII; letters beyond it are read as UTF-8, as CTK does
    13: "shift_jis",
    58: "gb2312",
    87: "iso2022_jp_2",
    100: "latin_1",
    101: "iso8859_2",
    109: "iso8859_3",
    110: "iso8859_4",
    126: "iso8859_7",
    127: "iso8859_6",
    138: "iso8859_8",
    144: "iso8859_5",
    148: "iso8859_9",
    149: "euc_kr",
    159: "iso2022_jp_2",
    166: "tis_620",
    179: "iso8859_13",
    192: "utf-8",
    203: "iso8859_15",
}
_TERM = re.compile(r"(?:ISO)?[ _-]*(?:2022)?[ _-]*IR[ _-]*([0-9]+)\Z", re.IGNORECASE)
_NAMED = {"GB18030": "gb18030", "GBK": "gbk", "UTF8": "utf-8", "UTF-8": "utf-8"}

# Bytes after ESC -> codec and whether its letters take two bytes below 0x80 (then no delimiter can be seen in them).
_ESCAPES: dict[bytes, tuple[str, bool]] = {
    b"(B": ("ascii", False),
    b"-A": ("latin_1", False),
    b"-B": ("iso8859_2", False),
    b"-C": ("iso8859_3", False),
    b"-D": ("iso8859_4", False),
    b"-F": ("iso8859_7", False),
    b"-G": ("iso8859_6", False),
    b"-H": ("iso8859_8", False),
    b"-L": ("iso8859_5", False),
    b"-M": ("iso8859_9", False),
    b"-T": ("tis_620", False),
    b"-b": ("iso8859_15", False),
    b")I": ("shift_jis", False),
    b"(J": ("shift_jis", False),
    b"$)A": ("gb2312", False),
    b"$)C": ("euc_kr", False),
    b"$B": ("iso2022_jp_2", True),
    b"$@": ("iso2022_jp_2", True),
    b"$(D": ("iso2022_jp_2", True),
}
_DELIMITERS = re.compile(rb"[\\\r\n\t\f^=]")


class TextDecoder(NamedTuple):
    """How the text of one data set is read.

    Attributes:
        decode: bytes of a value to text; never raises.
        known: False when a term is not a character set we know.
    """

    decode: Callable[[bytes], str]
    known: bool = True


@lru_cache(maxsize=256)
def text_decoder(terms: bytes | None) -> TextDecoder:
    """The decoder for the raw value of SpecificCharacterSet; None or blanks for an absent one."""
    names = [term.strip(" \0") for term in (terms or b"").decode("latin-1").split("\\")]
    if not any(names):
        return TextDecoder(_simple("latin_1"))
    codecs = [_codec(name) for name in names]
    known = None not in codecs
    first = codecs[0] or "ascii"
    if len(names) == 1 and "2022" not in names[0]:
        if codecs[0] is None:
            return TextDecoder(_question_marks, known=False)
        return TextDecoder(_simple(first))
    if first in ("iso2022_jp_2", "gb2312", "euc_kr") and len(names) > 1:
        first = "ascii"  # two-byte sets may only follow an escape sequence
    return TextDecoder(_extended(first), known)


def _codec(name: str) -> str | None:
    if not name:
        return "ascii"
    if match := _TERM.match(name):
        return _CODECS.get(int(match[1])) if len(match[1]) < 5 else None
    return _NAMED.get(name.upper())


def _question_marks(value: bytes) -> str:
    return value.decode("ascii", "replace").replace("�", "?")


def _simple(codec: str) -> Callable[[bytes], str]:
    def decode(value: bytes) -> str:
        return value.decode(codec, "replace")

    return decode


def _extended(first: str) -> Callable[[bytes], str]:
    """Code extensions (ISO 2022): escape sequences switch until the next one or, for one-byte sets, a delimiter."""

    def decode(value: bytes) -> str:
        if b"\x1b" not in value:
            return value.decode(first, "replace")
        head, *rest = value.split(b"\x1b")
        return head.decode(first, "replace") + "".join(_fragment(part, first) for part in rest)

    return decode


def _fragment(part: bytes, first: str) -> str:
    for size in (2, 3):
        if part[:size] in _ESCAPES:
            codec, two_bytes = _ESCAPES[part[:size]]
            break
    else:
        return part.decode(first, "replace")
    if two_bytes:
        return (b"\x1b" + part).decode(codec, "replace")
    body = part[size:]
    if codec == "ascii":
        return body.decode(first, "replace")
    if stop := _DELIMITERS.search(body):
        return body[: stop.start()].decode(codec, "replace") + body[stop.start() :].decode(first, "replace")
    return body.decode(codec, "replace")
