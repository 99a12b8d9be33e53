"""Structure sets from files, the loopback server, a real Orthanc and AWS HealthImaging's fake: the same contours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

import dicomlogic_core as dl
from dicomlogic_ahi.testing import image_sets_from, serve
from dicomlogic_core.testing import phantom_rt, phantoms
from dicomlogic_core.testing.comparison import differences
from dicomlogic_rt.rois import Contour

# pydicom says so of what the data has, when the phantom is written and when the fakes read the files.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The value for the data element:UserWarning"),
    pytest.mark.filterwarnings("ignore:Invalid value for VR UI:UserWarning"),
]

REAL = (
    "rt/dicompyler_dose_struct_plan",
    "rt/eclipse_prostate",
    "rt/pydicom_rt_small",
    "rt/rt_utils_phantom",
    "rt_pet_ct_mr/sts_003",
)

HEADLESS = "this structure set has no file meta information, without which our fakes do not serve it"


def long_contour() -> list[Dataset]:
    """A contour beyond the 64 KiB that an explicit length of a decimal string can tell."""
    roi = phantom_rt.RoiPhantom(name="long", contours=[phantom_rt.circle(80, 0, points=5000)])
    return [phantom_rt.structure_set([roi, phantom_rt.RoiPhantom(name="empty")])]


@pytest.fixture(params=[*REAL, "long contour"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param in REAL:
        data: Path = request.getfixturevalue("shared_data")
        return data / request.param / "dicom"
    phantoms.write(tmp_path / "phantom", long_contour())
    return tmp_path / "phantom"


@contextmanager
def _health_imaging(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with serve(image_sets_from(folder)) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield f"ahi://{server.datastore}"


def structures_at(location: str | Path) -> dict[str, Any]:
    """Identifier of every structure set -> what it is, and its masks on its images."""
    found: dict[str, Any] = {}
    with dl.open() as session:
        session.index(location)
        for loadable in session.examine(options={"structures": "segmentation"}):
            if loadable.adaptor == "rt-structure-set" and loadable.options["grid_series"]:
                found[f"mask {loadable.frames}"] = np.asarray(session.load(loadable).layers)
        for loadable in session.examine():
            if loadable.adaptor == "rt-structure-set":
                structures = session.load(loadable)
                points = [contour.points for roi in structures for contour in roi.contours]
                found[f"points {loadable.id}"] = np.concatenate([np.empty((0, 3)), *points])
                bare = [replace(roi, contours=tuple(map(_bare, roi.contours))) for roi in structures]
                found[f"structures {loadable.id}"] = replace(structures, rois=tuple(bare)).as_dict()
                found[f"loadable {loadable.id}"] = loadable.as_dict()
    assert any(key.startswith("loadable") for key in found)
    return found


def check(folder: Path, location: str) -> None:
    """The location must give what the folder gives."""
    wanted, found = structures_at(folder), structures_at(location)
    assert wanted.keys() == found.keys()
    for key, value in wanted.items():
        if isinstance(value, np.ndarray):
            # Orthanc before 1.12 keeps 14 digits of a decimal string.
            assert value.shape == found[key].shape and np.allclose(value, found[key], rtol=1e-13, atol=1e-9), key
        else:
            assert list(differences(value, found[key])) == []


def _bare(contour: Contour) -> Contour:
    return replace(contour, points=contour.points[:0])


@pytest.mark.parametrize("server", ["loopback", "orthanc"])
def test_servers_give_the_contours_of_the_files(server: str, folder: Path, request: pytest.FixtureRequest) -> None:
    if server == "loopback" and folder.match("pydicom_rt_small/*"):
        pytest.skip(HEADLESS)
    start: Callable[..., Any] = request.getfixturevalue("dicomweb_server" if server == "loopback" else "orthanc")
    check(folder, start(folder).url)


def test_health_imaging_gives_the_contours_of_the_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if folder.match("pydicom_rt_small/*"):
        pytest.skip(HEADLESS)
    with _health_imaging(folder, monkeypatch) as location:
        check(folder, location)
