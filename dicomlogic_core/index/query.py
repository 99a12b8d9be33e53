"""The query side of the index: rows for listings, and views of studies by column."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dicomlogic_core.errors import UsageError
from dicomlogic_core.findings import Finding
from dicomlogic_core.index.database import damaged
from dicomlogic_core.index.filters import Match, matcher
from dicomlogic_core.index.paths import absolute_name, folder_name
from dicomlogic_core.index.remembered import remembered
from dicomlogic_core.index.store import Store
from dicomlogic_core.index.values import plain_text, stored_date
from dicomlogic_core.index.views import Views
from dicomlogic_core.tags import tag_key

if TYPE_CHECKING:
    from dicomlogic_core.header.rows import WantedTags
    from dicomlogic_core.series import StudyView

# Keyword -> column, by level; every level also has the columns of the levels above it.
_PATIENT = {
    "PatientID": "Patients.PatientID",
    "PatientName": "Patients.PatientsName",
    "PatientBirthDate": "Patients.PatientsBirthDate",
    "PatientSex": "Patients.PatientsSex",
}
_STUDY = {
    "StudyInstanceUID": "Studies.StudyInstanceUID",
    "StudyID": "Studies.StudyID",
    "StudyDate": "Studies.StudyDate",
    "StudyTime": "Studies.StudyTime",
    "StudyDescription": "Studies.StudyDescription",
    "AccessionNumber": "Studies.AccessionNumber",
    "ModalitiesInStudy": "Studies.ModalitiesInStudy",
    "InstitutionName": "Studies.InstitutionName",
    "ReferringPhysicianName": "Studies.ReferringPhysician",
    "PerformingPhysicianName": "Studies.PerformingPhysiciansName",
}
_SERIES = {
    "SeriesInstanceUID": "Series.SeriesInstanceUID",
    "SeriesNumber": "Series.SeriesNumber",
    "SeriesDate": "Series.SeriesDate",
    "SeriesTime": "Series.SeriesTime",
    "SeriesDescription": "Series.SeriesDescription",
    "Modality": "Series.Modality",
    "BodyPartExamined": "Series.BodyPartExamined",
    "FrameOfReferenceUID": "Series.FrameOfReferenceUID",
    "AcquisitionNumber": "Series.AcquisitionNumber",
    "ContrastBolusAgent": "Series.ContrastAgent",
    "ScanningSequence": "Series.ScanningSequence",
    "EchoNumbers": "Series.EchoNumber",
    "TemporalPositionIdentifier": "Series.TemporalPosition",
}
_COUNT_IMAGES = "(SELECT count(*) FROM Images WHERE Images.SeriesInstanceUID = Series.SeriesInstanceUID)"
_INTEGERS = frozenset({"SeriesNumber", "AcquisitionNumber", "EchoNumbers", "TemporalPositionIdentifier"})
_DATES = frozenset({"PatientBirthDate", "StudyDate", "SeriesDate"})
LEVELS = ("patient", "study", "series", "instance")


class IndexQuery:
    """Meets `Index`: answers from the database, never from files or networks.

    Args:
        wanted: gives the columns that the installed plugins read now, to tell which series were kept with fewer.
    """

    def __init__(self, store: Store, wanted: Callable[[], WantedTags] | None = None) -> None:
        self._store = store
        self._views = Views(store, wanted)
        self._folder = folder_name(store.folder)

    @property
    def findings(self) -> list[Finding]:
        """What was noticed while reading: damaged headers, paths refused, columns missing."""
        return self._views.findings

    # --- listings ----------------------------------------------------------------------------------------------------

    def rows(self, level: str, where: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
        """Rows of a level (``patient``, ``study``, ``series``, ``instance``) with DICOM keywords as keys.

        Filters of `where` match as PS3.4 C.2.2.2 says; they may name columns of any level down to series, so that
        ``rows("patient", {"Modality": "CT"})`` gives patients with a CT.

        Raises:
            UsageError: unknown level or keyword.
        """
        if level not in LEVELS:
            raise UsageError(f"{level!r} is no level", remedy=f"use one of {', '.join(LEVELS)}")
        tests = _tests(where)
        series = [row for row in self._series_rows() if all(match(plain_text(row[name])) for name, match in tests)]
        if level == "series":
            return [_without(row, "PatientsUID") for row in series if row["SeriesInstanceUID"]]
        if level == "instance":
            return [instance for row in series for instance in self._instances(row)]
        return _grouped(series, level)

    def _series_rows(self) -> list[dict[str, Any]]:
        columns = {
            **_PATIENT,
            **_STUDY,
            **_SERIES,
            "NumberOfSeriesRelatedInstances": _COUNT_IMAGES,
            "PatientsUID": "Patients.UID",
        }
        # Left joins: a study known from a listing alone has no series yet and is shown all the same.
        sql = (
            f"SELECT {', '.join(columns.values())} FROM Patients"  # noqa: S608
            " LEFT JOIN Studies ON Studies.PatientsUID = Patients.UID"
            " LEFT JOIN Series ON Series.StudyInstanceUID = Studies.StudyInstanceUID"
            " ORDER BY Patients.UID, Studies.rowid, Series.rowid"
        )
        return _with_modalities([_typed(dict(zip(columns, row))) for row in self._store.main.rows(sql)])

    def _instances(self, series: Mapping[str, Any]) -> list[dict[str, Any]]:
        uid = series["SeriesInstanceUID"]
        if not uid:
            return []
        found = self._kept(str(uid))
        shared = {name: series[name] for name in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "Modality")}
        rows = []
        for sop_uid, name, url in self._views.images(str(uid)):
            kept = found.get(sop_uid, {})
            rows.append(
                {
                    "SOPInstanceUID": sop_uid,
                    **shared,
                    "SOPClassUID": kept.get("SOPClassUID", ""),
                    "InstanceNumber": kept.get("InstanceNumber", ""),
                    "path": absolute_name(name, self._folder),
                    "RetrieveURL": url,
                }
            )
        return rows

    def _kept(self, series_uid: str) -> dict[str, dict[str, str]]:
        columns = self._views.columns("", series_uid)
        if columns is None:
            return {}
        classes, numbers = columns.text(tag_key("SOPClassUID")), columns.text(tag_key("InstanceNumber"))
        return {
            uid: {"SOPClassUID": kind or "", "InstanceNumber": number or ""}
            for uid, kind, number in zip(columns.sop_uids, classes, numbers)
        }

    def index_findings(self) -> list[Finding]:
        """What every run found about data that was not read again since."""
        return remembered(self._store)

    # --- identifiers -------------------------------------------------------------------------------------------------

    def study_uids(self) -> Sequence[str]:
        """All studies, in the order they were inserted."""
        return [
            plain_text(uid) for (uid,) in self._store.main.rows("SELECT StudyInstanceUID FROM Studies ORDER BY rowid")
        ]

    def study_for_series(self, series_uid: str) -> str:
        """The study of a series; "" when the database does not have it."""
        found = self._store.main.rows("SELECT StudyInstanceUID FROM Series WHERE SeriesInstanceUID = ?", (series_uid,))
        return plain_text(found[0][0]) if found else ""

    def parents_of_instance(self, sop_uid: str) -> tuple[str, str]:
        """The study and the series of an instance; "" and "" when the database does not have it."""
        found = self._store.main.rows(
            "SELECT StudyInstanceUID, SeriesInstanceUID FROM Images JOIN Series USING (SeriesInstanceUID)"
            " WHERE SOPInstanceUID = ?",
            (sop_uid,),
        )
        return (plain_text(found[0][0]), plain_text(found[0][1])) if found else ("", "")

    def studies_of_patient(self, study_uid: str) -> list[str]:
        """The studies of the patient of a study, that one first; empty when the database does not have it."""
        found = self._store.main.rows(
            "SELECT other.StudyInstanceUID FROM Studies AS one JOIN Studies AS other USING (PatientsUID)"
            " WHERE one.StudyInstanceUID = ? ORDER BY other.StudyInstanceUID <> one.StudyInstanceUID, other.rowid",
            (study_uid,),
        )
        return [plain_text(uid) for (uid,) in found]

    def series_for_study(self, study_uid: str) -> list[str]:
        """The series of a study, in the order they were inserted."""
        found = self._store.main.rows(
            "SELECT SeriesInstanceUID FROM Series WHERE StudyInstanceUID = ? ORDER BY rowid", (study_uid,)
        )
        return [plain_text(uid) for (uid,) in found]

    # --- views -------------------------------------------------------------------------------------------------------

    def study_view(self, study_uid: str) -> StudyView:
        """The headers of a study by column.

        Raises:
            KeyError: the database has no such study.
            DatabaseError: the file is damaged.
        """
        from dicomlogic_core.series import SeriesView, StudyView

        if not self._store.main.rows("SELECT 1 FROM Studies WHERE StudyInstanceUID = ?", (study_uid,)):
            if study_uid in self.study_uids():
                raise damaged(self._store.main.path, "an index and its table disagree")
            raise KeyError(study_uid)
        views = []
        for series_uid in self.series_for_study(study_uid):
            columns = self._views.columns(study_uid, series_uid)
            if columns is not None:
                views.append(SeriesView(columns, dataset=self._views.dataset(columns)))
        return StudyView(study_uid, views)


def _tests(where: Mapping[str, str]) -> list[tuple[str, Match]]:
    known = {**_PATIENT, **_STUDY, **_SERIES}
    by_key = {tag_key(name): name for name in known}
    tests = []
    for name, pattern in where.items():
        key = tag_key(name)
        if key not in by_key:
            raise UsageError(f"listings cannot be filtered by {name}", remedy=f"use one of {', '.join(known)}")
        tests.append((by_key[key], matcher(key, pattern)))
    return tests


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    """Values a hostile or merely old file may hold, as text and numbers."""
    for name, value in row.items():
        if name in _DATES:
            row[name] = stored_date(value).replace("-", "") if stored_date(value)[4:5] == "-" else stored_date(value)
        elif name in _INTEGERS or name.startswith("NumberOf") or name == "PatientsUID":
            row[name] = value if isinstance(value, int) else 0
        else:
            row[name] = plain_text(value)
    return row


def _with_modalities(series: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with ModalitiesInStudy, which headers seldom have, from the series of the study."""
    found: dict[str, dict[str, None]] = {}
    for row in series:
        if row["Modality"]:
            found.setdefault(row["StudyInstanceUID"], {})[row["Modality"]] = None
    for row in series:
        row["ModalitiesInStudy"] = row["ModalitiesInStudy"] or "\\".join(found.get(row["StudyInstanceUID"], ()))
    return series


def _without(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


def _grouped(series: Sequence[Mapping[str, Any]], level: str) -> list[dict[str, Any]]:
    """Rows of patients or studies with their counts, from the rows of their series."""
    groups: dict[Any, list[Mapping[str, Any]]] = {}
    for row in series:
        key = row["PatientsUID"] if level == "patient" else row["StudyInstanceUID"]
        if key:
            groups.setdefault(key, []).append(row)
    columns = [*_PATIENT] if level == "patient" else [*_PATIENT, *_STUDY]
    rows = []
    for members in groups.values():
        row = {name: members[0][name] for name in columns}
        count = len({member["SeriesInstanceUID"] for member in members} - {""})
        images = sum(member["NumberOfSeriesRelatedInstances"] for member in members)
        if level == "patient":
            row["NumberOfPatientRelatedStudies"] = len({member["StudyInstanceUID"] for member in members} - {""})
            row["NumberOfPatientRelatedSeries"] = count
            row["NumberOfPatientRelatedInstances"] = images
        else:
            row["NumberOfStudyRelatedSeries"] = count
            row["NumberOfStudyRelatedInstances"] = images
        rows.append(row)
    return rows
