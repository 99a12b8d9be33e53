"""PET with its CT: which CT is found, and what each is on the other's grid."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pydicom
import pytest

import dicomlogic_core as dl
from dicomlogic_core import Geometry
from dicomlogic_core.testing import phantom_pet as pet
from dicomlogic_core.testing.phantom_objects import uid
from dicomlogic_core.testing.phantom_pet_ct import ct_of, linear_hu, segmentation_of, structure_set_of
from dicomlogic_core.testing.phantom_pet_enhanced import enhanced_pet
from dicomlogic_pet_ct.pair import PetCt
from dicomlogic_pet_ct.pair_match import attenuation_hint, coverage, ct_volumes


def pairs(session: dl.Session) -> list[dl.Loadable]:
    return [one for one in session.examine(all=True) if one.kind == "pair"]


def loaded(session: dl.Session, **options: bool) -> PetCt:
    (one,) = pairs(session)
    made = session.load(one, **options)
    assert isinstance(made, PetCt)
    return made


def voxel_places(geometry: Geometry) -> np.ndarray:
    """(k, j, i, 3) LPS mm of voxel centres."""
    size_i, size_j, size_k = geometry.size_ijk
    k, j, i = np.meshgrid(np.arange(size_k), np.arange(size_j), np.arange(size_i), indexing="ij")
    index = np.stack([i, j, k, np.ones_like(i)], axis=-1)
    return (index @ geometry.ijk_to_lps.T)[..., :3]


def expected_hu(geometry: Geometry) -> np.ndarray:
    places = voxel_places(geometry)
    return linear_hu(places.reshape(-1, 3)).reshape(places.shape[:3])


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
def test_the_ct_of_the_frame_of_reference_is_found_and_both_are_as_stored(session_of, lazy, backwards):
    images = pet.pet_series(backwards=backwards)
    session = session_of([*images, *ct_of(images, backwards=not backwards)])
    pair = loaded(session, lazy=lazy)
    assert pair.lazy == lazy
    np.testing.assert_array_equal(np.asarray(pair.ct), expected_hu(pair.ct.geometry))
    assert pair.ct.unit == "[hnsf'U]"
    factor = 1000 * pet.WEIGHT_KG / (pet.DOSE_BQ * 2 ** (-pet.UPTAKE_S / pet.HALF_LIFE_S))
    np.testing.assert_allclose(np.asarray(pair.pet)[:, 0, 0], [factor * pet.activity(k) for k in range(5)], rtol=1e-6)
    assert pair.pet.unit == "g/ml"
    assert pair.pet.geometry.origin_lps_mm == pet.FIRST_MM


@pytest.mark.parametrize("backwards", [False, True])
def test_the_ct_on_the_grid_of_the_pet_is_interpolated_at_the_places_of_its_voxels(session_of, backwards):
    images = pet.pet_series(backwards=backwards)
    pair = loaded(session_of([*images, *ct_of(images)]), lazy=True)
    there = pair.ct_on_pet_grid()
    assert there.geometry.size_ijk == pair.pet.geometry.size_ijk
    np.testing.assert_allclose(np.asarray(there), expected_hu(pair.pet.geometry), atol=1e-3)
    assert there.unit == "[hnsf'U]"
    assert "geometry.resampled" in {found.code for found in there.findings}


@pytest.mark.parametrize(("wanted", "unit"), [("activity", "Bq/ml"), ("bsa", "cm2/ml"), ("lbm", "g/ml")])
def test_the_pet_of_a_pair_is_what_is_asked_for(session_of, wanted, unit):
    images = pet.pet_series()
    session = session_of([*images, *ct_of(images)])
    (one,) = pairs(session)
    pair = session.load(one, options={"suv": wanted})
    assert pair.pet.unit == unit
    assert pair.pet.name.endswith(f"({'activity' if wanted == 'activity' else f'SUV{wanted}'})")


def test_a_pet_without_uptake_values_is_paired_by_its_activity(session_of):
    images = pet.pet_series(PatientWeight=None)
    pair = loaded(session_of([*images, *ct_of(images)]))
    assert pair.pet.unit == "Bq/ml"
    assert "suv.no-weight" in {found.code for found in pair.findings}


def test_the_pet_on_the_grid_of_the_ct_keeps_its_values_at_its_own_voxels(session_of):
    images = pet.pet_series()
    # The CT's grid has a voxel at each of the PET's.
    ct = ct_of(images, first_mm=(-20.0, -22.0, 27.0), size=(41, 46), step_mm=1.5, count=13)
    pair = loaded(session_of([*images, *ct]))
    there = pair.pet_on_ct_grid()
    inverse = np.linalg.inv(pair.ct.geometry.ijk_to_lps)
    places = voxel_places(pair.pet.geometry)
    i, j, k = np.round(places @ inverse[:3, :3].T + inverse[:3, 3]).astype(int).reshape(-1, 3).T
    np.testing.assert_allclose(np.asarray(there)[k, j, i], np.asarray(pair.pet).ravel(), rtol=1e-6)
    nearest = pair.pet_on_ct_grid(kernel="nearest")
    assert set(np.unique(np.asarray(nearest)[np.isfinite(np.asarray(nearest))])) <= set(np.unique(pair.pet))


def test_a_pair_is_never_selected_unless_it_is_asked_for(session_of):
    images = pet.pet_series()
    ct = ct_of(images)
    session = session_of([*images, *ct])
    assert "pair" not in {one.kind for one in session.examine()}
    wanted = {"pair": str(ct[0].SeriesInstanceUID)}
    assert "pair" in {one.kind for one in session.examine(options=wanted)}


def test_another_frame_of_reference_is_not_paired_and_the_pet_says_so(session_of):
    images = pet.pet_series()
    session = session_of([*images, *ct_of(images, FrameOfReferenceUID=uid("another frame of reference"))])
    assert pairs(session) == []
    told = [one for one in session.examine(all=True) if one.adaptor == "pet-ct"]
    assert told
    assert all("petct.no-ct" in {found.code for found in one.findings} for one in told)


def test_an_absent_frame_of_reference_fits_nothing(session_of):
    images = pet.pet_series(FrameOfReferenceUID=None)
    for image in images:
        image.FrameOfReferenceUID = ""
    assert pairs(session_of([*images, *ct_of(images)])) == []


def test_without_any_ct_nothing_is_said(session_of):
    session = session_of(pet.pet_series())
    assert all(found.code != "petct.no-ct" for one in session.examine(all=True) for found in one.findings)


@pytest.mark.parametrize(("count", "paired"), [(20, True), (18, True), (17, False)])
def test_the_ct_must_reach_nine_of_ten_slices(session_of, count, paired):
    """Of 20 slices of 3 mm; the CT's voxels end half a slice beyond its last centre."""
    images = pet.pet_series(20)
    ct = ct_of(images, first_mm=(-20.0, -20.0, pet.FIRST_MM[2]), step_mm=3.0, count=count)
    assert bool(pairs(session_of([*images, *ct]))) == paired


