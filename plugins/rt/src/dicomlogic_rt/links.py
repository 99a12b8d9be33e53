"""Objects that refer to each other: dose to plan, plan to structure set, image to plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dicomlogic_core import Finding, SeriesRef, SeriesView, StudyView, finding, tag_key

Item = Mapping[str, Any]
"""An item of a sequence as a DICOM JSON object (PS3.18 F.2)."""


def values_of(item: Item, keyword: str) -> list[Any]:
    """The values of an element; none when it is absent or empty."""
    element = item.get(tag_key(keyword))
    values = element.get("Value") if isinstance(element, Mapping) else None
    return list(values) if isinstance(values, Sequence) and not isinstance(values, str) else []


def items_in(item: Item, keyword: str) -> list[Item]:
    """The items of a sequence inside an item."""
    return [one for one in values_of(item, keyword) if isinstance(one, Mapping)]


def integer_of(item: Item, keyword: str) -> int | None:
    """The first value as an integer; None when it is none."""
    for value in values_of(item, keyword):
        try:
            return int(value)
        except (TypeError, ValueError, OverflowError):
            return None
    return None


def referenced_uids(items: Iterable[Item]) -> tuple[str, ...]:
    """ReferencedSOPInstanceUIDs of items, each once."""
    found = [str(value) for item in items for value in values_of(item, "ReferencedSOPInstanceUID")]
    return tuple(dict.fromkeys(uid for uid in found if uid))


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """What an object refers to.

    Attributes:
        series: references to the series that hold the referenced objects, of this study or of others.
        instances: the referenced instances that are known: (series, row).
        findings: ``rt.reference-missing`` for the others.
    """

    series: tuple[SeriesRef, ...] = ()
    instances: tuple[tuple[SeriesView, int], ...] = ()
    findings: tuple[Finding, ...] = ()


def links_to(study: StudyView, named: Mapping[str, Iterable[str]], *, where: str) -> Links:
    """Find the referenced objects: what it is (``plan``) -> SOPInstanceUIDs; `where` names the object that refers."""
    series: dict[str, SeriesRef] = {}
    instances = []
    findings = []
    for what, uids in named.items():
        for uid in dict.fromkeys(uids):
            found = study.instance(uid)
            if found is None:
                message = f"the referenced {what} {uid} is not here"
                findings.append(finding("rt.reference-missing", message, where=(where,), remedy="index it as well"))
                continue
            instances.append(found)
            view = found[0]
            series[view.series_uid] = SeriesRef(study_uid=view.study_uid, series_uid=view.series_uid)
    return Links(series=tuple(series.values()), instances=tuple(instances), findings=tuple(findings))
