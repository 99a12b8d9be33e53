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

def read(path, voxels):
    node, storage = slicer.vtkMRMLScalarVolumeNode(), slicer.vtkMRMLNRRDStorageNode()
    scene = slicer.vtkMRMLScene()
    scene.AddNode(node)
    scene.AddNode(storage)
    storage.SetFileName(path)
    assert storage.ReadData(node)
    for name in ("Quantity", "Units"):
        code = slicer.vtkCodedEntry()
        assert code.SetFromString(node.GetAttribute("voxelValue" + name)), name
        getattr(node, "SetVoxelValue" + name)(code)
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    numpy.save(voxels, vtk_to_numpy(node.GetImageData().GetPointData().GetScalars()))
    units, quantity = node.GetVoxelValueUnits(), node.GetVoxelValueQuantity()
    return {
        "matrix": [[matrix.GetElement(row, column) for column in range(4)] for row in range(4)],
        "size": node.GetImageData().GetDimensions(),
        "units": [units.GetCodeValue(), units.GetCodingSchemeDesignator(), units.GetCodeMeaning()],
        "quantity": [quantity.GetCodeValue(), quantity.GetCodingSchemeDesignator(), quantity.GetCodeMeaning()],
        "instances": node.GetAttribute("DICOM.instanceUIDs"),
    }

print(json.dumps([read(path, path + ".npy") for path in sys.argv[1:]]))
"""
_UNITS = {
    "bw": ["g/ml{SUVbw}", "UCUM", "Standardized Uptake Value body weight"],
    "bsa": ["cm2/ml{SUVbsa}", "UCUM", "Standardized Uptake Value body surface area"],
}


def in_slicer(*paths: Path) -> list[tuple[dict[str, Any], np.ndarray]]:
    """What Slicer's reader makes of files, in one process; what it says comes as JSON, the voxels by files."""
    if importlib.util.find_spec("slicer") is None:
        pytest.skip("slicer-core is not installed")
    command = [sys.executable, "-c", _SLICER, *map(str, paths)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    (line,) = (line for line in run.stdout.splitlines() if line.startswith("["))
    return [(said, np.load(f"{path}.npy")) for said, path in zip(json.loads(line), paths, strict=True)]


def test_slicer_reads_the_uptake_values_with_their_unit(tmp_path: Path) -> None:
    phantoms.write(tmp_path / "pet", pet.pet_series())
    volumes, files = [], []
    with dl.open() as session:
        session.index(tmp_path / "pet")
        for suv in _UNITS:
            (loadable,) = session.examine(options={"suv": suv})
            volumes.append(session.load(loadable))
            files.append(session.write(volumes[-1], tmp_path / "out"))
    read = in_slicer(*(path for path, _ in files))
    for units, volume, (_, report), (said, voxels) in zip(_UNITS.values(), volumes, files, read, strict=True):
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
    ((said, voxels),) = in_slicer(path)
    assert said["units"][0] == "g/ml{SUVbw}"
    np.testing.assert_allclose(said["matrix"], volume.geometry.ijk_to_ras, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(voxels.reshape(volume.array.shape), np.asarray(volume))
