"""Every row of every table equals what the real ctkDICOMDatabase stored, but for the differences written down."""

from __future__ import annotations

import functools
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dicomlogic_core.builtin.files_source import FilesSource
from dicomlogic_core.contracts import Query
from dicomlogic_core.header.wanted import wanted_tags
from dicomlogic_core.index.ingest import Ingest
from dicomlogic_core.index.store import Store
from dicomlogic_core.testing.ctk_differences import CASES, DIFFERENCES, EVERY_CASE, page
from dicomlogic_core.work import Work

ROOT = Path(__file__).resolve().parents[2]
KEYS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "Patients": lambda row: (row["PatientID"], row["PatientsName"]),
    "Studies": lambda row: row["StudyInstanceUID"],
    "Series": lambda row: row["SeriesInstanceUID"],
    "Images": lambda row: row["SOPInstanceUID"],
}
FORMS = {"InsertTimestamp": "local-iso-ms", "DisplayedFieldsUpdatedTimestamp": "utc-sql"}


@functools.cache
def _reference(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / "reference/ctk_database.json").read_text(encoding="utf-8"))
    return loaded


def _index(folder: Path, files: list[str], tags: list[str]) -> Store:
    """The files in the order in which CTK got them, with the tags it was asked to cache."""
    store, work = Store.open(None), Work()
    ingest = Ingest(store, wanted_tags(), provider="files", location=str(folder), tag_cache=tags)
    for name in files:
        for item in FilesSource().scan(Query(location=str(folder / name)), ingest.known, work):
            ingest.add(item)
    ingest.finish(work.findings)
    return store


def _rows(store: Store, table: str) -> list[dict[str, Any]]:
    names = [row[1] for row in store.main.rows(f"PRAGMA table_info({table})")]
    return [dict(zip(names, row)) for row in store.main.rows(f"SELECT * FROM {table} ORDER BY rowid")]


def _comparable(rows: list[dict[str, Any]], patients: dict[int, Any], folder: Path) -> list[dict[str, Any]]:
    """Timestamps by their form, patients by identity, files below the case folder: as the reference has them."""
    for row in rows:
        for name, form in FORMS.items():
            if row.get(name) is not None:
                row[name] = form
        if "PatientsUID" in row:
            row["PatientsUID"] = patients.get(row["PatientsUID"])
        if row.get("Filename") and Path(row["Filename"]).is_absolute():
            row["Filename"] = Path(row["Filename"]).relative_to(folder).as_posix()
    return rows


def _differences(case: dict[str, Any], store: Store, folder: Path) -> Iterator[str]:
    theirs = {name: [dict(row) for row in case["tables"].get(name, [])] for name in KEYS}
    ours = {name: _rows(store, name) for name in KEYS}
    for tables in (theirs, ours):
        patients = {row["UID"]: KEYS["Patients"](row) for row in tables["Patients"]}
        for rows in tables.values():
            _comparable(rows, patients, folder)
    for table, key in KEYS.items():
        mine, reference = {key(row): row for row in ours[table]}, {key(row): row for row in theirs[table]}
        if mine.keys() != reference.keys():
            yield f"{table} rows"
        if [uid for uid in mine if uid in reference] != [uid for uid in reference if uid in mine]:
            yield f"{table} order"
        for uid in mine.keys() & reference.keys():
            for field, value in reference[uid].items():
                # The type counts as well: CTK's own readers tell an integer from a text.
                if field != "UID" and (type(mine[uid][field]), mine[uid][field]) != (type(value), value):
                    yield f"{table}.{field}"
    yield from _tag_differences(case, store)


def _tag_differences(case: dict[str, Any], store: Store) -> Iterator[str]:
    mine = {(uid, tag): value for uid, tag, value in store.cache.rows("SELECT * FROM TagCache")}
    reference = {(uid, tag): value for uid, tag, value in case["tag_cache"]}
    common = {uid for uid, _ in mine} & {uid for uid, _ in reference}
    for place in mine.keys() | reference.keys():
        if place[0] in common and mine.get(place) != reference.get(place):
            yield f"TagCache {place[1]}"


@functools.cache
def _found(shared: Path, name: str) -> frozenset[str]:
    reference = _reference(shared)
    tags = [tag.replace(",", "").upper() for tag in reference["precache"] + reference["generator_tags"]]
    (case,) = [item for item in reference["cases"] if item["id"] == name]
    folder = shared / case["case"]
    store = _index(folder, case["files"], tags)
    try:
        return frozenset(_differences(case, store, folder))
    finally:
        store.close()


def test_the_list_names_every_case(shared_data: Path) -> None:
    assert list(CASES) == [case["id"] for case in _reference(shared_data)["cases"]]


@pytest.mark.parametrize("name", CASES)
def test_rows_equal_those_of_ctk(name: str, shared_data: Path) -> None:
    allowed = {item.field for item in DIFFERENCES if item.case in (name, EVERY_CASE)}
    assert _found(shared_data, name) <= allowed


def test_no_listed_difference_is_superfluous(shared_data: Path) -> None:
    for item in DIFFERENCES:
        cases = list(CASES) if item.case == EVERY_CASE else [item.case]
        assert any(item.field in _found(shared_data, name) for name in cases), item


def test_schema_equals_that_of_ctk(shared_data: Path) -> None:
    schema = _reference(shared_data)["schema"]
    store = Store.open(None)
    for file, database in (("ctkDICOM.sql", store.main), ("ctkDICOMTagCache.sql", store.cache)):
        theirs = sqlite3.connect(":memory:")
        for item in schema[file]["sqlite_master"]:
            if item["sql"] and item["name"] != "sqlite_sequence":
                theirs.execute(item["sql"])
        tables = [item["name"] for item in schema[file]["sqlite_master"] if item["type"] == "table"]
        for table in tables:
            wanted = theirs.execute(f"PRAGMA table_xinfo({table})").fetchall()
            # Types may be written in either case; a key of a table without row numbers implies NOT NULL.
            strip = 3 if file == "ctkDICOMTagCache.sql" else 7
            assert [row[:strip] for row in database.rows(f"PRAGMA table_xinfo({table})")] == [
                row[:strip] for row in wanted
            ]
        indexes = {item["name"] for item in schema[file]["sqlite_master"] if item["type"] == "index" and item["sql"]}
        found = {
            name for (name,) in database.rows("SELECT name FROM sqlite_master WHERE type='index' AND sql NOT NULL")
        }
        assert found - indexes == ({"ImagesURLIndex"} if file == "ctkDICOM.sql" else set())
        assert indexes <= found
        theirs.close()
    for table, rows in schema["rows"].items():
        assert _rows(store, table) == rows
    store.close()


def test_the_page_of_differences_is_current() -> None:
    written = (ROOT / "docs/reference/differences-from-ctk.md").read_text(encoding="utf-8")
    assert written == page(), "write it again: python -m dicomlogic_core.testing.ctk_differences"
