"""Where the frames of encapsulated pixel data are (PS3.5 A.4): items, Basic Offset Table, fragments of each frame.

The Extended Offset Table is not needed: it requires one fragment per frame, which the items themselves show.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from itertools import pairwise

from dicomlogic_core.errors import PixelError

Read = Callable[[int, int], bytes]
"""(offset, size) -> that many bytes, fewer only at the end."""

Fragment = tuple[int, int]
"""Offset and length of a fragment's bytes."""

MOST_FRAGMENTS = 1 << 20
"""Fragments of one pixel value; more is damage or a trap."""

_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  ")


def frame_fragments(read: Read, start: int, end: int, frames: int) -> list[list[Fragment]]:
    """The fragments of each of `frames` frames; `start` is the offset of the pixel value, `end` that of the file's end.

    Raises:
        PixelError: ``pixels.decode-failed``: no items there; ``pixels.missing``: fragments do not make so many frames;
            ``pixels.invalid-header``: they make several where the header says one.
    """
    table, fragments = _items(read, start, end)
    if frames == 1:
        _check_single(read, table, fragments)
        return [fragments]
    if len(fragments) == frames:
        return [[fragment] for fragment in fragments]
    base = fragments[0][0] - 8 if fragments else 0
    starts = _by_table(table, fragments, base, frames) or _by_marker(read, fragments, frames)
    if starts is None:
        raise PixelError(
            f"{len(fragments)} fragments do not make {frames} frames",
            code="pixels.missing",
            remedy="the file may be truncated; fetch it again",
        )
    return [fragments[first:last] for first, last in zip(starts, [*starts[1:], len(fragments)])]


def _check_single(read: Read, table: bytes, fragments: Sequence[Fragment]) -> None:
    """Refuse several frames where one is expected: a decoder would give the first and drop the others."""
    if len(fragments) < 2:
        return
    begun = sum(read(offset, 8).startswith(_STARTS) for offset, _ in fragments)
    listed = len(table) // 4
    by_table = listed > 1 and _by_table(table, fragments, fragments[0][0] - 8, listed) is not None
    if begun > 1 or by_table:
        raise PixelError(
            f"the pixel data holds {max(begun, listed)} frames, the header says one",
            code="pixels.invalid-header",
            remedy="repair NumberOfFrames",
        )


def _items(read: Read, start: int, end: int) -> tuple[bytes, list[Fragment]]:
    fragments: list[Fragment] = []
    table: bytes | None = None
    offset = start
    while offset + 8 <= end:
        head = read(offset, 8)
        if head[:4] == _DELIMITER:
            break
        if head[:4] != _ITEM or len(head) < 8:
            if table is None:
                raise PixelError(
                    "the transfer syntax is compressed, but the pixel data is not encapsulated",
                    code="pixels.decode-failed",
                    remedy="check the source",
                )
            break  # what follows a missing delimiter is not pixel data
        (length,) = struct.unpack_from("<I", head, 4)
        if table is None:
            table = read(offset + 8, min(length, end - offset - 8))
        else:
            fragments.append((offset + 8, length))
            if len(fragments) > MOST_FRAGMENTS:
                raise PixelError(
                    f"more than {MOST_FRAGMENTS} fragments", code="pixels.decode-failed", remedy="check the source"
                )
        offset += 8 + length
    if not fragments:
        raise PixelError("the pixel data has no fragments", code="pixels.short", remedy="fetch the file again")
    return table or b"", fragments


def _by_table(table: bytes, fragments: Sequence[Fragment], base: int, frames: int) -> list[int] | None:
    """Index of each frame's first fragment by the Basic Offset Table; None when it does not fit."""
    if len(table) != 4 * frames:
        return None
    offsets = struct.unpack(f"<{frames}I", table)
    index = {offset - 8 - base: number for number, (offset, _) in enumerate(fragments)}
    starts = [index.get(offset, -1) for offset in offsets]
    ascending = all(low < high for low, high in pairwise(starts))
    return starts if starts[0] == 0 and ascending else None


def _by_marker(read: Read, fragments: Sequence[Fragment], frames: int) -> list[int] | None:
    """Index of each fragment that begins like a codestream; None when that gives another number of frames."""
    starts = [number for number, (offset, _) in enumerate(fragments) if read(offset, 8).startswith(_STARTS)]
    return starts if len(starts) == frames and starts[0] == 0 else None
