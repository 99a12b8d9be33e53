"""From a volume to a node of Slicer's scene (MRML)."""

from __future__ import annotations

from typing import Any

import numpy as np

import dicomlogic_core as dl


def add_volume(volume: dl.Volume, scene: Any) -> Any:
    """A `vtkMRMLScalarVolumeNode` with the voxels, the place, the unit and the instances of a volume.

    Raises:
        GeometryError: the grid is sheared (gantry tilt), which volume nodes cannot hold.
    """
    import slicer  # only inside Slicer, or where slicer-core is installed

    directions = volume.geometry.directions
    if not np.allclose(directions.T @ directions, np.eye(3), atol=1e-4):
        raise dl.GeometryError(
            "a volume node cannot hold a sheared grid",
            code="geometry.tilt",
            remedy="write it as NRRD and load the file",
        )
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", volume.name)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(volume.geometry.ijk_to_ras))
    slicer.util.updateVolumeFromArray(node, np.asarray(volume))  # [k, j, i], as Slicer has it
    node.SetAttribute("DICOM.instanceUIDs", " ".join(ref.sop_uid for ref in volume.provenance if ref is not None))
    if volume.unit:
        node.SetVoxelValueUnits(_coded(volume.unit))
    return node


def _coded(unit: str) -> Any:
    import slicer

    entry = slicer.vtkCodedEntry()
    entry.SetValueSchemeMeaning(unit, "UCUM", unit)
    return entry
