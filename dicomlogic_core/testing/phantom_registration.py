"""Registrations and fiducials for tests: matrices, vectors and marks that the caller chooses.

The registered frame of reference is `REGISTERED`; those of the sources are named by the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID

from dicomlogic_core.geometry import Geometry
from dicomlogic_core.testing.phantom_objects import base
from dicomlogic_core.testing.phantom_plan import item

SPATIAL = UID("1.2.840.10008.5.1.4.1.1.66.1")
FIDUCIALS = UID("1.2.840.10008.5.1.4.1.1.66.2")
DEFORMABLE = UID("1.2.840.10008.5.1.4.1.1.66.3")
REGISTERED = "1.2.100"


def matrix_item(matrix: Any, kind: str = "RIGID") -> Dataset:
    """An item of a 4x4 matrix, row by row; NaN becomes an empty value."""
    text = ["" if np.isnan(value) else f"{value:.10g}"[:16] for value in np.asarray(matrix, float).ravel()]
    return item(FrameOfReferenceTransformationMatrix=text, FrameOfReferenceTransformationMatrixType=kind)


def registration_item(
    matrices: Sequence[Any], frame: str = "", images: Sequence[str] = (), kind: str = "RIGID"
) -> Dataset:
    """An item of a spatial registration: matrices that lead from a frame of reference, or from images by their UIDs."""
    made = item(
        MatrixRegistrationSequence=[item(MatrixSequence=[matrix_item(one, kind) for one in matrices])],
        ReferencedImageSequence=[item(ReferencedSOPInstanceUID=image) for image in images],
    )
    if frame:
        made.FrameOfReferenceUID = frame
    return made


def spatial(*items: Dataset, number: int = 1) -> Dataset:
    """A Spatial Registration; those of other numbers are other instances of the same series."""
    dataset = base("registration", SPATIAL, "REG", number)
    dataset.FrameOfReferenceUID = REGISTERED
    dataset.ContentLabel = f"LABEL{number}"
    dataset.RegistrationSequence = list(items)
    return dataset


def deformable_item(
    vectors: Any, grid: Geometry, *, before: Any = None, after: Any = None, source: str = "1.2.1", **changed: Any
) -> Dataset:
    """An item of a deformable registration: vectors ``[k, j, i, 3]`` (mm) on a grid with axes at right angles.

    Args:
        vectors: at the voxels of the grid.
        grid: in the registered frame.
        before, after: 4x4 matrices.
        source: UID of the frame of reference the points come to.
        changed: keyword -> value of the grid's item, to break it.
    """
    directions = grid.directions
    place = item(
        ImagePositionPatient=list(grid.origin_lps_mm),
        ImageOrientationPatient=[f"{value:.12f}" for value in (*directions[:, 0], *directions[:, 1])],
        GridDimensions=list(grid.size_ijk),
        GridResolution=list(grid.spacing_mm),
        VectorGridData=np.asarray(vectors, "<f4").tobytes(),
    )
    for keyword, value in changed.items():
        setattr(place, keyword, value)
    made = item(SourceFrameOfReferenceUID=source, DeformableRegistrationGridSequence=[place])
    if before is not None:
        made.PreDeformationMatrixRegistrationSequence = [matrix_item(before)]
    if after is not None:
        made.PostDeformationMatrixRegistrationSequence = [matrix_item(after)]
    return made


def deformable(*items: Dataset, number: int = 1) -> Dataset:
    """A Deformable Spatial Registration."""
    dataset = base("deformation", DEFORMABLE, "REG", number)
    dataset.FrameOfReferenceUID = REGISTERED
    dataset.DeformableRegistrationSequence = list(items)
    return dataset


def fiducials(*sets: Dataset, number: int = 1) -> Dataset:
    """Spatial Fiducials."""
    dataset = base("fiducials", FIDUCIALS, "FID", number)
    dataset.FiducialSetSequence = list(sets)
    return dataset
