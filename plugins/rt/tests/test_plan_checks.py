"""Plans that contradict themselves, or are unreadable half way: nothing stale is taken for what was meant."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from typing import Any

import pydicom
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

import dicomlogic_core as dl
from dicomlogic_core.testing import phantom_plan
from dicomlogic_core.testing.phantom_plan import device, item, photon_beam
from dicomlogic_rt.apertures import aperture_outlines
from dicomlogic_rt.beam_frames import beam_frames
from dicomlogic_rt.plan import Plan
from dicomlogic_rt.plan_reading import read_plan

FIRST: dict[str, Any] = {
    "CumulativeMetersetWeight": 0,
    "NominalBeamEnergy": 6,
    "GantryAngle": 30,
    "BeamLimitingDeviceAngle": 10,
    "PatientSupportAngle": 0,
    "IsocenterPosition": [1, 2, 3],
    "openings": {"ASYMX": [-50, 60], "MLCX": [-1, -2, 3, 4]},
}
DEVICES = [device("ASYMX"), device("MLCX", pairs=2, boundaries=[-10, 0, 10])]
LATER: list[dict[str, Any]] = [{"CumulativeMetersetWeight": 0.5}, {"CumulativeMetersetWeight": 1.0}]


def arc(number: int = 1) -> Dataset:
    return photon_beam(number, [FIRST, *LATER], devices=copy.deepcopy(DEVICES))


def read(*beams: Dataset, **values: Any) -> Plan:
    return read_plan(phantom_plan.plan(list(beams), **values))


def told(plan: Plan, code: str) -> dict[str, tuple[str, ...]]:
    """Message -> beams that it names."""
    return {found.message: found.where[1:] for found in plan.findings if found.code == code}


def spoil(item: Dataset, keyword: str, value: bytes) -> None:
    item[keyword] = RawDataElement(Tag(keyword), "DS", len(value), value, 0, False, True)


def test_a_plan_in_order_has_nothing_to_tell() -> None:
    assert not read(arc(), arc(2)).findings


@pytest.mark.parametrize(
    ("keyword", "attribute", "what"),
    [
        ("GantryAngle", "gantry_angle", "gantry angle"),
        ("NominalBeamEnergy", "energy", "energy"),
        ("IsocenterPosition", "isocentre_lps_mm", "isocentre"),
    ],
)
def test_what_cannot_be_read_is_not_as_before(keyword: str, attribute: str, what: str) -> None:
    beam = arc()
    spoil(beam.ControlPointSequence[1], keyword, b"4O")
    plan = read(beam)
    first, second, third = (getattr(point, attribute) for point in plan.beam(1).control_points)
    assert first is not None and second is None and third is None
    message = f"{what}: absent or unreadable in 1 of 1 beams"
    assert told(plan, "rt.plan-missing") == {message: ("beam 1",)}


@pytest.mark.parametrize("value", [b"", b"  "])
def test_what_is_empty_is_as_before(value: bytes) -> None:
    beam = arc()
    spoil(beam.ControlPointSequence[1], "GantryAngle", value)
    assert [point.gantry_angle for point in read(beam).beam(1).control_points] == [30, 30, 30]


@pytest.mark.parametrize("places", [b"-1\\-2\\3", b"-1\\-2\\3\\x", b"-1\\-2\\3\\inf", b""])
def test_leaves_that_cannot_be_read_are_not_where_they_were(places: bytes) -> None:
    beam = arc()
    moved = item(RTBeamLimitingDeviceType="MLCX", LeafJawPositions=[0, 0, 0, 0])
    spoil(moved, "LeafJawPositions", places)
    beam.ControlPointSequence[1].BeamLimitingDevicePositionSequence = pydicom.Sequence([moved])
    plan = read(beam)
    first, second, _ = plan.beam(1).control_points
    assert first.opening("MLCX") is not None
    assert second.opening("MLCX") is None and second.opening("ASYMX") == first.opening("ASYMX")
    assert told(plan, "rt.plan-missing") == {
        "positions of jaws or leaves: absent or unreadable in 1 of 1 beams": ("beam 1",)
    }
    with pytest.raises(dl.GeometryError, match="positions of MLCX"):
        aperture_outlines(plan.beam(1), second)


def more_leaves(beams: list[Dataset]) -> None:
    opened = beams[1].ControlPointSequence[0].BeamLimitingDevicePositionSequence[1]
    opened.LeafJawPositions = [-1, -2, -3, 3, 4, 5]


def one_index(beams: list[Dataset]) -> None:
    beams[1].ControlPointSequence[2].ControlPointIndex = 1


def less_weight(beams: list[Dataset]) -> None:
    beams[1].ControlPointSequence[2].CumulativeMetersetWeight = 0.25


def one_number(beams: list[Dataset]) -> None:
    beams[2].BeamNumber = 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (more_leaves, "leaves and their boundaries differ in number in 1 of 3 beams"),
        (one_index, "control points have one index in 1 of 3 beams"),
        (less_weight, "cumulative meterset weights decrease in 1 of 3 beams"),
        (one_number, "beam numbers 2 are given twice: a number means the first beam of it"),
    ],
)
def test_contradictions_are_told_with_their_beams(change: Callable[[list[Dataset]], None], message: str) -> None:
    beams = [arc(1), arc(2), arc(3)]
    change(beams)
    plan = read(*beams, beam_doses={1: 1.0, 2: 1.0})
    assert told(plan, "rt.plan-contradiction") == {message: ("beam 2",)}
    assert len(plan.beams) == 3


def test_fractions_of_beams_that_are_not_there() -> None:
    plan = read(arc(), beam_doses={1: 1.0, 7: 1.0})
    assert told(plan, "rt.plan-contradiction") == {
        "fraction groups name beams that are not in the plan: 7": ("beam 7",)
    }


def test_a_beam_of_a_setup_that_is_not_there_has_no_frame() -> None:
    plan = read(photon_beam(1, [FIRST, *LATER], devices=DEVICES, ReferencedPatientSetupNumber=9))
    assert told(plan, "rt.plan-missing") == {"patient position: absent in 1 of 1 beams": ("beam 1",)}
    assert beam_frames(plan.beam(1)) == [None, None, None]


def test_devices_of_ion_beams_that_are_not_named_stay_as_they_were() -> None:
    def setting(number: int, text: str) -> Dataset:
        return item(ReferencedRangeShifterNumber=number, RangeShifterSetting=text)

    first = {**FIRST, "RangeShifterSettingsSequence": [setting(1, "IN"), setting(2, "OUT")]}
    del first["openings"]
    spots = {"ScanSpotPositionMap": [0.0, 0.0, 1.0, 1.0], "ScanSpotMetersetWeights": [1.0]}
    points = [first, {"RangeShifterSettingsSequence": [setting(2, "IN")]}, spots]
    dataset = phantom_plan.plan([phantom_plan.ion_beam(1, points)], ion=True)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    plan = read_plan(pydicom.dcmread(io.BytesIO(buffer.getvalue())))
    settings = [
        [(one.number, one.setting) for one in point.ion.range_shifters]
        for point in plan.beam(1).control_points
        if point.ion is not None
    ]
    assert settings == [[(1, "IN"), (2, "OUT")], [(1, "IN"), (2, "IN")], [(1, "IN"), (2, "IN")]]
    assert told(plan, "rt.plan-contradiction") == {
        "spots and their weights differ in number in 1 of 1 beams": ("beam 1",)
    }
