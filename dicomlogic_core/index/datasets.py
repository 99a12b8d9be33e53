"""The whole header of one instance as a pydicom Dataset, from its file or from what its server sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dicomlogic_core.errors import HeaderError
from dicomlogic_core.index import blocks
from dicomlogic_core.index.levels import SOP_UID
from dicomlogic_core.index.store import Store
from dicomlogic_core.references import Location

if TYPE_CHECKING:
    from pydicom import Dataset


def read_dataset(store: Store, series_uid: str, sop_uid: str, locations: Sequence[Location]) -> Dataset:
    """Read one header: the local file first, then the stored answers of servers.

    Raises:
        HeaderError: neither has it any more.
        DatabaseError: the stored headers are damaged.
    """
    from pathlib import Path

    from dicomlogic_core.header.part10 import read_dataset as parse

    for location in locations:
        if location.path is not None:
            try:
                return parse(Path(location.path).read_bytes())
            except OSError:
                continue
    from dicomlogic_core.header.dicomjson import to_dataset

    for text in blocks.raw_headers(store, series_uid):
        for entry in _entries(text):
            if sop_uid in entry.get(SOP_UID, {}).get("Value", ()):
                return to_dataset(entry)
    raise HeaderError(
        "the header of this instance is not held and its file is gone", where=sop_uid, remedy="index the location again"
    )


def _entries(text: bytes) -> list[dict[str, Any]]:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return [entry for entry in (parsed if isinstance(parsed, list) else [parsed]) if isinstance(entry, dict)]