def test_a_narrow_field_of_view_is_no_reason_against_a_ct(session_of):
    images = pet.pet_series()
    session = session_of([*images, *ct_of(images, first_mm=(-6.0, -6.0, 24.0), size=(12, 12))])
    (one,) = pairs(session)
    assert "100% of the PET's slices" in one.explanation
    outside = ~np.isfinite(np.asarray(loaded(session).ct_on_pet_grid()))
    assert outside.any()
    assert not outside.all()


@pytest.mark.parametrize(
    ("texts", "hint"),
    [
        (("CTAC 3.75", ""), "for"),
        (("CT WB AC", "H30s"), "for"),
        (("Low dose attenuation", ""), "for"),
        (("CT NAC", ""), "against"),
        (("Lung 1.0", "B70f"), "against"),
        (("Thorax back", "SOFT"), ""),
    ],
)
def test_words_of_attenuation_correction(session_of, texts, hint):
    description, kernel = texts
    images = ct_of(pet.pet_series(), name=description, ConvolutionKernel=kernel)
    (series,) = session_of(images).study(images[0].StudyInstanceUID)
    (ct,) = ct_volumes(series)
    found = attenuation_hint(ct)
    assert ("against" if found.startswith("-") else "for" if found else "") == hint


def _best(session: dl.Session) -> str:
    best = max(pairs(session), key=lambda one: one.confidence)
    return session.study(best.study_uid).by_uid(best.references[0].series_uid).first("SeriesDescription")


def test_of_several_cts_that_for_attenuation_correction_is_taken(session_of):
    images = pet.pet_series()
    session = session_of([*images, *ct_of(images, name="Thorax contrast"), *ct_of(images, name="WB CTAC")])
    assert len(pairs(session)) == 2
    assert _best(session) == "WB CTAC"


@pytest.mark.parametrize("refer", [structure_set_of, segmentation_of])
def test_a_reference_decides_against_any_description(session_of, refer):
    images = pet.pet_series()
    contrast = ct_of(images, name="Thorax contrast")
    session = session_of([*images, *contrast, *ct_of(images, name="WB CTAC"), refer(contrast)])
    assert _best(session) == "Thorax contrast"
    best = max(pairs(session), key=lambda one: one.confidence)
    assert [one.series_uid for one in best.references] == [
        contrast[0].SeriesInstanceUID,
        refer(contrast).SeriesInstanceUID,
    ]
    assert session.load(best).references == best.references[1:]


