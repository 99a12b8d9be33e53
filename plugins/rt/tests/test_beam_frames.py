"""Frames of beams against closed forms, and outlines of apertures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dicomlogic_core as dl
from dicomlogic_core.testing.phantom_rt import ORIENTATIONS
from dicomlogic_rt.apertures import aperture_lps_mm, aperture_outlines
from dicomlogic_rt.beam_frames import (
    beam_frames,
    collimator_to_patient,
    fixed_to_patient,
    gantry_to_patient,
    source_lps_mm,
    table_to_patient,
)
from dicomlogic_rt.beams import Beam, ControlPoint, LimitingDevice, Opening
from dicomlogic_rt.ion import IonHead

ISOCENTRE = (10.0, -20.0, 30.0)
# Where the source is for gantry angles of 0, 90, 180 and 270 degrees: A(nterior), P, L, R by patient position.
SOURCES = {
    "HFS": "ALPR",
    "HFP": "PRAL",
    "FFS": "ARPL",
    "FFP": "PLAR",
    "HFDL": "RALP",
    "HFDR": "LPRA",
    "FFDL": "RPLA",
    "FFDR": "LARP",
}
DIRECTIONS = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0)}
angles = st.floats(-360, 360)


def at(**values: Any) -> ControlPoint:
    chosen: dict[str, Any] = {"gantry_angle": 0, "collimator_angle": 0, "couch_angle": 0, "isocentre_lps_mm": ISOCENTRE}
    return ControlPoint(**(chosen | values))


def rotation(axis: str, degrees: float) -> Any:
    """(4, 4), written out as in textbooks."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array(
        {
            "x": [[1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1]],
            "y": [[c, 0, s, 0], [0, 1, 0, 0], [-s, 0, c, 0], [0, 0, 0, 1]],
            "z": [[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
        }[axis]
    )


@pytest.mark.parametrize("position", SOURCES)
def test_the_source_goes_round_the_patient(position: str) -> None:
    for angle, letter in zip((0, 90, 180, 270), SOURCES[position]):
        beam = Beam(sad_mm=1000, patient_position=position)
        place = source_lps_mm(beam, at(gantry_angle=angle))
        assert place.tolist() == (np.array(ISOCENTRE) + 1000 * np.array(DIRECTIONS[letter])).tolist()


@pytest.mark.parametrize("position", SOURCES)
def test_the_table_lies_as_images_of_that_position(position: str) -> None:
    """A scanner's rows run along x of the table and its columns downwards."""
    axes = table_to_patient(position)
    cosines = np.array(ORIENTATIONS[position], dtype=float)
    assert np.array_equal(axes[:, 0], cosines[:3])
    assert np.array_equal(axes[:, 2], -cosines[3:])
    assert np.linalg.det(axes) == 1


def test_head_first_supine_is_the_chain_of_slicer() -> None:
    """Fixed to RAS = T(isocentre) RotX(-90) RotZ(180)."""
    to_ras = np.diag([-1.0, -1, 1, 1])
    isocentre = np.eye(4)
    isocentre[:3, 3] = (to_ras @ [*ISOCENTRE, 1])[:3]
    expected = isocentre @ rotation("x", -90) @ rotation("z", 180)
    assert np.allclose(to_ras @ fixed_to_patient(at(), "HFS"), expected)


@given(angles, angles, angles)
def test_the_collimator_is_turned_in_the_gantry_and_the_table_below(
    gantry: float, collimator: float, couch: float
) -> None:
    point = at(gantry_angle=gantry, collimator_angle=collimator, couch_angle=couch)
    chain = rotation("z", -couch) @ rotation("y", gantry) @ rotation("z", collimator)
    still = fixed_to_patient(at(), "HFS")
    assert np.allclose(collimator_to_patient(point, "HFS"), still @ chain, atol=1e-9)


@given(angles, angles, angles, angles)
def test_table_rotations_are_undone_in_order(couch: float, eccentric: float, pitch: float, roll: float) -> None:
    point = at(couch_angle=couch, eccentric_angle=eccentric, table_pitch_angle=pitch, table_roll_angle=roll)
    table = rotation("z", couch) @ rotation("z", eccentric) @ rotation("x", pitch) @ rotation("y", roll)
    expected = fixed_to_patient(at(), "FFP") @ np.linalg.inv(table)
    assert np.allclose(fixed_to_patient(point, "FFP"), expected, atol=1e-9)


def test_a_turned_couch_turns_the_patient() -> None:
    """Seen from above the couch turns counter-clockwise: what comes from the side then comes from the head or feet."""
    beam = Beam(sad_mm=1000, patient_position="HFS")
    place = source_lps_mm(beam, at(gantry_angle=90, couch_angle=90))
    assert (place - ISOCENTRE).tolist() == [0, 0, -1000]


@pytest.mark.parametrize("left_out", ["gantry_angle", "collimator_angle", "couch_angle", "isocentre_lps_mm"])
def test_nothing_is_put_in_place_of_what_is_missing(left_out: str) -> None:
    point = at(**{left_out: None})
    with pytest.raises(dl.GeometryError, match="the plan does not give"):
        collimator_to_patient(point, "HFS")
    assert beam_frames(Beam(patient_position="HFS", control_points=(point, at())))[0] is None
    assert beam_frames(Beam(patient_position="HFS", control_points=(point, at())))[1] is not None


def test_unknown_positions_have_no_frame() -> None:
    for position in ("", "SITTING"):
        with pytest.raises(dl.GeometryError, match="gives no direction"):
            fixed_to_patient(at(), position)


@pytest.mark.parametrize(
    ("gantry", "source"),
    [(0, (0, -0.8, -0.6)), (90, (0.8, 0, -0.6)), (180, (0, 0.8, -0.6)), (270, (-0.8, 0, -0.6))],
)
def test_a_pitched_gantry_leans_about_its_own_x(gantry: float, source: tuple[float, ...]) -> None:
    """Clockwise as seen from the isocentre along x of the gantry: up goes away from the gantry, to the feet (HFS)."""
    pitch = math.degrees(math.atan2(0.6, 0.8))
    point = at(gantry_angle=gantry, gantry_pitch_angle=pitch, couch_angle=0.0)
    frame = gantry_to_patient(point, "HFS")
    assert np.allclose(frame[:3, 2], source, atol=1e-12)
    level = gantry_to_patient(at(gantry_angle=gantry, couch_angle=0.0), "HFS")
    assert np.allclose(frame[:3, 0], level[:3, 0], atol=1e-12), "x stays where it was"


def test_two_virtual_sources_are_no_point() -> None:
    beam = Beam(patient_position="HFS", ion=IonHead(virtual_sad_mm=(2000, 2500)))
    with pytest.raises(dl.GeometryError, match="one source-axis distance"):
        source_lps_mm(beam, at())
    same = Beam(patient_position="HFS", ion=IonHead(virtual_sad_mm=(2000, 2000)))
    assert source_lps_mm(same, at()).tolist() == [10, -2020, 30]


def opened(devices: tuple[LimitingDevice, ...], **openings: tuple[tuple[float, ...], tuple[float, ...]]) -> Any:
    beam = Beam(patient_position="HFS", devices=devices)
    made = tuple(Opening(type=type, first=first, second=second) for type, (first, second) in openings.items())
    return beam, at(openings=made)


def area(outline: Any) -> float:
    """Signed, positive for counter-clockwise outlines."""
    x, y = outline.T
    return float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2)


