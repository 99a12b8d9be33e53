"""Masks against a voxel-by-voxel even-odd test, in any orientation, and what is told about contours that do not fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomlogic_core import Geometry
from dicomlogic_core.testing.phantom_dvh import known_dvhs
from dicomlogic_core.testing.phantom_rt import circle, keyhole, placed, rectangle, sphere, turned
from dicomlogic_rt.rasterise import rasterise
from dicomlogic_rt.rois import Contour, Roi


def region(contours, geometric_type="CLOSED_PLANAR") -> Roi:
    made = tuple(Contour(points=points, geometric_type=geometric_type) for points in contours)
    return Roi(number=4, name="region", contours=made)


def grid(size=(40, 36, 9), spacing=(1.0, 1.0, 3.0), origin=(-20.0, -18.0, -12.0), turn=None) -> Geometry:
    matrix = np.diag([*spacing, 1.0])
    matrix[:3, 3] = origin
    return Geometry(size_ijk=size, ijk_to_lps=matrix if turn is None else turn @ matrix)


def codes(mask) -> list[str]:
    return [one.code for one in mask.findings]


def inside(polygons, x: float, y: float) -> bool:
    """Crossings to the right of a point, edge by edge."""
    odd = False
    for polygon in polygons:
        for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0)):
            if (y1 <= y) != (y2 <= y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
                odd = not odd
    return odd


coordinates = st.floats(-14, 14)
polygons = st.lists(st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=9), min_size=1, max_size=3)


@given(shapes=polygons)
@settings(max_examples=30, deadline=None)
def test_voxel_centres_inside_by_the_even_odd_rule(shapes):
    contours = [np.array([(x, y, 0.0) for x, y in shape]) for shape in shapes]
    geometry = grid(size=(30, 28, 1), spacing=(1.0, 1.0, 3.0), origin=(-14.6, -13.3, 0.0))
    # Of a type in which even the same contour twice is not taken once.
    found = rasterise(region(contours, "CLOSEDPLANAR_XOR"), geometry).array[0]
    flat = [contour[:, :2] for contour in contours]
    for j in range(28):
        for i in range(30):
            assert found[j, i] == inside(flat, i - 14.6, j - 13.3)


def test_neighbours_share_no_voxel_and_leave_no_gap():
    # Borders lie exactly on voxel centres.
    parts = [rectangle(5, 5, 0, centre=(5 * a, 5 * b)) for a in range(-2, 3) for b in range(-2, 3)]
    masks = [rasterise(region([part]), grid()).array for part in parts]
    assert (np.sum(masks, axis=0) <= 1).all()
    assert int(np.sum(masks)) == 25 * 25


@pytest.mark.parametrize("radius", [3, 6, 12, 40])
def test_discs_have_the_voxels_whose_centres_they_hold(radius):
    geometry = grid(size=(100, 100, 1), origin=(-49.7, -49.6, 0.0))
    found = rasterise(region([circle(radius, 0.0, points=2000)]), geometry).array
    x, y = np.arange(100) - 49.7, np.arange(100) - 49.6
    expected = int((x[None] ** 2 + y[:, None] ** 2 < radius**2).sum())
    assert abs(int(found.sum()) - expected) <= 0.01 * expected


def test_hole_as_nested_contours_keyhole_and_xor():
    outer, inner = rectangle(21, 19, 0), rectangle(9, 7, 0)
    nested = rasterise(region([outer, inner]), grid()).array
    assert int(nested.sum()) == 21 * 19 - 9 * 7
    for other in (
        region([inner[::-1], outer]),
        region([keyhole(outer, inner)]),
        region([inner, outer], "CLOSEDPLANAR_XOR"),
    ):
        assert (rasterise(other, grid()).array == nested).all()


def test_points_and_lines_are_not_filled():
    for kind in ("POINT", "OPEN_PLANAR", "OPEN_NONPLANAR"):
        assert not rasterise(region([rectangle(9, 9, 0)], kind), grid()).array.any()


def test_every_plane_goes_to_its_nearest_slice():
    contours = [rectangle(9, 9, 3 * k - 12 + shift) for k, shift in enumerate([0, 0.6, -0.6, 0.7, 0, 0, 0, 0, 0])]
    mask = rasterise(region(contours), grid())
    assert mask.array.sum(axis=(1, 2)).tolist() == [81] * 9


def test_sparse_planes_fill_the_slices_between_them():
    mask = rasterise(region([rectangle(9, 9, z) for z in (-12, -6, 0, 6)]), grid())
    assert mask.array.any(axis=(1, 2)).tolist() == [True] * 7 + [False] * 2
    assert not mask.findings


def test_a_lone_plane_fills_the_nearest_slice():
    mask = rasterise(region([rectangle(9, 9, 1.2)]), grid())
    assert np.flatnonzero(mask.array.any(axis=(1, 2))).tolist() == [4]


def test_a_missing_plane_is_empty_and_told():
    mask = rasterise(region([rectangle(9, 9, z) for z in (-12, -9, -3, 0, 3)]), grid())
    assert mask.array.any(axis=(1, 2)).tolist() == [True, True, False, True, True, True, False, False, False]
    assert codes(mask) == ["rt.plane-spacing"]


def test_contours_beyond_the_grid_are_clipped_and_told():
    # Wider than the grid to the left, and longer than it at the top.
    contours = [rectangle(20, 10, z, centre=(-20, 0)) for z in range(0, 30, 3)]
    mask = rasterise(region(contours), grid())
    assert codes(mask) == ["rt.contour-outside"]
    assert "5 of 10 planes" in mask.findings[0].message
    assert mask.array.sum(axis=(1, 2)).tolist() == [0, 0, 0, 0, *[10 * 10] * 5]


def test_everything_outside_is_told_too():
    mask = rasterise(region([rectangle(5, 5, 0, centre=(500, 0))]), grid())
    assert not mask.array.any()
    assert codes(mask) == ["rt.contour-outside"]


def test_a_thin_slab_between_slices_is_told():
    contour = Contour(points=rectangle(9, 9, 1.3), slab_thickness_mm=0.5)
    mask = rasterise(Roi(number=1, name="thin", contours=(contour,)), grid())
    assert not mask.array.any()
    assert codes(mask) == ["rt.contour-off-plane"]


def test_one_broken_contour_costs_no_other():
    good = [rectangle(9, 9, z) for z in (-3, 0, 3)]
    mask = rasterise(region([*good, rectangle(9, 9, 6)[:2]]), grid())
    assert int(mask.array.sum()) == 3 * 81
    assert codes(mask) == ["rt.contour-short"]


def test_the_mask_is_read_only_and_the_given_array_is_filled():
    out = np.zeros((9, 36, 40), bool)
    mask = rasterise(region([rectangle(9, 9, 0)]), grid(), out=out)
    assert int(out.sum()) == 81
    with pytest.raises(ValueError, match="read-only"):
        mask.array[0, 0, 0] = True
    out[...] = False
    with pytest.raises(ValueError, match="shape"):
        rasterise(region([]), grid(), out=np.zeros((1, 2, 3), bool))


@given(
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
    shift=st.tuples(*[st.floats(-400, 400)] * 3),
    shear=st.floats(-0.6, 0.6),
)
@settings(max_examples=30, deadline=None)
def test_turned_and_sheared_stacks_give_the_same_voxels(angles, shift, shear):
    contours = [circle(4 + z / 4, z, points=50, centre=(shear * z, 0.3)) for z in (-9.0, -6.0, -3.0, 0.0, 3.0, 6.0)]
    straight = [points - (shear * points[0, 2], 0, 0) for points in contours]
    expected = rasterise(region(straight), grid()).array
    turn = turned("x", angles[0], origin=shift) @ turned("y", angles[1]) @ turned("z", angles[2])
    tilted = np.eye(4)
    tilted[0, 2] = shear
    found = rasterise(region(placed(contours, turn)), grid(turn=turn @ tilted))
    assert int((found.array != expected).sum()) <= 2  # centres within rounding of an edge
    assert not found.findings


@pytest.mark.parametrize("axis", ["x", "y"])
def test_planes_across_the_slices_of_the_grid(axis):
    # Sagittal and coronal contours on axial slices: the same box, whichever way it was cut.
    contours = placed([rectangle(16, 10, z) for z in np.arange(-6.5, 7)], turned(axis, 90))
    expected = np.ptp(np.concatenate(contours), axis=0) + np.array([axis == "y", axis == "x", 0])
    geometry = grid(size=(41, 43, 21), spacing=(1, 1, 2), origin=(-20.25, -21.25, -20.25))
    mask = rasterise(region(contours), geometry)
    used = np.argwhere(mask.array)
    extent = (np.ptp(used, axis=0) + 1)[::-1] * (1, 1, 2)
    np.testing.assert_allclose(extent, expected, atol=2)
    assert int(mask.array.sum()) == int(np.prod(np.ptp(used, axis=0) + 1))
    assert int(mask.array.sum()) * 2 == pytest.approx(14 * 160, rel=0.12)


@pytest.mark.parametrize("angle", [20, 45, 70])
def test_oblique_planes_fill_the_solid(angle):
    turn = turned("x", angle) @ turned("y", 25)
    contours = placed(sphere(15, 1.5), turn)
    geometry = grid(size=(40, 40, 40), spacing=(1, 1, 1), origin=(-19.6, -19.4, -19.3))
    mask = rasterise(region(contours), geometry)
    assert not mask.findings
    # The stack of slabs, voxel by voxel: in the contours' own coordinates the plane is a matter of rounding.
    k, j, i = np.indices(mask.array.shape)
    points = (np.stack([i, j, k], axis=-1) + np.array([-19.6, -19.4, -19.3])) @ turn[:3, :3]
    planes = np.array([contour[0, 2] for contour in sphere(15, 1.5)])
    nearest = np.abs(points[..., 2, None] - planes).argmin(axis=-1)
    within = np.abs(points[..., 2] - planes[nearest]) <= 0.75
    expected = within & (points[..., 0] ** 2 + points[..., 1] ** 2 < 15**2 - planes[nearest] ** 2)
    assert int((mask.array != expected).sum()) <= 0.002 * expected.sum()


def test_volume_of_a_mask_is_that_of_whole_slabs():
    known = next(one for one in known_dvhs(12) if one.name.startswith("ring as nested"))
    geometry = grid(size=(110, 110, 20), spacing=(0.25, 0.25, 2), origin=(-13.6, -13.7, -19.0))
    contours = known.contours(2, 0.5)
    cc = int(rasterise(region(contours), geometry).array.sum()) * 0.25 * 0.25 * 2 / 1000
    assert cc == pytest.approx(known.convention_cc(2, 0.5, end_cap="full"), rel=1e-3)


def test_a_structure_set_that_holds_its_contours_twice_is_not_empty():
    contours = [rectangle(9, 9, z) for z in (-3, 0, 3)]
    twice = rasterise(region([*contours, *contours]), grid())
    assert (twice.array == rasterise(region(contours), grid()).array).all()
    assert codes(twice) == ["rt.contour-duplicate"]
