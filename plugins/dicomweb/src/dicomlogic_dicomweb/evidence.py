"""Whether bytes can be the frame that was asked for. Labels lie; length, first bytes and end marker do not.

This only decides between forms of answers. Decoding, and the comparison of its result with the header, are the core's.
"""

from __future__ import annotations

import struct

_J2K = b"\xff\x4f\xff\x51"
_BOXES = b"\x00\x00\x00\x0cjP  "
_JPEG = b"\xff\xd8\xff"
_SLACK = 64 << 10


def objection(data: memoryview, native_size: int) -> str:
    """Why `data` cannot be a frame; "" when it can.

    `native_size` is the number of bytes of an uncompressed frame, 0 when it is not known.
    """
    size = len(data)
    if not size:
        return "no bytes"
    if size in (native_size, native_size + 1):  # one byte of padding makes an odd length even
        return ""
    if bytes(data[:4]) == _J2K:
        tail = bytes(data[-3:])
        # A stream that was cut decodes to wrong pixels without an error. One byte of padding may follow, 00 or FF.
        return "" if b"\xff\xd9" in (tail[-2:], tail[:2]) else "a JPEG 2000 stream without its end"
    if bytes(data[:8]) == _BOXES or bytes(data[:3]) == _JPEG or _is_rle(data):
        too_long = native_size and size > 4 * native_size + _SLACK
        return f"{size} bytes for a frame of {native_size}" if too_long else ""
    return f"{size} bytes where {native_size} were expected" if native_size else ""


def _is_rle(data: memoryview) -> bool:
    """A header of 64 bytes: the number of segments and their ascending offsets (PS3.5 G.5)."""
    if len(data) < 66:
        return False
    count, *offsets = struct.unpack_from("<16I", data)
    used = offsets[:count]
    return 1 <= count <= 15 and used[0] == 64 and used == sorted(set(used)) and used[-1] < len(data)
