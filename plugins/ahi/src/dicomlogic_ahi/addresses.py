"""``ahi://`` URLs: a data store, an image set of it, or an instance with its first frame (database page, section 9)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dicomlogic_core import UsageError, is_uid

_ID = re.compile(r"[0-9a-z]{32}\Z")
# Written for instances without pixels by a program that came before this one.
_NO_FRAME = "TODO-non-image-instance"


def is_id(text: object) -> bool:
    """True for what may go into a path as an identifier of the service."""
    return isinstance(text, str) and _ID.match(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An ``ahi://`` URL in parts; levels below what it names are ""."""

    datastore: str
    image_set: str = ""
    series_uid: str = ""
    sop_uid: str = ""
    frame_id: str = ""

    @property
    def url(self) -> str:
        """The URL in its written form: exactly 7 fields between slashes for an instance with pixels."""
        parts = (self.datastore, self.image_set, self.series_uid, self.sop_uid, self.frame_id)
        return "ahi://" + "/".join(part for part in parts if part)


def parse(url: str) -> Address:
    """The parts of a URL, checked: none of them can lead anywhere else.

    Raises:
        UsageError: it is no such URL.
    """
    scheme, found, rest = url.strip().partition("://")
    parts = rest.rstrip("/").split("/")
    if parts[-1] == _NO_FRAME:
        parts.pop()
    ids, uids, frames = parts[:2], parts[2:4], parts[4:]
    right = len(frames) <= 1 and all(map(is_id, (*ids, *frames))) and all(map(is_uid, uids))
    if scheme.lower() != "ahi" or not found or not right:
        raise UsageError(
            "this is no location in AWS HealthImaging",
            code="usage.url",
            where=url[:200],
            remedy="write it as ahi://DATASTORE[/IMAGESET], with identifiers of 32 digits and small letters",
        )
    names = ("datastore", "image_set", "series_uid", "sop_uid", "frame_id")
    return Address(**dict(zip(names, parts)))
