"""Frames of one instance, by whatever form the server offers."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from dicomlogic_core import Client, FetchContext, Location, NetworkError, Part
from dicomlogic_dicomweb import bulk, instances, part10
from dicomlogic_dicomweb.elements import PIXEL_DATA, objects
from dicomlogic_dicomweb.evidence import objection
from dicomlogic_dicomweb.ladder import Rung, ladder
from dicomlogic_dicomweb.offers import Offers

_NEXT = frozenset({400, 405, 406, 415, 500, 501})
_GONE = frozenset({404, 410})
_LABEL = re.compile(r"/frames/0*([1-9][0-9]*)/?\s*\Z")
_KEPT_INSTANCES = 2
_SLACK = 64 << 10


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Bytes of one frame, or of the whole instance that holds it (media type ``application/dicom``)."""

    number: int
    data: memoryview
    media_type: str
    transfer_syntax: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Ask:
    """Frames of one instance.

    Attributes:
        client: of the source.
        url: of the instance.
        numbers: of the frames, from 1, ascending.
        location: of one of the frames, for its hints.
        offers: what is known of the server.
        context: of the fetch.
    """

    client: Client
    url: str
    numbers: Sequence[int]
    location: Location
    offers: Offers
    context: FetchContext


class Frames:
    """Gets frames of instances of any source. Safe for threads."""

    def __init__(self) -> None:
        self._instances = _Instances()

    def get(self, ask: Ask) -> list[Frame]:
        """The frames asked for, in any order.

        Raises:
            NetworkError: all forms failed; the message lists them.
        """
        tried: list[tuple[Rung, NetworkError]] = []
        gone = False
        for rung in ask.offers.order(ask.location, ladder(ask.location, _announced(ask))):
            if gone and rung.kind == "frames":
                continue
            try:
                found = self._by(rung, ask)
            except NetworkError as error:
                ask.offers.refused(rung, error.status)
                if error.status in _GONE and rung.kind == "frames":
                    gone = True  # there may be no such resource at this server, or no such instance
                elif error.status not in _NEXT and error.code != "network.evidence":
                    raise
                tried.append((rung, error))
                continue
            ask.offers.worked(ask.location, rung)
            ask.offers.frames = ask.offers.frames and not gone
            return found
        raise _nothing(ask.url, tried)

    def _by(self, rung: Rung, ask: Ask) -> list[Frame]:
        if rung.kind == "instance":
            data = self._instances.get(ask)
            syntax = part10.transfer_syntax(data)
            return [Frame(number, data, "application/dicom", syntax) for number in ask.numbers]
        if rung.kind == "bulk":
            return _by_bulk(ask)
        refused = False
        if len(ask.numbers) > 1 and ask.offers.lists:
            try:
                return _request(rung, ask, ask.numbers)
            except NetworkError as error:
                if error.status not in {400, 404}:
                    raise
                refused = True
        found = [frame for number in ask.numbers for frame in _request(rung, ask, [number])]
        if refused:  # by the list, not by the form: one by one they came
            ask.offers.lists = False
        return found


def _request(rung: Rung, ask: Ask, numbers: Sequence[int]) -> list[Frame]:
    native = ask.location.native_size
    address = f"{ask.url}/frames/{','.join(map(str, numbers))}"
    answer = ask.client.get(
        address,
        rung.accept,
        limit=(4 * native + _SLACK) * len(numbers) if native else 0,
        cancelled=ask.context.cancelled,
    )
    parts = answer.parts(expected=len(numbers))
    for part in parts:
        if reason := objection(part.data, native):
            raise _unbelievable(reason, address)
    labels = _labels(parts, numbers, address)
    return [
        Frame(number, part.data, part.media_type, part.transfer_syntax)
        for number, part in zip(labels, parts, strict=True)
    ]


class _Instances:
    """The last few multi-frame instances that had to be retrieved whole, for their other frames."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._kept: OrderedDict[str, memoryview] = OrderedDict()

    def get(self, ask: Ask) -> memoryview:
        """The instance as a Part-10 file; threads that ask together wait for the first one's answer."""
        url = ask.url
        if ask.location.frames == 1:
            return instances.instance(ask.client, url, ask.context.cancelled)
        with self._lock:
            lock = self._locks.setdefault(url, threading.Lock())
        with lock:
            with self._lock:
                found = self._kept.get(url)
            if found is None:
                found = instances.instance(ask.client, url, ask.context.cancelled)
                with self._lock:
                    self._kept[url] = found
                    while len(self._kept) > _KEPT_INSTANCES:
                        self._locks.pop(self._kept.popitem(last=False)[0], None)
            return found


def _by_bulk(ask: Ask) -> list[Frame]:
    """The whole value of the pixel element; only native pixels of known size can be told apart in it."""
    metadata_url = f"{ask.url}/metadata"
    found = objects(ask.client.json(metadata_url, cancelled=ask.context.cancelled).body, metadata_url)
    element = found[0].get(PIXEL_DATA) if found else None
    if not isinstance(element, dict) or not isinstance(element.get("BulkDataURI"), str):
        raise NetworkError("the metadata has no address of the pixels", url=metadata_url, status=406)
    address = ask.client.guard.resolve(element["BulkDataURI"], metadata_url)
    data = memoryview(bulk.fetch(ask.client, address, ask.context))
    size, count = ask.location.native_size, ask.location.frames
    if count == 1:
        if reason := objection(data, size):
            raise _unbelievable(reason, address)
        return [Frame(ask.numbers[0], data, "application/octet-stream", "")]
    if not size or len(data) not in (size * count, size * count + 1):
        raise _unbelievable(f"{len(data)} bytes for {count} frames", address)
    return [Frame(n, data[(n - 1) * size : n * size], "application/octet-stream", "") for n in ask.numbers]


def _labels(parts: Sequence[Part], numbers: Sequence[int], url: str) -> list[int]:
    """The frame number of each part: by its Content-Location, where there is none by the order asked."""
    found = [_LABEL.search(part.location) for part in parts]
    if not all(found) or len(parts) == 1:
        return list(numbers)
    labels = [int(match[1]) for match in found if match]
    if sorted(labels) != sorted(numbers):
        raise NetworkError(
            f"the parts are labelled as frames {labels}, asked were {list(numbers)}", code="network.parts", url=url
        )
    return labels


def _announced(ask: Ask) -> frozenset[str]:
    given = ask.client.extra.get("announced", "")
    return frozenset({ask.location.transfer_syntax, *(uid.strip() for uid in given.split(","))} - {""})


def _unbelievable(reason: str, url: str) -> NetworkError:
    return NetworkError(f"what came is no such frame: {reason}", code="network.evidence", url=url, status=200)


def _nothing(url: str, tried: Sequence[tuple[Rung, NetworkError]]) -> NetworkError:
    gone = [error for _, error in tried if error.status in _GONE]
    if gone and not any(error.status == 200 for _, error in tried):
        return gone[0]
    steps = "; ".join(f"{rung.name}: {error.message if error.status == 200 else error.status}" for rung, error in tried)
    return NetworkError(
        f"the server gives this frame in no form that can be used ({steps})",
        code="network.no-form",
        url=url,
        status=tried[-1][1].status if tried else 0,
        remedy="the server may lack a decoder for the stored transfer syntax",
    )
