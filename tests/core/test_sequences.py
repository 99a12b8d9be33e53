"""Sequences of volumes as objects: faces, pictures, lazy access; loaded, previewed and exported through a session."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import nrrd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import dicomlogic_core as dl
from dicomlogic_core.images import sequence_montage, write_montage
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.fakes import closed_manager, fake_plugin
from dicomlogic_core.writing import write_object


def volume(array: Any, **values: Any) -> dl.Volume:
    return dl.Volume(array=array, geometry=dl.Geometry(size_ijk=array.shape[2::-1], ijk_to_lps=np.eye(4)), **values)


def axis(name: str, *values: Any, **more: Any) -> dl.Axis:
    return dl.Axis(name=name, tag=more.get("tag", ""), unit=more.get("unit", ""), values=values)


def sequence(count: int = 3, shape: tuple[int, ...] = (4, 6, 8), **values: Any) -> dl.VolumeSequence:
    parts = tuple(volume(np.full(shape, 10 * number, np.int16)) for number in range(count))
    return dl.VolumeSequence(volumes=parts, axes=(axis("TriggerTime", *range(count), tag="00181060"),), **values)


def lazy(count: int, asked: list[tuple[int, int]]) -> dl.VolumeSequence:
    def loader(number: int) -> Any:
        def load(wanted: Any) -> Any:
            asked.extend((number, k) for k in wanted)
            return [np.full((6, 8), number, np.int16) for _ in wanted]

        return load

    parts = tuple(volume(dl.FrameArray((4, 6, 8), np.dtype("i2"), loader(number))) for number in range(count))
    return dl.VolumeSequence(volumes=parts, axes=())


# --- the object -----------------------------------------------------------------------------------------------------


def test_it_is_a_row_of_volumes_with_named_axes() -> None:
    made = sequence()
    assert len(made) == 3
    assert list(made) == list(made.volumes)
    assert made[-1] is made.volumes[2]
    assert made.axis("TriggerTime") is made.axis("00181060") is made.axes[0]
    with pytest.raises(KeyError, match="TriggerTime"):
        made.axis("EchoTime")
    assert np.array_equal(np.asarray(made), np.stack([one.array for one in made]))
    assert made.geometry is made[0].geometry
    assert "3 volumes" in repr(made)


def test_axes_that_do_not_fit_and_empty_sequences_are_refused() -> None:
    with pytest.raises(ValueError, match="2 values for 3 volumes"):
        dl.VolumeSequence(volumes=sequence().volumes, axes=(axis("EchoTime", 1, 2),))
    with pytest.raises(ValueError, match="at least one"):
        dl.VolumeSequence(volumes=(), axes=())


def test_one_frame_of_a_lazy_sequence_costs_one_frame() -> None:
    asked: list[tuple[int, int]] = []
    made = lazy(5, asked)
    assert made.lazy
    assert made[3].array[2].max() == 3
    assert asked == [(3, 2)]
    fetched = made.fetch()
    assert not fetched.lazy
    assert sorted(asked) == [(number, k) for number in range(5) for k in range(4)]
    assert fetched.fetch() is fetched


def test_reading_a_lazy_array_keeps_nothing_but_what_was_held() -> None:
    asked: list[tuple[int, int]] = []
    array = lazy(1, asked)[0].array
    assert isinstance(array, dl.FrameArray)
    first = array[1]
    assert array.read().shape == (4, 6, 8)
    assert sorted(asked) == [(0, k) for k in range(4)]  # the frame held is not asked for again
    assert array.held_indices == (1,)
    assert array[1] is first
    assert np.array_equal(array.read(), array.fetch())
    assert array.read() is array.fetch()


def test_a_shifted_grid_is_not_uniform() -> None:
    made = sequence(2)
    assert made.uniform
    matrix = np.eye(4)
    matrix[0, 3] = 0.5
    other = dl.Volume(array=made[1].array, geometry=dl.Geometry(size_ijk=(8, 6, 4), ijk_to_lps=matrix))
    assert not dl.VolumeSequence(volumes=(made[0], other), axes=()).uniform


def test_files_of_sequences_that_differ_in_an_axis_only_stand_side_by_side(tmp_path: Path) -> None:
    registry = closed_manager().registry
    made = sequence(name="4-D: x")
    other = dl.VolumeSequence(volumes=made.volumes, axes=(axis("EchoTime", 1, 2, 3),), name="4-D: x")
    for one in (made, made, other):
        write_object(registry, one, tmp_path)
    assert len(list(tmp_path.glob("*.seq.nrrd"))) == 2


# --- faces and pictures ---------------------------------------------------------------------------------------------


def test_the_face_shows_axes_and_escapes_them() -> None:
    hostile = "<script>alert(1)</script>"
    made = dl.VolumeSequence(
        volumes=sequence().volumes,
        axes=(axis(hostile, 1.5, 2.5, 3.5, unit="ms"), axis("gradient", None, (0.0, 0.6, 0.8), (1.0, 0.0, 0.0))),
        name=hostile,
        findings=(dl.finding("series.split", hostile),),
    )
    html = made._repr_html_()
    assert "<script>" not in html
    assert "1.5, 2.5, 3.5" in html
    assert "(0 0.6 0.8)" in html
    assert "data:image/png" in html
    assert "12 in memory" in html


def test_the_face_of_a_lazy_sequence_fetches_nothing() -> None:
    asked: list[tuple[int, int]] = []
    made = lazy(200, asked)
    html = made._repr_html_()
    assert "0 of 800 held" in html
    assert asked == []
    assert len(html) < 100_000


def test_a_montage_has_a_row_per_volume_and_fetches_what_it_shows(tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []
    path = write_montage(lazy(9, asked), tmp_path / "m.png")
    with Image.open(path) as image:
        image.verify()
    assert sorted({number for number, _ in asked}) == [0, 2, 4, 6, 8]
    assert len(asked) == 20


def test_films_fill_the_picture() -> None:
    film = [volume(np.full((1, 40, 40), number, np.int16)) for number in range(30)]
    picture = sequence_montage(film)
    height, width = picture.shape[:2]
    assert height == 5 * 194
    assert width == 4 * 194


@settings(max_examples=50, deadline=None)
@given(count=st.integers(1, 40), length=st.integers(1, 30), slices=st.integers(1, 40))
def test_a_montage_shows_no_more_than_it_was_asked_for(count: int, length: int, slices: int) -> None:
    asked: list[tuple[int, int]] = []

    def loader(number: int) -> Any:
        def load(wanted: Any) -> Any:
            asked.extend((number, k) for k in wanted)
            return [np.zeros((2, 2), np.int16) for _ in wanted]

        return load

    parts = [volume(dl.FrameArray((length, 2, 2), np.dtype("i2"), loader(number))) for number in range(count)]
    picture = sequence_montage(parts, slices=slices)
    assert 1 <= len(asked) <= slices
    assert len(set(asked)) == len(asked)
    assert (picture.shape[0] // 194) * (picture.shape[1] // 194) >= len(asked)


def test_rows_have_windows_of_their_own() -> None:
    ramp = np.linspace(0, 1, 48).reshape(6, 8)
    parts = [volume(np.stack([ramp * scale] * 4).astype(np.float32)) for scale in (1.0, 1000.0)]
    picture = sequence_montage(parts)
    half = picture.shape[0] // 2
    assert np.array_equal(picture[30:half, 30:], picture[half + 30 :, 30:])
    assert picture.max() == 255


# --- through a session ----------------------------------------------------------------------------------------------


class Halves:
    """Offers the two halves of a series, in order of position, as a sequence of two volumes."""

    def examine(self, series: dl.SeriesView, study: dl.StudyView) -> Iterable[dl.Loadable]:
        order = np.argsort(series["ImagePositionPatient"][:, 2])
        frames = tuple(series.frames.ref(int(row)) for row in order)
        yield dl.Loadable(
            adaptor="halves",
            kind="sequence",
            name="halves",
            study_uid=study.study_uid,
            series_uids=(series.series_uid,),
            frames=frames,
            confidence=0.9,
        )

    def load(self, loadable: dl.Loadable, context: dl.LoadContext) -> dl.VolumeSequence:
        half = len(loadable.frames) // 2
        parts = []
        for frames in (loadable.frames[:half], loadable.frames[half : 2 * half]):
            parts.append(volume(context.stack(frames), provenance=frames))
        return dl.VolumeSequence(volumes=tuple(parts), axes=(axis("half", 0, 1),), name=loadable.name)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[dl.Session]:
    phantoms.write_ct(tmp_path / "data", phantoms.regular(8))
    provider = dl.AdaptorProvider(name="halves", label="", factory=Halves)
    with dl.open(manager=closed_manager(fake_plugin(provider))) as opened:
        opened.index(tmp_path / "data")
        yield opened


def test_a_session_loads_previews_and_writes_sequences(session: dl.Session, tmp_path: Path) -> None:
    (loadable,) = session.examine()
    made = session.load(loadable, lazy=True)
    assert made.lazy
    picture = session.preview(loadable, tmp_path / "p.png")
    with Image.open(picture) as image:
        image.verify()
    (path,) = session.write(made, tmp_path / "out")
    values, _ = nrrd.read(str(path), index_order="C")
    assert np.array_equal(values, np.asarray(session.load(loadable)))


def test_a_job_writes_a_sequence_and_says_what_it_is(session: dl.Session, tmp_path: Path) -> None:
    jobs = dl.make_jobs(session, session.examine(), tmp_path / "out", portable=False)
    (result,) = dl.run_jobs(jobs, session=session)
    (row,) = result.as_dicts()
    assert row["kind"] == "sequence"
    assert row["path"].endswith(".seq.nrrd")
    assert json.loads(nrrd.read_header(row["path"])["DICOMLogic.axis.half"])["values"] == [0, 1]


def test_a_kind_that_the_format_does_not_take_fails_alone(session: dl.Session, tmp_path: Path) -> None:
    import dataclasses

    (loadable,) = session.examine()
    odd = dataclasses.replace(loadable, kind="plan")
    jobs = dl.make_jobs(session, [odd, loadable], tmp_path / "out", portable=False)
    assert len(jobs) == 2
    with pytest.raises(dl.UsageError, match="film"):
        dl.make_jobs(session, [loadable], tmp_path / "out", format="film", portable=False)
