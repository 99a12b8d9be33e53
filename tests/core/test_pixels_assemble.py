"""Arrays planned from headers: type, shape, rescale, tables, palettes, tiles, filled slices, limits."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut

from dicomlogic_core.builtin.files_fetcher import FilesFetcher
from dicomlogic_core.errors import PixelError, UsageError
from dicomlogic_core.frame_array import FrameArray
from dicomlogic_core.pixels.budget import LIMIT_BYTES, check_budget, physical_memory
from dicomlogic_core.pixels.description import PixelDescription, describe
from dicomlogic_core.pixels.lookup import expand_segments
from dicomlogic_core.pixels.modality import Linear, apply_linear, result_dtype
from dicomlogic_core.testing.file_series import all_frames, loading_of, series_of
from dicomlogic_core.testing.phantom_objects import set_pixels
from dicomlogic_core.testing.phantoms import write_ct

Array = np.ndarray[Any, Any]


def stack(paths: Path | list[Path], **given: Any) -> Array:
    """All frames of some files, in the files' order."""
    series = series_of(paths)
    array = loading_of(series, FilesFetcher()).stack(all_frames(series), **given)
    assert isinstance(array, np.ndarray)
    return array


def ramp(dtype: str = "u2", top: int = 4095) -> Array:
    return np.linspace(0, top, 32 * 24).astype(dtype).reshape(32, 24)


def write(folder: Path, *changes: Callable[[Dataset], None]) -> list[Path]:
    """One slice per change, each holding `ramp`."""

    def change(number: int, dataset: Dataset) -> None:
        set_pixels(dataset, ramp())
        changes[number](dataset)

    from dicomlogic_core.testing.phantoms import regular

    return write_ct(folder, regular(len(changes)), change=change)


def rescale(slope: str | None, intercept: str | None) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        for keyword, value in (("RescaleSlope", slope), ("RescaleIntercept", intercept)):
            if value is None:
                if keyword in dataset:
                    del dataset[keyword]
            else:
                setattr(dataset, keyword, value)

    return change


# --- type ------------------------------------------------------------------------------------------------------------


def _described(bits: int, signed: bool = False, allocated: int = 16, real: Any = "") -> PixelDescription:
    return PixelDescription(
        rows=4, columns=4, bits_allocated=allocated, bits_stored=bits, high_bit=bits - 1, signed=signed, real=real
    )


@pytest.mark.parametrize(
    ("description", "linear", "dtype"),
    [
        (_described(12), Linear(), "u2"),
        (_described(16), Linear(), "u2"),
        (_described(8, allocated=8), Linear(), "u1"),
        (_described(16, signed=True), Linear(), "i2"),
        (_described(8, signed=True, allocated=8), Linear(), "i1"),
        (_described(12), Linear(1, -1024), "i2"),
        (_described(16), Linear(1, -1024), "i4"),
        (_described(15), Linear(1, -1024), "i2"),
        (_described(15), Linear(1, 1), "i4"),
        (_described(16, signed=True), Linear(1, -1024), "i4"),
        (_described(16), Linear(1, -32768), "i2"),
        (_described(16), Linear(1, 5), "i4"),
        (_described(8, allocated=8), Linear(1, -100), "i2"),
        (_described(32, allocated=32), Linear(), "u4"),
        (_described(32, allocated=32), Linear(1, -1), "i8"),
        (_described(12), Linear(2, 0), "f4"),
        (_described(12), Linear(0.5, 0), "f4"),
        (_described(12), Linear(1, 0.5), "f4"),
        (_described(24, allocated=32), Linear(0.5, 0), "f4"),
        (_described(25, allocated=32), Linear(0.5, 0), "f8"),
        (_described(32, allocated=32, real="float"), Linear(), "f4"),
        (_described(64, allocated=64, real="double"), Linear(2, 0), "f8"),
    ],
)
def test_type_follows_from_bits_sign_slope_and_intercept(
    description: PixelDescription, linear: Linear, dtype: str
) -> None:
    assert result_dtype([(description, linear)]) == np.dtype(dtype)
    if not description.real:
        low, high = description.value_range
        limits = np.iinfo(dtype) if dtype[0] != "f" else np.finfo(dtype)
        assert limits.min <= low * linear.slope + linear.intercept
        assert high * linear.slope + linear.intercept <= limits.max


