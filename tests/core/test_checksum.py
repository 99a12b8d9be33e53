"""The checksum of decoded frames: compared before anything is put right, an error only where nothing was lost."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

from dicomlogic_core.errors import PixelError
from dicomlogic_core.pixels.assemble import Assembly, StackPlan, Treatment
from dicomlogic_core.pixels.decode import decode_frame
from dicomlogic_core.pixels.description import PixelDescription
from dicomlogic_core.pixels.modality import Linear
from dicomlogic_core.references import FrameRef

HTJ2K, JPEG_2000, JPEG_2000_LOSSY = (f"1.2.840.10008.1.2.4.{end}" for end in ("202", "90", "91"))
NATIVE = "1.2.840.10008.1.2.1"


def crc(array: np.ndarray[Any, Any]) -> int:
    return zlib.crc32(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())


def frame(dtype: str, samples: int = 1) -> np.ndarray[Any, Any]:
    limits = np.iinfo(dtype)
    shape = (37, 53) if samples == 1 else (37, 53, samples)
    return np.random.default_rng(5).integers(limits.min, limits.max, shape, dtype, endpoint=True)


def described(array: np.ndarray[Any, Any], **changes: Any) -> PixelDescription:
    bits = array.dtype.itemsize * 8
    given = {
        "rows": array.shape[0],
        "columns": array.shape[1],
        "samples": array.shape[2] if array.ndim == 3 else 1,
        "bits_allocated": bits,
        "bits_stored": bits,
        "high_bit": bits - 1,
        "signed": array.dtype.kind == "i",
        "photometric": "RGB" if array.ndim == 3 else "MONOCHROME2",
        **changes,
    }
    return PixelDescription(**given)


@pytest.mark.parametrize(("dtype", "samples"), [("u1", 1), ("u2", 1), ("i2", 1), ("u1", 3)])
def test_the_sum_is_that_of_the_decoded_samples(dtype: str, samples: int) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    if not hasattr(imagecodecs, "htj2k_encode"):
        pytest.skip("this imagecodecs has no encoder for HTJ2K")
    array = frame(dtype, samples)
    data = bytes(imagecodecs.htj2k_encode(array, reversible=True))
    for out in (None, np.empty_like(array)):
        decoded = decode_frame(data, described(array), HTJ2K, out=out, checksum=crc(array))
        np.testing.assert_array_equal(decoded, array)
    with pytest.raises(PixelError) as caught:
        decode_frame(data, described(array), HTJ2K, checksum=crc(array) ^ 1)
    assert caught.value.code == "pixels.checksum"


def test_samples_count_as_wide_as_the_header_says() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    array = frame("u1")
    data = bytes(imagecodecs.jpeg2k_encode(array, reversible=True, level=0, codecformat="j2k"))
    wide = array.astype("u2")
    decoded = decode_frame(data, described(wide), JPEG_2000, checksum=crc(wide))
    np.testing.assert_array_equal(decoded, wide)


def test_native_bytes_are_summed_up_without_padding_and_before_they_are_put_right() -> None:
    array = np.full((3, 3), 0xF123, "<u2")
    description = described(array, bits_stored=12, high_bit=11)
    notes: list[str] = []
    data = array.astype("u1").tobytes()  # 9 bytes and one of padding
    narrow = described(array.astype("u1"))
    decode_frame(data + b"\0", narrow, NATIVE, checksum=zlib.crc32(data), note=notes.append)
    assert notes == []
    decoded = decode_frame(array.tobytes(), description, NATIVE, checksum=crc(array), note=notes.append)
    assert notes == ["pixels.overlay-bits"] and (decoded == 0x123).all()


@pytest.mark.parametrize("syntax", [NATIVE, ""])
def test_of_native_frames_a_difference_is_an_error(syntax: str) -> None:
    array = frame("u2")
    with pytest.raises(PixelError) as caught:
        decode_frame(array.tobytes(), described(array), syntax, checksum=1)
    assert caught.value.code == "pixels.checksum"


def test_native_bytes_that_come_twice_are_believed() -> None:
    array = frame("u2")
    ref = FrameRef(study_uid="1.2", series_uid="1.3", sop_uid="1.4")
    treatment = Treatment(description=described(array), modality=Linear(slope=1, intercept=0))
    plan = StackPlan(
        shape=(1, *array.shape), dtype=array.dtype, frames=(ref,), treatments=(treatment,), fill=0, padding=None
    )
    assembly = Assembly(plan, [0])
    damaged = array.copy()
    damaged[5] = 0
    for data in (damaged, array):
        with pytest.raises(PixelError):
            assembly.place(ref, data.tobytes(), NATIVE, 1)
    assembly.place(ref, array.tobytes(), NATIVE, 1)
    np.testing.assert_array_equal(assembly.array[0], array)
    assert assembly.notes == {"pixels.checksum"}


def test_of_lossy_frames_a_difference_is_a_note() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    array, notes = frame("u1"), []
    data = bytes(imagecodecs.jpeg2k_encode(array, level=40, codecformat="j2k"))
    decode_frame(data, described(array), JPEG_2000_LOSSY, checksum=1, note=notes.append)
    assert notes == ["pixels.checksum"]
