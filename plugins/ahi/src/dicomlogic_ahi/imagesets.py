"""What a data store has: image sets that meet the filters, each with the version that was seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dicomlogic_ahi.addresses import Address, is_id
from dicomlogic_ahi.criteria import Criteria
from dicomlogic_ahi.service import Service
from dicomlogic_core import NetworkError, SourceError, WorkContext

_DELETED = "DELETED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSet:
    """An image set as listed.

    Attributes:
        id: its identifier.
        version: number of its version.
        updated: when it was changed last, seconds; 0 when not told.
        primary: False for a copy that differs from the primary one of its series.
        study_uid, series_uid: "" when not told.
    """

    id: str
    version: str
    updated: float = 0.0
    primary: bool = True
    study_uid: str = ""
    series_uid: str = ""

    @property
    def mark(self) -> str:
        """The key under which it is remembered as indexed."""
        return f"imageset:{self.id}"

    def version_with(self, instances: int) -> str:
        """What is remembered when it was indexed: its version, its time of change and how many instances it gave."""
        return f"{self.version}@{self.updated:.3f}#{instances}"

    def unchanged(self, remembered: str | None) -> int | None:
        """How many instances it gave when it was indexed as it is now; None when it has to be read."""
        version, _, instances = (remembered or "").rpartition("#")
        same = f"{version}#" == self.version_with(0)[:-1] and instances.isdigit()
        return int(instances) if same else None


def listed(service: Service, place: Address, criteria: Criteria, context: WorkContext) -> list[ImageSet]:
    """The image sets of a data store, or the one that is named, each once.

    Raises:
        SourceError: there is no such data store or image set, it is not in use, or it cannot be listed.
    """
    if place.image_set:
        return [_named(service, place, context)]
    _check_datastore(service, place.datastore)
    try:
        found = list(service.search(place.datastore, criteria.body(), context.cancelled))
    except NetworkError as error:
        if error.status != 400 or not criteria.several:
            raise
        # The service's own text allows one filter, its model two: the others are applied to what comes.
        found = list(service.search(place.datastore, criteria.body(only_one=True), context.cancelled))
    sets = {one.id: one for one in map(_summary, found) if is_id(one.id) and criteria.agrees(one.primary)}
    return list(sets.values())


def _summary(entry: Mapping[str, Any]) -> ImageSet:
    tags = entry.get("DICOMTags")
    tags = tags if isinstance(tags, dict) else {}
    return ImageSet(
        id=str(entry.get("imageSetId", "")),
        version=_digits(entry.get("version")),
        updated=_seconds(entry.get("updatedAt")),
        primary=entry.get("isPrimary") is not False,
        study_uid=str(tags.get("DICOMStudyInstanceUID") or ""),
        series_uid=str(tags.get("DICOMSeriesInstanceUID") or ""),
    )


def _named(service: Service, place: Address, context: WorkContext) -> ImageSet:
    found = service.image_set(place.datastore, place.image_set, context.cancelled)
    if found.get("imageSetState") == _DELETED:
        raise SourceError("the image set was deleted", code="network.not-found", where=place.url)
    return ImageSet(
        id=place.image_set,
        version=_digits(found.get("versionId")),
        updated=_seconds(found.get("updatedAt")),
        primary=found.get("isPrimary") is not False,
    )


def _check_datastore(service: Service, datastore: str) -> None:
    """Refuse a data store that is being made or deleted: it would look empty.

    Credentials that may read it but not ask for its properties are good enough.
    """
    try:
        status = service.datastore(datastore).get("datastoreStatus")
    except NetworkError as error:
        if error.code == "network.forbidden":
            return
        raise
    if status not in (None, "ACTIVE"):
        raise SourceError(
            f"the data store is {str(status)[:40]}", where=f"ahi://{datastore}", remedy="index it when it is ACTIVE"
        )


def by_series(sets: list[ImageSet]) -> Iterator[list[ImageSet]]:
    """Image sets of one series together, the primary one first, then the newest."""
    groups: dict[str, list[ImageSet]] = {}
    for one in sets:
        groups.setdefault(one.series_uid or one.id, []).append(one)
    for group in groups.values():
        yield sorted(group, key=lambda one: (not one.primary, -one.updated, one.id))


def _digits(value: Any) -> str:
    text = str(value)
    return text if text.isascii() and text.isdigit() else "1"


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
