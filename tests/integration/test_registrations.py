"""Registrations from servers are those of the files, also where vectors are kept apart from the header."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomlogic_core as dl
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.phantom_plan import item
from dicomlogic_core.testing.phantom_registration import (
    deformable,
    deformable_item,
    fiducials,
    registration_item,
    spatial,
)

GRID = dl.Geometry(size_ijk=(9, 8, 7), ijk_to_lps=np.diag([2.0, 3.0, 4.0, 1.0]))
VECTORS = np.random.default_rng(3).normal(0, 5, (7, 8, 9, 3)).astype(np.float32)
POINTS = np.random.default_rng(4).uniform(0, 15, (20, 3))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("registrations")
    matrix = np.array([[0, -1, 0, 5.5], [1, 0, 0, -6.25], [0, 0, 1, 7], [0, 0, 0, 1]])
    marks = item(
        FrameOfReferenceUID="1.2.1",
        FiducialSequence=[item(FiducialIdentifier="F1", ShapeType="POINT", ContourData=[1.5, -2.25, 3])],
    )
    datasets = [
        spatial(registration_item([matrix], "1.2.1")),
        deformable(deformable_item(VECTORS, GRID, before=matrix)),
        fiducials(marks),
    ]
    phantoms.write(made, datasets, shuffle_seed=2)
    return made


def read(location: Any) -> dict[str, tuple[Any, Any]]:
    """Name -> JSON of the object, and where it sends points."""
    found = {}
    with dl.open() as session:
        session.index(location)
        for one in session.examine():
            made = session.load(one)
            moved = {"7: REG: LABEL1": ("1.2.1",), "7: deformable REG": ()}.get(one.name)
            places = None if moved is None else made.transform_points(POINTS, *moved).tolist()
            found[one.name] = json.dumps(made.as_dict(), sort_keys=True), places
    return found


def test_the_loopback_server_gives_what_files_give(folder: Path, dicomweb_server: Callable[..., Any]) -> None:
    expected = read(folder)
    assert len(expected) == 3
    assert max(map(abs, np.ravel(expected["7: deformable REG"][1]) - np.ravel(POINTS))) > 1
    for switches in ({}, {"bulk_threshold": 0}, {"bulk_threshold": 1 << 30}):
        assert read(dicomweb_server(folder, **switches).url) == expected


def test_orthanc_gives_what_files_give(folder: Path, orthanc: Callable[..., Any]) -> None:
    assert read(orthanc(folder).url) == read(folder)
