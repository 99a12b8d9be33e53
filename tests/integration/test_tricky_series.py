"""The thirteen series that other readers stretch, scramble, shorten or refuse: right here, or refused with the reason.

Each is written shuffled, read from files and from a DICOMweb server, and compared with numbers worked out from how it
was made. The rows are those of `phantoms.TRICKY`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

import dicomlogic_core as dl
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.phantom_objects import uid

AXIAL = np.diag([0.7, 0.8, 2.0, 1.0]) + np.array([[0, 0, 0, -10], [0, 0, 0, -20], [0, 0, 0, 0], [0, 0, 0, 0.0]])


def with_(matrix: np.ndarray, column: int, values) -> np.ndarray:
    changed = matrix.copy()
    changed[:3, column] = values
    return changed


COSINE, SINE = math.cos(math.radians(15)), math.sin(math.radians(15))
TILTED = with_(AXIAL, 1, [0, 0.8 * COSINE, -0.8 * SINE])
AT_38 = with_(AXIAL, 3, [-10, -20, 38])
CORONAL = np.array([[1.5, 0, 0, -10], [0, 0, 2.0, 0], [0, -1.5, 0, 60], [0, 0, 0, 1]])


@dataclass(frozen=True)
class Expected:
    """One selected volume: stored value of each k (None: filled), grid, codes of its findings."""

    values: list[float | None]
    matrix: np.ndarray = field(default_factory=lambda: AXIAL)
    codes: tuple[str, ...] = ()
    slope: list[float] | None = None
    intercept: float = -1024.0


UP = [float(k) for k in range(20)]
VOLUMES: Mapping[int, list[Expected]] = {
    1: [Expected(UP)],
    2: [Expected(UP[::-1])],
    3: [Expected([0.0], codes=("geometry.single-slice",))],
    4: [Expected([None if k == 9 else k for k in UP], codes=("geometry.gap",))],
    5: [Expected([20.0 if k == 9 else k for k in UP], codes=("geometry.duplicate",))],
    6: [
        Expected(UP, codes=("geometry.localizer",)),
        Expected([500.0], CORONAL, codes=("geometry.localizer", "geometry.single-slice")),
    ],
    7: [
        Expected(UP[:19], codes=("geometry.mixed-pixel-spacing",)),
        Expected(
            [19.0],
            with_(with_(AT_38, 0, [0.9, 0, 0]), 1, [0, 0.9, 0]),
            codes=("geometry.mixed-pixel-spacing", "geometry.single-slice"),
        ),
    ],
    8: [Expected(UP, TILTED, codes=("geometry.tilt",))],
    10: [
        Expected(UP[:19], codes=("geometry.mixed-frame-of-reference",)),
        Expected([19.0], AT_38, codes=("geometry.mixed-frame-of-reference", "geometry.single-slice")),
    ],
    13: [Expected(UP, codes=("pixels.rescale-varies",), slope=[1 + 0.1 * k for k in UP], intercept=0.0)],
}
REFUSED = {11: "geometry.missing-position", 12: "pixels.short"}


@pytest.fixture(params=["files", "DICOMweb"])
def indexed(
    request: pytest.FixtureRequest, tmp_path: Path, dicomweb_server: Callable
) -> Iterator[Callable[..., dl.Session]]:
    """``indexed(number, seed)`` gives a session that holds the series, from files or through a loopback server."""
    sessions = []

    def index(number: int, seed: int | None = 0) -> dl.Session:
        folder = tmp_path / f"{number}-{seed}"
        phantoms.tricky(number, folder, shuffle_seed=seed)
        session = dl.open()
        sessions.append(session)
        session.index(folder if request.param == "files" else dicomweb_server(folder).url)
        return session

    yield index
    for session in sessions:
        session.close()


def check(volume: dl.Volume, expected: Expected) -> None:
    assert volume.geometry.ijk_to_lps == pytest.approx(expected.matrix, abs=1e-9)
    assert volume.array.shape == (len(expected.values), 32, 24)
    assert {found.code for found in volume.findings} == set(expected.codes)
    assert volume.unit == "[hnsf'U]"
    assert volume.missing == tuple(k for k, value in enumerate(expected.values) if value is None)
    for k, value in enumerate(expected.values):
        assert (volume.provenance[k] is None) == (value is None)
        if value is None:
            continue
        slope = expected.slope[k] if expected.slope else 1.0
        wanted = np.full((32, 24), value * slope + expected.intercept)
        wanted[phantoms.MARK] = 1000 * slope + expected.intercept
        np.testing.assert_allclose(np.asarray(volume.array[k], dtype=float), wanted, rtol=1e-5)


@pytest.mark.parametrize("number", VOLUMES, ids=lambda number: phantoms.TRICKY[number])
def test_the_volumes_loaded_by_default(number, indexed):
    session = indexed(number)
    selected = session.examine()
    volumes = sorted((session.load(loadable) for loadable in selected), key=lambda volume: -len(volume.provenance))
    assert len(volumes) == len(VOLUMES[number])
    for volume, expected in zip(volumes, VOLUMES[number]):
        check(volume, expected)


def test_two_phases_are_one_sequence(indexed):
    """Row 9: told apart by AcquisitionNumber, which is the axis; neither phase is lost or mixed with the other."""
    session = indexed(9)
    (loadable,) = session.examine()
    assert (loadable.kind, loadable.confidence) == ("sequence", 1.0)
    sequence = session.load(loadable)
    (axis,) = sequence.axes
    assert (axis.name, axis.tag, axis.values) == ("AcquisitionNumber", "00200012", (1, 2))
    for volume, base in zip(sequence.volumes, (100, 200), strict=True):
        check(volume, Expected([base + k for k in UP]))


@pytest.mark.parametrize("number", REFUSED, ids=lambda number: phantoms.TRICKY[number])
def test_what_cannot_be_right_is_refused_with_its_reason(number, indexed):
    session = indexed(number)
    (loadable,) = session.examine()
    with pytest.raises(dl.DicomLogicError) as caught:
        session.load(loadable)
    assert caught.value.code == REFUSED[number]
    assert caught.value.remedy


@pytest.mark.parametrize("number", phantoms.TRICKY, ids=lambda number: phantoms.TRICKY[number])
def test_no_instance_disappears(number, indexed):
    """Every instance is claimed by what is loaded by default."""
    session = indexed(number)
    instances = {row["SOPInstanceUID"] for row in session.list("instance")}
    claimed = {frame.sop_uid for loadable in session.examine() for frame in loadable.frames}
    assert claimed == instances
    assert len(instances) == {3: 1, 4: 19, 5: 21, 6: 21, 9: 40}.get(number, 20)


@pytest.mark.parametrize("number", phantoms.TRICKY, ids=lambda number: phantoms.TRICKY[number])
def test_order_of_files_changes_nothing(number, indexed):
    def found(seed):
        loadables = [loadable.as_dict() for loadable in indexed(number, seed).examine(all=True)]
        return sorted(loadables, key=lambda loadable: loadable["id"])

    first = found(None)
    assert found(1) == first
    assert found(2) == first


def test_alternatives_of_a_missing_slice(indexed):
    session = indexed(4)
    found = {loadable.options["irregular"]: loadable for loadable in session.examine(all=True)}
    assert [mode for mode, loadable in found.items() if loadable.selected] == ["fill"]
    assert len({loadable.group for loadable in found.values()}) == 1
    (gap,) = found["fill"].findings
    assert gap.where == (uid("tricky 4", "instance", 8), uid("tricky 4", "instance", 10))
    assert "16" in gap.message and "20" in gap.message and "4 mm" in gap.message

    as_is = session.load(found["as-is"])
    assert as_is.array.shape[0] == 19
    assert any("1 mm from their places" in one.message for one in as_is.findings)
    positions = np.array(as_is.metadata["slice_positions_lps_mm"])
    assert positions[:, 2].tolist() == [2.0 * k for k in range(20) if k != 9]

    resampled = session.load(found["resample"])
    check_values = np.asarray(resampled.array)[:, 0, 0]
    assert check_values == pytest.approx(np.arange(20.0) - 1024)  # linear data is reproduced, also in the gap
    assert resampled.geometry.ijk_to_lps == pytest.approx(AXIAL)


def test_the_mode_can_be_asked_for(indexed):
    session = indexed(4)
    for mode, shapes in {"fill": [20], "as-is": [19], "resample": [20], "split": [9, 10]}.items():
        selected = session.examine(options={"irregular": mode})
        assert sorted(session.load(one).array.shape[0] for one in selected) == shapes
    (refused,) = session.examine(options={"irregular": "error"})
    with pytest.raises(dl.GeometryError) as caught:
        session.load(refused)
    assert caught.value.code == "geometry.gap"


def test_both_files_of_a_double_position_are_named(indexed):
    session = indexed(5)
    (loadable,) = session.examine()
    (found,) = session.load(loadable).findings
    assert set(found.where) == {uid("tricky 5", "instance", 9), uid("tricky 5", "instance", 20)}
    assert "differ" in found.message
    assert found.severity == "warning"


def test_without_positions_the_order_may_be_assumed_on_request(indexed):
    session = indexed(11)
    (loadable,) = session.examine()
    volume = session.load(loadable, options={"assume_stack": "true"})
    assert np.asarray(volume.array)[:, 0, 0].tolist() == [k - 1024 for k in range(20)]
    assert "geometry.missing-position" in {found.code for found in volume.findings}


def test_a_short_file_is_filled_only_on_request_and_says_so(indexed):
    session = indexed(12)
    (loadable,) = session.examine()
    volume = session.load(loadable, options={"short": "zero"})
    assert "pixels.short" in {found.code for found in volume.findings}
    assert volume.array.shape[0] == 20
