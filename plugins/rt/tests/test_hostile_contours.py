"""Contours as no program should write them: masks, volumes and histograms stay finite, quick, and within the grid."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomlogic_core import Geometry, Volume
from dicomlogic_core.testing.phantom_rt import rectangle
from dicomlogic_rt.dvh import dvh
from dicomlogic_rt.rasterise import rasterise
from dicomlogic_rt.rois import Contour, Roi
from dicomlogic_rt.volumes import volume_cc

GRID = Geometry(size_ijk=(20, 18, 9), ijk_to_lps=np.diag([2.0, 2.0, 3.0, 1.0]))
DOSE = Volume(array=np.indices((9, 18, 20)).sum(axis=0).astype(np.float32), geometry=GRID, unit="Gy")

numbers = st.one_of(
    st.floats(-50, 50),
    st.sampled_from([0.0, 1.0, 3.0, 6.0, 1e6, -1e9, float("nan"), float("inf"), 1e-300]),
)
kinds = st.sampled_from(["CLOSED_PLANAR", "CLOSEDPLANAR_XOR", "OPEN_PLANAR", "POINT", "nonsense"])
contours = st.builds(
    lambda points, kind, level: Contour(
        points=np.array([(x, y, z if level is None else level) for x, y, z in points]).reshape(-1, 3),
        geometric_type=kind,
    ),
    st.lists(st.tuples(numbers, numbers, numbers), max_size=7),
    kinds,
    st.one_of(st.none(), st.sampled_from([0.0, 3.0, 6.0, 9.0])),
)


@given(st.lists(contours, max_size=6))
@settings(max_examples=60, deadline=None)
def test_nothing_breaks(made):
    roi = Roi(number=1, name="hostile", contours=tuple(made))
    mask = rasterise(roi, GRID)
    assert mask.array.shape == (9, 18, 20)
    for end_cap in ("half", "full", "cone"):
        volume = volume_cc(roi, end_cap=end_cap, slab_mm=3)
        assert np.isfinite(volume.cc)
        assert volume.cc >= 0
        json.dumps(volume.as_dict(), allow_nan=False)
    # A coarse histogram: what is tried is that nothing fails, not how exact it is.
    found = dvh(roi, DOSE, bin_width_gy=1, settle_percent=100)
    json.dumps(found.as_dict(), allow_nan=False)
    assert found.curve.total_cc + found.outside_cc == pytest.approx(found.volume_cc, rel=1e-6, abs=1e-9)


def test_a_stray_point_a_kilometre_away_costs_no_memory():
    stray = rectangle(10, 10, 6, centre=(15, 15))
    stray[2] = (1e6, 1e6, 6)
    contours = [rectangle(10, 10, z, centre=(15, 15)) for z in (0.0, 3.0, 9.0)]
    roi = Roi(number=1, name="stray", contours=tuple(Contour(points=one) for one in [*contours, stray]))
    assert {one.code for one in rasterise(roi, GRID).findings} == {"rt.contour-outside"}
    found = dvh(roi, DOSE)
    assert found.outside_cc > 0
    assert "rt.dvh-outside-grid" in {one.code for one in found.findings}


def test_a_scribble_has_about_the_area_of_its_pixels():
    random = np.random.default_rng(3)
    points = np.column_stack([random.uniform(4, 34, (900, 2)), np.full(900, 6.0)])
    roi = Roi(number=1, name="scribble", contours=(Contour(points=points),))
    fine = Geometry(size_ijk=(720, 720, 1), ijk_to_lps=np.diag([0.05, 0.05, 1.0, 1.0]) + _shift(0, 0, 6))
    pixels = int(rasterise(roi, fine).array.sum()) * 0.05**2
    assert volume_cc(roi, end_cap="full", slab_mm=1).cc * 1000 == pytest.approx(pixels, rel=0.02)


def _shift(x: float, y: float, z: float) -> np.ndarray:
    matrix = np.zeros((4, 4))
    matrix[:3, 3] = x, y, z
    return matrix
