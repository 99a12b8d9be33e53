"""The patient with PET and CT: both volumes, the structures on both grids, and each volume on the other's grid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

import dicomlogic_core as dl
from dicomlogic_core import Geometry, Volume


@pytest.fixture
def case(shared_data: Path) -> Path:
    return shared_data / "rt_pet_ct_mr" / "sts_003"


@pytest.fixture
def session(case: Path) -> Iterator[dl.Session]:
    with dl.open() as opened:
        opened.index(case / "dicom")
        yield opened


def reference(path: Path, geometry: Geometry) -> np.ndarray:
    """``[k, j, i]`` of a NIfTI image on the grid of a volume, which must be its own but for the order of axes."""
    image = nibabel.load(path)
    to_reference = np.linalg.inv(image.affine) @ geometry.ijk_to_ras
    steps = np.round(to_reference[:3, :3])
    assert np.allclose(to_reference[:3, :3], steps, atol=1e-3), "another grid"
    # Its origin was kept in single precision.
    assert np.allclose(to_reference[:3, 3], np.round(to_reference[:3, 3]), atol=0.02)
    size_i, size_j, size_k = geometry.size_ijk
    k, j, i = np.meshgrid(np.arange(size_k), np.arange(size_j), np.arange(size_i), indexing="ij")
    index = np.stack([i, j, k], axis=-1) @ steps.T + np.round(to_reference[:3, 3])
    x, y, z = np.moveaxis(index.astype(int), -1, 0)
    assert sorted(image.shape) == sorted(geometry.size_ijk)
    return np.asarray(image.dataobj)[x, y, z]


def pair_of(session: dl.Session, *, lazy: bool = False) -> Any:
    (loadable,) = (one for one in session.examine(all=True) if one.kind == "pair")
    return session.load(loadable, lazy=lazy)


@pytest.mark.parametrize("lazy", [False, True])
def test_both_volumes_of_the_pair_equal_the_references(case: Path, session: dl.Session, lazy: bool) -> None:
    pair = pair_of(session, lazy=lazy)
    np.testing.assert_array_equal(np.asarray(pair.ct), reference(case / "ref" / "CT_image.nii.gz", pair.ct.geometry))
    wanted = reference(case / "ref" / "PET_image.nii.gz", pair.pet.geometry)
    np.testing.assert_allclose(np.asarray(pair.pet), wanted, rtol=2e-7)
    assert (pair.pet.unit, pair.ct.unit) == ("g/ml", "[hnsf'U]")


def test_the_structures_of_either_are_referred_to_and_equal_the_references_on_its_grid(
    case: Path, session: dl.Session
) -> None:
    pair = pair_of(session)
    structures = {one.series_uids[0]: one for one in session.examine(all=True) if one.kind == "structure-set"}
    assert {ref.series_uid for ref in pair.references} == set(structures)
    compared = set()
    for loadable in structures.values():
        loaded = session.load(loadable)
        (name,) = loaded.names
        volume: Volume = pair.pet if name.endswith("PET") else pair.ct
        wanted = reference(case / "ref" / f"{name.rpartition('_')[2]}_mask.nii.gz", volume.geometry) > 0
        assert wanted.any()
        np.testing.assert_array_equal(loaded.mask(name, volume), wanted)
        compared.add(name)
    assert compared == {"GTV_Mass_PET", "GTV_Mass_CT"}


@pytest.mark.parametrize("kernel", ["linear", "nearest"])
@pytest.mark.parametrize("onto", ["pet", "ct"])
def test_each_on_the_others_grid_is_what_simpleitk_makes_of_it(session: dl.Session, onto: str, kernel: str) -> None:
    pair = pair_of(session)
    source, target = (pair.ct, pair.pet) if onto == "pet" else (pair.pet, pair.ct)
    found = pair.ct_on_pet_grid(kernel=kernel) if onto == "pet" else pair.pet_on_ct_grid(kernel=kernel)
    image = source.to_sitk()
    how = sitk.sitkLinear if kernel == "linear" else sitk.sitkNearestNeighbor
    image = sitk.Cast(image, sitk.sitkFloat64)
    wanted = sitk.GetArrayFromImage(sitk.Resample(image, target.to_sitk(), sitk.Transform(), how, float("nan")))
    inside = np.isfinite(wanted)
    assert 0.85 < inside.mean() <= 1
    got = np.asarray(found)
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got[inside], wanted[inside], rtol=0, atol=1e-3 if onto == "pet" else 1e-4)
    if kernel == "linear":
        np.testing.assert_array_equal(np.isfinite(got), inside)
