"""The test of an axis, on arrays: properties that hold for any shape, and the cases that must not pass."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomlogic_core.axes import (
    complete_values,
    distinct_inside,
    joint,
    number_codes,
    once_everywhere,
    ranks,
    same_everywhere,
    same_partition,
    value_table,
)


def codes(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


@st.composite
def grids(draw):
    """Frames of a full grid of positions and two axes, shuffled: (place, first, second)."""
    positions, first, second = (draw(st.integers(2, 4)) for _ in range(3))
    cells = np.stack(np.meshgrid(range(positions), range(first), range(second), indexing="ij"), axis=-1).reshape(-1, 3)
    order = draw(st.permutations(range(len(cells))))
    return tuple(cells[list(order)].T)


@given(grids())
def test_the_axes_of_a_full_grid_are_found_whatever_the_order(grid):
    place, first, second = grid
    assert same_everywhere(place, first)
    assert same_everywhere(place, second)
    assert not once_everywhere(place, first)
    assert once_everywhere(place, joint([first, second]))
    assert same_partition(joint([first, second]), joint([second, first]))
    assert not same_partition(first, joint([first, second]))


@given(grids())
def test_a_frame_taken_away_ends_it_and_leaves_the_other_values_complete(grid):
    place, first, second = grid
    whole = joint([first, second])
    place, lost, whole = place[1:], whole[0], whole[1:]
    assert not same_everywhere(place, whole)
    if len(np.unique(place)) == int(place.max()) + 1:
        complete = complete_values(place, whole)
        assert lost not in complete
        assert len(complete) == len(np.unique(np.append(whole, lost))) - 1


def test_one_value_is_no_axis():
    assert not same_everywhere(codes(0, 1, 0, 1), codes(0, 0, 0, 0))


def test_values_of_their_own_at_every_position_are_no_axis():
    place = codes(0, 0, 1, 1)
    assert not same_everywhere(place, codes(0, 1, 2, 3))
    assert value_table(place, codes(0, 1, 2, 3)).tolist() == [[1, 1, 0, 0], [0, 0, 1, 1]]


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20, unique=True))
def test_ranks_are_the_places_in_each_group(numbers):
    values = np.array(numbers * 2)
    groups = np.repeat([0, 1], len(numbers))
    found = ranks(groups, values)
    expected = np.argsort(np.argsort(numbers))
    assert found.tolist() == [*expected, *expected]


def test_joint_numbers_ascend_with_the_tuples():
    assert joint([codes(1, 0, 1, 0), codes(0, 5, 2, 1)]).tolist() == [2, 1, 3, 0]


def test_numbers_within_tolerance_are_one():
    assert number_codes(np.array([2.0, 1.0, 1.0005, 3.0]), 1e-3).tolist() == [1, 0, 0, 2]


@pytest.mark.parametrize(
    ("values", "distinct"), [([1.0, 2.0, 1.0, 2.0], True), ([1.0, 1.0, 1.0, 2.0], False), ([1.0, np.nan, 1, 2], False)]
)
def test_distinct_inside_each_group(values, distinct):
    assert distinct_inside(codes(0, 0, 1, 1), np.array(values), 0.0) is distinct
