"""Static, escaped HTML for notebooks. A face never fetches."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dicomlogic_core.objects import Volume


def volume_html(volume: Volume) -> str:
    """A volume as a small table."""
    return repr(volume)
