"""The token bucket, on a clock of its own."""

from __future__ import annotations

import time

import pytest

import dicomlogic_core as dl
from dicomlogic_ahi.pace import Bucket


class Clock:
    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        patch.setattr(time, "monotonic", lambda: self.now)
        patch.setattr(time, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def taken(bucket: Bucket, clock: Clock, count: int) -> list[float]:
    times = []
    for _ in range(count):
        bucket.take()
        times.append(clock.now)
    return times


def test_no_more_than_the_rate_in_any_second(clock: Clock) -> None:
    times = taken(Bucket(25), clock, 120)
    assert all(later - earlier >= 0.999 for earlier, later in zip(times, times[25:]))


def test_a_burst_is_given_at_once_and_fills_again(clock: Clock) -> None:
    bucket = Bucket(50, burst=10)
    times = taken(bucket, clock, 12)
    assert times[9] == times[0] and times[10] == pytest.approx(times[0] + 0.02)
    clock.now += 10.0
    times = taken(bucket, clock, 11)
    assert times[9] == times[0] and times[10] > times[9]


def test_waiting_ends_when_it_is_cancelled(clock: Clock) -> None:
    bucket = Bucket(0.01)
    bucket.take()
    with pytest.raises(dl.Cancelled):
        bucket.take(lambda: clock.now > 1000.5)
    assert clock.now < 1001.0
