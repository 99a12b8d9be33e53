"""Whether an instance has pixels, and how many frames."""

from __future__ import annotations

from collections.abc import Mapping

from dicomlogic_core.findings import finding
from dicomlogic_core.header.rows import HeaderRow

MOST_FRAMES = 1 << 20
"""Frames of one object; a larger NumberOfFrames is a broken header, and a table of so many rows a trap."""


class PixelRules:
    """Reads the pixel module's columns of rows."""

    def __init__(self, slots: Mapping[str, int]) -> None:
        self._needed = [slots.get(key, -1) for key in ("00280010", "00280011", "00280100")]
        self._frames = slots.get("00280008", -1)

    def described(self, row: HeaderRow) -> bool:
        """True when Rows, Columns and BitsAllocated are there: several servers name no pixel element."""
        return all(slot >= 0 and row.texts[slot] for slot in self._needed)

    def count_frames(self, row: HeaderRow) -> None:
        """Set `frame_count` from NumberOfFrames: 1 when it is absent or unreadable, 0 without pixels."""
        if not row.has_pixels:
            row.frame_count = 0
            return
        text = row.texts[self._frames] if self._frames >= 0 else None
        try:
            count = max(1, int(text)) if text else 1
        except ValueError:
            count = 1
        if count > MOST_FRAMES:
            row.findings.append(finding("header.limit", f"NumberOfFrames {count} is more than {MOST_FRAMES}"))
            count = 0
        row.frame_count = count
