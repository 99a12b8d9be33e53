"""Volumes as they are loaded: grid, values, unit, metadata, findings. Through real files and a real session."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

import dicomlogic_core as dl
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.phantom_mosaic import mosaic
from dicomlogic_core.testing.phantom_objects import ENHANCED_MR, Slice, colour_slice, enhanced, save


def session_of(folder: Path) -> dl.Session:
    """A session of this plugin alone: another one may make more of a series, and would be preferred."""
    session = dl.open(manager=dl.PluginManager(environ={"DICOMLOGIC_PLUGINS": "scalar-volume"}))
    session.index(folder)
    return session


@pytest.fixture
def load(tmp_path: Path):
    """``load(slices, change, **options)`` writes CT slices and gives the selected volumes."""
    sessions = []

    def make(
        slices: list[Slice] | None = None, change: Callable[[int, Dataset], None] | None = None, **options: str
    ) -> list[dl.Volume]:
        phantoms.write_ct(tmp_path, slices, change=change, shuffle_seed=3)
        session = session_of(tmp_path)
        sessions.append(session)
        return [session.load(one, options=options) for one in session.examine(options=options)]

    yield make
    for session in sessions:
        session.close()


def codes(volume: dl.Volume) -> set[str]:
    return {found.code for found in volume.findings}


def test_every_slice_lies_on_its_own_position(load):
    rng = np.random.default_rng(5)
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    row, column = q[:, 0], q[:, 1]
    normal = np.cross(row, column)
    step = 2.5 * normal + 0.3 * column
    positions = [tuple(float(x) for x in np.round(step * k + [7, -3, 11], 9)) for k in range(12)]
    slices = [Slice(position=position, orientation=(*row, *column)) for position in positions]
    (volume,) = load(slices)
    assert np.linalg.det(volume.geometry.ijk_to_lps) > 0
    for k, position in enumerate(positions):
        assert (volume.geometry.ijk_to_lps @ [0, 0, k, 1])[:3] == pytest.approx(position, abs=1e-6)
        assert volume.array[k, 0, 0] == k - 1024


@pytest.mark.parametrize(
    ("values", "unit", "code"),
    [
        ({}, "[hnsf'U]", ""),
        ({"RescaleType": "US"}, "", "pixels.not-hu"),
        ({"RescaleType": None, "RescaleSlope": "2", "RescaleIntercept": "0"}, "", "pixels.not-hu"),
        ({"RescaleType": None}, "[hnsf'U]", ""),
    ],
)
def test_hounsfield_units_only_where_the_header_allows_them(load, values, unit, code):
    def change(_: int, dataset: Dataset) -> None:
        for keyword, value in values.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)

    (volume,) = load(phantoms.regular(3), change)
    assert volume.unit == unit
    assert (code in codes(volume)) is bool(code)


@pytest.mark.parametrize(
    ("units", "unit"), [("BQML", "Bq/ml"), ("GML", "g/ml"), ("CNTS", "{counts}"), ("OTHER", ""), (None, "")]
)
def test_units_of_pet(load, units, unit):
    def change(_: int, dataset: Dataset) -> None:
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.128"
        dataset.Modality = "PT"
        del dataset.RescaleType
        if units:
            dataset.Units = units

    (volume,) = load(phantoms.regular(3), change)
    assert volume.unit == unit


def test_metadata_of_a_volume(load):
    def change(number: int, dataset: Dataset) -> None:
        dataset.WindowCenter, dataset.WindowWidth = [40, 400 + number], [350, 1500]
        dataset.KVP = "120"

    (volume,) = load(None, change)
    assert volume.metadata["window"] == [[40, 350], [410, 1500]]  # of the middle slice
    assert volume.metadata["common"]["KVP"] == "120"
    assert volume.metadata["varying"]["InstanceNumber"] == [str(k + 1) for k in range(20)]
    assert "slice_positions_lps_mm" not in volume.metadata
    assert not [keyword for keyword in volume.metadata["common"] if dl.identifies_patient(keyword)]


def test_windows_of_unequal_number_are_left_out(load):
    def change(_: int, dataset: Dataset) -> None:
        dataset.WindowCenter, dataset.WindowWidth = [40, 400], 350

    (volume,) = load(phantoms.regular(3), change)
    assert volume.metadata["window"] == []


def test_equal_pixels_at_one_position_are_a_note(load):
    slices = [*phantoms.regular(), Slice(position=(-10.0, -20.0, 18.0), value=9)]
    (volume,) = load(slices)
    (found,) = volume.findings
    assert (found.code, found.severity) == ("geometry.duplicate", "note")
    assert "equal pixels" in found.message


def test_lazy_volumes_are_the_same_and_cost_one_frame(tmp_path):
    phantoms.tricky(4, tmp_path)
    with session_of(tmp_path) as session:
        (loadable,) = session.examine()
        eager, lazy = session.load(loadable), session.load(loadable, lazy=True)
        assert lazy.lazy
        assert (lazy.array[12] == eager.array[12]).all()
        assert lazy.array.held == 1
        assert (np.asarray(lazy) == eager.array).all()
        assert lazy.geometry.ijk_to_lps.tolist() == eager.geometry.ijk_to_lps.tolist()
        with pytest.raises(ValueError, match="read-only"):
            eager.array[0, 0, 0] = 1


def test_a_mode_that_does_not_fit_falls_back_to_the_loadables_own(load):
    slices = [Slice(position=(0, 0, z)) for z in (0.0, 2.0, 5.0, 6.0, 11.0, 12.4)]
    (volume,) = load(slices, irregular="fill")
    assert volume.array.shape[0] == 6
    assert volume.missing == ()
    assert "geometry.spacing-irregular" in codes(volume)
    assert [z for _, _, z in volume.metadata["slice_positions_lps_mm"]] == [0, 2, 5, 6, 11, 12.4]


def test_lazy_volumes_are_not_resampled(tmp_path):
    phantoms.tricky(4, tmp_path)
    with session_of(tmp_path) as session:
        (loadable,) = session.examine(options={"irregular": "resample"})
        with pytest.raises(dl.UsageError, match="resampled"):
            session.load(loadable, lazy=True)


def test_resampling_a_tilted_stack_of_two_steps_keeps_every_position(load):
    """As a real head CT: 4 and 7 mm, tilted; values linear in z come out right at the place of every new slice."""
    angle = math.radians(18.5)
    orientation = (1, 0, 0, 0, math.cos(angle), -math.sin(angle))
    z = [*(4.0 * k for k in range(8)), *(28.0 + 7 * k for k in range(1, 8))]
    slices = [Slice(position=(0.0, 0.0, one), orientation=orientation, value=round(10 * one)) for one in z]
    (volume,) = load(slices, irregular="resample")
    assert {"geometry.resampled", "geometry.tilt", "geometry.spacing-varies"} <= codes(volume)
    for k in range(volume.array.shape[0]):
        x, y, place, _ = volume.geometry.ijk_to_lps @ [0, 0, k, 1]
        assert (x, y) == pytest.approx((0, 0))
        assert volume.array[k, 0, 0] == pytest.approx(10 * place - 1024, abs=1e-3)
    assert volume.geometry.ijk_to_lps[2, 2] == pytest.approx(77 / round(77 / 4))


def test_resampling_never_mixes_padding_with_values(load):
    def change(number: int, dataset: Dataset) -> None:
        dataset.PixelPaddingValue = 2000
        if number == 0:
            dataset.PixelData = np.full((32, 24), 2000, dtype="<u2").tobytes()

    slices = [Slice(position=(0, 0, z), value=100) for z in (0.0, 2.0, 6.0, 8.0)]
    (volume,) = load(slices, change, irregular="resample")
    values = set(np.asarray(volume.array)[:, 0, 0].tolist())
    assert values == {2000 - 1024, 100 - 1024}


def test_rescale_of_an_enhanced_object_is_applied_frame_by_frame(tmp_path):
    """Frames in another order than the slices, slope and intercept differing: a reader that takes the first fails."""
    order = [3, 0, 4, 1, 2]
    slices = [Slice(position=(0, 0, 2.0 * k), value=100 + k) for k in order]
    rescale = [(1.0 + k, -10.0 * k) for k in order]
    save(enhanced(slices, name="enhanced", rescale=rescale), tmp_path / "one.dcm")
    with session_of(tmp_path) as session:
        (loadable,) = session.examine()
        volume = session.load(loadable)
    assert volume.array[:, 0, 0].tolist() == [(100 + k) * (1 + k) - 10 * k for k in range(5)]
    assert [ref.frame for ref in volume.provenance] == [order.index(k) + 1 for k in range(5)]
    assert "pixels.rescale-varies" in codes(volume)


def test_several_enhanced_objects_give_a_volume_each(tmp_path):
    for time in (1, 2, 3):
        slices = [Slice(position=(0, 0, 2.0 * k), value=100 * time + k) for k in range(4)]
        one = enhanced(slices, name="fmri", sop_class=ENHANCED_MR, modality="MR", temporal=[time] * 4, number=time)
        save(one, tmp_path / f"{time}.dcm")
    with session_of(tmp_path) as session:
        volumes = [session.load(one) for one in session.examine()]
    assert sorted(int(volume.array[0, 0, 0]) + 1024 for volume in volumes) == [100, 200, 300]
    assert all(volume.array.shape == (4, 32, 24) for volume in volumes)


@pytest.mark.parametrize(("against", "csa"), [(False, True), (True, True), (False, False)])
def test_a_mosaic_is_the_volume_of_its_tiles(tmp_path, against, csa):
    """Both directions of numbering, and no header that tells it: k ascends along row x column in the end."""
    angle = math.radians(20)
    first = Slice(position=(-30.0, 12.0, 40.0), orientation=(1, 0, 0, 0, math.cos(angle), math.sin(angle)))
    normal = np.array([0, -math.sin(angle), math.cos(angle)]) * (-1 if against else 1)
    values = [10, 20, 30, 40, 50]
    save(mosaic(first, values, name="mosaic", step_mm=3.5, against=against, csa=csa), tmp_path / "mosaic.dcm")
    with session_of(tmp_path) as session:
        (loadable,) = session.examine()
        volume = session.load(loadable)
    assert volume.array.shape == (5, 32, 24)
    for tile, value in enumerate(values):
        k = 4 - tile if against else tile
        assert volume.array[k, 0, 0] == value
        assert volume.array[k, 3, 5] == 1000
        place = (volume.geometry.ijk_to_lps @ [0, 0, k, 1])[:3]
        assert place == pytest.approx(np.array(first.position) + 3.5 * tile * normal, abs=1e-4)
        assert volume.provenance[k].region == tile + 1
    assert ("geometry.assumed-normal" in codes(volume)) is not csa


def test_colour_keeps_its_components(tmp_path):
    datasets = [colour_slice(k, one, name="colour") for k, one in enumerate(phantoms.regular(4))]
    phantoms.write(tmp_path, datasets, shuffle_seed=1)
    with session_of(tmp_path) as session:
        (loadable,) = session.examine()
        volume = session.load(loadable)
    assert volume.array.shape == (4, 32, 24, 3)
    assert volume.array.dtype == np.uint8
    assert volume.array[2, 0, 0].tolist() == [2, 4, 0]
    assert volume.array[2, 3, 5].tolist() == [2, 4, 255]


def test_four_dimensional_series_without_a_key_are_refused_with_a_way_on(load, tmp_path):
    slices = [*phantoms.regular(5), *phantoms.regular(5)]
    phantoms.write_ct(tmp_path / "four", slices)
    with session_of(tmp_path / "four") as session:
        (loadable,) = session.examine()
        assert loadable.confidence == 0.2
        # Their places are known: an order of their own would put them elsewhere.
        for options in ({}, {"assume_stack": "true"}):
            with pytest.raises(dl.GeometryError) as caught:
                session.load(loadable, options=options)
            assert caught.value.code == "series.four-dimensional"
            assert "dicomlogic-multi-volume" in caught.value.remedy


def test_patient_attributes_are_carried_and_written_only_when_asked_for(tmp_path):
    def name(_: int, dataset: Dataset) -> None:
        dataset.PatientName, dataset.AccessionNumber = "CANARY^Name", "CANARY1"

    phantoms.write_ct(tmp_path / "ct", change=name)
    with session_of(tmp_path / "ct") as session:
        (loadable,) = session.examine()
        for options, expected in (({}, False), ({"show_phi": "true"}, True)):
            volume = session.load(loadable, options=options)
            assert ("CANARY" in str(volume.metadata)) is expected
            (path,) = session.write(volume, tmp_path / "out", options=options)
            assert (b"PatientName:=CANARY^Name" in path.read_bytes()) is expected
            assert "CANARY" not in repr(volume) + volume._repr_html_()
