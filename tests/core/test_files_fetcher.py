"""Local files: frames read in place, fragments put together, and files that are no longer what was indexed."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless

from dicomlogic_core.builtin import files_fetcher
from dicomlogic_core.builtin.files_fetcher import FilesFetcher, LocalFile
from dicomlogic_core.contracts import FetchResult
from dicomlogic_core.errors import PixelError
from dicomlogic_core.references import BulkRef, FrameRef, InstanceRef, Location, Ref
from dicomlogic_core.testing.file_series import all_frames, loading_of, series_of
from dicomlogic_core.testing.phantom_objects import enhanced, save
from dicomlogic_core.testing.phantoms import regular, write_ct
from dicomlogic_core.transfer import FetchWork
from dicomlogic_core.work import Work


@pytest.fixture(params=["preadv", "seek and read"])
def reading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of reading, whatever the system has."""
    if request.param == "preadv" and not hasattr(os, "preadv"):
        pytest.skip("this system has no preadv")
    if request.param != "preadv":
        monkeypatch.setattr(files_fetcher, "_preadv", None)
        monkeypatch.setattr(files_fetcher, "_pread", None)
    return str(request.param)


def fetch(
    locations: Sequence[Location], buffer: Callable[[Ref, int], memoryview | None] | None = None
) -> list[FetchResult]:
    fetcher = FilesFetcher()
    context = FetchWork(Work(), buffer or (lambda ref, size: None))
    return [result for batch in fetcher.plan(locations) for result in fetcher.fetch(batch, context)]


def locations_of(path: Path, frames: int = 1) -> list[Location]:
    """Locations of native frames, as loading makes them."""
    series = series_of(path)
    (base,) = series.locations(0)
    size = (base.length or 0) // frames
    return [
        dataclasses.replace(base, ref=ref, offset=(base.offset or 0) + number * size, length=size)
        for number, ref in enumerate(all_frames(series)[:frames])
    ]


@pytest.fixture
def ct(tmp_path: Path) -> list[Path]:
    return write_ct(tmp_path / "ct", regular(5))


def load(paths: Path | list[Path], **options: str) -> np.ndarray[Any, Any]:
    series = series_of(paths)
    array = loading_of(series, FilesFetcher(), options=options).stack(all_frames(series))
    assert isinstance(array, np.ndarray)
    return array


def load_fails(paths: Path | list[Path], change: Callable[[], None]) -> PixelError:
    """The error when files change after their headers were read."""
    series = series_of(paths)
    change()
    with pytest.raises(PixelError) as caught:
        loading_of(series, FilesFetcher()).stack(all_frames(series))
    assert caught.value.remedy
    return caught.value


# --- reading ---------------------------------------------------------------------------------------------------------


def test_reads_at_offsets_into_several_buffers(reading: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(range(256)))
    with LocalFile(str(path)) as file:
        assert file.size == 256
        assert file.read(250, 100) == bytes(range(250, 256))
        assert file.read(300, 10) == b""
        views = [memoryview(bytearray(5)), memoryview(bytearray(7)), memoryview(bytearray(1))]
        assert file.read_into(10, views) == 13
        assert b"".join(views) == bytes(range(10, 23))
        views = [memoryview(bytearray(4)), memoryview(bytearray(4))]
        assert file.read_into(250, views) == 6
        assert bytes(views[0]) + bytes(views[1][:2]) == bytes(range(250, 256))


