"""Positions of planes: order, gaps, tilt, drift. Expected numbers are worked out by hand or from the rule's text."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomlogic_core.planes import classify_planes, is_orientation
from dicomlogic_core.planes_gaps import classify_gaps, robust_step
from dicomlogic_core.stacks_checks import geometry_checks

AXIAL = np.array([1.0, 0, 0, 0, 1, 0])


def along(*gaps: float) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(gaps)])


def planes(positions: np.ndarray, orientation: np.ndarray = AXIAL):
    positions = np.asarray(positions, dtype=float)
    return classify_planes(positions, np.tile(orientation, (len(positions), 1)))


def axial(z) -> np.ndarray:
    z = np.asarray(z, dtype=float)
    return np.stack([np.full_like(z, -10), np.full_like(z, -20), z], axis=1)


# --- gaps ----------------------------------------------------


@pytest.mark.parametrize(
    ("gaps", "kind"),
    [
        ([2.0] * 19, "uniform"),
        ([2.4991, 2.4992] * 9, "uniform"),
        ([2.0, 2.009, 1.995], "uniform"),  # Slicer's 0.01 mm
        ([5.0, 5.025, 4.98] * 3, "rounding"),  # 0.5 %
        ([5.0, 5.15, 4.85] * 3, "irregular"),  # 3 %
        ([5.0, 5.0, 10.0], "missing"),
        ([2.0] * 8 + [4.0] + [2.0] * 10, "missing"),
        ([2.0] * 2 + [34.0] + [2.0], "missing"),
        ([4.0, 4.0, 2.0, 4.0], "missing"),  # more than half are gone: the smallest gap is the unit
        ([4.0] * 13 + [7.0] * 14, "piecewise"),
        ([4.002] * 13 + [1.081] + [6.999] * 13, "piecewise"),  # a real head CT
        ([1.0] * 5 + [2.7] * 5 + [4.1] * 5, "piecewise"),
        ([1.3, 3.7] * 5, "overlapping"),
        ([1.0, 2.3, 4.1, 1.7, 0.6], "irregular"),
        ([202.5, 1.25, 3.75], "irregular"),  # no stack with 160 holes
        ([0.02] * 9, "uniform"),
        ([0.02, 0.021] * 5, "irregular"),  # micro-CT: 0.01 mm would hide everything
    ],
)
def test_gap_classes(gaps, kind):
    assert classify_gaps(along(*gaps)).kind == kind


def test_every_hole_of_a_stack_is_listed():
    stored = [k for k in range(20) if k not in (3, 8, 9)]
    gaps = classify_gaps(np.array(stored) * 2.0)
    assert gaps.missing == (3, 8, 9)
    assert gaps.step_mm == pytest.approx(2.0)
    assert gaps.grid.tolist() == stored


@pytest.mark.parametrize("boundary", [[], [1.081]])
def test_runs_hold_every_plane_once(boundary):
    gaps = classify_gaps(along(*[4.0] * 13, *boundary, *[7.0] * (14 - len(boundary))))
    bounds = [(run.first, run.last) for run in gaps.runs]
    assert bounds == [(0, 13), (14, 27)]
    assert [run.step_mm for run in gaps.runs] == [4.0, 7.0]


def test_the_robust_step_survives_many_holes():
    gaps = np.array([2.0, 2.0, 10.0, 2.0, 6.0, 2.0, 34.0])
    assert robust_step(gaps) == pytest.approx(2.0)


@given(
    step=st.floats(0.2, 10),
    kept=st.lists(st.booleans(), min_size=4, max_size=60),
    start=st.floats(-500, 500),
)
@settings(max_examples=150, deadline=None)
def test_removing_slices_never_stretches_the_grid(step, kept, start):
    """Whatever is removed from a regular stack: each plane left lies on its true place of the grid that is found."""
    stored = [k for k, keep in enumerate(kept) if keep]
    gaps = np.diff(stored)
    if len(stored) < 2 or 1 not in gaps or gaps.sum() + 1 > 10 * len(stored):
        return
    found = classify_gaps(start + np.array(stored) * step - (start + stored[0] * step))
    assert found.kind in ("uniform", "missing")
    assert found.grid.tolist() == [k - stored[0] for k in stored]


# --- planes ----------------------------------------------------


def test_order_is_along_row_times_column_whatever_the_input_order():
    z = np.arange(20) * 2.0
    shuffled = np.random.default_rng(1).permutation(20)
    found = planes(axial(z[shuffled]))
    assert z[shuffled][found.order].tolist() == z.tolist()
    flipped = planes(axial(z), np.array([-1.0, 0, 0, 0, 1, 0]))  # normal points down
    assert z[flipped.order].tolist() == z[::-1].tolist()


@pytest.mark.parametrize("degrees", [15.0, -15.0])
def test_tilt_is_kept_as_shear(degrees):
    angle = math.radians(degrees)
    orientation = np.array([1.0, 0, 0, 0, math.cos(angle), -math.sin(angle)])
    found = planes(axial(np.arange(20) * 2.0), orientation)
    assert found.tilt_degrees == pytest.approx(15.0, abs=1e-9)
    assert found.gaps.step_mm == pytest.approx(2 * math.cos(angle))
    matrix = found.matrix((0.8, 0.7))
    assert matrix[:3, 2] == pytest.approx([0, 0, 2])
    assert found.offsets_mm(matrix).max() < 1e-9
    # Shift per slice along j, as the table of tricky series states it for 15 degrees.
    assert float(matrix[:3, 2] @ found.column) == pytest.approx(-math.sin(angle) * 2, abs=1e-5)


def test_a_gap_does_not_change_the_tilt():
    angle = math.radians(15)
    orientation = np.array([1.0, 0, 0, 0, math.cos(angle), -math.sin(angle)])
    z = np.delete(np.arange(20) * 2.0, 9)
    found = planes(axial(z), orientation)
    assert found.tilt_degrees == pytest.approx(15.0, abs=1e-9)
    assert found.gaps.missing == (9,)


@pytest.mark.parametrize(("shift", "reported"), [(0.05, True), (0.005, False)])
def test_drift_of_one_slice(shift, reported):
    positions = axial(np.arange(20) * 2.0)
    positions[7, 0] += shift
    found = planes(positions)
    assert bool((found.drift_mm > 0.01).any()) is reported
    assert int(found.drift_mm.argmax()) == 7


def test_doubles_are_counted_and_not_taken_for_gaps():
    z = np.concatenate([np.arange(20) * 2.0, [18.0, 18.004]])
    found = planes(axial(z))
    assert found.counts.tolist() == [3 if k == 9 else 1 for k in range(20)]
    assert found.multiplicity == 0
    assert found.gaps.kind == "uniform"
    assert planes(axial(np.repeat(np.arange(5) * 2.0, 3))).multiplicity == 3


def test_micro_ct_planes_stay_apart():
    found = planes(axial(np.arange(30) * 0.004))
    assert len(found.distances) == 30
    assert found.gaps.kind == "uniform"


@given(seed=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_matrix_puts_every_voxel_where_its_slice_is(seed):
    """Random orientation, tilt and order: corner voxels against IPP + row x spacing x i + column x spacing x j."""
    rng = np.random.default_rng(seed)
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    row, column = q[:, 0], q[:, 1]
    normal = np.cross(row, column)
    step = normal * rng.uniform(0.5, 6) + row * rng.uniform(-1, 1) + column * rng.uniform(-1, 1)
    count = int(rng.integers(2, 30))
    positions = rng.uniform(-300, 300, 3) + np.arange(count)[:, None] * step
    order = rng.permutation(count)
    found = planes(positions[order], np.concatenate([row, column]))
    matrix = found.matrix((0.8, 0.7))
    assert np.linalg.det(matrix) > 0
    for k, (i, j) in zip((0, count - 1), ((23, 31), (0, 31))):
        expected = positions[k] + row * 0.7 * i + column * 0.8 * j
        assert matrix @ [i, j, k, 1] == pytest.approx([*expected, 1], abs=1e-6)


def test_orientations_that_are_none():
    bad = np.array(
        [
            [0.0] * 6,
            [np.nan] * 6,
            [1, 0, 0, 1, 0, 0],
            [1, 0, 0, 0, 1.01, 0],
            [1, 0, 0, 0, 1, 0],
            [1, 0, 0, 0, 1, 5e-4],
        ]
    )
    assert is_orientation(bad).tolist() == [False, False, False, False, True, True]


# --- flags of the Imaging Data Commons ----------------------------------------------------


def checks(positions, orientation=AXIAL, spacing=(0.8, 0.7)):
    count = len(positions)
    return geometry_checks(
        positions, np.tile(orientation, (count, 1)), np.tile(spacing, (count, 1)), np.tile([32, 24], (count, 1))
    )


def test_idc_flags_of_a_regular_stack_are_all_true():
    found = checks(axial(np.arange(20) * 2.0))
    assert found.pop("obliquity_degrees") == 0
    assert all(found.values())


@pytest.mark.parametrize(
    ("positions", "orientation", "flag"),
    [
        (axial([0, 2, 4, 8]), AXIAL, "uniform_slice_spacing"),
        (axial([0, 2, 2, 4]), AXIAL, "unique_slice_positions"),
        (
            axial(np.arange(9) * 2.0),
            np.array([1.0, 0, 0, 0, math.cos(0.26), -math.sin(0.26)]),
            "consistent_in_plane_col",
        ),
    ],
)
def test_idc_flags_that_fail(positions, orientation, flag):
    found = checks(positions, orientation)
    assert found[flag] is False
    assert found["regularly_spaced_3d_volume"] is False


def test_idc_obliquity():
    angle = math.radians(20)
    found = checks(axial(np.arange(9)), np.array([1.0, 0, 0, 0, math.cos(angle), math.sin(angle)]))
    assert found["obliquity_degrees"] == pytest.approx(20)
