"""The read operations of AWS HealthImaging (service model 2023-07-19), by a client of the core."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from dicomlogic_ahi.pace import Bucket
from dicomlogic_core import Answer, Client, NetworkError

_JSON = "application/json"
_GZIP = b"\x1f\x8b"
_PAGE = 50  # the most the service gives at once

CancelledCheck = Callable[[], bool]


class Service:
    """Reads data stores. Safe for threads; no operation is asked for faster than the service's default quotas allow."""

    def __init__(self, runtime: Client, control: Client) -> None:
        self._runtime = runtime
        self._control = control
        self._searches = Bucket(25)
        self._sets = Bucket(25)
        self._metadata = Bucket(50, burst=10)
        self._frames = Bucket(1000, burst=100)

    def __repr__(self) -> str:
        return f"Service({self._runtime.base})"

    def close(self) -> None:
        """Close the connections."""
        self._runtime.close()
        self._control.close()

    def datastores(self) -> list[Mapping[str, Any]]:
        """Summaries of the data stores of the account and region, the first page of them (ListDatastores)."""
        return _entries(self._get(f"{self._control.base}/datastore?maxResults={_PAGE}"), "datastoreSummaries")

    def datastore(self, datastore: str) -> Mapping[str, Any]:
        """Properties of a data store (GetDatastore)."""
        found = self._get(f"{self._control.base}/datastore/{datastore}").get("datastoreProperties")
        return found if isinstance(found, dict) else {}

    def search(
        self, datastore: str, criteria: Mapping[str, Any], cancelled: CancelledCheck | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """Summaries of the image sets that meet the criteria, all pages of them (SearchImageSets)."""
        body = json.dumps(criteria).encode()
        url = f"{self._runtime.base}/datastore/{datastore}/searchImageSets?maxResults={_PAGE}"
        token, seen = "", {""}
        while True:
            self._searches.take(cancelled)
            page = url + (f"&nextToken={quote(token, safe='-_.~')}" if token else "")
            found = self._post(page, body, cancelled)
            yield from _entries(found, "imageSetsMetadataSummaries")
            token = str(found.get("nextToken") or "")
            if token in seen:  # none, or a service that goes round in circles
                return
            seen.add(token)

    def image_set(self, datastore: str, image_set: str, cancelled: CancelledCheck | None = None) -> Mapping[str, Any]:
        """Properties of an image set (GetImageSet)."""
        self._sets.take(cancelled)
        return self._post(f"{self._set_url(datastore, image_set)}/getImageSet", b"", cancelled)

    def metadata(self, datastore: str, image_set: str, version: str, cancelled: CancelledCheck | None = None) -> bytes:
        """The metadata document of a version of an image set, JSON (GetImageSetMetadata)."""
        self._metadata.take(cancelled)
        url = f"{self._set_url(datastore, image_set)}/getImageSetMetadata?version={version}"
        limit = self._runtime.settings.metadata_limit
        answer = self._runtime.post(url, _JSON, limit=limit, compressed=True, cancelled=cancelled)
        return _inflated(bytes(answer.body), limit, url)

    def frame(
        self, datastore: str, image_set: str, frame_id: str, *, limit: int, cancelled: CancelledCheck | None = None
    ) -> Answer:
        """The bytes of a frame as stored (GetImageFrame); `limit` is the most that is taken."""
        self._frames.take(cancelled)
        url = f"{self._set_url(datastore, image_set)}/getImageFrame"
        body = json.dumps({"imageFrameId": frame_id}).encode()
        return self._runtime.post(url, "*/*", body=body, limit=limit, cancelled=cancelled)

    def _set_url(self, datastore: str, image_set: str) -> str:
        return f"{self._runtime.base}/datastore/{datastore}/imageSet/{image_set}"

    def _get(self, url: str) -> Mapping[str, Any]:
        return _object(self._control.json(url, accept=_JSON).body, url)

    def _post(self, url: str, body: bytes, cancelled: CancelledCheck | None) -> Mapping[str, Any]:
        limit = self._runtime.settings.metadata_limit
        answer = self._runtime.post(url, _JSON, body=body, limit=limit, compressed=True, cancelled=cancelled)
        return _object(answer.body, url)


def _object(body: bytes | bytearray, url: str) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NetworkError("the answer is no JSON object", code="network.not-json", url=url.partition("?")[0])
    return found


def _entries(found: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    entries = found.get(name)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _inflated(body: bytes, limit: int, url: str) -> bytes:
    """Metadata is stored compressed, and the header that says so gets lost at some proxies."""
    if not body.startswith(_GZIP):
        return body
    machine = zlib.decompressobj(31)
    try:
        plain = machine.decompress(body, limit)
    except zlib.error:
        plain = b""
    if not machine.eof:
        raise NetworkError(
            "the metadata cannot be decompressed", code="network.truncated", url=url.partition("?")[0], retryable=True
        )
    return plain
