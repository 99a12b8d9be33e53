"""The session: one object from locations to files, with closed manners towards other people's data."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomlogic_core as dl
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.fakes import closed_manager, fake_plugin
from dicomlogic_core.testing.server import serve
from dicomlogic_core.writing import write_object


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    phantoms.write_ct(folder / "plain", name="plain")
    phantoms.tricky(4, folder / "gap")
    return folder


@pytest.fixture
def session(data: Path) -> Iterator[dl.Session]:
    with dl.open() as opened:
        opened.index(data)
        yield opened


def test_memory_leaves_no_file(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with dl.open() as session:
        session.index(data)
        session.load(session.examine()[0])
    assert not list(tmp_path.iterdir())


def test_a_folder_keeps_what_was_indexed(data: Path, tmp_path: Path) -> None:
    with dl.open(tmp_path / "db") as session:
        ids = [one.id for one in session.examine()] + [session.index(data).instances]
    assert ids == [39]
    with dl.open(tmp_path / "db") as session:
        assert len(session.examine()) == 2
        assert session.index(data).instances == 0


def test_read_only_makes_nothing(data: Path, tmp_path: Path) -> None:
    with pytest.raises(dl.DatabaseError):
        dl.open(tmp_path / "absent", read_only=True)
    assert not (tmp_path / "absent").exists()
    with dl.open(tmp_path / "db") as session:
        session.index(data)
    with dl.open(tmp_path / "db", read_only=True) as session:
        assert len(session.examine()) == 2
        with pytest.raises(dl.DicomLogicError):
            session.index(data / "plain", where={"Modality": "MR"})


def test_examine_filters_results_not_the_study(session: dl.Session) -> None:
    every = session.examine(all=True)
    assert {one.id for one in session.examine()} == {one.id for one in every if one.selected}
    assert session.examine(modality="CT")
    assert session.examine(modality="MR") == []
    plain = session.examine(SeriesDescription="plain")
    assert [one.name for one in plain] == [one.name for one in session.examine(series_description="plain")]
    assert {one.series_uids for one in plain} < {one.series_uids for one in session.examine()}
    for one in every:
        assert [found.id for found in session.examine(one.id)] == [one.id]
        assert one.id in {found.id for found in session.examine(one.series_uids[0], all=True)}
        assert one.id in {found.id for found in session.examine(one.study_uid, all=True)}


def test_unknown_identifiers_and_keywords_are_refused(session: dl.Session) -> None:
    with pytest.raises(dl.UsageError, match=r"1\.2\.3\.4"):
        session.examine("1.2.3.4")
    with pytest.raises(dl.UsageError, match="NoKeyword"):
        session.examine(NoKeyword="1")
    with pytest.raises(dl.UsageError, match="NoKeyword"):
        session.index("x", where={"NoKeyword": "1"})
    with pytest.raises(dl.UsageError, match="planet"):
        session.list("planet")


def test_the_list_of_loadables_shows_itself(session: dl.Session) -> None:
    found = session.examine()
    assert isinstance(found, list)
    assert found[0].id in found._repr_html_()
    page = session._repr_html_()
    assert "database in memory" in page
    assert "2 series" in page
    assert "plain" in page
    assert "Phantom^Tricky" not in page + repr(session.list("patient"))
    session.show_phi = True
    assert "Phantom^Tricky" in repr(session.list("patient"))


def test_lazy_and_eager_volumes_are_equal(session: dl.Session) -> None:
    for loadable in session.examine():
        eager, lazy = session.load(loadable), session.load(loadable, lazy=True)
        assert lazy.lazy
        assert lazy.array.dtype == eager.array.dtype
        assert np.array_equal(lazy.array[1], eager.array[1])
        assert lazy.array.held == 1
        assert np.array_equal(np.asarray(lazy), np.asarray(eager), equal_nan=True)


def test_every_alternative_has_a_picture(session: dl.Session, tmp_path: Path) -> None:
    for loadable in session.examine(all=True):
        assert session.preview(loadable, tmp_path / f"{loadable.id}.png").is_file()


def test_cancel_keeps_what_was_committed(data: Path, tmp_path: Path) -> None:
    with dl.open(tmp_path / "db") as session:
        with pytest.raises(dl.Cancelled):
            session.index(data, cancel=lambda: True)
        again = session.index(data)
        assert again.instances + again.skipped == 39
        assert len(session.examine()) == 2


def test_progress_ends_with_a_last_call(data: Path) -> None:
    calls: list[tuple[int, int, str]] = []
    with dl.open() as session:
        session.index(data, on_progress=lambda *call: calls.append(call))
        loaded: list[tuple[int, int, str]] = []
        session.load(session.examine()[0], on_progress=lambda *call: loaded.append(call))
    assert loaded
    assert loaded[-1][0] == loaded[-1][1]


def test_a_preview_fetches_only_what_it_shows(data: Path, tmp_path: Path) -> None:
    with serve(data / "plain") as server, dl.open() as session:
        session.index(server.url)
        server.log.clear()
        session.preview(session.examine()[0], tmp_path / "p.png")
        assert server.count(r"/frames/") <= 20
        assert (tmp_path / "p.png").stat().st_size > 1000


# --- writing --------------------------------------------------------------------------------------------------------


def test_writing_twice_replaces_and_variants_stand_apart(session: dl.Session, tmp_path: Path) -> None:
    volumes = [session.load(one) for one in session.examine(all=True)]
    first = [session.write(one, tmp_path)[0] for one in volumes]
    assert len(set(first)) == len(volumes)
    assert [session.write(one, tmp_path)[0] for one in volumes] == first
    assert session.write(volumes[0], tmp_path, name="mine")[0].name == "mine.nrrd"


def test_a_file_is_called_the_same_whatever_source_its_slices_came_from(session: dl.Session, tmp_path: Path) -> None:
    volume = session.load(session.examine()[0])
    matrix = volume.geometry.ijk_to_lps
    assert (matrix == 0).any()
    rewritten = dataclasses.replace(
        volume,
        geometry=dl.Geometry(size_ijk=volume.geometry.size_ijk, ijk_to_lps=np.where(matrix == 0, -0.0, matrix + 1e-13)),
        metadata={**volume.metadata, "common": {**volume.metadata["common"], "FlipAngle": "90.0"}},
    )
    assert session.write(rewritten, tmp_path) == session.write(volume, tmp_path)


@pytest.mark.parametrize("name", ["../../escaped", "/abs", "..", "a/b"])
def test_names_do_not_leave_the_folder(session: dl.Session, tmp_path: Path, name: str) -> None:
    (path,) = session.write(session.load(session.examine()[0]), tmp_path / "out", name=name)
    assert path.parent == tmp_path / "out"
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


def test_a_failing_writer_is_named(tmp_path: Path) -> None:
    class Broken:
        def write(self, obj: Any, path: Path, options: Any) -> Any:
            raise ValueError("broken inside")

    provider = dl.WriterProvider(name="broken", label="", factory=Broken, format="odd", accepts=frozenset({"dict"}))
    manager = closed_manager(fake_plugin(provider))
    with pytest.raises(dl.PluginError, match="broken inside") as caught:
        write_object(manager.registry, {}, tmp_path, format="odd")
    assert caught.value.stage == "write"
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_format_nobody_writes_is_refused(session: dl.Session, tmp_path: Path) -> None:
    volume = session.load(session.examine()[0])
    with pytest.raises(dl.UsageError, match="tiff") as caught:
        session.write(volume, tmp_path, format="tiff")
    assert "nrrd" in caught.value.remedy
    (tmp_path / "file").write_text("x")
    with pytest.raises(dl.WriteError):
        session.write(volume, tmp_path / "file" / "out")


def test_zeros_for_short_frames_are_told_by_a_lazy_volume_too(tmp_path: Path) -> None:
    phantoms.tricky(12, tmp_path)
    with dl.open() as session:
        session.index(tmp_path)
        (loadable,) = session.examine()
        eager = session.load(loadable, options={"short": "zero"})
        lazy = session.load(loadable, lazy=True, options={"short": "zero"})
        assert np.array_equal(lazy.array[0], eager.array[0])
        assert not lazy.findings
        fetched = lazy.fetch()
    assert [found.code for found in eager.findings] == ["pixels.short"]
    assert fetched.findings == eager.findings


def test_an_instance_without_pixels_is_not_left_out_silently(tmp_path: Path) -> None:
    def change(number: int, dataset: Any) -> None:
        if number == 19:
            del dataset.PixelData

    phantoms.write_ct(tmp_path, change=change)
    with dl.open() as session:
        session.index(tmp_path)
        (loadable,) = session.examine()
        volume = session.load(loadable)
    (left,) = volume.findings
    assert (left.code, volume.array.shape[0]) == ("series.left-out", 19)
    assert "no pixels" in left.message


def test_rows_of_instances_do_not_show_where_they_lie(session: dl.Session, data: Path) -> None:
    rows = session.list("instance")
    assert data.as_posix() in rows[0]["path"]
    assert data.as_posix() not in rows._repr_html_() + repr(rows)


def test_modalities_in_study_filters_services_and_listings_but_not_files(tmp_path: Path) -> None:
    phantoms.write_ct(tmp_path / "data")
    for wanted, count in (("CT", 20), ("MR", 0)):
        with serve(tmp_path / "data") as server, dl.open() as session:
            assert session.index(server.url, where={"ModalitiesInStudy": wanted}).instances == count
            assert len(session.list("series", {"ModalitiesInStudy": "CT"})) == (count > 0)
    with serve(tmp_path / "data", filters=False) as server, dl.open() as session:
        assert session.index(server.url, where={"ModalitiesInStudy": "MR"}).instances == 0
    with dl.open() as session, pytest.raises(dl.UsageError, match="ModalitiesInStudy"):
        session.index(tmp_path / "data", where={"ModalitiesInStudy": "CT"})


@pytest.mark.parametrize(
    ("where", "count"), [({"modality": "C*"}, 2), ({"StudyDate": "20200101-20201231"}, 2), ({"StudyDate": "-2019"}, 0)]
)
def test_examine_matches_as_listings_do(where: dict[str, Any], count: int, session: dl.Session) -> None:
    assert len(session.examine(**where)) == count
    names = {"Modality" if name == "modality" else name: value for name, value in where.items()}
    assert len(session.list("series", names)) == count


def test_what_headers_do_not_have_cannot_be_asked_of_loadables(session: dl.Session) -> None:
    with pytest.raises(dl.UsageError, match="ModalitiesInStudy"):
        session.examine(ModalitiesInStudy="CT")
