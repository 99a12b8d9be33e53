"""Everything an uptake value hangs on, as read: values without repair, each with its tag, text and source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from math import isfinite, nan
from typing import TYPE_CHECKING, Literal

import numpy as np

from dicomlogic_core import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

Source = Literal["header", "private", "option", "repaired", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number of the header or of the caller.

    Attributes:
        name: ``weight``.
        tag: keyword, or ``gggg,eeee [creator]`` of a private element; ``option weight-kg`` where the caller gave it.
        raw: the text as it stands there; "" when absent.
        value: NaN when absent or unreadable.
        unit: UCUM code; "" for seconds since 2000 and other bare numbers.
        source: where the value is from; ``repaired`` when it is not what the text says.
    """

    name: str
    tag: str
    raw: str = ""
    value: float = nan
    unit: str = ""
    source: Source = "missing"

    def repaired(self, value: float) -> Number:
        """The same input with another value than its text says."""
        return replace(self, value=value, source="repaired")


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A coded text of the header or of the caller; `value` is "" when absent. The rest as of `Number`."""

    name: str
    tag: str
    raw: str = ""
    value: str = ""
    source: Source = "missing"
    unit: str = ""


def _none() -> NDArray[np.float64]:
    return np.empty(0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameInputs:
    """What may differ from frame to frame: (n,) float64 each, NaN where absent. Times are seconds since 2000.

    Attributes:
        slope: RescaleSlope.
        intercept: RescaleIntercept.
        acquisition_s: start of the frame.
        duration_s: ActualFrameDuration.
        frame_reference_s: FrameReferenceTime, after the time to which decay is corrected.
        series_s: SeriesDate and SeriesTime.
        scan_s: GE's scan date-time.
        vendor_start_s: Siemens' start, compared only.
        correction_s: DecayCorrectionDateTime of enhanced objects.
        mean_s: FrameReferenceDateTime of enhanced objects: when the activity was the mean over the frame.
        decay_factor: DecayFactor, by which the values were multiplied.
        philips_activity: Bq/ml per rescaled unit.
        philips_suv: g/ml per rescaled unit.
        calibration: DoseCalibrationFactor.
        voxel_ml: volume of a voxel.
    """

    slope: NDArray[np.float64]
    intercept: NDArray[np.float64] = field(default_factory=_none)
    acquisition_s: NDArray[np.float64] = field(default_factory=_none)
    duration_s: NDArray[np.float64] = field(default_factory=_none)
    frame_reference_s: NDArray[np.float64] = field(default_factory=_none)
    series_s: NDArray[np.float64] = field(default_factory=_none)
    scan_s: NDArray[np.float64] = field(default_factory=_none)
    vendor_start_s: NDArray[np.float64] = field(default_factory=_none)
    correction_s: NDArray[np.float64] = field(default_factory=_none)
    mean_s: NDArray[np.float64] = field(default_factory=_none)
    decay_factor: NDArray[np.float64] = field(default_factory=_none)
    philips_activity: NDArray[np.float64] = field(default_factory=_none)
    philips_suv: NDArray[np.float64] = field(default_factory=_none)
    calibration: NDArray[np.float64] = field(default_factory=_none)
    voxel_ml: NDArray[np.float64] = field(default_factory=_none)

    def __post_init__(self) -> None:
        count = len(self.slope)
        for one in fields(self):
            values = np.array(getattr(self, one.name), dtype=np.float64)
            if not len(values):
                values = np.full(count, 0.0 if one.name == "intercept" else nan)
            if len(values) != count:
                raise ValueError(f"{one.name} has {len(values)} values for {count} frames")
            values[~np.isfinite(values)] = nan
            values.setflags(write=False)
            object.__setattr__(self, one.name, values)

    def __len__(self) -> int:
        return len(self.slope)

    def all_known(self, name: str) -> bool:
        """True when every frame has a finite value of an attribute."""
        return bool(np.isfinite(getattr(self, name)).all())


def number(name: str, tag: str, value: float, unit: str = "", *, raw: str = "", source: Source = "header") -> Number:
    """A number; one that is not finite is as good as absent."""
    known = isfinite(value)
    return Number(
        name=name,
        tag=tag,
        raw=raw or (f"{value:.10g}" if known else ""),
        value=value if known else nan,
        unit=unit,
        source=source if known else "missing",
    )


def word(name: str, tag: str, value: str, *, raw: str = "", source: Source = "header") -> Word:
    """A coded text in capitals, without blanks around it."""
    text = value.strip().upper()
    return Word(name=name, tag=tag, raw=raw or value, value=text, source=source if text else "missing")


_ABSENT = {
    name: Number(name=name, tag=tag, unit=unit)
    for name, tag, unit in (
        ("weight", "PatientWeight", "kg"),
        ("height", "PatientSize", "m"),
        ("dose", "RadionuclideTotalDose", "Bq"),
        ("half-life", "RadionuclideHalfLife", "s"),
        ("reference time", "option reference-time", ""),
    )
}
_NO_TYPE = Word(name="SUV type", tag="SUVType")
_NO_SEX = Word(name="sex", tag="PatientSex")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PetInputs:
    """The inputs of one part of a series.

    Attributes:
        units: Units (0054,1001).
        decay_correction: ``START``, ``ADMIN`` or ``NONE``.
        frames: what may differ by frame.
        first_s: start of the first frame of the whole series, of which these may be a part; NaN when not known.
        corrected: values of CorrectedImage.
        suv_type: SUVType.
        sex: ``M``, ``F`` or another text.
        weight: kg as the header says; `height` m; `dose` Bq; `half_life` s.
        injected_at: moment of injection as given by option, StartDateTime and GE's private element, in that order of
            trust: seconds since 2000.
        injected_clock: time of day of injection in seconds, by option and by StartTime.
        reference: moment of the decay correction given by option.
        tracer: ``FDG``, ``FLT`` or "".
        nuclide_half_life_s: what the coded nuclide has; NaN when not known.
        dynamic: frames follow each other in time, from the injection on.
        accept_uncorrected: values without attenuation correction are wanted all the same.
        texts: keyword -> the distinct texts of attributes that may differ by frame, for the report.
        findings: what reading found; an error among them forbids every uptake value.
    """

    units: Word
    decay_correction: Word
    frames: FrameInputs
    first_s: float = nan
    corrected: frozenset[str] = frozenset()
    suv_type: Word = _NO_TYPE
    sex: Word = _NO_SEX
    weight: Number = _ABSENT["weight"]
    height: Number = _ABSENT["height"]
    dose: Number = _ABSENT["dose"]
    half_life: Number = _ABSENT["half-life"]
    injected_at: tuple[Number, ...] = ()
    injected_clock: tuple[Number, ...] = ()
    reference: Number = _ABSENT["reference time"]
    tracer: str = ""
    nuclide_half_life_s: float = nan
    dynamic: bool = False
    accept_uncorrected: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
