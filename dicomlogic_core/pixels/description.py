"""What the header says about stored pixels (Image Pixel module, PS3.3 C.7.6.3), checked before anything is read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dicomlogic_core.errors import PixelError

if TYPE_CHECKING:
    from dicomlogic_core.contracts import Columns

ROWS, COLUMNS, SAMPLES, PHOTOMETRIC, PLANAR = "00280010", "00280011", "00280002", "00280004", "00280006"
BITS_ALLOCATED, BITS_STORED, HIGH_BIT, SIGNED = "00280100", "00280101", "00280102", "00280103"
FLOAT_PIXELS, DOUBLE_PIXELS = "7FE00008", "7FE00009"

COLUMN_KEYS = (
    *(ROWS, COLUMNS, SAMPLES, PHOTOMETRIC, PLANAR),
    *(BITS_ALLOCATED, BITS_STORED, HIGH_BIT, SIGNED, FLOAT_PIXELS, DOUBLE_PIXELS),
)
"""The columns from which a description is made."""

_ALLOCATED = (1, 8, 12, 16, 32, 64)
_GREY = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT")


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelDescription:
    """The stored pixels of every frame of an instance.

    Attributes:
        rows, columns: of the frame as stored (a whole mosaic, not its tiles).
        samples: 1 or 3.
        bits_allocated, bits_stored, high_bit: of one sample; a HighBit below BitsStored - 1 cannot be and is not used.
        signed: two's complement (PixelRepresentation 1).
        photometric: PhotometricInterpretation, upper case; MONOCHROME2 when absent.
        planar: True for RRR...GGG...BBB... (PlanarConfiguration 1), native and RLE data only.
        real: Float Pixel Data or Double Float Pixel Data instead of integers.
        dtype: of one stored sample, native byte order; samples of 1 and 12 bits take 8 and 16.
        subsampled: native chrominance has half the columns (PS3.3 C.7.6.3.1.2, YBR_FULL_422).
        frame_bits, frame_bytes: of one native frame, without padding; whole bytes that hold it.
        aligned: every native frame begins at a byte; else bits run on across frames (PS3.5 8.1.1).
        in_place: native little endian bytes are the decoded frame as they are, but for bits above HighBit.
        partial: bits outside BitsStored may carry something else (old overlays) or lack the sign.
    """

    rows: int
    columns: int
    samples: int = 1
    bits_allocated: int = 16
    bits_stored: int = 16
    high_bit: int = 15
    signed: bool = False
    photometric: str = "MONOCHROME2"
    planar: bool = False
    real: Literal["", "float", "double"] = ""
    dtype: np.dtype[Any] = field(init=False, compare=False)
    subsampled: bool = field(init=False, compare=False)
    frame_bits: int = field(init=False, compare=False)
    frame_bytes: int = field(init=False, compare=False)
    aligned: bool = field(init=False, compare=False)
    in_place: bool = field(init=False, compare=False)
    partial: bool = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", self._dtype())
        object.__setattr__(self, "subsampled", self.photometric == "YBR_FULL_422")
        samples = 2 if self.subsampled else self.samples
        bits = self.rows * self.columns * samples * self.bits_allocated
        object.__setattr__(self, "frame_bits", bits)
        object.__setattr__(self, "frame_bytes", (bits + 7) // 8)
        object.__setattr__(self, "aligned", bits % 8 == 0)
        object.__setattr__(self, "in_place", self._in_place())
        spare = self.bits_stored < self.dtype.itemsize * 8 or self.high_bit >= self.bits_stored
        object.__setattr__(self, "partial", not self.real and spare)

    def _dtype(self) -> np.dtype[Any]:
        if self.real:
            return np.dtype(np.float32 if self.real == "float" else np.float64)
        size = max(8, self.bits_allocated if self.bits_allocated != 12 else 16) // 8
        return np.dtype(f"{'i' if self.signed else 'u'}{size}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a decoded frame: ``[j, i]`` or ``[j, i, c]``."""
        size = (self.rows, self.columns)
        return size if self.samples == 1 else (*size, self.samples)

    def _in_place(self) -> bool:
        whole = self.bits_allocated in (8, 16, 32, 64)
        interleaved = self.samples == 1 or not (self.planar or self.photometric.startswith("YBR"))
        return whole and interleaved and self.photometric != "PALETTE COLOR" and sys.byteorder == "little"

    @property
    def value_range(self) -> tuple[int, int]:
        """Smallest and largest stored value that BitsStored allows."""
        if self.signed:
            return -(1 << (self.bits_stored - 1)), (1 << (self.bits_stored - 1)) - 1
        return 0, (1 << self.bits_stored) - 1

    def span(self, frame: int) -> tuple[int, int, int]:
        """Byte offset, byte count and first bit of a native frame (from 1) in the pixel value."""
        first = (frame - 1) * self.frame_bits
        return first // 8, (first % 8 + self.frame_bits + 7) // 8, first % 8


