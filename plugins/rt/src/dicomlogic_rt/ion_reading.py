"""Heads, device settings and spots of ion beams from their data sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_rt.elements import integer_of, items_of, text_of
from dicomlogic_rt.ion import DeviceSetting, IonDevice, IonHead, IonSettings, Spots
from dicomlogic_rt.points import number_of_binary, numbers_of_binary

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset


def read_head(beam: Dataset) -> IonHead:
    """The head of an item of IonBeamSequence."""
    sad = numbers_of_binary(beam, "VirtualSourceAxisDistances")
    return IonHead(
        scan_mode=text_of(beam, "ScanMode"),
        modulated_scan_mode=text_of(beam, "ModulatedScanModeType"),
        mass_number=integer_of(beam, "RadiationMassNumber"),
        atomic_number=integer_of(beam, "RadiationAtomicNumber"),
        charge_state=_short(beam, "RadiationChargeState"),
        virtual_sad_mm=_pair(sad),
        snouts=tuple(text_of(item, "SnoutID") for item in items_of(beam, "SnoutSequence")),
        range_shifters=_devices(beam, "RangeShifter"),
        range_modulators=_devices(beam, "RangeModulator"),
        lateral_spreaders=_devices(beam, "LateralSpreadingDevice"),
        patient_support=text_of(beam, "PatientSupportType"),
    )


def _devices(beam: Dataset, what: str) -> tuple[IonDevice, ...]:
    return tuple(
        IonDevice(
            number=integer_of(item, f"{what}Number"),
            id=text_of(item, f"{what}ID"),
            type=text_of(item, f"{what}Type"),
            description=text_of(item, f"{what}Description"),
        )
        for item in items_of(beam, f"{what}Sequence")
    )


def read_settings(point: Dataset, before: IonSettings | None) -> IonSettings:
    """The settings at an item of IonControlPointSequence, what it leaves out as `before`.

    Spots are never inherited: their weights are those of one point, and would be delivered twice.
    """
    old = before or IonSettings()
    snout = number_of_binary(point, "SnoutPosition")
    rate = number_of_binary(point, "MetersetRate")
    return IonSettings(
        snout_position_mm=old.snout_position_mm if snout is None else snout,
        meterset_rate=old.meterset_rate if rate is None else rate,
        range_shifters=_settings(point, "RangeShifter", _shifter, old.range_shifters),
        range_modulators=_settings(point, "RangeModulator", _modulator, old.range_modulators),
        lateral_spreaders=_settings(point, "LateralSpreadingDevice", _shifter, old.lateral_spreaders),
        spots=_spots(point),
    )


def _settings(
    point: Dataset, what: str, read: Callable[[Dataset, str], DeviceSetting], old: tuple[DeviceSetting, ...]
) -> tuple[DeviceSetting, ...]:
    """The settings of all devices; a device that the point does not name stays as it was."""
    settings = {one.number: one for one in old}
    settings |= {one.number: one for one in (read(item, what) for item in items_of(point, f"{what}SettingsSequence"))}
    return tuple(settings.values())


def _shifter(item: Dataset, what: str) -> DeviceSetting:
    return DeviceSetting(
        number=integer_of(item, f"Referenced{what}Number"),
        setting=text_of(item, f"{what}Setting"),
        isocentre_distance_mm=number_of_binary(item, f"IsocenterTo{what}Distance"),
        water_equivalent_mm=number_of_binary(item, f"{what}WaterEquivalentThickness"),
    )


def _modulator(item: Dataset, what: str) -> DeviceSetting:
    return DeviceSetting(
        number=integer_of(item, f"Referenced{what}Number"),
        isocentre_distance_mm=number_of_binary(item, f"IsocenterTo{what}Distance"),
        gating_start=number_of_binary(item, f"{what}GatingStartValue"),
        gating_stop=number_of_binary(item, f"{what}GatingStopValue"),
    )


def _spots(point: Dataset) -> Spots | None:
    places = numbers_of_binary(point, "ScanSpotPositionMap")
    weights = numbers_of_binary(point, "ScanSpotMetersetWeights")
    if not len(places) and not len(weights):
        return None
    return Spots(
        positions_mm=tuple((float(x), float(y)) for x, y in zip(places[0::2], places[1::2])),
        weights=tuple(weights.tolist()),
        size_mm=_pair(numbers_of_binary(point, "ScanningSpotSize")),
        tune_id=text_of(point, "ScanSpotTuneID"),
        paintings=integer_of(point, "NumberOfPaintings"),
    )


def _short(dataset: Dataset, keyword: str) -> int | None:
    """The value of an SS element."""
    value = number_of_binary(dataset, keyword)
    return None if value is None else int(value)


def _pair(values: NDArray[np.float64]) -> tuple[float, float] | None:
    return (float(values[0]), float(values[1])) if len(values) == 2 and np.isfinite(values).all() else None
