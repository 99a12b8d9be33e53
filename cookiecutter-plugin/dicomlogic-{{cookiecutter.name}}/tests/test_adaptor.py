"""What the adaptor makes of a phantom whose every value is known, found by its entry point as a user would."""

from __future__ import annotations

from pathlib import Path

import dicomlogic_core as dl
import numpy as np
import pytest
from dicomlogic_core.testing import phantoms
from pydicom import Dataset

NAME = "{{ cookiecutter.name }}"


def as_thermometry(number: int, slice_: Dataset) -> None:
    """Turn a slice of the CT phantom into one of the made-up scanner: 0.1 degrees per stored unit, 20 at 0."""
    slice_.Modality = "MR"
    slice_.SOPClassUID = slice_.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    del slice_.RescaleSlope, slice_.RescaleIntercept, slice_.RescaleType
    block = slice_.private_block(0x0021, "ACME THERMOMETRY", create=True)
    block.add_new(0x01, "DS", "0.1")
    block.add_new(0x02, "DS", "20")


def offered(session: dl.Session) -> list[dl.Loadable]:
    return [loadable for loadable in session.examine(all=True) if loadable.adaptor == NAME]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    phantoms.write_ct(tmp_path / "data", change=as_thermometry, shuffle_seed=1)
    return tmp_path / "data"


def test_temperatures_are_in_degrees_celsius_at_their_places(data: Path) -> None:
    with dl.open() as session:
        session.index(data)
        (loadable,) = offered(session)
        volume = session.load(loadable)
    # Slice k holds k, the marked pixel 1000; k ascends to the head.
    assert volume.unit == "Cel"
    assert volume.array.shape == (20, phantoms.ROWS, phantoms.COLUMNS)
    assert volume.array[:, 0, 0] == pytest.approx(20 + 0.1 * np.arange(20), abs=1e-5)
    assert volume.array[(7, *phantoms.MARK)] == pytest.approx(120)
    assert volume.geometry.spacing_mm == pytest.approx((0.7, 0.8, 2.0))
    assert volume.geometry.origin_lps_mm == (-10.0, -20.0, 0.0)


def test_series_of_other_scanners_are_left_to_others(tmp_path: Path) -> None:
    phantoms.write_ct(tmp_path / "data")
    with dl.open() as session:
        session.index(tmp_path / "data")
        assert offered(session) == []


def test_a_stack_that_lost_a_slice_is_not_offered_as_if_it_were_whole(data: Path) -> None:
    sorted(data.glob("*.dcm"))[10].unlink()
    with dl.open() as session:
        session.index(data)
        assert offered(session) == []