class Descriptions:
    """Descriptions of the instances of a series; instances that agree share one."""

    def __init__(self, columns: Columns) -> None:
        self._texts = list(zip(*[columns.text(key) for key in COLUMN_KEYS]))
        self._uids = columns.sop_uids
        self._known: dict[tuple[str | None, ...], PixelDescription] = {}

    def of(self, row: int) -> PixelDescription:
        """The description of an instance.

        Raises:
            PixelError: ``pixels.invalid-header``.
        """
        texts = self._texts[row]
        known = self._known.get(texts)
        if known is None:
            try:
                known = describe(dict(zip(COLUMN_KEYS, texts)).get)
            except PixelError as error:
                error.where = self._uids[row]
                raise
            self._known[texts] = known
        return known


def describe(text: Callable[[str], str | None]) -> PixelDescription:
    """A description from header texts by column key.

    Raises:
        PixelError: ``pixels.invalid-header``: an attribute is absent or impossible.
    """
    allocated = _integer(text, BITS_ALLOCATED)
    stored = _integer(text, BITS_STORED, allocated)
    description = PixelDescription(
        rows=_integer(text, ROWS),
        columns=_integer(text, COLUMNS),
        samples=_integer(text, SAMPLES, 1),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=max(stored - 1, _integer(text, HIGH_BIT, stored - 1)),
        signed=_integer(text, SIGNED, 0) == 1,
        photometric=(text(PHOTOMETRIC) or "MONOCHROME2").strip().upper(),
        planar=_integer(text, PLANAR, 0) == 1,
        real=_real(text, allocated),
    )
    _check(description)
    return description


def _real(text: Callable[[str], str | None], allocated: int) -> Literal["", "float", "double"]:
    if text(FLOAT_PIXELS) is not None:
        return "float"
    if text(DOUBLE_PIXELS) is not None:
        return "double"
    # The floating point modules (PS3.3 C.7.6.24) have no BitsStored and no PixelRepresentation.
    if allocated in (32, 64) and not text(BITS_STORED) and not text(SIGNED):
        return "float" if allocated == 32 else "double"
    return ""


def _integer(text: Callable[[str], str | None], key: str, default: int | None = None) -> int:
    value = text(key)
    if not value:
        if default is None:
            raise _invalid(f"{_NAMES[key]} is absent")
        return default
    try:
        return int(value)
    except ValueError:
        raise _invalid(f"{_NAMES[key]} is {value[:20]!r}, not an integer") from None


def _check(description: PixelDescription) -> None:
    rows, columns, samples = description.rows, description.columns, description.samples
    if not (0 < rows < 65536 and 0 < columns < 65536):
        raise _invalid(f"Rows x Columns is {rows} x {columns}")
    if description.bits_allocated not in _ALLOCATED:
        raise _invalid(f"BitsAllocated is {description.bits_allocated}; known are 1, 8, 12, 16, 32 and 64")
    if not 0 < description.bits_stored <= description.high_bit + 1 <= description.bits_allocated:
        raise _invalid(
            f"BitsStored {description.bits_stored} and HighBit {description.high_bit} "
            f"do not fit BitsAllocated {description.bits_allocated}"
        )
    kinds = {1: _GREY, 3: _COLOUR}.get(samples)
    if kinds is None or description.photometric not in kinds:
        raise _invalid(f"{samples} samples per pixel as {description.photometric[:20]} are not handled")
    if samples > 1 and description.bits_allocated not in (8, 16, 32):
        raise _invalid(f"colour with BitsAllocated {description.bits_allocated} is not handled")


def _invalid(message: str) -> PixelError:
    return PixelError(message, code="pixels.invalid-header", remedy="repair the headers")


_NAMES = {
    ROWS: "Rows",
    COLUMNS: "Columns",
    SAMPLES: "SamplesPerPixel",
    PLANAR: "PlanarConfiguration",
    BITS_ALLOCATED: "BitsAllocated",
    BITS_STORED: "BitsStored",
    HIGH_BIT: "HighBit",
    SIGNED: "PixelRepresentation",
}
