"""Instances on their way into the database, and how they group into series and under parents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dicomlogic_core.findings import Finding
from dicomlogic_core.header.rows import HeaderRow
from dicomlogic_core.index import levels
from dicomlogic_core.index.blocks import Part
from dicomlogic_core.index.parents import Group
from dicomlogic_core.index.values import first_value
from dicomlogic_core.references import Location

_PLACES_TOLD = 10


@dataclass(slots=True)
class Record:
    """One instance on its way into the database.

    Attributes:
        key, version: what its source asks for next time.
        complete: False for the reduced header of a listing.
        short: the file ends before its header or pixels do.
    """

    uid: str
    series_uid: str
    study_uid: str
    row: HeaderRow
    location: Location
    key: str
    version: str
    complete: bool
    short: bool = False

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return self.location.path or self.location.url or self.uid


def parts(records: Sequence[Record]) -> list[Part]:
    """Records by series, and by whether their headers are complete."""
    found: dict[tuple[str, bool], Part] = {}
    for record in records:
        part = found.get((record.series_uid, record.complete))
        if part is None:
            part = Part(record.series_uid, record.study_uid, [], [], [], record.complete)
            found[record.series_uid, record.complete] = part
        part.sop_uids.append(record.uid)
        part.rows.append(record.row)
        part.locations.append(record.location)
    return list(found.values())


def groups(records: Sequence[Record], positions: Mapping[str, int]) -> Iterator[Group]:
    """Records with the same parents together, in order of appearance; `positions` are those of the columns."""
    id_place, name_place = positions[levels.PATIENT_ID], positions[levels.PATIENT_NAME]
    members: dict[tuple[str | None, str | None, str, str], list[HeaderRow]] = {}
    for record in records:
        texts = record.row.texts
        key = (texts[id_place], texts[name_place], record.study_uid, record.series_uid)
        members.setdefault(key, []).append(record.row)
    for (patient_id, name, study_uid, series_uid), rows in members.items():
        yield _group(patient_id, name, study_uid, series_uid, _Distinct(positions, rows))


def orphan_groups(rows: Sequence[HeaderRow], positions: Mapping[str, int]) -> Iterator[Group]:
    """Headers without a series, each by itself."""
    keys = (levels.PATIENT_ID, levels.PATIENT_NAME, levels.STUDY_UID)
    for row in rows:
        patient_id, name, study_uid = (row.texts[positions[key]] for key in keys)
        yield _group(patient_id, name, str(study_uid), "", _Distinct(positions, [row]))


def _group(patient_id: str | None, name: str | None, study_uid: str, series_uid: str, texts: _Distinct) -> Group:
    # CTK's substitution: the study stands in for a missing PatientID, the PatientID for a missing name.
    number = first_value(patient_id) or study_uid
    return Group(number, first_value(name) or number, study_uid, series_uid, texts)


class _Distinct:
    """The distinct texts of a column over some rows, in order of appearance."""

    def __init__(self, positions: Mapping[str, int], rows: Sequence[HeaderRow]) -> None:
        self._positions = positions
        self._rows = rows

    def __call__(self, key: str) -> Sequence[str | None]:
        place = self._positions.get(key)
        return [None] if place is None else list(dict.fromkeys([row.texts[place] for row in self._rows]))


def element_findings(records: Sequence[Record]) -> Iterator[Finding]:
    """Findings about elements, one per kind with the instances it concerns."""
    gathered: dict[Finding, list[str]] = {}
    for record in records:
        for item in record.row.findings:
            gathered.setdefault(item, []).append(record.place)
    for item, places in gathered.items():
        hidden = 0 if item.where else len(places) - _PLACES_TOLD
        yield Finding(
            code=item.code,
            severity=item.severity,
            message=item.message + (f" (and in {hidden} more)" if hidden > 0 else ""),
            where=item.where or tuple(places[:_PLACES_TOLD]),
            remedy=item.remedy,
        )
