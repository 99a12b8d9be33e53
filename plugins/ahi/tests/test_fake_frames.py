"""How the fake stores pixels."""

from __future__ import annotations

import struct
import sys
import zlib

import numpy as np
import pytest
from pydicom import Dataset

from dicomlogic_ahi.testing import image_sets_from
from dicomlogic_core.testing import phantom_objects, phantoms


def test_codestreams_are_what_the_service_makes(ct):
    """HTJ2K by its capabilities marker, tile-part lengths, an end marker (T.800 A.4.4, A.5.2, A.7.1; T.814)."""
    pytest.importorskip("imagecodecs")
    for frame in ct[0].frames.values():
        assert frame.data[:4] == b"\xff\x4f\xff\x51" and frame.data[-2:] == b"\xff\xd9"
        (size,) = struct.unpack_from(">H", frame.data, 4)
        assert frame.data[4 + size : 6 + size] == b"\xff\x50"
        assert b"\xff\x55" in frame.data[:200]


def test_colour_by_plane_is_stored_interleaved(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs")
    planes = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    image = phantom_objects.ct_slice(0, phantoms.regular(1)[0], name="colour")
    image.Rows, image.Columns, image.SamplesPerPixel, image.PlanarConfiguration = 4, 5, 3, 1
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PixelRepresentation, image.PhotometricInterpretation = 7, 0, "RGB"
    image.PixelData = planes.tobytes()
    phantoms.write(tmp_path, [image])
    (one,) = image_sets_from(tmp_path)
    (frame,) = one.frames.values()
    np.testing.assert_array_equal(imagecodecs.htj2k_decode(frame.data), planes.transpose(1, 2, 0))
    assert frame.size == 60


def test_without_an_encoder_frames_stay_as_they_are(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    written: list[bytes] = []

    def note(number: int, dataset: Dataset) -> None:
        written.append(dataset.PixelData)

    phantoms.write_ct(tmp_path, change=note)
    (one,) = image_sets_from(tmp_path)
    assert sorted(frame.data for frame in one.frames.values()) == sorted(written)
    for frame in one.frames.values():
        assert frame.syntax == "1.2.840.10008.1.2.1" and frame.checksum == zlib.crc32(frame.data)
