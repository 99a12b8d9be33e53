"""Even-odd areas against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomlogic_core.testing.phantom_rt import circle, keyhole, rectangle
from dicomlogic_rt.polygon_areas import even_odd_area


def area(*polygons: np.ndarray) -> float:
    starts = np.concatenate([polygon[:, :2] for polygon in polygons]).T
    ends = np.concatenate([np.roll(polygon[:, :2], -1, axis=0) for polygon in polygons]).T
    return even_odd_area(starts, ends)


def shoelace(polygon: np.ndarray) -> float:
    x, y = polygon[:, 0], polygon[:, 1]
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


@given(
    radii=st.lists(st.floats(0.5, 50), min_size=3, max_size=40),
    turn=st.floats(0, 7),
    shift=st.tuples(st.floats(-300, 300), st.floats(-300, 300)),
    backwards=st.booleans(),
)
@settings(deadline=None)
def test_simple_polygons_as_the_shoelace_formula(radii, turn, shift, backwards):
    angles = turn + 2 * np.pi * np.arange(len(radii)) / len(radii)
    polygon = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1) + shift
    assert area(polygon[:: -1 if backwards else 1]) == pytest.approx(shoelace(polygon), rel=1e-9)


@given(
    first=st.tuples(*[st.floats(1, 40)] * 2),
    second=st.tuples(*[st.floats(1, 40)] * 2),
    shift=st.tuples(*[st.floats(-30, 30)] * 2),
)
@settings(deadline=None)
def test_overlapping_rectangles_lose_what_they_share_twice(first, second, shift):
    overlap = [
        max(0.0, min(a / 2, move + b / 2) - max(-a / 2, move - b / 2)) for a, b, move in zip(first, second, shift)
    ]
    expected = first[0] * first[1] + second[0] * second[1] - 2 * overlap[0] * overlap[1]
    assert area(rectangle(*first, 0), rectangle(*second, 0, centre=shift)) == pytest.approx(expected, abs=1e-8)


@given(turn=st.floats(0, 7))
@settings(deadline=None)
def test_edges_that_cross_inside_a_strip(turn):
    # A square and the same square turned by an eighth share a regular octagon of 2 (sqrt 2 - 1) of its area.
    square = rectangle(2, 2, 0)[:, :2]

    def turned(angle):
        return square @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])

    octagon = 4 * 2 * (np.sqrt(2) - 1)
    assert area(turned(turn), turned(turn + np.pi / 4)) == pytest.approx(8 - 2 * octagon)


def test_a_bow_tie_counts_both_halves():
    assert area(np.array([(0, 0), (2, 2), (2, 0), (0, 2)], float)) == pytest.approx(2)


def test_nested_contours_alternate_whatever_their_direction():
    rings = [circle(radius, 0) for radius in (10, 6, 3)]
    for flips in np.ndindex(2, 2, 2):
        turned = [ring[:: -1 if flip else 1] for ring, flip in zip(rings, flips)]
        assert area(*turned) == pytest.approx(np.pi * (100 - 36 + 9), rel=1e-9)


def test_a_keyhole_is_a_ring():
    assert area(keyhole(circle(10, 0), circle(4, 0))) == pytest.approx(np.pi * 84, rel=1e-9)


def test_the_same_contour_twice_is_nothing():
    assert area(circle(5, 0), circle(5, 0)) == pytest.approx(0, abs=1e-9)


def test_degenerate_contours_have_no_area():
    assert area(np.array([(0, 0), (5, 0), (9, 0)], float)) == 0
    assert area(np.array([(0, 0), (5, 5), (0, 0)], float)) == pytest.approx(0)
