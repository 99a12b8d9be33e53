"""Plans as values: inherited, complete, and without anything that the plan does not say."""

from __future__ import annotations

import copy
import io
import json
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pydicom
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID

import dicomlogic_core as dl
from dicomlogic_core.testing import phantom_plan
from dicomlogic_core.testing.phantom_plan import device, item, photon_beam
from dicomlogic_core.testing.views import study_view
from dicomlogic_rt.plan import Plan
from dicomlogic_rt.plan_adaptor import PlanAdaptor
from dicomlogic_rt.plan_reading import read_plan

Sessions = Callable[..., dl.Session]
FIRST: dict[str, Any] = {
    "CumulativeMetersetWeight": 0,
    "NominalBeamEnergy": 6,
    "GantryAngle": 30,
    "GantryRotationDirection": "CW",
    "BeamLimitingDeviceAngle": 10,
    "PatientSupportAngle": 350,
    "IsocenterPosition": [1.5, -2, 3],
    "openings": {"ASYMX": [-50, 60], "ASYMY": [-70, 80], "MLCX": [-1, -2, 3, 4]},
}
DEVICES = [device("ASYMX"), device("ASYMY"), device("MLCX", pairs=2, boundaries=[-10, 0, 10])]


def stored(dataset: Dataset) -> Dataset:
    """The data set as it comes out of a file: values as bytes."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    return pydicom.dcmread(buffer)


def moving(*later: dict[str, Any]) -> Dataset:
    return phantom_plan.plan([photon_beam(1, [FIRST, *later], devices=DEVICES)])


def test_control_points_inherit_what_they_leave_out() -> None:
    plan = read_plan(
        stored(
            moving(
                {"CumulativeMetersetWeight": 0.4, "GantryAngle": 40, "openings": {"MLCX": [-5, -6, 7, 8]}},
                {"CumulativeMetersetWeight": 1.0, "openings": {"ASYMX": [-55, 65]}},
            )
        )
    )
    first, second, third = plan.beam(1).control_points
    assert (first.gantry_angle, second.gantry_angle, third.gantry_angle) == (30, 40, 40)
    assert {point.couch_angle for point in (first, second, third)} == {350}
    assert {point.energy for point in (first, second, third)} == {6}
    assert {point.gantry_rotation for point in (first, second, third)} == {"CW"}
    assert third.isocentre_lps_mm == (1.5, -2, 3)
    assert (second.jaws_x(), third.jaws_x(), third.jaws_y()) == ((-50, 60), (-55, 65), (-70, 80))
    leaves = third.opening("MLCX")
    assert leaves is not None
    assert (leaves.first, leaves.second) == ((-5, -6), (7, 8))
    assert [point.meterset_weight for point in plan.beam(1).control_points] == [0, 0.4, 1]
    assert not plan.beam(1).is_static


def test_control_points_are_in_order_of_their_index() -> None:
    dataset = moving({"GantryAngle": 40}, {"GantryAngle": 50})
    points = dataset.BeamSequence[0].ControlPointSequence
    dataset.BeamSequence[0].ControlPointSequence = pydicom.Sequence([points[2], points[0], points[1]])
    assert [point.gantry_angle for point in read_plan(dataset).beams[0].control_points] == [30, 40, 50]


def test_what_is_absent_is_none_and_told() -> None:
    plan = read_plan(stored(phantom_plan.plan([photon_beam(3, [{}, {}], SourceAxisDistance=None)])))
    beam = plan.beam(3)
    point = beam.control_points[0]
    assert (beam.sad_mm, point.gantry_angle, point.isocentre_lps_mm, point.energy) == (None, None, None, None)
    assert (point.jaws_x(), point.jaws_y(), point.openings) == (None, None, ())
    assert beam.isocentres_lps_mm == ()
    messages = {found.message.split(":")[0] for found in plan.findings}
    expected = {"isocentre", "gantry angle", "energy", "source-axis distance", "jaws and leaves"}
    assert messages == expected
    assert {found.code for found in plan.findings} == {"rt.plan-missing"}
    assert all(found.where[1:] == ("beam 3",) for found in plan.findings)


def test_a_plan_without_anything_is_still_a_plan() -> None:
    dataset = phantom_plan.plan()
    del dataset.FractionGroupSequence, dataset.PatientSetupSequence
    plan = read_plan(stored(dataset))
    assert (plan.beams, plan.fraction_groups, plan.prescriptions) == ((), (), ())
    assert len(plan.findings) == 2
    with pytest.raises(KeyError, match="no beam 1; there are none"):
        plan.beam(1)


def test_lost_control_points_are_counted() -> None:
    dataset = moving({})
    dataset.BeamSequence[0].NumberOfControlPoints = 5
    assert "2 of 5 control points are there" in [found.message for found in read_plan(dataset).findings]


def test_several_isocentres_are_kept() -> None:
    second = {**FIRST, "IsocenterPosition": [100, 0, 0]}
    beams = [photon_beam(1, [FIRST, {}]), photon_beam(2, [second, {"IsocenterPosition": [100, 0, 50]}])]
    plan = read_plan(stored(phantom_plan.plan(beams)))
    assert plan.beam(2).isocentres_lps_mm == ((100, 0, 0), (100, 0, 50))
    assert plan.isocentres_lps_mm == ((1.5, -2, 3), (100, 0, 0), (100, 0, 50))


def test_fractions_and_prescriptions() -> None:
    beams = [photon_beam(1, [FIRST, {}]), photon_beam(2, [FIRST, {}])]
    dataset = phantom_plan.plan(beams, fractions=25, beam_doses={1: 1.2, 2: 0.8})
    plan = read_plan(stored(dataset))
    (group,) = plan.fraction_groups
    assert group.dose_gy == pytest.approx(50)
    assert group.beams[0].meterset == 120
    (prescription,) = plan.prescriptions
    assert prescription.dose_gy == pytest.approx(50)
    assert prescription.source == "doses of fraction group 1"
    dataset.DoseReferenceSequence = pydicom.Sequence(
        [
            item(DoseReferenceNumber=1, DoseReferenceStructureType="COORDINATES", DoseReferenceType="TARGET",
                 TargetPrescriptionDose=48, DoseReferencePointCoordinates=[1, 2, 3]),
            item(DoseReferenceNumber=2, DoseReferenceStructureType="VOLUME", DoseReferenceType="TARGET",
                 TargetPrescriptionDose=50.4, TargetMinimumDose=47, ReferencedROINumber=7, ConstraintWeight=0.5),
            item(DoseReferenceNumber=3, DoseReferenceStructureType="VOLUME", DoseReferenceType="ORGAN_AT_RISK",
                 OrganAtRiskMaximumDose=20, OrganAtRiskOverdoseVolumeFraction=5),
        ]
    )  # fmt: skip
    plan = read_plan(stored(dataset))
    assert [(one.dose_gy, one.source) for one in plan.prescriptions] == [(50.4, "dose reference 2 (VOLUME)")]
    point, target, organ = plan.dose_references
    assert point.point_lps_mm == (1, 2, 3)
    assert (target.minimum_gy, target.roi_number, target.weight) == (47, 7, 0.5)
    assert (organ.organ_maximum_gy, organ.overdose_percent, organ.prescription_gy) == (20, 5, None)


def test_a_dose_that_one_beam_does_not_tell_is_not_summed() -> None:
    dataset = phantom_plan.plan([photon_beam(1, [FIRST, {}]), photon_beam(2, [FIRST, {}])])
    del dataset.FractionGroupSequence[0].ReferencedBeamSequence[1].BeamDose
    assert read_plan(dataset).fraction_groups[0].dose_gy is None
    assert read_plan(dataset).prescriptions == ()


def test_patient_positions_follow_the_setup_of_each_beam() -> None:
    beams = [photon_beam(1, [FIRST, {}]), photon_beam(2, [FIRST, {}], ReferencedPatientSetupNumber=2)]
    dataset = phantom_plan.plan(beams)
    dataset.PatientSetupSequence.append(item(PatientSetupNumber=2, PatientPosition="FFP"))
    plan = read_plan(stored(dataset))
    assert [beam.patient_position for beam in plan.beams] == ["HFS", "FFP"]
    assert plan.patient_positions == ("HFS", "FFP")


def test_angles_that_are_binary_in_files_are_read() -> None:
    turned = {**FIRST, "TableTopPitchAngle": 2.5, "TableTopRollAngle": -1.5, "GantryPitchAngle": 3.0}
    (point, _) = read_plan(stored(phantom_plan.plan([photon_beam(1, [turned, {}])]))).beams[0].control_points
    assert (point.table_pitch_angle, point.table_roll_angle, point.gantry_pitch_angle) == (2.5, -1.5, 3.0)


def ion_plan() -> Dataset:
    shifters = [
        item(RangeShifterNumber=1, RangeShifterID="RS30", RangeShifterType="BINARY"),
        item(RangeShifterNumber=2, RangeShifterID="RS75", RangeShifterType="ANALOG", RangeShifterDescription="wedge"),
    ]
    settings = [
        item(ReferencedRangeShifterNumber=1, RangeShifterSetting="IN", IsocenterToRangeShifterDistance=320.5,
             RangeShifterWaterEquivalentThickness=41.25),
        item(ReferencedRangeShifterNumber=2, RangeShifterSetting="OUT"),
    ]  # fmt: skip
    spots = {"ScanSpotPositionMap": [-5.0, 2.5, 10.0, 0.5], "ScanSpotMetersetWeights": [0.25, 0.75]}
    first = {
        **{key: value for key, value in FIRST.items() if key != "openings"},
        **spots,
        "NominalBeamEnergy": 150.5,
        "RangeShifterSettingsSequence": settings,
        "SnoutPosition": 400.0,
        "ScanningSpotSize": [8.0, 9.0],
        "ScanSpotTuneID": "4.0",
        "NumberOfPaintings": 2,
    }
    last = {"ScanSpotPositionMap": [-5.0, 2.5, 10.0, 0.5], "ScanSpotMetersetWeights": [0.0, 0.0]}
    modulator = [item(RangeModulatorNumber=1, RangeModulatorID="M1", RangeModulatorType="WHL_MODWEIGHTS")]
    beam = phantom_plan.ion_beam(
        1,
        [first, last, {"NominalBeamEnergy": 140}],
        RangeShifterSequence=shifters,
        RangeModulatorSequence=modulator,
        RadiationMassNumber=1,
        RadiationAtomicNumber=1,
        RadiationChargeState=1,
    )
    return phantom_plan.plan([beam], ion=True)


@pytest.mark.parametrize("form", [stored, lambda dataset: dataset], ids=["file", "memory"])
def test_ion_beams(form: Callable[[Dataset], Dataset]) -> None:
    plan = read_plan(form(ion_plan()))
    beam = plan.beam(1)
    head = beam.ion
    assert head is not None
    assert (head.scan_mode, head.virtual_sad_mm, head.snouts) == ("MODULATED", (2000, 2500), ("S18",))
    assert (head.mass_number, head.atomic_number, head.charge_state) == (1, 1, 1)
    assert [(one.number, one.id, one.type) for one in head.range_shifters] == [
        (1, "RS30", "BINARY"),
        (2, "RS75", "ANALOG"),
    ]
    assert head.range_modulators[0].type == "WHL_MODWEIGHTS"
    first, second, third = (point.ion for point in beam.control_points)
    assert first is not None and second is not None and third is not None
    assert [one.setting for one in first.range_shifters] == ["IN", "OUT"]
    assert (first.range_shifters[0].isocentre_distance_mm, first.range_shifters[0].water_equivalent_mm) == (
        320.5,
        41.25,
    )
    assert third.range_shifters == first.range_shifters
    assert (first.snout_position_mm, third.snout_position_mm) == (400, 400)
    assert first.spots is not None and second.spots is not None
    assert first.spots.positions_mm == ((-5, 2.5), (10, 0.5))
    assert (first.spots.weights, second.spots.weights) == ((0.25, 0.75), (0, 0))
    assert (first.spots.size_mm, first.spots.tune_id, first.spots.paintings) == ((8, 9), "4.0", 2)
    assert third.spots is None  # never inherited: they would be delivered twice
    assert [point.energy for point in beam.control_points] == [150.5, 150.5, 140]
    assert not plan.findings


def brachy_plan() -> Dataset:
    def channel(number: int, x: float) -> Dataset:
        points = [
            item(ControlPointIndex=0, CumulativeTimeWeight=0, ControlPointRelativePosition=0,
                 ControlPoint3DPosition=[x, 0, 0], ControlPointOrientation=[0.0, 0.0, 1.0]),
            item(ControlPointIndex=1, CumulativeTimeWeight=25),
            item(ControlPointIndex=2, ControlPointRelativePosition=5, ControlPoint3DPosition=[x, 0, 5]),
            item(ControlPointIndex=3, CumulativeTimeWeight=100),
        ]  # fmt: skip
        return item(
            ChannelNumber=number, ChannelLength=1200, ChannelTotalTime=60, SourceMovementType="STEPWISE",
            ReferencedSourceNumber=1, SourceApplicatorStepSize=5, FinalCumulativeTimeWeight=100,
            NumberOfControlPoints=4, BrachyControlPointSequence=points,
        )  # fmt: skip

    setups = [
        item(ApplicationSetupNumber=1, ApplicationSetupType="VAGINAL", ChannelSequence=[channel(1, 0), channel(2, 8)]),
        item(ApplicationSetupNumber=2, ApplicationSetupType="OTHER", ChannelSequence=[channel(3, 16)]),
    ]
    source = item(SourceNumber=1, SourceType="LINE", SourceIsotopeName="Ir-192", SourceIsotopeHalfLife=73.83,
                  ReferenceAirKermaRate=40700)  # fmt: skip
    return phantom_plan.brachy_plan(setups, sources=[source])


def test_brachytherapy_channels_of_all_setups() -> None:
    plan = read_plan(stored(brachy_plan()))
    brachy = plan.brachy
    assert brachy is not None
    assert [len(setup.channels) for setup in brachy.setups] == [2, 1]
    assert (brachy.treatment_type, brachy.sources[0].isotope, brachy.sources[0].half_life_days) == (
        "HDR",
        "Ir-192",
        73.83,
    )
    channel = brachy.setups[0].channels[1]
    assert channel.curve_lps_mm == ((8, 0, 0), (8, 0, 5))
    assert [(dwell.position_lps_mm, dwell.seconds) for dwell in channel.dwells] == [((8, 0, 0), 15), ((8, 0, 5), 45)]
    assert sum(dwell.seconds for dwell in channel.dwells) == channel.total_time_s
    assert (channel.points[0].orientation, channel.points[1].position_lps_mm) == ((0, 0, 1), (8, 0, 0))
    assert not plan.findings


@pytest.mark.parametrize("dataset", [moving({}), ion_plan(), brachy_plan()], ids=["photon", "ion", "brachy"])
def test_plans_are_json(dataset: Dataset) -> None:
    told = json.loads(json.dumps(read_plan(stored(dataset)).as_dict(), allow_nan=False))
    assert (told["kind"], told["label"]) == ("plan", str(dataset.RTPlanLabel))
    for beam in told["beams"]:
        for point in beam["control_points"]:
            assert len(point["collimator_to_lps"]) == 4


def test_a_notebook_shows_beams_and_channels() -> None:
    arc = moving({"GantryAngle": 170}, {"GantryAngle": 179})
    arc.BeamSequence[0].BeamName = "<arc>"
    shown = read_plan(stored(arc))._repr_html_()
    assert "<td>30 to 179</td>" in shown
    assert "<td>&lt;arc&gt;</td>" in shown
    assert "5 fractions" in shown
    assert read_plan(stored(brachy_plan()))._repr_html_().count("<tr>") == 4


def test_plans_come_from_an_index(session_of: Sessions) -> None:
    datasets = [moving({}), phantom_plan.plan(number=1, label="OTHER"), ion_plan()]
    datasets[2].SOPInstanceUID = datasets[2].file_meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    session = session_of(datasets)
    loadables = session.examine()
    assert {loadable.name for loadable in loadables} == {"7: RTPLAN: PHANTOM", "7: RTPLAN: OTHER"}
    assert [loadable.instances for loadable in loadables] == [1, 1, 1]
    plans = [session.load(loadable) for loadable in loadables]
    assert sorted(plan.sop_uid for plan in plans) == sorted(str(one.SOPInstanceUID) for one in datasets)
    assert all(isinstance(plan, Plan) and plan.kind == "plan" for plan in plans)


@pytest.mark.parametrize(
    ("label", "name", "expected"),
    [("A", "B", "A (B)"), ("A", "A", "A"), ("", "B", "B"), ("A", "", "A"), ("", "", "")],
)
def test_names_are_those_of_slicer(label: str, name: str, expected: str) -> None:
    dataset = phantom_plan.plan(label=label)
    dataset.RTPlanName = name
    study = study_view([dataset])
    (loadable,) = PlanAdaptor().examine(next(iter(study)), study)
    assert loadable.name == (f"7: RTPLAN: {expected}" if expected else "7: RTPLAN")


def test_absent_structure_sets_are_told() -> None:
    study = study_view([phantom_plan.plan(structure_set="1.2.3")])
    (loadable,) = PlanAdaptor().examine(next(iter(study)), study)
    assert [found.code for found in loadable.findings] == ["rt.reference-missing"]
    assert loadable.references == ()


def test_one_broken_beam_costs_the_others_nothing() -> None:
    dataset = phantom_plan.plan([photon_beam(1, [FIRST, {}]), photon_beam(2, [FIRST, {}])])
    broken = copy.deepcopy(dataset)
    first = broken.BeamSequence[0]
    first.ControlPointSequence[0]["GantryAngle"].VR = "LO"
    first.ControlPointSequence[0].GantryAngle = "upside down"
    first.ControlPointSequence[0]["IsocenterPosition"].value = [1, 2]
    plan = read_plan(broken)
    assert plan.beam(1).control_points[0].gantry_angle is None
    assert plan.beam(1).isocentres_lps_mm == ()
    assert plan.beam(2) == read_plan(dataset).beam(2)


def _elements(dataset: Dataset, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all elements, those inside sequences too."""
    for element in dataset:
        yield (*path, element.tag)
        if element.VR == "SQ":
            for number, inner in enumerate(element.value):
                yield from _elements(inner, (*path, element.tag, number))


