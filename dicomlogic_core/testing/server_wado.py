"""Retrieving (WADO-RS, PS3.18 10.4): metadata, frames, bulk data, instances, series and studies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dicomlogic_core.testing.server_accept import Wanted, accepted, choose
from dicomlogic_core.testing.server_answers import Answer, Exchange, Part, Refused, json_answer
from dicomlogic_core.testing.server_frames import EXPLICIT_LITTLE_ENDIAN, sent_as
from dicomlogic_core.testing.server_json import JsonStyle, header_json, little_endian_words, raw_value
from dicomlogic_core.testing.server_multipart import multipart
from dicomlogic_core.testing.server_store import PIXEL_KEYWORDS, Instance, Store
from dicomlogic_core.testing.server_switches import Switches

_PIXEL_TAGS = {keyword: f"{tag:08X}" for tag, keyword in PIXEL_KEYWORDS.items()}
_PIXEL_VRS = {"PixelData": "OW", "FloatPixelData": "OF", "DoubleFloatPixelData": "OD"}
# What Orthanc's MainDicomTags option leaves of an image's header (no Rows, no PixelSpacing, no SOP class).
# fmt: off
_MAIN_TAGS = [
    "00080018", "00080020", "00080030", "00080060", "0008103E", "00100010", "00100020",
    "0020000D", "0020000E", "00200011", "00200013", "00200032", "00200037",
]
# fmt: on


# --- metadata ----------------------------------------------------------------------------------------------------


def metadata(exchange: Exchange, study: str, series: str = "", sop: str = "") -> Answer:
    """Everything but pixels and long binary values, in DICOM JSON."""
    switches = exchange.switches
    level = "instance" if sop else "series" if series else "study"
    if level not in switches.metadata:
        raise Refused(404, f"this server has no metadata of a {level}")
    headers = []
    found = _found(exchange, study, series, sop)
    for instance in found if sop else found[: len(found) - switches.metadata_missing]:
        header = _metadata(exchange.store, instance, switches, _bulk_prefix(switches, instance, level))
        if not switches.metadata_full and level != "instance":
            header = {tag: header[tag] for tag in _MAIN_TAGS if tag in header}
        headers.append(header)
    if switches.metadata_order == "reversed":
        headers.reverse()
    return json_answer(headers[0] if sop and not switches.metadata_list else headers)


def _metadata(store: Store, instance: Instance, switches: Switches, prefix: str) -> dict[str, Any]:
    style = JsonStyle(
        bulk_uri=lambda path: f"{prefix}/bulkdata/{path}",
        bulk_threshold=switches.bulk_threshold,
        numbers=switches.numbers,
        binary=switches.binary,
    )
    with store.lock:
        header = header_json(instance.header, instance.encodings, style)
    if instance.pixel_keyword and switches.binary:
        tag = _PIXEL_TAGS[instance.pixel_keyword]
        header[tag] = {"vr": _PIXEL_VRS[instance.pixel_keyword], "BulkDataURI": style.bulk_uri(tag)}
    return header


def _bulk_prefix(switches: Switches, instance: Instance, level: str) -> str:
    """Where bulk data of an instance is, seen from ``.../metadata`` of `level` (RFC 3986 5.2)."""
    parts = [f"series/{instance.series_uid}", f"instances/{instance.sop_uid}"]
    if switches.bulk_base:
        return "/".join([f"{switches.bulk_base}{switches.base}/studies/{instance.study_uid}", *parts])
    return "/".join([".", *parts[{"study": 0, "series": 1, "instance": 2}[level] :]])


# --- pixels and bulk data ------------------------------------------------------------------------------------------


def frames(exchange: Exchange, study: str, series: str, sop: str, numbers: str) -> Answer:
    """One frame or a list of frames, as stored or as Explicit VR Little Endian."""
    switches = exchange.switches
    (instance,) = _found(exchange, study, series, sop)
    if not switches.frames:
        raise Refused(404, "this server has no frames")
    if not instance.pixel_keyword:
        raise Refused(switches.non_image_frames, "this instance has no frames")
    wanted = _frame_numbers(numbers, instance.frames)
    if len(wanted) > 1 and not switches.frame_lists:
        raise Refused(404, "this server has single frames only")
    media_type, syntax = sent_as(instance)
    choice = _negotiate(exchange, media_type, syntax, single=len(wanted) == 1)
    cut = exchange.reader.frames(instance)
    if len(cut) < max(wanted):
        raise Refused(404, "the stored pixel data ends before this frame")
    base = f"{switches.base}/studies/{study}/series/{series}/instances/{sop}/frames"
    parts = [Part(media_type, cut[number - 1], syntax, f"{base}/{number}") for number in wanted]
    return _body(parts, choice, exchange.switches)


def _frame_numbers(text: str, count: int) -> list[int]:
    numbers = [int(part) if part.isdecimal() else 0 for part in text.split(",")]
    if not all(1 <= number <= count for number in numbers):
        raise Refused(400, f"frames are numbered from 1 to {count}, asked for {text}")
    return numbers


def bulk_data(exchange: Exchange, study: str, series: str, sop: str, path: str) -> Answer:
    """A binary value by its tag path; pixel data has its frames one after the other, or a part each when compressed."""
    (instance,) = _found(exchange, study, series, sop)
    if path == _PIXEL_TAGS.get(instance.pixel_keyword):
        media_type, syntax = sent_as(instance)
        choice = _negotiate(exchange, media_type, syntax, single=True)
        cut = exchange.reader.frames(instance)
        if syntax == EXPLICIT_LITTLE_ENDIAN:
            cut = [b"".join(cut)]
        return _body([Part(media_type, frame, syntax) for frame in cut], choice, exchange.switches)
    with exchange.store.lock:
        value = _bulk_value(instance, path.split("/"))
    choice = _negotiate(exchange, "application/octet-stream", EXPLICIT_LITTLE_ENDIAN, single=True)
    return _body([Part("application/octet-stream", value)], choice, exchange.switches)


def _bulk_value(instance: Instance, path: Sequence[str]) -> bytes:
    """The bytes at a path of tags and item numbers, as Explicit VR Little Endian has them."""
    dataset = instance.header
    try:
        for tag, item in zip(path[:-1:2], path[1::2]):
            dataset = dataset[int(tag, 16)].value[int(item)]
        element = dataset.get_item(int(path[-1], 16))
    except (KeyError, IndexError, ValueError, TypeError):
        element = None
    if element is None:
        raise Refused(404, "there is no such element")
    return little_endian_words(str(element.VR), raw_value(element), instance.header.original_encoding[1] is not False)


# --- whole objects -------------------------------------------------------------------------------------------------


def objects(exchange: Exchange, study: str, series: str = "", sop: str = "") -> Answer:
    """The files of an instance, a series or a study as they are stored."""
    found = _found(exchange, study, series, sop)
    if not exchange.switches.objects:
        raise Refused(404, "this server does not retrieve whole objects")
    syntaxes = {instance.transfer_syntax for instance in found}
    choice = None
    for syntax in syntaxes:
        choice = _negotiate(exchange, "application/dicom", syntax, single=len(found) == 1)
    assert choice is not None
    parts = [Part("application/dicom", instance.path, instance.transfer_syntax) for instance in found]
    return _body(parts, choice, exchange.switches)


# --- what they share -----------------------------------------------------------------------------------------------


def _found(exchange: Exchange, study: str, series: str, sop: str) -> list[Instance]:
    found = exchange.store.select(study, series, sop)
    if not found:
        raise Refused(404, "there is nothing under these UIDs")
    return found


def _negotiate(exchange: Exchange, media_type: str, syntax: str, *, single: bool) -> Wanted:
    """The value of Accept that will be served.

    Raises:
        Refused: 406, or what this server answers to the forms it does not know.
    """
    switches = exchange.switches
    wanted = accepted(exchange.request.headers.get("accept", ""))
    if switches.accept_any:
        return Wanted(True, "*/*", "*")
    if len(wanted) > 1 and switches.accept_list:
        raise Refused(switches.accept_list, "exactly one media type is accepted")
    if switches.strict_quotes and not all(value.quoted for value in wanted):
        raise Refused(406, "the type parameter of multipart/related must be quoted")
    if media_type == "application/dicom":
        wanted = [value for value in wanted if value.media_type in ("*/*", media_type)]
    choice = choose((value for value in wanted if value.multipart or single), media_type, syntax)
    if choice is None:
        raise Refused(406, f"only {media_type}; transfer-syntax={syntax} can be had")
    if not choice.multipart and switches.single_part:
        raise Refused(switches.single_part, "only multipart/related is accepted")
    return choice


def _body(parts: Sequence[Part], choice: Wanted, switches: Switches) -> Answer:
    if choice.multipart:
        return multipart(parts, switches.multipart, chunked=switches.chunked)
    (part,) = parts
    return Answer(media_type=part.content_type, body=[part.body])
