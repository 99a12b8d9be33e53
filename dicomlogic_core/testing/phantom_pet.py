"""PET series whose activity and every quantity that an uptake value hangs on are known.

By default: 70 kg, 1.75 m, male; 370 MBq of F-18 injected at 10:00:00 on 2 January 2020; one bed from 11:00:00, two
minutes long; activity in Bq/ml corrected for decay to the start of the series. Every attribute can be given or, with
None, taken away.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID

from dicomlogic_core.testing.phantom_objects import base, set_pixels

PET_IMAGE = UID("1.2.840.10008.5.1.4.1.1.128")
SIZE = (8, 7)  # rows, columns
SPACING_MM = (4.0, 5.0)  # between rows, between columns
STEP_MM = 3.0
FIRST_MM = (-15.0, -14.0, 30.0)  # centre of the first voxel of slice 0
MARK = (1, 2)  # row and column of the pixel that holds twice the others' value

HALF_LIFE_S = 6588.0
DOSE_BQ = 370e6
WEIGHT_KG = 70.0
HEIGHT_M = 1.75
DURATION_S = 120.0
UPTAKE_S = 3600.0  # from injection to the start of the series

Values = Mapping[str, Any]
Private = Callable[[Dataset, int], None]

_ISOTOPE: dict[str, Any] = {
    "Radiopharmaceutical": "FDG",
    "RadiopharmaceuticalStartTime": "100000",
    "RadiopharmaceuticalStartDateTime": "20200102100000",
    "RadionuclideTotalDose": "370000000",
    "RadionuclideHalfLife": "6588",
    "RadionuclidePositronFraction": "0.97",
}
_SERIES: dict[str, Any] = {
    "ImageType": ["ORIGINAL", "PRIMARY"],
    "Manufacturer": "PHANTOM",
    "StudyTime": "100000",
    "SeriesDate": "20200102",
    "SeriesTime": "110000",
    "AcquisitionDate": "20200102",
    "AcquisitionTime": "110000",
    "PatientSex": "M",
    "PatientSize": "1.75",
    "PatientWeight": "70",
    "ActualFrameDuration": "120000",
    "CorrectedImage": ["NORM", "DTIM", "ATTN", "SCAT", "DECY", "RAN"],
    "SeriesType": ["WHOLE BODY", "IMAGE"],
    "Units": "BQML",
    "DecayCorrection": "START",
    "CountsSource": "EMISSION",
}


def average_time(duration_s: float = DURATION_S, half_life_s: float = HALF_LIFE_S) -> float:
    """Seconds from the start of a frame until the moment whose activity is the mean over the frame."""
    decay = math.log(2) / half_life_s * duration_s
    return math.log(decay / -math.expm1(-decay)) / decay * duration_s


def stored(number: int) -> int:
    """The stored value of slice `number`; the marked pixel has twice as much. Every 150 slices it begins again."""
    return 1000 + 100 * (number % 150)


def slope(number: int) -> float:
    """The rescale slope of slice `number`."""
    return 0.5 + 0.25 * number


def activity(number: int) -> float:
    """Rescaled value of slice `number`, Bq/ml unless other Units were given."""
    return stored(number) * slope(number)


def isotope_item(changes: Values | None = None) -> Dataset:
    """The item of RadiopharmaceuticalInformationSequence (PS3.3 C.8.9.2) with `changes`; None takes away."""
    item = Dataset()
    set_values(item, {**_ISOTOPE, **(changes or {})})
    return item


def set_values(dataset: Dataset, values: Values) -> None:
    """Set attributes by keyword; None takes one away."""
    for keyword, value in values.items():
        if value is not None:
            setattr(dataset, keyword, value)
        elif keyword in dataset:
            delattr(dataset, keyword)


def pet_slice(
    number: int,
    *,
    name: str,
    position: Sequence[float],
    isotope: Values | None = None,
    values: Values | None = None,
    place: int | None = None,
) -> Dataset:
    """One slice. `place`: the number that its pixels and slope come from, `number` by default."""
    place = number if place is None else place
    dataset = base(name, PET_IMAGE, "PT", number)
    dataset.ImagePositionPatient = [float(value) for value in position]
    dataset.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    dataset.PixelSpacing = list(SPACING_MM)
    dataset.SliceThickness = STEP_MM
    dataset.FrameReferenceTime = f"{1000 * average_time():.6f}"
    dataset.ImageIndex = number + 1
    dataset.RescaleSlope, dataset.RescaleIntercept = f"{slope(place):.10g}", "0"
    set_values(dataset, {**_SERIES, **(values or {})})
    dataset.RadiopharmaceuticalInformationSequence = [isotope_item(isotope)]
    set_pixels(dataset, frame_pixels(place), bits_stored=16, signed=True)
    return dataset


def frame_pixels(place: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    """The stored pixels of slice `place`."""
    array = np.full(SIZE, stored(place), dtype="<i2")
    array[MARK] = 2 * stored(place)
    return array


def position_of(place: int) -> tuple[float, float, float]:
    """The centre of the first voxel of slice `place`, LPS mm."""
    return FIRST_MM[0], FIRST_MM[1], FIRST_MM[2] + STEP_MM * place


def pet_series(
    count: int = 5,
    *,
    name: str = "pet",
    backwards: bool = False,
    isotope: Values | None = None,
    each: Callable[[int], Values] | None = None,
    private: Private | None = None,
    **values: Any,
) -> list[Dataset]:
    """A static series, slice k at 3 mm x k with the values of `stored` and `slope`.

    Args:
        count: slices.
        name: tells series, and their studies, apart.
        backwards: number the instances from the last position to the first.
        isotope: attributes of the radiopharmaceutical item.
        each: attributes of one slice, given its place.
        private: called with dataset and place, for private elements.
        values: attributes of all slices by keyword; None takes one away.
    """
    places = range(count)[::-1] if backwards else range(count)
    made = []
    for number, place in enumerate(places):
        its = {**values, **(each(place) if each else {})}
        dataset = pet_slice(number, name=name, position=position_of(place), isotope=isotope, values=its, place=place)
        if private is not None:
            private(dataset, place)
        made.append(dataset)
    return made


def two_beds(count: int = 6, *, name: str = "two beds", own_reference: bool = True, **values: Any) -> list[Dataset]:
    """The lower half of the slices acquired from 11:00:00, the upper one from 11:03:20 (200 s later).

    Args:
        own_reference: each bed is corrected for decay to its own start (FrameReferenceTime is that of the bed's mean
            time), and SeriesTime says 11:10:00; otherwise all to 11:00:00.
    """

    def bed(place: int) -> Values:
        second = place >= count // 2
        later = 200.0 if second and not own_reference else 0.0
        return {
            "AcquisitionTime": "110320" if second else "110000",
            "FrameReferenceTime": f"{1000 * (later + average_time()):.6f}",
        }

    return pet_series(count, name=name, each=bed, **{"SeriesTime": "111000" if own_reference else "110000", **values})


def dynamic(
    durations_s: Sequence[float] = (60.0, 120.0, 300.0),
    *,
    positions: int = 4,
    name: str = "dynamic",
    isotope: Values | None = None,
    **values: Any,
) -> list[Dataset]:
    """A dynamic series: one volume per duration, one after the other from 11:00:00, all corrected to that time.

    Slice p of volume v holds what `stored` and `slope` give for ``p + positions * v``. Instances are numbered volume by
    volume, ImageIndex is ``v * positions + p + 1``.
    """
    made = []
    for volume, duration in enumerate(durations_s):
        start = sum(durations_s[:volume])
        timing = {
            "SeriesType": ["DYNAMIC", "IMAGE"],
            "NumberOfSlices": positions,
            "NumberOfTimeSlices": len(durations_s),
            "AcquisitionTime": clock(UPTAKE_S + start),
            "ActualFrameDuration": f"{1000 * duration:.0f}",
            "FrameReferenceTime": f"{1000 * (start + average_time(duration)):.6f}",
        }
        for place in range(positions):
            number = volume * positions + place
            its = {**timing, **values}
            made.append(pet_slice(number, name=name, position=position_of(place), isotope=isotope, values=its))
    return made


def gated(gates: int = 3, *, positions: int = 4, name: str = "gated", **values: Any) -> list[Dataset]:
    """A gated series: one volume per gate, each 300 ms after the trigger of the one before.

    Slice p of gate g holds what `stored` and `slope` give for ``p + positions * g``.
    """
    made = []
    for gate in range(gates):
        timing = {
            "SeriesType": ["GATED", "IMAGE"],
            "NumberOfSlices": positions,
            "NumberOfTimeSlots": gates,
            "TriggerTime": f"{300 * gate}",
            "FrameTime": "300",
        }
        for place in range(positions):
            number = gate * positions + place
            made.append(pet_slice(number, name=name, position=position_of(place), values={**timing, **values}))
    return made


def clock(after_injection_s: float) -> str:
    """The time of day (TM) so many seconds after 10:00:00."""
    hours, rest = divmod(36000 + after_injection_s, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{int(hours):02d}{int(minutes):02d}{seconds:06.3f}".removesuffix(".000")


def philips_factors(*, suv: float | None = None, activity: float | None = None, creator: bool = True) -> Private:
    """Philips' factors from stored units to SUV (7053,1000) and to Bq/ml (7053,1009).

    Args:
        suv: g/ml per unit.
        activity: Bq/ml per unit.
        creator: False leaves the elements without their private creator, as careless de-identification does.
    """

    def add(dataset: Dataset, place: int) -> None:
        if creator:
            dataset.add_new(0x70530010, "LO", "Philips PET Private Group")
        for tag, value in ((0x70531000, suv), (0x70531009, activity)):
            if value is not None:
                dataset.add_new(tag, "DS", f"{value:.10g}")

    return add


def ge_times(*, scan: str | None = None, injection: str | None = None, creator: bool = True) -> Private:
    """GE's scan (0009,100D) and administration date-time (0009,103B); `creator` as in `philips_factors`."""

    def add(dataset: Dataset, place: int) -> None:
        if creator:
            dataset.add_new(0x00090010, "LO", "GEMS_PETD_01")
        for tag, value in ((0x0009100D, scan), (0x0009103B, injection)):
            if value is not None:
                dataset.add_new(tag, "DT", value)

    return add
