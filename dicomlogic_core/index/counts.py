"""Counts of children and last study dates, renewed for every parent that a batch touched."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field

from dicomlogic_core.findings import Finding
from dicomlogic_core.index.values import stored_date

RULES = (
    "Default",
    "RadiotherapySeriesDescription",
    "LastStudyDate",
    "SeriesImageCount",
    "StudyNumberOfSeries",
    "PatientNumberOfStudies",
)
"""CTK's rules for displayed fields; each can be switched off in DisplayedFieldGeneratorRules."""

_COUNT_IMAGES = (
    "UPDATE Series SET DisplayedCount ="
    " (SELECT count(*) FROM Images WHERE Images.SeriesInstanceUID = Series.SeriesInstanceUID)"
    " WHERE SeriesInstanceUID = ?"
)
_COUNT_SERIES = (
    "UPDATE Studies SET DisplayedNumberOfSeries ="
    " (SELECT count(*) FROM Series WHERE Series.StudyInstanceUID = Studies.StudyInstanceUID)"
    " WHERE StudyInstanceUID = ?"
)
_COUNT_STUDIES = (
    "UPDATE Patients SET DisplayedNumberOfStudies ="
    " (SELECT count(*) FROM Studies WHERE Studies.PatientsUID = Patients.UID)"
    " WHERE UID = ?"
)
_EMPTY_SERIES = (
    "DELETE FROM Series WHERE SeriesInstanceUID = ?"
    " AND NOT EXISTS (SELECT 1 FROM Images WHERE Images.SeriesInstanceUID = Series.SeriesInstanceUID)"
)
_EMPTY_STUDY = (
    "DELETE FROM Studies WHERE StudyInstanceUID = ?"
    " AND NOT EXISTS (SELECT 1 FROM Series WHERE Series.StudyInstanceUID = Studies.StudyInstanceUID)"
)
_EMPTY_PATIENT = (
    "DELETE FROM Patients WHERE UID = ? AND NOT EXISTS (SELECT 1 FROM Studies WHERE Studies.PatientsUID = Patients.UID)"
)


@dataclass(slots=True)
class Touched:
    """Parents whose counts must be renewed, and what was noticed."""

    patients: set[int] = field(default_factory=set)
    studies: set[str] = field(default_factory=set)
    series: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)


def enabled_rules(connection: sqlite3.Connection) -> frozenset[str]:
    """The rules that are not switched off."""
    found = connection.execute("SELECT Name FROM DisplayedFieldGeneratorRules WHERE Enabled = 0")
    return frozenset(RULES).difference(str(name) for (name,) in found)


def leave(connection: sqlite3.Connection, series_uids: Iterable[str], touched: Touched) -> None:
    """Remove series that instances have moved away from, and their parents, where nothing is left; touch the others."""
    for uid in series_uids:
        found = connection.execute(
            "SELECT Series.StudyInstanceUID, PatientsUID FROM Series JOIN Studies USING (StudyInstanceUID)"
            " WHERE SeriesInstanceUID = ?",
            (uid,),
        ).fetchone()
        if found is None:
            continue
        study_uid, patient_uid = found
        touched.series.add(uid)
        touched.studies.add(study_uid)
        touched.patients.add(patient_uid)
        connection.execute(_EMPTY_SERIES, (uid,))
        connection.execute(_EMPTY_STUDY, (study_uid,))
        connection.execute(_EMPTY_PATIENT, (patient_uid,))


def recount(connection: sqlite3.Connection, touched: Touched) -> None:
    """Renew the counts and last study dates of everything touched."""
    rules = enabled_rules(connection)
    for rule, sql, uids in (
        ("SeriesImageCount", _COUNT_IMAGES, touched.series),
        ("StudyNumberOfSeries", _COUNT_SERIES, touched.studies),
        ("PatientNumberOfStudies", _COUNT_STUDIES, touched.patients),
    ):
        if rule in rules:
            connection.executemany(sql, [(uid,) for uid in uids])
    if "LastStudyDate" in rules:
        for uid in touched.patients:
            found = connection.execute("SELECT StudyDate FROM Studies WHERE PatientsUID = ?", (uid,)).fetchall()
            # Never MAX in SQL: CTK stores dates in three forms, and text sorts above integers.
            dates = [date for date in (stored_date(value) for (value,) in found) if date[4:5] == "-"]
            newest = max(dates, default=None)
            connection.execute("UPDATE Patients SET DisplayedLastStudyDate = ? WHERE UID = ?", (newest, uid))
