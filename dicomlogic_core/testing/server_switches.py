"""How the loopback server behaves: switches, faults, and profiles that imitate real servers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong.

    Attributes:
        kind: a name of `dicomlogic_core.testing.server_faults.KINDS`, e.g. ``status``, ``cut``, ``hang``.
        path: regular expression searched in path and query of a request; "" is every request.
        times: how many requests it befalls; None is all of them.
        value: what the kind takes: a status, a number of bytes or seconds, a URL.
        headers: added to the answer, e.g. ``{"Retry-After": "2"}``.
    """

    kind: str
    path: str = ""
    times: int | None = None
    value: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonSwitches:
    """What every loopback server can be told, whatever it serves.

    Attributes:
        latency: seconds before every answer.
        faults: what goes wrong; the first that fits a request is taken.
    """

    latency: float = 0.0
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches(CommonSwitches):
    """The behaviour of a server; the defaults are profile ``plain``, which follows PS3.18.

    Attributes:
        base: path in front of ``/studies``.
        auth: "" for none, ``bearer:TOKEN`` or ``basic:USER:PASSWORD``.

        levels: QIDO levels beyond ``/studies`` and ``/studies/S/series``, out of ``instances``, ``all-series``,
            ``all-instances``, ``study-instances``.
        empty: answer to a query without matches: ``204``, ``[]`` or ``body`` (200 with no body).
        page_limit: results in an answer without ``limit``; 0 is all.
        page_maximum: results in any answer; 0 is no maximum.
        page_notice: how a cut answer is announced: ``warning``, ``206`` or "" (not at all).
        paging: ``full``, ``no-offset`` (``offset`` is ignored) or ``none`` (``limit`` too).
        page_order: ``stable``, or ``turning``: every answer begins at another result.
        page_repeat: True sends every result twice.
        filters: False ignores every filter.
        unknown_fields: what an attribute the server does not know gets: ``ignore`` or ``refuse`` (400).
        wrapped: False answers a query with a single match by an object instead of a list.

        metadata: levels that have ``/metadata``, out of ``study``, ``series``, ``instance``.
        metadata_list: False answers instance metadata as an object.
        metadata_order: ``stored`` or ``reversed``.
        metadata_missing: how many instances at the end of a series or study are left out.
        metadata_full: False leaves out all but a few elements at series and study level.
        numbers: DS as JSON numbers.
        binary: False leaves binary elements out of the metadata.
        bulk_threshold: binary values longer than this many bytes become a BulkDataURI.
        bulk_base: put before every BulkDataURI; "" makes them relative to the request.

        objects: False has no retrieval of instances, series and studies.
        frames: False has no frames.
        frame_lists: False answers 404 to more than one frame number.
        non_image_frames: status of frames asked from an instance that has none.
        accept_list: status of an Accept with several values; 0 takes the first that fits.
        accept_any: True sends frames whatever Accept says.
        strict_quotes: True refuses (406) a multipart type without quotes.
        single_part: status of an Accept that is not multipart; 0 answers a single part.
        multipart: form of multipart bodies, a name of `dicomlogic_core.testing.server_multipart.FORMS`.
        chunked: True streams multipart bodies without Content-Length.
        compress: True compresses answers by gzip for those who accept it.
        error_media_type: of error bodies: ``application/json`` or ``text/plain``.
    """

    base: str = "/dicom-web"
    auth: str = ""

    levels: frozenset[str] = frozenset({"instances", "all-series", "all-instances", "study-instances"})
    empty: str = "204"
    page_limit: int = 0
    page_maximum: int = 0
    page_notice: str = "warning"
    paging: str = "full"
    page_order: str = "stable"
    page_repeat: bool = False
    filters: bool = True
    unknown_fields: str = "ignore"
    wrapped: bool = True

    metadata: frozenset[str] = frozenset({"study", "series", "instance"})
    metadata_list: bool = True
    metadata_order: str = "stored"
    metadata_missing: int = 0
    metadata_full: bool = True
    numbers: bool = False
    binary: bool = True
    bulk_threshold: int = 1024
    bulk_base: str = ""

    objects: bool = True
    frames: bool = True
    frame_lists: bool = True
    non_image_frames: int = 404
    accept_list: int = 0
    accept_any: bool = False
    strict_quotes: bool = False
    single_part: int = 0
    multipart: str = "plain"
    chunked: bool = False
    compress: bool = False
    error_media_type: str = "application/json"


# What the servers do was measured or read in their documents; each line is one of their habits.
PROFILES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "plain": {},
        "orthanc-1.10": {
            "empty": "[]",
            "numbers": True,
            "bulk_threshold": 0,
            "metadata_order": "reversed",
            "accept_list": 400,
            "single_part": 400,
            "non_image_frames": 500,
            "compress": True,
        },
        "tiny-pacs": {
            "base": "/dicomweb",
            "levels": frozenset({"instances"}),
            "page_limit": 1000,
            "metadata": frozenset(),
            "frames": False,
            "multipart": "M2",
            "chunked": True,
            "error_media_type": "text/plain",
        },
        "static": {
            "base": "/dicomweb",
            "levels": frozenset(),
            "filters": False,
            "paging": "none",
            "metadata": frozenset({"series", "instance"}),
            "metadata_list": False,
            "numbers": True,
            "bulk_threshold": 1 << 62,
            "objects": False,
            "frame_lists": False,
            "accept_any": True,
            "multipart": "M6+M17",
        },
        "azure": {
            "base": "/v2",
            "page_limit": 100,
            "page_maximum": 200,
            "page_notice": "",
            "binary": False,
            "accept_list": 406,
            "strict_quotes": True,
        },
        "google": {
            "base": "/v1/projects/p/locations/l/datasets/d/dicomStores/s/dicomWeb",
            "page_limit": 1000,
            "page_maximum": 5000,
            "unknown_fields": "refuse",
        },
    }
)


def switches_for(profile: str, changes: Mapping[str, Any]) -> Switches:
    """The switches of a profile with some of them changed.

    Raises:
        KeyError: no such profile.
        TypeError: no such switch.
    """
    return Switches(**{**PROFILES[profile], **changes})
