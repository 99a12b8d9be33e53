"""Volumes from local series: speed against readers, a whole converter and bare reads; memory; one slice on demand.

Ours is `Session.load` of an indexed series; peers are given the files in order, so that neither side looks for them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian, generate_uid

import dicomlogic_core as dl
from benchmarks.common import Row, seconds

SIZE = 512


def rows(*, quick: bool) -> list[Row]:
    """The table's rows."""
    count = 60 if quick else 400
    repeats = 3 if quick else 5
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = write_series(folder / "int16", images(count))
        found += _series_rows(whole, np.int16, repeats)
        found += _memory_rows(whole)
        found += _lazy_rows(whole)
        shutil.rmtree(folder / "int16")
        scaled = write_series(folder / "float32", images(count), slope="0.5", intercept="-1024.5")
        found += _series_rows(scaled, np.float32, repeats)
        shutil.rmtree(folder / "float32")
        found += _enhanced_rows(folder / "enhanced", count, repeats)
    return found


# --- data ------------------------------------------------------------------------------------------------------------


def images(count: int) -> np.ndarray[Any, Any]:
    """``[k, j, i]`` uint16 of 12 bits: smooth shapes with noise, which compresses about as CT does."""
    rng = np.random.default_rng(7)
    j, i = np.mgrid[:SIZE, :SIZE] / SIZE - 0.5
    body = np.hypot(j * 1.2, i) < 0.42
    base = np.where(body, 1040 + 200 * np.sin(9 * i) * np.cos(7 * j), 24.0)
    noise = rng.normal(0, 12, (8, SIZE, SIZE)) * np.where(body, 1.0, 0.25)
    stack = np.empty((count, SIZE, SIZE), np.uint16)
    for k in range(count):
        bone = np.hypot(j - 0.1 * np.sin(k / 20), i) < 0.06
        stack[k] = np.clip(base + 900 * bone + noise[k % 8] + k % 5, 0, 4095)
    return stack


def write_series(
    folder: Path,
    stack: np.ndarray[Any, Any],
    *,
    slope: str = "1",
    intercept: str = "-1024",
    syntax: str = ExplicitVRLittleEndian,
    encode: Callable[[np.ndarray[Any, Any]], bytes] | None = None,
) -> list[Path]:
    """One file per slice, 1 mm apart."""
    folder.mkdir(parents=True)
    series, study, frame = (generate_uid(entropy_srcs=[str(folder.name), part]) for part in ("series", "study", "for"))
    paths = []
    for k, image in enumerate(stack):
        dataset = _header(CTImageStorage, study, series, frame, syntax)
        dataset.InstanceNumber = k + 1
        dataset.ImagePositionPatient = [-200.0, -200.0, float(k)]
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.PixelSpacing = ["0.78125", "0.78125"]
        dataset.SliceThickness = "1"
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
        dataset.PixelData = image.tobytes() if encode is None else encapsulate([encode(image)])
        dataset["PixelData"].VR = "OW" if encode is None else "OB"
        path = folder / f"{k:04d}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def _header(sop_class: str, study: str, series: str, frame: str, syntax: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = study, series, frame
    dataset.PatientID, dataset.PatientName, dataset.StudyID, dataset.SeriesNumber = "1", "Bench^Mark", "1", "1"
    dataset.Modality, dataset.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.StudyDate, dataset.StudyTime, dataset.Manufacturer = "20200101", "120000", "Bench"
    dataset.Rows = dataset.Columns = SIZE
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    return dataset


