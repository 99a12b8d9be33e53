"""Contours sorted into planes: spacing, gaps, orientation, and what is left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomlogic_core.testing.phantom_rt import circle, placed, rectangle, turned
from dicomlogic_rt.contour_planes import contour_planes
from dicomlogic_rt.rois import Contour, Roi


def region(contours, geometric_type="CLOSED_PLANAR", **values) -> Roi:
    made = tuple(Contour(points=points, geometric_type=geometric_type, **values) for points in contours)
    return Roi(number=4, name="region", contours=made)


def squares(*heights: float) -> Roi:
    return region([rectangle(10, 10, z) for z in heights])


def codes(planes) -> list[str]:
    return [one.code for one in planes.findings]


def test_regular_planes():
    planes = contour_planes(squares(6, 0, 3, 9))
    assert planes.positions_mm.tolist() == [0, 3, 6, 9]
    assert planes.spacing_mm == pytest.approx(3)
    assert planes.pieces == ((0, 3),)
    assert planes.below_mm.tolist() == planes.above_mm.tolist() == [1.5] * 4
    assert not planes.findings


def test_positions_within_a_tenth_of_the_spacing_are_one_plane():
    planes = contour_planes(squares(0, 0.2, 3, 3.1, 6, 9))
    np.testing.assert_allclose(planes.positions_mm, [0.1, 3.05, 6, 9])
    assert planes.spacing_mm == pytest.approx(2.97, abs=0.02)


def test_doubled_contours_do_not_halve_the_spacing():
    planes = contour_planes(squares(*[z + jitter for z in (0, 3, 6, 9, 12) for jitter in (0, 0.02)]))
    assert len(planes) == 5
    assert planes.spacing_mm == pytest.approx(3)


def test_single_missing_plane_is_empty_and_told():
    planes = contour_planes(squares(0, 3, 9, 12, 15))
    assert planes.spacing_mm == pytest.approx(3)
    assert planes.pieces == ((0, 1), (2, 4))
    assert planes.above_mm[1] == planes.below_mm[2] == pytest.approx(1.5)
    assert codes(planes) == ["rt.plane-spacing"]
    assert "6" in planes.findings[0].message
    assert "empty" in planes.findings[0].message


def test_single_missing_plane_is_bridged_on_request():
    planes = contour_planes(squares(0, 3, 9, 12, 15), largest_gap=2.1)
    assert planes.pieces == ((0, 4),)
    assert planes.above_mm[1] == planes.below_mm[2] == pytest.approx(3)


def test_every_second_slice_drawn_continues():
    planes = contour_planes(squares(0, 3, 6, 12, 18, 24, 27, 30))
    assert planes.pieces == ((0, 7),)
    assert planes.above_mm.tolist() == pytest.approx([1.5, 1.5, 3, 3, 3, 1.5, 1.5, 1.5])
    assert codes(planes) == ["rt.plane-spacing"]


def test_mixed_spacings_use_true_positions():
    planes = contour_planes(squares(0, 3, 6, 9, 15, 21, 27))
    assert planes.pieces == ((0, 6),)
    assert (planes.below_mm + planes.above_mm).sum() == pytest.approx(27 + 1.5 + 3)


def test_parts_far_apart_are_pieces():
    planes = contour_planes(squares(0, 3, 6, 60, 63, 66))
    assert planes.pieces == ((0, 2), (3, 5))


def test_a_tiny_contour_does_not_cost_its_plane():
    tiny = rectangle(0.12, 0.1, 3, centre=(30, 0))
    planes = contour_planes(region([rectangle(40, 40, 0), tiny, rectangle(40, 40, 3), rectangle(40, 40, 6)]))
    assert len(planes) == 3
    assert np.bincount(planes.edge_planes).tolist() == [4, 8, 4]


def test_what_bounds_no_area_is_told_and_costs_nothing_else():
    contours = (
        Contour(points=rectangle(10, 10, 0)),
        Contour(points=rectangle(10, 10, 3)[:2]),
        Contour(points=rectangle(10, 10, 6), geometric_type="OPEN_PLANAR"),
        Contour(points=rectangle(10, 10, 9)[:1], geometric_type="POINT"),
    )
    planes = contour_planes(Roi(number=1, name="mixed", contours=contours))
    assert planes.positions_mm.tolist() == [0]
    assert sorted(codes(planes)) == ["rt.contour-open", "rt.contour-short"]


def test_no_contours():
    planes = contour_planes(Roi(number=1, name="nothing"))
    assert len(planes) == 0
    assert codes(planes) == ["rt.roi-empty"]


def test_coordinates_that_are_no_numbers_are_left_out():
    broken = rectangle(10, 10, 3)
    broken[1] = np.nan
    planes = contour_planes(region([rectangle(10, 10, 0), broken, rectangle(10, 10, 6)]))
    assert len(planes) == 3
    assert np.bincount(planes.edge_planes).tolist() == [4, 3, 4]


def test_a_contour_across_the_others_is_left_out():
    upright = placed([rectangle(20, 20, 0)], turned("x", 90))
    planes = contour_planes(region([*(rectangle(30, 30, z) for z in (0, 3, 6, 9)), *upright]))
    assert len(planes) == 4
    assert codes(planes) == ["rt.contour-off-plane"]


def test_thickness_of_a_lone_plane():
    assert np.isnan(contour_planes(squares(5)).below_mm).all()
    assert contour_planes(squares(5), slab_mm=3).below_mm.tolist() == [1.5]
    told = region([rectangle(10, 10, 5)], slab_thickness_mm=4.0)
    assert contour_planes(told, slab_mm=3).below_mm.tolist() == [2]


@given(
    first=st.floats(-180, 180),
    second=st.floats(-180, 180),
    shift=st.tuples(*[st.floats(-500, 500)] * 3),
    reverse=st.booleans(),
)
@settings(deadline=None)
def test_planes_in_any_orientation(first, second, shift, reverse):
    contours = [circle(10 + z, z, points=40) for z in (0.0, 2.0, 4.0, 6.0)]
    matrix = turned("x", first, origin=shift) @ turned("y", second)
    planes = contour_planes(region(placed(contours, matrix)[:: -1 if reverse else 1]))
    assert len(planes) == 4
    assert planes.spacing_mm == pytest.approx(2, abs=1e-6)
    np.testing.assert_allclose(planes.axes @ planes.axes.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(planes.axes) == pytest.approx(1)
    assert abs(planes.axes[2] @ matrix[:3, 2]) == pytest.approx(1)
    expected = np.concatenate(placed(contours, matrix))
    found = planes.vertices_lps_mm()
    assert len(found) == len(expected)
    nearest = np.linalg.norm(found[:, None] - expected[None], axis=2).min(axis=1)
    assert nearest.max() < 1e-4


@pytest.mark.parametrize("turned_round", [False, True])
@pytest.mark.parametrize("begin", [0, 3])
@pytest.mark.parametrize("lifted_mm", [0.0, 0.02])
def test_contours_that_are_there_twice_count_once(turned_round, begin, lifted_mm):
    contours = [circle(10, z, points=30) for z in (0, 3, 6)]
    again = [np.roll(one, begin, axis=0) + np.array([0, 0, lifted_mm]) for one in contours]
    planes = contour_planes(region([*contours, *(one[::-1] if turned_round else one for one in again)]))
    assert [int((planes.edge_planes == plane).sum()) for plane in range(3)] == [30] * 3
    assert codes(planes) == ["rt.contour-duplicate"]
    assert "3 of 6 contours" in planes.findings[0].message


def test_contours_that_only_look_alike_are_all_kept():
    # One number of points and one centre: a hole in its own plane, and outlines of the same points in another order.
    hole = region([rectangle(10, 10, 0), rectangle(6, 6, 0), rectangle(10, 10, 3)])
    crossed = region([rectangle(10, 10, 0), rectangle(10, 10, 0)[[0, 2, 1, 3]]])
    explicit = region([rectangle(10, 10, 0), rectangle(10, 10, 0)], "CLOSEDPLANAR_XOR")
    for roi in (hole, crossed, explicit):
        planes = contour_planes(roi)
        assert planes.starts.shape[1] == 4 * len(roi.contours)
        assert not planes.findings


@given(
    first=st.tuples(*[st.integers(-6, 6)] * 2, *[st.integers(1, 6)] * 2),
    second=st.tuples(*[st.integers(-6, 6)] * 2, *[st.integers(1, 6)] * 2),
    degrees=st.floats(-180, 180),
)
@settings(deadline=None)
def test_contours_of_one_plane_that_cross_are_told(first, second, degrees):
    def box(x, y, width, height, shift=0.0):
        corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        return np.array([(a + shift, b + shift, 0.0) for a, b in corners])

    # Half a millimetre apart, no corner lies on an edge.
    one, other = box(*first), box(*second, shift=0.5)
    low, high = np.array([(box[0], box[2]) for box in (one, other)]).transpose(1, 0, 2)
    apart = (low.max(axis=0) > high.min(axis=0))[:2].any()
    inside = any((low[a] < low[b])[:2].all() and (high[a] > high[b])[:2].all() for a, b in ((0, 1), (1, 0)))
    outlines = placed([one, other, one + np.array([0.0, 0.0, 3.0])], turned("x", degrees))
    planes = contour_planes(region(outlines))
    assert codes(planes) == ([] if apart or inside else ["rt.contour-overlap"])
    assert codes(contour_planes(region(outlines, "CLOSEDPLANAR_XOR"))) == []


def test_contours_that_only_touch_do_not_cross():
    beside = region([rectangle(4, 4, 0), rectangle(4, 4, 0, centre=(4, 1)), rectangle(4, 4, 3)])
    assert codes(contour_planes(beside)) == []


def test_slabs_thicker_than_the_planes_are_apart_say_nothing_about_gaps():
    overlapping = contour_planes(region([rectangle(10, 10, z) for z in (0, 2, 4, 8, 10)], slab_thickness_mm=5.0))
    plain = contour_planes(squares(0, 2, 4, 8, 10))
    assert overlapping.spacing_mm == plain.spacing_mm == pytest.approx(2)
    assert overlapping.pieces == plain.pieces == ((0, 2), (3, 4))
    assert [one.message for one in overlapping.findings] == [one.message for one in plain.findings]
    assert not contour_planes(region([rectangle(10, 10, z) for z in (0, 2, 4)], slab_thickness_mm=5.0)).findings


def test_slabs_thinner_than_the_planes_are_apart_leave_space_and_say_so():
    planes = contour_planes(region([rectangle(10, 10, z) for z in (0, 5, 10)], slab_thickness_mm=2.0))
    assert planes.spacing_mm == pytest.approx(5)
    assert planes.below_mm.tolist() == planes.above_mm.tolist() == [1.0] * 3
    assert codes(planes) == ["rt.plane-spacing"]
    assert "2 of 2 gaps are taken as empty" in planes.findings[0].message
