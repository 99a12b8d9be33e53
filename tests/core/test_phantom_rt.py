"""Radiotherapy phantoms: contours and doses are where and what they say."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from dicomlogic_core.testing import phantom_rt
from dicomlogic_core.testing.phantom_dvh import known_dvhs
from dicomlogic_core.testing.phantom_objects import save


def polygon_area(points: np.ndarray) -> float:
    x, y = points[:, 0], points[:, 1]
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def test_a_circle_has_its_area():
    assert polygon_area(phantom_rt.circle(7, 1.0, points=12)) == pytest.approx(np.pi * 49, rel=1e-12)


def test_a_keyhole_leaves_the_inside_out():
    around = phantom_rt.keyhole(phantom_rt.circle(7, 0.0), phantom_rt.circle(3, 0.0))
    assert polygon_area(around) == pytest.approx(np.pi * (49 - 9), rel=1e-12)


def test_planes_lie_strictly_inside():
    assert phantom_rt.plane_positions(-3, 3, 2, phase=0.5).tolist() == [-2, 0, 2]
    assert phantom_rt.plane_positions(-3, 3, 3, phase=0).tolist() == [0]


@pytest.mark.parametrize("known", known_dvhs(), ids=lambda one: one.name)
def test_areas_are_those_of_the_contours(known):
    contours = known.contours(4, 0.3)
    z = np.unique([points[0, 2] for points in contours])
    areas = []
    for height in z:
        cut = sorted((abs(polygon_area(points)) for points in contours if points[0, 2] == height), reverse=True)
        areas.append(cut[0] - sum(cut[1:]))
    np.testing.assert_allclose(known.areas_mm2(z), areas, rtol=1e-9)


@pytest.mark.parametrize("known", known_dvhs(), ids=lambda one: one.name)
def test_shares_are_those_of_random_points(known):
    random = np.random.default_rng(1)
    reach = 20.0
    points = np.column_stack([*random.uniform(-reach, reach, (2, 400_000)), random.uniform(-30, 30, 400_000)])
    distance = np.hypot(points[:, 0], points[:, 1])
    outer = np.sqrt(known.areas_mm2(points[:, 2]).clip(0) / np.pi)
    hole = 10.0 if known.name.startswith("ring") else 0.0
    inside = (distance < np.hypot(outer, hole)) & (distance >= hole)
    inside &= (points[:, 2] > known.bottom_mm) & (points[:, 2] < known.top_mm)
    assert inside.mean() * (2 * reach) ** 2 * 60 / 1000 == pytest.approx(known.true_cc, rel=0.02)
    doses = known.dose(points[inside])
    levels = np.quantile(doses, [0.02, 0.3, 0.5, 0.9])
    np.testing.assert_allclose(known.share(levels), [0.98, 0.7, 0.5, 0.1], atol=0.01)


@pytest.mark.parametrize("position", phantom_rt.ORIENTATIONS)
def test_a_dose_has_its_values_where_it_says(position, tmp_path):
    made = phantom_rt.dose(
        lambda points: 10 + points @ np.array([0.1, 0.02, 0.3]),
        size_ijk=(5, 6, 7),
        spacing_mm=(2, 2.5, 3),
        centre=(4, -5, 6),
        orientation=phantom_rt.ORIENTATIONS[position],
    )
    read = pydicom.dcmread(save(made, tmp_path / "dose.dcm"))
    row, column = np.array(read.ImageOrientationPatient[:3]), np.array(read.ImageOrientationPatient[3:])
    place = np.array(read.ImagePositionPatient) + row * 2 * 4 + column * 2.5 * 1 + np.cross(row, column) * 3 * 5
    value = read.pixel_array[5, 1, 4] * float(read.DoseGridScaling)
    assert value == pytest.approx(10 + place @ np.array([0.1, 0.02, 0.3]), abs=1e-4)
    assert float(read.GridFrameOffsetVector[5]) == 15


def test_a_structure_set_holds_its_regions(tmp_path):
    contours = phantom_rt.sphere(10, 4)
    rois = [
        phantom_rt.RoiPhantom(name="ball", contours=contours, images=["1.2.3"]),
        phantom_rt.RoiPhantom(name="empty", colour=None),
    ]
    read = pydicom.dcmread(save(phantom_rt.structure_set(rois, images=["1.2.3"]), tmp_path / "structures.dcm"))
    assert [one.ROIName for one in read.StructureSetROISequence] == ["ball", "empty"]
    first, second = read.ROIContourSequence
    assert len(first.ContourSequence) == len(contours)
    np.testing.assert_allclose(
        np.array(first.ContourSequence[2].ContourData, float).reshape(-1, 3), contours[2], atol=1e-6
    )
    assert first.ContourSequence[0].ContourImageSequence[0].ReferencedSOPInstanceUID == "1.2.3"
    assert "ContourSequence" not in second
    assert "ROIDisplayColor" not in second
