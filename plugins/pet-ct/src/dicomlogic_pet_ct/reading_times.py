"""Times of frames as seconds since 2000 in one time zone, that of the first instance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import Finding, PrivateTag, date_time_seconds, finding, time_seconds
from dicomlogic_pet_ct.texts import FrameTexts

if TYPE_CHECKING:
    from numpy.typing import NDArray

GE_SCAN = PrivateTag("GEMS_PETD_01", 0x0009, 0x0D)
GE_INJECTION = PrivateTag("GEMS_PETD_01", 0x0009, 0x3B)
SIEMENS_START = PrivateTag("SIEMENS MED PT", 0x0071, 0x22)

_DATES = ("AcquisitionDate", "SeriesDate", "StudyDate", "ContentDate")
_ZONE = re.compile(r"([+-])(\d\d)(\d\d)\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The time zone of a series.

    Attributes:
        texts: its frames.
        zones: per frame the offset from UTC in seconds, NaN where it is not said.
        base: the offset that moments are given in, NaN when it is not known.
    """

    texts: FrameTexts
    zones: tuple[float, ...]
    base: float

    @classmethod
    def of(cls, texts: FrameTexts) -> Clock:
        """The zone of the frames."""
        said = texts.of_frames("TimezoneOffsetFromUTC")
        known = {text: zone_seconds(text) for text in set(said)}
        zones = tuple(known[text] for text in said)
        finite = sorted(zone for zone in zones if isfinite(zone))
        return cls(texts=texts, zones=zones, base=finite[0] if finite else nan)

    def findings(self) -> list[Finding]:
        """Offsets that differ inside the series."""
        count = len({zone for zone in self.zones if isfinite(zone)})
        some = 0 < sum(map(isfinite, self.zones)) < len(self.zones)
        if count < 2 and not some:
            return []
        what = f"{count} different offsets from UTC" if count > 1 else "an offset from UTC in some instances only"
        return [finding("suv.timezone", f"{what} inside the series; times are put into one zone")]

    def pairs(self, dates: Sequence[str], time: str) -> NDArray[np.float64]:
        """(n,) moments of dates and times in two attributes; the first of `dates` that a frame has is used."""
        clocks = self.texts.of_frames(time)
        calendars = [self.texts.of_frames(date) for date in dates]
        joined = [
            (next((column[n] for column in calendars if isfinite(date_time_seconds(column[n]))), ""), clock)
            for n, clock in enumerate(clocks)
        ]
        # Without any date all is of one day; then midnight cannot be told.
        known = {
            (date, clock): (date_time_seconds(date) if date else 0.0) + time_seconds(clock)
            for date, clock in set(joined)
        }
        return np.array([known[pair] + self._shift(n) for n, pair in enumerate(joined)], dtype=np.float64)

    def moments(self, tag: str | PrivateTag) -> NDArray[np.float64]:
        """(n,) moments of a date-time attribute."""
        texts = self.texts.of_frames(tag)
        return np.array([self.moment(text, frame) for frame, text in enumerate(texts)], dtype=np.float64)

    def moment(self, text: str, frame: int = 0) -> float:
        """The moment of a DT value of a frame; its own offset counts where it has one, else that of the instance."""
        text = text.strip()
        own = _ZONE.search(text)
        local = date_time_seconds(text[: own.start()] if own else text)
        # Less than hours is a date, not a moment.
        if len(text) < 10:
            return nan
        if own is None:
            return local + self._shift(frame)
        return local + (self.base - zone_seconds(own[0]) if isfinite(self.base) else 0.0)

    def _shift(self, frame: int) -> float:
        zone = self.zones[frame]
        return self.base - zone if isfinite(zone) else 0.0


def zone_seconds(text: str) -> float:
    """Seconds of an offset such as ``+0100``; NaN when it is none."""
    match = _ZONE.match(text.strip())
    if match is None or int(match[2]) > 14 or int(match[3]) > 59:
        return nan
    seconds = 3600.0 * int(match[2]) + 60.0 * int(match[3])
    return -seconds if match[1] == "-" else seconds


def frame_times(clock: Clock) -> dict[str, NDArray[np.float64]]:
    """The times of `FrameInputs` by attribute."""
    acquisition = clock.moments("FrameAcquisitionDateTime")
    for other in (clock.pairs(_DATES, "AcquisitionTime"), clock.moments("AcquisitionDateTime")):
        acquisition = np.where(np.isfinite(acquisition), acquisition, other)
    start = clock.moments(SIEMENS_START)
    duration = clock.texts.numbers("ActualFrameDuration")
    longer = clock.texts.numbers("FrameAcquisitionDuration")
    return {
        "acquisition_s": acquisition,
        "duration_s": np.where(np.isfinite(duration), duration, longer) / 1000,
        "frame_reference_s": clock.texts.numbers("FrameReferenceTime") / 1000,
        "series_s": clock.pairs(("SeriesDate", "AcquisitionDate", "StudyDate"), "SeriesTime"),
        "scan_s": clock.moments(GE_SCAN),
        "vendor_start_s": start,
        "correction_s": clock.moments("DecayCorrectionDateTime"),
        "mean_s": clock.moments("FrameReferenceDateTime"),
    }
