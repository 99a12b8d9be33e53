"""Segmentations as ``.seg.nrrd``: read back by pynrrd, SimpleITK and Slicer's own segmentation reader."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nrrd
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

import dicomlogic_core as dl
from dicomlogic_core.builtin.nrrd import NrrdWriter
from dicomlogic_core.builtin.nrrd_segmentation import segment_extents, segmentation_keys

TILTED = np.array([[1 / 3, 0.0, 1e-7, -1 / 7], [0.0, 0.7, 0.3, 5.0], [0.0, -0.1, 2.0, 1e5 / 3], [0, 0, 0, 1]])
GRID = dl.Geometry(size_ijk=(7, 6, 5), ijk_to_lps=TILTED)
TERMINOLOGY = (
    "Segmentation category and type - DICOM master list~SCT^123037004^Anatomical Structure~SCT^64033007^Kidney"
    "~SCT^24028007^Right~Anatomic codes - DICOM master list~^^~^^"
)


def made(layers: int = 2, dtype: Any = np.uint8) -> dl.Segmentation:
    labels = np.zeros((layers, 5, 6, 7), dtype)
    labels[0, 1:3, 2:4, 3:6] = 1
    labels[0, 4, 5, 0] = 2
    segments = [
        dl.Segment(
            id="Segment_1",
            name="Kidney right, größer",
            colour=(1.0, 0.25, 0.0),
            label=1,
            tags={"DicomRtImport.RoiNumber": "4", "odd|name:x": "a|b"},
            terminology=TERMINOLOGY,
        ),
        dl.Segment(id="Segment_2", name="point", colour=(0.0, 0.0, 1.0), label=2),
        dl.Segment(id="Segment_3", name="nothing", colour=(0.0, 1.0, 0.0), label=3),
    ]
    if layers > 1:
        labels[1, 2:, 1:5, 2:6] = 1
        segments.append(dl.Segment(id="Segment_4", name="over it", colour=(0.5, 0.5, 0.5), label=1, layer=1))
    return dl.Segmentation(
        layers=labels,
        geometry=GRID,
        segments=tuple(segments),
        name="organs",
        frame_of_reference_uid="1.2.9",
        metadata={"source_instance_uids": ["1.2.3", "1.2.4"]},
        findings=(dl.finding("geometry.tilt", "15 degrees"),),
    )


def write(segmentation: dl.Segmentation, folder: Path, **options: str) -> Path:
    (path,) = NrrdWriter().write(segmentation, folder / "x.y", options)
    assert path.name == "x.y.seg.nrrd"
    assert [file.name for file in folder.iterdir()] == [path.name]
    return path


@pytest.mark.parametrize("encoding", ["gzip", "raw"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("layers", [1, 2])
def test_pynrrd_reads_labels_and_grid(layers: int, dtype: Any, encoding: str, tmp_path: Path) -> None:
    segmentation = made(layers, dtype)
    array, header = nrrd.read(str(write(segmentation, tmp_path, encoding=encoding)), index_order="C")
    expected = segmentation.layers[0] if layers == 1 else np.moveaxis(segmentation.layers, 0, -1)
    assert array.dtype == dtype
    assert np.array_equal(array, expected)
    assert np.array_equal(header["space directions"][-3:], TILTED[:3, :3].T)
    assert np.array_equal(header["space origin"], TILTED[:3, 3])
    assert list(header["kinds"]) == ["list"] * (layers > 1) + ["domain"] * 3
    assert header["Segment0_Extent"] == "3 5 2 3 1 2"
    assert header["Segment2_Extent"] == "0 -1 0 -1 0 -1"
    assert header["Segment0_Color"] == "1 0.25 0"
    assert header["Segmentation_MasterRepresentation"] == header["Segmentation_SourceRepresentation"]
    assert header["DICOM.instanceUIDs"] == "1.2.3 1.2.4"
    assert header["DICOM_0020_0052_FrameOfReferenceUID"] == "1.2.9"
    assert header["DICOMLogic.findings"] == "geometry.tilt"


def test_simpleitk_reads_labels_and_grid(tmp_path: Path) -> None:
    segmentation = made(1)
    image = sitk.ReadImage(str(write(segmentation, tmp_path)))
    assert np.array_equal(sitk.GetArrayFromImage(image), segmentation.layers[0])
    for index in ((0, 0, 0), (6, 5, 4)):
        expected = (TILTED @ [*index, 1])[:3]
        assert np.allclose(image.TransformIndexToPhysicalPoint(index), expected, rtol=0, atol=1e-9)
    # Letters beyond ASCII, which pynrrd drops.
    assert image.GetMetaData("Segment0_Name") == "Kidney right, größer"


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_extents_are_the_bounding_boxes(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    labels = (rng.integers(1, 4, (2, 5, 6, 7)) * (rng.random((2, 5, 6, 7)) < share)).astype(np.uint8)
    segments = tuple(
        dl.Segment(id=f"{layer}-{label}", name="", colour=(0, 0, 0), label=label, layer=layer)
        for layer in (0, 1)
        for label in (1, 2, 3)
    )
    segmentation = dl.Segmentation(layers=labels, geometry=GRID, segments=segments)
    for segment, extent in zip(segments, segment_extents(segmentation)):
        k, j, i = np.nonzero(segmentation.mask(segment.id))
        expected = (i.min(), i.max(), j.min(), j.max(), k.min(), k.max()) if len(i) else (0, -1) * 3
        assert extent == expected


def test_tags_cannot_break_out_of_their_place() -> None:
    tags = segmentation_keys(made())["Segment0_Tags"]
    assert tags == f"DicomRtImport.RoiNumber:4|odd_name_x:a_b|TerminologyEntry:{TERMINOLOGY}|"


def test_a_segmentation_without_segments(tmp_path: Path) -> None:
    empty = dl.Segmentation(layers=np.zeros((1, 5, 6, 7), np.uint8), geometry=GRID, segments=())
    array, _ = nrrd.read(str(write(empty, tmp_path)), index_order="C")
    assert not array.any()


# --- Slicer's own reader --------------------------------------------------------------------------------------------

# Its own process: importing Slicer changes warnings, handlers and the locale of the whole process.
_SLICER = """
import json, sys
import slicer, vtk
from vtk.util.numpy_support import vtk_to_numpy
scene = slicer.vtkMRMLScene()
node = slicer.vtkMRMLSegmentationNode()
scene.AddNode(node)
storage = slicer.vtkMRMLSegmentationStorageNode()
scene.AddNode(storage)
storage.SetFileName(sys.argv[1])
assert storage.ReadData(node), "Slicer could not read the file"
segmentation = node.GetSegmentation()
segments = []
for number in range(segmentation.GetNumberOfSegments()):
    segment = segmentation.GetNthSegment(number)
    image = slicer.vtkOrientedImageData()
    node.GetBinaryLabelmapRepresentation(segmentation.GetNthSegmentID(number), image)
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    scalars = image.GetPointData().GetScalars() if image.GetPointData() else None
    size = image.GetDimensions()
    inside = vtk_to_numpy(scalars).reshape(size[::-1]).nonzero() if scalars and min(size) > 0 else ((), (), ())
    start = image.GetExtent()[::2]
    terminology = vtk.mutable("")
    segment.GetTag("TerminologyEntry", terminology)
    number = vtk.mutable("")
    segment.GetTag("DicomRtImport.RoiNumber", number)
    points = [
        matrix.MultiplyPoint((float(i + start[0]), float(j + start[1]), float(k + start[2]), 1.0))[:3]
        for k, j, i in zip(*inside)
    ]
    segments.append({
        "id": segmentation.GetNthSegmentID(len(segments)), "name": segment.GetName(), "colour": segment.GetColor(),
        "label": segment.GetLabelValue(), "terminology": str(terminology.get()), "roi": str(number.get()),
        "points": points,
    })
