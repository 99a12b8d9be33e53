"""Diffusion: DWI NRRD read by Slicer's own reader, ``.bval`` and ``.bvec`` against other programs' rules."""

from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nrrd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dicomlogic_core as dl
from dicomlogic_core.builtin.nrrd import NrrdWriter
from dicomlogic_core.builtin.nrrd_diffusion import Diffusion, diffusion_of, fsl_texts, image_frame

nibabel: Any = importlib.import_module("nibabel")  # its types do not know what a file holds

B_VALUES = (0, 1000, 1000, 250)
GRADIENTS: Any = ((0, 0, 0), (1, 0, 0), (0, 0.6, 0.8), (0, 0, 1))


def rotation(seed: int) -> Any:
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return matrix if np.linalg.det(matrix) > 0 else -matrix


def grid(directions: Any) -> dl.Geometry:
    matrix = np.eye(4)
    matrix[:3, :3] = directions @ np.diag([1.5, 2.0, 3.0])
    return dl.Geometry(size_ijk=(4, 3, 2), ijk_to_lps=matrix)


def weighted(
    b_values: Any = B_VALUES, gradients: Any = GRADIENTS, directions: Any = None, **values: Any
) -> dl.VolumeSequence:
    geometry = grid(rotation(1) if directions is None else directions)
    array = np.arange(24).reshape(2, 3, 4).astype(np.int16)
    parts = tuple(dl.Volume(array=array + 100 * number, geometry=geometry, **values) for number in range(len(b_values)))
    axes = (
        dl.Axis(name="b-value", tag="00189087", unit="s/mm2", values=tuple(b_values)),
        dl.Axis(name="gradient", tag="00189089", unit="", values=tuple(gradients)),
    )
    return dl.VolumeSequence(volumes=parts, axes=axes)


def write(sequence: dl.VolumeSequence, folder: Path) -> list[Path]:
    return list(NrrdWriter().write(sequence, folder / "x", {"as": "dwi"}))


def test_files_hold_voxels_weighting_and_measurement_frame(tmp_path: Path) -> None:
    made = weighted(metadata={"common": {"SliceThickness": "2.5"}})
    files = write(made, tmp_path)
    assert [file.name for file in files] == ["x.nrrd", "x.bval", "x.bvec"]
    values, header = nrrd.read(str(files[0]), index_order="C")
    assert np.array_equal(values, np.asarray(made))
    assert header["kinds"] == ["space", "space", "space", "list"]
    assert header["modality"] == "DWMRI"
    assert header["DWMRI_b-value"] == "1000"
    assert np.array_equal(header["measurement frame"], np.eye(3))
    assert header["thicknesses"][2] == 2.5
    # The length says which part of the largest b-value a volume has: b = 250 is a quarter, so half the length.
    found = [[float(one) for one in header[f"DWMRI_gradient_{n:04d}"].split()] for n in range(4)]
    assert np.allclose(found, [[0, 0, 0], [1, 0, 0], [0, 0.6, 0.8], [0, 0, 0.5]], atol=1e-15)
    assert json.loads(header["DICOMLogic.axis.b-value"])["values"] == list(B_VALUES)
    assert files[1].read_text() == "0 1000 1000 250\n"


@pytest.mark.parametrize("gradient", [None, "", (0, 0, 0), (0.0, float("nan"), 1.0)])
def test_a_weighted_volume_without_direction_is_refused(gradient: Any, tmp_path: Path) -> None:
    made = weighted(gradients=(*GRADIENTS[:3], gradient))
    with pytest.raises(dl.WriteError, match="1 volumes have a b-value and no gradient direction: 3"):
        write(made, tmp_path)
    assert not list(tmp_path.iterdir())


def test_other_sequences_and_volumes_are_written_as_ever(tmp_path: Path) -> None:
    made = weighted()
    times = dl.Axis(name="TriggerTime", tag="00181060", unit="ms", values=(0, 1, 2, 3))
    (path,) = write(dl.VolumeSequence(volumes=made.volumes, axes=(times,)), tmp_path)
    assert path.name == "x.seq.nrrd"
    (path,) = NrrdWriter().write(made[0], tmp_path / "one", {"as": "dwi"})
    assert path.name == "one.nrrd"
    with pytest.raises(dl.UsageError, match="as=film"):
        NrrdWriter().write(made, tmp_path / "x", {"as": "film"})


def test_gradients_as_texts_and_of_any_length_are_understood() -> None:
    found = diffusion_of(weighted(gradients=("", "2 0 0", "0\\0.6\\0.8", "0,0,1")))
    assert found is not None
    assert np.allclose(found.gradients, GRADIENTS)


