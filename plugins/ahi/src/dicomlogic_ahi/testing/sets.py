"""Image sets that the fake service holds, as values: a metadata document, and frames by their ids."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

CREATED = 1_700_000_000.25
"""Epoch seconds at which image sets are made, so that documents and answers are the same in every run."""

DATASTORE = hashlib.md5(b"datastore", usedforsecurity=False).hexdigest()
"""Id of the data store that is made when none is named."""


def identifier(*parts: str) -> str:
    """An id of the service's form, the same for the same parts: 32 lower-case hexadecimal digits."""
    return hashlib.md5("/".join(parts).encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """A frame as it is stored.

    Attributes:
        data: what GetImageFrame sends.
        syntax: UID of the transfer syntax of `data`.
        size: bytes of the decoded frame.
        lowest, highest: extreme stored values; None when it was not decoded.
        checksum: CRC32 of the decoded little-endian bytes, colour interleaved; None when it was not decoded.
    """

    data: bytes
    syntax: str
    size: int
    lowest: int | None = None
    highest: int | None = None
    checksum: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageSet:
    """One image set.

    Attributes:
        document: its metadata, as GetImageSetMetadata sends it.
        frames: what its ``ImageFrames`` name, by id.
        version: counts from 1; versions before it are answered with the same document.
        created_at, updated_at: epoch seconds.
        is_primary: False for one that holds what another set has first.
        state: ``ACTIVE``, ``LOCKED`` (reading it is a conflict) or ``DELETED``.
        workflow: an ImageSetWorkflowStatus, e.g. ``CREATED``, ``COPYING``, ``UPDATING``.
    """

    document: Mapping[str, Any]
    frames: Mapping[str, Frame] = field(default_factory=dict)
    version: int = 1
    created_at: float = CREATED
    updated_at: float = CREATED
    is_primary: bool = True
    state: str = "ACTIVE"
    workflow: str = "CREATED"

    @property
    def datastore_id(self) -> str:
        """Id of the data store it is in."""
        return str(self.document["DatastoreID"])

    @property
    def image_set_id(self) -> str:
        """Its own id."""
        return str(self.document["ImageSetID"])

    def updated(self, **changes: Any) -> ImageSet:
        """The next version of this set, a minute later, with other changes as named."""
        return replace(self, **{"version": self.version + 1, "updated_at": self.updated_at + 60, **changes})

    def duplicate(self) -> ImageSet:
        """A set that is not primary and holds the same instances under an id of its own."""
        other = identifier(self.image_set_id, "duplicate")
        return replace(self, document={**self.document, "ImageSetID": other}, is_primary=False)

    def copies(self, count: int) -> list[ImageSet]:
        """So many sets like this one, each with its own id, series UID and SOP Instance UIDs, and a second apart."""
        return [self._copy(number) for number in range(1, count + 1)]

    def _copy(self, number: int) -> ImageSet:
        text = json.dumps({**self.document, "ImageSetID": identifier(self.image_set_id, str(number))})
        for series_uid, series in self.document["Study"]["Series"].items():
            for uid in (*series["Instances"], series_uid):
                text = text.replace(f'"{uid}"', f'"{other_uid(uid, number)}"')
        moment = self.created_at + number
        return replace(self, document=json.loads(text), created_at=moment, updated_at=moment)


def other_uid(uid: str, number: int) -> str:
    """A UID derived from another, one per number (PS3.5 B.2)."""
    return "2.25." + str(int(identifier(uid, str(number)), 16))
