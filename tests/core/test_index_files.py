"""Folders of real Part-10 files into a database: names, DICOMDIR, short copies, unreadable files, filters."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file

import dicomlogic_core as dl
from dicomlogic_core.index import ingest
from dicomlogic_core.testing.phantoms import write_ct


def _codes(result: object) -> list[str]:
    return [item.code for item in result.findings]  # type: ignore[attr-defined]


def test_the_second_run_reads_nothing_and_changes_nothing(tmp_path: Path) -> None:
    write_ct(tmp_path / "data")
    (tmp_path / "data/readme.txt").write_text("no DICOM")
    with dl.open(tmp_path / "db") as session:
        first = session.index(tmp_path / "data")
        assert (first.patients, first.studies, first.series, first.instances) == (1, 1, 1, 20)
        assert (first.skipped, first.failed, first.findings) == (1, (), ())
        before = session.list("instance"), session.list("series")
    for path in (tmp_path / "data").iterdir():
        size = path.stat().st_size
        status = path.stat()
        path.write_bytes(bytes(size))  # a second reading would fail
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with dl.open(tmp_path / "db") as session:
        again = session.index(tmp_path / "data")
        assert (again.instances, again.skipped, again.failed) == (0, 21, ())
        assert (session.list("instance"), session.list("series")) == before


def test_files_of_a_dicomdir_are_found_and_the_dicomdir_is_a_note(tmp_path: Path) -> None:
    source = Path(str(get_testdata_file("DICOMDIR"))).parent
    shutil.copytree(source, tmp_path / "data", ignore=shutil.ignore_patterns("DICOMDIR-*", "*.py", "__pycache__"))
    with dl.open() as session:
        result = session.index(tmp_path / "data")
        assert "file.dicomdir" in _codes(result)
        listed = {Path(row["path"]).name for row in session.list("instance")}
    uids = set()
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file() and path.name != "DICOMDIR":
            uids.add(str(pydicom.dcmread(path, force=True).get("SOPInstanceUID", "")))
    assert len(listed) == result.instances == len(uids - {""})


@pytest.mark.parametrize("good_first", [True, False])
@pytest.mark.parametrize("together", [True, False])
def test_a_copy_that_is_cut_short_never_takes_the_place_of_the_whole_file(
    good_first: bool, together: bool, tmp_path: Path
) -> None:
    (good,) = [path for path in write_ct(tmp_path / "all") if pydicom.dcmread(path).InstanceNumber == 3]
    data = tmp_path / "data"
    data.mkdir()
    whole, cut = (data / "1", data / "2") if good_first else (data / "2", data / "1")
    with dl.open() as session:
        for path in sorted((whole, cut)):
            path.write_bytes(good.read_bytes() if path == whole else good.read_bytes()[:-100])
            if not together:
                session.index(data)
        session.index(data)
        assert [row["path"] for row in session.list("instance")] == [str(whole)]
        assert session.index(data).skipped == 2


def test_a_broken_file_is_told_and_read_again_when_it_changed(tmp_path: Path) -> None:
    (one, *_) = write_ct(tmp_path / "data")
    good = one.read_bytes()
    one.write_bytes(good[:300])
    with dl.open() as session:
        result = session.index(tmp_path / "data")
        assert [Path(failure["location"]) for failure in result.failed] == [one]
        assert result.instances == 19
        one.write_bytes(good)
        result = session.index(tmp_path / "data")
        assert (result.instances, result.skipped, result.failed) == (1, 19, ())


def test_filters_apply_to_files(tmp_path: Path) -> None:
    write_ct(tmp_path / "data")
    with dl.open() as session:
        assert session.index(tmp_path / "data", where={"InstanceNumber": "1?"}).instances == 10
        assert session.index(tmp_path / "data", where={"OperatorsName": "nobody"}).instances == 0
        with pytest.raises(dl.UsageError):
            session.index(tmp_path / "data", where={"NoSuchKeyword": "x"})
        assert session.index(tmp_path / "data").instances == 10


def test_files_of_one_series_in_many_batches_are_one_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BATCH_INSTANCES", 3)
    monkeypatch.setattr("dicomlogic_core.builtin.files_source.BATCH_FILES", 4)
    write_ct(tmp_path / "data")
    with dl.open(tmp_path / "db") as session:
        session.index(tmp_path / "data")
    with dl.open(tmp_path / "db") as session:
        (study,) = session.list("study")
        (view,) = session.study(study["StudyInstanceUID"])
        assert sorted(view.numbers("InstanceNumber").tolist()) == list(range(1, 21))
        rows = [view.locations(row)[0] for row in range(20)]
    for place, uid in zip(rows, view.sop_uids):
        dataset = pydicom.dcmread(str(place.path))
        assert dataset.SOPInstanceUID == uid
        data = Path(str(place.path)).read_bytes()
        assert place.offset is not None
        assert place.length is not None
        assert data[place.offset : place.offset + place.length] == dataset.PixelData


def test_reading_only_needs_no_writing(tmp_path: Path) -> None:
    write_ct(tmp_path / "data")
    with dl.open(tmp_path / "db") as session:
        session.index(tmp_path / "data")
    with dl.open(tmp_path / "db", read_only=True) as session:
        assert len(session.list("instance")) == 20
        assert len(session.study(session.list("study")[0]["StudyInstanceUID"])) == 1
        with pytest.raises(dl.DatabaseError, match="reading only"):
            session.index(tmp_path / "data")


def test_a_folder_beside_the_database_with_the_same_beginning_is_stored_whole(tmp_path: Path) -> None:
    write_ct(tmp_path / "db2")
    with dl.open(tmp_path / "db") as session:
        assert _codes(session.index(tmp_path / "db2")) == ["index.folder-prefix"]
        names = session._store.main.rows("SELECT Filename FROM Images")
        assert all(str(name).startswith((tmp_path / "db2").as_posix() + "/") for (name,) in names)


def test_slicer_which_watches_the_file_sees_a_batch_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH_INSTANCES", 20)
    monkeypatch.setattr("dicomlogic_core.builtin.files_source.BATCH_FILES", 10)
    for number in range(4):
        write_ct(tmp_path / f"data/{number}", name=f"watch {number}")
    sizes = set()
    with dl.open(tmp_path / "db") as session:
        session.index(
            tmp_path / "data",
            cancel=lambda: bool(sizes.add((tmp_path / "db/ctkDICOM.sql").read_bytes())),  # type: ignore[func-returns-value]
        )
    assert len(sizes) > 2
