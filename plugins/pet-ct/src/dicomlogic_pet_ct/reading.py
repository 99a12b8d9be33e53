"""From the columns of a series to the inputs of an uptake value: standard tags, private ones, options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import floor, isfinite, nan
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import Finding, PrivateTag, SeriesView, finding, parse_number, time_seconds
from dicomlogic_pet_ct.inputs import FrameInputs, Number, PetInputs, Word, number, word
from dicomlogic_pet_ct.norms import VARIANTS
from dicomlogic_pet_ct.options import given_number, given_time, given_word
from dicomlogic_pet_ct.reading_times import GE_INJECTION, GE_SCAN, SIEMENS_START, Clock, frame_times
from dicomlogic_pet_ct.rwvm import mappings_of
from dicomlogic_pet_ct.texts import FrameTexts
from dicomlogic_pet_ct.tracer import nuclide_half_life_s, tracer_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

PHILIPS_SUV = PrivateTag("Philips PET Private Group", 0x7053, 0x00)
PHILIPS_ACTIVITY = PrivateTag("Philips PET Private Group", 0x7053, 0x09)
PRIVATE = (PHILIPS_SUV, PHILIPS_ACTIVITY, GE_SCAN, GE_INJECTION, SIEMENS_START)

_DAY = 86400.0
_ENHANCED = "1.2.840.10008.5.1.4.1.1.130"
_TOO_MANY_MBQ = 1e5
_MAPPED_UNITS = {"bq/ml": "BQML", "kbq/ml": "KBQML"}
# Attributes of enhanced objects that stand for a value of CorrectedImage.
_CORRECTED = {"AttenuationCorrected": "ATTN", "DecayCorrected": "DECY", "SensitivityCalibrated": "DCAL"}
SHOWN = (
    *("AcquisitionDate", "AcquisitionTime", "SeriesDate", "SeriesTime", "ActualFrameDuration", "FrameReferenceTime"),
    *("FrameAcquisitionDateTime", "FrameReferenceDateTime", "DecayCorrectionDateTime", "TimezoneOffsetFromUTC"),
    *("CorrectedImage", "DecayFactor", "DoseCalibrationFactor"),
)
"""Attributes whose texts the report shows as they are."""


def read_inputs(
    series: SeriesView, rows: Sequence[int], options: Mapping[str, str], *, voxel_ml: float = nan, dynamic: bool = False
) -> PetInputs:
    """The inputs of the frames `rows` of a series, in their order.

    Raises:
        UsageError: an option that cannot be meant.
    """
    texts = FrameTexts(series, rows)
    clock = Clock.of(FrameTexts(series, range(len(series.frames))))
    times = frame_times(clock)
    reader = _Reader(texts, options)
    units, suv_type = _units(reader)
    frames = FrameInputs(
        slope=texts.numbers("RescaleSlope"),
        intercept=_intercept(texts),
        decay_factor=texts.numbers("DecayFactor"),
        philips_activity=texts.numbers(PHILIPS_ACTIVITY),
        philips_suv=texts.numbers(PHILIPS_SUV),
        calibration=texts.numbers("DoseCalibrationFactor"),
        voxel_ml=np.full(len(texts.rows), voxel_ml),
        **{name: values[texts.rows] for name, values in times.items()},
    )
    return PetInputs(
        units=units,
        suv_type=suv_type,
        decay_correction=_decay_correction(reader),
        first_s=_first(times["acquisition_s"]),
        corrected=_corrected(reader),
        sex=given_word(options, "sex") or reader.word("sex", "PatientSex"),
        weight=reader.number("weight", "PatientWeight", "weight-kg", "kg"),
        height=reader.number("height", "PatientSize", "height-cm", "m"),
        dose=_dose(reader),
        half_life=reader.number("half-life", "RadionuclideHalfLife", "half-life-s", "s", isotope=True),
        **_injections(reader, clock),
        reference=_reference(options, frames),
        tracer=tracer_of(texts),
        nuclide_half_life_s=nuclide_half_life_s(texts),
        dynamic=dynamic or any("DYNAMIC" in text for text in texts.distinct("SeriesType")),
        accept_uncorrected=given_word(options, "uncorrected") is not None,
        texts=shown_header(texts),
        findings=(*reader.findings, *clock.findings()),
        frames=frames,
    )


class _Reader:
    """Reads values that a whole series shares, and notes where it does not."""

    def __init__(self, texts: FrameTexts, options: Mapping[str, str]) -> None:
        self.texts = texts
        self.options = options
        self.findings: list[Finding] = []

    def one(self, tag: str, values: Sequence[str], remedy: str = "") -> str:
        """The one text of an attribute; "" with an error when the series has several."""
        if len(values) < 2:
            return values[0] if values else ""
        message = f"{tag} has {len(values)} values inside the series"
        self.findings.append(
            finding("suv.inputs-vary", message, severity="error", remedy=remedy or "load the parts by themselves")
        )
        return ""

    def word(self, name: str, tag: str) -> Word:
        text = self.one(tag, self.texts.distinct(tag), "give it: sex=..." if tag == "PatientSex" else "")
        return word(name, tag, text)

    def number(self, name: str, tag: str, option: str, unit: str, *, isotope: bool = False) -> Number:
        given = given_number(self.options, option)
        if given is not None:
            self.findings.append(finding("suv.option", f"{name} by {given.tag}"))
            return given
        texts = self.texts.of_isotope(tag) if isotope else self.texts.distinct(tag)
        text = self.one(tag, texts, f"give it: {option}=...")
        return number(name, tag, parse_number(text), unit, raw=text or ", ".join(texts))


def _intercept(texts: FrameTexts) -> NDArray[np.float64]:
    """0 where absent; a text that is no number stays NaN."""
    said = texts.of_frames("RescaleIntercept")
    return np.array([parse_number(text) if text else 0.0 for text in said], dtype=np.float64)


def _corrected(reader: _Reader) -> frozenset[str]:
    said = reader.one("CorrectedImage", reader.texts.distinct("CorrectedImage"))
    words = {part.strip().upper() for part in said.split("\\")}
    for keyword, meaning in _CORRECTED.items():
        if {text.upper() for text in reader.texts.distinct(keyword)} == {"YES"}:
            words.add(meaning)
    return frozenset(words - {""})


def _units(reader: _Reader) -> tuple[Word, Word]:
    """Units and SUVType; of enhanced objects from the mapping of real world values where it is the rescaling."""
    units = reader.word("units", "Units")
    if units.value:
        return units, reader.word("SUV type", "SUVType")
    slopes, mapped = (reader.texts.numbers(keyword) for keyword in ("RescaleSlope", "RealWorldValueSlope"))
    # A mapping is of stored values: with another slope than that of rescaling its unit is not that of our values.
    same = bool(np.isclose(slopes, mapped, rtol=1e-6, atol=0).all())
    tag = "RealWorldValueMappingSequence"
    for mapping in mappings_of(reader.texts.mapped()) if same else ():
        if (activity := _MAPPED_UNITS.get(mapping.unit.lower())) is not None:
            return word("units", tag, activity, raw=mapping.unit), word("SUV type", tag, "")
        if (variant := VARIANTS.get(mapping.quantity)) is not None:
            unit = "CM2ML" if variant.unit == "cm2/ml" else "GML"
            return word("units", tag, unit, raw=mapping.unit), word("SUV type", tag, variant.suv_type, raw=mapping.unit)
    return units, reader.word("SUV type", "SUVType")


def _decay_correction(reader: _Reader) -> Word:
    """DecayCorrection; of enhanced objects DecayCorrected, which says to what by a date-time."""
    given = given_word(reader.options, "decay-correction")
    if given is not None:
        return given
    said = reader.word("decay correction", "DecayCorrection")
    if said.value:
        return said
    text = reader.one("DecayCorrected", reader.texts.distinct("DecayCorrected")).upper()
    return word(
        "decay correction",
        "DecayCorrected" if text else said.tag,
        {"YES": "START", "NO": "NONE"}.get(text, ""),
        raw=text,
    )


def _dose(reader: _Reader) -> Number:
    """The dose in Bq. Enhanced objects state it in MBq (PS3.3 C.8.22.4), all others in Bq (C.8.9.2)."""
    dose = reader.number("dose", "RadionuclideTotalDose", "dose-mbq", "Bq", isotope=True)
    enhanced = set(reader.texts.distinct("SOPClassUID")) == {_ENHANCED}
    if not enhanced or dose.source != "header":
        return dose
    if dose.value >= _TOO_MANY_MBQ:
        message = f"RadionuclideTotalDose {dose.raw} of an enhanced object should be MBq and is taken as Bq"
        reader.findings.append(finding("suv.dose-range", message))
        return dose
    return replace(dose, value=dose.value * 1e6, raw=f"{dose.raw} MBq")


def _injections(reader: _Reader, clock: Clock) -> dict[str, tuple[Number, ...]]:
    """Moments and times of day of the injection, in order of trust."""
    given = given_time(reader.options, "injection-time")
    name = "injection time"
    if given is not None:
        reader.findings.append(finding("suv.option", "injection time by option injection-time"))
        return {"injected_at": given[:1], "injected_clock": given[1:]}
    remedy = "give it: injection-time=..."
    start, day = (
        reader.one(tag, reader.texts.of_isotope(tag), remedy)
        for tag in ("RadiopharmaceuticalStartDateTime", "RadiopharmaceuticalStartTime")
    )
    private = reader.one("(0009,103B)", reader.texts.distinct(GE_INJECTION), remedy)
    if clock.unclear(start):
        message = "the injection has an offset from UTC and the scan has none: both are taken as local times"
        reader.findings.append(finding("suv.timezone", message))
    return {
        "injected_at": (
            number(name, "RadiopharmaceuticalStartDateTime", clock.moment(start), raw=start),
            number(name, "0009,103B [GEMS_PETD_01]", clock.moment(private), raw=private, source="private"),
        ),
        "injected_clock": (number(name, "RadiopharmaceuticalStartTime", time_seconds(day), raw=day),),
    }


def _first(seconds: NDArray[np.float64]) -> float:
    return float(seconds[np.isfinite(seconds)].min()) if np.isfinite(seconds).any() else nan


def _reference(options: Mapping[str, str], frames: FrameInputs) -> Number:
    """The reference by option; a time of day is of the date of the first acquisition."""
    given = given_time(options, "reference-time")
    if given is None:
        return Number(name="reference time", tag="option reference-time")
    moment, clock = given
    if isfinite(moment.value):
        return moment
    first = _first(frames.acquisition_s)
    day = floor(first / _DAY) * _DAY if isfinite(first) else 0.0
    return replace(clock, value=day + clock.value)


def shown_header(texts: FrameTexts) -> dict[str, str]:
    """What the report shows as it stands in the header: tag -> texts, where there are any."""
    tags = {tag: texts.shown(tag) for tag in SHOWN}
    private = {f"{tag.group:04X},10{tag.element:02X} [{tag.creator}]": texts.shown(tag) for tag in PRIVATE}
    return {tag: shown for tag, shown in {**tags, **private}.items() if shown}
