"""What reading a header gives: one `HeaderRow` per instance, aligned with the `WantedTags` that were asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dicomlogic_core.contracts import TileGrid
from dicomlogic_core.findings import Finding

NOT_STORED = "__VALUE_IS_NOT_STORED__"
"""Text of an element that is present but has no text (binary, bulk data, too long); CTK's marker."""


@dataclass(frozen=True, slots=True)
class WantedTags:
    """The columns to read.

    Attributes:
        keys: text columns, keys of `tag_key` in ascending order. Each is also looked for in functional groups.
        items: sequence columns that are kept as DICOM JSON objects.
    """

    keys: tuple[str, ...]
    items: frozenset[str] = frozenset()

    @classmethod
    def of(cls, keys: Iterable[str], items: Iterable[str] = ()) -> WantedTags:
        """Sorted and without repetitions."""
        return cls(tuple(sorted(set(keys))), frozenset(items))


@dataclass(slots=True)
class HeaderRow:
    """The wanted part of one instance's header.

    Attributes:
        texts: aligned with ``WantedTags.keys``: the text CTK would store, "" when present and empty, `NOT_STORED`, or
            None when absent.
        frames: for objects with functional groups: key -> one text for all frames (shared), or one per frame.
        items: kept sequences as DICOM JSON objects.
        frame_count: NumberOfFrames where there are pixels (1 when absent), 0 without pixels.
        grid: vendor tiling, or None.
        has_pixels: as section 2.3 of the adaptors page: by element, or by Rows, Columns and BitsAllocated.
        transfer_syntax: UID of the file; "" for DICOM JSON that does not say.
        pixel_key: key of the pixel element (7FE00010, 7FE00008, 7FE00009), or "".
        pixel_offset: offset of the pixel value in the file; None for JSON.
        pixel_length: bytes of the native value; None when encapsulated or unknown.
        vendor: values found in vendor headers, ``vendor:...`` key -> text.
        findings: elements that could not be read.
    """

    texts: list[str | None]
    frames: Mapping[str, str | Sequence[str | None]] | None = None
    items: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
    frame_count: int = 0
    grid: TileGrid | None = None
    has_pixels: bool = False
    transfer_syntax: str = ""
    pixel_key: str = ""
    pixel_offset: int | None = None
    pixel_length: int | None = None
    vendor: Mapping[str, str] | None = None
    findings: list[Finding] = field(default_factory=list)
