"""Uptake values written as NRRD, as 3D Slicer's own reader sees them: geometry, voxels, quantity and unit."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomlogic_core as dl
from dicomlogic_core.testing import phantom_pet as pet
from dicomlogic_core.testing import phantoms

_SLICER = """
import json, sys
import numpy, slicer, vtk
from vtk.util.numpy_support import vtk_to_numpy
node, storage = slicer.vtkMRMLScalarVolumeNode(), slicer.vtkMRMLNRRDStorageNode()
scene = slicer.vtkMRMLScene()
scene.AddNode(node)
scene.AddNode(storage)
storage.SetFileName(sys.argv[1])
assert storage.ReadData(node)
for name in ("Quantity", "Units"):
    code = slicer.vtkCodedEntry()
    assert code.SetFromString(node.GetAttribute("voxelValue" + name)), name
    getattr(node, "SetVoxelValue" + name)(code)
matrix = vtk.vtkMatrix4x4()
node.GetIJKToRASMatrix(matrix)
numpy.save(sys.argv[2], vtk_to_numpy(node.GetImageData().GetPointData().GetScalars()))
units, quantity = node.GetVoxelValueUnits(), node.GetVoxelValueQuantity()
print(json.dumps({
    "matrix": [[matrix.GetElement(row, column) for column in range(4)] for row in range(4)],
    "size": node.GetImageData().GetDimensions(),
    "units": [units.GetCodeValue(), units.GetCodingSchemeDesignator(), units.GetCodeMeaning()],
    "quantity": [quantity.GetCodeValue(), quantity.GetCodingSchemeDesignator(), quantity.GetCodeMeaning()],
    "instances": node.GetAttribute("DICOM.instanceUIDs"),
}))
"""


def in_slicer(path: Path, folder: Path) -> tuple[dict[str, Any], np.ndarray]:
    """What Slicer's reader makes of a file; what it says comes as JSON, the voxels by a file."""
    if importlib.util.find_spec("slicer") is None:
        pytest.skip("slicer-core is not installed")
    voxels = folder / "voxels.npy"
    command = [sys.executable, "-c", _SLICER, str(path), str(voxels)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    (line,) = (line for line in run.stdout.splitlines() if line.startswith("{"))
    return json.loads(line), np.load(voxels)


@pytest.mark.parametrize(
    ("suv", "units"),
    [
        ("bw", ["g/ml{SUVbw}", "UCUM", "Standardized Uptake Value body weight"]),
        ("bsa", ["cm2/ml{SUVbsa}", "UCUM", "Standardized Uptake Value body surface area"]),
    ],
)
def test_slicer_reads_the_uptake_values_with_their_unit(tmp_path: Path, suv: str, units: list[str]) -> None:
    phantoms.write(tmp_path / "pet", pet.pet_series())
    with dl.open() as session:
        session.index(tmp_path / "pet")
        (loadable,) = session.examine(options={"suv": suv})
        volume = session.load(loadable)
        path, report = session.write(volume, tmp_path / "out")
    said, voxels = in_slicer(path, tmp_path)
    assert said["units"] == units
    assert said["quantity"] == ["126400", "DCM", "Standardized Uptake Value"]
    np.testing.assert_allclose(said["matrix"], volume.geometry.ijk_to_ras, rtol=0, atol=1e-9)
    assert said["size"] == list(volume.geometry.size_ijk)
    np.testing.assert_array_equal(voxels.reshape(volume.array.shape), np.asarray(volume))
    assert said["instances"] == " ".join(ref.sop_uid for ref in volume.provenance if ref)
    assert json.loads(report.read_text(encoding="utf-8"))["codes"]["unit"]["value"] == units[0]


def test_the_patients_pet_is_read_as_it_was_written(shared_data: Path, tmp_path: Path) -> None:
    with dl.open() as session:
        session.index(shared_data / "rt_pet_ct_mr" / "sts_003" / "dicom" / "PET")
        (loadable,) = session.examine(modality="PT")
        volume = session.load(loadable)
        path, _ = session.write(volume, tmp_path / "out")
    said, voxels = in_slicer(path, tmp_path)
    assert said["units"][0] == "g/ml{SUVbw}"
    np.testing.assert_allclose(said["matrix"], volume.geometry.ijk_to_ras, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(voxels.reshape(volume.array.shape), np.asarray(volume))
