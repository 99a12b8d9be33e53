"""The same study from files, from the loopback server and from a real Orthanc: same rows, same loadables, same voxels.

What cannot be equal is named in `ALLOWED`, with its reason; anything else that differs fails.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomlogic_core as dl
from dicomlogic_core.testing.comparison import Found, differences, plain, study_of

CASES = [
    "ct/ct_gantry_tilt",
    "ct/ct_irregular_increment",
    "mr_anatomical/ge_anatomical",
    "mr_anatomical/philips_anatomical_implicit",
    "mr_anatomical/non_isotropic",
    "mr_anatomical/rgb_volume",
    "mr_localizer/mr_two_orientations",
    "mr_enhanced/siemens_enh_multiframe",
    "mr_enhanced/hyperfine_enh",
    "mr_enhanced/philips_enh_fieldmap",
    "mr_mosaic/siemens_mosaic_ax_asc35",
    "mr_mosaic/siemens_mosaic_jp2k",
    "mr_dwi/uih_dti",
    "mr_asl/philips_asl_classic",
    "transfer_syntax/t1_compressed_j2k",
    "transfer_syntax/t1_compressed_jpeg",
    "transfer_syntax/t1_compressed_jpegls",
    "transfer_syntax/t1_compressed_rle",
    "seg_pm_sr/dcmqi",
]

# What may differ, and why. Each is looked for; one that no case needs any more fails.
REWRITTEN = "Orthanc before 1.12 sends decimal strings as numbers, rounded to 14 digits: the text is lost"
ARRIVAL = "a study's empty and absent fields come from the instance that arrives first, and Orthanc has its own order"
_needed: set[str] = set()


_FOUND: dict[tuple[str, str], Found] = {}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(case: str, shared_data: Path) -> Path:
    return shared_data / case / "dicom"


@pytest.fixture
def files(case: str, folder: Path, tmp_path: Path) -> Found:
    """What the files themselves give; read once for all tests."""
    if (case, "files") not in _FOUND:
        _FOUND[case, "files"] = study_of(folder, tmp_path / "files")
    return _FOUND[case, "files"]


@pytest.fixture(params=["loopback", "orthanc"])
def source(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def found(case: str, source: str, folder: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Found:
    """What a server over the same files gives; read once for all tests."""
    if (case, source) not in _FOUND:
        start: Callable[..., Any] = request.getfixturevalue("dicomweb_server" if source == "loopback" else "orthanc")
        _FOUND[case, source] = study_of(start(folder).url, tmp_path / "server")
    return _FOUND[case, source]


def _same_number(wanted: Any, found: Any) -> bool:
    """Texts of one decimal string value that differ by no more than rounding to 14 digits."""
    try:
        pairs = list(zip(wanted.split("\\"), found.split("\\"), strict=True))
        return all(a == b or abs(float(a) - float(b)) <= 1e-13 * max(1.0, abs(float(a))) for a, b in pairs)
    except (ValueError, AttributeError):
        return False


def _unexplained(source: str, wanted: Any, found: Any) -> list[Any]:
    """The differences that no exception covers."""
    left = []
    for where, a, b in differences(wanted, found):
        if source == "orthanc" and _same_number(a, b):
            _needed.add(REWRITTEN)
        elif source == "orthanc" and where[0] == "Studies" and {a, b} == {"", None}:
            _needed.add(ARRIVAL)
        else:
            left.append((where, a, b))
    return left


def test_database_rows_are_those_of_the_files(source: str, files: Found, found: Found) -> None:
    assert _unexplained(source, files.rows, found.rows) == []
    assert _unexplained(source, files.tags, found.tags) == []


def test_loadables_are_those_of_the_files(files: Found, found: Found) -> None:
    assert list(differences(files.loadables, found.loadables)) == []


def test_volumes_are_those_of_the_files(source: str, files: Found, found: Found) -> None:
    assert files.volumes.keys() == found.volumes.keys()
    for id, wanted in files.volumes.items():
        volumes = found.volumes[id]
        if isinstance(wanted, str) or isinstance(volumes, str):
            assert volumes == wanted
            continue
        assert len(volumes) == len(wanted)
        for one, other in zip(wanted, volumes):
            _same_volume(source, one, other)


def _same_volume(source: str, wanted: Any, found: Any) -> None:
    if not isinstance(wanted, dl.Volume):
        # Objects without voxels tell all that they are.
        assert _unexplained(source, plain(wanted.as_dict()), plain(found.as_dict())) == []
        return
    np.testing.assert_array_equal(np.asarray(found), np.asarray(wanted))
    assert np.asarray(found).dtype == np.asarray(wanted).dtype
    tolerance_mm = 1e-9 if source == "orthanc" else 0.0
    np.testing.assert_allclose(found.geometry.ijk_to_lps, wanted.geometry.ijk_to_lps, rtol=0, atol=tolerance_mm)
    assert found.provenance == wanted.provenance
    assert (found.unit, found.quantity, found.missing) == (wanted.unit, wanted.quantity, wanted.missing)
    assert _unexplained(source, plain(wanted.metadata), plain(found.metadata)) == []
    assert {finding.code for finding in found.findings} == {finding.code for finding in wanted.findings}


def test_every_exception_is_still_needed(orthanc: Callable[..., Any]) -> None:
    if len([key for key in _FOUND if key[1] == "orthanc"]) < len(CASES):
        pytest.skip("only told when every case has run")
    assert _needed == {REWRITTEN, ARRIVAL}
