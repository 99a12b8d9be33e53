"""The same study from files and from AWS HealthImaging's fake: same rows, same loadables, same voxels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dicomlogic_ahi.testing import image_sets_from, serve
from dicomlogic_core.pixels import codecs
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
    for id, volume in wanted.volumes.items():
        _same_volume(volume, found.volumes[id])
    assert all(request.status == 200 for request in server.log)


def _same_volume(wanted: Any, found: Any) -> None:
    if isinstance(wanted, str):
        assert found == wanted
        return
    np.testing.assert_array_equal(np.asarray(found), np.asarray(wanted))
    assert np.asarray(found).dtype == np.asarray(wanted).dtype
    np.testing.assert_array_equal(found.geometry.ijk_to_lps, wanted.geometry.ijk_to_lps)
    assert found.provenance == wanted.provenance
    assert (found.unit, found.quantity, found.missing) == (wanted.unit, wanted.quantity, wanted.missing)
    assert list(differences(plain(wanted.metadata), plain(found.metadata))) == []
    assert {finding.code for finding in found.findings} == {finding.code for finding in wanted.findings}
