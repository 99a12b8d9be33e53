"""Bulk values that headers need, put into the header while indexing, so that examining needs no request.

Servers send every private binary value as a BulkDataURI (Orthanc), some also long texts and numbers. What a registered
adaptor reads, and every bulk value that is text or numbers, is resolved here. Pixels never are.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

from dicomlogic_core import Client, NetworkError, WorkContext, finding, grid_keys
from dicomlogic_dicomweb.elements import SOP_UID, text

MOST_VALUES = 20
"""Values of one series; above, its instances are retrieved whole, which is one request."""

ACCEPT = 'multipart/related; type="application/octet-stream"'
_VALUE_LIMIT = 64 << 20
_BINARY = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "UN", ""))


class BulkValues:
    """Finds the elements of a series that have to be resolved."""

    def __init__(self, keys: frozenset[str]) -> None:
        self._public = frozenset(key for key in keys if len(key) == 8 and not key.startswith("7FE0"))
        self._private = _private(keys)

    def find(self, obj: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The elements of one object, its sequences included, that have an address in place of a wanted value."""
        return self._find(obj, self._private | _private(grid_keys(obj)))

    def _find(self, obj: dict[str, Any], private: frozenset[tuple[str, str, str]]) -> Iterator[dict[str, Any]]:
        for key, element in obj.items():
            if not isinstance(element, dict) or key.startswith("7FE0"):
                continue
            for item in element.get("Value") or () if element.get("vr") == "SQ" else ():
                if isinstance(item, dict):
                    yield from self._find(item, private)
            # Of a value and an address in one element the value is right.
            if (
                isinstance(element.get("BulkDataURI"), str)
                and not element.get("Value")
                and self._wanted(key, element, obj, private)
            ):
                yield element

    def _wanted(
        self, key: str, element: Mapping[str, Any], obj: Mapping[str, Any], private: frozenset[tuple[str, str, str]]
    ) -> bool:
        if element.get("vr", "") not in _BINARY or key in self._public:
            return True
        creator = text(obj, f"{key[:4]}00{key[4:6]}")
        return (key[:4], key[6:8], creator) in private


def _private(keys: frozenset[str]) -> frozenset[tuple[str, str, str]]:
    """Group, element and creator of private columns."""
    parts = [key.split("|", 1) for key in keys if "|" in key]
    return frozenset((address[:4], address[6:8], creator) for address, creator in parts)


def resolve(
    client: Client, obj: dict[str, Any], elements: list[dict[str, Any]], url: str, context: WorkContext
) -> None:
    """Put the values of `elements` of `obj` into it, text and numbers as such; `url` is that of the metadata.

    What cannot be had stays an address, with a finding.
    """
    for element in elements:
        try:
            address = client.guard.resolve(element["BulkDataURI"], url)
            data = fetch(client, address, context)
        except NetworkError as error:
            code = "source.bulk-refused" if error.code == "network.refused" else error.code
            context.report(finding(code, f"a bulk value is missing: {error.message}", where=(text(obj, SOP_UID),)))
            continue
        _put(element, data)


def fetch(client: Client, address: str, context: WorkContext) -> bytes:
    """The bytes of a bulk value.

    Raises:
        NetworkError: it cannot be had.
    """
    try:
        answer = client.get(address, ACCEPT, limit=_VALUE_LIMIT, cancelled=context.cancelled)
    except NetworkError as error:
        if error.status not in {400, 406, 415}:
            raise
        answer = client.get(address, "application/octet-stream", limit=_VALUE_LIMIT, cancelled=context.cancelled)
    return bytes(answer.parts(expected=1)[0].data)


def _put(element: dict[str, Any], data: bytes) -> None:
    values = _values(str(element.get("vr", "UN")), data)
    del element["BulkDataURI"]
    if values is None:
        element["InlineBinary"] = base64.b64encode(data).decode()
    else:
        element["Value"] = values


_NUMBERS = {"FL": "f4", "FD": "f8", "SL": "i4", "SS": "i2", "UL": "u4", "US": "u2", "SV": "i8", "UV": "u8"}


def _values(vr: str, data: bytes) -> list[Any] | None:
    """The values of a text or number VR, as DICOM JSON has them; None for binary ones. Bulk bytes are little endian."""
    if vr in _NUMBERS:
        import numpy

        kind = numpy.dtype("<" + _NUMBERS[vr])
        return list(numpy.frombuffer(data[: len(data) - len(data) % kind.itemsize], kind).tolist())
    if vr in _BINARY or vr in {"AT", "PN"}:
        return None
    try:
        decoded = data.decode("utf-8")
    except UnicodeDecodeError:
        decoded = data.decode("latin-1")
    decoded = decoded.rstrip(" \0")
    return [decoded] if vr in {"LT", "ST", "UT", "UR"} else re.split(r"\\", decoded)
