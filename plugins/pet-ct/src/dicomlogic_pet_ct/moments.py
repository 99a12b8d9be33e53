"""Moments as people read them."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import isfinite


def moment_text(seconds: float) -> str:
    """``2020-01-02 11:00:00`` of seconds since 2000; "" when there is no such moment."""
    if not isfinite(seconds):
        return ""
    try:
        moment = datetime(2000, 1, 1) + timedelta(seconds=seconds)
    except OverflowError:
        return ""
    return moment.isoformat(sep=" ", timespec="milliseconds" if moment.microsecond else "seconds")


def clock_text(seconds: float) -> str:
    """The time of day of a moment."""
    return moment_text(seconds).partition(" ")[2]
