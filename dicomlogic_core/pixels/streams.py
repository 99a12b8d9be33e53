"""Compressed streams by their own bytes: which codec, how large, how deep, complete or cut. Nothing is decoded here.

What a stream says about itself is compared with the header before a decoder allocates anything. Decoders differ in what
they do with a cut stream (one gives wrong pixels without an error), so the end marker is looked for first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from dicomlogic_core.pixels.native import Bytes

Kind = Literal["jpeg", "jpeg-lossless", "jpeg-ls", "jpeg2000", "htj2k", "rle"]

_JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  "
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))  # JPEG markers without a length
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_LOSSLESS = frozenset((0xC3, 0xC7, 0xCB, 0xCF))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What a compressed frame says about itself.

    Attributes:
        kind: codec.
        rows, columns, samples, bits, signed: of the image; zero for RLE, which does not say.
        complete: its end marker is where it must be.
        transformed: for JPEG colour, whether the stream is YCbCr by its JFIF or Adobe marker or component ids; None
            when it does not say.
        adobe: an Adobe marker is there.
        segments: byte planes of an RLE frame.
    """

    kind: Kind
    rows: int = 0
    columns: int = 0
    samples: int = 0
    bits: int = 0
    signed: bool = False
    complete: bool = True
    transformed: bool | None = None
    adobe: bool = False
    segments: int = 0

    @property
    def itemsize(self) -> int:
        """Bytes of a decoded sample."""
        return 1 if self.bits <= 8 else 2 if self.bits <= 16 else 4


def sniff(data: Bytes) -> Stream | None:
    """The stream that `data` is, or None when no known one."""
    head = bytes(data[:16])
    try:
        if head.startswith(b"\xff\x4f\xff\x51"):
            return _codestream(data)
        if head.startswith(_JP2_SIGNATURE):
            return _boxes(data)
        if head.startswith(b"\xff\xd8\xff"):
            return _jpeg(data)
        return _rle(data)
    except (IndexError, struct.error):
        return None


def colour_after(kind: Kind, space: str) -> str:
    """Colour space of decoded samples: JPEG 2000 decoders undo the component transforms RCT and ICT by themselves."""
    return "RGB" if kind in ("jpeg2000", "htj2k") and space in ("YBR_RCT", "YBR_ICT") else space


def _codestream(data: Bytes) -> Stream | None:
    """JPEG 2000 codestream (T.800 A.5.1); with the Part-15 bit of its capabilities it is HTJ2K."""
    length, capabilities = struct.unpack_from(">HH", data, 4)
    right, bottom, left, top = struct.unpack_from(">IIII", data, 8)
    samples, depth = struct.unpack_from(">HB", data, 40)
    if not _sound_grid(data, samples):
        return None
    high_throughput = bool(capabilities & 0x4000)
    if struct.unpack_from(">H", data, 4 + length)[0] == 0xFF50:
        high_throughput |= bool(struct.unpack_from(">I", data, 8 + length)[0] & 0x20000)  # Pcap bit of Part 15
    return Stream(
        kind="htj2k" if high_throughput else "jpeg2000",
        rows=bottom - top,
        columns=right - left,
        samples=samples,
        bits=(depth & 0x7F) + 1,
        signed=bool(depth & 0x80),
        complete=_tiles_reach_the_end(data, 4 + length),
    )


def _tiles_reach_the_end(data: Bytes, offset: int) -> bool:
    """Whether tile-parts follow one another from the main header to the end marker (T.800 A.4.2).

    Encapsulation pads to an even length, mostly with 00, also seen with FF.
    """
    size = len(data)
    if size < offset + 2:
        return False
    marker = struct.unpack_from(">H", data, offset)[0]
    while marker not in (0xFF90, 0xFFD9):
        offset += 2 + struct.unpack_from(">H", data, offset + 2)[0]
        marker = struct.unpack_from(">H", data, offset)[0]
    while marker == 0xFF90:
        (length,) = struct.unpack_from(">I", data, offset + 6)
        if length == 0:  # the last tile-part, which goes on to the end
            return bytes(data[-2:]) == b"\xff\xd9" or bytes(data[-3:-1]) == b"\xff\xd9"
        if length < 14 or offset + length + 2 > size:
            return False
        offset += length
        marker = struct.unpack_from(">H", data, offset)[0]
    return marker == 0xFFD9 and size - offset <= 3


