"""Bytes of one frame to stored samples. Sizes are compared with the header first; nothing is ever reshaped to fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core.errors import PixelError
from dicomlogic_core.pixels.checksum import check_sum
from dicomlogic_core.pixels.codecs import decode_stream
from dicomlogic_core.pixels.colour import to_rgb
from dicomlogic_core.pixels.description import PixelDescription
from dicomlogic_core.pixels.native import Bytes, keep_stored_bits, read_native
from dicomlogic_core.pixels.streams import Stream, sniff
from dicomlogic_core.pixels.syntaxes import BIG_ENDIAN, LOSSY, encapsulated, supported, syntax_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A compressed frame may exceed its native size a little (noise, RLE), not by much.
_COMPRESSED_FACTOR, _COMPRESSED_EXTRA = 4, 65536

Note = Callable[[str], None]


def decode_frame(
    data: Bytes,
    description: PixelDescription,
    syntax: str,
    *,
    first_bit: int = 0,
    out: NDArray[Any] | None = None,
    note: Note | None = None,
    checksum: int | None = None,
) -> NDArray[Any]:
    """One frame as stored, ``[j, i]`` or RGB ``[j, i, c]``, of the description's type, sign and overlay bits put right.

    Args:
        data: the frame's bytes, native or a codestream; the bytes decide, `syntax` only where they could be both.
        description: what the header says.
        syntax: transfer syntax UID as stored or as a server said; "" when unknown.
        first_bit: where the frame begins in the first byte, for 1 and 12 bits allocated.
        out: C-contiguous ``description.shape`` of the description's type; the frame is decoded into it when that saves
            a copy, and then `out` itself is returned.
        note: called with the code of a finding, e.g. ``pixels.photometric``.
        checksum: CRC32 of the decoded frame as its source names it.

    Raises:
        PixelError: ``pixels.short``, ``pixels.decode-failed``, ``pixels.unsupported-syntax``, ``pixels.checksum``.
    """
    expected = (first_bit + description.frame_bits + 7) // 8
    fits = len(data) in (expected, expected + 1)  # at most one byte of padding
    declared = encapsulated(syntax)
    stream = sniff(data) if declared or not fits else None
    if stream is None:
        if not fits or description.photometric in ("YBR_RCT", "YBR_ICT"):
            raise _no_frame(data, expected, syntax)
        if checksum is not None:
            check_sum(memoryview(data)[:expected], checksum, syntax, note)
        return _native(data, description, first_bit, syntax == BIG_ENDIAN, note)
    _check_before(data, stream, description, expected)
    values, space = decode_stream(data, stream, description, out)
    if values.shape != description.shape:
        raise _contradiction(f"decoded to {values.shape}, the header says {description.shape}")
    if checksum is not None:
        check_sum(values.astype(_container(values, description), copy=False), checksum, syntax, note)
    header_transformed = description.photometric != "RGB"
    if note is not None and stream.transformed not in (None, header_transformed):
        note("pixels.photometric")
    if description.samples > 1:
        # Colour is unsigned whatever the stream says (PS3.3 C.7.6.3.1.1).
        return to_rgb(values.view(f"u{values.dtype.itemsize}").astype(description.dtype, copy=False), space)
    return _stored(values, stream, description, out, syntax in LOSSY)


def _native(
    data: Bytes, description: PixelDescription, first_bit: int, big_endian: bool, note: Note | None
) -> NDArray[Any]:
    values = read_native(data, description, first_bit=first_bit, big_endian=big_endian)
    if description.partial and description.bits_allocated not in (1, 12):
        values = values if values.flags.writeable else values.copy()
        bits, high = description.bits_stored, description.high_bit
        if keep_stored_bits(values, bits_stored=bits, high_bit=high, signed=description.signed) and note is not None:
            note("pixels.overlay-bits")
    return to_rgb(values, description.photometric)


def _container(values: NDArray[Any], description: PixelDescription) -> str:
    """The type that decoded samples have when they take as many bytes as the header says."""
    return f"{values.dtype.kind}{description.dtype.itemsize}"


def _check_before(data: Bytes, stream: Stream, description: PixelDescription, expected: int) -> None:
    """Everything a stream says about itself, before its decoder allocates."""
    if len(data) > _COMPRESSED_FACTOR * expected + _COMPRESSED_EXTRA:
        raise _contradiction(f"{len(data)} compressed bytes for a frame of {expected}")
    if not stream.complete:
        raise PixelError(
            f"the {stream.kind} stream ends early, after {len(data)} bytes",
            code="pixels.short",
            remedy="fetch it again",
        )
    if stream.kind == "rle":
        planes = description.samples * description.dtype.itemsize
        if stream.segments != planes or description.real or description.bits_allocated < 8:
            raise _contradiction(f"{stream.segments} RLE segments, the header says {planes}")
        return
    found = (stream.rows, stream.columns, stream.samples)
    if found != (description.rows, description.columns, description.samples):
        raise _contradiction(
            f"the {stream.kind} stream has rows x columns x samples {found}, the header says "
            f"{(description.rows, description.columns, description.samples)}"
        )
    if stream.bits > description.dtype.itemsize * 8 or description.real:
        raise _contradiction(f"{stream.bits} bits per sample in the stream, {description.bits_allocated} allocated")


def _stored(
    values: NDArray[Any], stream: Stream, description: PixelDescription, out: NDArray[Any] | None, lossy: bool
) -> NDArray[Any]:
    """Decoded grey samples as the description's type, sign and bits put right; `out` itself if they are there."""
    same = values.dtype.itemsize == description.dtype.itemsize
    in_place = out is not None and same and values.ctypes.data == out.ctypes.data
    result = values.view(description.dtype) if same else values.astype(description.dtype)
    bits, high = description.bits_stored, description.high_bit
    if stream.kind != "rle":
        # The sign of JPEG 2000 samples is at the stream's own depth, also where the header claims more bits.
        bits = min(bits, stream.bits) if stream.kind in ("jpeg2000", "htj2k") else bits
        high = bits - 1
    alike = stream.signed == description.signed and stream.kind != "rle"
    if alike and lossy and stream.bits > bits:
        # Loss may carry a value over the end of its range: that is the end, not another value.
        np.clip(result, *description.value_range, out=result)
    elif not (alike and stream.bits <= bits) and (bits < result.dtype.itemsize * 8 or high >= bits):
        keep_stored_bits(result, bits_stored=bits, high_bit=high, signed=description.signed)
    return out if in_place and out is not None else result


def _no_frame(data: Bytes, expected: int, syntax: str) -> PixelError:
    if not supported(syntax):
        return PixelError(
            f"no decoder handles {syntax_name(syntax)}",
            code="pixels.unsupported-syntax",
            remedy="convert the files, or export them uncompressed",
        )
    head = bytes(data[:8]).hex(" ")
    if len(data) < expected and not encapsulated(syntax):
        return PixelError(
            f"{len(data)} bytes of pixel data, {expected} expected (they begin {head or 'nowhere'})",
            code="pixels.short",
            remedy="fetch it again; zero fill by option short=zero",
        )
    return PixelError(
        f"{len(data)} bytes that are no known stream, {expected} expected for a native frame (they begin {head}; "
        f"transfer syntax {syntax_name(syntax)})",
        code="pixels.decode-failed",
        remedy="check the source",
    )


def _contradiction(message: str) -> PixelError:
    return PixelError(message, code="pixels.decode-failed", remedy="check the source; header and pixels disagree")


def zero_filled(data: Bytes, description: PixelDescription, first_bit: int = 0) -> bytes:
    """A short native frame, padded with zeros to its size."""
    expected = (first_bit + description.frame_bits + 7) // 8
    return bytes(data) + bytes(expected - len(data))
