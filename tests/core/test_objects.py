"""Volumes and lazy arrays: they behave like numpy's, stay read-only, and keep their place in the patient."""

from __future__ import annotations

import sys
import threading
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import dicomlogic_core as dl

TILTED = np.array([[0.7, 0.0, 0.1, -10.0], [0.0, 0.8, -0.3, -20.0], [0.05, 0.2, 2.0, 5.0], [0, 0, 0, 1]])
VALUES = np.arange(6 * 4 * 5, dtype=np.int16).reshape(6, 4, 5)


def lazy(values: Any = VALUES, asked: list[int] | None = None) -> dl.FrameArray:
    def load(wanted: Any) -> Any:
        if asked is not None:
            asked.extend(wanted)
        return [values[k].copy() for k in wanted]

    return dl.FrameArray(values.shape, values.dtype, load)


def volume(array: Any = VALUES, **values: Any) -> dl.Volume:
    return dl.Volume(array=array, geometry=dl.Geometry(size_ijk=array.shape[2::-1], ijk_to_lps=TILTED), **values)


# --- lazy arrays ----------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(key=arrays.basic_indices(VALUES.shape, allow_newaxis=True))
def test_any_basic_index_gives_what_numpy_gives(key: Any) -> None:
    expected = VALUES[key]
    got = lazy()[key]
    assert np.array_equal(got, expected)
    assert np.shape(got) == np.shape(expected)


@pytest.mark.parametrize(
    "key",
    [
        [0, 5, 5, 2],
        ([0, 2], [1, 3]),
        ([0, 2], slice(None), [1, 3]),
        ([0, 2], [1, 3], [4, 4]),
        np.array([True, False, True, False, False, True]),
        np.array([[0, 1], [2, 3]]),
        VALUES % 7 == 0,
        np.int64(3),
        (-1, [0, 2]),
        [],
    ],
    ids=str,
)
def test_lists_and_masks_give_what_numpy_gives(key: Any) -> None:
    index = key if not isinstance(key, list) else np.array(key, dtype=int)
    assert np.array_equal(lazy()[index], VALUES[index])
    assert np.array_equal(lazy()[key], VALUES[index])


@given(wanted=st.lists(st.lists(st.integers(0, 5), max_size=6), max_size=5))
def test_no_frame_is_fetched_twice(wanted: list[list[int]]) -> None:
    asked: list[int] = []
    array = lazy(asked=asked)
    for ks in wanted:
        array.frames(ks)
    assert len(asked) == len(set(asked))
    assert set(asked) == {k for ks in wanted for k in ks}
    assert array.held_indices == tuple(sorted(set(asked)))
    assert array.held == len(set(asked))
    assert np.array_equal(array.fetch(), VALUES)
    assert sorted(asked) == list(range(6))
    assert array.held == 6


@pytest.mark.parametrize("k", [6, -7])
def test_frames_beyond_the_end_are_index_errors(k: int) -> None:
    with pytest.raises(IndexError):
        lazy()[k]


def test_a_frame_that_failed_is_asked_for_again() -> None:
    calls: list[Any] = []

    def load(wanted: Any) -> Any:
        calls.append(list(wanted))
        if len(calls) == 1:
            raise dl.NetworkError("the server failed", url="http://host", retryable=True)
        return [VALUES[k].copy() for k in wanted]

    array = dl.FrameArray(VALUES.shape, VALUES.dtype, load)
    with pytest.raises(dl.NetworkError):
        array[2]
    assert array.held == 0
    assert np.array_equal(array[2], VALUES[2])


def test_many_threads_may_look_at_one_lazy_array() -> None:
    array = lazy()
    failures: list[BaseException] = []
    start = threading.Barrier(8)

    def look(number: int) -> None:
        try:
            start.wait()
            for k in range(6):
                assert np.array_equal(array[(k + number) % 6], VALUES[(k + number) % 6])
                if number == 0:
                    array.fetch()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=look, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


# --- numpy ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda: volume(VALUES.copy()), lambda: volume(lazy())], ids=["eager", "lazy"])
def test_numpy_takes_a_volume(make: Any) -> None:
    made = make()
    assert np.array_equal(np.asarray(made), VALUES)
    assert np.asarray(made, dtype=np.float32).dtype == np.float32
    copied = np.array(made, copy=True)
    copied[:] = 0
    assert np.array_equal(np.asarray(made), VALUES)
    assert not np.asarray(made).flags.writeable
    with pytest.raises(ValueError, match="copy"):
        made.__array__(dtype=np.float64, copy=False)


def test_an_array_that_does_not_fit_its_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        dl.Volume(array=VALUES, geometry=dl.Geometry(size_ijk=(6, 4, 5), ijk_to_lps=TILTED))


def test_fetching_gives_the_same_volume_in_memory() -> None:
    made = volume(lazy(), unit="Gy", name="x", missing=(2,), metadata={"a": 1})
    fetched = made.fetch()
    assert not fetched.lazy
    assert (fetched.unit, fetched.name, fetched.missing, fetched.metadata) == ("Gy", "x", (2,), {"a": 1})
    assert fetched.fetch() is fetched
    assert fetched.valid_mask().sum() == 5 * 4 * 5
    assert not fetched.valid_mask()[2].any()


# --- other libraries ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", [False, True])
def test_simpleitk_has_every_voxel_at_its_place(colour: bool) -> None:
    array = np.stack([VALUES, VALUES + 1, VALUES + 2], axis=3).astype(np.uint8) if colour else VALUES
    made = volume(array)
    image = made.to_sitk()
    for i, j, k in [(0, 0, 0), (4, 0, 0), (0, 3, 0), (0, 0, 5), (4, 3, 5)]:
        expected = (made.geometry.ijk_to_lps @ (i, j, k, 1))[:3]
        assert np.allclose(image.TransformIndexToPhysicalPoint((i, j, k)), expected, atol=1e-9)
        assert np.array_equal(image.GetPixel(i, j, k), array[k, j, i])


def test_nibabel_has_every_voxel_at_its_place_in_ras() -> None:
    made = volume()
    image = made.to_nibabel()
    assert isinstance(image, nibabel.Nifti1Image)
    data = np.asanyarray(image.dataobj)
    for i, j, k in [(0, 0, 0), (4, 3, 5), (1, 2, 3)]:
        x, y, z = (made.geometry.ijk_to_lps @ (i, j, k, 1))[:3]
        assert np.allclose((image.affine @ (i, j, k, 1))[:3], (-x, -y, z))
        assert data[i, j, k] == VALUES[k, j, i]


def test_texts_of_a_volume_hold_no_patient() -> None:
    made = volume(metadata={"common": {"PatientName": "CANARY^X", "PatientID": "CANARY"}})
    assert "CANARY" not in repr(made) + str(made) + made._repr_html_()


@pytest.mark.parametrize(("conversion", "library"), [("to_sitk", "SimpleITK"), ("to_nibabel", "nibabel")])
def test_a_library_that_is_absent_is_named(conversion: str, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=f"pip install {library}"):
        getattr(volume(), conversion)()
