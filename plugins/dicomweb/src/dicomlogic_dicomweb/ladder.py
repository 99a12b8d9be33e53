"""Forms in which frames can be asked for, from the best down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dicomlogic_core import Location

_OCTETS = 'multipart/related; type="application/octet-stream"'


@dataclass(frozen=True, slots=True)
class Rung:
    """One form of request.

    Attributes:
        name: as it appears in errors.
        accept: exactly one media type; servers answer lists with an error or a surprise.
        kind: ``frames``, the whole ``instance``, or the ``bulk`` value of its pixel element.
    """

    name: str
    accept: str = ""
    kind: Literal["frames", "instance", "bulk"] = "frames"


AS_STORED = Rung("as stored", f"{_OCTETS}; transfer-syntax=*")
AS_STORED_PLAIN = Rung("no syntax named", _OCTETS)  # dcm4chee before 5.15 refuses the parameter
EXPLICIT = Rung("uncompressed", f"{_OCTETS}; transfer-syntax=1.2.840.10008.1.2.1")
SINGLE = Rung("single part", "application/octet-stream; transfer-syntax=*")
ANYTHING = Rung("anything", "*/*")
INSTANCE = Rung("whole instance", kind="instance")
BULK = Rung("bulk data", kind="bulk")

_LADDER = (AS_STORED, AS_STORED_PLAIN, EXPLICIT, SINGLE, ANYTHING, INSTANCE, BULK)
_DECOMPRESSED = frozenset((AS_STORED_PLAIN, EXPLICIT, ANYTHING))
"""Rungs to which a server may answer with pixels it has decompressed."""

# Syntaxes and the media types that PS3.18 table 8.7.3-5 gives them.
_COMPRESSED = {
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    "1.2.840.10008.1.2.4.50": "image/jpeg",
    "1.2.840.10008.1.2.4.57": "image/jpeg",
    "1.2.840.10008.1.2.4.70": "image/jpeg",
    "1.2.840.10008.1.2.4.80": "image/jls",
    "1.2.840.10008.1.2.4.81": "image/jls",
    "1.2.840.10008.1.2.4.90": "image/jp2",
    "1.2.840.10008.1.2.4.91": "image/jp2",
    "1.2.840.10008.1.2.4.201": "image/jphc",
    "1.2.840.10008.1.2.4.202": "image/jphc",
    "1.2.840.10008.1.2.4.203": "image/jphc",
}


def ladder(location: Location, announced: frozenset[str]) -> list[Rung]:
    """The rungs for frames of a location, from the best down.

    A compressed type is asked for only when the server announced it, or the user did: to compress on request has
    brought down an Orthanc.
    """
    rungs = list(_LADDER)
    rungs[3:3] = [
        Rung(f"as {syntax}", f'multipart/related; type="{_COMPRESSED[syntax]}"; transfer-syntax={syntax}')
        for syntax in sorted(announced)
        if syntax in _COMPRESSED
    ]
    if location.photometric.startswith("YBR"):
        # Whether the colours of what a server decompressed are still those of the header cannot be told.
        rungs = [rung for rung in rungs if rung not in _DECOMPRESSED]
    return rungs
