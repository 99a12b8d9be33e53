"""What ion beams have besides: scanning, spots and the devices that shape range and width (PS3.3 C.8.8.25)."""

from __future__ import annotations

from dataclasses import dataclass

Spot = tuple[float, float]
"""x and y of a spot at the isocentre plane, mm, IEC gantry coordinates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IonDevice:
    """A range shifter, range modulator or lateral spreading device.

    Attributes:
        number: by which control points refer to it.
        id, type, description: as in the plan; a range shifter's type is BINARY or ANALOG.
    """

    number: int | None = None
    id: str = ""
    type: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IonHead:
    """The treatment head of an ion beam. Attributes that the plan does not have are None or empty.

    Attributes:
        scan_mode: NONE, UNIFORM, MODULATED or MODULATED_SPEC; `modulated_scan_mode`: STATIONARY, LEADER ...
        mass_number, atomic_number, charge_state: of the particles.
        virtual_sad_mm: virtual source-axis distances in x and y.
        snouts: their ids.
        range_shifters, range_modulators, lateral_spreaders: in the order of the plan.
        patient_support: type of the support (TABLE, CHAIR).
    """

    scan_mode: str = ""
    modulated_scan_mode: str = ""
    mass_number: int | None = None
    atomic_number: int | None = None
    charge_state: int | None = None
    virtual_sad_mm: tuple[float, float] | None = None
    snouts: tuple[str, ...] = ()
    range_shifters: tuple[IonDevice, ...] = ()
    range_modulators: tuple[IonDevice, ...] = ()
    lateral_spreaders: tuple[IonDevice, ...] = ()
    patient_support: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSetting:
    """How a device of the head is set at a control point.

    Attributes:
        number: of the device.
        setting: as in the plan (IN, OUT, or a machine value).
        isocentre_distance_mm: from the isocentre to its downstream edge.
        water_equivalent_mm: water-equivalent thickness.
        gating_start, gating_stop: of range modulators.
    """

    number: int | None = None
    setting: str = ""
    isocentre_distance_mm: float | None = None
    water_equivalent_mm: float | None = None
    gating_start: float | None = None
    gating_stop: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spots:
    """The spots of one energy.

    Attributes:
        positions_mm: x and y of every spot at the isocentre plane, in order of delivery.
        weights: meterset weight of every spot.
        size_mm: full width at half maximum in air in x and y, or None.
        tune_id: ScanSpotTuneID.
        paintings: how often the layer is scanned, or None.
    """

    positions_mm: tuple[Spot, ...] = ()
    weights: tuple[float, ...] = ()
    size_mm: tuple[float, float] | None = None
    tune_id: str = ""
    paintings: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IonSettings:
    """What a control point of an ion beam says of head and spots; inherited as everything but the spots.

    Attributes:
        snout_position_mm: from the isocentre to the downstream side of the snout.
        meterset_rate: as in the plan.
        range_shifters, range_modulators, lateral_spreaders: settings of devices.
        spots: None where the point has none.
    """

    snout_position_mm: float | None = None
    meterset_rate: float | None = None
    range_shifters: tuple[DeviceSetting, ...] = ()
    range_modulators: tuple[DeviceSetting, ...] = ()
    lateral_spreaders: tuple[DeviceSetting, ...] = ()
    spots: Spots | None = None
