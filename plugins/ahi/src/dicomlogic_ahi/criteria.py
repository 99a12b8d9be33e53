"""Attribute filters as search criteria (SearchImageSets), as far as the service has them; the core applies the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_FIELDS = {
    "SeriesInstanceUID": "DICOMSeriesInstanceUID",
    "StudyInstanceUID": "DICOMStudyInstanceUID",
    "AccessionNumber": "DICOMAccessionNumber",
    "PatientID": "DICOMPatientId",
    "StudyID": "DICOMStudyId",
}
"""Keyword -> field of the search, the one that leaves the fewest image sets first."""

_PATTERN = re.compile(r"[*?\\]")
_DATES = re.compile(r"([0-9]{8})?(-)?([0-9]{8})?\Z")
_FIRST_DAY, _LAST_DAY = "19000101", "99991231"


class Criteria:
    """Criteria for one listing: at most one attribute, and whether copies that are not primary are wanted."""

    def __init__(self, where: Mapping[str, str], *, all_sets: bool) -> None:
        self._all = all_sets
        self._filters = [found for found in (_attribute(where) or _dates(where),) if found]
        if not all_sets:
            self._filters.append({"operator": "EQUAL", "values": [{"isPrimary": True}]})

    @property
    def several(self) -> bool:
        """True when there are more filters than the least a service takes."""
        return len(self._filters) > 1

    def body(self, *, only_one: bool = False) -> dict[str, Any]:
        """The request's body; with `only_one` filter, that of the attribute."""
        filters = self._filters[:1] if only_one else self._filters
        # From old to new: what is added while pages are read comes at the end.
        sort = {"sortField": "updatedAt", "sortOrder": "ASC"}
        return {"filters": filters, "sort": sort} if filters else {"sort": sort}

    def agrees(self, primary: bool) -> bool:
        """Whether an image set is wanted, for services that were not told."""
        return self._all or primary


def _attribute(where: Mapping[str, str]) -> dict[str, Any] | None:
    for keyword, field in _FIELDS.items():
        value = where.get(keyword, "")
        lists = keyword.endswith("UID") and "," in value
        if value and not _PATTERN.search(value) and not lists:
            return {"operator": "EQUAL", "values": [{field: value}]}
    return None


def _dates(where: Mapping[str, str]) -> dict[str, Any] | None:
    match = _DATES.match(where.get("StudyDate", ""))
    if match is None or not (match[1] or match[3]):
        return None
    first, last = match[1] or _FIRST_DAY, match[3] or (_LAST_DAY if match[2] else match[1])
    return {"operator": "BETWEEN", "values": [_moment(first, "000000"), _moment(last, "235959")]}


def _moment(date: str, time: str) -> dict[str, Any]:
    return {"DICOMStudyDateAndTime": {"DICOMStudyDate": date, "DICOMStudyTime": time}}