# --- FSL's texts ----------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), mirrored=st.booleans())
def test_vectors_are_in_the_frame_that_readers_of_fsl_files_undo(seed: int, mirrored: bool) -> None:
    """MRtrix's rule, in RAS: x is negated where the affine's determinant is positive, then the affine rotates."""
    directions = rotation(seed) @ np.diag([1, 1, -1 if mirrored else 1])
    made = weighted(directions=directions)
    diffusion = diffusion_of(made)
    assert diffusion is not None
    texts = fsl_texts(diffusion, made.geometry)
    vectors = np.array([[float(one) for one in line.split()] for line in texts[".bvec"].splitlines()]).T
    affine = made.geometry.ijk_to_ras[:3, :3]
    if np.linalg.det(affine) > 0:
        vectors[:, 0] *= -1
    in_ras = vectors @ (affine / np.linalg.norm(affine, axis=0)).T
    assert np.allclose(in_ras * [-1, -1, 1], GRADIENTS, atol=1e-9)


def test_the_sheared_grid_of_a_tilted_gantry_keeps_lengths() -> None:
    directions = rotation(3) @ np.array([[1, 0, 0], [0, 1, 0.3], [0, 0, 1]])
    vectors = image_frame(np.array(GRADIENTS, float), grid(directions))
    assert np.allclose(np.linalg.norm(vectors, axis=1), [0, 1, 1, 1])


def test_vectors_belong_to_the_nifti_image_of_the_same_sequence(tmp_path: Path) -> None:
    made = weighted()
    image = made.to_nibabel()
    nibabel.save(image, tmp_path / "x.nii.gz")
    found = nibabel.load(tmp_path / "x.nii.gz")
    assert found.shape == (4, 3, 2, 4)
    assert np.array_equal(np.asanyarray(found.dataobj).transpose(3, 2, 1, 0), np.asarray(made))
    assert np.allclose(found.affine, made.geometry.ijk_to_ras, atol=1e-6)


def test_the_frame_is_that_of_dcm2niix(shared_data: Path) -> None:
    """UIH stores directions along row, column and normal; on dcm2niix's own grid they are those of its ``.bvec``."""
    import pydicom

    folder = shared_data / "mr_dwi" / "uih_dti"
    reference = folder / "ref" / "dti_tra_dir16_AP_9_134431"
    datasets = [pydicom.dcmread(path, stop_before_pixels=True) for path in (folder / "dicom").rglob("*.dcm")]
    assert len(datasets) == 17
    datasets.sort(key=lambda dataset: int(dataset.InstanceNumber))
    stored = np.array([list(dataset[0x0065, 0x1037].value) for dataset in datasets], float)
    row, column = np.reshape(np.array(datasets[0].ImageOrientationPatient, float), (2, 3))
    told = stored @ np.stack([row, column, np.cross(row, column)])
    affine = nibabel.load(f"{reference}.nii.gz").affine
    geometry = dl.Geometry(size_ijk=(1, 1, 1), ijk_to_lps=np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine)
    texts = fsl_texts(Diffusion(np.zeros(17), told), geometry)
    expected = np.loadtxt(f"{reference}.bvec")
    found = np.array([[float(one) for one in line.split()] for line in texts[".bvec"].splitlines()])
    assert np.allclose(found, expected, atol=1e-4)


# --- Slicer's own reader --------------------------------------------------------------------------------------------

_SLICER = """
import json, sys
import slicer, vtk
from vtk.util.numpy_support import vtk_to_numpy
scene = slicer.vtkMRMLScene()
node = slicer.vtkMRMLDiffusionWeightedVolumeNode()
scene.AddNode(node)
storage = slicer.vtkMRMLNRRDStorageNode()
scene.AddNode(storage)
storage.SetFileName(sys.argv[1])
assert storage.ReadData(node), "Slicer could not read the file"
matrix, frame = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
node.GetIJKToRASMatrix(matrix)
node.GetMeasurementFrameMatrix(frame)
values = vtk_to_numpy(node.GetImageData().GetPointData().GetScalars())
count = node.GetNumberOfGradients()
rows = range(4)
print(json.dumps({
    "matrix": [[matrix.GetElement(row, column) for column in rows] for row in rows],
    "frame": [[frame.GetElement(row, column) for column in rows] for row in rows],
    "values": values.T.tolist(), "b": [node.GetBValue(n) for n in range(count)],
    "gradients": [list(node.GetDiffusionGradient(n)) for n in range(count)],
}))
"""


def test_slicer_reads_volumes_weighting_and_directions(tmp_path: Path) -> None:
    if importlib.util.find_spec("slicer") is None:
        pytest.skip("slicer-core is not installed")
    made = weighted()
    path, *_ = write(made, tmp_path)
    run = subprocess.run([sys.executable, "-c", _SLICER, str(path)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    got = json.loads(run.stdout.strip().splitlines()[-1])
    assert got["values"] == [np.asarray(volume).ravel().tolist() for volume in made]
    assert np.allclose(got["matrix"], made.geometry.ijk_to_ras, rtol=0, atol=1e-9)
    assert np.allclose(got["b"], B_VALUES)
    in_ras = np.array(got["gradients"]) @ np.array(got["frame"])[:3, :3].T
    lengths = np.linalg.norm(in_ras, axis=1, keepdims=True)
    in_ras = np.divide(in_ras, lengths, out=np.zeros_like(in_ras), where=lengths > 0)
    assert np.allclose(in_ras * [-1, -1, 1], GRADIENTS, atol=1e-9)