def test_signed_and_unsigned_frames_share_a_type_that_holds_both() -> None:
    mixed = [(_described(16), Linear()), (_described(16, signed=True), Linear())]
    assert result_dtype(mixed) == np.int32


def test_different_intercepts_make_floats() -> None:
    assert result_dtype([(_described(12), Linear(1, 0)), (_described(12), Linear(1, -5))]) == np.float32


@pytest.mark.parametrize("linear", [Linear(0.5, -1024.5), Linear(1.7e-5, 0.3), Linear(1, 0.1), Linear(3, 0)])
@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4"])
@pytest.mark.parametrize("out", ["f4", "f8"])
def test_rescaled_values_are_those_of_double_precision(linear: Linear, dtype: str, out: str) -> None:
    limits = np.iinfo(dtype)
    stored = np.random.default_rng(1).integers(limits.min, limits.max, (300, 301), endpoint=True).astype(dtype)
    place = np.empty(stored.shape, out)
    apply_linear(stored, linear, place)
    exact = stored.astype(np.float64) * linear.slope + linear.intercept
    np.testing.assert_array_equal(place, exact.astype(out))


def test_whole_slopes_do_not_overflow_the_stored_type() -> None:
    place = np.empty((1, 2), np.float64)
    apply_linear(np.array([[30000, -30000]], np.int16), Linear(3, 1), place)
    assert place.tolist() == [[90001.0, -89999.0]]


# --- rescale, tables, colours ----------------------------------------------------------------------------------------


def test_slope_per_slice_is_applied_without_rounding(tmp_path: Path) -> None:
    found = stack(write(tmp_path, rescale("0.5", "0"), rescale("1.5", "-10"), rescale("2.5", "7")))
    assert found.dtype == np.float32
    for k, (slope, intercept) in enumerate([(0.5, 0), (1.5, -10), (2.5, 7)]):
        np.testing.assert_array_equal(found[k], ramp() * np.float32(slope) + np.float32(intercept))


def test_hounsfield_units_are_int16(tmp_path: Path) -> None:
    found = stack(write(tmp_path, *[rescale("1", "-1024")] * 3))
    assert found.dtype == np.int16
    np.testing.assert_array_equal(found, np.stack([ramp().astype(np.int16) - 1024] * 3))
    assert (found.min(), found.max()) == (-1024, 3071)


def test_missing_rescale_is_one_and_zero(tmp_path: Path) -> None:
    found = stack(write(tmp_path, rescale(None, None)))
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found[0], ramp())


@pytest.mark.parametrize("slope", ["0", "inf", "-inf", "nan", "1e999", "abc"])
def test_slope_that_cannot_be_is_refused(slope: str, tmp_path: Path) -> None:
    series = series_of(write(tmp_path, rescale("1", "0")), {"00281053": slope})
    with pytest.raises(PixelError) as caught:
        loading_of(series, FilesFetcher()).stack(all_frames(series))
    assert caught.value.code == "pixels.rescale-invalid"
    assert caught.value.where == series.sop_uids[0]


def test_scale_and_offset_given_replace_those_of_the_header(tmp_path: Path) -> None:
    paths = write(tmp_path, rescale("2", "5"), rescale("3", "6"))
    found = stack(paths, scale=[0.25, 4.0], offset=[0.0, 1.0])
    np.testing.assert_array_equal(found[0], ramp() * np.float32(0.25))
    np.testing.assert_array_equal(found[1], ramp() * np.float32(4) + 1)
    np.testing.assert_array_equal(stack(paths, scale=[1.0, 1.0]), np.stack([ramp()] * 2))


def test_whole_numbers_are_floating_point_when_asked_for(tmp_path: Path) -> None:
    paths = write(tmp_path, rescale("1", "0"), rescale("1", "0"))
    assert stack(paths).dtype == np.uint16
    found = stack(paths, real=True)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.stack([ramp()] * 2))
    np.testing.assert_array_equal(stack(paths, scale=[1.0, 2.0], real=True)[1], 2.0 * ramp())


