"""Volumes by convention against the sums and solids they stand for."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dicomlogic_core import UsageError
from dicomlogic_core.testing.phantom_dvh import known_dvhs
from dicomlogic_core.testing.phantom_rt import circle, placed, rectangle, turned
from dicomlogic_rt.rois import Contour, Roi
from dicomlogic_rt.volumes import volume_cc

CONVENTIONS = ("full", "half", "cone")
SOLIDS = {known.name: known for known in known_dvhs()}


def region(contours, geometric_type="CLOSED_PLANAR") -> Roi:
    made = tuple(Contour(points=points, geometric_type=geometric_type) for points in contours)
    return Roi(number=1, name="region", contours=made)


@pytest.mark.parametrize("end_cap", CONVENTIONS)
@pytest.mark.parametrize("spacing", [0.5, 2, 5])
@pytest.mark.parametrize("name", SOLIDS)
def test_closed_form_of_the_convention(name, spacing, end_cap):
    found = volume_cc(region(SOLIDS[name].contours(spacing, 0.4)), end_cap=end_cap)
    assert found.cc == pytest.approx(SOLIDS[name].convention_cc(spacing, 0.4, end_cap=end_cap), rel=1e-6)
    assert (found.end_cap, found.pieces) == (end_cap, 1)
    assert found.spacing_mm == pytest.approx(spacing)


@pytest.mark.parametrize("name", SOLIDS)
def test_true_volume_at_1_mm(name):
    # Planes in the middle of slices and whole slabs, so that flat ends lie where slabs end.
    assert SOLIDS[name].true_cc >= 10
    found = volume_cc(region(SOLIDS[name].contours(1, 0.5)), end_cap="full")
    assert found.cc == pytest.approx(SOLIDS[name].true_cc, rel=0.01)


@pytest.mark.parametrize("end_cap", CONVENTIONS)
@pytest.mark.parametrize("phase", [0.1, 0.5, 0.9])
def test_true_volume_of_a_round_end_under_every_convention(phase, end_cap):
    known = SOLIDS["sphere, Gaussian"]
    found = volume_cc(region(known.contours(1, phase)), end_cap=end_cap)
    assert found.cc == pytest.approx(known.true_cc, rel=0.01)


@pytest.mark.parametrize("end_cap", CONVENTIONS)
def test_orientation_does_not_matter(end_cap):
    contours = SOLIDS["cone, linear along z"].contours(3, 0.5)
    matrix = turned("x", 33, origin=(120, -80, 400)) @ turned("y", -50)
    upright, oblique = (volume_cc(region(one), end_cap=end_cap).cc for one in (contours, placed(contours, matrix)))
    assert oblique == pytest.approx(upright, rel=1e-9)


def test_three_planes_show_the_spread_of_the_conventions():
    # Areas 1 : 2 : 1 at 2.5 mm, as of a chiasm.
    areas = {
        end: volume_cc(region([circle(r, z) for r, z in ((5, 0), (50**0.5, 2.5), (5, 5))]), end_cap=end).cc
        for end in CONVENTIONS
    }
    slab = 2.5 * np.pi * 25 / 1000
    assert areas == pytest.approx({"full": 4 * slab, "half": 3 * slab, "cone": (3 + 1 / 3) * slab}, rel=1e-9)


def test_xor_nested_and_keyhole_agree():
    nested = SOLIDS["ring as nested contours, Gaussian"].contours(3, 0.5)
    as_keyhole = SOLIDS["ring as keyhole, Gaussian"].contours(3, 0.5)
    expected = volume_cc(region(nested)).cc
    assert volume_cc(region(nested[::-1], "CLOSEDPLANAR_XOR")).cc == pytest.approx(expected, rel=1e-12)
    assert volume_cc(region(as_keyhole)).cc == pytest.approx(expected, rel=1e-9)


def test_pieces_have_ends_of_their_own():
    heights = [0, 2, 4, 20, 22, 24]
    found = volume_cc(region([rectangle(10, 10, z) for z in heights]), end_cap="half")
    assert found.pieces == 2
    assert found.cc == pytest.approx(2 * 4 * 100 / 1000)


def test_a_lone_plane_counts_by_its_thickness_or_is_unknown():
    one = region([rectangle(10, 10, 0)])
    assert [volume_cc(one, end_cap=end, slab_mm=3).cc for end in CONVENTIONS] == pytest.approx([0.3, 0.15, 0.2])
    unknown = volume_cc(one)
    assert np.isnan(unknown.cc)
    assert unknown.as_dict()["cc"] is None
    assert [one.code for one in unknown.findings] == ["rt.plane-spacing"]
    json.dumps(unknown.as_dict(), allow_nan=False)


def test_no_contours_have_no_volume():
    found = volume_cc(Roi(number=1, name="nothing"))
    assert (found.cc, found.planes) == (0, 0)
    assert [one.code for one in found.findings] == ["rt.roi-empty"]


def test_unknown_conventions_are_refused():
    with pytest.raises(UsageError, match="round"):
        volume_cc(region([rectangle(1, 1, 0)]), end_cap="round")  # type: ignore[arg-type]
