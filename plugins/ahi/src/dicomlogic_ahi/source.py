"""The ``ahi`` source: image sets by search, headers by their metadata documents."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from dicomlogic_ahi.addresses import Address, parse
from dicomlogic_ahi.criteria import Criteria
from dicomlogic_ahi.document import Instance, read_document
from dicomlogic_ahi.elements import Elements
from dicomlogic_ahi.imagesets import ImageSet, by_series, listed
from dicomlogic_ahi.plugin import OPTIONS
from dicomlogic_ahi.service import Service
from dicomlogic_core import (
    Failure,
    HeaderBatch,
    InstanceRef,
    Location,
    NetworkError,
    Query,
    Unchanged,
    UsageError,
    WorkContext,
    finding,
    is_true,
    is_uid,
)

_AT_ONCE = 8
_AHEAD = 16
_LOST_IN_A_ROW = 3


class ImageSetSource:
    """Scans a data store or one image set of it."""

    def scan(
        self, query: Query, known: Callable[[str], str | None], context: WorkContext
    ) -> Iterator[HeaderBatch | Failure | Unchanged]:
        """One pass; image sets come by series, in the order they were changed.

        Keys are ``imageset:ID`` and versions the image set's version and time of change, so that a second run asks for
        the metadata of what changed. Image sets that are locked are asked for once more at the end.

        Raises:
            SourceError: no credentials, no such data store, or it cannot be listed.
            UsageError: an option or location that cannot be meant.
        """
        for name in query.options:
            if name not in OPTIONS:
                raise UsageError(f"the AHI source has no option {name}", remedy=f"it has {', '.join(sorted(OPTIONS))}")
        service: Service = context.http(query.location)
        place = _place(query.location, service)
        wants_all = is_true(query.options, "all")
        sets = listed(service, place, Criteria(query.where, all_sets=wants_all), context)
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="ahi-index")
        try:
            yield from _Scan(pool, service, place, context).run(sets, known)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class _Scan:
    """One scan: metadata of the next image sets is under way while others are indexed."""

    def __init__(self, pool: ThreadPoolExecutor, service: Service, place: Address, context: WorkContext) -> None:
        self._pool = pool
        self._service = service
        self._datastore = place.datastore
        self._context = context
        self._elements = Elements()
        self._told: set[str] = set()
        self._locked: list[list[ImageSet]] = []
        self._lost = 0

    def run(
        self, sets: list[ImageSet], known: Callable[[str], str | None]
    ) -> Iterator[HeaderBatch | Failure | Unchanged]:
        """The items of the scan."""
        changed = []
        for group in by_series(sets):
            # Image sets of one series are read together: which of them keeps an instance depends on all.
            counts = [count for one in group if (count := one.unchanged(known(one.mark))) is not None]
            if len(counts) == len(group):
                yield Unchanged(count=sum(counts))
            else:
                changed.append(group)
        yield from self._groups(changed, last=False)
        locked, self._locked = self._locked, []
        yield from self._groups(locked, last=True)

    def _groups(self, groups: Sequence[list[ImageSet]], *, last: bool) -> Iterator[HeaderBatch | Failure]:
        under_way: deque[tuple[list[ImageSet], list[Future[list[Instance]]]]] = deque()
        for group in groups:
            under_way.append((group, [self._pool.submit(self._read, one) for one in group]))
            if len(under_way) > _AHEAD:
                yield from self._finished(*under_way.popleft(), last=last)
        while under_way:
            yield from self._finished(*under_way.popleft(), last=last)

    def _read(self, one: ImageSet) -> list[Instance]:
        data = self._service.metadata(self._datastore, one.id, one.version, self._context.cancelled)
        return read_document(data, self._elements, self._url(one))

    def _finished(
        self, group: list[ImageSet], futures: Sequence[Future[list[Instance]]], *, last: bool
    ) -> Iterator[HeaderBatch | Failure]:
        taken: dict[str, ImageSet] = {}
        for position, (one, future) in enumerate(zip(group, futures)):
            try:
                instances = future.result()
            except NetworkError as error:
                if error.code == "network.busy" and not last:
                    self._locked.append(group[position:])
                    return
                self._check_lost(error)
                yield Failure(location=self._url(one), error=error)
                continue
            self._lost = 0
            kept = self._without_copies(instances, one, taken)
            self._tell_unknown()
            if instances:
                yield self._batch(one, instances[0], kept)

    def _check_lost(self, error: NetworkError) -> None:
        # A service that went away would cost five attempts for each remaining image set.
        self._lost = self._lost + 1 if error.code == "network.unavailable" else 0
        if self._lost == _LOST_IN_A_ROW or error.code == "network.unauthorized":
            raise error

    def _without_copies(
        self, instances: Sequence[Instance], one: ImageSet, taken: dict[str, ImageSet]
    ) -> list[Instance]:
        """Those instances that no image set before had."""
        copies: dict[str, list[str]] = {}
        kept = []
        for instance in instances:
            first = taken.setdefault(instance.sop_uid, one)
            if first is one:
                kept.append(instance)
            else:
                copies.setdefault(first.id, []).append(instance.sop_uid)
        for first_id, uids in copies.items():
            which = "primary" if any(found.id == first_id and found.primary for found in taken.values()) else "newer"
            message = f"image set {one.id} has {len(uids)} instances that {first_id} has too; the {which} one is kept"
            self._context.report(finding("source.duplicate", message, where=(self._url(one), *uids[:10])))
        return kept

    def _tell_unknown(self) -> None:
        for keyword in sorted(self._elements.unknown - self._told):
            self._told.add(keyword)
            message = f"the metadata names an element {keyword[:64]!r}, which the data dictionary does not have"
            self._context.report(finding("header.element", message, where=(f"ahi://{self._datastore}",)))

    def _batch(self, one: ImageSet, first: Instance, kept: Sequence[Instance]) -> HeaderBatch:
        """What is kept of an image set; also when that is nothing, so that it is remembered as read."""
        text = "[" + ",".join([instance.header for instance in kept]) + "]"
        headers = [text.encode("utf-8", "replace")] if kept else []  # texts may hold half a surrogate pair
        return HeaderBatch(
            form="json",
            headers=headers,
            locate=Locate(self._datastore, one.id, {instance.sop_uid: instance for instance in kept}),
            study_uid=first.study_uid,
            series_uid=first.series_uid,
            version=one.version_with(len(kept)),
            mark=one.mark,
        )

    def _url(self, one: ImageSet) -> str:
        return Address(datastore=self._datastore, image_set=one.id).url


@dataclass(frozen=True, slots=True)
class Locate:
    """Makes the location of an instance; its URL is that of frame 1 where there are pixels (database page, 9)."""

    datastore: str
    image_set: str
    instances: Mapping[str, Instance]

    def __call__(self, study_uid: str, series_uid: str, sop_uid: str, has_pixels: bool) -> Location:
        """The location; UIDs that are none give one without a URL."""
        found = self.instances.get(sop_uid)
        ids = found.frame_ids if found is not None and has_pixels else ()
        place = Address(
            datastore=self.datastore,
            image_set=self.image_set,
            series_uid=series_uid,
            sop_uid=sop_uid,
            frame_id=ids[0] if ids else "",
        )
        location = Location(
            ref=InstanceRef(study_uid=study_uid, series_uid=series_uid, sop_uid=sop_uid),
            source=f"ahi://{self.datastore}",
            url=place.url if is_uid(series_uid) and is_uid(sop_uid) else None,
            transfer_syntax=found.transfer_syntax if found is not None else "",
        )
        if found is None or not ids:
            return location
        if len(ids) == 1:  # its id is in the URL
            return replace(location, checksum=found.checksums[0])
        return replace(location, frame_ids=ids, checksums=found.checksums)


def _place(location: str, service: Service) -> Address:
    if location.strip().rstrip("/").lower() == "ahi:":
        found = ", ".join(str(entry.get("datastoreId", "")) for entry in service.datastores()) or "none"
        raise UsageError("no data store is named", where=location, remedy=f"this account and region has: {found}")
    place = parse(location)
    if place.series_uid:
        raise UsageError("only data stores and image sets are indexed", where=location, remedy="leave out the UIDs")
    return place