def test_jaws_open_a_rectangle() -> None:
    beam, point = opened((), ASYMX=((-30,), (40,)), Y=((-50,), (50,)))
    (outline,) = aperture_outlines(beam, point)
    assert sorted(map(tuple, outline.tolist())) == [(-30, -50), (-30, 50), (40, -50), (40, 50)]
    assert area(outline) == 7000


def test_leaves_are_clipped_by_jaws() -> None:
    leaves = LimitingDevice(type="MLCX", pairs=3, boundaries_mm=(-30, -10, 10, 30))
    beam, point = opened((leaves,), ASYMX=((-25,), (25,)), ASYMY=((-20,), (30,)), MLCX=((-40, -20, -10), (5, 30, 15)))
    (outline,) = aperture_outlines(beam, point)
    assert area(outline) == 10 * 30 + 20 * 45 + 20 * 25
    assert outline.min(axis=0).tolist() == [-25, -20]
    assert outline.max(axis=0).tolist() == [25, 30]


def test_shut_pairs_part_the_outline() -> None:
    leaves = LimitingDevice(type="MLCX", pairs=3, boundaries_mm=(-30, -10, 10, 30))
    beam, point = opened((leaves,), MLCX=((-40, 0, -10), (5, 0, 15)))
    assert [area(outline) for outline in aperture_outlines(beam, point)] == [900, 500]
    shut = opened((leaves,), MLCX=((0, 0, 0), (0, 0, 0)))
    assert aperture_outlines(*shut) == []


