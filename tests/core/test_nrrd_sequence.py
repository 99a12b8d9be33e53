"""Sequences as ``.seq.nrrd``: read back by pynrrd, SimpleITK and Slicer's own sequence reader."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tracemalloc
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
from dicomlogic_core.builtin.nrrd import NrrdWriter
from dicomlogic_core.builtin.nrrd_sequence import sequence_keys

# Rows lean (gantry tilt) and numbers have no short decimal form.
TILTED = np.array([[1 / 3, 0.0, 1e-7, -1 / 7], [0.0, 0.7, 0.3, 5.0], [0.0, -0.1, 2.0, 1e5 / 3], [0, 0, 0, 1]])
SHAPE = (5, 6, 7)


def grid(shape: tuple[int, ...] = SHAPE, matrix: Any = TILTED) -> dl.Geometry:
    return dl.Geometry(size_ijk=(shape[2], shape[1], shape[0]), ijk_to_lps=matrix)


def volumes(count: int, dtype: Any = np.int16, shape: tuple[int, ...] = SHAPE, **values: Any) -> tuple[dl.Volume, ...]:
    def one(number: int) -> dl.Volume:
        array = (np.arange(np.prod(shape)).reshape(shape) + 1000 * number).astype(dtype)
        provenance = tuple(
            dl.FrameRef(study_uid="1.2", series_uid=f"1.2.{number % 2}", sop_uid=f"1.2.3.{number}.{k}")
            for k in range(shape[0])
        )
        return dl.Volume(array=array, geometry=grid(shape), provenance=provenance, **values)

    return tuple(one(number) for number in range(count))


def axis(name: str, *values: Any, tag: str = "", unit: str = "") -> dl.Axis:
    return dl.Axis(name=name, tag=tag, unit=unit, values=values)


def timed(count: int = 3, **values: Any) -> dl.VolumeSequence:
    times = axis("TriggerTime", *(10.5 * number for number in range(count)), tag="00181060", unit="ms")
    return dl.VolumeSequence(volumes=volumes(count, **values), axes=(times,))


def labelled(*axes: dl.Axis) -> dl.VolumeSequence:
    return dl.VolumeSequence(volumes=volumes(len(axes[0].values)), axes=axes)


def write(sequence: dl.VolumeSequence, folder: Path, **options: str) -> Path:
    (path,) = NrrdWriter().write(sequence, folder / "x.y", options)
    return path


def header_of(sequence: dl.VolumeSequence, folder: Path, **options: str) -> Any:
    return nrrd.read_header(str(write(sequence, folder, **options)))


# --- voxels and grid ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["gzip", "raw"])
@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8"])
def test_pynrrd_reads_back_every_volume_and_the_grid(encoding: str, dtype: str, tmp_path: Path) -> None:
    made = timed(dtype=dtype)
    path = write(made, tmp_path, encoding=encoding)
    assert path.name == "x.y.seq.nrrd"
    values, header = nrrd.read(str(path), index_order="C")
    assert values.dtype == np.dtype(dtype)
    assert np.array_equal(values, np.asarray(made))
    assert header["sizes"].tolist() == [7, 6, 5, 3]
    assert header["kinds"] == ["domain", "domain", "domain", "list"]
    assert header["labels"] == ["", "", "", "TriggerTime"]
    assert header["units"] == ["", "", "", "ms"]
    # Equal, not close: the numbers are written with 17 digits.
    assert header["space directions"][:3].tolist() == TILTED[:3, :3].T.tolist()
    assert np.isnan(header["space directions"][3]).all()
    assert header["space origin"].tolist() == TILTED[:3, 3].tolist()


@settings(max_examples=30, deadline=None)
@given(
    parts=arrays.arrays(
        dtype=st.sampled_from(["i1", "u2", "f4"]), shape=arrays.array_shapes(min_dims=4, max_dims=4, max_side=6)
    ),
    encoding=st.sampled_from(["gzip", "raw"]),
)
def test_any_voxels_come_back(parts: Any, encoding: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    made = dl.VolumeSequence(
        volumes=tuple(dl.Volume(array=part, geometry=grid(part.shape)) for part in parts),
        axes=(axis("n", *range(len(parts))),),
    )
    values, header = nrrd.read(str(write(made, tmp_path_factory.mktemp("any"), encoding=encoding)), index_order="C")
    assert values.tobytes() == parts.tobytes()
    assert header["sizes"].tolist() == list(reversed(parts.shape))


def test_simpleitk_opens_it_as_one_image_with_a_component_per_volume(tmp_path: Path) -> None:
    made = timed()
    image = sitk.ReadImage(str(write(made, tmp_path)))
    assert image.GetNumberOfComponentsPerPixel() == 3
    assert np.array_equal(np.moveaxis(sitk.GetArrayFromImage(image), -1, 0), np.asarray(made))
    for index in [(0, 0, 0), (6, 5, 4)]:
        expected = (TILTED @ [*index, 1])[:3]
        assert np.allclose(image.TransformIndexToPhysicalPoint(index), expected, rtol=0, atol=1e-9)


def test_volumes_of_several_types_share_the_one_that_holds_all(tmp_path: Path) -> None:
    parts = (*volumes(1, "i2"), *volumes(1, "u2"))
    made = dl.VolumeSequence(volumes=parts, axes=())
    values, header = nrrd.read(str(write(made, tmp_path)), index_order="C")
    assert header["type"] == "int32"
    assert np.array_equal(values, np.stack([part.array for part in parts]))


def test_colour_keeps_its_components_first(tmp_path: Path) -> None:
    made = timed(2, dtype="u1", shape=(2, 3, 4, 3))
    values, header = nrrd.read(str(write(made, tmp_path)), index_order="C")
    assert header["sizes"].tolist() == [3, 4, 3, 2, 2]
    assert header["kinds"] == ["RGB-color", "domain", "domain", "domain", "list"]
    assert header["DataNodeClassName"] == "vtkMRMLVectorVolumeNode"
    assert np.array_equal(values, np.asarray(made))


# --- index and axes -------------------------------------------------------------------------------------------------


def test_one_ascending_axis_is_a_numeric_index(tmp_path: Path) -> None:
    header = header_of(timed(), tmp_path)
    assert header["axis 3 index type"] == "numeric"
    assert header["axis 3 index values"] == "0 10.5 21"
    assert json.loads(header["DICOMLogic.axis.TriggerTime"]) == {
        "tag": "00181060",
        "unit": "ms",
        "values": [0.0, 10.5, 21.0],
    }
    assert header["MultiVolume.FrameLabels"] == "0,10.5,21"
    assert header["MultiVolume.NumberOfFrames"] == "3"
    assert header["MultiVolume.FrameIdentifyingDICOMTagName"] == "TriggerTime"
    assert header["MultiVolume.FrameIdentifyingDICOMTagUnits"] == "ms"


@pytest.mark.parametrize("values", [(3, 2, 1), (1, 1, 2), (0.0, float("nan"), 1.0), (True, False, True)])
def test_values_that_do_not_ascend_are_texts(values: tuple[Any, ...], tmp_path: Path) -> None:
    """Slicer sorts a numeric index and keeps one volume per value."""
    header = header_of(labelled(axis("flip", *values)), tmp_path)
    assert header["axis 3 index type"] == "text"
    assert len(set(header["axis 3 index values"].split())) == 3


def test_several_axes_become_texts_and_a_key_each(tmp_path: Path) -> None:
    echoes = axis("EchoTime", 4.9, 4.9, 9.8, 9.8, unit="ms")
    repeats = axis("repetition", 1, 2, 1, 2)
    header = header_of(labelled(echoes, repeats), tmp_path)
    assert header["axis 3 index type"] == "text"
    assert header["axis 3 index values"].split()[1] == "EchoTime=4.9;repetition=2"
    assert header["labels"][3] == "EchoTime;repetition"
    assert json.loads(header["DICOMLogic.axis.EchoTime"])["values"] == [4.9, 4.9, 9.8, 9.8]
    assert json.loads(header["DICOMLogic.axis.repetition"])["values"] == [1, 2, 1, 2]


def test_a_column_that_depends_on_the_first_axis_leaves_it_the_index(tmp_path: Path) -> None:
    times, durations = axis("FrameReferenceTime", 0, 10, 30, unit="ms"), axis("duration", 10, 20, 20, unit="ms")
    header = header_of(labelled(times, durations), tmp_path)
    assert header["axis 3 index values"] == "0 10 30"
    assert json.loads(header["DICOMLogic.axis.duration"])["values"] == [10, 20, 20]


def test_volumes_without_an_axis_are_numbered(tmp_path: Path) -> None:
    header = header_of(dl.VolumeSequence(volumes=volumes(2), axes=()), tmp_path)
    assert header["axis 3 index type"] == "numeric"
    assert header["axis 3 index values"] == "0 1"


# --- keys -----------------------------------------------------------------------------------------------------------


def test_every_volume_says_where_it_came_from(tmp_path: Path) -> None:
    header = header_of(timed(12), tmp_path)
    assert header["axis 3 item 0011 DICOM.instanceUIDs"] == " ".join(f"1.2.3.11.{k}" for k in range(5))
    assert header["DICOM_0020_000D_StudyInstanceUID"] == "1.2"
    assert header["DICOM_0020_000E_SeriesInstanceUID"] == "1.2.0 1.2.1"  # made of two series
    items = [key for key in header if key.endswith("DICOM.instanceUIDs")]
    assert items == sorted(items)
    assert "DICOM.instanceUIDs" not in header


def test_every_frame_of_a_film_says_which_it_is(tmp_path: Path) -> None:
    def frame(number: int) -> dl.Volume:
        ref = dl.FrameRef(study_uid="1.2", series_uid="1.3", sop_uid="1.4", frame=number)
        return dl.Volume(array=np.zeros((1, 2, 2), np.uint8), geometry=grid((1, 2, 2)), provenance=(ref,))

    header = header_of(dl.VolumeSequence(volumes=(frame(1), frame(2)), axes=()), tmp_path)
    assert [header[f"axis 3 item 000{number} DICOMLogic.frames"] for number in range(2)] == ["1", "2"]


def test_what_all_volumes_share_is_said_once_and_what_differs_per_volume(tmp_path: Path) -> None:
    first, second = volumes(2)
    parts = (
        dl.Volume(
            array=first.array,
            geometry=first.geometry,
            unit="1",
            missing=(2,),
            metadata={"common": {"EchoTime": "5", "FlipAngle": "30"}},
            findings=(dl.finding("geometry.gap", "a slice is missing"),),
        ),
        dl.Volume(
            array=second.array,
            geometry=second.geometry,
            unit="Hz",
            metadata={"common": {"EchoTime": "7", "FlipAngle": "30", "PatientName": "CANARY"}},
        ),
    )
    made = dl.VolumeSequence(volumes=parts, axes=(), findings=(dl.finding("series.split", "parts"),))
    header = header_of(made, tmp_path)
    assert header["DICOM_0018_1314_FlipAngle"] == "30"
    assert header["MultiVolume.DICOM.FlipAngle"] == "30"
    assert "DICOM_0018_0081_EchoTime" not in header
    assert "MultiVolume.DICOM.EchoTime" not in header
    assert header["axis 3 item 0000 DICOMLogic.unit"] == "1"
    assert header["axis 3 item 0001 DICOMLogic.unit"] == "Hz"
    assert header["axis 3 item 0000 DICOMLogic.missingSlices"] == "2"
    assert header["DICOMLogic.findings"] == "series.split geometry.gap"
    assert b"CANARY" not in write(made, tmp_path).read_bytes()


def test_an_axis_name_cannot_break_the_header(tmp_path: Path) -> None:
    made = labelled(axis('a "b"\nspace: x', "1", "2"))
    with pytest.raises(dl.WriteError, match="cannot be a key"):
        write(made, tmp_path)
    assert not list(tmp_path.iterdir())


def test_equal_sequences_give_equal_bytes(tmp_path: Path) -> None:
    assert write(timed(), tmp_path).read_bytes() == write(timed(), tmp_path).read_bytes()


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.floats() | st.integers(-(10**6), 10**6) | st.text(max_size=8), min_size=1, max_size=5))
def test_labels_are_one_per_volume_and_distinct(values: list[Any]) -> None:
    made = dl.VolumeSequence(volumes=volumes(len(values), shape=(1, 1, 1)), axes=(axis("value", *values),))
    labels = sequence_keys(made)["axis 3 index values"].split(" ")
    assert len(labels) == len(set(labels)) == len(values)
    assert all(label.isprintable() and label for label in labels)


# --- unlike volumes, lazy volumes -----------------------------------------------------------------------------------


def test_volumes_of_different_grids_become_files_with_a_manifest(tmp_path: Path) -> None:
    other = volumes(1, shape=(2, 3, 4))
    made = dl.VolumeSequence(volumes=(*volumes(1), *other), axes=(axis("EchoTime", 5, 7, unit="ms"),), name="two")
    assert not made.uniform
    *files, listed = NrrdWriter().write(made, tmp_path / "x", {})
    record = json.loads(listed.read_text(encoding="utf-8"))
    assert listed.name == "x.json"
    assert record["files"] == [file.name for file in files] == ["x-0000.nrrd", "x-0001.nrrd"]
    assert record["axes"] == [{"name": "EchoTime", "tag": "", "unit": "ms", "values": [5, 7]}]
    for file, volume in zip(files, made):
        values, _ = nrrd.read(str(file), index_order="C")
        assert np.array_equal(values, volume.array)


def _lazy(count: int, shape: tuple[int, int, int], asked: list[int]) -> dl.VolumeSequence:
    def load(wanted: Any) -> Any:
        asked.extend(wanted)
        return np.zeros((len(wanted), *shape[1:]), np.int16)

    parts = tuple(
        dl.Volume(array=dl.FrameArray(shape, np.dtype("i2"), load), geometry=grid(shape)) for _ in range(count)
    )
    return dl.VolumeSequence(volumes=parts, axes=())


def test_a_lazy_sequence_needs_the_memory_of_one_volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "isal", None)  # memory of its threads is not seen by tracemalloc
    asked: list[int] = []
    shape = (20, 300, 300)
    write(_lazy(1, shape, asked), tmp_path)  # imports are not what is measured
    made = _lazy(6, shape, asked)
    asked.clear()
    tracemalloc.start()
    try:
        write(made, tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(asked) == 6 * 20
    assert made.lazy
    assert peak < 2.5 * 2 * np.prod(shape)


def test_volumes_in_memory_are_not_copied(tmp_path: Path) -> None:
    made = timed(4, shape=(20, 300, 300))
    write(made, tmp_path, encoding="raw")
    tracemalloc.start()
    try:
        write(made, tmp_path, encoding="raw")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 0.5 * np.asarray(made[0]).nbytes


def test_a_frame_that_cannot_be_had_leaves_no_file(tmp_path: Path) -> None:
    def load(wanted: Any) -> Any:
        raise dl.PixelError("frame not delivered", code="pixels.missing")

    lost = dl.Volume(array=dl.FrameArray(SHAPE, np.dtype("i2"), load), geometry=grid())
    with pytest.raises(dl.PixelError):
        write(dl.VolumeSequence(volumes=(*volumes(1), lost), axes=()), tmp_path)
    assert not list(tmp_path.iterdir())


# --- Slicer's own reader --------------------------------------------------------------------------------------------

# Its own process: importing Slicer changes warnings, handlers and the locale of the whole process.
_SLICER = """
import json, sys
import slicer, vtk
from vtk.util.numpy_support import vtk_to_numpy
scene = slicer.vtkMRMLScene()
node = slicer.vtkMRMLSequenceNode()
scene.AddNode(node)
storage = slicer.vtkMRMLVolumeSequenceStorageNode()
scene.AddNode(storage)
storage.SetFileName(sys.argv[1])
assert storage.ReadData(node), "Slicer could not read the file"
frames = []
for number in range(node.GetNumberOfDataNodes()):
    volume = node.GetNthDataNode(number)
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    values = vtk_to_numpy(volume.GetImageData().GetPointData().GetScalars())
    frames.append({
        "class": volume.GetClassName(), "index": node.GetNthIndexValue(number), "type": str(values.dtype),
        "matrix": [[matrix.GetElement(row, column) for column in range(4)] for row in range(4)],
        "size": volume.GetImageData().GetDimensions(), "values": values.ravel().tolist(),
        "keys": {name: volume.GetAttribute(name) for name in volume.GetAttributeNames()},
    })
