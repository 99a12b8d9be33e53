"""Native (uncompressed) bytes to samples: bit packing, byte order, planes, subsampled colour, sign, overlay bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core.pixels.description import PixelDescription

if TYPE_CHECKING:
    from numpy.typing import NDArray

Bytes = bytes | bytearray | memoryview


def read_native(
    data: Bytes, description: PixelDescription, *, first_bit: int = 0, big_endian: bool = False
) -> NDArray[Any]:
    """One frame ``[j, i]`` or ``[j, i, c]`` as stored; colour keeps its colour space.

    `data` holds at least ``description.frame_bytes`` bytes; with 1 and 12 bits allocated the frame begins at
    `first_bit` of its first byte, lowest bit first (PS3.5 8.1.1). The array may be a read-only view of `data`.
    """
    count = description.frame_bits // description.bits_allocated
    if description.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        return bits[first_bit : first_bit + count].reshape(description.shape)
    if description.bits_allocated == 12:
        return _unpack_12(data, count, first_bit).view(description.dtype).reshape(description.shape)
    stored = description.dtype.newbyteorder(">") if big_endian else description.dtype.newbyteorder("<")
    values = np.frombuffer(data, stored, count)
    if not stored.isnative:
        values = values.astype(description.dtype)
    if description.subsampled:
        return spread_422(values, description)
    if description.samples == 1 or not description.planar:
        return values.reshape(description.shape)
    planes = values.reshape(description.samples, description.rows, description.columns)
    return np.ascontiguousarray(planes.transpose(1, 2, 0))


def _unpack_12(data: Bytes, count: int, first_bit: int) -> NDArray[np.uint16]:
    """Two samples in three bytes, lowest bits first."""
    raw = np.frombuffer(data, np.uint8).astype(np.uint16)
    start = 0 if first_bit == 0 else 1
    low = (np.arange(count) + start) * 12 // 8
    odd = (np.arange(count) + start) % 2 == 1
    after = np.minimum(low + 1, len(raw) - 1)
    values = np.where(odd, (raw[low] >> 4) | (raw[after] << 4), raw[low] | ((raw[after] & 0x0F) << 8))
    return values.astype(np.uint16)


def spread_422(values: NDArray[Any], description: PixelDescription) -> NDArray[Any]:
    """Y1 Y2 Cb Cr for each pair of columns (PS3.3 C.7.6.3.1.2) to three full samples per pixel."""
    pairs = values.reshape(description.rows, description.columns // 2, 4)
    frame = np.empty((description.rows, description.columns // 2, 2, 3), values.dtype)
    frame[:, :, :, 0] = pairs[:, :, :2]
    frame[:, :, :, 1:] = pairs[:, :, None, 2:]
    return frame.reshape(description.rows, description.columns, 3)


def keep_stored_bits(values: NDArray[Any], *, bits_stored: int, high_bit: int, signed: bool) -> bool:
    """In place: only `bits_stored` bits from `high_bit` down remain, with their sign. True when other bits were in use.

    Old data keeps overlays in the bits above HighBit, and some writers leave the sign out there.
    """
    if high_bit + 1 == bits_stored and _in_range(values, bits_stored, signed):
        return False
    width = values.dtype.itemsize * 8
    if signed:
        np.left_shift(values, width - 1 - high_bit, out=values)
        np.right_shift(values, width - bits_stored, out=values)
        return True
    if below := high_bit + 1 - bits_stored:
        np.right_shift(values, below, out=values)
    np.bitwise_and(values, values.dtype.type((1 << bits_stored) - 1), out=values)
    return True


def _in_range(values: NDArray[Any], bits_stored: int, signed: bool) -> bool:
    """True when no value uses other bits; looking is half as dear as masking, and nearly always it is so."""
    if signed:
        half = 1 << (bits_stored - 1)
        return bool(values.min() >= -half and values.max() < half)
    return int(np.bitwise_or.reduce(values, axis=None)) >> bits_stored == 0
