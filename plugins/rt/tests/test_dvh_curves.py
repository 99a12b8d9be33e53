"""Numbers of a curve against sorted doses, and the distance between curves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomlogic_core import UsageError
from dicomlogic_rt.dvh_curves import DvhCurve, compare


def curve_of(doses: np.ndarray, *, width: float = 0.01) -> DvhCurve:
    """The cumulative curve of samples of one cc each."""
    edges = np.arange(0, doses.max() + 2 * width, width)
    return DvhCurve(doses=edges, volumes_cc=[float((doses >= edge).sum()) for edge in edges])


@given(st.lists(st.floats(0, 70), min_size=1, max_size=40), st.floats(0.1, 100))
@settings(deadline=None)
def test_d_is_the_dose_of_the_hottest_part(values, percent):
    doses = np.sort(np.array(values))[::-1]
    # The last sample that belongs to the hottest percent.
    count = int(np.ceil(len(doses) * percent / 100 - 1e-9))
    assert curve_of(doses).d(percent) == pytest.approx(doses[count - 1], abs=0.0101)


@given(st.lists(st.floats(0, 70), min_size=1, max_size=40), st.floats(0, 80))
@settings(deadline=None)
def test_v_is_the_share_with_at_least_a_dose(values, dose):
    doses = np.array(values)
    curve = curve_of(doses)
    low, high = (float((doses >= dose + shift).sum()) for shift in (0.0101, -0.0101))
    assert low - 1e-9 <= curve.v_cc(dose) <= high + 1e-9
    assert curve.v(dose) == pytest.approx(100 * curve.v_cc(dose) / len(values))


def test_a_straight_line_by_hand():
    curve = DvhCurve(doses=[0, 10, 30], volumes_cc=[4, 4, 0])
    assert curve.total_cc == 4
    assert (curve.d(100), curve.d(50), curve.d(0)) == (10, 20, 30)
    assert curve.d_cc(1) == 25
    assert (curve.v(10), curve.v(20), curve.v(40)) == (100, 50, 0)
    middles, volumes = curve.differential()
    assert middles.tolist() == [5, 20]
    assert volumes.tolist() == [0, 4]


def test_more_than_there_is():
    curve = DvhCurve(doses=[0, 10], volumes_cc=[4, 0])
    assert np.isnan(curve.d_cc(4.1))
    assert np.isnan(DvhCurve(doses=[0], volumes_cc=[0]).d(50))
    assert np.isnan(DvhCurve(doses=[0], volumes_cc=[0]).v(1))


def test_arrays_of_a_curve_are_its_own():
    doses = np.array([0.0, 1.0])
    curve = DvhCurve(doses=doses, volumes_cc=[1, 0])
    doses[1] = 5
    assert curve.doses[1] == 1
    with pytest.raises(ValueError, match="read-only"):
        curve.doses[0] = 1
    with pytest.raises(ValueError, match="no curve"):
        DvhCurve(doses=[0, 1], volumes_cc=[1])


def step(dose: float, *, volume: float = 50.0) -> DvhCurve:
    """All volume at about one dose."""
    return DvhCurve(doses=[0, dose - 0.01, dose, 100], volumes_cc=[volume, volume, 0, 0])


def at_middle(share: float, *, volume: float) -> DvhCurve:
    """A share of the volume at 50 Gy or more."""
    return DvhCurve(doses=[0, 50, 100], volumes_cc=[volume, volume * share, 0])


def test_equal_curves_have_no_distance():
    found = compare(step(60), step(60))
    assert (found.pass_percent, found.largest) == (100, pytest.approx(0, abs=1e-9))


def test_dose_tolerance_is_of_the_maximum():
    # Curves of 60 and 60.5 Gy: 0.83 % of the maximum apart.
    assert compare(step(60.5), step(60)).largest == pytest.approx(0.5 / 0.6, rel=0.05)
    assert compare(step(60.5), step(60)).pass_percent == 100
    assert compare(step(61), step(60)).pass_percent < 100
    assert compare(step(61), step(60), dose_percent=2).pass_percent == 100


def test_volume_tolerance_is_of_the_whole():
    found = compare(at_middle(0.5, volume=10), at_middle(0.505, volume=20))
    assert found.largest_volume_percent == pytest.approx(0.5, abs=0.02)
    assert found.pass_percent == 100


def test_without_volume_there_is_nothing_to_compare():
    with pytest.raises(UsageError, match="without volume"):
        compare(DvhCurve(doses=[0], volumes_cc=[0]), step(60))