def test_modality_table_beats_slope(tmp_path: Path) -> None:
    def change(dataset: Dataset) -> None:
        rescale("2", "5")(dataset)
        item = Dataset()
        item.LUTDescriptor = [4096, 0, 16]
        item.ModalityLUTType = "OD"
        item["LUTDescriptor"].VR = "US"
        item.add_new(0x00283006, "OW", ((np.arange(4096) * 7) % 65536).astype("<u2").tobytes())
        dataset.ModalityLUTSequence = [item]

    (path,) = write(tmp_path, change)
    found = stack(path)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found[0], apply_modality_lut(ramp(), dcmread(path)))
    np.testing.assert_array_equal(found[0], (ramp().astype(int) * 7 % 65536))


@pytest.mark.parametrize("name", ["examples_palette.dcm"])
def test_palette_becomes_rgb(name: str) -> None:
    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"this pydicom does not bring {name}")
    dataset = dcmread(path)
    found = stack(Path(str(path)))
    wanted = apply_color_lut(dataset.pixel_array, dataset)
    assert found.shape == (1, *wanted.shape) and found.dtype == wanted.dtype
    np.testing.assert_array_equal(found[0], wanted)


def test_segmented_palette_of_the_standard() -> None:
    """Discrete, linear and indirect segments; the expansion is written out by hand from PS3.3 C.7.9.2."""
    words = np.array([0, 3, 10, 20, 30, 1, 4, 70, 2, 2, 0, 0], np.uint16)
    expected = [10, 20, 30, 40, 50, 60, 70, 10, 20, 30, 40, 50, 60, 70]
    np.testing.assert_array_equal(expand_segments(words, len(expected)), expected)


@pytest.mark.parametrize("words", [[1, 2, 5], [7, 1, 1], [0, 5, 1], [2, 1, 0, 0], []])
def test_damaged_segments_are_refused(words: list[int]) -> None:
    with pytest.raises((ValueError, IndexError)):
        expand_segments(np.array(words, np.uint16), 8)


def test_monochrome1_is_kept(tmp_path: Path) -> None:
    def change(dataset: Dataset) -> None:
        dataset.PhotometricInterpretation = "MONOCHROME1"
        rescale("1", "0")(dataset)

    np.testing.assert_array_equal(stack(write(tmp_path, change))[0], ramp())


# --- places ----------------------------------------------------------------------------------------------------------


def test_filled_slices_hold_padding_or_air_or_nan(tmp_path: Path) -> None:
    def padded(dataset: Dataset) -> None:
        rescale("1", "-1024")(dataset)
        dataset.PixelPaddingValue = 5

    for folder, change, wanted in (
        ("air", rescale("1", "-1024"), -1024),
        ("padding", padded, -1019),
        ("float", rescale("0.5", "0"), math.nan),
    ):
        series = series_of(write(tmp_path / folder, change, change))
        refs = all_frames(series)
        found = loading_of(series, FilesFetcher()).stack([refs[0], None, refs[1]])
        assert isinstance(found, np.ndarray)
        np.testing.assert_array_equal(found[1], np.full((32, 24), wanted))
        np.testing.assert_array_equal(found[0], found[2])


def test_one_frame_in_several_places_is_fetched_once(tmp_path: Path) -> None:
    series = series_of(write(tmp_path, rescale("1", "0"), rescale("1", "0")))
    refs = all_frames(series)
    told: list[tuple[int, int, str]] = []
    loading = loading_of(series, FilesFetcher(), on_progress=lambda *call: told.append(call))
    found = loading.stack([refs[1], refs[0], refs[1]])
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, np.stack([ramp()] * 3))
    assert told[-1] == (2, 2, "frames")


def test_order_of_frames_is_kept_whatever_the_order_of_files(tmp_path: Path) -> None:
    paths = write_ct(tmp_path, shuffle_seed=4)
    series = series_of(paths)
    refs = all_frames(series)
    numbers = [int(text or 0) for text in series.text("InstanceNumber")]
    ordered = [ref for _, ref in sorted(zip(numbers, refs), key=lambda pair: pair[0])]
    found = loading_of(series, FilesFetcher()).stack(ordered)
    straight = stack(write_ct(tmp_path / "straight"))
    np.testing.assert_array_equal(np.asarray(found), straight)


def test_frames_of_different_matrices_are_refused(tmp_path: Path) -> None:
    def other(dataset: Dataset) -> None:
        set_pixels(dataset, ramp()[:16])

    with pytest.raises(PixelError) as caught:
        stack(write(tmp_path, rescale("1", "0"), other))
    assert caught.value.code == "geometry.mixed-matrix"


