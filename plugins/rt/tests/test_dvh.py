"""Histograms of solids in known doses, in every patient position, and at the edges of the dose."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from dicomlogic_core import Geometry, UsageError, Volume
from dicomlogic_core.testing.phantom_dvh import known_dvhs, linear
from dicomlogic_core.testing.phantom_rt import ORIENTATIONS, circle, cylinder, placed, sphere, turned
from dicomlogic_rt.dvh import dvh
from dicomlogic_rt.dvh_curves import DvhCurve, compare
from dicomlogic_rt.rois import Contour, Roi

SOLIDS = {known.name: known for known in known_dvhs(15)}


def region(contours) -> Roi:
    return Roi(number=7, name="region", contours=tuple(Contour(points=points) for points in contours))


def moved(contours, *shift: float) -> list[np.ndarray]:
    return [points + np.array(shift) for points in contours]


def dose(
    values: Callable[[np.ndarray], np.ndarray],
    *,
    reach: float = 32.0,
    step: float = 2.0,
    orientation: Sequence[float] = ORIENTATIONS["HFS"],
    centre: Sequence[float] = (0, 0, 0),
) -> Volume:
    size = int(2 * reach / step) + 1
    row, column = np.array(orientation[:3], float), np.array(orientation[3:], float)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([row, column, np.cross(row, column)], axis=1) * step
    matrix[:3, 3] = np.array(centre) - matrix[:3, :3].sum(axis=1) * (size - 1) / 2
    k, j, i = np.indices((size, size, size))
    points = np.stack([i, j, k], axis=-1) @ matrix[:3, :3].T + matrix[:3, 3]
    return Volume(array=values(points), geometry=Geometry(size_ijk=(size,) * 3, ijk_to_lps=matrix), unit="Gy")


def expected(known, maximum: float) -> DvhCurve:
    doses = np.linspace(0, maximum * 1.05, 4000)
    return DvhCurve(doses=doses, volumes_cc=known.share(doses) * known.true_cc)


@pytest.mark.parametrize("name", SOLIDS)
def test_histogram_of_a_solid(name):
    known = SOLIDS[name]
    assert known.true_cc >= 10
    found = dvh(region(known.contours(1, 0.5)), dose(known.dose))
    wanted = expected(known, found.maximum)
    assert compare(found.curve, wanted).pass_percent == 100
    for percent in (95, 50, 5):
        # A flat end of a cylinder or cone lies up to a millimetre, or half a Gray, beyond the last plane.
        assert found.d(percent) == pytest.approx(wanted.d(percent), abs=0.006 * found.maximum)
    assert found.volume_cc == pytest.approx(known.convention_cc(1, 0.5, end_cap="half"), rel=1e-9)
    assert found.curve.total_cc == pytest.approx(found.volume_cc, rel=1e-6)
    assert found.movement_percent <= 0.1
    assert not found.findings


def test_sphere_in_a_linear_gradient_within_a_thousandth():
    known = SOLIDS["sphere, linear along x"]
    found = dvh(region(known.contours(1, 0.5)), dose(known.dose))
    wanted = expected(known, found.maximum)
    for percent in (95, 50, 5):
        assert found.d(percent) == pytest.approx(wanted.d(percent), abs=0.001 * found.maximum)
    assert found.mean == pytest.approx(40, abs=0.01)
    assert (found.minimum, found.maximum) == pytest.approx((32.5, 47.5), abs=0.02)


@pytest.mark.parametrize("end_cap", ["half", "full", "cone"])
@pytest.mark.parametrize("spacing", [1, 3, 5])
def test_ends_count_by_the_convention(spacing, end_cap):
    # A cylinder along the gradient: whatever lies beyond the last planes shows in the extremes.
    contours = cylinder(10, 50, spacing)
    first, last = contours[0][0, 2], contours[-1][0, 2]
    found = dvh(region(contours), dose(linear(2)), end_cap=end_cap)
    cap = {"half": 0, "full": spacing / 2, "cone": spacing / 6}[end_cap]
    area = np.pi * 100
    assert found.volume_cc == pytest.approx(area * (last - first + 2 * cap) / 1000, rel=1e-6)
    assert found.curve.total_cc == pytest.approx(found.volume_cc, rel=1e-6)
    assert found.mean == pytest.approx(40 + (first + last) / 4, abs=0.02)
    if end_cap != "cone":
        assert found.d(0.0) == pytest.approx(40 + (last + cap) / 2, abs=0.02)
        assert (found.minimum, found.maximum) == pytest.approx(
            (40 + (first - cap) / 2, 40 + (last + cap) / 2), abs=0.01
        )
        assert found.d(50) == pytest.approx(40 + (first + last) / 4, abs=0.02)


@pytest.mark.parametrize("position", ORIENTATIONS)
def test_patient_positions(position):
    known = SOLIDS["sphere, linear along z"]
    found = dvh(region(known.contours(2, 0.5)), dose(known.dose, orientation=ORIENTATIONS[position]))
    wanted = dvh(region(known.contours(2, 0.5)), dose(known.dose))
    assert compare(found.curve, wanted.curve).largest < 0.05
    assert found.d(95) < found.d(50) < found.d(5)
    assert found.d(5) == pytest.approx(wanted.d(5), abs=0.02)


@pytest.mark.parametrize("name", ["sphere, Gaussian", "cone, linear along z", "ring as keyhole, Gaussian"])
def test_oblique_contours_in_an_upright_dose(name):
    known = SOLIDS[name]
    matrix = turned("x", 35, origin=(60, -20, 15)) @ turned("y", -25)
    back = np.linalg.inv(matrix)
    tilted = dose(lambda points: known.dose(points @ back[:3, :3].T + back[:3, 3]), centre=(60, -20, 15))
    found = dvh(region(placed(known.contours(1, 0.5), matrix)), tilted)
    assert compare(found.curve, expected(known, found.maximum)).pass_percent == 100
    assert found.volume_cc == pytest.approx(known.convention_cc(1, 0.5, end_cap="half"), rel=1e-6)


def test_a_part_outside_the_dose_is_told_and_not_counted():
    contours = moved(sphere(12, 1), 38, 0, 0)
    half = dvh(region(contours), dose(linear(0), reach=37))
    assert [one.code for one in half.findings] == ["rt.dvh-outside-grid"]
    # Voxels reach half a step beyond their centres: the dose ends at 38 mm, the middle of the sphere.
    assert half.outside_cc == pytest.approx(half.volume_cc / 2, rel=0.02)
    assert half.curve.total_cc + half.outside_cc == pytest.approx(half.volume_cc, rel=1e-6)
    assert half.minimum >= 40 + 26 / 2 - 0.01
    assert "50" in half.findings[0].message


def test_wholly_outside_the_dose():
    found = dvh(region(moved(sphere(12, 2), 500, 0, 0)), dose(linear(0)))
    assert [one.code for one in found.findings] == ["rt.dvh-outside-grid"]
    assert found.outside_cc == pytest.approx(found.volume_cc)
    assert np.isnan([found.minimum, found.mean, found.maximum, found.d(50)]).all()
    json.dumps(found.as_dict(), allow_nan=False)


def test_constant_dose():
    found = dvh(region(sphere(10, 2)), dose(lambda points: np.full(points.shape[:-1], 20.0)))
    assert (found.minimum, found.mean, found.maximum) == pytest.approx((20, 20, 20))
    assert (found.v(19.9), found.v(20.1)) == (pytest.approx(100), 0)
    assert found.d(50) == pytest.approx(20, abs=0.01)


@pytest.mark.parametrize("radius", [1.5, 3.0])
def test_small_regions_keep_their_doses(radius):
    # Less than a voxel of the dose across.
    contours = moved(sphere(radius, 1), 0.7, 0.4, 0.3)
    found = dvh(region(contours), dose(linear(0), step=4))
    middle = 40 + 0.7 / 2
    assert found.d(50) == pytest.approx(middle, abs=0.01)
    assert found.d(97) > 40 + (0.7 - radius) / 2
    assert found.d_cc(found.volume_cc / 2) == pytest.approx(middle, abs=0.01)
    assert np.isnan(found.d_cc(2))


def test_a_lone_plane_has_a_histogram():
    found = dvh(region([circle(10, 1.0)]), dose(linear(2)))
    assert found.volume_cc == pytest.approx(np.pi * 100 * 1.0 / 1000, rel=1e-6)
    assert found.d(50) == pytest.approx(40.5, abs=0.01)


def test_no_contours_no_histogram():
    found = dvh(Roi(number=3, name="nothing"), dose(linear(0)))
    assert (found.volume_cc, found.samples) == (0, 0)
    assert [one.code for one in found.findings] == ["rt.roi-empty"]
    json.dumps(found.as_dict(), allow_nan=False)


def test_negative_doses_and_bad_options_are_refused():
    ball = region(sphere(5, 2))
    with pytest.raises(UsageError, match="negative"):
        dvh(ball, dose(lambda points: points[..., 0]))
    with pytest.raises(UsageError, match="end_cap"):
        dvh(ball, dose(linear(0)), end_cap="round")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="bin_width"):
        dvh(ball, dose(linear(0)), bin_width_gy=0)
    with pytest.raises(UsageError, match="bin_width"):
        dvh(ball, dose(linear(0)), bin_width_gy=1e-9)
    for value in (np.nan, np.inf):
        with pytest.raises(UsageError, match="no values, or infinite"):
            dvh(ball, dose(lambda points, value=value: np.full(points.shape[:-1], value)))


def test_relative_doses_are_resolved():
    ball = region(sphere(10, 1))
    relative = dose(lambda points: linear(0)(points) / 40)
    found = dvh(ball, relative)
    assert found.d(50) == pytest.approx(1, abs=0.001)
    assert found.d(5) == pytest.approx(dvh(ball, dose(linear(0))).d(5) / 40, abs=0.001)


def test_doses_of_any_scale_make_no_more_bins_than_can_be_held():
    ball = region(sphere(10, 1))
    found = dvh(ball, dose(lambda points: linear(0)(points) * 1e6))
    assert found.d(50) == pytest.approx(40e6, rel=1e-3)
    assert len(found.curve.doses) <= 100_002


def test_a_dose_of_another_frame_of_reference_is_told():
    ball = replace(region(sphere(10, 2)), frame_of_reference_uid="1.2.3")
    same, other = (replace(dose(linear(0)), frame_of_reference_uid=uid) for uid in ("1.2.3", "1.2.4"))
    assert not dvh(ball, same).findings
    assert [one.code for one in dvh(ball, other).findings] == ["rt.multiple-frames-of-reference"]


def test_what_goes_into_json():
    found = dvh(region(sphere(10, 2)), dose(linear(0)), bin_width_gy=0.5).as_dict()
    json.dumps(found, allow_nan=False)
    assert found["end_cap"] == "half"
    assert found["unit"] == "Gy"
    assert found["doses"][1] == pytest.approx(0.5)
    assert found["volumes_cc"][0] == pytest.approx(found["volume_cc"], rel=1e-6)
    assert found["d_percent"]["50"] == pytest.approx(40, abs=0.05)
