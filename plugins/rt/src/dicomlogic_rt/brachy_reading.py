"""Sources, setups and channels from the data set of a brachytherapy plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicomlogic_rt.brachy import ApplicationSetup, Brachy, BrachyChannel, BrachyPoint, BrachySource
from dicomlogic_rt.elements import integer_of, items_of, number_of, text_of
from dicomlogic_rt.points import ordered_points, point_of, point_of_binary

if TYPE_CHECKING:
    from pydicom import Dataset


def read_brachy(plan: Dataset) -> Brachy | None:
    """The brachytherapy of a plan; None when it has neither sources nor setups."""
    sources = items_of(plan, "SourceSequence")
    setups = items_of(plan, "ApplicationSetupSequence")
    if not sources and not setups:
        return None
    return Brachy(
        technique=text_of(plan, "BrachyTreatmentTechnique"),
        treatment_type=text_of(plan, "BrachyTreatmentType"),
        sources=tuple(_source(item) for item in sources),
        setups=tuple(_setup(item) for item in setups),
    )


def _source(item: Dataset) -> BrachySource:
    return BrachySource(
        number=integer_of(item, "SourceNumber"),
        type=text_of(item, "SourceType"),
        isotope=text_of(item, "SourceIsotopeName"),
        half_life_days=number_of(item, "SourceIsotopeHalfLife"),
        air_kerma_rate=number_of(item, "ReferenceAirKermaRate"),
        reference_date=text_of(item, "SourceStrengthReferenceDate"),
        reference_time=text_of(item, "SourceStrengthReferenceTime"),
        active_diameter_mm=number_of(item, "ActiveSourceDiameter"),
        active_length_mm=number_of(item, "ActiveSourceLength"),
    )


def _setup(item: Dataset) -> ApplicationSetup:
    return ApplicationSetup(
        number=integer_of(item, "ApplicationSetupNumber"),
        name=text_of(item, "ApplicationSetupName"),
        type=text_of(item, "ApplicationSetupType"),
        total_air_kerma=number_of(item, "TotalReferenceAirKerma"),
        channels=tuple(_channel(channel) for channel in items_of(item, "ChannelSequence")),
    )


def _channel(item: Dataset) -> BrachyChannel:
    return BrachyChannel(
        number=integer_of(item, "ChannelNumber"),
        length_mm=number_of(item, "ChannelLength"),
        total_time_s=number_of(item, "ChannelTotalTime"),
        movement=text_of(item, "SourceMovementType"),
        source_number=integer_of(item, "ReferencedSourceNumber"),
        applicator_number=integer_of(item, "SourceApplicatorNumber"),
        applicator_id=text_of(item, "SourceApplicatorID"),
        applicator_type=text_of(item, "SourceApplicatorType"),
        applicator_length_mm=number_of(item, "SourceApplicatorLength"),
        step_mm=number_of(item, "SourceApplicatorStepSize"),
        transfer_tube=integer_of(item, "TransferTubeNumber"),
        transfer_tube_length_mm=number_of(item, "TransferTubeLength"),
        pulses=integer_of(item, "NumberOfPulses"),
        pulse_interval_s=number_of(item, "PulseRepetitionInterval"),
        final_time_weight=number_of(item, "FinalCumulativeTimeWeight"),
        points=_points(ordered_points(item, "BrachyControlPointSequence")),
    )


def _points(items: list[Dataset]) -> tuple[BrachyPoint, ...]:
    points: list[BrachyPoint] = []
    for item in items:
        old = points[-1] if points else BrachyPoint()
        weight = number_of(item, "CumulativeTimeWeight")
        relative = number_of(item, "ControlPointRelativePosition")
        position = point_of(item, "ControlPoint3DPosition")
        points.append(
            BrachyPoint(
                index=integer_of(item, "ControlPointIndex"),
                time_weight=old.time_weight if weight is None else weight,
                relative_position_mm=old.relative_position_mm if relative is None else relative,
                # A point that moved along the channel is elsewhere in the patient, even if it does not say where.
                position_lps_mm=old.position_lps_mm if position is None and relative is None else position,
                orientation=point_of_binary(item, "ControlPointOrientation"),
            )
        )
    return tuple(points)