def test_tiles_of_a_mosaic_are_cut_from_one_frame(shared_data: Path) -> None:
    path = next((shared_data / "mr_mosaic/siemens_mosaic_ax_asc35/dicom").iterdir())
    series = series_of(path)
    grid = series.columns.grids[0]
    refs = series.frames.refs()
    assert len(refs) == grid.tiles == 35
    told: list[tuple[int, int, str]] = []
    found = loading_of(series, FilesFetcher(), on_progress=lambda *call: told.append(call)).stack(refs)
    whole = dcmread(path).pixel_array
    assert isinstance(found, np.ndarray) and found.shape == (35, grid.rows, grid.columns)
    for k in range(35):
        down, right = divmod(k, grid.per_row)
        tile = whole[down * grid.rows :, right * grid.columns :][: grid.rows, : grid.columns]
        np.testing.assert_array_equal(found[k], tile)
    assert told[-1][:2] == (1, 1)


# --- limits ----------------------------------------------------------------------------------------------------------


def test_claimed_size_is_refused_before_anything_is_allocated(tmp_path: Path) -> None:
    import tracemalloc

    series = series_of(
        write(tmp_path, rescale("1", "0")), {"00280010": "65535", "00280011": "65535", "00280008": "1000"}
    )
    one = all_frames(series)[0]
    tracemalloc.start()
    try:
        with pytest.raises(PixelError) as caught:
            loading_of(series, FilesFetcher()).stack([one] * 1000)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    assert caught.value.code == "pixels.too-large"
    assert "GiB" in str(caught.value)


def test_native_length_is_compared_before_anything_is_allocated(tmp_path: Path) -> None:
    series = series_of(write(tmp_path, rescale("1", "0")), {"00280010": "20000", "00280011": "20000"})
    with pytest.raises(PixelError) as caught:
        loading_of(series, FilesFetcher()).stack(all_frames(series))
    assert caught.value.code == "pixels.short"


def test_budget_at_its_limit_and_just_above() -> None:
    limit = int(min(LIMIT_BYTES, 0.8 * physical_memory()))
    check_budget((limit, 1), np.dtype("u1"), {})
    with pytest.raises(PixelError):
        check_budget((limit + 1, 1), np.dtype("u1"), {})
    check_budget((2**40, 1), np.dtype("u1"), {"memory-gib": "1024"})
    with pytest.raises(PixelError):
        check_budget((2**20 + 1, 1), np.dtype("u1"), {"memory-gib": str(1 / 1024)})
    with pytest.raises(UsageError):
        check_budget((1,), np.dtype("u1"), {"memory-gib": "lots"})


@pytest.mark.parametrize(
    "texts",
    [
        {"00280010": "0"},
        {"00280010": None},
        {"00280011": "65536"},
        {"00280100": None},
        {"00280100": "13"},
        {"00280101": "17"},
        {"00280102": "16"},
        {"00280002": "2"},
        {"00280002": "x"},
        {"00280004": "CMYK"},
    ],
)
def test_impossible_headers_are_refused(texts: dict[str, str | None]) -> None:
    header: dict[str, str | None] = {
        "00280010": "8",
        "00280011": "8",
        "00280002": "1",
        "00280004": "MONOCHROME2",
        "00280100": "16",
        "00280101": "12",
        "00280102": "11",
        "00280103": "0",
    }
    assert describe(header.get).bits_stored == 12
    with pytest.raises(PixelError) as caught:
        describe({**header, **texts}.get)
    assert caught.value.code == "pixels.invalid-header"


def test_lazy_array_has_the_eager_one_s_shape_type_and_values(tmp_path: Path) -> None:
    series = series_of(write(tmp_path, rescale("0.5", "0"), rescale("1.5", "-10")))
    refs = all_frames(series)
    eager = loading_of(series, FilesFetcher()).stack(refs)
    lazy = loading_of(series, FilesFetcher(), lazy=True).stack(refs)
    assert isinstance(lazy, FrameArray) and isinstance(eager, np.ndarray)
    assert (lazy.shape, lazy.dtype) == (eager.shape, eager.dtype)
    np.testing.assert_array_equal(lazy[1], eager[1])
    assert lazy.held == 1
    np.testing.assert_array_equal(np.asarray(lazy), eager)
    assert not eager.flags.writeable
