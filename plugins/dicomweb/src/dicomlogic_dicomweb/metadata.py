"""Headers of one series: its metadata in one request, and what to do where a server gives less than that."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from dicomlogic_core import Client, HeaderBatch, InstanceRef, Location, NetworkError, WorkContext, finding, is_uid
from dicomlogic_dicomweb import bulk, instances
from dicomlogic_dicomweb.catalogue import SeriesEntry
from dicomlogic_dicomweb.elements import SOP_UID, JsonObject, objects, text
from dicomlogic_dicomweb.inspection import count, is_garbled, is_partial, single
from dicomlogic_dicomweb.part10 import header_of
from dicomlogic_dicomweb.qido import Listing

_NO_METADATA = frozenset({400, 404, 405, 406, 415, 500, 501})
_PIXEL_ADDRESS = re.compile(rb'"7FE00010"\s*:\s*\{[^{}]*"BulkDataURI"')
_AT_ONCE = 8
_BATCH = 64


T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Locate:
    """Makes the location of an instance; its URL is that of frame 1 where there are pixels (database page, 9)."""

    base: str

    def __call__(self, study_uid: str, series_uid: str, sop: str, has_pixels: bool) -> Location:
        """The location; UIDs that are none give one without a URL."""
        url = f"{self.base}/studies/{study_uid}/series/{series_uid}/instances/{sop}" + "/frames/1" * has_pixels
        return Location(
            ref=InstanceRef(study_uid=study_uid, series_uid=series_uid, sop_uid=sop),
            source=self.base,
            url=url if all(map(is_uid, (study_uid, series_uid, sop))) else None,
        )


class SeriesHeaders:
    """Gets the headers of series of one source."""

    def __init__(self, client: Client, context: WorkContext, listing: Listing) -> None:
        self._client = client
        self._context = context
        self._listing = listing
        self._bulk = bulk.BulkValues(context.bulk_keys)

    def batches(self, entry: SeriesEntry, sop: str = "") -> list[HeaderBatch]:
        """The batches of a series, the last one with its resume mark; `sop` restricts them to one instance.

        Raises:
            NetworkError: the server gives no headers of this series in any way.
        """
        try:
            batches = self._from_metadata(entry, sop)
        except NetworkError as error:
            if error.status not in _NO_METADATA:
                raise
            batches = self._from_instances(entry, sop)
        if batches and not sop and self._is_whole(entry, self._count(entry, batches)):
            batches[-1] = replace(
                batches[-1], study_uid=entry.study_uid, series_uid=entry.series_uid, version=entry.version
            )
        return batches

    def _count(self, entry: SeriesEntry, batches: Sequence[HeaderBatch]) -> int:
        headers = [header for batch in batches for header in batch.headers]
        return count(headers, entry.count, entry.path) if batches[0].form == "json" else len(headers)

    def _is_whole(self, entry: SeriesEntry, count: int) -> bool:
        if count >= entry.count:
            return count > 0
        self._context.report(
            finding(
                "source.incomplete",
                f"the server announced {entry.count} instances of a series and sent {count} headers",
                where=(entry.series_uid,),
            )
        )
        return False

    # --- metadata ----------------------------------------------------------------------------------------------------

    def _from_metadata(self, entry: SeriesEntry, sop: str) -> list[HeaderBatch]:
        path = f"{entry.path}/instances/{sop}" if sop else entry.path
        url = f"{self._client.base}/{path}/metadata"
        answer = self._client.json(url, cancelled=self._context.cancelled)
        body = bytes(answer.body)
        if not body.strip():
            raise NetworkError("the server has no metadata of this series", url=url, status=404)
        if is_partial(body, url):
            return self._from_instance_metadata(entry, objects(body, url))
        # Nearly always the bytes go on as they came; parsing and writing them anew costs more than reading them.
        wanted = self._wanted_bulk(body, url)
        many = sum(len(elements) for _, elements in wanted) > bulk.MOST_VALUES
        if many or is_garbled(body):
            try:
                return self._from_instances(entry, sop)
            except NetworkError as error:
                if error.status not in _NO_METADATA:
                    raise
        if not any(elements for _, elements in wanted):
            return [self._json(entry, [body])]
        self._parallel(lambda one: bulk.resolve(self._client, *one, url, self._context), wanted)
        return [self._json(entry, [json.dumps([obj for obj, _ in wanted], ensure_ascii=False).encode()])]

    def _wanted_bulk(self, body: bytes, url: str) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
        """Every object with its elements that have to be resolved; nothing when there are only addresses of pixels."""
        if body.count(b'"BulkDataURI"') == len(_PIXEL_ADDRESS.findall(body)):
            return []
        return [(obj, list(self._bulk.find(obj))) for obj in map(dict, objects(body, url))]

    def _from_instance_metadata(self, entry: SeriesEntry, partial: Sequence[JsonObject]) -> list[HeaderBatch]:
        """The server sends a few elements per series only; asked for one instance, it usually sends all."""

        def one(uid: str) -> bytes:
            url = f"{self._client.base}/{entry.path}/instances/{uid}/metadata"
            body = single(bytes(self._client.json(url, cancelled=self._context.cancelled).body))
            return b"" if not body or is_partial(body, url) else self._with_bulk(body, url)

        bodies = self._parallel(one, [uid for obj in partial if is_uid(uid := text(obj, SOP_UID))])
        return [self._json(entry, bodies)] if all(bodies) else self._from_instances(entry, "")

    def _with_bulk(self, body: bytes, url: str) -> bytes:
        found = [dict(obj) for obj in objects(body, url)]
        wanted = list(self._bulk.find(found[0])) if found else []
        if not wanted:
            return body
        bulk.resolve(self._client, found[0], wanted, url, self._context)
        return json.dumps(found[0], ensure_ascii=False).encode()

    def _json(self, entry: SeriesEntry, headers: list[bytes]) -> HeaderBatch:
        return HeaderBatch(form="json", headers=headers, locate=Locate(self._client.base), study_uid=entry.study_uid)

    # --- whole instances ---------------------------------------------------------------------------------------------

    def _from_instances(self, entry: SeriesEntry, sop: str) -> list[HeaderBatch]:
        """Headers out of the instances themselves, for servers that have no metadata or leave out what is needed."""
        url = f"{self._client.base}/{entry.path}"
        if sop:
            files = [header_of(instances.instance(self._client, f"{url}/instances/{sop}", self._context.cancelled))]
        else:
            files = list(self._series_headers(url, entry))
        locate = Locate(self._client.base)
        return [
            HeaderBatch(
                form="part10",
                headers=files[start : start + _BATCH],
                locate=locate,
                study_uid=entry.study_uid,
            )
            for start in range(0, len(files), _BATCH)
        ]

    def _series_headers(self, url: str, entry: SeriesEntry) -> Iterator[bytes]:
        try:
            for part in instances.series(self._client, url, self._context.cancelled):
                yield header_of(part.data)
            return
        except NetworkError as error:
            if error.status not in _NO_METADATA:
                raise
        listed = self._listing.entries(f"{entry.path}/instances", SOP_UID, {}, expected=entry.count)
        uids = [text(found, SOP_UID) for found in listed]
        yield from self._parallel(
            lambda uid: header_of(instances.instance(self._client, f"{url}/instances/{uid}", self._context.cancelled)),
            uids,
        )

    def _parallel(self, task: Callable[[T], U], items: Sequence[T]) -> list[U]:
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="dicomweb-headers") as pool:
            return list(pool.map(task, items))
