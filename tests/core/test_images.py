"""Pictures: real PNG files, the right slices, right proportions, and no frame fetched that is not shown."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import dicomlogic_core as dl
from dicomlogic_core.images import montage, png, scaled, thumbnail, write_montage


def volume(array: Any, spacing: tuple[float, float, float] = (1, 1, 1), **values: Any) -> dl.Volume:
    size = array.shape[2::-1]
    return dl.Volume(array=array, geometry=dl.Geometry(size_ijk=size, ijk_to_lps=np.diag([*spacing, 1.0])), **values)


def lazy(count: int, asked: list[int]) -> dl.FrameArray:
    def load(wanted: Any) -> Any:
        asked.extend(wanted)
        return [np.full((8, 10), k, np.int16) for k in wanted]

    return dl.FrameArray((count, 8, 10), np.dtype("i2"), load)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (1, 1), (1, 300)])
def test_pillow_reads_what_was_drawn(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    with Image.open(io.BytesIO(png(picture))) as image:
        image.load()
        assert image.mode == ("L" if len(shape) == 2 else "RGB")
        assert np.array_equal(np.asarray(image), picture)


def test_a_montage_fetches_only_what_it_shows(tmp_path: Path) -> None:
    asked: list[int] = []
    path = write_montage(volume(lazy(100, asked)), tmp_path / "sub" / "m.png", slices=6)
    assert sorted(asked) == [0, 20, 40, 59, 79, 99]
    with Image.open(path) as image:
        image.verify()


def test_slices_lie_row_by_row_from_k_0() -> None:
    array = np.stack([np.full((10, 10), k * 50, np.uint16) for k in range(4)])
    picture = montage(volume(array, metadata={"window": [[75, 150]]}), slices=4)
    tile = picture.shape[1] // 3
    middles = [picture[tile // 2, tile // 2 + n * tile, 0] for n in range(3)]
    assert middles == [0, 85, 170]
    assert picture[tile // 2 + tile, tile // 2, 0] == 255
    assert picture[:20, :20, 2].max() == 255  # the number


def test_proportions_are_those_of_the_patient() -> None:
    assert scaled(np.zeros((10, 40)), 4.0, 1.0, 100).shape == (100, 100)
    assert scaled(np.zeros((50, 50)), 1.0, 2.0, 100).shape == (50, 100)


def test_scaling_keeps_the_mean_of_what_it_shrinks() -> None:
    frame = np.random.default_rng(3).normal(size=(400, 400))
    assert scaled(frame, 1, 1, 100).mean() == pytest.approx(frame.mean(), abs=1e-3)


def test_the_first_window_preset_decides_grey() -> None:
    array = np.array([[[-1000, 40, 1000, 90]]], np.int16)
    picture = montage(volume(array, metadata={"window": [[40, 100], [500, 2000]]}))
    line = picture[picture.shape[0] // 2]
    assert line[0, 0] == 0
    assert line[-24, 0] == 255


def test_inverted_images_are_shown_the_right_way_round() -> None:
    array = np.array([[[0, 100]]], np.uint16)
    common = {"PhotometricInterpretation": "MONOCHROME1"}
    line = montage(volume(array, metadata={"window": [[50, 100]], "common": common}))[-3]
    assert line[0, 0] > line[180, 0]


def test_colour_stays_as_it_is() -> None:
    array = np.zeros((1, 4, 4, 3), np.uint8)
    array[..., 0] = 200
    assert montage(volume(array))[100, 100].tolist() == [200, 0, 0]


def test_a_filled_slice_is_never_left_out(tmp_path: Path) -> None:
    asked: list[int] = []
    montage(volume(lazy(100, asked), missing=(3, 57)), slices=6)
    assert {3, 57} <= set(asked)
    assert len(asked) == 6


def test_filled_slices_are_framed() -> None:
    array = np.zeros((4, 10, 10), np.int16)
    picture = montage(volume(array, missing=(2,)), slices=4)
    orange = (picture == (255, 140, 0)).all(axis=2)
    tile = picture.shape[1] // 3
    assert orange[0, 2 * tile : 3 * tile - 2].all()
    assert not orange[0, : 2 * tile].any()


@pytest.mark.parametrize("fill", [np.nan, np.inf, 0.0])
def test_odd_values_still_give_a_picture(fill: float) -> None:
    picture = montage(volume(np.full((3, 5, 5), fill, np.float32)))
    assert picture.dtype == np.uint8


def test_a_thumbnail_shows_three_planes_with_the_head_up() -> None:
    array = np.zeros((10, 20, 20), np.int16)
    array[9] = 1000  # the topmost slice
    picture = thumbnail(volume(array, metadata={"window": [[500, 1000]]}), size=40)
    assert picture is not None
    coronal = picture[:20, 42:82, 0]
    assert coronal[0].min() > 200
    assert coronal[5:].max() == 0


def test_a_thumbnail_of_a_lazy_volume_asks_for_nothing() -> None:
    asked: list[int] = []
    array = lazy(10, asked)
    assert thumbnail(volume(array)) is None
    array[4]
    asked.clear()
    assert thumbnail(volume(array)) is not None
    assert asked == []


def test_a_picture_that_cannot_be_written_is_a_write_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(dl.WriteError, match="cannot be made"):
        write_montage(volume(np.zeros((1, 2, 2))), tmp_path / "file" / "m.png")
