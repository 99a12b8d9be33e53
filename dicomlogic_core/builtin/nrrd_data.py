"""The voxels of an NRRD file: sizes are checked against the memory before anything is read or inflated."""

from __future__ import annotations

import contextlib
import importlib
import math
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from dicomlogic_core import HeaderError, PixelError, check_budget
from dicomlogic_core.builtin.nrrd_fields import NrrdHeader, read_header, whole_number

inflating: Any = zlib
with contextlib.suppress(ImportError):  # an optional extra that only adds speed
    inflating = importlib.import_module("isal.isal_zlib")

_PIECE = 4 << 20
_NAMES = {
    "i1": "signed char, int8, int8_t",
    "u1": "uchar, unsigned char, uint8, uint8_t",
    "i2": "short, short int, signed short, signed short int, int16, int16_t",
    "u2": "ushort, unsigned short, unsigned short int, uint16, uint16_t",
    "i4": "int, signed int, int32, int32_t",
    "u4": "uint, unsigned int, uint32, uint32_t",
    "i8": "longlong, long long, long long int, signed long long, signed long long int, int64, int64_t",
    "u8": "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t",
    "f4": "float",
    "f8": "double",
}
_TYPES = {name: np.dtype(code) for code, names in _NAMES.items() for name in names.split(", ")}
_GZIP, _RAW = ("gzip", "gz"), ("raw",)


def read_file(path: Path) -> tuple[NrrdHeader, np.ndarray[Any, Any]]:
    """Header and voxels of a file; the axes of the array run the other way round, the fastest last.

    Raises:
        HeaderError: the file cannot be opened, or its header is not understood.
        PixelError: the voxels exceed the memory, are short or cannot be inflated.
    """
    try:
        with open(path, "rb") as file:
            header = read_header(file, str(path))
            beside = header.fields.get("data file")
            if beside is None:
                return header, _voxels(header, file)
        with open(_beside(header, path, beside), "rb") as file:
            return header, _voxels(header, file)
    except OSError as error:
        where = str(error.filename or path)
        raise HeaderError(f"cannot be read: {error.strerror or error}", where=where, remedy="check the file") from error


def _beside(header: NrrdHeader, path: Path, name: str) -> Path:
    """The file that holds the voxels: one below the header's folder, and no other."""
    folder = path.resolve().parent
    plain = name.isprintable() and not name.startswith("LIST") and "%" not in name and not Path(name).is_absolute()
    target = (folder / name).resolve() if plain else folder
    if not plain or not target.is_relative_to(folder):
        raise header.refuse(
            "its voxels lie in other files, which are not opened", "put header and voxels into one file"
        )
    return target


def _voxels(header: NrrdHeader, file: BinaryIO) -> np.ndarray[Any, Any]:
    sizes = header.sizes()
    name = " ".join(header.fields.get("type", "").lower().split())
    dtype = _TYPES.get(name)
    if dtype is None:
        raise header.refuse(f"voxels of type {name[:40] or 'none'} are not read")
    check_budget(sizes, dtype, {})
    encoding = header.fields.get("encoding", "").strip().lower()
    if encoding not in (*_GZIP, *_RAW):
        raise header.refuse(f"the encoding {encoding[:40] or 'none'} is not read", "write it with gzip or raw")
    swapped = dtype.itemsize > 1 and _endian(header) != sys.byteorder
    _skip(header, file, math.prod(sizes) * dtype.itemsize if encoding in _RAW else None)
    array = np.empty(sizes[::-1], dtype)
    _fill(array, _inflated(file) if encoding in _GZIP else _plain(file), header.where)
    return array.byteswap(inplace=True) if swapped else array


def _endian(header: NrrdHeader) -> str:
    endian = header.fields.get("endian", "").strip().lower()
    if endian not in ("little", "big"):
        raise header.refuse(f"the order of bytes is {endian[:20] or 'not told'}, neither little nor big")
    return endian


def _skip(header: NrrdHeader, file: BinaryIO, raw_bytes: int | None) -> None:
    """Go to the first byte of the voxels; those of `raw_bytes` may be said to end with their file."""
    if header.fields.get("line skip", "0").strip() != "0":
        raise header.refuse("lines before the voxels are not skipped")
    skip = header.fields.get("byte skip", "0").strip()
    if skip == "-1" and raw_bytes is not None:
        end = file.seek(0, 2)
        file.seek(max(end - raw_bytes, 0))
        return
    count = whole_number(skip)
    if count is None:
        raise header.refuse(f"byte skip {skip[:20]} is not understood")
    file.seek(count, 1)


def _fill(array: np.ndarray[Any, Any], pieces: Iterator[bytes], where: str) -> None:
    """Put bytes into the array until it is full; what comes after is not read."""
    place = array.reshape(-1).view(np.uint8).data
    filled = 0
    try:
        for piece in pieces:
            taken = piece[: len(place) - filled]
            place[filled : filled + len(taken)] = taken
            filled += len(taken)
            if filled == len(place):
                return
    except (zlib.error, inflating.error) as error:
        raise PixelError(
            f"the voxels cannot be inflated: {error}", code="pixels.decode-failed", where=where, remedy="copy it again"
        ) from error
    raise PixelError(
        f"{filled} of {len(place)} bytes of voxels", code="pixels.short", where=where, remedy="copy it again"
    )


def _plain(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _inflated(file: BinaryIO) -> Iterator[bytes]:
    """The inflated bytes in pieces of at most 4 MiB, whatever the stream would grow to; also of several members."""
    inflater = inflating.decompressobj(31)
    rest = b""
    while compressed := rest or file.read(1 << 16):
        yield inflater.decompress(compressed, _PIECE)
        rest = inflater.unconsumed_tail
        if inflater.eof:
            rest, inflater = inflater.unused_data, inflating.decompressobj(31)
