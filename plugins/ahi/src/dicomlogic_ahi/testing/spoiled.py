"""Documents that are not as they should be."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from dicomlogic_ahi.testing.switches import Switches


def spoiled(document: Mapping[str, Any], switches: Switches) -> Mapping[str, Any]:
    """A document with what `switches` take away from it or make wrong; the document itself stays."""
    if switches.stored_syntax and switches.checksums:
        return document
    changed = copy.deepcopy(dict(document))
    for instance in _instances(changed):
        if not switches.stored_syntax:
            instance.pop("StoredTransferSyntaxUID", None)
        if not switches.checksums:
            for frame in instance["ImageFrames"]:
                for entry in frame.get("PixelDataChecksumFromBaseToFullResolution", ()):
                    entry["Checksum"] ^= 1
    return changed


def _instances(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for series in document["Study"]["Series"].values():
        yield from series["Instances"].values()
