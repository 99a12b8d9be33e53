"""Doses and plans of real systems: the numbers that were computed independently, from files and from servers."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pydicom.dicomio
import pytest
from matplotlib.path import Path as Outline

import dicomlogic_core as dl
from dicomlogic_rt.apertures import aperture_outlines
from dicomlogic_rt.beam_frames import collimator_to_patient

DOSES = [
    "dicompyler_dose_struct_plan/dicom/rtdose.dcm",
    *(
        f"pydicom_rt_small/dicom/rtdose{variant}{count}.dcm"
        for variant in ("", "_expb", "_rle")
        for count in ("", "_1frame")
    ),
]
PLANS = [
    "dicompyler_dose_struct_plan/dicom/rtplan.dcm",
    "pydicom_rt_small/dicom/rtplan.dcm",
    "pydicom_rt_small/dicom/rtplan_truncated.dcm",
    "rtplan_monaco_nometa/dicom/06MV_plan.dcm",
]


@pytest.fixture
def rt(shared_data: Path) -> Path:
    return shared_data / "rt"


def expected(rt: Path, file: str, what: str) -> Any:
    folder, _, inside = file.partition("/")
    return json.loads((rt / folder / "expected_rt.json").read_text())["files"][inside][what]


def only(location: Path | str, adaptor: str, **options: Any) -> Any:
    """The one object of an adaptor at a location."""
    with dl.open() as session:
        session.index(location)
        (loadable,) = [one for one in session.examine() if one.adaptor == adaptor]
        return session.load(loadable, **options)


@pytest.mark.parametrize("lazy", [False, True], ids=["eager", "lazy"])
@pytest.mark.parametrize("file", DOSES)
def test_doses_have_the_computed_values(file: str, lazy: bool, rt: Path) -> None:
    wanted = expected(rt, file, "rtdose")
    volume = only(rt / file, "rt-dose", lazy=lazy)
    array = np.asarray(volume, dtype=np.float64)
    assert list(array.shape) == wanted["frames_rows_cols"]
    assert array.max() == pytest.approx(wanted["max"], rel=1e-12)
    assert array.mean() == pytest.approx(wanted["mean"], rel=1e-12)
    assert array.sum() == pytest.approx(wanted["sum"], rel=1e-12)
    k, j, i = map(int, np.unravel_index(array.argmax(), array.shape))
    assert [k, j, i] == wanted["max_index_frame_row_col"]
    place = (volume.geometry.ijk_to_lps @ [i, j, k, 1])[:3]
    assert np.allclose(place, wanted["max_position_lps_mm"], atol=1e-3)
    told = volume.metadata["dose"]
    assert (told["units"], told["type"], told["summation_type"]) == (
        wanted["units"],
        wanted["type"],
        wanted["summation"],
    )
    assert volume.unit == {"GY": "Gy", "RELATIVE": "1"}[wanted["units"]]


def test_the_grid_is_that_of_dicompyler(rt: Path) -> None:
    folder = rt / "dicompyler_dose_struct_plan"
    wanted = json.loads((folder / "expected.json").read_text())
    volume = only(folder / "dicom" / "rtdose.dcm", "rt-dose")
    assert list(volume.geometry.size_ijk) == wanted["dose_grid_shape_xyz"]
    assert np.allclose(volume.geometry.spacing_mm, wanted["dose_grid_spacing_mm"])


@pytest.mark.parametrize("count", ["", "_1frame"])
def test_one_dose_in_three_syntaxes_is_one_dose(count: str, rt: Path) -> None:
    little, big, packed = (
        np.asarray(only(rt / f"pydicom_rt_small/dicom/rtdose{variant}{count}.dcm", "rt-dose"))
        for variant in ("", "_expb", "_rle")
    )
    assert np.array_equal(little, big)
    assert np.array_equal(little, packed)


def _beams(plan: Any) -> Iterator[dict[str, Any]]:
    for beam in plan.beams:
        first = beam.control_points[0]
        yield {
            "number": beam.number,
            "name": beam.name,
            "type": beam.type,
            "radiation": beam.radiation,
            "control_points": len(beam.control_points),
            "isocenter": None if first.isocentre_lps_mm is None else list(first.isocentre_lps_mm),
            "gantry": first.gantry_angle,
            "couch": first.couch_angle,
            "energy": first.energy,
        }


@pytest.mark.parametrize("file", PLANS)
def test_plans_have_the_computed_values(file: str, rt: Path) -> None:
    wanted = expected(rt, file, "rtplan")
    plan = only(rt / file, "rt-plan")
    assert plan.label == wanted["label"]
    beams = [{**beam, **{key: float(beam[key]) for key in ("gantry", "couch", "energy")}} for beam in wanted["beams"]]
    for beam in beams:
        if len(beam["isocenter"]) != 3:  # a file that ends inside of it
            beam["isocenter"] = None
    assert list(_beams(plan)) == beams
    groups = [(int(one["fractions"]), int(one["beams"])) for one in wanted["fraction_groups"]]
    assert [(group.fractions, len(group.beams)) for group in plan.fraction_groups] == groups
    references = [(one["type"], float(one["target"]) if one["target"] else None) for one in wanted["dose_references"]]
    assert [(one.type, one.prescription_gy) for one in plan.dose_references] == references


def test_monaco_has_one_isocentre_and_energy(rt: Path) -> None:
    plan = only(rt / "rtplan_monaco_nometa" / "dicom", "rt-plan")
    assert plan.isocentres_lps_mm == ((0, -200, 0),)
    assert {point.energy for beam in plan.beams for point in beam.control_points} == {6}
    assert all(beam.is_static for beam in plan.beams)
    assert [(one.dose_gy, one.source) for one in plan.prescriptions] == [(2, "dose reference 1 (SITE)")]


def test_dicompyler_prescribes_fourteen_gray_in_seven_fractions(rt: Path) -> None:
    plan = only(rt / "dicompyler_dose_struct_plan" / "dicom", "rt-plan")
    assert [one.dose_gy for one in plan.prescriptions] == [14]
    assert [group.fractions for group in plan.fraction_groups] == [7]
    assert all(beam.type == "DYNAMIC" for beam in plan.beams)


def test_what_belongs_together_is_connected(rt: Path) -> None:
    with dl.open() as session:
        session.index(rt / "dicompyler_dose_struct_plan" / "dicom")
        loadables = {one.adaptor: one for one in session.examine()}
        series = {adaptor: one.series_uids[0] for adaptor, one in loadables.items()}
        dose, plan = loadables["rt-dose"], loadables["rt-plan"]
        assert dose.name == "14: RTDOSE: RT Dose: B1"
        assert dose.references[0].series_uid == series["rt-plan"]
        assert [ref.series_uid for ref in plan.references] == [series["rt-structure-set"]]
        assert {one.adaptor for one in session.related(plan)} >= {"rt-dose", "rt-structure-set"}


@pytest.mark.parametrize(
    ("server", "folder"),
    [
        ("dicomweb_server", "dicompyler_dose_struct_plan"),
        ("orthanc", "dicompyler_dose_struct_plan"),
        ("orthanc", "rtplan_monaco_nometa"),
    ],
)
def test_servers_give_what_the_files_give(server: str, folder: str, rt: Path, request: pytest.FixtureRequest) -> None:
    start: Callable[..., Any] = request.getfixturevalue(server)
    source = start(rt / folder / "dicom")
    wanted, found = _objects(rt / folder / "dicom"), _objects(source.url)
    assert wanted.keys() == found.keys()
    assert "rt-plan" in found
    for adaptor, one in wanted.items():
        other = found[adaptor]
        if adaptor == "rt-dose":
            assert np.array_equal(np.asarray(one), np.asarray(other))
            assert np.allclose(one.geometry.ijk_to_lps, other.geometry.ijk_to_lps, atol=1e-9)
            assert one.metadata["dose"] == other.metadata["dose"]
        else:
            assert _rounded(one.as_dict()) == _rounded(other.as_dict())


def _objects(location: Path | str) -> dict[str, Any]:
    with dl.open() as session:
        session.index(location)
        wanted = [one for one in session.examine() if one.adaptor in ("rt-dose", "rt-plan")]
        return {one.adaptor: session.load(one) for one in wanted}


def _rounded(value: Any) -> Any:
    """Old Orthancs send decimal strings as numbers of 14 digits."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list) else value


