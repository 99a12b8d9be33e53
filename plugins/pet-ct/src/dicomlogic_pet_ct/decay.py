"""Decay: the mean moment of a frame, and the moment to which the values of each frame are corrected."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import Finding, finding
from dicomlogic_pet_ct.inputs import FrameInputs, PetInputs
from dicomlogic_pet_ct.moments import clock_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    frames = inputs.frames
    count = len(frames)
    if np.isfinite(inputs.reference.value):
        return _found(frames, np.full(count, inputs.reference.value), "given by option reference-time", half_life_s)
    if frames.all_known("correction_s"):
        return _found(frames, frames.correction_s, "DecayCorrectionDateTime", half_life_s)
    if frames.all_known("scan_s"):
        return _found(frames, frames.scan_s, "GE scan date-time (0009,100D)", half_life_s)
    known = frames.acquisition_s[np.isfinite(frames.acquisition_s)]
    first = float(min([*known.tolist(), *([inputs.first_s] if np.isfinite(inputs.first_s) else [])], default=np.nan))
    if frames.all_known("series_s") and not frames.series_s.max() > first:
        why = "SeriesTime, not later than the first acquisition"
        if np.isnan(first):
            why = "SeriesTime, as acquisition times are unknown"
        return _found(frames, frames.series_s, why, half_life_s, warn=bool(np.isnan(first)))
    if not frames.all_known("acquisition_s"):
        return _no_reference("neither SeriesTime nor AcquisitionTime of every frame can be used")
    back = frames.acquisition_s + average_time(frames.duration_s, half_life_s) - frames.frame_reference_s
    usable = (
        np.isfinite(back)
        & (frames.frame_reference_s > 0)
        & (frames.duration_s > 0)
        & (back <= frames.acquisition_s + _ROUNDED_S)
    )
    if bool(usable.all()):
        return _found(frames, back, "AcquisitionTime + mean time of the frame - FrameReferenceTime", half_life_s)
    why = "first AcquisitionTime of the series, as FrameReferenceTime does not tell"
    return _found(frames, np.full(count, first), why, half_life_s)


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
    frames: FrameInputs, seconds: NDArray[np.float64], rule: str, half_life_s: float, *, warn: bool = False
) -> Reference:
    """The moments with a note of the rule, a warning where another time of the header gives another uptake."""
    low, high = float(seconds.min()), float(seconds.max())
    when = clock_text(low) if high - low < _ROUNDED_S else f"{clock_text(low)} to {clock_text(high)} by frame"
    message = f"decay is corrected to {when}: {rule}"
    if frames.all_known("acquisition_s") and bool((seconds > frames.acquisition_s + _ROUNDED_S).any()):
        late = float((seconds - frames.acquisition_s).max())
        message += f"; that is {late:.0f} s after the start of a frame"
        warn = True
    rivals = _rivals(frames, seconds, half_life_s)
    if rivals:
        message += "; " + "; ".join(text for text, _ in rivals)
        warn = warn or max(effect for _, effect in rivals) > _NOTABLE
    note = finding("suv.reference-time", message)
    if warn:
        remedy = "verify; or give it: reference-time=..."
        note = finding("suv.reference-time", message, severity="warning", remedy=remedy)
    return Reference(seconds=seconds, rule=rule, findings=(note,))


def _rivals(frames: FrameInputs, seconds: NDArray[np.float64], half_life_s: float) -> list[tuple[str, float]]:
    """What other times of the header would give, with their relative effect on the uptake."""
    back = frames.acquisition_s + average_time(frames.duration_s, half_life_s) - frames.frame_reference_s
    # A FrameReferenceTime of 0 says nothing.
    back = np.where(frames.frame_reference_s > 0, back, np.nan)
    found = []
    for name, other in (("FrameReferenceTime", back), ("the private start (0071,1022)", frames.vendor_start_s)):
        off = np.abs(other - seconds)
        off = off[np.isfinite(off)]
        if not len(off) or off.max() <= _ROUNDED_S:
            continue
        effect = float(np.expm1(min(log(2) / half_life_s * float(off.max()), 700.0)))
        found.append((f"{name} gives another time, up to {off.max():.0f} s off, {100 * effect:.3g} % of SUV", effect))
    return found
