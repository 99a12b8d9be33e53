"""NRRD files: read back by programs we did not write, equal to the last bit, and nothing left after a failure."""

from __future__ import annotations

import errno
import gzip
import importlib.util
import json
import subprocess
import sys
import textwrap
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nrrd
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import dicomlogic_core as dl
from dicomlogic_core import files
from dicomlogic_core.builtin import nrrd as writer_module
from dicomlogic_core.builtin.nrrd import NrrdWriter

# Rows lean (gantry tilt) and numbers have no short decimal form.
TILTED = np.array([[1 / 3, 0.0, 1e-7, -1 / 7], [0.0, 0.7, 0.3, 5.0], [0.0, -0.1, 2.0, 1e5 / 3], [0, 0, 0, 1]])


def refs(count: int, **values: Any) -> tuple[dl.FrameRef, ...]:
    return tuple(dl.FrameRef(study_uid="1.2", series_uid="1.2.3", sop_uid=f"1.2.3.{k}", **values) for k in range(count))


def volume(array: Any, **values: Any) -> dl.Volume:
    size = array.shape[2::-1]
    return dl.Volume(array=array, geometry=dl.Geometry(size_ijk=size, ijk_to_lps=TILTED), **values)


def counted(dtype: Any = np.int16, shape: tuple[int, ...] = (5, 6, 7)) -> Any:
    return (np.arange(np.prod(shape)).reshape(shape) - 100).astype(dtype)


def write(obj: Any, folder: Path, **options: str) -> Path:
    (path,) = NrrdWriter().write(obj, folder / "x.y", options)
    return path


@pytest.mark.parametrize("encoding", ["gzip", "raw"])
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"])
def test_pynrrd_reads_back_values_and_grid(encoding: str, dtype: str, tmp_path: Path) -> None:
    array = counted(dtype)
    values, header = nrrd.read(str(write(volume(array), tmp_path, encoding=encoding)), index_order="C")
    assert values.dtype == array.dtype
    assert np.array_equal(values, array)
    assert header["space"] == "left-posterior-superior"
    assert header["sizes"].tolist() == [7, 6, 5]
    # Equal, not close: the numbers are written with 17 digits.
    assert header["space directions"].tolist() == TILTED[:3, :3].T.tolist()
    assert header["space origin"].tolist() == TILTED[:3, 3].tolist()
    assert header["kinds"] == ["domain", "domain", "domain"]
    assert header["encoding"] == encoding


def test_simpleitk_puts_every_voxel_where_the_geometry_says(tmp_path: Path) -> None:
    made = volume(counted())
    image = sitk.ReadImage(str(write(made, tmp_path)))
    assert np.array_equal(sitk.GetArrayFromImage(image), made.array)
    for index in [(0, 0, 0), (6, 0, 0), (0, 5, 0), (0, 0, 4), (6, 5, 4)]:
        expected = (made.geometry.ijk_to_lps @ [*index, 1])[:3]
        assert np.allclose(image.TransformIndexToPhysicalPoint(index), expected, rtol=0, atol=1e-9), index


def test_colour_has_its_components_first(tmp_path: Path) -> None:
    array = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    path = write(volume(array), tmp_path)
    values, header = nrrd.read(str(path), index_order="C")
    assert header["sizes"].tolist() == [3, 4, 3, 2]
    assert header["kinds"] == ["RGB-color", "domain", "domain", "domain"]
    assert np.isnan(header["space directions"][0]).all()
    assert np.array_equal(values, array)
    image = sitk.ReadImage(str(path))
    assert image.GetNumberOfComponentsPerPixel() == 3
    assert np.array_equal(sitk.GetArrayFromImage(image), array)


@pytest.mark.parametrize(("given_dtype", "stored"), [(np.bool_, "u1"), (np.float16, "f4")])
def test_types_that_nrrd_lacks_become_ones_it_has(given_dtype: Any, stored: str, tmp_path: Path) -> None:
    array = (counted() % 2).astype(given_dtype)
    values, _ = nrrd.read(str(write(volume(array), tmp_path)), index_order="C")
    assert values.dtype == np.dtype(stored)
    assert np.array_equal(values, array)