def test_every_beam_of_a_real_plan_opens_on_its_target(rt: Path) -> None:
    """Where the dose is high, all four beams are open: this holds for the right frames only."""
    objects = _objects(rt / "dicompyler_dose_struct_plan" / "dicom")
    dose, plan = objects["rt-dose"], objects["rt-plan"]
    k, j, i = np.nonzero(np.asarray(dose) > 0.95 * plan.prescriptions[0].dose_gy)
    points = np.stack([i, j, k, np.ones_like(i)], axis=1) @ dose.geometry.ijk_to_lps.T
    assert len(points) > 4000
    for beam in plan.beams:
        assert _share_seen(beam, points) > 0.995
        mirrored = replace(beam, patient_position={"HFS": "HFP"}[beam.patient_position])
        assert _share_seen(mirrored, points) < 0.8


def _share_seen(beam: Any, points: Any) -> float:
    """Share of points (n, 4) that some control point of the beam opens on, with 3 mm of penumbra."""
    frame = collimator_to_patient(beam.control_points[0], beam.patient_position)
    x, y, z, _ = np.linalg.inv(frame) @ points.T
    at_isocentre = np.stack([x, y], axis=1) * (beam.sad_mm / (beam.sad_mm - z))[:, None]
    seen = np.zeros(len(points), dtype=bool)
    for point in beam.control_points:
        for outline in aperture_outlines(beam, point):
            # Counter-clockwise outlines grow by a positive radius.
            seen |= Outline(outline, closed=False).contains_points(at_isocentre, radius=3)
    return float(seen.mean())


