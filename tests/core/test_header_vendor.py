"""Vendor tilings: positions and pixels of every tile against the NIfTI files made by dcm2niix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest

from dicomlogic_core.contracts import TileGrid
from dicomlogic_core.header.csa import csa_values, protocol_slices
from dicomlogic_core.header.dicomjson import JsonReader
from dicomlogic_core.header.part10 import Part10Reader
from dicomlogic_core.header.wanted import wanted_tags

WANTED = wanted_tags()
CASES = [
    ("mr_mosaic/siemens_mosaic_ax_asc35", 35),
    ("mr_mosaic/siemens_mosaic_cor_int36", 36),
    ("mr_mosaic/siemens_mosaic_sag_asc35", 35),
    ("mr_mosaic/siemens_skyra_epi_pe_ap", 5),
    ("mr_mosaic/siemens_mosaic_jp2k", 36),
    ("mr_dwi/uih_dti", 20),
    ("mr_multiecho/siemens_me_fmri_mosaic", 30),
]


def _first(shared_data: Path, case: str) -> Path:
    return sorted((shared_data / case / "dicom").iterdir())[0]


def _grid(path: Path) -> TileGrid:
    row = Part10Reader(WANTED).read(path.read_bytes())
    assert row.grid is not None, row.findings
    return row.grid


@pytest.mark.parametrize(("case", "tiles"), CASES)
def test_tiles_lie_where_the_reference_says(case: str, tiles: int, shared_data: Path) -> None:
    path = _first(shared_data, case)
    grid = _grid(path)
    assert grid.tiles == len(grid.positions) == tiles
    assert not grid.normal_assumed
    dataset = pydicom.dcmread(path)
    pixels = dataset.pixel_array
    image = nibabel.load(sorted((shared_data / case / "ref").glob("*.nii.gz"))[0])
    values = np.asanyarray(image.dataobj)
    values = values[..., 0] if values.ndim == 4 else values
    world_to_voxel = np.linalg.inv(np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine)
    row, column = np.array(grid.orientation[:3]), np.array(grid.orientation[3:])
    down, right = (float(spacing) for spacing in dataset.PixelSpacing)
    compared = 0
    for tile, position in enumerate(grid.positions):
        y, x = tile // grid.per_row * grid.rows, tile % grid.per_row * grid.columns
        for i, j in ((0, 0), (grid.columns // 2, grid.rows // 2), (grid.columns - 1, 3)):
            point = np.array(position) + i * right * row + j * down * column
            voxel = (world_to_voxel @ np.append(point, 1.0))[:3]
            nearest = np.round(voxel).astype(int)
            assert np.abs(voxel - nearest).max() < 0.02
            if values.shape[3:] == () and case != "mr_multiecho/siemens_me_fmri_mosaic":
                assert values[tuple(nearest)] == pixels[y + j, x + i]
                compared += 1
    assert compared or case.startswith("mr_multiecho")


@pytest.mark.parametrize("case", ["mr_mosaic/siemens_mosaic_ax_asc35", "mr_dwi/uih_dti"])
def test_dicom_json_gives_the_same_tiles(case: str, shared_data: Path) -> None:
    path = _first(shared_data, case)
    obj = pydicom.dcmread(path, stop_before_pixels=True).to_json_dict()
    assert JsonReader(WANTED).row(obj).grid == _grid(path)


def _changed(path: Path, change: Callable[[pydicom.Dataset], Any]) -> Any:
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    change(dataset)
    return JsonReader(WANTED).row(dataset.to_json_dict())


def test_mosaic_without_csa_header_assumes_the_direction(shared_data: Path) -> None:
    path = _first(shared_data, "mr_mosaic/siemens_mosaic_ax_asc35")

    def strip(dataset: pydicom.Dataset) -> None:
        del dataset[0x00291010], dataset[0x00291020]

    row = _changed(path, strip)
    assert row.grid.normal_assumed and row.grid.tiles == 35
    np.testing.assert_allclose(row.grid.positions[0], _grid(path).positions[0], atol=1e-6)


def test_mosaic_without_any_count_takes_all_that_fit(shared_data: Path) -> None:
    path = _first(shared_data, "mr_mosaic/siemens_mosaic_ax_asc35")

    def strip(dataset: pydicom.Dataset) -> None:
        del dataset[0x00291010], dataset[0x00291020], dataset[0x0019100A]

    assert _changed(path, strip).grid.tiles == 36


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows"])
def test_incomplete_mosaic_is_a_finding_and_no_grid(keyword: str, shared_data: Path) -> None:
    path = _first(shared_data, "mr_mosaic/siemens_mosaic_ax_asc35")
    row = _changed(path, lambda dataset: delattr(dataset, keyword))
    assert row.grid is None
    assert [finding.code for finding in row.findings] == ["geometry.vendor-grid"]


def test_uih_grid_without_positions_is_a_finding_and_no_grid(shared_data: Path) -> None:
    path = _first(shared_data, "mr_dwi/uih_dti")
    row = _changed(path, lambda dataset: dataset.pop(0x00651051))
    assert row.grid is None
    assert [finding.code for finding in row.findings] == ["geometry.vendor-grid"]


@pytest.mark.filterwarnings("ignore:The DICOM readers are highly experimental")
def test_csa_values_equal_nibabel(shared_data: Path) -> None:
    from nibabel.nicom import csareader

    raw = pydicom.dcmread(_first(shared_data, "mr_mosaic/siemens_mosaic_ax_asc35"))[0x00291010].value
    reference = csareader.read(raw)["tags"]
    values = csa_values(raw, frozenset(reference))
    for name, tag in reference.items():
        theirs = [item for item in tag["items"] if item not in ("", None)]
        mine = [text for text in values[name] if text]
        if tag["vr"] in ("DS", "FD", "FL", "IS", "US", "SL", "SS", "UL"):
            assert [float(text) for text in mine] == pytest.approx(theirs), name
        else:
            assert mine == [str(item).strip() for item in theirs], name
    assert len(values["SliceNormalVector"]) == 3


def test_damaged_csa_headers_never_raise(shared_data: Path) -> None:
    raw = pydicom.dcmread(_first(shared_data, "mr_mosaic/siemens_mosaic_ax_asc35"))[0x00291010].value
    names = frozenset(("SliceNormalVector", "NumberOfImagesInMosaic"))
    for cut in range(0, len(raw), 97):
        csa_values(raw[:cut], names)
        csa_values(raw[:cut] + b"\xff" * 64 + raw[cut + 64 :], names)
    assert csa_values(b"", names) == csa_values(b"SV10", names) == {}


def test_protocol_with_several_directions() -> None:
    lines = [b"### ASCCONV BEGIN ###", b"sSliceArray.lSize = 2"]
    for number, normal in enumerate((1.0, 0.5)):
        lines.append(b"sSliceArray.asSlice[%d].sNormal.dTra = %f" % (number, normal))
    count, normals = protocol_slices(b"\n".join([*lines, b"### ASCCONV END ###"]))
    assert count == 2
    assert len(normals) == 2
