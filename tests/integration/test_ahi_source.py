"""The same study from files and from AWS HealthImaging's fake: same rows, same loadables, same voxels."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomlogic_core as dl
from dicomlogic_ahi.testing import image_sets_from, serve
from dicomlogic_core.pixels import codecs
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.comparison import Found, differences, plain, study_of

CASES = [
    "ct/ct_gantry_tilt",
    "mr_anatomical/ge_anatomical",
    "mr_anatomical/philips_anatomical_implicit",
    "mr_anatomical/rgb_volume",
    "mr_localizer/mr_two_orientations",
    "mr_enhanced/siemens_enh_multiframe",
    "mr_enhanced/hyperfine_enh",
    "mr_enhanced/philips_enh_fieldmap",
    "mr_mosaic/siemens_mosaic_ax_asc35",
    "mr_mosaic/siemens_mosaic_jp2k",
    "mr_dwi/uih_dti",
    "transfer_syntax/t1_compressed_jpeg",
    "transfer_syntax/t1_compressed_rle",
    "seg_pm_sr/dcmqi",
]


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(case: str, shared_data: Path) -> Path:
    return shared_data / case / "dicom"


@pytest.fixture(params=["imagecodecs", "pydicom"])
def decoder(request: pytest.FixtureRequest) -> str:
    if request.param == "imagecodecs":
        pytest.importorskip("imagecodecs")
    return str(request.param)


def _from_service(folder: Path, database: Path, decoder: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Found, Any]:
    """What the service gives, decoded as where imagecodecs is installed, or is not."""
    with serve(image_sets_from(folder)) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        if decoder == "pydicom":
            monkeypatch.setattr(codecs, "imagecodecs", lambda: None)
        return study_of(f"ahi://{server.datastore}", database), server


def test_a_study_is_that_of_the_files(
    folder: Path, decoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = study_of(folder, tmp_path / "files")
    found, server = _from_service(folder, tmp_path / "service", decoder, monkeypatch)
    assert list(differences(wanted.rows, found.rows)) == []
    assert list(differences(wanted.tags, found.tags)) == []
    assert list(differences(wanted.loadables, found.loadables)) == []
    assert wanted.volumes.keys() == found.volumes.keys()
    for id, volumes in wanted.volumes.items():
        _same_volumes(volumes, found.volumes[id])
    assert all(request.status == 200 for request in server.log)


def _same_volumes(wanted: tuple[dl.Volume, ...] | str, found: tuple[dl.Volume, ...] | str) -> None:
    if isinstance(wanted, str) or isinstance(found, str):
        assert found == wanted
        return
    assert len(found) == len(wanted)
    for one, other in zip(wanted, found):
        _same_volume(one, other)


def _same_volume(wanted: Any, found: Any) -> None:
    if not isinstance(wanted, dl.Volume):
        # Objects without voxels tell all that they are.
        assert list(differences(plain(wanted.as_dict()), plain(found.as_dict()))) == []
        return
    np.testing.assert_array_equal(np.asarray(found), np.asarray(wanted))
    assert np.asarray(found).dtype == np.asarray(wanted).dtype
    np.testing.assert_array_equal(found.geometry.ijk_to_lps, wanted.geometry.ijk_to_lps)
    assert found.provenance == wanted.provenance
    assert (found.unit, found.quantity, found.missing) == (wanted.unit, wanted.quantity, wanted.missing)
    assert list(differences(plain(wanted.metadata), plain(found.metadata))) == []
    assert {finding.code for finding in found.findings} == {finding.code for finding in wanted.findings}


# --- what needs volumes ----------------------------------------------------------------------------------------------


@pytest.fixture
def ct(tmp_path: Path) -> Path:
    phantoms.write_ct(tmp_path / "ct", phantoms.regular(8))
    return tmp_path / "ct"


def test_native_frames_with_another_checksum_are_loaded_with_a_finding(
    ct: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = study_of(ct, tmp_path / "files")
    monkeypatch.setattr("dicomlogic_ahi.testing.frames.encoder", lambda storage: None)
    with serve(image_sets_from(ct), checksums=False) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        found = study_of(f"ahi://{server.datastore}", tmp_path / "service")
    ((volume,),) = found.volumes.values()
    ((expected,),) = wanted.volumes.values()
    assert isinstance(volume, dl.Volume) and isinstance(expected, dl.Volume)
    np.testing.assert_array_equal(np.asarray(volume), np.asarray(expected))
    assert "pixels.checksum" in {finding.code for finding in volume.findings}


def test_jobs_find_region_and_credentials_where_they_run(
    ct: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(image_sets_from(ct)) as server, dl.open(tmp_path / "db") as session:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        session.index(f"ahi://{server.datastore}")
        jobs = dl.make_jobs(session, session.examine(), tmp_path / "out")
        assert server.switches.secret_key.encode() not in pickle.dumps(jobs)
        (result,) = dl.run_jobs(pickle.loads(pickle.dumps(jobs)))
    assert result.error is None and len(result.paths) == 1
