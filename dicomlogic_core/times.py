"""Times in headers: TM, DA and DT values (PS3.5 6.2) as seconds that can be compared and subtracted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import nan

import numpy as np

_DAY = 86400.0
_DATE_TIME = re.compile(r"(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\.\d{1,6})?([+-]\d{4})?\Z")
_TIME = re.compile(r"(\d\d):?(\d\d)?:?(\d\d)?(\.\d+)?\Z")


def time_seconds(text: str | None) -> float:
    """Seconds since midnight of a TM value, also in the old form with colons; NaN when it is none."""
    match = _TIME.match((text or "").strip())
    if match is None:
        return nan
    hours, minutes, seconds = (int(part or 0) for part in match.groups()[:3])
    if hours > 23 or minutes > 59 or seconds > 60:
        return nan
    return hours * 3600 + minutes * 60 + seconds + float(match[4] or 0)


def date_time_seconds(text: str | None) -> float:
    """Seconds of a DT value, or of a DA and a TM value written together, since 2000; NaN when it is none.

    An offset from UTC is taken off where there is one, so that values with and without are not comparable.
    """
    match = _DATE_TIME.match((text or "").strip())
    if match is None:
        return nan
    year, month, day, hours, minutes, seconds = (
        int(part or low) for part, low in zip(match.groups(), (1, 1, 1, 0, 0, 0))
    )
    try:
        moment = datetime(year, month, day, hours, minutes) - datetime(2000, 1, 1)
    except ValueError:
        return nan
    if seconds > 60:
        return nan
    zone = match[8]
    offset = 0
    if zone:
        offset = (int(zone[1:3]) * 60 + int(zone[3:5])) * (-60 if zone[0] == "-" else 60)
    return moment / timedelta(seconds=1) + seconds + float(match[7] or 0) - offset


def moments(
    dates: Sequence[str | None], times: Sequence[str | None]
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], bool]:
    """Seconds of every date (DA) and time (TM), NaN where the time is unreadable; and whether midnight was passed.

    Without dates in all rows, times that lie more than twelve hours before the others are taken to be of the next day.
    """
    clock = {time: time_seconds(time) for time in set(times)}
    calendar = {date: date_time_seconds(date) if date and len(date.strip()) == 8 else nan for date in set(dates)}
    seconds = np.array([clock[time] for time in times])
    days = np.array([calendar[date] for date in dates])
    if len(days) and np.isfinite(days).all():
        return days + seconds, False
    return after_midnight(seconds)


def after_midnight(
    seconds: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], bool]:
    """Times of day, 24 hours added to those after midnight; and whether there are any.

    Midnight was passed when the longest pause between two successive times is longer than half a day.
    """
    known = np.unique(seconds[np.isfinite(seconds)])
    if len(known) < 2:
        return seconds, False
    pauses = np.diff(known)
    longest = int(pauses.argmax())
    if pauses[longest] <= _DAY / 2:
        return seconds, False
    return np.where(seconds <= known[longest], seconds + _DAY, seconds), True
