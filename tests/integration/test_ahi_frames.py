"""The fake's frames decode to the pixels of the files, and their checksums are those of the decoded pixels."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.misc import is_dicom
from pydicom.pixels import iter_pixels

from dicomlogic_ahi.testing import ImageSet, image_sets_from

imagecodecs = pytest.importorskip("imagecodecs")
HTJ2K, J2K, JPEG, NATIVE = (f"1.2.840.10008.1.2.{end}" for end in ("4.202", "4.90", "4.50", "1"))


def images(sets: list[ImageSet]) -> dict[str, list[tuple[dict[str, Any], Any]]]:
    """SOP Instance UID -> description and stored frame of each of its frames."""
    found = {}
    for one in sets:
        for series in one.document["Study"]["Series"].values():
            for uid, instance in series["Instances"].items():
                found[uid] = [(entry, one.frames[entry["ID"]]) for entry in instance["ImageFrames"]]
    return found


def files(folder: Path) -> dict[str, Path]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and is_dicom(path):
            found[dcmread(path, stop_before_pixels=True).SOPInstanceUID] = path
    return found


@pytest.mark.parametrize(
    ("case", "lossless", "decode"),
    [
        ("ct/ct_gantry_tilt", "HTJ2K", "htj2k_decode"),
        ("mr_enhanced/philips_enh_fmri", "HTJ2K", "htj2k_decode"),
        ("mr_anatomical/rgb_volume", "HTJ2K", "htj2k_decode"),
        ("transfer_syntax/t1_compressed_rle", "HTJ2K", "htj2k_decode"),
        ("transfer_syntax/t1_compressed_jpegls", "HTJ2K", "htj2k_decode"),
        ("mr_localizer/mr_two_orientations", "JPEG_2000_LOSSLESS", "jpeg2k_decode"),
    ],
)
def test_lossless_frames_decode_to_the_file_s_pixels(shared_data, case, lossless, decode):
    stored = images(image_sets_from(shared_data / case, lossless=lossless))
    paths = files(shared_data / case)
    assert set(stored) == set(paths) and stored
    for uid, frames in stored.items():
        pixels = list(iter_pixels(dcmread(paths[uid]), raw=True))
        assert len(pixels) == len(frames)
        for expected, (entry, frame) in zip(pixels, frames):
            assert frame.syntax == (HTJ2K if lossless == "HTJ2K" else J2K)
            decoded = getattr(imagecodecs, decode)(frame.data)
            np.testing.assert_array_equal(decoded, expected)
            assert decoded.dtype == expected.dtype
            assert entry["FrameSizeInBytes"] == decoded.nbytes
            assert (entry["MinPixelValue"], entry["MaxPixelValue"]) == (decoded.min(), decoded.max())
            assert entry["PixelDataChecksumFromBaseToFullResolution"] == [
                {"Width": decoded.shape[1], "Height": decoded.shape[0], "Checksum": zlib.crc32(decoded.tobytes())}
            ]


def test_a_jpeg_lossless_file_is_the_native_one(shared_data):
    """pydicom has no decoder for it here: the same slices without compression are the reference."""
    folder = shared_data / "transfer_syntax"
    compressed = images(image_sets_from(folder / "t1_compressed_jpeg"))
    others = images(image_sets_from(folder / "t1_compressed_j2k"))
    sums = [sorted(frame.checksum for one in each.values() for _, frame in one) for each in (compressed, others)]
    assert sums[0] == sums[1] and len(sums[0]) == 4


def test_what_cannot_be_recoded_stays(shared_data):
    seg = images(image_sets_from(shared_data / "seg_pm_sr/dcmqi"))
    paths = files(shared_data / "seg_pm_sr/dcmqi")
    checked = 0
    for uid, frames in seg.items():
        dataset = dcmread(paths[uid])
        if dataset.get("BitsAllocated") != 1:
            continue
        for expected, (_, frame) in zip(iter_pixels(dataset, raw=True), frames, strict=True):
            assert frame.syntax == NATIVE
            bits = np.unpackbits(np.frombuffer(frame.data, np.uint8), bitorder="little")[: expected.size]
            np.testing.assert_array_equal(bits.reshape(expected.shape), expected)
            checked += 1
    assert checked
    (dose,) = [one for one in image_sets_from(shared_data / "rt/dicompyler_dose_struct_plan") if len(one.frames) == 98]
    assert {frame.syntax for frame in dose.frames.values()} == {NATIVE}  # 32 bits


def test_jpeg_baseline_stays(shared_data):
    misc = images(image_sets_from(shared_data / "other_modalities/pydicom_misc"))
    jpeg = [frame for frames in misc.values() for _, frame in frames if frame.syntax == JPEG]
    assert jpeg and all(frame.data[:3] == b"\xff\xd8\xff" for frame in jpeg)
