"""Phantoms by modality are what their page says: their grids by the headers, their classes, the same at every call."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.views import study_view

EVERY = phantoms.every_kind()
PLACED = [one for one in EVERY if one.geometry is not None]


@pytest.mark.parametrize("phantom", PLACED, ids=lambda one: one.name)
def test_the_grid_is_that_of_the_headers(phantom):
    (series,) = study_view(phantom.make())
    frames, geometry = series.frames, phantom.geometry
    size = frames.size()[0].tolist()
    assert geometry.size_ijk == (size[1], size[0], len(frames))
    positions = frames.position
    if not np.isfinite(positions).all():  # of nuclear medicine the place is in a sequence (PS3.3 C.8.4.8)
        detector = phantom.make()[0].DetectorInformationSequence[0]
        positions = np.array(detector.ImagePositionPatient) + np.arange(len(frames))[:, None] * [0, 0, 4.0]
    for k, position in enumerate(positions):
        assert np.allclose(geometry.ijk_to_lps @ (0, 0, k, 1), [*position, 1])
    spacing = frames.numbers("PixelSpacing", 2)[0]
    assert geometry.spacing_mm[:2] == pytest.approx((spacing[1], spacing[0]))


@pytest.mark.parametrize("phantom", EVERY, ids=lambda one: one.name)
def test_a_phantom_written_twice_is_the_same(phantom, tmp_path):
    first, second = phantom.write(tmp_path / "a"), phantom(tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_every_kind_is_there_once(tmp_path):
    classes = {str(dataset.SOPClassUID) for phantom in EVERY for dataset in phantom.make()}
    storage = "1.2.840.10008.5.1.4.1.1."
    ends = ("2", "2.1", "4", "4.1", "128", "3.1", "12.1", "20", "66.4", "7", "481.2", "481.3", "481.5")
    assert {storage + end for end in ends} < classes
    assert [uid for uid in classes if not uid.startswith("1.2.840.10008.")]
    assert len({phantom.name for phantom in EVERY}) == len(EVERY)
    studies = [{dataset.StudyInstanceUID for dataset in phantom.make()} for phantom in EVERY]
    assert all(len(uids) == 1 for uids in studies)
    assert len(set().union(*studies)) == len(EVERY)


def test_pydicom_reads_the_pixels_of_all(tmp_path):
    for number, phantom in enumerate(EVERY):
        for path in phantom.write(tmp_path / str(number)):
            dataset = pydicom.dcmread(path)
            if "PixelData" in dataset:
                assert dataset.pixel_array.size