def test_an_enhanced_pet_is_paired_like_slices(session_of):
    image = enhanced_pet()
    pair = loaded(session_of([image, *ct_of([image])]))
    np.testing.assert_allclose(np.asarray(pair.ct_on_pet_grid()), expected_hu(pair.pet.geometry), atol=1e-3)


def test_a_series_in_time_is_not_paired_and_not_lost(session_of):
    images = pet.dynamic()
    session = session_of([*images, *ct_of(images)])
    assert pairs(session) == []
    assert session.examine()
    assert "petct.no-ct" not in {found.code for one in session.examine(all=True) for found in one.findings}


def test_a_pair_travels_and_says_itself_in_json(session_of, tmp_path):
    images = pet.pet_series()
    session = session_of([*images, *ct_of(images)])
    (one,) = pairs(session)
    (job,) = dl.make_jobs(session, [one], tmp_path / "out", format="json")
    result = dl.run_job(pickle.loads(pickle.dumps(job)))
    assert result.error is None
    (path,) = [path for path in result.paths if path.endswith(".json")]
    with open(path, encoding="utf-8") as file:
        said = json.load(file)
    assert said["kind"] == "pair"
    assert said["ct"]["size_ijk"] == [44, 40, 13]
    assert said["pet"]["series_uids"] == [images[0].SeriesInstanceUID]


@pytest.mark.parametrize("grid", ["own", "pet", "ct"])
@pytest.mark.parametrize("lazy", [False, True])
def test_a_pair_is_written_as_two_files(session_of, tmp_path, grid, lazy):
    images = pet.pet_series(backwards=True)
    session = session_of([*images, *ct_of(images)])
    pair = loaded(session, lazy=lazy)
    paths = session.write(pair, tmp_path / "out", options={"pair-grid": grid}, name="both")
    pet_name, ct_name = {
        "own": ("both.pet", "both.ct"),
        "pet": ("both.pet", "both.ct-on-pet"),
        "ct": ("both.pet-on-ct", "both.ct"),
    }[grid]
    wanted = {
        f"{pet_name}.nrrd": pair.pet_on_ct_grid() if grid == "ct" else pair.pet.fetch(),
        f"{ct_name}.nrrd": pair.ct_on_pet_grid() if grid == "pet" else pair.ct.fetch(),
    }
    assert {path.name for path in paths if path.suffix == ".nrrd"} == set(wanted)
    for name, volume in wanted.items():
        read = dl.read_nrrd(tmp_path / "out" / name)
        np.testing.assert_array_equal(np.asarray(read), np.asarray(volume))
        np.testing.assert_allclose(read.geometry.ijk_to_lps, volume.geometry.ijk_to_lps)
    report = json.loads((tmp_path / "out" / f"{pet_name}.report.json").read_text(encoding="utf-8"))
    assert report["variant"] == "bw"


def test_a_pair_of_which_one_cannot_be_had_leaves_nothing(session_of, tmp_path):
    images = pet.pet_series()
    session = session_of([*images, *ct_of(images)])
    pair = loaded(session, lazy=True)
    for file in tmp_path.glob("0/*"):
        if pydicom.dcmread(file).Modality == "CT":
            file.unlink()
    with pytest.raises(dl.DicomLogicError):
        session.write(pair, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    with pytest.raises(dl.UsageError, match="pair-grid=mri"):
        session.write(pair, tmp_path / "out", options={"pair-grid": "mri"})


def test_a_notebook_shows_both_volumes_and_fetches_nothing(session_of):
    images = pet.pet_series()
    pair = loaded(session_of([*images, *ct_of(images)]), lazy=True)
    shown = pair._repr_html_()
    assert "SUVbw" in shown
    assert "CT AC" in shown
    assert pair.lazy
    assert pair.pet.array.held == pair.ct.array.held == 0


def test_coverage_is_that_of_boxes():
    grid = Geometry(size_ijk=(10, 10, 10), ijk_to_lps=np.eye(4))
    shifted = np.eye(4)
    shifted[2, 3] = 5.0
    assert coverage(grid, grid) == (1.0, 1.0)
    extent, share = coverage(grid, Geometry(size_ijk=(10, 10, 10), ijk_to_lps=shifted))
    assert extent == share == 0.5
    half = coverage(grid, Geometry(size_ijk=(5, 10, 10), ijk_to_lps=np.eye(4)))
    assert half == (1.0, 0.5)
