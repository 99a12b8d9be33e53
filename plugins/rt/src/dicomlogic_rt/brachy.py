"""Brachytherapy: sources, application setups and the channels a source moves in (PS3.3 C.8.8.15)."""

from __future__ import annotations

from dataclasses import dataclass

Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrachySource:
    """A radioactive source.

    Attributes:
        number: by which channels refer to it.
        type: POINT, LINE, CYLINDER or SPHERE.
        isotope: name of the isotope.
        half_life_days, air_kerma_rate: half-life; reference air kerma rate in microgray per hour at 1 m.
        reference_date, reference_time: at which the air kerma rate holds, DICOM text.
        active_diameter_mm, active_length_mm: of the active part.
    """

    number: int | None = None
    type: str = ""
    isotope: str = ""
    half_life_days: float | None = None
    air_kerma_rate: float | None = None
    reference_date: str = ""
    reference_time: str = ""
    active_diameter_mm: float | None = None
    active_length_mm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrachyPoint:
    """A control point of a channel.

    Attributes:
        index: ControlPointIndex.
        time_weight: cumulative; as a share of the channel's final one it gives the time.
        relative_position_mm: along the channel, or None.
        position_lps_mm: of the source in the patient, or None.
        orientation: direction of the source in LPS, or None.
    """

    index: int | None = None
    time_weight: float | None = None
    relative_position_mm: float | None = None
    position_lps_mm: Point | None = None
    orientation: Point | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dwell:
    """Where a source stays, and how long (s)."""

    position_lps_mm: Point | None
    relative_position_mm: float | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BrachyChannel:
    """A channel of an application setup.

    Attributes:
        number: of the channel.
        length_mm: of the channel; `total_time_s`: between its first and last control point.
        movement: STEPWISE, FIXED, OSCILLATING or UNIDIRECTIONAL.
        source_number: of the source that is used.
        applicator_number, applicator_id, applicator_type, applicator_length_mm, step_mm: of the source applicator.
        transfer_tube, transfer_tube_length_mm: of the transfer tube.
        pulses, pulse_interval_s: of pulsed treatment.
        final_time_weight: cumulative weight at the end.
        points: control points by index.
    """

    number: int | None = None
    length_mm: float | None = None
    total_time_s: float | None = None
    movement: str = ""
    source_number: int | None = None
    applicator_number: int | None = None
    applicator_id: str = ""
    applicator_type: str = ""
    applicator_length_mm: float | None = None
    step_mm: float | None = None
    transfer_tube: int | None = None
    transfer_tube_length_mm: float | None = None
    pulses: int | None = None
    pulse_interval_s: float | None = None
    final_time_weight: float | None = None
    points: tuple[BrachyPoint, ...] = ()

    @property
    def curve_lps_mm(self) -> tuple[Point, ...]:
        """The path of the source through the patient: the distinct positions in order."""
        positions = [point.position_lps_mm for point in self.points if point.position_lps_mm is not None]
        return tuple(one for number, one in enumerate(positions) if not number or one != positions[number - 1])

    @property
    def dwells(self) -> tuple[Dwell, ...]:
        """Where a stepping source stays: pairs of control points at one place between which time passes."""
        if not self.final_time_weight or self.total_time_s is None:
            return ()
        found = []
        for before, after in zip(self.points, self.points[1:]):
            same = (before.position_lps_mm, before.relative_position_mm) == (
                after.position_lps_mm,
                after.relative_position_mm,
            )
            if same and before.time_weight is not None and after.time_weight is not None:
                seconds = (after.time_weight - before.time_weight) / self.final_time_weight * self.total_time_s
                if seconds > 0:
                    found.append(
                        Dwell(
                            position_lps_mm=before.position_lps_mm,
                            relative_position_mm=before.relative_position_mm,
                            seconds=seconds,
                        )
                    )
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationSetup:
    """An application setup.

    Attributes:
        number, name, type: of the setup; type is FLETCHER_SUIT, MOULD, SEED ...
        total_air_kerma: TotalReferenceAirKerma, microgray at 1 m.
        channels: all of them.
    """

    number: int | None = None
    name: str = ""
    type: str = ""
    total_air_kerma: float | None = None
    channels: tuple[BrachyChannel, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Brachy:
    """The brachytherapy of a plan.

    Attributes:
        technique: INTRACAVITARY, INTERSTITIAL ...
        treatment_type: HDR, PDR, LDR, MANUAL ...
        sources, setups: in the order of the plan.
    """

    technique: str = ""
    treatment_type: str = ""
    sources: tuple[BrachySource, ...] = ()
    setups: tuple[ApplicationSetup, ...] = ()
