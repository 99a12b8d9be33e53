"""Loading: real files equal pydicom, whole instances, other locations, lazy arrays, memory, failures of plugins."""

from __future__ import annotations

import dataclasses
import tracemalloc
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.pixels.processing import apply_color_lut

import dicomlogic_core as dl
from dicomlogic_core.builtin.files_fetcher import FilesFetcher
from dicomlogic_core.contracts import FetchContext, FetchResult
from dicomlogic_core.errors import Cancelled, DicomLogicError, NetworkError, PixelError, PluginError
from dicomlogic_core.frame_array import FrameArray
from dicomlogic_core.loading import load
from dicomlogic_core.objects import Volume
from dicomlogic_core.providers import AdaptorProvider
from dicomlogic_core.references import FrameRef, InstanceRef, Location
from dicomlogic_core.series import SeriesView, StudyView
from dicomlogic_core.testing.fakes import closed_manager, fake_plugin
from dicomlogic_core.testing.file_series import FileColumns, all_frames, loading_of, series_of
from dicomlogic_core.testing.phantom_objects import enhanced, save
from dicomlogic_core.testing.phantoms import regular, write_ct

Array = np.ndarray[Any, Any]

# Files whose frames pydicom and this project do not read alike, and why.
DIFFERENT = {
    "liver_1frame.dcm": "three functional groups for one frame: refused as short",
    "liver_expb_1frame.dcm": "three functional groups for one frame: refused as short",
    "echo_cartesian_dummy.dcm": "30 frames are announced; pydicom reads on to the end of the value",
}


def stored(paths: Path | Sequence[Path], fetcher: Any = None, **given: Any) -> Array:
    """Stored values of all frames, without any rescale."""
    columns = FileColumns([paths] if isinstance(paths, Path) else paths, {})
    columns.grids = {}  # mosaics uncut
    series = SeriesView(columns)
    refs = all_frames(series)
    loading = loading_of(series, fetcher or FilesFetcher(), **given)
    return np.asarray(loading.stack(refs, scale=[1.0] * len(refs), offset=[0.0] * len(refs)))


def by_pydicom(path: Path) -> Array | None:
    """Frames ``[k, j, i]`` as pydicom reads them; None when it cannot."""
    dataset = pydicom.dcmread(path, force=True)
    try:
        array = dataset.pixel_array
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            array = apply_color_lut(array, dataset)
    except Exception:  # pydicom raises anything
        return None
    return array if array.ndim - (dataset.SamplesPerPixel > 1 or array.shape[-1] == 3) == 3 else array[None]


def assert_as_pydicom(paths: list[Path]) -> int:
    """Compare all files that both can read; the number compared."""
    compared = 0
    for path in paths:
        try:
            dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        except Exception:  # pydicom raises anything
            continue
        if path.name in DIFFERENT or not dataset.get("Rows"):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wanted = by_pydicom(path)
        try:
            found = stored(path)
        except DicomLogicError as error:
            assert wanted is None, f"{path}: {error}"
            continue
        if wanted is not None:
            assert found.shape == wanted.shape, path
            np.testing.assert_array_equal(found, wanted, err_msg=str(path))
            assert found.dtype == wanted.dtype.newbyteorder("="), path
            compared += 1
    return compared


FOLDERS = (
    "ct dce_time_series mr_anatomical mr_asl mr_dwi mr_enhanced mr_fieldmap mr_localizer mr_mosaic mr_multiecho "
    "mr_orientation other_modalities pet_suv rt seg_pm_sr transfer_syntax malformed/pydicom malformed/dcm4che"
)


@pytest.mark.parametrize("folder", FOLDERS.split())
@pytest.mark.filterwarnings("ignore")
def test_frames_of_real_files_equal_pydicom_s(folder: str, shared_data: Path) -> None:
    paths = [path for path in sorted((shared_data / folder).rglob("dicom/**/*")) if path.is_file()]
    assert assert_as_pydicom(paths) or folder.startswith("malformed")


@pytest.mark.filterwarnings("ignore")
def test_frames_of_pydicom_s_own_files_equal_pydicom_s() -> None:
    folder = Path(str(get_testdata_file("CT_small.dcm", download=False))).parent
    # The others are damaged on purpose or need a decoder that is not installed with the lowest versions.
    assert assert_as_pydicom(sorted(folder.glob("*.dcm"))) > 45


# --- whole instances -------------------------------------------------------------------------------------------------


