"""Siemens CSA headers: the named values of (0029,xx10) and the protocol text inside (0029,xx20)."""

from __future__ import annotations

import re
import struct
from functools import lru_cache

_MOST_TAGS = 1024
_NORMAL = re.compile(
    rb"sSliceArray\.asSlice\[(\d{1,4})\]\.sNormal\.(dSag|dCor|dTra)\s*=\s*([-+0-9.eE]{1,40})", re.ASCII
)
_SIZE = re.compile(rb"sSliceArray\.lSize\s*=\s*(\d{1,5})")


def csa_values(raw: bytes, names: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """The values of `names` in a CSA header of form ``SV10``; empty for anything else, and what was read if it breaks.

    Layout: ``SV10``, four bytes, count, mark 77; per name 64 bytes of name, VM, VR (4 bytes), type, number of items,
    mark; per item 16 bytes whose second word is the length, then the text padded to 4 bytes.
    """
    found: dict[str, tuple[str, ...]] = {}
    if raw[:4] != b"SV10" or len(raw) < 16:
        return found
    (count,) = struct.unpack_from("<L", raw, 8)
    pos = 16
    try:
        for _ in range(min(count, _MOST_TAGS)):
            name, multiplicity, _, _, items, _ = struct.unpack_from("<64sl4slll", raw, pos)
            pos += 84
            texts, pos = _items(raw, pos, items)
            label = name.split(b"\0", 1)[0].decode("latin-1")
            if label in names:
                found[label] = texts[:multiplicity] if multiplicity > 0 else tuple(filter(None, texts))
    except (struct.error, ValueError):
        return found
    return found


def _items(raw: bytes, pos: int, count: int) -> tuple[tuple[str, ...], int]:
    if not 0 <= count <= 4096:
        raise ValueError("a damaged CSA header")
    texts = []
    for _ in range(count):
        (length,) = struct.unpack_from("<l", raw, pos + 4)
        pos += 16
        if length < 0 or pos + length > len(raw):
            raise ValueError("a damaged CSA header")
        texts.append(raw[pos : pos + length].split(b"\0", 1)[0].decode("latin-1").strip())
        pos += (length + 3) & ~3
    return tuple(texts), pos


@lru_cache(maxsize=8)
def protocol_slices(raw: bytes) -> tuple[int, tuple[tuple[float, float, float], ...]]:
    """(number of slices, distinct normals of the planned slices, LPS) of the protocol; (0, ()) without one.

    The same text stands in every instance of a series, hence the cache.
    """
    start = raw.find(b"### ASCCONV BEGIN")
    if start < 0:
        return 0, ()
    text = raw[start : raw.find(b"### ASCCONV END", start)]
    size = _SIZE.search(text)
    parts: dict[int, dict[bytes, float]] = {}
    for number, axis, value in _NORMAL.findall(text):
        try:
            parts.setdefault(int(number), {})[axis] = float(value)
        except ValueError:
            continue
    normals = {tuple(round(part.get(axis, 0.0), 4) for axis in (b"dSag", b"dCor", b"dTra")) for part in parts.values()}
    return int(size[1]) if size else 0, tuple((x, y, z) for x, y, z in sorted(normals))