def write_enhanced(path: Path, stack: np.ndarray[Any, Any]) -> Path:
    """One multi-frame file with a functional group per frame."""
    uids = [generate_uid(entropy_srcs=[part]) for part in ("study", "series", "for")]
    dataset = _header(EnhancedCTImageStorage, *uids, ExplicitVRLittleEndian)
    dataset.NumberOfFrames = len(stack)
    shared = Dataset()
    shared.PlaneOrientationSequence = [_item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]
    shared.PixelMeasuresSequence = [_item(PixelSpacing=["0.78125", "0.78125"], SliceThickness="1")]
    shared.PixelValueTransformationSequence = [_item(RescaleSlope="1", RescaleIntercept="-1024", RescaleType="HU")]
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = [
        _item(PlanePositionSequence=[_item(ImagePositionPatient=[-200.0, -200.0, float(k)])]) for k in range(len(stack))
    ]
    dataset.PixelData = stack.tobytes()
    dataset["PixelData"].VR = "OW"
    path.parent.mkdir(parents=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def _item(**values: Any) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


# --- comparisons -----------------------------------------------------------------------------------------------------


def _series_rows(paths: list[Path], dtype: type, repeats: int) -> list[Row]:
    name = np.dtype(dtype).name
    megabytes = len(paths) * SIZE * SIZE * 2 / 1e6
    limit = _limit_int16 if dtype is np.int16 else _limit_float32
    peers: dict[str, tuple[Callable[[], Any], float]] = {"preadv limit, one thread": (limit(paths), 0.6)}
    if (sitk := simpleitk(paths)) is not None:
        peers["SimpleITK"] = (sitk, 10 if dtype is np.int16 else 8)
    if dtype is np.int16 and (converter := dcm2niix(paths[0].parent)) is not None:
        peers["dcm2niix, whole program"] = (converter, 4)
    with dl.open() as session:
        session.index(paths[0].parent)
        (loadable,) = session.examine()
        assert session.load(loadable).array.dtype == dtype
        times = seconds(lambda: session.load(loadable), *(run for run, _ in peers.values()), repeats=repeats)
    ours, *theirs = (megabytes / time for time in times)
    return [
        Row(stage=f"volume raw {name}", ours=ours, peer=peer, theirs=speed, target=target, unit="MB/s")
        for (peer, (_, target)), speed in zip(peers.items(), theirs)
    ]


def _offsets(paths: list[Path]) -> list[int]:
    return [path.stat().st_size - SIZE * SIZE * 2 for path in paths]


def _limit_int16(paths: list[Path]) -> Callable[[], Any]:
    offsets = _offsets(paths)

    def run() -> Any:
        array = np.empty((len(paths), SIZE, SIZE), np.int16)
        for k, path in enumerate(paths):
            file = os.open(path, os.O_RDONLY)
            os.preadv(file, [memoryview(array[k]).cast("B")], offsets[k])  # type: ignore[attr-defined,unused-ignore]
            os.close(file)
        return array

    return run


def _limit_float32(paths: list[Path]) -> Callable[[], Any]:
    offsets = _offsets(paths)

    def run() -> Any:
        array = np.empty((len(paths), SIZE, SIZE), np.float32)
        scratch = np.empty((SIZE, SIZE), np.int16)
        for k, path in enumerate(paths):
            file = os.open(path, os.O_RDONLY)
            os.preadv(file, [memoryview(scratch).cast("B")], offsets[k])  # type: ignore[attr-defined,unused-ignore]
            os.close(file)
            np.add(scratch, np.float32(-1024.5), out=array[k])
        return array

    return run


def simpleitk(paths: list[Path]) -> Callable[[], Any] | None:
    """SimpleITK's series reader, given the files in order; None when it is not installed."""
    try:
        import SimpleITK
    except ImportError:
        print("SimpleITK is not installed: no rows", file=sys.stderr)
        return None
    names = [str(path) for path in paths]
    return lambda: SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(names))


def dcm2niix(folder: Path) -> Callable[[], Any] | None:
    """The whole program, writing NIfTI without compression; None when it is not installed."""
    try:
        from dcm2niix import bin as program
    except ImportError:
        print("dcm2niix is not installed: no rows", file=sys.stderr)
        return None

    def run() -> Any:
        with tempfile.TemporaryDirectory() as out:
            command = [program, "-z", "n", "-b", "n", "-f", "x", "-o", out, str(folder)]
            return subprocess.run(command, check=True, capture_output=True)

    return run


def _enhanced_rows(folder: Path, count: int, repeats: int) -> list[Row]:
    path = write_enhanced(folder / "enhanced.dcm", images(count))
    megabytes = count * SIZE * SIZE * 2 / 1e6
    with dl.open() as session:
        session.index(folder)
        (loadable,) = session.examine()
        runs: list[Callable[[], Any]] = [lambda: session.load(loadable)]
        try:
            import highdicom

            runs.append(lambda: highdicom.imread(path).get_volume())
        except ImportError:
            print("highdicom is not installed: no rows", file=sys.stderr)
        ours, *theirs = (megabytes / time for time in seconds(*runs, repeats=repeats))
    return [
        Row(stage="enhanced raw", ours=ours, peer="highdicom", theirs=speed, target=5, unit="MB/s") for speed in theirs
    ]


# --- memory ----------------------------------------------------------------------------------------------------------


def traced_peak(folder: Path, work: Callable[[Any], Any]) -> int:
    """Largest memory that Python and numpy hold while `work` runs on the indexed loadable, in bytes."""
    with dl.open() as session:
        session.index(folder)
        (loadable,) = session.examine()
        load = partial(session.load, loadable)
        work(load)  # imports and caches are not what is measured
        tracemalloc.start()
        try:
            kept = work(load)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        del kept
        return peak


def _memory_rows(paths: list[Path]) -> list[Row]:
    array = len(paths) * SIZE * SIZE * 2
    peak = traced_peak(paths[0].parent, lambda load: load())
    row = partial(Row, unit="MB", note="array / peak: at most 1.1 times the array")
    # Larger is better in this table, so the array is divided by the peak.
    return [row(stage="volume peak memory", ours=array / 1e6, peer="traced peak", theirs=peak / 1e6, target=1 / 1.1)]


def _lazy_rows(paths: list[Path]) -> list[Row]:
    frame = SIZE * SIZE * 2

    def one_slice(load: Any) -> Any:
        volume = load(lazy=True)
        return volume, volume.array[1]

    peak = traced_peak(paths[0].parent, one_slice)
    row = partial(Row, unit="kB", note="frame / peak: headers, volume and slice in less than two frames")
    return [row(stage="lazy volume, one slice", ours=frame / 1e3, peer="traced peak", theirs=peak / 1e3, target=0.5)]
