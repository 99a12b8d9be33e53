"""Lookup tables: Modality LUT (PS3.3 C.11.1) and palette colour (C.7.6.3.1.5), plain or segmented (C.7.9.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core.errors import PixelError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset

_COLOURS = ("Red", "Green", "Blue")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lookup:
    """A table for stored values.

    Attributes:
        first: stored value that maps to the first entry; smaller ones map there too, larger ones to the last.
        entries: (n,) values of a modality LUT, or (n, 3) red, green and blue of a palette.
    """

    first: int
    entries: NDArray[Any]

    def apply(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values for stored values; a palette adds an axis for the components."""
        index = np.clip(values.astype(np.int64) - self.first, 0, len(self.entries) - 1)
        return self.entries[index]


def modality_lookup(dataset: Dataset) -> Lookup:
    """The first item of ModalityLUTSequence.

    Raises:
        PixelError: ``pixels.invalid-header``.
    """
    try:
        item = dataset["ModalityLUTSequence"].value[0]
        count, first, bits = _descriptor(item["LUTDescriptor"].value, dataset)
        entries = _entries(item["LUTData"].value, count, bits, dataset)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise _broken("ModalityLUTSequence", error) from error
    return Lookup(first=first, entries=entries)


def palette_lookup(dataset: Dataset) -> Lookup:
    """Red, green and blue tables of a PALETTE COLOR image.

    Raises:
        PixelError: ``pixels.invalid-header``.
    """
    tables = []
    first = 0
    try:
        for colour in _COLOURS:
            descriptor = dataset[f"{colour}PaletteColorLookupTableDescriptor"].value
            count, first, bits = _descriptor(descriptor, dataset)
            segmented = f"Segmented{colour}PaletteColorLookupTableData"
            if segmented in dataset:
                words = _entries(dataset[segmented].value, 0, bits, dataset)
                tables.append(expand_segments(words, count))
            else:
                value = dataset[f"{colour}PaletteColorLookupTableData"].value
                tables.append(_entries(value, count, bits, dataset))
        entries = np.stack(tables, axis=1)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise _broken("the palette", error) from error
    return Lookup(first=first, entries=entries)


def _descriptor(value: Any, dataset: Dataset) -> tuple[int, int, int]:
    count, first, bits = (int(part) for part in value)
    if not 8 <= bits <= 16:
        raise ValueError(f"{bits} bits per entry")
    signed = dataset.get("PixelRepresentation", 0) == 1
    if signed and first > 0x7FFF:
        first -= 0x10000
    elif not signed and first < 0:
        first += 0x10000
    return count % 0x10000 or 0x10000, first, bits


def _entries(value: Any, count: int, bits: int, dataset: Dataset) -> NDArray[Any]:
    """Table entries; 8-bit ones may be packed as bytes or each have a word of its own. `count` 0 takes all words."""
    target = np.uint8 if bits == 8 else np.uint16
    if not isinstance(value, (bytes, bytearray)):
        entries = np.atleast_1d(np.asarray(value)).astype(np.int64) & 0xFFFF
    else:
        little = dataset.original_encoding[1] is not False
        packed = bits == 8 and count and len(value) < 2 * count
        entries = np.frombuffer(value, np.uint8 if packed or (bits == 8 and not count) else "<u2" if little else ">u2")
    if count and len(entries) < count:
        raise ValueError(f"{len(entries)} entries of {count}")
    return entries[: count or None].astype(target)


def expand_segments(words: NDArray[Any], count: int) -> NDArray[Any]:
    """Segmented palette data to `count` entries: discrete, linear and indirect segments (PS3.3 C.7.9.2).

    Raises:
        ValueError: the segments are damaged or give another number of entries.
    """
    values: list[int] = []
    data = [int(word) for word in words]
    _segments(data, 0, values, count)
    if len(values) < count:
        raise ValueError(f"segments give {len(values)} entries of {count}")
    return np.array(values[:count], words.dtype)


def _segments(data: list[int], offset: int, values: list[int], count: int, limit: int = 0) -> None:
    """Append the segments from `offset`: `limit` of them, all when it is 0."""
    done = 0
    while offset + 1 < len(data) and len(values) < count and not (limit and done == limit):
        code, length = data[offset], data[offset + 1]
        if code == 0:
            values.extend(data[offset + 2 : offset + 2 + length])
            offset += 2 + length
        elif code == 1:
            if not values:
                raise ValueError("a linear segment comes first")
            start, stop = values[-1], data[offset + 2]
            values.extend(round(start + (stop - start) * (step + 1) / length) for step in range(length))
            offset += 3
        elif code == 2 and not limit:
            wide = data[offset + 2] | data[offset + 3] << 16
            _segments(data, wide, values, count, limit=length)
            offset += 4
        else:
            raise ValueError(f"segment code {code}")
        done += 1


def _broken(what: str, error: Exception) -> PixelError:
    return PixelError(
        f"{what} is absent or damaged: {error}"[:200], code="pixels.invalid-header", remedy="repair the headers"
    )