print(json.dumps({
    "name": node.GetIndexName(), "unit": node.GetIndexUnit(), "type": node.GetIndexTypeAsString(), "frames": frames,
    "keys": {name: node.GetAttribute(name) for name in node.GetAttributeNames()},
}))
"""


def _slicer(path: Path) -> Any:
    if importlib.util.find_spec("slicer") is None:
        pytest.skip("slicer-core is not installed")
    run = subprocess.run([sys.executable, "-c", _SLICER, str(path)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.strip().splitlines()[-1])


@pytest.mark.parametrize("encoding", ["gzip", "raw"])
def test_slicer_reads_frames_index_and_provenance(encoding: str, tmp_path: Path) -> None:
    made = timed()
    got = _slicer(write(made, tmp_path, encoding=encoding))
    assert (got["name"], got["unit"], got["type"]) == ("TriggerTime", "ms", "numeric")
    assert [float(frame["index"]) for frame in got["frames"]] == [0, 10.5, 21]
    for number, (frame, volume) in enumerate(zip(got["frames"], made, strict=True)):
        assert frame["class"] == "vtkMRMLScalarVolumeNode"
        assert frame["size"] == [7, 6, 5]
        assert frame["type"] == "int16"
        assert frame["values"] == np.asarray(volume).ravel().tolist()
        assert np.allclose(frame["matrix"], volume.geometry.ijk_to_ras, rtol=0, atol=1e-9)
        assert frame["keys"]["DICOM.instanceUIDs"].split() == [f"1.2.3.{number}.{k}" for k in range(5)]
    assert got["keys"]["MultiVolume.NumberOfFrames"] == "3"


def test_slicer_reads_text_labels_and_components(tmp_path: Path) -> None:
    labels = ("a b", "50%", "x=1;y=2", "Schädel")
    got = _slicer(write(labelled(axis("state", *labels)), tmp_path))
    assert got["type"] == "text"
    assert [frame["index"] for frame in got["frames"]] == list(labels)
    colour = timed(2, dtype="u1", shape=(2, 3, 4, 3))
    got = _slicer(write(colour, tmp_path))
    assert [frame["class"] for frame in got["frames"]] == ["vtkMRMLVectorVolumeNode"] * 2
    assert [frame["values"] for frame in got["frames"]] == [np.asarray(one).ravel().tolist() for one in colour]