def test_pairs_that_do_not_overlap_are_apart() -> None:
    leaves = LimitingDevice(type="MLCX", pairs=2, boundaries_mm=(-10, 0, 10))
    beam, point = opened((leaves,), MLCX=((-20, 5), (0, 20)))
    assert [area(outline) for outline in aperture_outlines(beam, point)] == [200, 150]


def test_leaves_along_y_are_the_same_turned() -> None:
    places = ((-40.0, -20, -10), (5.0, 30, 15))
    along_x = opened((LimitingDevice(type="MLCX", boundaries_mm=(-30, -10, 10, 30)),), MLCX=places)
    along_y = opened((LimitingDevice(type="MLCY", boundaries_mm=(-30, -10, 10, 30)),), MLCY=places)
    (first,), (second,) = aperture_outlines(*along_x), aperture_outlines(*along_y)
    assert {tuple(corner) for corner in first.tolist()} == {(x, y) for y, x in second.tolist()}
    assert area(first) == area(second) > 0


def test_layers_are_intersected() -> None:
    """Leaves of two layers, half a leaf apart."""
    layers = (
        LimitingDevice(type="MLCX1", boundaries_mm=(-10, 0, 10)),
        LimitingDevice(type="MLCX2", boundaries_mm=(-15, -5, 5, 15)),
    )
    beam, point = opened(layers, MLCX1=((-7, -7), (3, 9)), MLCX2=((-9, -2, -9), (9, 9, 9)))
    (outline,) = aperture_outlines(beam, point)
    assert area(outline) == 5 * 10 + 5 * 5 + 5 * 11 + 5 * 16


places = st.integers(-40, 40)


@given(
    st.lists(st.tuples(places, places), min_size=1, max_size=12), st.tuples(places, places), st.tuples(places, places)
)
def test_outlines_hold_what_is_open(
    pairs: list[tuple[int, int]], jaws_x: tuple[int, int], jaws_y: tuple[int, int]
) -> None:
    """The area of all outlines is that of all openings; every outline is counter-clockwise."""
    first, second = zip(*map(sorted, pairs))
    boundaries = tuple(range(-5 * len(pairs), 5 * len(pairs) + 1, 10))
    (left, right), (low, high) = sorted(jaws_x), sorted(jaws_y)
    beam, point = opened(
        (LimitingDevice(type="MLCX", boundaries_mm=boundaries),),
        MLCX=(first, second),
        ASYMX=((left,), (right,)),
        ASYMY=((low,), (high,)),
    )
    expected = sum(
        max(0, min(b, right) - max(a, left)) * max(0, min(edge + 10, high) - max(edge, low))
        for (a, b), edge in zip(map(sorted, pairs), boundaries)
    )
    areas = [area(outline) for outline in aperture_outlines(beam, point)]
    assert sum(areas) == pytest.approx(expected)
    assert all(one > 0 for one in areas)


def test_an_aperture_lies_in_the_plane_of_the_isocentre() -> None:
    beam, point = opened((), X=((-30,), (40,)), Y=((-50,), (60,)))
    (outline,) = aperture_lps_mm(beam, point)
    # Gantry and collimator at 0, head first supine: x is left, y is head.
    assert outline.min(axis=0).tolist() == [-20, -20, -20]
    assert outline.max(axis=0).tolist() == [50, -20, 90]


@pytest.mark.parametrize(
    ("beam", "point"),
    [
        opened((), X=((-30,), (40,))),
        opened((LimitingDevice(type="MLCX", boundaries_mm=(0, 1)),)),
        opened((LimitingDevice(type="MLCX", boundaries_mm=(0, 1)),), MLCX=((0, 0), (1, 1))),
        opened((LimitingDevice(type="MLCX"), LimitingDevice(type="MLCY")), MLCX=((0,), (1,)), MLCY=((0,), (1,))),
    ],
    ids=["one jaw", "no positions", "no boundaries", "crossed"],
)
def test_apertures_are_not_guessed(beam: Beam, point: ControlPoint) -> None:
    with pytest.raises(dl.GeometryError):
        aperture_outlines(beam, point)