def _parent(dataset: Dataset, path: tuple[Any, ...]) -> Dataset:
    for tag, number in zip(path[:-1:2], path[1:-1:2]):
        dataset = dataset[tag].value[number]
    return dataset


@pytest.mark.parametrize("make", [lambda: moving({}), ion_plan, brachy_plan], ids=["photon", "ion", "brachy"])
@pytest.mark.parametrize("damage", ["removed", "empty", "text", "cut"])
def test_any_damaged_element_costs_itself_only(make: Callable[[], Dataset], damage: str) -> None:
    """Whatever is missing, empty, no number or of odd length: a plan comes, and it is JSON."""
    paths = [path for path in _elements(make()) if path[0].group >= 0x3000]
    assert len(paths) > 30
    for path in paths:
        dataset = make()
        parent, tag = _parent(dataset, path), path[-1]
        vr = parent[tag].VR
        if damage == "removed":
            del parent[tag]
        elif damage == "empty":
            parent[tag] = RawDataElement(tag, vr, 0, b"", 0, False, True)
        elif vr == "SQ":
            continue
        else:
            value = b"not a number" if damage == "text" else b"\xff\xfe\xfd"
            parent[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's, about what was just broken
            plan = read_plan(dataset)
        json.dumps(plan.as_dict(), allow_nan=False)
