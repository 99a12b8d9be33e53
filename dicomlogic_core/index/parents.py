"""Rows of Patients, Studies and Series: found or made, filled by later instances, with their displayed fields."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dicomlogic_core.findings import finding
from dicomlogic_core.index import displayed, levels
from dicomlogic_core.index.counts import Touched, enabled_rules
from dicomlogic_core.index.levels import Field
from dicomlogic_core.index.values import first_value, integer, iso_date
from dicomlogic_core.tags import keyword_of

CONNECTIONS = '{"allow":[""],"deny":[]}'


@dataclass(slots=True)
class Group:
    """Instances with the same parents.

    Attributes:
        texts: key -> the distinct texts in order of appearance, None for absent.
    """

    patient_id: str
    patient_name: str
    study_uid: str
    series_uid: str
    texts: Callable[[str], Sequence[str | None]]


class Parents:
    """Writes parent rows inside one transaction of the main file."""

    def __init__(self, connection: sqlite3.Connection, inserted: str, updated: str) -> None:
        self._connection = connection
        self._inserted = inserted
        self._updated = updated
        self._rules = enabled_rules(connection)
        self.touched = Touched()

    def write(self, group: Group) -> None:
        """Find or make the three rows of a group and fill what they lack."""
        row = self._row("Series", "SeriesInstanceUID", group.series_uid) if group.series_uid else None
        study_uid = group.study_uid if row is None else str(row["StudyInstanceUID"])
        if study_uid != group.study_uid:
            self._conflict("series", group.series_uid, "study")
        else:
            self._write_study(group)
        if group.series_uid:
            self._write_series(group, row, study_uid)
        self.touched.studies.add(study_uid)
        found = self._connection.execute("SELECT PatientsUID FROM Studies WHERE StudyInstanceUID = ?", (study_uid,))
        self.touched.patients.update(uid for (uid,) in found)

    def _row(self, table: str, key: str, value: object) -> dict[str, Any] | None:
        cursor = self._connection.execute(f"SELECT * FROM {table} WHERE {key} = ?", (value,))  # noqa: S608
        row = cursor.fetchone()
        return None if row is None else dict(zip([column[0] for column in cursor.description], row))

    def _write_study(self, group: Group) -> None:
        row = self._row("Studies", "StudyInstanceUID", group.study_uid)
        patient = None if row is None else self._row("Patients", "UID", row["PatientsUID"])
        values = self._filled(levels.STUDY_FIELDS, row, group)
        if "Default" in self._rules:
            values |= self._displayed(levels.STUDY_FIELDS, row, group)
        identity = (group.patient_id, group.patient_name)
        if patient is not None and (patient["PatientID"], patient["PatientsName"]) != identity:
            self._conflict("study", group.study_uid, "patient")
        else:
            values["PatientsUID"] = self._write_patient(group, patient or self._find_patient(group))
        self._save("Studies", "StudyInstanceUID", group.study_uid, row, values)

    def _find_patient(self, group: Group) -> dict[str, Any] | None:
        # Birth dates are no part of identity: a second one neither makes a patient nor changes one.
        found = self._connection.execute(
            "SELECT UID FROM Patients WHERE PatientID = ? AND PatientsName = ? ORDER BY UID LIMIT 1",
            (group.patient_id, group.patient_name),
        ).fetchone()
        return None if found is None else self._row("Patients", "UID", found[0])

    def _write_patient(self, group: Group, row: dict[str, Any] | None) -> int:
        values = self._filled(levels.PATIENT_FIELDS, row, group)
        if row is None:
            values |= {
                "PatientID": group.patient_id,
                "PatientsName": group.patient_name,
                "Connections": CONNECTIONS,
            }
        if "Default" in self._rules and not (row and row["DisplayedPatientsName"]):
            name = next((text for text in group.texts(levels.PATIENT_NAME) if text), group.patient_name)
            values["DisplayedPatientsName"] = displayed.displayed_name(first_value(name) or "") or None
        return self._save("Patients", "UID", None if row is None else row["UID"], row, values)

    def _write_series(self, group: Group, row: dict[str, Any] | None, study_uid: str) -> None:
        values = self._filled(levels.SERIES_FIELDS, row, group)
        if row is None:
            values["StudyInstanceUID"] = study_uid
        if "Default" in self._rules:
            values |= self._displayed(levels.SERIES_FIELDS, row, group)
            if not (row and row["DisplayedSize"]):
                rows, columns = _first(group, levels.ROWS), _first(group, levels.COLUMNS)
                if rows and columns:
                    values["DisplayedSize"] = f"{columns}x{rows}"
        if "RadiotherapySeriesDescription" in self._rules:
            self._name_rt(group, row, values)
        self._save("Series", "SeriesInstanceUID", group.series_uid, row, values)
        self.touched.series.add(group.series_uid)

    @staticmethod
    def _name_rt(group: Group, row: dict[str, Any] | None, values: dict[str, Any]) -> None:
        modality = _first(group, levels.MODALITY) or ""
        keys = displayed.RT_NAMES.get(modality, ())
        names = [displayed.merge_all(None, group.texts(key)) for key in keys]
        if name := displayed.rt_name(modality, names):
            old = values.get("SeriesDescription") or (row or {}).get("SeriesDescription")
            values["SeriesDescription"] = displayed.merge(old, name)

    def _filled(self, fields: Sequence[Field], row: Mapping[str, Any] | None, group: Group) -> dict[str, Any]:
        """Columns of a new row, or those that an existing one lacks and the group knows."""
        values: dict[str, Any] = {}
        for item in fields:
            if row is not None and row[item.column] not in (None, "", 0):
                continue
            texts = group.texts(item.key)
            value = self._convert(item, texts, group)
            if row is None or value not in (None, "", 0):
                values[item.column] = value
        return values

    def _convert(self, item: Field, texts: Sequence[str | None], group: Group) -> Any:
        if item.kind == "integer":
            numbers = [integer(text) for text in texts]
            if None in numbers:
                self._out_of_range(item, group)
            return next((number for number in numbers if number), 0)
        if item.kind == "date":
            return next((date for date in map(iso_date, texts) if date), None)
        text = next((text for text in texts if text), texts[0] if texts else None)
        return text if item.kind == "whole" or text is None else first_value(text)

    def _displayed(self, fields: Sequence[Field], row: Mapping[str, Any] | None, group: Group) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for item in fields:
            old = None if row is None else row[item.column]
            if item.displayed == "first":
                new = old or next((text for text in group.texts(item.key) if text), None)
            elif item.displayed == "merge":
                new = displayed.merge_all(old, group.texts(item.key))
            else:
                continue
            if new is not None and new != old:
                values[item.column] = new
        return values

    def _save(self, table: str, key: str, uid: Any, row: Mapping[str, Any] | None, values: dict[str, Any]) -> int:
        """Insert or update; the rowid of a new row, else `uid`."""
        if "Default" in self._rules or row is None:
            values["DisplayedFieldsUpdatedTimestamp"] = self._updated
        if row is None:
            if uid is not None:
                values[key] = uid
            values["InsertTimestamp"] = self._inserted
            names = ", ".join(values)
            sql = f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(values))})"  # noqa: S608
            return int(self._connection.execute(sql, tuple(values.values())).lastrowid or 0)
        if not values:
            return int(uid) if isinstance(uid, int) else 0
        changes = ", ".join(f"{name} = ?" for name in values)
        sql = f"UPDATE {table} SET {changes} WHERE {key} = ?"  # noqa: S608
        self._connection.execute(sql, (*values.values(), uid))
        return int(uid) if isinstance(uid, int) else 0

    def _conflict(self, level: str, uid: str, parent: str) -> None:
        self.touched.findings.append(
            finding(
                "index.parent-conflict",
                f"this {level} appears under a second {parent}; the first is kept",
                where=(uid,),
            )
        )

    def _out_of_range(self, item: Field, group: Group) -> None:
        self.touched.findings.append(
            finding(
                "header.integer-range",
                f"{keyword_of(item.key)} is unreadable or beyond 32 bits; 0 is stored",
                where=(group.series_uid,),
            )
        )


def _first(group: Group, key: str) -> str | None:
    return next((text for text in group.texts(key) if text), None)