def test_complex_values_are_refused(tmp_path: Path) -> None:
    with pytest.raises(dl.WriteError, match="complex64"):
        write(volume(counted(np.complex64)), tmp_path)
    assert not list(tmp_path.iterdir())


@settings(max_examples=30, deadline=None)
@given(
    array=arrays.arrays(
        dtype=st.sampled_from(["i2", "u1", "f4"]), shape=arrays.array_shapes(min_dims=3, max_dims=3, max_side=9)
    ),
    encoding=st.sampled_from(["gzip", "raw"]),
)
def test_any_array_comes_back(array: Any, encoding: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = write(volume(array), tmp_path_factory.mktemp("any"), encoding=encoding)
    values, _ = nrrd.read(str(path), index_order="C")
    assert values.tobytes() == array.tobytes()


def test_a_view_is_written_as_it_looks(tmp_path: Path) -> None:
    array = counted(shape=(5, 6, 14))[::-1, :, ::2]
    values, _ = nrrd.read(str(write(volume(array), tmp_path)), index_order="C")
    assert np.array_equal(values, array)


# --- keys -----------------------------------------------------------------------------------------------------------


def test_keys_say_where_the_voxels_come_from(tmp_path: Path) -> None:
    provenance = list(refs(5))
    made = volume(
        counted(),
        provenance=(*provenance[:2], None, *provenance[3:]),
        missing=(2,),
        unit="[hnsf'U]",
        quantity="CT attenuation",
        frame_of_reference_uid="1.9",
        findings=(dl.finding("geometry.gap", "a slice is missing"), dl.finding("geometry.tilt", "15 degrees")),
        metadata={
            "varying": {"InstanceNumber": ["1", "2", None, None, "5"]},
            "common": {"Modality": "CT", "SeriesDescription": "Head", "RescaleIntercept": "-1024", "BitsStored": "12"},
            "slice_positions_lps_mm": [[0, 0, 0.5]],
        },
    )
    header = nrrd.read_header(str(write(made, tmp_path)))
    assert header["DICOM.instanceUIDs"] == "1.2.3.0 1.2.3.1 1.2.3.3 1.2.3.4"
    # As many as UIDs: none for the filled slice, ? for the instance whose number is not known.
    assert header["DICOM.instanceNumbers"] == "1 2 ? 5"
    # The voxels are rescaled: a reader that applied these again would be wrong.
    assert not [key for key in header if "Rescale" in key or "BitsStored" in key]
    assert header["DICOM_0020_000D_StudyInstanceUID"] == "1.2"
    assert header["DICOM_0020_000E_SeriesInstanceUID"] == "1.2.3"
    assert header["DICOM_0020_0052_FrameOfReferenceUID"] == "1.9"
    assert header["DICOM_0008_0060_Modality"] == "CT"
    assert header["DICOMLogic.missingSlices"] == "2"
    assert header["DICOMLogic.findings"] == "geometry.gap geometry.tilt"
    assert header["DICOMLogic.unit"] == "[hnsf'U]"
    assert header["DICOMLogic.version"] == dl.__version__
    assert json.loads(header["DICOMLogic.slicePositionsLpsMm"]) == [[0, 0, 0.5]]


def test_resampled_volumes_name_their_series_but_no_instances(tmp_path: Path) -> None:
    made = volume(counted(), provenance=refs(5))
    grid = dl.Geometry(size_ijk=(4, 4, 4), ijk_to_lps=TILTED * [[1.1], [1], [1], [1]])
    _, header = nrrd.read(str(write(dl.resample_volume(made, grid), tmp_path)))
    assert header["DICOMLogic.resampled"] == "linear"
    assert header["DICOM_0020_000D_StudyInstanceUID"] == "1.2"
    assert header["DICOM_0020_000E_SeriesInstanceUID"] == "1.2.3"
    assert "DICOM.instanceUIDs" not in header


def test_frames_of_one_instance_are_told_apart(tmp_path: Path) -> None:
    provenance = tuple(
        dl.FrameRef(study_uid="1.2", series_uid="1.2.3", sop_uid="1.2.3.4", frame=frame) for frame in (3, 2, 1, 4, 5)
    )
    header = nrrd.read_header(str(write(volume(counted(), provenance=provenance), tmp_path)))
    assert header["DICOM.instanceUIDs"] == "1.2.3.4"
    assert header["DICOM.instanceNumbers"] == "?"
    assert header["DICOMLogic.frames"] == "3 2 1 4 5"


def test_patient_fields_only_when_asked_for(tmp_path: Path) -> None:
    common = {
        "PatientName": "CANARY^Name",
        "AccessionNumber": "CANARY1",
        "InstitutionName": "CANARY2",
        "Modality": "CT",
    }
    made = volume(counted(), metadata={"common": common})
    assert b"CANARY" not in write(made, tmp_path).read_bytes()
    header = nrrd.read_header(str(write(made, tmp_path, show_phi="true")))
    assert header["DICOM_0010_0010_PatientName"] == "CANARY^Name"


def test_simpleitk_reads_letters_line_breaks_and_backslashes_whole(tmp_path: Path) -> None:
    text = "Schädel, 頭\nspace origin: (9,9,9)\n\nDATA \\ end"
    made = volume(counted(), metadata={"common": {"SeriesDescription": text}})
    path = write(made, tmp_path)
    image = sitk.ReadImage(str(path))
    assert image.GetMetaData("DICOM_0008_103E_SeriesDescription") == text
    assert np.array_equal(sitk.GetArrayFromImage(image), made.array)
    values, header = nrrd.read(str(path), index_order="C")
    assert np.array_equal(values, made.array)
    assert header["space origin"].tolist() == TILTED[:3, 3].tolist()


@pytest.mark.parametrize("key", ["a:=b", "a: b", "content", "Space Origin", "units", "", " a", "a\nb"])
def test_keys_that_a_reader_would_misread_are_refused(key: str) -> None:
    from dicomlogic_core.builtin.nrrd_header import header_bytes

    with pytest.raises(dl.WriteError, match="cannot be a key"):
        header_bytes((1, 1, 1), np.dtype("i2"), {"encoding": "raw"}, {key: "x"})


def test_equal_volumes_give_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write(volume(counted(), provenance=refs(5)), tmp_path).read_bytes()
    monkeypatch.setattr(nrrd.writer, "datetime", _Shifted(nrrd.writer.datetime))
    assert write(volume(counted(), provenance=refs(5)), tmp_path).read_bytes() == first


class _Shifted:
    """Another day than that of the first file, for pynrrd's date comment."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def utcnow(self) -> Any:
        return self._real(2001, 1, 1)

    def now(self, tz: Any = None) -> Any:
        return self._real(2001, 1, 1, tzinfo=tz)


# --- compression ----------------------------------------------------------------------------------------------------


def _payload(path: Path) -> bytes:
    return path.read_bytes().partition(b"\n\n")[2]


def test_one_gzip_member_with_and_without_isal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.random.default_rng(1).integers(0, 99, (40, 300, 300)).astype(np.int16)
    fast = _payload(write(volume(array), tmp_path))
    monkeypatch.setitem(sys.modules, "isal", None)  # as if it were not installed
    plain = _payload(write(volume(array), tmp_path))
    for data in (fast, plain):
        stream = zlib.decompressobj(31)
        assert stream.decompress(data) == array.tobytes()
        assert stream.eof
        assert stream.unused_data == b""  # pynrrd would lose a second member
        assert gzip.decompress(data) == array.tobytes()


@pytest.mark.parametrize("encoding", ["gzip", "raw"])
def test_voxels_are_streamed_not_copied(encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "isal", None)  # memory of its threads is not seen by tracemalloc
    made = volume(np.zeros((60, 400, 400), np.int16))
    write(made, tmp_path, encoding=encoding)  # imports are not what is measured
    tracemalloc.start()
    try:
        write(made, tmp_path, encoding=encoding)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 0.2 * made.array.nbytes


# --- lazy volumes and failures --------------------------------------------------------------------------------------


def test_a_lazy_volume_is_fetched_once_and_whole(tmp_path: Path) -> None:
    array = counted()
    asked: list[int] = []

    def load(wanted: Any) -> Any:
        asked.extend(wanted)
        return [array[k].copy() for k in wanted]

    lazy = dl.FrameArray(array.shape, array.dtype, load)
    values, _ = nrrd.read(str(write(volume(lazy), tmp_path)), index_order="C")
    assert np.array_equal(values, array)
    assert sorted(asked) == [0, 1, 2, 3, 4]


def test_a_frame_that_cannot_be_had_leaves_no_file(tmp_path: Path) -> None:
    def load(wanted: Any) -> Any:
        raise dl.PixelError("frame not delivered", code="pixels.missing")

    with pytest.raises(dl.PixelError):
        write(volume(dl.FrameArray((5, 6, 7), np.dtype("i2"), load)), tmp_path)
    assert not list(tmp_path.iterdir())


def _no_space(*_: object) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("encoding", ["gzip", "raw"])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_said_and_leaves_nothing(encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_open: Callable[..., Any] = open

    def open_full(path: Any, mode: str, **rest: Any) -> Any:
        real_open(path, mode).close()  # the name exists, as on a real disk; its bytes do not fit
        return real_open("/dev/full", "wb", buffering=0)

    monkeypatch.setattr(files, "open", open_full, raising=False)
    with pytest.raises(dl.WriteError, match="No space left") as caught:
        write(volume(np.random.default_rng(2).normal(size=(20, 200, 200))), tmp_path, encoding=encoding)
    assert "free some space" in caught.value.remedy
    assert not list(tmp_path.iterdir())


def test_an_older_file_survives_a_failed_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = write(volume(counted()), tmp_path).read_bytes()
    monkeypatch.setattr(writer_module, "_write_voxels", _no_space)
    with pytest.raises(dl.WriteError):
        write(volume(counted("f4")), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["x.y.nrrd"]
    assert (tmp_path / "x.y.nrrd").read_bytes() == before


def test_a_missing_folder_is_a_write_error(tmp_path: Path) -> None:
    with pytest.raises(dl.WriteError, match="could not be written"):
        write(volume(counted()), tmp_path / "absent")


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(writer_module, "_write_voxels", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(volume(counted()), tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_is_no_volume_is_refused(tmp_path: Path) -> None:
    with pytest.raises(dl.WriteError, match="dict"):
        write({}, tmp_path)
    with pytest.raises(dl.UsageError, match="encoding=bzip2"):
        write(volume(counted()), tmp_path, encoding="bzip2")


# --- Slicer's own readers -------------------------------------------------------------------------------------------

# Its own process: importing Slicer changes warnings, handlers and the locale of the whole process.
_SLICER = """
import json, sys
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy
node = slicer.vtkMRMLScalarVolumeNode()
scene = slicer.vtkMRMLScene()
scene.AddNode(node)
storage = slicer.vtkMRMLNRRDStorageNode()
scene.AddNode(storage)
storage.SetFileName(sys.argv[1])
assert storage.ReadData(node), "Slicer could not read the file"
matrix = vtk.vtkMatrix4x4()
node.GetIJKToRASMatrix(matrix)
image = node.GetImageData()
values = vtk_to_numpy(image.GetPointData().GetScalars())
keys = {name: node.GetAttribute(name) for name in node.GetAttributeNames()}
print(json.dumps({
    "matrix": [[matrix.GetElement(row, column) for column in range(4)] for row in range(4)],
    "size": image.GetDimensions(), "type": str(values.dtype), "values": values.ravel().tolist(), "keys": keys,
}))
"""


def _slicer(path: Path) -> Any:
    if importlib.util.find_spec("slicer") is None:
        pytest.skip("slicer-core is not installed")
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_SLICER), str(path)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.strip().splitlines()[-1])


@pytest.mark.parametrize("encoding", ["gzip", "raw"])
def test_slicer_reads_grid_values_and_keys(encoding: str, tmp_path: Path) -> None:
    made = volume(counted(), provenance=refs(5), metadata={"common": {"SeriesDescription": "Schädel"}})
    got = _slicer(write(made, tmp_path, encoding=encoding))
    assert got["size"] == [7, 6, 5]
    assert got["type"] == "int16"
    assert got["values"] == made.array.ravel().tolist()
    assert np.allclose(got["matrix"], made.geometry.ijk_to_ras, rtol=0, atol=1e-9)
    assert got["keys"]["DICOM.instanceUIDs"] == "1.2.3.0 1.2.3.1 1.2.3.2 1.2.3.3 1.2.3.4"
    assert got["keys"]["DICOM_0008_103E_SeriesDescription"] == "Schädel"
