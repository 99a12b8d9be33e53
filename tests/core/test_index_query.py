"""Listings with DICOM keywords, filters, views of studies, and what a hostile file may not do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import dicomlogic_core as dl
from dicomlogic_core.contracts import HeaderBatch
from dicomlogic_core.errors import DatabaseError, UsageError
from dicomlogic_core.header.wanted import wanted_tags
from dicomlogic_core.index.blocks import raw_headers
from dicomlogic_core.index.filters import matcher
from dicomlogic_core.index.ingest import Ingest
from dicomlogic_core.index.paths import is_allowed, is_inside, placement, stored_name
from dicomlogic_core.index.query import IndexQuery
from dicomlogic_core.index.store import Store
from dicomlogic_core.tags import tag_key
from dicomlogic_core.testing.json_headers import as_bytes, json_header
from dicomlogic_core.testing.phantoms import write_ct


@pytest.fixture
def store() -> Iterator[Store]:
    opened = Store.open(None)
    ingest = Ingest(opened, wanted_tags(), provider="test", location="https://host/dw")
    headers = [
        json_header(SOPInstanceUID="1.1.1.1", SeriesInstanceUID="1.1.1", StudyInstanceUID="1.1", InstanceNumber=2),
        json_header(SOPInstanceUID="1.1.1.2", SeriesInstanceUID="1.1.1", StudyInstanceUID="1.1", InstanceNumber=1),
        json_header(SOPInstanceUID="1.1.2.1", SeriesInstanceUID="1.1.2", StudyInstanceUID="1.1", Modality="MR"),
        json_header(
            SOPInstanceUID="1.2.1.1",
            SeriesInstanceUID="1.2.1",
            StudyInstanceUID="1.2",
            PatientID="P2",
            PatientName="Roe^Richard",
            StudyDate="20230505",
            SeriesNumber=7,
        ),
    ]
    ingest.add(HeaderBatch(form="json", headers=[as_bytes(*headers)]))
    ingest.finish()
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("level", "key", "values"),
    [
        ("patient", "PatientID", ["P1", "P2"]),
        ("study", "StudyInstanceUID", ["1.1", "1.2"]),
        ("series", "SeriesInstanceUID", ["1.1.1", "1.1.2", "1.2.1"]),
        ("instance", "SOPInstanceUID", ["1.1.1.1", "1.1.1.2", "1.1.2.1", "1.2.1.1"]),
    ],
)
def test_a_level_lists_its_rows_in_the_order_they_came(level: str, key: str, values: list[str], store: Store) -> None:
    assert [row[key] for row in IndexQuery(store).rows(level, {})] == values


def test_rows_are_what_the_header_says(store: Store) -> None:
    query = IndexQuery(store)
    study = query.rows("study", {"PatientID": "P2"})[0]
    assert (study["StudyDate"], study["PatientName"], study["ModalitiesInStudy"]) == ("20230505", "Roe^Richard", "CT")
    assert query.rows("series", {"SeriesInstanceUID": "1.2.1"})[0]["SeriesNumber"] == 7
    patient = query.rows("patient", {})[0]
    assert patient["NumberOfPatientRelatedStudies"] == 1
    assert patient["NumberOfPatientRelatedInstances"] == 3
    assert [row["InstanceNumber"] for row in query.rows("instance", {"SeriesInstanceUID": "1.1.1"})] == ["2", "1"]


@pytest.mark.parametrize(
    ("where", "series"),
    [
        ({"Modality": "MR"}, ["1.1.2"]),
        ({"PatientName": "roe*"}, ["1.2.1"]),
        ({"PatientID": "P?", "Modality": "CT"}, ["1.1.1", "1.2.1"]),
        ({"StudyDate": "20230101-20231231"}, ["1.2.1"]),
        ({"StudyDate": "20240101-"}, ["1.1.1", "1.1.2"]),
        ({"StudyDate": "-20231231"}, ["1.2.1"]),
        ({"SeriesInstanceUID": "1.1.1\\1.2.1"}, ["1.1.1", "1.2.1"]),
        ({"SeriesNumber": "7"}, ["1.2.1"]),
        ({"PatientID": "P1' OR '1'='1"}, []),
        ({"PatientID": "'; DROP TABLE Images; --"}, []),
        ({"PatientID": "[P]1"}, []),
    ],
)
def test_filters_match_as_dicom_queries_do(where: dict[str, str], series: list[str], store: Store) -> None:
    assert [row["SeriesInstanceUID"] for row in IndexQuery(store).rows("series", where)] == series


def test_a_filter_of_a_lower_level_finds_its_parents(store: Store) -> None:
    assert [row["StudyInstanceUID"] for row in IndexQuery(store).rows("study", {"Modality": "MR"})] == ["1.1"]


def test_unknown_levels_and_keywords_are_usage_errors(store: Store) -> None:
    query = IndexQuery(store)
    for level, where in (("frame", {}), ("study", {"Nonsense": "x"}), ("study", {"ImagePositionPatient": "x"})):
        with pytest.raises(UsageError) as caught:
            query.rows(level, where)
        assert caught.value.remedy


@pytest.mark.parametrize("keyword", ["PatientID", "PatientName", "StudyDate", "StudyInstanceUID"])
def test_hostile_patterns_only_ever_match_text(keyword: str) -> None:
    match = matcher(tag_key(keyword), "a.b(c[d\\e^$|{2}")
    assert not match("")
    assert not match("axb")


def test_views_read_by_column_and_travel_without_the_database(store: Store) -> None:
    query = IndexQuery(store)
    study = query.study_view("1.1")
    assert [view.series_uid for view in study] == ["1.1.1", "1.1.2"]
    assert study.by_uid("1.1.1").numbers("InstanceNumber").tolist() == [2, 1]
    assert query.study_for_series("1.1.2") == "1.1"
    assert query.study_for_series("unknown") == ""
    with pytest.raises(KeyError):
        query.study_view("unknown")


def test_the_number_of_statements_grows_with_series_not_with_instances(store: Store) -> None:
    def statements(study: str) -> int:
        count = 0

        def trace(_: str) -> None:
            nonlocal count
            count += 1

        connections = [database._connection for database in (store.main, store.cache, store.own)]
        for connection in connections:
            connection.set_trace_callback(trace)
        for view in IndexQuery(store).study_view(study):
            for key in wanted_tags().keys:
                view.text(key)
        for connection in connections:
            connection.set_trace_callback(None)
        return count

    few = statements("1.2")
    ingest = Ingest(store, wanted_tags(), provider="test", location="https://host/dw")
    more = [
        json_header(SOPInstanceUID=f"1.3.1.{n}", SeriesInstanceUID="1.3.1", StudyInstanceUID="1.3") for n in range(300)
    ]
    ingest.add(HeaderBatch(form="json", headers=[as_bytes(*more)]))
    ingest.finish()
    assert statements("1.3") == few


def test_odd_values_that_others_left_in_the_file_are_shown_not_raised(store: Store) -> None:
    store.main.rows("UPDATE Series SET SeriesNumber = x'00ff', SeriesDescription = x'ff61', SeriesDate = 'never'")
    store.main.rows("UPDATE Patients SET PatientsBirthDate = 19700131, PatientsName = CAST(x'ff' AS TEXT)")
    query = IndexQuery(store)
    series = query.rows("series", {})[0]
    assert (series["SeriesNumber"], series["SeriesDate"], series["PatientBirthDate"]) == (0, "never", "19700131")
    for level in ("patient", "study", "series", "instance"):
        assert query.rows(level, {})


def test_a_damaged_block_costs_its_series_only(store: Store) -> None:
    store.own.rows("UPDATE block SET body = x'00' WHERE series_id = (SELECT id FROM series WHERE series_uid = '1.1.1')")
    query = IndexQuery(store)
    assert [view.series_uid for view in query.study_view("1.1")] == ["1.1.2"]
    (finding,) = query.findings
    assert (finding.code, finding.where) == ("index.header-damaged", ("1.1.1",))


def test_instances_that_another_program_put_there_are_told_not_dropped_in_silence(store: Store) -> None:
    for uid, series in (("1.1.1.9", "1.1.1"), ("1.9.1.1", "1.9.1")):
        store.main.rows(
            "INSERT INTO Images (SOPInstanceUID, Filename, SeriesInstanceUID, InsertTimestamp) VALUES (?, ?, ?, '')",
            (uid, "/somewhere/a.dcm", series),
        )
    store.main.rows(
        "INSERT INTO Series (SeriesInstanceUID, StudyInstanceUID, InsertTimestamp) VALUES ('1.9.1', '1.1', '')"
    )
    query = IndexQuery(store)
    assert [view.series_uid for view in query.study_view("1.1")] == ["1.1.1", "1.1.2"]
    assert [(item.code, item.where) for item in query.findings] == [
        ("index.again", ("1.1.1",)),
        ("index.again", ("1.9.1",)),
    ]
    assert len(query.rows("instance", {})) == 6


def test_headers_of_a_server_are_kept_as_it_sent_them(store: Store) -> None:
    sent = as_bytes(json_header(SOPInstanceUID="1.4.1.1", SeriesInstanceUID="1.4.1", StudyInstanceUID="1.4")) + b" \n"
    ingest = Ingest(store, wanted_tags(), provider="test", location="https://host/dw")
    ingest.add(HeaderBatch(form="json", headers=[sent]))
    ingest.finish()
    assert raw_headers(store, "1.4.1") == [sent]
    store.own.rows("UPDATE raw SET body = x'00'")
    with pytest.raises(DatabaseError, match="index into a new folder"):
        raw_headers(store, "1.4.1")


# --- paths -----------------------------------------------------------------------------------------------------------


def test_folders_are_compared_by_components() -> None:
    assert is_inside("/x/db/sub/a", "/x/db")
    assert not is_inside("/x/db2/a", "/x/db")
    assert stored_name("/x/db2/a.dcm", "/x/db") == "/x/db2/a.dcm"
    assert stored_name("/x/db/sub/a.dcm", "/x/db") == "sub/a.dcm"


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "/data/../etc/passwd", "\\\\evil\\share\\x", "/data2/a", "relative/a", "C:\\x", "/data/a/../../b"],
)
def test_paths_outside_the_named_folders_are_refused(path: str) -> None:
    assert not is_allowed(path, ["/data"])
    assert is_allowed("/data/a/b", ["/data"])


def test_placement_warns_of_what_ctk_gets_wrong() -> None:
    assert [item.code for item in placement("/x/db2", "/x/db")] == ["index.folder-prefix"]
    assert [item.code for item in placement("/x/db/data", "/x/db")] == ["index.data-inside"]
    assert [item.code for item in placement("/x", "/x/db")] == ["index.data-inside"]
    assert placement("/y", "/x/db") == placement("https://host/x/db", "/x/db") == []


def test_a_database_that_points_elsewhere_opens_nothing_there(tmp_path: Path) -> None:
    write_ct(tmp_path / "data", slices=None)
    with dl.open(tmp_path / "db") as session:
        session.index(tmp_path / "data")
    store = Store.open(tmp_path / "db")
    store.own.write(lambda connection: connection.execute("UPDATE source SET location = '/somewhere'"))
    query = IndexQuery(store)
    (view,) = query.study_view(query.study_uids()[0])
    assert view.locations(0) == ()
    assert [item.code for item in query.findings] == ["index.path-refused"]
    store.close()


def test_a_folder_that_holds_its_data_can_be_moved(tmp_path: Path) -> None:
    paths = write_ct(tmp_path / "old/data", slices=None)
    with dl.open(tmp_path / "old") as session:
        assert "index.data-inside" in [item.code for item in session.index(tmp_path / "old/data").findings]
        names = [row["path"] for row in session.list("instance")]
        assert sorted(names) == sorted(path.as_posix() for path in paths)
    shutil.move(tmp_path / "old", tmp_path / "new")
    with dl.open(tmp_path / "new") as session:
        assert all(Path(row["path"]).is_file() for row in session.list("instance"))
        (view,) = session.study(session.list("study")[0]["StudyInstanceUID"])
        assert all(Path(view.locations(row)[0].path or "").is_file() for row in range(len(view)))


def test_the_whole_header_comes_from_the_file_or_from_what_the_server_sent(tmp_path: Path, store: Store) -> None:
    write_ct(tmp_path / "data", slices=None)
    with dl.open() as session:
        session.index(tmp_path / "data")
        (view,) = session.study(session.list("study")[0]["StudyInstanceUID"])
        assert view.dataset(0).SOPInstanceUID == view.sop_uids[0]
        shutil.rmtree(tmp_path / "data")
        with pytest.raises(dl.HeaderError, match="index the location again"):
            view.dataset(0)
    view = IndexQuery(store).study_view("1.1").by_uid("1.1.1")
    assert view.dataset(1).SOPInstanceUID == "1.1.1.2"