def test_dicompyler_reads_the_same_dose_and_plan(rt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = rt / "dicompyler_dose_struct_plan" / "dicom"
    objects = _objects(folder)
    dose, plan = objects["rt-dose"], objects["rt-plan"]
    monkeypatch.setattr(pydicom.dicomio, "read_file", pydicom.dcmread, raising=False)  # its name before pydicom 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dicompyler uses names that pydicom has deprecated
        from dicompylercore.dicomparser import DicomParser

        doses, plans = (DicomParser(str(folder / name)) for name in ("rtdose.dcm", "rtplan.dcm"))
        columns, rows = doses.GetDoseData()["lut"]
        heights = [-122.4407, -26.4407, -24.9407, 31.6]  # two planes, the middle between two, and 1 mm off one
        theirs = [doses.GetDoseGrid(z) * float(doses.ds.DoseGridScaling) for z in heights]
        prescription = plans.GetPlan()["rxdose"]
        beams = plans.GetReferencedBeamsInFraction(0)
    x, y = np.meshgrid(columns, rows)
    for z, wanted in zip(heights, theirs):
        points = np.stack([x.ravel(), y.ravel(), np.full(x.size, z)], axis=1)
        values, inside = dl.sample_points(dose, points)
        assert inside.all()
        assert np.abs(values - wanted.ravel()).max() < 2e-5  # it rounds what it interpolates to stored integers
    assert [one.dose_gy * 100 for one in plan.prescriptions] == [prescription]
    (group,) = plan.fraction_groups
    assert [beam.name for beam in plan.beams] == [beams[beam.number]["name"] for beam in plan.beams]
    for part in group.beams:
        assert part.dose_gy * group.fractions * 100 == pytest.approx(float(beams[part.beam_number]["dose"]))