print(json.dumps({"layers": segmentation.GetNumberOfLayers(), "segments": segments}))
"""


def _slicer(path: Path) -> Any:
    if importlib.util.find_spec("slicer") is None:
        pytest.skip("slicer-core is not installed")
    run = subprocess.run([sys.executable, "-c", _SLICER, str(path)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.strip().splitlines()[-1])


@pytest.mark.parametrize("layers", [1, 2])
def test_slicer_reads_segments_where_they_are(layers: int, tmp_path: Path) -> None:
    """Names, colours, terminology, tags, and the centre of every voxel in RAS."""
    segmentation = made(layers)
    got = _slicer(write(segmentation, tmp_path))
    assert got["layers"] == layers
    assert len(got["segments"]) == len(segmentation)
    for told, segment in zip(got["segments"], segmentation.segments):
        assert (told["id"], told["name"], told["label"]) == (segment.id, segment.name, segment.label)
        assert told["colour"] == pytest.approx(segment.colour)
        if segment.terminology:  # Slicer has a default of its own
            assert told["terminology"] == segment.terminology
        assert told["roi"] == segment.tags.get("DicomRtImport.RoiNumber", "")
        k, j, i = np.nonzero(segmentation.mask(segment.id))
        expected = (np.stack([i, j, k, np.ones_like(i)], 1) @ GRID.ijk_to_ras.T)[:, :3]
        assert len(told["points"]) == len(expected)
        assert np.allclose(np.array(told["points"]).reshape(-1, 3), expected, rtol=0, atol=1e-6)