def _sound_grid(data: Bytes, samples: int) -> bool:
    """Whether image and tiles make a grid and components agree (T.800 B.2, B.3).

    One decoder divides by a tile size of zero, which ends the process.
    """
    right, bottom, left, top, wide, high, first, upper = struct.unpack_from(">8I", data, 8)
    grid = first <= left < min(right, first + wide) and upper <= top < min(bottom, upper + high)
    if not grid or not 1 <= samples <= 4:
        return False
    tiles = -(-(right - first) // wide) * -(-(bottom - upper) // high)
    components = {bytes(data[42 + 3 * number : 45 + 3 * number]) for number in range(samples)}
    return tiles <= 65535 and len(components) == 1 and components.pop()[1:] == b"\x01\x01"


def _boxes(data: Bytes) -> Stream | None:
    """The codestream inside a JP2 or JPH container (T.800 I.4)."""
    view = memoryview(data)
    offset = 0
    while offset + 8 <= len(view):
        size, kind = struct.unpack_from(">I4s", view, offset)
        start = offset + 8
        if size == 1:
            size, start = struct.unpack_from(">Q", view, start)[0], start + 8
        end = offset + size if size else len(view)
        if kind == b"jp2c":
            return _codestream(view[start:end])
        if end <= offset:
            return None
        offset = end
    return None


def _jpeg(data: Bytes) -> Stream | None:
    """JPEG and JPEG-LS by their marker segments (T.81 B.1.1)."""
    jfif, adobe = False, None
    offset = 2
    while True:
        marker = data[offset + 1]
        if data[offset] != 0xFF:
            return None
        if marker == 0xFF or marker in _STANDALONE:
            offset += 1 if marker == 0xFF else 2
            continue
        length = struct.unpack_from(">H", data, offset + 2)[0]
        if marker == 0xE0 and bytes(data[offset + 4 : offset + 8]) == b"JFIF":
            jfif = True
        elif marker == 0xEE and bytes(data[offset + 4 : offset + 9]) == b"Adobe" and length >= 14:
            adobe = data[offset + 15]
        elif marker in _START_OF_FRAME:
            break
        elif marker == 0xDA:
            return None
        offset += 2 + length
    bits, rows, columns, samples = struct.unpack_from(">BHHB", data, offset + 4)
    ids = bytes(data[offset + 10 + 3 * number] for number in range(samples))
    kind: Kind = "jpeg-ls" if marker == 0xF7 else "jpeg-lossless" if marker in _LOSSLESS else "jpeg"
    return Stream(
        kind=kind,
        rows=rows,
        columns=columns,
        samples=samples,
        bits=bits,
        complete=_has_end(data, offset),
        transformed=_transformed(jfif, adobe, ids) if kind == "jpeg" and samples == 3 else None,
        adobe=adobe is not None,
    )


def _transformed(jfif: bool, adobe: int | None, ids: bytes) -> bool | None:
    if adobe is not None:
        return adobe != 0
    if jfif:
        return True
    return False if ids == b"RGB" else None


def _has_end(data: Bytes, offset: int) -> bool:
    # Entropy-coded JPEG data never contains FFD9; anything behind it is padding.
    return bytes(data[-64:]).rfind(b"\xff\xd9") >= 0 or bytes(data[offset:]).rfind(b"\xff\xd9") >= 0


def _rle(data: Bytes) -> Stream | None:
    """RLE (PS3.5 G.5): a header of 64 bytes, number of segments and their ascending offsets from 64."""
    if len(data) < 65:
        return None
    count, *offsets = struct.unpack_from("<16I", data)
    if not 1 <= count <= 15 or offsets[0] != 64:
        return None
    used = offsets[:count]
    if any(low >= high for low, high in pairwise(used)):
        return None
    return Stream(kind="rle", segments=count, complete=used[-1] < len(data))
