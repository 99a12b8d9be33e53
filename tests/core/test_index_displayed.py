"""Displayed fields equal those of CTK's generator; the golden texts were measured on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dicomlogic_core.contracts import HeaderBatch
from dicomlogic_core.header.wanted import wanted_tags
from dicomlogic_core.index.displayed import displayed_name, merge, merge_all
from dicomlogic_core.index.ingest import Ingest
from dicomlogic_core.index.store import Store
from dicomlogic_core.index.values import stored_date
from dicomlogic_core.testing.json_headers import as_bytes, json_header


@pytest.fixture
def store() -> Iterator[Store]:
    opened = Store.open(None)
    yield opened
    opened.close()


def _index(store: Store, *headers: dict[str, Any]) -> None:
    ingest = Ingest(store, wanted_tags(), provider="test", location="https://host/dw")
    ingest.add(HeaderBatch(form="json", headers=[as_bytes(*headers)]))
    ingest.finish()


def _value(store: Store, column: str, table: str) -> Any:
    ((value,),) = store.main.rows(f"SELECT {column} FROM {table}")
    return value


def _instances(**values: list[Any]) -> list[dict[str, Any]]:
    return [
        json_header(SOPInstanceUID=f"1.2.3.4.5.{number}", **dict(zip(values, row)))
        for number, row in enumerate(zip(*values.values()))
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Doe^Jane", "Doe, Jane"),
        ("Doe", "Doe"),
        ("Doe^^Mid", "Doe, Mid"),
        ("Doe^Jane^Ann^Dr^MD", "Doe, Jane Ann, MD (Dr)"),
        ("Doe^^^^Jr", "Doe, Jr"),
        ("山田^太郎^^Dr^III", "山田, 太郎, III (Dr)"),
        ("Doe^Jane=山田^太郎", "Doe, Jane"),
        ("Doe Jane^", "Doe Jane"),
        ("A^B^C^D^E^F", "A, B C, E^F (D)"),
        ("^^^Dr", "(Dr)"),
        ("=山田^太郎", "山田, 太郎"),
        ("a^b", "a, b"),
        ("", ""),
        ("^^", ""),
    ],
)
def test_names_are_shown_as_ctk_shows_them(name: str, shown: str) -> None:
    assert displayed_name(name) == shown


def test_the_leading_blank_of_ctk_is_stripped() -> None:
    assert displayed_name("^Jane") == "Jane"


def test_merges_append_what_is_new() -> None:
    assert merge_all(None, ["axial chest", "chest", "late"]) == "axial chest, late"
    assert merge_all("", ["Thorax", "Thorax 2", "Thorax"]) == "Thorax, Thorax 2"
    assert merge("Unnamed RT Plan", "Prostate") == "Prostate"
    assert merge("Prostate", "Unnamed RT Plan") == "Prostate"
    assert merge("a", None) == "a"


def test_descriptions_of_all_instances_are_merged_and_the_first_of_plain_fields_kept(store: Store) -> None:
    _index(
        store,
        *_instances(
            SeriesDescription=["axial chest", "chest", "late"],
            StudyDescription=["Thorax", "Thorax 2", "Thorax"],
            SeriesNumber=[3, 4, 4],
            ModalitiesInStudy=["MR\\SR", "MR\\SR", None],
        ),
    )
    assert _value(store, "SeriesDescription", "Series") == "axial chest, late"
    assert _value(store, "StudyDescription", "Studies") == "Thorax, Thorax 2"
    assert _value(store, "SeriesNumber", "Series") == 3
    assert _value(store, "ModalitiesInStudy", "Studies") == "MR\\SR"
    assert _value(store, "DisplayedCount", "Series") == 3


def test_size_is_columns_by_rows_and_needs_both(store: Store) -> None:
    _index(store, json_header(Rows=10, Columns=20))
    assert _value(store, "DisplayedSize", "Series") == "20x10"


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"Modality": "RTPLAN"}, "Unnamed RT Plan"),
        ({"Modality": "RTPLAN", "RTPlanLabel": "L", "RTPlanName": "N"}, "N"),
        ({"Modality": "RTSTRUCT"}, "Unnamed RT Structure Set"),
        ({"Modality": "RTSTRUCT", "SeriesDescription": "contours", "StructureSetLabel": "LBL"}, "contours, LBL"),
        ({"Modality": "RTIMAGE", "RTImageLabel": "img"}, "img"),
        ({"Modality": "CT", "RTPlanName": "N"}, None),
    ],
)
def test_radiotherapy_objects_are_called_by_their_names(
    values: dict[str, str], shown: str | None, store: Store
) -> None:
    _index(store, json_header(Rows=None, Columns=None, BitsAllocated=None, **values))
    assert _value(store, "SeriesDescription", "Series") == shown
    assert _value(store, "DisplayedSize", "Series") is None


def test_the_newest_study_is_found_in_all_forms_that_dates_are_stored_in(store: Store) -> None:
    for number in range(3):
        _index(
            store,
            json_header(StudyInstanceUID=f"1.{number}", SeriesInstanceUID=f"2.{number}", SOPInstanceUID=f"3.{number}"),
        )
    # Integer by CTK's update, compact text, ISO text.
    for uid, date in (("1.0", 20250101), ("1.1", "20240101x"), ("1.2", "2019-01-02")):
        store.main.rows("UPDATE Studies SET StudyDate = ? WHERE StudyInstanceUID = ?", (date, uid))
    _index(store, json_header(StudyInstanceUID="1.2", SeriesInstanceUID="2.2", SOPInstanceUID="3.9"))
    assert _value(store, "DisplayedLastStudyDate", "Patients") == "2025-01-01"
    assert _value(store, "DisplayedNumberOfStudies", "Patients") == 3


@pytest.mark.parametrize(
    ("value", "date"),
    [
        (20240102, "2024-01-02"),
        ("20240102", "2024-01-02"),
        ("2024-01-02", "2024-01-02"),
        (20240230, "20240230"),
        (None, ""),
        (b"2024-01-02", "2024-01-02"),
        (1.5, "1.5"),
    ],
)
def test_dates_are_read_in_three_forms_and_impossible_ones_as_they_are(value: object, date: str) -> None:
    assert stored_date(value) == date


def test_a_later_instance_adds_and_forgets_nothing(store: Store) -> None:
    _index(store, json_header(SeriesDescription="early"))
    _index(store, json_header(SOPInstanceUID="1.2.3.4.5.2", SeriesDescription="late"))
    assert _value(store, "SeriesDescription", "Series") == "early, late"
    assert _value(store, "DisplayedCount", "Series") == 2


@pytest.mark.parametrize(
    ("rule", "column", "table"),
    [
        ("LastStudyDate", "DisplayedLastStudyDate", "Patients"),
        ("SeriesImageCount", "DisplayedCount", "Series"),
        ("StudyNumberOfSeries", "DisplayedNumberOfSeries", "Studies"),
        ("PatientNumberOfStudies", "DisplayedNumberOfStudies", "Patients"),
        ("Default", "DisplayedPatientsName", "Patients"),
        ("Default", "DisplayedSize", "Series"),
    ],
)
def test_a_rule_switched_off_leaves_its_column_alone(rule: str, column: str, table: str, store: Store) -> None:
    store.main.rows("INSERT INTO DisplayedFieldGeneratorRules (Name, Enabled) VALUES (?, 0)", (rule,))
    _index(store, json_header())
    assert _value(store, column, table) is None
    _index(store, json_header(SOPInstanceUID="1.2.3.4.5.2"))
    assert _value(store, column, table) is None