class WholeInstances:
    """Answers with Part-10 bytes, as a server without frames does: by instance, or under the frame's own reference."""

    def __init__(self, paths: dict[str, Path], *, by_frame: bool = False) -> None:
        self.paths = paths
        self.by_frame = by_frame
        self.asked = 0

    def plan(self, locations: Sequence[Location]) -> Sequence[Sequence[Location]]:
        return [locations]

    def fetch(self, batch: Sequence[Location], context: FetchContext) -> Iterator[FetchResult]:
        done = set()
        for location in batch:
            ref = location.ref
            whole = InstanceRef(study_uid=ref.study_uid, series_uid=ref.series_uid, sop_uid=ref.sop_uid)
            if not self.by_frame and ref.sop_uid in done:
                continue
            done.add(ref.sop_uid)
            self.asked += 1
            data = self.paths[ref.sop_uid].read_bytes()
            yield FetchResult(ref=ref if self.by_frame else whole, data=data, media_type="application/dicom")


@pytest.mark.parametrize("by_frame", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small_RLE.dcm",
        "image_dfl.dcm",
        "MR_small_bigendian.dcm",
        "SC_rgb_small_odd_big_endian.dcm",
        "rtdose.dcm",
        "rtdose_rle.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "JPEG2000.dcm",
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_frames_are_taken_out_of_whole_instances(name: str, by_frame: bool) -> None:
    path = Path(str(get_testdata_file(name, download=False)))
    fetcher = WholeInstances({series_of(path).sop_uids[0]: path}, by_frame=by_frame)
    np.testing.assert_array_equal(stored(path, fetcher), by_pydicom(path))


def test_another_instance_than_the_one_asked_for_is_refused(tmp_path: Path) -> None:
    first, second = write_ct(tmp_path, regular(2))
    uid = series_of(first).sop_uids[0]
    with pytest.raises(PixelError, match="another instance"):
        stored(first, WholeInstances({uid: second}))


class Remote(FileColumns):
    """The same headers, at URLs."""

    def locations(self, row: int) -> tuple[Location, ...]:
        (local,) = super().locations(row)
        return (dataclasses.replace(local, path=None, url="https://host/dicom-web", offset=None, length=None),)


class ByFrame(FilesFetcher):
    """Answers frame references with nothing a client could cut: only whole instances are right."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def plan(self, locations: Sequence[Location]) -> Sequence[Sequence[Location]]:
        return [locations]

    def fetch(self, batch: Sequence[Location], context: FetchContext) -> Iterator[FetchResult]:
        for location in batch:
            assert isinstance(location.ref, InstanceRef)
            yield FetchResult(ref=location.ref, data=self.path.read_bytes())


def test_bits_that_run_on_across_frames_are_cut_out_of_the_whole_instance(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    frames = rng.integers(0, 2, (5, 7, 9)).astype(np.uint8)
    dataset = enhanced(regular(5), name="bits")
    dataset.Rows, dataset.Columns = 7, 9
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = 0
    packed = np.packbits(frames.ravel(), bitorder="little").tobytes()
    dataset.PixelData = packed + b"\0" * (len(packed) % 2)
    path = save(dataset, tmp_path / "bits.dcm")
    np.testing.assert_array_equal(stored(path), frames)
    series = SeriesView(Remote([path], {}))
    refs = all_frames(series)
    found = loading_of(series, ByFrame(path)).stack(refs, scale=[1.0] * 5)
    np.testing.assert_array_equal(np.asarray(found), frames)


# --- other locations -------------------------------------------------------------------------------------------------


class TwoPlaces(FileColumns):
    """Every instance is at a place that is gone and at the file."""

    def locations(self, row: int) -> tuple[Location, ...]:
        (there,) = super().locations(row)
        return dataclasses.replace(there, path=str(self.paths[row]) + ".gone"), there


def test_the_next_location_is_used_when_the_first_fails(tmp_path: Path) -> None:
    paths = write_ct(tmp_path, regular(4))
    series = SeriesView(TwoPlaces(paths, {}))
    found = loading_of(series, FilesFetcher()).stack(all_frames(series), scale=[1.0] * 4)
    np.testing.assert_array_equal(np.asarray(found), stored(paths))
    paths[2].unlink()
    with pytest.raises(PixelError) as caught:
        loading_of(series, FilesFetcher()).stack(all_frames(series))
    assert caught.value.code == "pixels.missing"


def test_all_failures_are_told_at_once(tmp_path: Path) -> None:
    paths = write_ct(tmp_path, regular(5))
    series = series_of(paths)
    for path in paths[1:4]:
        path.unlink()
    with pytest.raises(PixelError, match="3 of 5 frames"):
        loading_of(series, FilesFetcher()).stack(all_frames(series))


def test_a_palette_that_the_metadata_left_out_is_read_from_the_instance() -> None:
    path = Path(str(get_testdata_file("examples_palette.dcm", download=False)))

    def metadata(uid: str) -> pydicom.Dataset:
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        for colour in ("Red", "Green", "Blue"):
            del dataset[f"{colour}PaletteColorLookupTableData"]
        return dataset

    series = SeriesView(FileColumns([path], {}), dataset=metadata)
    found = loading_of(series, FilesFetcher()).stack(all_frames(series))
    np.testing.assert_array_equal(np.asarray(found), by_pydicom(path))


# --- lazy ------------------------------------------------------------------------------------------------------------


class Counting(FilesFetcher):
    """Counts the frames it is asked for."""

    asked = 0

    def fetch(self, batch: Sequence[Location], context: FetchContext) -> Iterator[FetchResult]:
        self.asked += len(batch)
        return super().fetch(batch, context)


def test_one_slice_on_demand_costs_one_frame(tmp_path: Path) -> None:
    paths = write_ct(tmp_path, regular(20))
    series = series_of(paths)
    fetcher = Counting()
    lazy = loading_of(series, fetcher, lazy=True).stack(all_frames(series))
    assert isinstance(lazy, FrameArray) and fetcher.asked == 0
    eager = loading_of(series, FilesFetcher()).stack(all_frames(series))
    np.testing.assert_array_equal(lazy[12], np.asarray(eager)[12])
    assert fetcher.asked == 1
    np.testing.assert_array_equal(lazy[-1], np.asarray(eager)[-1])
    np.testing.assert_array_equal(lazy[10:14], np.asarray(eager)[10:14])
    assert fetcher.asked == 5
    np.testing.assert_array_equal(np.asarray(lazy), eager)
    assert fetcher.asked == 20


def test_tiles_of_one_mosaic_cost_its_frame_once(shared_data: Path) -> None:
    paths = sorted((shared_data / "mr_mosaic/siemens_mosaic_ax_asc35/dicom").iterdir())
    series = series_of(paths)
    refs = series.frames.refs()
    fetcher = Counting()
    lazy = loading_of(series, fetcher, lazy=True).stack(refs)
    eager = np.asarray(loading_of(series, FilesFetcher()).stack(refs))
    for k in (0, 1, 34, 7):
        np.testing.assert_array_equal(lazy[k], eager[k])
    assert fetcher.asked == 1
    np.testing.assert_array_equal(lazy[30:40], eager[30:40])
    assert fetcher.asked == 2


def _large(folder: Path, count: int) -> list[Path]:
    from dicomlogic_core.testing.phantom_objects import set_pixels

    image = np.arange(512 * 512, dtype=np.uint16).reshape(512, 512) & 0x0FFF
    return write_ct(folder, regular(count), change=lambda number, dataset: set_pixels(dataset, image))


def test_memory_of_loading(tmp_path: Path) -> None:
    """At most 1.1 times the array when everything is loaded; less than two frames for one slice."""
    series = series_of(_large(tmp_path, 24))
    refs = all_frames(series)
    frame = 512 * 512 * 2
    for lazy in (False, True):
        loading = loading_of(series, FilesFetcher(), lazy=lazy)
        tracemalloc.start()
        try:
            array = loading.stack(refs)
            if isinstance(array, FrameArray):
                assert tracemalloc.get_traced_memory()[1] < frame
                assert array[7].shape == (512, 512)
                assert tracemalloc.get_traced_memory()[1] < 2 * frame
                del array
                array = loading.stack(refs)
                tracemalloc.reset_peak()
                array = array.fetch() if isinstance(array, FrameArray) else array
            assert tracemalloc.get_traced_memory()[1] < 1.1 * 24 * frame
        finally:
            tracemalloc.stop()
        assert array.nbytes == 24 * frame


def test_short_frame_raises_when_it_is_fetched(tmp_path: Path) -> None:
    import os

    paths = write_ct(tmp_path, regular(4))
    series = series_of(paths)
    lazy = loading_of(series, FilesFetcher(), lazy=True).stack(all_frames(series))
    os.truncate(paths[1], paths[1].stat().st_size - 100)
    assert lazy[0].shape == (32, 24)
    with pytest.raises(PixelError) as caught:
        lazy[1]
    assert caught.value.code == "pixels.short"
    assert lazy[2].shape == (32, 24)


# --- load ------------------------------------------------------------------------------------------------------------


class Reader:
    """An adaptor that loads what a test tells it to."""

    def __init__(self, action: Any) -> None:
        self.action = action

    def examine(self, series: SeriesView, study: StudyView) -> list[dl.Loadable]:
        return []

    def load(self, loadable: dl.Loadable, context: dl.LoadContext) -> Any:
        return self.action(loadable, context)


def load_by(action: Any, paths: list[Path], **given: Any) -> Any:
    """`load` of all frames by an adaptor that does `action`."""
    series = series_of(paths)
    provider = AdaptorProvider(name="reader", label="", factory=lambda: Reader(action))
    loadable = dl.Loadable(
        adaptor="reader",
        kind="volume",
        name="all",
        study_uid=series.study_uid,
        series_uids=(series.series_uid,),
        frames=all_frames(series),
        options={"mode": "of the loadable"},
    )
    registry = closed_manager(fake_plugin(provider)).registry
    return load(loadable, StudyView(series.study_uid, [series]), registry, **given)


def _volume(loadable: dl.Loadable, context: dl.LoadContext, findings: tuple[dl.Finding, ...] = ()) -> Volume:
    array = context.stack(loadable.frames)
    k, j, i = array.shape
    return Volume(array=array, geometry=dl.Geometry(size_ijk=(i, j, k), ijk_to_lps=np.eye(4)), findings=findings)


@pytest.fixture
def ct(tmp_path: Path) -> list[Path]:
    return write_ct(tmp_path / "ct", regular(5))


def test_load_gives_what_the_adaptor_makes(ct: list[Path]) -> None:
    volume = load_by(_volume, ct)
    assert volume.array.dtype == np.int16
    assert volume.array[2, 0, 0] == int(stored(ct)[2, 0, 0]) - 1024


def test_findings_of_loading_join_those_of_the_adaptor_once(ct: list[Path]) -> None:
    def action(loadable: dl.Loadable, context: dl.LoadContext) -> Volume:
        mine = dl.finding("geometry.tilt", "tilted")
        context.report(mine)
        context.report(dl.finding("pixels.padding", "padded"))
        context.report(dl.finding("pixels.padding", "padded"))
        return _volume(loadable, context, (mine,))

    assert [one.code for one in load_by(action, ct).findings] == ["geometry.tilt", "pixels.padding"]


def test_what_headers_tell_is_a_finding_of_the_loaded_volume(tmp_path: Path) -> None:
    paths = write_ct(
        tmp_path, regular(3), change=lambda number, one: setattr(one, "PhotometricInterpretation", "MONOCHROME1")
    )
    assert "pixels.monochrome1" in [one.code for one in load_by(_volume, paths).findings]


def test_padding_of_the_header_is_in_the_volume_in_its_own_unit(tmp_path: Path) -> None:
    def change(number: int, dataset: pydicom.Dataset) -> None:
        dataset.PixelPaddingValue = 7

    assert load_by(_volume, write_ct(tmp_path / "padded", regular(3), change=change)).metadata["padding"] == 7 - 1024
    assert "padding" not in load_by(_volume, write_ct(tmp_path / "plain", regular(3))).metadata


def test_objects_without_findings_are_passed_on(ct: list[Path]) -> None:
    def action(loadable: dl.Loadable, context: dl.LoadContext) -> dict[str, int]:
        context.report(dl.finding("pixels.padding", "padded"))
        return {"frames": len(loadable.frames)}

    assert load_by(action, ct) == {"frames": 5}


def test_an_exception_of_the_adaptor_is_a_plugin_s_failure(ct: list[Path]) -> None:
    def action(loadable: dl.Loadable, context: dl.LoadContext) -> None:
        raise KeyError("oops")

    with pytest.raises(PluginError) as caught:
        load_by(action, ct)
    assert (caught.value.plugin, caught.value.stage) == ("FakePlugin", "load")
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize("error", [NetworkError("down"), PixelError("short"), dl.GeometryError("no plane")])
def test_errors_of_ours_pass_unchanged(error: DicomLogicError, ct: list[Path]) -> None:
    def action(loadable: dl.Loadable, context: dl.LoadContext) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        load_by(action, ct)
    assert caught.value is error


def test_options_of_the_loadable_win(ct: list[Path]) -> None:
    seen = load_by(lambda loadable, context: dict(context.options), ct, options={"mode": "given", "short": "zero"})
    assert seen == {"mode": "of the loadable", "short": "zero"}


def test_cancel(ct: list[Path]) -> None:
    with pytest.raises(Cancelled):
        load_by(_volume, ct, cancel=lambda: True)


def test_unknown_series_and_frames_are_refused(ct: list[Path]) -> None:
    series = series_of(ct)
    loading = loading_of(series, FilesFetcher())
    with pytest.raises(KeyError):
        loading.series("1.2.3.999")
    stranger = FrameRef(study_uid=series.study_uid, series_uid=series.series_uid, sop_uid="1.9")
    with pytest.raises(PixelError) as caught:
        loading.stack([stranger])
    assert caught.value.code == "pixels.missing"
    with pytest.raises(PixelError):
        loading.stack([None])


def test_bulk_value_of_an_instance(ct: list[Path]) -> None:
    series = series_of(ct)
    instance = series.instance(0)
    ref = dl.BulkRef(
        study_uid=instance.study_uid,
        series_uid=instance.series_uid,
        sop_uid=instance.sop_uid,
        path=("7FE00010",),
    )
    data = loading_of(series, FilesFetcher()).bulk(ref)
    assert data == pydicom.dcmread(ct[0]).PixelData
