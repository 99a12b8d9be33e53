"""Masks of a patient's structure sets against masks that another program made, and against a polygon library."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dicomlogic_core as dl
from dicomlogic_rt.rasterise import rasterise
from dicomlogic_rt.rois import Contour, Roi
from dicomlogic_rt.structures import StructureSet


def load(folder: Path) -> Any:
    """The one thing in a folder that is selected."""
    with dl.open() as session:
        session.index(folder)
        (loadable,) = session.examine()
        return session.load(loadable)


@pytest.mark.parametrize("modality", ["CT", "PET"])
def test_masks_equal_the_reference_in_every_voxel(modality: str, shared_data: Path) -> None:
    nibabel: Any = importlib.import_module("nibabel")
    case = shared_data / "rt_pet_ct_mr" / "sts_003"
    image = load(case / "dicom" / modality / "image")
    structures = load(case / "dicom" / modality / "mask")
    assert isinstance(structures, StructureSet)
    (roi,) = structures
    mask = rasterise(roi, image.geometry)
    assert not mask.findings

    reference = nibabel.load(case / "ref" / f"{modality}_mask.nii.gz")
    # The reference's voxel of each of ours, by place: its axes run another way.
    to_reference = np.linalg.inv(reference.affine) @ image.geometry.ijk_to_ras
    k, j, i = np.indices(mask.array.shape)
    places = np.stack([i, j, k, np.ones_like(i)], axis=-1) @ to_reference.T
    index = np.rint(places[..., :3]).astype(int)
    assert np.abs(places[..., :3] - index).max() < 0.01
    expected = np.asarray(reference.dataobj)[index[..., 0], index[..., 1], index[..., 2]] > 0
    assert int(expected.sum()) > 0
    assert int((mask.array != expected).sum()) == 0


coordinates = st.floats(-20, 20)
shapes = st.lists(st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=12), min_size=1, max_size=3)


@given(shapes=shapes)
@settings(max_examples=40, deadline=None)
def test_masks_as_matplotlib_fills_paths(shapes: list[list[tuple[float, float]]]) -> None:
    # A path's point test counts windings; parity of the single paths' crossings is even-odd for simple ones, so each
    # contour is a triangle fan's hull: three of its points.
    path: Any = importlib.import_module("matplotlib.path")
    triangles = [np.array(shape[:3]) for shape in shapes]
    contours = tuple(
        Contour(points=np.column_stack([triangle, np.zeros(3)]), geometric_type="CLOSEDPLANAR_XOR")
        for triangle in triangles
    )
    matrix = np.eye(4)
    matrix[:3, 3] = (-20.03, -20.07, 0)
    geometry = dl.Geometry(size_ijk=(41, 41, 1), ijk_to_lps=matrix)
    found = rasterise(Roi(number=1, name="triangles", contours=contours), geometry).array[0]
    y, x = np.indices(found.shape)
    points = np.column_stack([x.ravel() - 20.03, y.ravel() - 20.07])
    inside = [path.Path(triangle, closed=False).contains_points(points) for triangle in triangles]
    expected = np.logical_xor.reduce(inside).reshape(found.shape)
    edges = _near_an_edge(points, triangles).reshape(found.shape)
    assert ((found == expected) | edges).all()


def _near_an_edge(points: np.ndarray[Any, Any], polygons: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Points so near an edge that rounding decides."""
    near = np.zeros(len(points), bool)
    for polygon in polygons:
        for start, end in zip(polygon, np.roll(polygon, -1, axis=0)):
            step = end - start
            length = float(step @ step)
            along = np.clip((points - start) @ step / length, 0, 1) if length > 0 else np.zeros(len(points))
            near |= np.linalg.norm(points - start - along[:, None] * step, axis=1) < 1e-6
    return near
