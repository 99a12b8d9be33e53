"""Files that the writer makes, read by NumPy alone; the writer is found by its entry point as a user would."""

from __future__ import annotations

import json
from pathlib import Path

import dicomlogic_core as dl
import numpy as np
import pytest

NAME = "{{ cookiecutter.name }}"


@pytest.fixture
def volume() -> dl.Volume:
    """An oblique grid of 2 x 3 x 4 voxels, its middle slice missing."""
    matrix = np.array([[0.6, -0.8, 0, -10], [0.8, 0.6, 0, -20], [0, 0, 2, 5], [0, 0, 0, 1]], dtype=np.float64)
    return dl.Volume(
        array=np.arange(24, dtype=np.int16).reshape(2, 3, 4),
        geometry=dl.Geometry(size_ijk=(4, 3, 2), ijk_to_lps=matrix),
        unit="[hnsf'U]",
        missing=(1,),
        name="ct",
    )


@pytest.mark.parametrize("compress", ["true", "false"])
def test_voxels_and_places_come_back(volume: dl.Volume, compress: str, tmp_path: Path) -> None:
    with dl.open() as session:
        (path,) = session.write(volume, tmp_path, format=NAME, options={"compress": compress})
    assert path.suffix == ".npz"
    with np.load(path) as read:
        assert np.array_equal(read["array"], volume.array)
        assert read["array"].dtype == np.int16
        assert np.array_equal(read["ijk_to_lps"], volume.geometry.ijk_to_lps)
        description = json.loads(str(read["description"]))
    assert (description["unit"], description["missing"]) == ("[hnsf'U]", [1])


def test_the_same_volume_gives_the_same_bytes(volume: dl.Volume, tmp_path: Path) -> None:
    with dl.open() as session:
        paths = [session.write(volume, tmp_path / name, format=NAME)[0] for name in ("one", "two")]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_an_option_that_cannot_be_meant_is_refused(volume: dl.Volume, tmp_path: Path) -> None:
    with dl.open() as session, pytest.raises(dl.UsageError, match="compress=maybe"):
        session.write(volume, tmp_path, format=NAME, options={"compress": "maybe"})
    assert list(tmp_path.iterdir()) == []
