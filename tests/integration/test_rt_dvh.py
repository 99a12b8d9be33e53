"""Volumes and histograms against two planning systems."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

import dicomlogic_core as dl
from dicomlogic_rt.dvh import dvh
from dicomlogic_rt.dvh_curves import DvhCurve, compare
from dicomlogic_rt.stored_dvhs import stored_dvhs
from dicomlogic_rt.structures import StructureSet
from dicomlogic_rt.volumes import volume_cc

# cc by whole slabs, half slabs at the ends, and those with cones: another program's sums over the same contours.
VOLUMES = {
    "BODY": (10697.2, 10589.8, 10625.6),
    "Bladder": (117.49, 116.53, 116.85),
    "Femoral Head Lt": (49.40, 49.13, 49.22),
    "Femoral Head RT": (50.34, 49.94, 50.08),
    "PTV": (49.18, 48.13, 48.48),
    "Rectum": (30.72, 29.92, 30.18),
}


def objects(folder: Path) -> tuple[StructureSet, dl.Volume]:
    """Structure set and dose of a case."""
    found: dict[str, Any] = {}
    with dl.open() as session:
        session.index(folder)
        for loadable in session.examine():
            if loadable.adaptor in ("rt-structure-set", "rt-dose"):
                found[loadable.adaptor] = session.load(loadable)
    return found["rt-structure-set"], found["rt-dose"]


@pytest.fixture(scope="module")
def eclipse(shared_data: Path) -> tuple[StructureSet, dl.Volume, dict[str, DvhCurve]]:
    case = shared_data / "rt" / "eclipse_prostate"
    table = json.loads((case / "ref" / "eclipse_dvh.json").read_text(encoding="utf-8"))["cumulative_dvh"]
    curves = {
        name: DvhCurve(doses=one["dose_gy"], volumes_cc=np.array(one["volume_percent"]) * one["volume_cc"] / 100)
        for name, one in table.items()
    }
    return (*objects(case / "dicom"), curves)


@pytest.mark.parametrize("name", VOLUMES)
def test_volumes_by_convention_and_as_eclipse(name: str, eclipse: Any) -> None:
    structures, _, curves = eclipse
    found = {end: volume_cc(structures[name], end_cap=end).cc for end in ("full", "half", "cone")}
    for cc, expected in zip(found.values(), VOLUMES[name]):
        assert cc == pytest.approx(expected, rel=3e-4)
    # Half slabs with a small cap are the planning system's way.
    assert found["cone"] == pytest.approx(curves[name].total_cc, rel=0.01)


@pytest.mark.parametrize("end_cap", ["half", "cone"])
@pytest.mark.parametrize("name", VOLUMES)
def test_histograms_as_eclipse(name: str, end_cap: Any, eclipse: Any) -> None:
    structures, dose, curves = eclipse
    found = dvh(structures[name], dose, end_cap=end_cap)
    comparison = compare(found.curve, curves[name])
    assert comparison.pass_percent == 100
    assert comparison.largest_volume_percent < 0.9
    for percent in (95, 50, 5):
        # Half the body receives next to nothing: there the curve is flat and D50 says little.
        assert found.d(percent) == pytest.approx(curves[name].d(percent), abs=0.2 if name == "BODY" else 0.1)
    assert not found.findings


@pytest.fixture(scope="module")
def dicompyler(shared_data: Path) -> tuple[StructureSet, dl.Volume, dict[int, DvhCurve], Any]:
    case = shared_data / "rt" / "dicompyler_dose_struct_plan"
    stored = {one.roi_numbers[0]: one for one in stored_dvhs(dcmread(case / "dicom" / "rtdose.dcm"))}
    expected = json.loads((case / "expected.json").read_text(encoding="utf-8"))
    return (*objects(case / "dicom"), {number: one.curve for number, one in stored.items()}, (stored, expected))


def test_stored_histograms_are_read(dicompyler: Any, shared_data: Path) -> None:
    _, _, _, (stored, expected) = dicompyler
    listed = json.loads(
        (shared_data / "rt" / "dicompyler_dose_struct_plan" / "expected_rt.json").read_text(encoding="utf-8")
    )["files"]["dicom/rtdose.dcm"]["rtdose"]["dvh_in_file"]
    assert len(stored) == len(listed)
    for one in listed:
        found = stored[one["roi"][0]]
        assert (found.stored_as, found.volume_unit) == (one["type"], "cm3")
        assert len(found.curve.doses) == one["bins"] + 1
        assert found.curve.total_cc == pytest.approx(one["first_volume"])
        assert found.mean == pytest.approx(one["mean"])
    assert stored[5].curve.total_cc == pytest.approx(expected["roi_5_dvh_in_rtdose"]["volume_cm3"])


def test_heart_as_its_planning_system(dicompyler: Any) -> None:
    structures, dose, curves, (stored, expected) = dicompyler
    found, reference = dvh(structures[5], dose, end_cap="cone"), curves[5]
    assert found.volume_cc == pytest.approx(437.46, rel=0.01)
    assert compare(found.curve, reference).pass_percent == 100
    # In Gy the mean is exact to 0.1 %; the stored one is in percent of 14 Gy.
    prescription = expected["roi_5_dvh_in_rtdose"]["rx_gy"]
    assert found.mean == pytest.approx(stored[5].mean * prescription / 100, rel=0.001)
    for percent in (95, 50, 5, 2):
        assert found.d(percent) == pytest.approx(reference.d(percent), abs=0.01 * reference.d(0))
    for dose_gy in (0.5, 1, 2, 2.5):
        assert found.v(dose_gy) == pytest.approx(reference.v(dose_gy), abs=1)


@pytest.mark.parametrize("number", [4, 6, 9, 10])
def test_other_regions_as_their_planning_system(number: int, dicompyler: Any) -> None:
    structures, dose, curves, _ = dicompyler
    found = dvh(structures[number], dose, end_cap="cone")
    assert found.volume_cc == pytest.approx(curves[number].total_cc, rel=0.01)
    assert compare(found.curve, curves[number]).pass_percent == 100