def test_calls_that_read_less_than_asked_are_continued(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Linux reads at most 2 GiB at once; here a call gives seven bytes."""
    if not hasattr(os, "preadv"):
        pytest.skip("this system has no preadv")
    path = tmp_path / "x"
    path.write_bytes(bytes(range(256)))
    monkeypatch.setattr(files_fetcher, "_preadv", lambda file, views, offset: os.preadv(file, [views[0][:7]], offset))
    with LocalFile(str(path)) as file:
        views = [memoryview(bytearray(10)), memoryview(bytearray(10))]
        assert file.read_into(3, views) == 20
    assert b"".join(views) == bytes(range(3, 23))


def test_native_frames_come_straight_into_the_place_given(reading: str, tmp_path: Path) -> None:
    path = save(enhanced(regular(6), name="frames"), tmp_path / "enhanced.dcm")
    locations = locations_of(path, 6)
    size = locations[0].length or 0
    place = bytearray(6 * size)
    views = {location.ref: memoryview(place)[n * size : (n + 1) * size] for n, location in enumerate(locations)}
    results = fetch(locations, lambda ref, wanted: views[ref] if wanted == size else None)
    assert [result.ref for result in results] == [location.ref for location in locations]
    assert all(result.data is views[result.ref] for result in results)
    assert bytes(place) == dcmread(path).PixelData[: 6 * size]


def test_frames_in_any_order_and_number(reading: str, tmp_path: Path) -> None:
    path = save(enhanced(regular(40), name="frames"), tmp_path / "enhanced.dcm")
    locations = locations_of(path, 40)
    pixels = dcmread(path).PixelData
    size = locations[0].length or 0
    for wanted in ([7], [3, 4, 5], [5, 4, 3], [0, 2, 39], list(range(39, -1, -1)), list(range(40))):
        results = fetch([locations[n] for n in wanted])
        assert [bytes(result.data or b"") for result in results] == [pixels[n * size : (n + 1) * size] for n in wanted]


def test_batches_keep_a_file_together(ct: list[Path]) -> None:
    locations = [location for path in ct for location in locations_of(path)]
    mixed = [dataclasses.replace(locations[n % 5], length=1 << 20) for n in range(100)]
    batches = FilesFetcher().plan(mixed)
    assert sum(map(len, batches)) == 100 and max(map(len, batches)) <= 16
    paths = [location.path for batch in batches for location in batch]
    assert sum(a != b for a, b in pairwise(paths)) == 4


def test_little_native_data_is_one_batch(ct: list[Path]) -> None:
    locations = [dataclasses.replace(location, length=1000) for path in ct for location in locations_of(path)]
    assert FilesFetcher().plan(locations) == [locations]
    encapsulated = [dataclasses.replace(location, length=None) for location in locations]
    assert len(FilesFetcher().plan(encapsulated)) > 1, "how much there is to decode is not known"
    assert FilesFetcher().plan([]) == []


# --- encapsulated ----------------------------------------------------------------------------------------------------


def _compressed(path: Path, fragments: int, has_bot: bool, frames: int = 5) -> np.ndarray[Any, Any]:
    imagecodecs = pytest.importorskip("imagecodecs")
    dataset = enhanced(regular(frames), name="frames")
    shape = (frames, dataset.Rows, dataset.Columns)
    stored = np.random.default_rng(2).integers(0, 4096, shape).astype(np.uint16)
    encoded = [imagecodecs.jpeg2k_encode(one, level=0, codecformat="j2k", reversible=True) for one in stored]
    dataset.PixelData = encapsulate(encoded, fragments_per_frame=fragments, has_bot=has_bot)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    dataset.save_as(path, enforce_file_format=True)
    return stored


@pytest.mark.parametrize("has_bot", [True, False])
@pytest.mark.parametrize("fragments", [1, 3, 14])
def test_multi_frame_fragments(fragments: int, has_bot: bool, reading: str, tmp_path: Path) -> None:
    path = tmp_path / "j2k.dcm"
    stored = _compressed(path, fragments, has_bot)
    series = series_of(path)
    refs = all_frames(series)
    loading = loading_of(series, FilesFetcher())
    np.testing.assert_array_equal(loading.stack(refs, scale=[1.0] * 5), stored)
    np.testing.assert_array_equal(loading.stack([refs[3]], scale=[1.0]), stored[3:4])


def test_encapsulated_file_that_ends_early(tmp_path: Path) -> None:
    path = tmp_path / "j2k.dcm"
    _compressed(path, 1, True, frames=1)
    error = load_fails(path, lambda: os.truncate(path, path.stat().st_size - 200))
    assert error.code == "pixels.short"


def test_native_data_under_a_compressed_syntax_is_refused(shared_data: Path) -> None:
    series = series_of(shared_data / "malformed/derived/ts_claims_j2k.dcm")
    with pytest.raises(PixelError, match="not encapsulated") as caught:
        loading_of(series, FilesFetcher()).stack(all_frames(series))
    assert caught.value.code == "pixels.decode-failed"


# --- files that changed ----------------------------------------------------------------------------------------------


def test_truncated_file_is_short_not_a_zero_slice(ct: list[Path]) -> None:
    error = load_fails(ct, lambda: os.truncate(ct[2], ct[2].stat().st_size - 2))
    assert error.code == "pixels.short"
    assert series_of(ct[2:3]).sop_uids[0] in error.where


@pytest.mark.parametrize("left", [700, 1])
def test_zero_fill_on_request_is_told(left: int, ct: list[Path]) -> None:
    whole = load(ct)
    series = series_of(ct)
    os.truncate(ct[2], ct[2].stat().st_size - left)
    loading = loading_of(series, FilesFetcher(), options={"short": "zero"})
    found = np.asarray(loading.stack(all_frames(series)))
    np.testing.assert_array_equal(found[[0, 1, 3, 4]], whole[[0, 1, 3, 4]])
    cut = 32 * 24 - (left + 1) // 2
    np.testing.assert_array_equal(found[2].ravel()[:cut], whole[2].ravel()[:cut])
    (told,) = [one for one in loading.findings if one.code == "pixels.short"]
    assert told.where == (series.sop_uids[2],)


def test_vanished_file(ct: list[Path]) -> None:
    error = load_fails(ct, ct[1].unlink)
    assert error.code == "pixels.missing" and str(ct[1]) in str(error)


def test_file_replaced_by_another_instance_of_the_same_layout(ct: list[Path]) -> None:
    assert ct[0].stat().st_size == ct[1].stat().st_size
    error = load_fails(ct, lambda: ct[0].write_bytes(ct[1].read_bytes()) and None)
    assert error.code == "file.changed" and str(ct[0]) in str(error)


def test_file_that_is_no_longer_dicom(ct: list[Path]) -> None:
    size = ct[0].stat().st_size
    assert load_fails(ct, lambda: ct[0].write_bytes(b"x" * size) and None).code == "file.changed"
    assert load_fails(ct[1:], lambda: ct[1].write_bytes(b"") and None).code == "file.changed"


def test_folder_instead_of_a_file(ct: list[Path]) -> None:
    def change() -> None:
        ct[0].unlink()
        ct[0].mkdir()

    assert load_fails(ct, change).code in ("file.unreadable", "pixels.missing")


def test_a_uid_that_only_begins_alike_is_another() -> None:
    assert files_fetcher._names(b"..1.2.3\0..", b"1.2.3")
    assert files_fetcher._names(b"1.2.34 1.2.3", b"1.2.3")
    assert not files_fetcher._names(b"1.2.34 1.2.3.4", b"1.2.3")


# --- other references ------------------------------------------------------------------------------------------------


def _instance_location(path: Path) -> tuple[Location, InstanceRef]:
    (base,) = series_of(path).locations(0)
    assert isinstance(base.ref, InstanceRef)
    return base, base.ref


def test_whole_instance(ct: list[Path]) -> None:
    base, _ = _instance_location(ct[0])
    (result,) = fetch([base])
    assert bytes(result.data or b"") == ct[0].read_bytes()


def test_bulk_value_as_it_is_in_the_file() -> None:
    path = Path(str(get_testdata_file("rtstruct.dcm", download=False)))
    base, ref = _instance_location(path)
    dataset = dcmread(path, force=True)
    contour = dataset.ROIContourSequence[0].ContourSequence[0].ContourData
    where = BulkRef(
        study_uid=ref.study_uid,
        series_uid=ref.series_uid,
        sop_uid=ref.sop_uid,
        path=("30060039", 0, "30060040", 0, "30060050"),
    )
    (result,) = fetch([dataclasses.replace(base, ref=where)])
    assert result.error is None and result.data is not None
    assert [float(part) for part in bytes(result.data).decode().strip().split("\\")] == [float(v) for v in contour]
    missing = dataclasses.replace(where, path=("30060039", 99, "30060040"))
    (result,) = fetch([dataclasses.replace(base, ref=missing)])
    assert result.error is not None and result.data is None


def test_frame_without_a_known_place_is_an_error_value(ct: list[Path]) -> None:
    base, ref = _instance_location(ct[0])
    frame = FrameRef(study_uid=ref.study_uid, series_uid=ref.series_uid, sop_uid=ref.sop_uid)
    (result,) = fetch([dataclasses.replace(base, ref=frame, offset=None, length=None)])
    assert isinstance(result.error, PixelError) and result.error.code == "pixels.missing"


@pytest.mark.parametrize(
    "name", ["image_dfl.dcm", "SC_rgb_small_odd_big_endian.dcm", "rtdose_expb.dcm", "MR_small_implicit.dcm"]
)
def test_deflated_big_endian_and_implicit_files(name: str) -> None:
    path = Path(str(get_testdata_file(name, download=False)))
    series = series_of(path)
    refs = all_frames(series)
    found = np.asarray(loading_of(series, FilesFetcher()).stack(refs, scale=[1.0] * len(refs)))
    wanted = dcmread(path, force=True).pixel_array
    np.testing.assert_array_equal(found.reshape(wanted.shape), wanted)
    assert found.dtype.isnative


def test_dataset_of_an_instance_without_an_index(ct: list[Path]) -> None:
    series = series_of(ct)
    dataset = loading_of(series, FilesFetcher()).dataset(series.instance(3))
    assert isinstance(dataset, Dataset)
    assert dataset.SOPInstanceUID == series.sop_uids[3]
