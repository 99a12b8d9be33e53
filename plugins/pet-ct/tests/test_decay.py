"""Decay against numerical integration and against what the law of decay says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomlogic_pet_ct.decay import average_time


def _integrated(duration: float, half_life: float) -> float:
    """The moment at which the activity is its mean over the frame, by summing the activity itself."""
    edges = np.linspace(0, duration, 200_001)
    middle = (edges[1:] + edges[:-1]) / 2
    return float(-np.log2(np.mean(2.0 ** (-middle / half_life))) * half_life)


@pytest.mark.parametrize("half_life", [122.2, 1223.0, 6586.2, 282276.0])
@pytest.mark.parametrize("duration", [1.0, 120.0, 600.0, 5400.0])
def test_the_mean_moment_of_a_frame(duration: float, half_life: float) -> None:
    found = float(average_time(np.array([duration]), half_life)[0])
    assert found == pytest.approx(_integrated(duration, half_life), abs=1e-5 * duration + 1e-6)


def test_a_real_frame() -> None:
    """FrameReferenceTime of a Siemens header with frames of 120 s from the start of decay correction: 59936.85 ms."""
    assert float(average_time(np.array([120.0]), 6586.2)[0]) == pytest.approx(59.936854672596, abs=1e-6)


@given(st.floats(1e-9, 1e5), st.floats(50, 1e6))
def test_it_lies_in_the_first_half_and_is_continuous(duration: float, half_life: float) -> None:
    found = average_time(np.array([duration, duration * (1 + 1e-6)]), half_life)
    assert 0 < found[0] <= duration / 2 * (1 + 1e-7)
    assert abs(found[1] - found[0]) <= 1e-3 * duration


def test_durations_that_are_none_give_nothing() -> None:
    found = average_time(np.array([-1.0, np.nan, 0.0]), 6586.2)
    np.testing.assert_array_equal(found, [np.nan, np.nan, 0.0])
