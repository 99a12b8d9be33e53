"""The checksum that a source names for a decoded frame."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core.errors import PixelError
from dicomlogic_core.pixels.syntaxes import LOSSY

if TYPE_CHECKING:
    from numpy.typing import NDArray


def check_sum(
    stored: bytes | bytearray | memoryview | NDArray[Any],
    checksum: int,
    syntax: str,
    note: Callable[[str], None] | None,
) -> None:
    """Compare the CRC32 of a frame's little-endian bytes, colour interleaved, with the one its source names.

    `note` is called with ``pixels.checksum`` for lossy codings, whose decoders differ in the last bit.

    Raises:
        PixelError: ``pixels.checksum``: another one, of a coding without loss. A stream that was cut can decode without
            an error, to wrong pixels.
    """
    if isinstance(stored, np.ndarray):
        stored = np.ascontiguousarray(stored, stored.dtype.newbyteorder("<")).data.cast("B")
    found = zlib.crc32(stored)
    if found == checksum:
        return
    if syntax not in LOSSY:
        raise PixelError(
            f"the decoded frame has the checksum {found}, its source names {checksum}",
            code="pixels.checksum",
            remedy="fetch it again; the frame may be damaged",
        )
    if note is not None:
        note("pixels.checksum")
