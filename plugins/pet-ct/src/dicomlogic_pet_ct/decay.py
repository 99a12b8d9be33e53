"""Decay: the mean moment of a frame, and the moment to which the values of each frame are corrected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite, log
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import Finding, finding
from dicomlogic_pet_ct.inputs import FrameInputs, PetInputs
from dicomlogic_pet_ct.moments import clock_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BY_OPTION = "given by option reference-time"
_DAY = 86400.0
_ROUNDED_S = 1.0  # times are often written in whole seconds
_NOTABLE = 0.02  # relative effect on the uptake from which a rival rule is a warning


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reference:
    """When the values of frames hold.

    Attributes:
        seconds: (n,) since 2000: the moment at which the activity was what the frame says.
        rule: how it was chosen.
        findings: what speaks for or against it.
    """

    seconds: NDArray[np.float64]
    rule: str
    findings: tuple[Finding, ...] = ()


def average_time(duration_s: NDArray[np.float64], half_life_s: float) -> NDArray[np.float64]:
    """(n,) seconds from the start of a frame to the moment whose activity is the mean over the frame.

    That is ln(x / (1 - exp(-x))) / lambda with x = lambda T; half the duration for frames much shorter than the
    half-life. NaN for a duration that is negative or unknown.
    """
    constant = log(2) / half_life_s
    decay = constant * np.where(duration_s >= 0, duration_s, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        exact = np.log(decay / -np.expm1(-decay)) / constant
    # Below this the logarithm loses more digits than the next term of the series is worth.
    return np.where(decay < 1e-6, duration_s / 2, exact)


def corrected_to(inputs: PetInputs, half_life_s: float) -> Reference | Finding:
    """The moments for values that are corrected to the start of the scan (DecayCorrection START); a refusal else."""
    first = _first_acquisition(inputs)
    chosen = next(_candidates(inputs, first, half_life_s), None)
    if chosen is None:
        return _no_reference("neither SeriesTime nor AcquisitionTime of every frame can be used")
    doubts = _doubts(inputs.frames, first) if chosen[1] != _BY_OPTION else []
    return _found(inputs.frames, chosen, half_life_s, first, doubts)


def _candidates(inputs: PetInputs, first: float, half_life_s: float) -> Iterator[tuple[NDArray[np.float64], str]]:
    """Moments and the rule they come from, the most trusted first."""
    frames = inputs.frames
    everywhere = np.ones(len(frames))
    if np.isfinite(inputs.reference.value):
        yield everywhere * inputs.reference.value, _BY_OPTION
    if frames.all_known("correction_s"):
        yield frames.correction_s, "DecayCorrectionDateTime"
    if frames.all_known("scan_s") and not _days_off(frames.scan_s, first):
        yield frames.scan_s, "GE scan date-time (0009,100D)"
    if frames.all_known("series_s") and not frames.series_s.max() > first:
        known = ", not later than the first acquisition" if np.isfinite(first) else ""
        yield frames.series_s, f"SeriesTime{known}"
    back = _back(frames, half_life_s)
    # A reference after the frame's own start is none: FrameReferenceTime is 0 or of something else.
    if np.isfinite(back).all() and bool((back <= frames.acquisition_s + _ROUNDED_S).all()):
        yield back, "AcquisitionTime + mean time of the frame - FrameReferenceTime"
    if frames.all_known("acquisition_s"):
        yield everywhere * first, "first AcquisitionTime of the series, as FrameReferenceTime does not tell"


def _first_acquisition(inputs: PetInputs) -> float:
    """Start of the first frame of the series; NaN when none is known."""
    known = [*inputs.frames.acquisition_s.tolist(), inputs.first_s]
    return min(filter(isfinite, known), default=np.nan)


def _back(frames: FrameInputs, half_life_s: float) -> NDArray[np.float64]:
    """(n,) the moment from which FrameReferenceTime counts; NaN where that is 0 or the duration is not known."""
    back = frames.acquisition_s + average_time(frames.duration_s, half_life_s) - frames.frame_reference_s
    return np.where((frames.frame_reference_s > 0) & (frames.duration_s > 0), back, np.nan)


def _days_off(seconds: NDArray[np.float64], first: float) -> float:
    """Days by which a date is another than that of the acquisitions, as after careless de-identification; else 0."""
    off = float(np.abs(seconds - first).max())
    return off / _DAY if off > _DAY / 2 else 0.0


def _doubts(frames: FrameInputs, first: float) -> list[str]:
    """What speaks against the times of the header."""
    found = []
    if frames.all_known("scan_s") and (days := _days_off(frames.scan_s, first)):
        found.append(f"GE's scan date-time is {days:.3g} days off and not used")
    if not np.isfinite(first):
        found.append("acquisition times are unknown")
    return found


def measured_at(inputs: PetInputs, half_life_s: float) -> Reference | Finding:
    """The moments for values that are not corrected for decay: the mean moment of each frame; a refusal else."""
    frames = inputs.frames
    if frames.all_known("mean_s"):
        return Reference(seconds=frames.mean_s, rule="FrameReferenceDateTime of every frame; no decay correction")
    lasting = np.where(frames.duration_s > 0, frames.duration_s, np.nan)
    mean = frames.acquisition_s + average_time(lasting, half_life_s)
    if not np.isfinite(mean).all():
        return _no_reference("values are not corrected for decay, and AcquisitionTime or ActualFrameDuration is absent")
    longest, found = float(lasting.max()), []
    if longest > half_life_s:
        found.append(finding("suv.duration", f"a frame of {longest:.4g} s, longer than the half-life"))
    rule = "AcquisitionTime + mean time of every frame; no decay correction"
    return Reference(seconds=mean, rule=rule, findings=tuple(found))


def _no_reference(why: str) -> Finding:
    return finding("suv.no-reference-time", why, severity="error")


def _found(
    frames: FrameInputs,
    chosen: tuple[NDArray[np.float64], str],
    half_life_s: float,
    first: float,
    doubts: Sequence[str],
) -> Reference:
    """The moments with a note of the rule, a warning where another time of the header gives another uptake."""
    seconds, rule = chosen
    low, high = float(seconds.min()), float(seconds.max())
    when = clock_text(low) if high - low < _ROUNDED_S else f"{clock_text(low)} to {clock_text(high)} by frame"
    words = [f"decay is corrected to {when}: {rule}", *doubts]
    late = seconds - frames.acquisition_s
    late = late[np.isfinite(late) & (late > _ROUNDED_S)]
    if len(late):
        words.append(f"that is up to {late.max():.0f} s after the start of a frame")
    rivals = _rivals(frames, seconds, half_life_s, first)
    words.extend(text for text, _ in rivals)
    note = finding("suv.reference-time", "; ".join(words))
    if doubts or len(late) or any(effect > _NOTABLE for _, effect in rivals):
        note = replace(note, severity="warning", remedy="verify; or give it: reference-time=...")
    return Reference(seconds=seconds, rule=rule, findings=(note,))


def _rivals(
    frames: FrameInputs, seconds: NDArray[np.float64], half_life_s: float, first: float
) -> list[tuple[str, float]]:
    """What other times of the header would give, with their relative effect on the uptake."""
    back = _back(frames, half_life_s)
    # Where FrameReferenceTime tells nothing, a scan that begins long after its reference is doubtful.
    start = np.full(len(frames), np.nan if np.isfinite(back).any() else first)
    factor = np.where(frames.decay_factor > 1, frames.decay_factor, np.nan)  # 1 is also written by who does not know
    mean = frames.acquisition_s + average_time(frames.duration_s, half_life_s)
    others = (
        ("FrameReferenceTime", back),
        ("the first AcquisitionTime", start),
        ("DecayFactor", mean - np.log2(factor) * half_life_s),
        ("the private (0071,1022)", frames.vendor_start_s),
    )
    found = []
    for name, other in others:
        off = np.abs(other - seconds)
        off = off[np.isfinite(off)]
        if not len(off) or off.max() <= _ROUNDED_S:
            continue
        effect = float(np.expm1(min(log(2) / half_life_s * float(off.max()), 700.0)))
        found.append((f"{name} gives another time, up to {off.max():.0f} s off, {100 * effect:.3g} % of SUV", effect))
    return found
