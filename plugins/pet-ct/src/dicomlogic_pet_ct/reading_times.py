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
_MOMENTS = ("FrameAcquisitionDateTime", "AcquisitionDateTime", "DecayCorrectionDateTime", "FrameReferenceDateTime")
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
        finite = [zone for zone in zones if isfinite(zone)]
        return cls(texts=texts, zones=zones, base=min(finite or _inside_moments(texts), default=nan))

    def findings(self) -> list[Finding]:
        """Offsets that differ inside the series."""
        count = len({zone for zone in self.zones if isfinite(zone)})
        some = 0 < sum(map(isfinite, self.zones)) < len(self.zones)
        if count < 2 and not some:
            return []
        what = f"{count} different offsets from UTC" if count > 1 else "an offset from UTC in some instances only"
        return [finding("suv.timezone", f"{what} inside the series; times are put into one zone")]

    def unclear(self, text: str) -> bool:
        """True for a moment with an offset while the series has none to compare it with."""
        return _ZONE.search(text.strip()) is not None and not isfinite(self.base)

    def pairs(self, dates: Sequence[str], time: str) -> NDArray[np.float64]:
        """(n,) moments of dates and times in two attributes; the first of `dates` that a frame has is used."""
        columns = [self.texts.of_frames(tag) for tag in (*dates, time)]
        joined = list(zip(*columns))
        known = {texts: _seconds(texts[:-1], texts[-1]) for texts in set(joined)}
        return np.array([known[texts] for texts in joined], dtype=np.float64) + self._shifts()

    def moments(self, tag: str | PrivateTag) -> NDArray[np.float64]:
        """(n,) moments of a date-time attribute."""
        said = list(zip(self.texts.of_frames(tag), self.zones))
        known = {pair: self._moment(*pair) for pair in dict.fromkeys(said)}
        return np.array([known[pair] for pair in said], dtype=np.float64)

    def moment(self, text: str) -> float:
        """The moment of a DT value that all instances share."""
        return self._moment(text.strip(), self.zones[0] if self.zones else nan)

    def _moment(self, text: str, zone: float) -> float:
        """The value's own offset counts where it has one, else that of its instance."""
        own = _ZONE.search(text)
        # Less than hours is a date, not a moment.
        local = date_time_seconds(text[: own.start()] if own else text) if len(text) >= 10 else nan
        zone = zone_seconds(own[0]) if own else zone
        return local + (self.base - zone if isfinite(zone) and isfinite(self.base) else 0.0)

    def _shifts(self) -> NDArray[np.float64]:
        shifts = self.base - np.array(self.zones)
        return np.where(np.isfinite(shifts), shifts, 0.0)


def _inside_moments(texts: FrameTexts) -> list[float]:
    """Offsets at the end of the date-times of frames, for instances that do not say their zone by itself."""
    ends = [_ZONE.search(text) for tag in _MOMENTS for text in set(texts.of_frames(tag))]
    zones = [zone_seconds(end[0]) for end in ends if end is not None]
    return [zone for zone in zones if isfinite(zone)]


def _seconds(dates: Sequence[str], clock: str) -> float:
    """The moment of a time on the first date that is one; without any date all is of one day."""
    days = (date_time_seconds(date) for date in dates)
    return next((day for day in days if isfinite(day)), 0.0) + time_seconds(clock)


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
