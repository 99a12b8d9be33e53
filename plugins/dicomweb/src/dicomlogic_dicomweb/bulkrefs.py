"""Bulk values other than frames, by tag path: contours, fields, encapsulated documents."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, MutableSequence, Sequence
from typing import Any

from dicomlogic_core import Client, NetworkError, WorkContext
from dicomlogic_dicomweb import bulk, instances
from dicomlogic_dicomweb.elements import objects


def bulk_value(client: Client, url: str, path: Sequence[str | int], context: WorkContext) -> bytes:
    """The bytes of the element at `path` of the instance at `url`.

    Taken from the metadata or the address that stands there, else out of the whole instance.

    Raises:
        NetworkError: the instance has no such value, or it cannot be had.
    """
    metadata_url = f"{url}/metadata"
    try:
        found = objects(client.json(metadata_url, cancelled=context.cancelled).body, metadata_url)
        element = _element(found[0], path) if found else None
    except NetworkError as error:
        if error.status not in instances.NOT_THIS_FORM and error.status != 404:
            raise
        element = None
    if element is not None and isinstance(element.get("BulkDataURI"), str):
        return bulk.fetch(client, client.guard.resolve(element["BulkDataURI"], metadata_url), context)
    if element is not None and element.get("InlineBinary"):
        inline = element["InlineBinary"]
        try:
            return base64.b64decode(inline[0] if isinstance(inline, list) else inline, validate=True)
        except (binascii.Error, TypeError, ValueError):
            pass  # the instance itself has it
    return _from_instance(client, url, path, context)


def _element(obj: Mapping[str, Any], path: Sequence[str | int]) -> Mapping[str, Any] | None:
    element = obj.get(str(path[0]))
    if not isinstance(element, Mapping):
        return None
    if len(path) == 1:
        return element
    items = element.get("Value")
    number = int(path[1])
    if not isinstance(items, list) or number >= len(items) or not isinstance(items[number], Mapping):
        return None
    return _element(items[number], path[2:])


def _from_instance(client: Client, url: str, path: Sequence[str | int], context: WorkContext) -> bytes:
    from io import BytesIO

    import pydicom

    dataset: Any = pydicom.dcmread(BytesIO(instances.instance(client, url, context.cancelled)), force=True)
    try:
        for step in path[:-1]:
            dataset = dataset[int(step, 16)].value if isinstance(step, str) else dataset[step]
        value = dataset[int(str(path[-1]), 16)].value
    except (KeyError, IndexError):
        raise NetworkError("the instance has no such value", code="network.not-found", url=url, status=404) from None
    if isinstance(value, bytes):
        return value
    return "\\".join(map(str, value if isinstance(value, MutableSequence) else [value])).encode()
