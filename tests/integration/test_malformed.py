"""Broken files: each behaves as the collection's `expected.json` says, and none costs a good neighbour anything."""

from __future__ import annotations

import json
import math
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import dicomlogic_core as dl

# What expected.json demands of each file, in terms of what this project shows:
#   skip   passed over as not DICOM, nothing indexed
#   fail   reported in `failed`, nothing indexed
#   index  an instance row exists; loading may give a volume or a typed refusal
#   volume an instance row exists and the volume equals what pydicom reads
#   refuse an instance row exists and no volume is made of it
#   any    whatever, without a crash, hang or large allocation
EXPECTED = {
    "empty.dcm": "skip",
    "only_preamble.dcm": "skip",
    "only_magic.dcm": "any",
    "text_named.dcm": "skip",
    "gzip_named.dcm": "skip",
    "truncated_header_10pct.dcm": "any",
    "truncated_mid_header.dcm": "any",
    "truncated_pixels.dcm": "refuse",
    "trailing_garbage.dcm": "volume",
    **{f"bitflip_header_{n}.dcm": "any" for n in range(6)},
    "missing_SOPInstanceUID.dcm": "fail",
    "missing_SeriesInstanceUID.dcm": "any",
    "missing_StudyInstanceUID.dcm": "fail",
    "missing_PatientID.dcm": "volume",
    "missing_Modality.dcm": "index",
    "missing_ImagePositionPatient.dcm": "refuse",
    "missing_ImageOrientationPatient.dcm": "refuse",
    "missing_PixelSpacing.dcm": "index",
    "missing_Rows.dcm": "refuse",
    "missing_BitsAllocated.dcm": "refuse",
    "missing_PixelData.dcm": "refuse",
    "ds_text.dcm": "index",
    "ds_huge.dcm": "refuse",
    "ds_comma.dcm": "index",
    "is_float.dcm": "index",
    "is_overflow.dcm": "index",
    "iop_zero.dcm": "refuse",
    "iop_5values.dcm": "refuse",
    "ipp_nan.dcm": "refuse",
    "spacing_zero.dcm": "index",
    "uid_letters.dcm": "index",
    "uid_long.dcm": "index",
    "uid_sql.dcm": "index",
    "name_nul_newline.dcm": "index",
    "charset_unknown.dcm": "index",
    "date_invalid.dcm": "index",
    "time_invalid.dcm": "index",
    "rows_zero.dcm": "refuse",
    "rows_65535.dcm": "refuse",
    "frames_huge.dcm": "refuse",
    "frames_negative.dcm": "any",
    "bits_13.dcm": "refuse",
    "ts_claims_j2k.dcm": "refuse",
    "ts_unknown.dcm": "any",
    "nested_400.dcm": "any",
    "length_beyond_eof.dcm": "any",
    "ob_length_4gib.dcm": "any",
    "sq_undefined_unclosed.dcm": "any",
    "item_outside_sq.dcm": "any",
    "vr_invalid.dcm": "any",
    "odd_length.dcm": "any",
    "tags_descending.dcm": "any",
    "no_preamble_explicit.dcm": "any",
    "group_length_wrong.dcm": "any",
    "meta_only.dcm": "any",
    "nested_5000.dcm": "any",
    "ünïcødé dir with space/Ж file (1).dcm": "volume",
}


def _outcome(path: Path) -> tuple[str, dl.Session, Any]:
    session = dl.open()
    result = session.index(path)
    rows = session.list("instance")
    if not rows:
        return ("fail" if result.failed else "skip"), session, result
    try:
        volumes = [session.load(loadable) for loadable in session.examine()]
    except dl.DicomLogicError as error:
        assert error.code and str(error)
        return "refuse", session, error
    return ("volume" if volumes else "refuse"), session, volumes


def _covers(outcome: str, wanted: str) -> bool:
    return wanted in ("any", outcome) or (wanted == "index" and outcome in ("volume", "refuse"))


def test_the_table_names_every_file(shared_data: Path) -> None:
    expected = json.loads((shared_data / "malformed/derived/expected.json").read_text(encoding="utf-8"))
    assert set(EXPECTED) == {name for name in expected if not name.endswith("/")}


@pytest.mark.parametrize("name", EXPECTED, ids=lambda name: Path(name).stem)
def test_derived_file_behaves_as_expected(name: str, shared_data: Path) -> None:
    path = shared_data / "malformed/derived" / name
    outcome, session, result = _outcome(path)
    with session:
        assert _covers(outcome, EXPECTED[name]), (outcome, result)
        if outcome != "volume":
            return
        for volume in result:
            assert all(map(math.isfinite, volume.geometry.ijk_to_lps.ravel()))
            assert abs(np.linalg.det(volume.geometry.ijk_to_lps)) > 0
            if EXPECTED[name] == "volume":
                np.testing.assert_array_equal(np.asarray(volume)[0], pydicom.dcmread(path, force=True).pixel_array)


def test_inconsistent_series_gives_no_silently_wrong_volume(shared_data: Path) -> None:
    folder = shared_data / "malformed/derived/inconsistent_series"
    with dl.open() as session:
        session.index(folder)
        uids = {row["SOPInstanceUID"] for row in session.list("instance")}
        assert len(uids) == 4  # s3 repeats the UID of s0
        loadables = session.examine()
        claimed = [frame.sop_uid for loadable in loadables for frame in loadable.frames]
        assert sorted(claimed) == sorted(uids)  # every instance once
        sizes = {
            uid: pydicom.dcmread(path).Rows
            for path in folder.iterdir()
            for uid in [pydicom.dcmread(path).SOPInstanceUID]
        }
        for loadable in loadables:
            assert len({sizes[frame.sop_uid] for frame in loadable.frames}) == 1
        codes = {finding.code for loadable in loadables for finding in loadable.findings}
        assert {"geometry.mixed-matrix", "geometry.mixed-pixel-spacing"} <= codes
        assert "index.duplicate-conflict" in {finding.code for finding in session.findings}


@pytest.mark.parametrize("group", ["pydicom", "pydicom_data", "dcm4che"])
def test_other_broken_files_read_as_pydicom_or_fail_once(group: str, shared_data: Path) -> None:
    for path in sorted((shared_data / "malformed" / group / "dicom").iterdir()):
        outcome, session, _ = _outcome(path)
        with session:
            if outcome != "volume":
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # pydicom's opinion of broken values
                uid = str(pydicom.dcmread(path, force=True).get("SOPInstanceUID", ""))
            assert [row["SOPInstanceUID"] for row in session.list("instance")] == [uid]


def test_broken_files_cost_a_good_neighbour_nothing(shared_data: Path, tmp_path: Path) -> None:
    good = shared_data / "mr_anatomical/ge_anatomical/dicom"
    shutil.copytree(good, tmp_path / "good")
    for group in ("derived", "pydicom", "pydicom_data", "dcm4che"):
        shutil.copytree(shared_data / "malformed" / group, tmp_path / group)
    with dl.open() as alone, dl.open() as crowded:
        alone.index(good)
        crowded.index(tmp_path)
        (wanted,) = [alone.load(loadable) for loadable in alone.examine()]
        uid = alone.examine()[0].series_uids[0]
        (loadable,) = crowded.examine(uid)
        found = crowded.load(loadable)
        np.testing.assert_array_equal(np.asarray(found), np.asarray(wanted))
        np.testing.assert_array_equal(found.geometry.ijk_to_lps, wanted.geometry.ijk_to_lps)
