"""Phantoms are what their page says, as pydicom reads them back."""

from __future__ import annotations

import hashlib

import numpy as np
import pydicom
import pytest

from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.phantom_mosaic import mosaic
from dicomlogic_core.testing.phantom_objects import Slice, colour_slice, enhanced, save


def read(folder):
    return [pydicom.dcmread(path) for path in sorted(folder.iterdir())]


def digest(folder) -> str:
    return hashlib.sha256(b"".join(sorted(path.read_bytes() for path in folder.iterdir()))).hexdigest()


def test_the_regular_series_is_as_described(tmp_path):
    phantoms.tricky(1, tmp_path)
    datasets = read(tmp_path)
    assert len(datasets) == 20
    for number, dataset in enumerate(datasets):
        assert dataset.ImagePositionPatient == [-10, -20, 2 * number]
        assert dataset.PixelSpacing == [0.8, 0.7]
        assert (dataset.BitsAllocated, dataset.BitsStored, dataset.PixelRepresentation) == (16, 12, 0)
        expected = np.full((32, 24), number)
        expected[3, 5] = 1000
        assert (dataset.pixel_array == expected).all()


@pytest.mark.parametrize("number", phantoms.TRICKY, ids=lambda number: phantoms.TRICKY[number])
def test_each_series_differs_from_the_regular_one_in_its_way(number, tmp_path):
    phantoms.tricky(number, tmp_path)
    datasets = [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted(tmp_path.iterdir())]
    count = {3: 1, 4: 19, 5: 21, 6: 21, 9: 40}.get(number, 20)
    assert len(datasets) == count
    assert len({dataset.SOPInstanceUID for dataset in datasets}) == count
    assert len({dataset.SeriesInstanceUID for dataset in datasets}) == 1
    positions = {tuple(dataset.get("ImagePositionPatient", ())) for dataset in datasets}
    assert len(positions) == {3: 1, 4: 19, 6: 21, 11: 1}.get(number, 20)


def test_the_cut_file_ends_700_bytes_early(tmp_path):
    phantoms.tricky(12, tmp_path / "cut", shuffle_seed=5)
    sizes = {path.stat().st_size: path for path in (tmp_path / "cut").iterdir()}
    short = sizes[min(sizes)]
    assert len(sizes) > 1
    assert pydicom.dcmread(short, stop_before_pixels=True).InstanceNumber == 11


def test_shuffling_changes_names_and_nothing_else(tmp_path):
    for seed in (None, 1, 2):
        phantoms.tricky(9, tmp_path / str(seed), shuffle_seed=seed)
    assert len({digest(tmp_path / str(seed)) for seed in (None, 1, 2)}) == 1
    first = [[dataset.InstanceNumber for dataset in read(tmp_path / str(seed))] for seed in (None, 1)]
    assert first[0] != first[1]


def test_slices_of_ones_own_choice(tmp_path):
    def change(number, dataset):
        dataset.KVP = 100 + number

    phantoms.write_ct(tmp_path, phantoms.regular(3, step_mm=5, first_mm=-7), name="mine", change=change)
    datasets = read(tmp_path)
    assert [dataset.ImagePositionPatient[2] for dataset in datasets] == [-7, -2, 3]
    assert [dataset.KVP for dataset in datasets] == [100, 101, 102]
    assert {dataset.SeriesDescription for dataset in datasets} == {"mine"}


def test_enhanced_objects_have_groups_per_frame(tmp_path):
    slices = phantoms.regular(3)
    rescale = [(1.0, 0.0), (2.0, -5.0), (0.5, 7.0)]
    path = save(enhanced(slices, name="enhanced", rescale=rescale, temporal=[1, 1, 2]), tmp_path / "enhanced.dcm")
    dataset = pydicom.dcmread(path)
    assert dataset.pixel_array.shape == (3, 32, 24)
    groups = dataset.PerFrameFunctionalGroupsSequence
    assert [item.PlanePositionSequence[0].ImagePositionPatient[2] for item in groups] == [0, 2, 4]
    assert [item.PixelValueTransformationSequence[0].RescaleSlope for item in groups] == [1, 2, 0.5]
    assert [item.FrameContentSequence[0].TemporalPositionIndex for item in groups] == [1, 1, 2]


def test_colour_slices(tmp_path):
    path = save(colour_slice(3, Slice(position=(0, 0, 6)), name="colour"), tmp_path / "colour.dcm")
    array = pydicom.dcmread(path).pixel_array
    assert array.shape == (32, 24, 3)
    assert array[0, 0].tolist() == [3, 6, 0]
    assert array[3, 5].tolist() == [3, 6, 255]


@pytest.mark.filterwarnings("ignore:The DICOM readers are highly experimental")
def test_the_csa_header_of_a_mosaic_is_what_nibabel_reads():
    from nibabel.nicom.csareader import read as read_csa

    one = Slice(position=(-30, 12, 40), orientation=(1, 0, 0, 0, 0, -1))
    dataset = mosaic(one, [1, 2, 3, 4, 5], name="mosaic", step_mm=3.0, against=True)
    assert (dataset.Rows, dataset.Columns) == (3 * 32, 3 * 24)
    tags = read_csa(dataset[0x0029, 0x1010].value)["tags"]
    assert tags["SliceNormalVector"]["items"] == [0, -1, 0]  # against (1, 0, 0) x (0, 0, -1) = (0, 1, 0)
