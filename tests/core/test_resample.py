"""Resampling in world space: against SimpleITK, against linear fields that it must keep exactly, and its own rules."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

import dicomlogic_core as dl


def turned(*degrees: float) -> np.ndarray[Any, Any]:
    """Rotations about z, x and y, one after the other."""
    matrix = np.eye(3)
    for axis, angle in zip((2, 0, 1), degrees):
        a, b = [other for other in range(3) if other != axis]
        one = np.eye(3)
        one[a, a] = one[b, b] = math.cos(math.radians(angle))
        one[a, b], one[b, a] = -math.sin(math.radians(angle)), math.sin(math.radians(angle))
        matrix = one @ matrix
    return matrix


def grid(
    size: tuple[int, int, int],
    spacing: tuple[float, float, float],
    origin: tuple[float, float, float],
    directions: Any = None,
    lean: float = 0.0,
) -> dl.Geometry:
    """A grid; `lean` moves slices by so many mm along j for every step of k."""
    matrix = np.eye(4)
    matrix[:3, :3] = (np.eye(3) if directions is None else directions) @ np.diag(spacing)
    matrix[:3, 2] += lean * matrix[:3, 1] / spacing[1]
    matrix[:3, 3] = origin
    return dl.Geometry(size_ijk=size, ijk_to_lps=matrix)


SOURCE = grid((17, 14, 11), (1.5, 2.0, 3.0), (-10.0, 4.0, 7.0))


def noise(geometry: dl.Geometry = SOURCE, dtype: Any = np.int16, **values: Any) -> dl.Volume:
    shape = geometry.size_ijk[::-1]
    array = np.random.default_rng(3).integers(-1000, 1000, shape).astype(dtype)
    return dl.Volume(array=array, geometry=geometry, **values)


FIELD = np.array([0.5, -2.0, 0.25, 30.0])  # value = x/2 - 2 y + z/4 + 30


def field(geometry: dl.Geometry, **values: Any) -> dl.Volume:
    """The linear field at the centres of a grid."""
    return dl.Volume(array=field_values(geometry), geometry=geometry, **values)


def centres(geometry: dl.Geometry) -> np.ndarray[Any, Any]:
    k, j, i = np.indices(geometry.size_ijk[::-1], dtype=float)
    return np.stack([i, j, k, np.ones_like(i)], -1) @ geometry.ijk_to_lps.T


def field_values(geometry: dl.Geometry) -> np.ndarray[Any, Any]:
    return np.asarray(centres(geometry) @ FIELD)


def by_simpleitk(volume: dl.Volume, wanted: dl.Geometry, kernel: str, outside: float) -> np.ndarray[Any, Any]:
    resample = sitk.ResampleImageFilter()
    resample.SetSize(wanted.size_ijk)
    resample.SetOutputOrigin(wanted.origin_lps_mm)
    resample.SetOutputSpacing(wanted.spacing_mm)
    resample.SetOutputDirection(wanted.directions.ravel().tolist())
    resample.SetDefaultPixelValue(outside)
    resample.SetInterpolator(sitk.sitkLinear if kernel == "linear" else sitk.sitkNearestNeighbor)
    image = volume.to_sitk()
    if kernel == "linear":
        resample.SetOutputPixelType(sitk.sitkVectorFloat64 if volume.array.ndim == 4 else sitk.sitkFloat64)
    return np.asarray(sitk.GetArrayFromImage(resample.Execute(image)))


GRIDS = {
    "finer": grid((40, 31, 20), (0.61, 0.83, 1.27), (-8.1, 5.3, 8.2)),
    "coarser": grid((9, 8, 7), (3.1, 4.3, 5.2), (-20.2, -8.4, -6.3)),
    "one slice": grid((20, 20, 1), (1.1, 1.3, 2.0), (-9.2, 5.1, 17.3)),
    "axes swapped": grid(
        (12, 13, 14), (2.1, 1.9, 1.3), (-8.2, 6.3, 9.1), np.array([[0, 0, 1.0], [1, 0, 0], [0, 1, 0]])
    ),
    "axes reversed": grid((12, 13, 14), (1.9, 2.1, 1.3), (13.1, 30.2, 9.1), np.diag([-1.0, -1.0, 1.0])),
    "oblique": grid((25, 23, 19), (1.1, 1.3, 1.7), (-11.3, 3.2, 6.1), turned(20, 10, -15)),
    "leaning": grid((25, 23, 19), (1.1, 1.3, 1.7), (-11.3, 3.2, 6.1), lean=0.4537),
    "apart": grid((4, 4, 4), (1.0, 1.0, 1.0), (500.0, 500.0, 500.0)),
}


@pytest.mark.parametrize("kernel", ["linear", "nearest"])
@pytest.mark.parametrize("wanted", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize(
    "source",
    [SOURCE, grid((17, 14, 11), (1.5, 2.0, 3.0), (-9.0, 4.0, 7.0), turned(5, -8, 12), lean=0.3)],
    ids=["upright", "oblique and leaning"],
)
def test_as_simpleitk_has_it(source: dl.Geometry, wanted: dl.Geometry, kernel: Any) -> None:
    """Also beyond the outermost centres, where both hold the outermost value for half a voxel."""
    volume = noise(source, np.int32)
    made = dl.resample_volume(volume, wanted, kernel=kernel, outside=-5000)
    assert np.allclose(np.asarray(made), by_simpleitk(volume, wanted, kernel, -5000), rtol=0, atol=1e-4)
    assert made.array.dtype == (np.float64 if kernel == "linear" else np.int32)
    assert made.geometry is wanted


def test_colours_are_taken_one_by_one() -> None:
    for wanted in (GRIDS["finer"], GRIDS["oblique"]):
        array = np.random.default_rng(5).integers(0, 255, (*SOURCE.size_ijk[::-1], 3)).astype(np.uint8)
        volume = dl.Volume(array=array, geometry=SOURCE)
        made = dl.resample_volume(volume, wanted, outside=0)
        assert made.array.shape == (*wanted.size_ijk[::-1], 3)
        assert np.allclose(np.asarray(made), by_simpleitk(volume, wanted, "linear", 0), rtol=0, atol=1e-4)
        values, inside = dl.sample_points(volume, centres(wanted)[..., :3].reshape(-1, 3))
        assert values.shape == (len(inside), 3)
        assert np.allclose(values[inside], np.asarray(made).reshape(-1, 3)[inside], rtol=0, atol=1e-4)


matrices = st.tuples(
    st.tuples(*[st.floats(-180, 180)] * 3),
    st.tuples(*[st.floats(0.3, 4)] * 3),
    st.tuples(*[st.floats(-20, 20)] * 3),
    st.floats(-2, 2),
    st.tuples(*[st.integers(1, 9)] * 3),
)


def any_grid(drawn: Any) -> dl.Geometry:
    angles, spacing, origin, lean, size = drawn
    return grid(size, spacing, origin, turned(*angles), lean)


@settings(deadline=None, max_examples=60)
@given(matrices, matrices)
def test_linear_fields_come_back_exactly(source: Any, wanted: Any) -> None:
    """Trilinear interpolation keeps what is linear in space, on any two grids, between the outermost centres."""
    volume, target = field(any_grid(source)), any_grid(wanted)
    made = np.asarray(dl.resample_volume(volume, target))
    index = centres(target) @ np.linalg.inv(volume.geometry.ijk_to_lps).T
    last = np.array(volume.geometry.size_ijk) - 1
    between = ((index[..., :3] >= 0) & (index[..., :3] <= last)).all(axis=-1)
    assert np.allclose(made[between], field_values(target)[between], rtol=0, atol=1e-8)
    far = ((index[..., :3] < -0.51) | (index[..., :3] > last + 0.51)).any(axis=-1)
    assert np.isnan(made[far]).all()
    near = ((index[..., :3] > -0.49) & (index[..., :3] < last + 0.49)).all(axis=-1)
    assert np.isfinite(made[near]).all()


@settings(deadline=None, max_examples=40)
@given(matrices, matrices)
def test_points_and_grids_agree(source: Any, wanted: Any) -> None:
    volume, target = noise(any_grid(source), np.float64), any_grid(wanted)
    for kernel in ("linear", "nearest"):
        made = np.asarray(dl.resample_volume(volume, target, kernel=kernel))
        values, inside = dl.sample_points(volume, centres(target)[..., :3].reshape(-1, 3), kernel=kernel)
        # A place within rounding of the border, or of the middle between voxels, may fall on either side.
        same = np.isclose(values, made.ravel(), rtol=0, atol=1e-6, equal_nan=True)
        index = (centres(target) @ np.linalg.inv(volume.geometry.ijk_to_lps).T)[..., :3].reshape(-1, 3)
        on_an_edge = (np.abs(index - np.floor(index) - 0.5) < 1e-5).any(axis=1)
        assert (same | on_an_edge).all()
        assert np.array_equal(np.isnan(values), ~inside)


@pytest.mark.parametrize("kernel", ["linear", "nearest"])
def test_points_may_be_mapped_on_the_way(kernel: Any) -> None:
    """Mapping points by a matrix is resampling on the grid that the matrix makes; padding keeps apart here as well."""
    moved = np.eye(4)
    moved[:3, :3], moved[:3, 3] = turned(7, -4, 3), (2.3, -1.1, 0.7)
    volume = noise(metadata={"padding": 17})
    wanted = GRIDS["finer"]
    there = dl.Geometry(size_ijk=wanted.size_ijk, ijk_to_lps=moved @ wanted.ijk_to_lps)
    made = dl.resample_volume(
        volume, wanted, kernel=kernel, outside=-5, through=lambda points: points @ moved[:3, :3].T + moved[:3, 3]
    )
    expected = dl.resample_volume(volume, there, kernel=kernel, outside=-5)
    assert np.allclose(np.asarray(made), np.asarray(expected), rtol=0, atol=1e-2)
    assert made.geometry is wanted


def test_the_same_grid_gives_the_same_values() -> None:
    for geometry in (SOURCE, GRIDS["oblique"]):
        volume = noise(geometry)
        again = dl.Geometry(size_ijk=geometry.size_ijk, ijk_to_lps=geometry.ijk_to_lps * (1 + 1e-13))
        made = dl.resample_volume(volume, again)
        assert made.array.dtype == np.float32
        assert np.allclose(np.asarray(made), volume.array, rtol=0, atol=1e-3)
        kept = dl.resample_volume(volume, again, kernel="nearest")
        assert kept.array.dtype == np.int16
        assert np.array_equal(np.asarray(kept), volume.array)


def test_the_border_is_half_a_voxel_wide() -> None:
    volume = field(SOURCE)
    edge = (-10.0, 4.0, 7.0)
    steps = np.array(
        [[0, 0, 0], [-0.74, 0, 0], [-0.76, 0, 0], [0, -0.99, 0], [0, -1.01, 0], [0, 0, -1.49], [0, 0, -1.51]]
    )
    values, inside = dl.sample_points(volume, np.add(edge, steps))
    assert inside.tolist() == [True, True, False, True, False, True, False]
    assert np.allclose(values[inside], volume.array[0, 0, 0])


def test_padding_and_missing_slices_never_mix_with_values() -> None:
    array = np.full(SOURCE.size_ijk[::-1], 100, np.int16)
    array[:, :, :4] = -2000
    array[6] = 0  # as a slice without pixels is filled
    volume = dl.Volume(array=array, geometry=SOURCE, missing=(6,), metadata={"padding": -2000})
    for wanted in (GRIDS["finer"], GRIDS["oblique"]):
        made = np.asarray(dl.resample_volume(volume, wanted, outside=1))
        assert set(np.unique(made)) <= {-2000.0, 0.0, 1.0, 100.0}
        assert {-2000.0, 0.0, 100.0} <= set(np.unique(made))
    holed = array.astype(np.float32)
    holed[array == -2000] = np.nan
    made = np.asarray(dl.resample_volume(dl.Volume(array=holed[:6], geometry=smaller()), GRIDS["finer"], outside=1))
    assert set(np.unique(made[~np.isnan(made)])) == {1.0, 100.0}


def smaller() -> dl.Geometry:
    return dl.Geometry(size_ijk=(17, 14, 6), ijk_to_lps=SOURCE.ijk_to_lps)


def test_what_lies_outside() -> None:
    volume, padded = noise(), noise(metadata={"padding": -2000})
    apart = GRIDS["apart"]
    assert np.isnan(np.asarray(dl.resample_volume(volume, apart))).all()
    assert not np.asarray(dl.resample_volume(volume, apart, kernel="nearest")).any()
    assert (np.asarray(dl.resample_volume(padded, apart, kernel="nearest")) == -2000).all()
    assert (np.asarray(dl.resample_volume(volume, apart, kernel="nearest", outside=-7)) == -7).all()
    for refused in (0.5, 40000):
        with pytest.raises(dl.UsageError, match="cannot hold"):
            dl.resample_volume(volume, apart, kernel="nearest", outside=refused)
    (told,) = [one for one in dl.resample_volume(volume, apart, outside=0).findings if one.code == "geometry.resampled"]
    assert "100 % of them lie outside the source and hold 0" in told.message
    whole = dl.resample_volume(volume, SOURCE)
    assert "outside" not in whole.findings[-1].message


def test_what_is_said_of_the_result() -> None:
    refs = tuple(dl.FrameRef(study_uid="1", series_uid="1.1", sop_uid=f"1.1.{k}") for k in range(11))
    metadata = {
        "common": {"Modality": "PT", "SliceThickness": "3", "PixelSpacing": "2\\1.5"},
        "varying": {"SliceLocation": [str(k) for k in range(11)]},
        "slice_positions_lps_mm": [[0, 0, k] for k in range(11)],
        "window": [[40, 400]],
        "suv": {"type": "bw"},
    }
    volume = noise(
        name="3: PET", unit="g/ml", quantity="SUVbw", frame_of_reference_uid="1.9", provenance=refs, metadata=metadata
    )
    made = dl.resample_volume(volume, GRIDS["finer"])
    assert (made.name, made.unit, made.quantity) == ("3: PET", "g/ml", "SUVbw")
    assert made.frame_of_reference_uid == "1.9"
    assert made.provenance == ()
    assert made.metadata["common"] == {"Modality": "PT"}
    assert made.metadata["suv"] == {"type": "bw"}
    assert "varying" not in made.metadata
    assert "slice_positions_lps_mm" not in made.metadata
    assert made.metadata["resampled"] == {
        "kernel": "linear",
        "study_uids": ["1"],
        "series_uids": ["1.1"],
        "instance_uids": [f"1.1.{k}" for k in range(11)],
    }
    again = dl.resample_volume(made, GRIDS["coarser"], kernel="nearest").metadata["resampled"]
    assert again == {**made.metadata["resampled"], "kernel": "nearest"}


def test_refusals() -> None:
    with pytest.raises(dl.UsageError, match="cubic"):
        dl.resample_volume(noise(), SOURCE, kernel="cubic")  # type: ignore[arg-type]  # what is refused
    with pytest.raises(dl.UsageError, match="shape"):
        dl.sample_points(noise(), np.zeros((3, 2)))


@pytest.mark.parametrize("name", ["finer", "oblique", "leaning"])
def test_memory_is_that_of_the_result(name: str) -> None:
    """No table of coordinates of all voxels: 24 bytes each would be six times the result."""
    wanted = dl.Geometry(size_ijk=(160, 160, 120), ijk_to_lps=GRIDS[name].ijk_to_lps)
    volume = noise()
    dl.resample_volume(volume, SOURCE)
    tracemalloc.start()
    try:
        made = dl.resample_volume(volume, wanted)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < made.array.nbytes + (8 << 20)
