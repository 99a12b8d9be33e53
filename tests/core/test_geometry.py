"""`Geometry` against numbers worked out by hand and against ITK, and resampling along k."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from dicomlogic_core.geometry import Geometry
from dicomlogic_core.resample_stack import even_distances, resample_slices


def sheared() -> Geometry:
    matrix = np.eye(4)
    matrix[:3, 0] = [0.7, 0, 0]
    matrix[:3, 1] = [0, 0.8 * math.cos(0.26), -0.8 * math.sin(0.26)]
    matrix[:3, 2] = [0, 0, 2]
    matrix[:3, 3] = [-10, -20, 5]
    return Geometry(size_ijk=(24, 32, 20), ijk_to_lps=matrix)


def test_spacing_origin_and_directions():
    geometry = sheared()
    assert geometry.spacing_mm == pytest.approx((0.7, 0.8, 2.0))
    assert geometry.origin_lps_mm == (-10, -20, 5)
    assert np.linalg.norm(geometry.directions, axis=0) == pytest.approx([1, 1, 1])
    assert geometry.directions[:, 1] @ geometry.directions[:, 2] == pytest.approx(-math.sin(0.26))


def test_ras_is_lps_with_two_signs_changed():
    point = sheared().ijk_to_ras @ [3, 4, 5, 1]
    lps = sheared().ijk_to_lps @ [3, 4, 5, 1]
    assert point.tolist() == [-lps[0], -lps[1], lps[2], 1]


def test_corners_are_those_of_the_matrix():
    geometry = sheared()
    corners = geometry.corners_lps_mm()
    assert corners.shape == (8, 3)
    assert corners[0].tolist() == [-10, -20, 5]
    assert corners[1] == pytest.approx([-10 + 23 * 0.7, -20, 5])
    assert corners[-1] == pytest.approx((geometry.ijk_to_lps @ [23, 31, 19, 1])[:3])


def test_a_geometry_cannot_be_changed():
    geometry = sheared()
    with pytest.raises(ValueError, match="read-only"):
        geometry.ijk_to_lps[0, 0] = 5
    mine = np.eye(4)
    geometry = Geometry(size_ijk=(1, 1, 1), ijk_to_lps=mine)
    mine[0, 0] = 9
    assert geometry.ijk_to_lps[0, 0] == 1


# --- resampling along k ---------------------------------------------------


@pytest.mark.parametrize(
    ("distances", "count", "step"),
    [
        ([0, 2, 4, 6], 4, 2.0),
        ([0, 4, 8, 12, 19, 26, 33], 9, 33 / 8),  # the smallest gap
        ([0, 0.1, 5, 10, 15], 4, 5.0),  # the smallest would make 151 slices of 5: the median gap
        ([0, 3], 2, 3.0),
    ],
)
def test_even_steps(distances, count, step):
    wanted = even_distances(np.array(distances, dtype=float))
    assert len(wanted) == count
    assert np.diff(wanted) == pytest.approx(step)
    assert (wanted[0], wanted[-1]) == (distances[0], distances[-1])


def test_linear_values_are_reproduced_exactly():
    distances = np.array([0.0, 4, 8, 15, 22])
    array = (3 * distances - 7)[:, None, None] * np.ones((1, 4, 5))
    wanted = np.linspace(0, 22, 12)
    result = resample_slices(array, distances, wanted)
    assert result[:, 2, 3] == pytest.approx(3 * wanted - 7)
    assert resample_slices(array.astype(np.int16), distances, wanted).dtype == np.float32


def test_padding_is_never_mixed_with_values():
    array = np.array([[[-2000, 0]], [[100, 100]]], dtype=np.int16)
    result = resample_slices(array, np.array([0.0, 10.0]), np.array([0.0, 4, 6, 10]), padding=-2000)
    assert result[:, 0, 0].tolist() == [-2000, -2000, 100, 100]
    assert result[:, 0, 1] == pytest.approx([0, 40, 60, 100])


@pytest.mark.skipif(sys.platform == "emscripten", reason="no SimpleITK there")
def test_against_simpleitks_linear_resampler():
    """An even grid of twice the slices: an independent implementation gives the same values."""
    sitk = pytest.importorskip("SimpleITK")
    array = np.random.default_rng(3).normal(size=(6, 5, 4)).astype(np.float32)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1, 1, 3))
    wanted = np.linspace(0, 15, 11)
    grid = sitk.Image(4, 5, 11, sitk.sitkFloat32)
    grid.SetSpacing((1, 1, 1.5))
    expected = sitk.GetArrayFromImage(sitk.Resample(image, grid, sitk.Transform(), sitk.sitkLinear))
    assert resample_slices(array, np.arange(6) * 3.0, wanted) == pytest.approx(expected, abs=1e-5)
