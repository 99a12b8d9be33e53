"""What instances become in the database: identity, parents, columns, the same instance again, failures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dicomlogic_core.contracts import Failure, HeaderBatch, Unchanged
from dicomlogic_core.errors import SourceError
from dicomlogic_core.header.wanted import TAG_CACHE, wanted_tags
from dicomlogic_core.index.ingest import Ingest
from dicomlogic_core.index.query import IndexQuery
from dicomlogic_core.index.result import IndexResult
from dicomlogic_core.index.store import Store
from dicomlogic_core.references import InstanceRef, Location
from dicomlogic_core.testing.json_headers import as_bytes, json_header

WEB = "https://host/dicom-web"


@pytest.fixture
def store() -> Iterator[Store]:
    opened = Store.open(None)
    yield opened
    opened.close()


def _locate(study: str, series: str, sop: str, has_pixels: bool) -> Location:
    url = f"{WEB}/studies/{study}/series/{series}/instances/{sop}" + ("/frames/1" if has_pixels else "")
    return Location(ref=InstanceRef(study_uid=study, series_uid=series, sop_uid=sop), source=WEB, url=url)


def _batch(*headers: dict[str, Any], path: str | None = None, **options: Any) -> HeaderBatch:
    if path is None:
        return HeaderBatch(form="json", headers=[as_bytes(*headers)], locate=_locate, **options)
    place = Location(ref=InstanceRef(study_uid="", series_uid="", sop_uid=""), source="/data", path=path)
    return HeaderBatch(
        form="json", headers=[as_bytes(*headers)], locations=[place], keys=[path], versions=["1:1"], **options
    )


def _index(store: Store, *items: Any, location: str = WEB, **options: Any) -> IndexResult:
    ingest = Ingest(store, wanted_tags(), provider="test", location=location, **options)
    for item in items:
        ingest.add(item)
    return ingest.finish()


def _rows(store: Store, table: str) -> list[dict[str, Any]]:
    names = [row[1] for row in store.main.rows(f"PRAGMA table_info({table})")]
    return [dict(zip(names, row)) for row in store.main.rows(f"SELECT * FROM {table} ORDER BY rowid")]


def _row(store: Store, table: str) -> dict[str, Any]:
    (row,) = _rows(store, table)
    return row


def _codes(result: IndexResult) -> list[str]:
    return [item.code for item in result.findings]


# --- identity --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patient_id", "name", "stored"),
    [
        ("P1", "Doe^Jane", ("P1", "Doe^Jane")),
        ("P1", "", ("P1", "P1")),
        ("", "Doe^Jane", ("1.2.3.4", "Doe^Jane")),
        ("", "", ("1.2.3.4", "1.2.3.4")),
        (None, None, ("1.2.3.4", "1.2.3.4")),
        ("P1", "a^b\\c^d", ("P1", "a^b")),
    ],
)
def test_missing_names_are_replaced_as_ctk_does(
    patient_id: str | None, name: str | None, stored: tuple[str, str], store: Store
) -> None:
    _index(store, _batch(json_header(PatientID=patient_id, PatientName=name)))
    patient = _row(store, "Patients")
    assert (patient["PatientID"], patient["PatientsName"]) == stored
    assert (patient["DisplayedNumberOfStudies"], patient["DisplayedLastStudyDate"]) == (1, "2024-01-02")


def test_birth_date_is_no_part_of_identity_and_is_filled_once(store: Store) -> None:
    headers = [
        json_header(StudyInstanceUID=f"1.{n}", SeriesInstanceUID=f"1.{n}.1", SOPInstanceUID=f"1.{n}.1.1")
        for n in range(3)
    ]
    for number, date in enumerate((None, "19700131", "19800101")):
        if date:
            headers[number]["00100030"] = {"vr": "DA", "Value": [date]}
        _index(store, _batch(headers[number]))
    patient = _row(store, "Patients")
    assert patient["PatientsBirthDate"] == "1970-01-31"
    assert patient["DisplayedNumberOfStudies"] == 3


def test_a_study_under_two_patients_stays_with_the_first(store: Store) -> None:
    other = json_header(PatientID="P2", PatientName="Other", SOPInstanceUID="1.2.3.4.5.2")
    result = _index(store, _batch(json_header()), _batch(other))
    assert _codes(result) == ["index.parent-conflict"]
    patient = _row(store, "Patients")
    assert (patient["PatientID"], patient["DisplayedNumberOfStudies"]) == ("P1", 1)
    assert _row(store, "Series")["DisplayedCount"] == 2


def test_a_series_under_two_studies_stays_with_the_first(store: Store) -> None:
    other = json_header(StudyInstanceUID="1.2.9", SOPInstanceUID="1.2.3.4.5.2")
    result = _index(store, _batch(json_header()), _batch(other))
    assert _codes(result) == ["index.parent-conflict"]
    assert _row(store, "Studies")["StudyInstanceUID"] == "1.2.3.4"
    assert len(_rows(store, "Images")) == 2


# --- columns ---------------------------------------------------------------------------------------------------------


def test_absent_is_null_and_empty_is_empty_and_missing_numbers_are_zero(store: Store) -> None:
    _index(store, _batch(json_header(StudyDescription="", SeriesNumber=None, AccessionNumber=None)))
    study, series = _row(store, "Studies"), _row(store, "Series")
    assert (study["StudyDescription"], study["AccessionNumber"], study["ModalitiesInStudy"]) == ("", None, None)
    assert [series[name] for name in ("SeriesNumber", "AcquisitionNumber", "EchoNumber", "TemporalPosition")] == [0] * 4


@pytest.mark.parametrize(("date", "stored"), [("19700131", "1970-01-31"), ("1970.01.31", None), ("19700230", None)])
def test_only_possible_dates_are_stored(date: str, stored: str | None, store: Store) -> None:
    _index(store, _batch(json_header(PatientBirthDate=date, StudyDate=date, SeriesDate=date)))
    assert _row(store, "Patients")["PatientsBirthDate"] == stored
    assert _row(store, "Studies")["StudyDate"] == stored
    assert _row(store, "Series")["SeriesDate"] == stored


@pytest.mark.parametrize(
    ("text", "number", "told"),
    [("+07", 7, False), ("99999999999", 0, True), ("1" + "0" * 30, 0, True), ("3\\4", 3, False)],
)
def test_integers_are_32_bits_wide_or_zero_with_a_finding(text: str, number: int, told: bool, store: Store) -> None:
    result = _index(store, _batch(json_header(AcquisitionNumber=text)))
    assert _row(store, "Series")["AcquisitionNumber"] == number
    assert _codes(result) == (["header.integer-range"] if told else [])
    assert store.cache.rows("SELECT Value FROM TagCache WHERE Tag = '0020,0012'") == [(text,)]


def test_later_instances_fill_what_the_first_left_open_and_change_nothing_else(store: Store) -> None:
    first = json_header(Modality="RTSTRUCT", StudyDescription=None, StudyTime="", StudyID="1")
    later = json_header(
        SOPInstanceUID="1.2.3.4.6.1",
        SeriesInstanceUID="1.2.3.4.6",
        StudyDescription="Thorax",
        StudyTime="101010",
        StudyID="2",
        PatientSex="F",
    )
    for order in ([first, later], [first], [later]):
        _index(store, _batch(*order))
    study = _row(store, "Studies")
    assert (study["StudyDescription"], study["StudyTime"], study["StudyID"]) == ("Thorax", "101010", "1")
    assert _row(store, "Patients")["PatientsSex"] == "F"
    assert study["DisplayedNumberOfSeries"] == 2


def test_timestamps_have_the_forms_of_ctk(store: Store) -> None:
    _index(store, _batch(json_header()))
    for table in ("Patients", "Studies", "Series", "Images"):
        row = _row(store, table)
        assert len(row["InsertTimestamp"]) == 23
        assert row["InsertTimestamp"][10] == "T"
        assert len(row["DisplayedFieldsUpdatedTimestamp"]) == 19
        assert row["DisplayedFieldsUpdatedTimestamp"][10] == " "


def test_odd_letters_and_numbers_survive(store: Store) -> None:
    result = _index(store, _batch(json_header(StudyDescription="a\0b\ud800c", SeriesDescription="100 % 'x'; --")))
    assert result.instances == 1
    assert _row(store, "Studies")["StudyDescription"].replace("�", "").replace("?", "") == "abc"
    assert _row(store, "Series")["SeriesDescription"] == "100 % 'x'; --"


# --- tag cache -------------------------------------------------------------------------------------------------------


def test_every_tag_has_a_row_and_markers_say_why_there_is_no_text(store: Store) -> None:
    _index(store, _batch(json_header(SeriesDescription="", ReferencedSeriesSequence=None)))
    found = dict(store.cache.rows("SELECT Tag, Value FROM TagCache WHERE SOPInstanceUID = '1.2.3.4.5.1'"))
    assert sorted(found) == sorted(f"{key[:4]},{key[4:]}" for key in TAG_CACHE)
    assert all(tag == tag.upper() for tag in found)
    assert found["0008,103E"] == "__TAG_NOT_IN_INSTANCE__"
    assert found["0008,0060"] == "CT"
    assert found["7FE0,0010"] == "__VALUE_IS_NOT_STORED__"  # implied by Rows, Columns and BitsAllocated
    assert found["0008,1115"] == "__TAG_NOT_IN_INSTANCE__"


def test_without_pixels_the_pixel_tag_is_not_in_the_instance(store: Store) -> None:
    header = json_header(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", Rows=None, Columns=None, BitsAllocated=None)
    _index(store, _batch(header))
    assert store.cache.rows("SELECT Value FROM TagCache WHERE Tag = '7FE0,0010'") == [("__TAG_NOT_IN_INSTANCE__",)]
    assert _row(store, "Images")["URL"] == f"{WEB}/studies/1.2.3.4/series/1.2.3.4.5/instances/1.2.3.4.5.1"


@pytest.mark.parametrize(("setting", "count"), [("slicer", 98), ("displayed", 40), ("off", 0), (["00080060"], 1)])
def test_the_size_of_the_cache_is_a_setting(setting: Any, count: int, store: Store) -> None:
    headers = [json_header(SOPInstanceUID=f"1.2.3.4.5.{n}") for n in range(23)]
    _index(store, _batch(*headers), tag_cache=setting)
    assert store.cache.rows("SELECT count(*) FROM TagCache") == [(23 * count,)]


# --- again -----------------------------------------------------------------------------------------------------------


def test_the_same_again_is_skipped_and_changes_no_row(store: Store) -> None:
    headers = [json_header(SOPInstanceUID=f"1.2.3.4.5.{n}") for n in range(5)]
    first = _index(store, _batch(*headers))
    before = [_rows(store, table) for table in ("Patients", "Studies", "Series", "Images")]
    again = _index(store, _batch(*headers))
    assert (first.instances, first.skipped) == (5, 0)
    assert (again.patients, again.studies, again.series, again.instances, again.skipped) == (0, 0, 0, 0, 5)
    assert [_rows(store, table) for table in ("Patients", "Studies", "Series", "Images")] == before
    assert store.own.rows("SELECT count(*) FROM block") == [(1,)]


@pytest.mark.parametrize("order", [("url", "file"), ("file", "url")])
def test_a_file_and_a_url_of_one_instance_stay_together(order: tuple[str, str], store: Store) -> None:
    batches = {"url": _batch(json_header()), "file": _batch(json_header(), path="/data/a.dcm")}
    for kind in order:
        _index(store, batches[kind], location="/data" if kind == "file" else WEB)
    image = _row(store, "Images")
    assert image["Filename"] == "/data/a.dcm"
    assert image["URL"] == f"{WEB}/studies/1.2.3.4/series/1.2.3.4.5/instances/1.2.3.4.5.1/frames/1"
    (view,) = IndexQuery(store).study_view("1.2.3.4")
    assert [place.scheme for place in view.locations(0)] == ["file", "https"]


def test_a_changed_file_is_updated_in_its_place(store: Store) -> None:
    def files(description: str) -> list[HeaderBatch]:
        return [
            _batch(
                json_header(SOPInstanceUID=f"1.5.{n}", SeriesDescription=description if n == 1 else "x"),
                path=f"/data/{n}",
            )
            for n in range(3)
        ]

    _index(store, *files("old"), location="/data")
    result = _index(store, *files("new"), location="/data")
    assert (result.instances, result.skipped) == (1, 2)
    assert _codes(result) == []
    assert [row["SOPInstanceUID"] for row in _rows(store, "Images")] == ["1.5.0", "1.5.1", "1.5.2"]
    cached = store.cache.rows("SELECT Value FROM TagCache WHERE Tag = '0008,103E' ORDER BY SOPInstanceUID")
    assert cached == [("x",), ("new",), ("x",)]
    (view,) = IndexQuery(store).study_view("1.2.3.4")
    assert view.text("SeriesDescription") == ["x", "new", "x"]
    assert view.sop_uids == ["1.5.0", "1.5.1", "1.5.2"]


@pytest.mark.parametrize("together", [True, False])
def test_one_uid_with_other_content_is_told_with_both_places_and_the_last_wins(together: bool, store: Store) -> None:
    items = [_batch(json_header(ImageComments=text), path=f"/data/{text}") for text in ("first", "second")]
    results = (
        [_index(store, *items, location="/data")]
        if together
        else [_index(store, item, location="/data") for item in items]
    )
    (finding,) = results[-1].findings
    assert (finding.code, finding.where) == ("index.duplicate-conflict", ("/data/first", "/data/second"))
    assert _row(store, "Images")["Filename"] == "/data/second"
    (view,) = IndexQuery(store).study_view("1.2.3.4")
    assert view.text("ImageComments") == ["second"]
    assert [place.path for place in view.locations(0)] == ["/data/second"]


def test_a_reduced_header_never_replaces_a_complete_one(store: Store) -> None:
    _index(store, _batch(json_header(ImageComments="complete")))
    result = _index(store, _batch(json_header(), complete=False))
    assert (result.instances, result.skipped) == (0, 1)
    (view,) = IndexQuery(store).study_view("1.2.3.4")
    assert view.text("ImageComments") == ["complete"]
    # The other way round the complete one takes its place.
    _index(store, _batch(json_header(SOPInstanceUID="1.9"), complete=False))
    assert _index(store, _batch(json_header(SOPInstanceUID="1.9", ImageComments="whole"))).instances == 1
    (view,) = IndexQuery(store).study_view("1.2.3.4")
    assert view.text("ImageComments") == ["complete", "whole"]


def test_an_instance_that_moved_leaves_no_empty_parents(store: Store) -> None:
    _index(store, _batch(json_header()), _batch(json_header(SOPInstanceUID="1.2.3.4.5.2")))
    moved = {"SeriesInstanceUID": "1.2.3.9"}
    _index(store, _batch(json_header(SOPInstanceUID="1.2.3.4.5.2", **moved)))
    counts = {row["SeriesInstanceUID"]: row["DisplayedCount"] for row in _rows(store, "Series")}
    assert counts == {"1.2.3.4.5": 1, "1.2.3.9": 1}
    _index(store, _batch(json_header(**moved)))
    assert {row["SeriesInstanceUID"]: row["DisplayedCount"] for row in _rows(store, "Series")} == {"1.2.3.9": 2}
    assert _row(store, "Studies")["DisplayedNumberOfSeries"] == 1


def test_headers_that_lost_their_study_leave_the_old_row_alone(store: Store) -> None:
    _index(store, _batch(json_header(), path="/data/a"), location="/data")
    result = _index(store, _batch(json_header(StudyInstanceUID=None), path="/data/a"), location="/data")
    assert [failure["code"] for failure in result.failed] == ["index.missing-uid"]
    assert len(_rows(store, "Images")) == 1


def test_a_series_removed_behind_our_back_is_read_again(store: Store) -> None:
    batch = _batch(json_header(), study_uid="1.2.3.4", series_uid="1.2.3.4.5", version="1")
    _index(store, batch)
    known = Ingest(store, wanted_tags(), provider="test", location=WEB).known
    assert known("series:1.2.3.4.5") == "1"
    # As Slicer removes a series: its rows, never ours.
    for table in ("Images", "Series"):
        store.main.rows(f"DELETE FROM {table}")
    known = Ingest(store, wanted_tags(), provider="test", location=WEB).known
    assert known("series:1.2.3.4.5") is None
    assert _index(store, batch).instances == 1


def test_a_series_with_a_refused_or_filtered_instance_is_asked_for_again(store: Store) -> None:
    end = {"study_uid": "1.2.3.4", "series_uid": "1.2.3.4.5", "version": "2"}
    pages = [_batch(json_header(SOPInstanceUID=None)), _batch(json_header(), **end)]
    for items, where, known in ((pages, {}, None), (pages[1:], {"PatientID": "P2"}, None), (pages[1:], {}, "2")):
        _index(store, *items, where=where)
        assert Ingest(store, wanted_tags(), provider="test", location=WEB).known("series:1.2.3.4.5") == known


def test_more_wanted_columns_mean_reading_again(store: Store) -> None:
    batch = _batch(json_header(ProtocolName="p", ImageLaterality="L"), path="/data/a")
    _index(store, batch, location="/data")
    more = wanted_tags(["ImageLaterality"])
    query = IndexQuery(store, lambda: more)
    (view,) = query.study_view("1.2.3.4")
    assert view.columns.missing_keys == {"00200062"}
    assert [item.code for item in query.findings] == ["index.again"]
    ingest = Ingest(store, more, provider="test", location="/data")
    assert ingest.known("/data/a") is None
    ingest.add(batch)
    assert ingest.finish().instances == 1
    (view,) = IndexQuery(store, lambda: more).study_view("1.2.3.4")
    assert view.text("ImageLaterality") == ["L"]
    assert view.columns.missing_keys == frozenset()
    # With fewer wanted nothing is lost and nothing is read again.
    assert Ingest(store, wanted_tags(), provider="test", location="/data").known("/data/a") == "1:1"


# --- failures --------------------------------------------------------------------------------------------------------


def test_an_instance_without_uids_is_refused_and_its_neighbours_are_not(store: Store) -> None:
    result = _index(
        store,
        _batch(
            json_header(SOPInstanceUID=None),
            json_header(StudyInstanceUID=""),
            json_header(),
            json_header(SeriesInstanceUID=None, SOPInstanceUID="1.7", StudyInstanceUID="1.8", PatientID="orphan"),
        ),
    )
    assert result.instances == 1
    assert [failure["code"] for failure in result.failed] == ["index.missing-uid"] * 3
    assert len(_rows(store, "Images")) == len(_rows(store, "Series")) == 1
    # As in CTK an instance without a series makes its patient and study only.
    assert [row["StudyInstanceUID"] for row in _rows(store, "Studies")] == ["1.2.3.4", "1.8"]


def test_failures_of_the_source_are_told_and_tried_again_but_what_is_no_dicom_is_not(store: Store) -> None:
    broken = SourceError("could not be read", code="file.unreadable", where="/data/b")
    other = SourceError("is not DICOM", code="file.not-dicom", where="/data/c")
    result = _index(
        store,
        Failure(location="/data/b", error=broken, key="/data/b", version="1:1"),
        Failure(location="/data/c", error=other, key="/data/c", version="1:1", skipped=True),
        Unchanged(count=7),
        location="/data",
    )
    assert result.failed == ({"location": "/data/b", "code": "file.unreadable", "message": "could not be read"},)
    assert result.skipped == 8
    ingest = Ingest(store, wanted_tags(), provider="test", location="/data")
    assert (ingest.known("/data/b"), ingest.known("/data/c")) == (None, "1:1")


def test_a_filter_passes_over_what_does_not_match_and_remembers_none_of_it(store: Store) -> None:
    headers = [json_header(SOPInstanceUID=f"1.{n}", PatientID=f"P{n}") for n in range(3)]
    batches = [_batch(header, path=f"/data/{n}") for n, header in enumerate(headers)]
    result = _index(store, *batches, location="/data", where={"PatientID": "P1"})
    assert (result.instances, result.skipped) == (1, 0)
    ingest = Ingest(store, wanted_tags(), provider="test", location="/data")
    assert [ingest.known(f"/data/{n}") for n in range(3)] == [None, "1:1", None]


def test_findings_are_kept_until_their_file_is_read_again(store: Store) -> None:
    for text in ("first", "second"):
        _index(store, _batch(json_header(ImageComments=text), path=f"/data/{text}"), location="/data")
    query = IndexQuery(store)
    (kept,) = query.index_findings()
    assert (kept.code, kept.where) == ("index.duplicate-conflict", ("/data/first", "/data/second"))
    _index(store, _batch(json_header(ImageComments="second"), path="/data/first"), location="/data")
    assert query.index_findings() == []


def test_no_secret_of_a_location_is_stored(store: Store) -> None:
    _index(store, _batch(json_header()), location="HTTPS://User:hunter2@Host:443//dw/?token=hunter2#hunter2")
    dump = [line for database in (store.main, store.cache, store.own) for line in database._connection.iterdump()]
    assert not [line for line in dump if "hunter2" in line or "User" in line]
    assert store.own.rows("SELECT location FROM source") == [("https://host/dw",)]
