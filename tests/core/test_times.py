"""TM, DA and DT values as seconds, against the standard library's clock."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomlogic_core.times import after_midnight, date_time_seconds, moments, time_seconds

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1))


@given(MOMENTS)
def test_date_times_differ_as_the_clock_says(moment):
    origin = datetime(2000, 1, 1)
    text = moment.strftime("%Y%m%d%H%M%S.%f")
    assert date_time_seconds(text) == pytest.approx((moment - origin).total_seconds(), abs=1e-6)


@given(MOMENTS, st.integers(-11 * 60, 13 * 60))
def test_an_offset_from_utc_is_taken_off(moment, minutes):
    zone = timezone(timedelta(minutes=minutes))
    local = moment.replace(tzinfo=timezone.utc).astimezone(zone)
    text = local.strftime("%Y%m%d%H%M%S%z")
    assert date_time_seconds(text) == pytest.approx(date_time_seconds(moment.strftime("%Y%m%d%H%M%S")))


@given(st.times())
def test_times_of_day(time):
    expected = time.hour * 3600 + time.minute * 60 + time.second + time.microsecond * 1e-6
    assert time_seconds(time.strftime("%H%M%S.%f")) == pytest.approx(expected)
    assert time_seconds(time.strftime("%H:%M:%S.%f")) == pytest.approx(expected)


@pytest.mark.parametrize(("text", "seconds"), [("12", 43200), ("1230", 45000), ("235960", 86400), (" 0000 ", 0)])
def test_shortened_times(text, seconds):
    assert time_seconds(text) == seconds


@pytest.mark.parametrize("text", [None, "", "2400", "1260", "1:2", "noon", "12345"])
def test_what_is_no_time(text):
    assert math.isnan(time_seconds(text))


@pytest.mark.parametrize("text", [None, "", "20201301", "20200230", "2020010112006", "today"])
def test_what_is_no_date_time(text):
    assert math.isnan(date_time_seconds(text))


def test_midnight_is_seen_by_the_long_pause():
    seconds, passed = after_midnight(np.array([86390.0, 86395.0, 5.0, 10.0]))
    assert passed
    assert np.diff(seconds).tolist() == [5, 10, 5]
    assert not after_midnight(np.array([3600.0, 40000.0]))[1]


def test_dates_decide_where_they_are():
    seconds, passed = moments(["20200101", "20200102"], ["235950", "000010"])
    assert not passed
    assert np.diff(seconds).tolist() == [20]
    # One date missing: the times alone are used for all.
    assert moments(["20200101", ""], ["235950", "000010"])[1]
