"""Doses: where their planes are, what their values are, and what is refused."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import UID

import dicomlogic_core as dl
from dicomlogic_core.testing import phantom_rt
from dicomlogic_core.testing.phantom_plan import item
from dicomlogic_core.testing.views import study_view
from dicomlogic_rt.dose_adaptor import DoseAdaptor
from dicomlogic_rt.dose_grid import dose_grid
from dicomlogic_rt.dose_headers import dose_headers

Sessions = Callable[..., dl.Session]


def linear(points: Any) -> Any:
    """Gy that differ everywhere, so that a plane in another place shows."""
    return 20 + points @ np.array([0.11, 0.07, 0.05])


def phantom(**values: Any) -> Dataset:
    chosen: dict[str, Any] = {"size_ijk": (9, 7, 5), "spacing_mm": (3.0, 2.0, 4.0), "centre": (10, -20, 30)}
    return phantom_rt.dose(linear, **(chosen | values))


def loaded(session: dl.Session, **options: Any) -> dl.Volume:
    (loadable,) = session.examine()
    volume = session.load(loadable, **options)
    assert isinstance(volume, dl.Volume)
    return volume


def error_of(volume: dl.Volume) -> float:
    """Largest difference (Gy) between the voxels and the function at their places."""
    size = volume.geometry.size_ijk
    k, j, i = np.meshgrid(*(np.arange(n) for n in size[::-1]), indexing="ij")
    points = np.stack([i, j, k, np.ones_like(i)], axis=-1) @ volume.geometry.ijk_to_lps.T
    return float(np.abs(np.asarray(volume) - linear(points[..., :3])).max())


@pytest.mark.parametrize("position", phantom_rt.ORIENTATIONS)
def test_a_dose_is_where_its_function_says(position: str, session_of: Sessions) -> None:
    dataset = phantom(orientation=phantom_rt.ORIENTATIONS[position])
    volume = loaded(session_of([dataset]))
    assert error_of(volume) < 1e-4
    assert (volume.unit, volume.quantity) == ("Gy", "absorbed dose")
    assert np.linalg.det(volume.geometry.ijk_to_lps) > 0
    assert volume.frame_of_reference_uid == dataset.FrameOfReferenceUID


@pytest.mark.parametrize(("axis", "degrees"), [("x", 25), ("y", -40), ("z", 10)])
def test_an_oblique_dose_is_where_its_function_says(axis: str, degrees: float, session_of: Sessions) -> None:
    turned = phantom_rt.turned(axis, degrees)[:3]
    volume = loaded(session_of([phantom(orientation=[*turned[:, 0], *turned[:, 1]])]))
    assert error_of(volume) < 1e-4
    assert np.allclose(volume.geometry.directions, turned[:, :3], atol=1e-9)


@pytest.mark.parametrize("position", ["HFS", "HFP", "FFS", "FFP"])
def test_absolute_offsets_are_z_of_transverse_planes(position: str, session_of: Sessions) -> None:
    dataset = phantom(orientation=phantom_rt.ORIENTATIONS[position])
    normal_z = np.cross(dataset.ImageOrientationPatient[:3], dataset.ImageOrientationPatient[3:])[2]
    z = float(dataset.ImagePositionPatient[2])
    dataset.GridFrameOffsetVector = [z + normal_z * offset for offset in dataset.GridFrameOffsetVector]
    assert error_of(loaded(session_of([dataset]))) < 1e-4


def test_offsets_of_a_plane_at_zero_are_relative() -> None:
    """With z = 0 both meanings begin with 0; feet first they differ in sign, and the relative one is meant."""
    dataset = phantom(orientation=phantom_rt.ORIENTATIONS["FFS"], centre=(0, 0, -8.0))
    assert float(dataset.ImagePositionPatient[2]) == 0
    grid = dose_grid(dose_headers(next(iter(study_view([dataset])))))
    assert grid.geometry.ijk_to_lps[2, 2] == -4


def test_descending_offsets_put_planes_in_order(session_of: Sessions) -> None:
    dataset = phantom()
    frames = np.frombuffer(dataset.PixelData, "<u4").reshape(5, 7, 9)
    dataset.ImagePositionPatient = [*dataset.ImagePositionPatient[:2], dataset.ImagePositionPatient[2] + 16]
    dataset.GridFrameOffsetVector = [0, -4, -8, -12, -16]
    dataset.PixelData = frames[::-1].tobytes()
    volume = loaded(session_of([dataset]))
    assert error_of(volume) < 1e-4
    assert [ref.frame for ref in volume.provenance if ref is not None] == [5, 4, 3, 2, 1]
    assert [(found.code, found.severity) for found in volume.findings] == [("rt.dose-offsets", "note")]


@pytest.mark.parametrize("lazy", [False, True])
def test_uneven_planes_are_interpolated(lazy: bool, session_of: Sessions) -> None:
    dataset = phantom()
    z = np.array([0, 2.5, 5, 10, 15.0])
    first = np.array(dataset.ImagePositionPatient, dtype=float)
    i, j = np.meshgrid(np.arange(9), np.arange(7))
    planes = first + np.stack([3.0 * i, 2.0 * j, 0 * i], axis=-1) + z[:, None, None, None] * np.array([0, 0, 1])
    dataset.GridFrameOffsetVector = z.tolist()
    dataset.PixelData = np.rint(linear(planes) / float(dataset.DoseGridScaling)).astype("<u4").tobytes()
    volume = loaded(session_of([dataset]), lazy=lazy)
    assert volume.geometry.size_ijk == (9, 7, 7)
    assert volume.geometry.spacing_mm[2] == pytest.approx(2.5)
    assert volume.lazy is lazy
    assert error_of(volume) < 1e-4  # linear interpolation of a linear function
    assert {"geometry.spacing-varies", "geometry.resampled"} <= {found.code for found in volume.findings}
    assert volume.metadata["dose"]["interpolated"] is True


def test_offsets_that_are_neither_relative_nor_absolute_are_refused(session_of: Sessions) -> None:
    dataset = phantom()
    dataset.GridFrameOffsetVector = [offset + 3 for offset in dataset.GridFrameOffsetVector]
    session = session_of([dataset])
    (loadable,) = session.examine()
    assert ("rt.dose-offsets", "error") in [(found.code, found.severity) for found in loadable.findings]
    with pytest.raises(dl.GeometryError, match=r"begin with 3 mm") as caught:
        session.load(loadable)
    assert caught.value.code == "rt.dose-offsets"


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.__delattr__("GridFrameOffsetVector"),
        lambda one: setattr(one, "GridFrameOffsetVector", [0, 4, 8]),
        lambda one: setattr(one, "GridFrameOffsetVector", [0, 4, 4, 8, 12]),
    ],
    ids=["absent", "short", "doubled"],
)
def test_offsets_that_do_not_fit_are_refused(change: Callable[[Dataset], None], session_of: Sessions) -> None:
    dataset = phantom()
    change(dataset)
    session = session_of([dataset])
    with pytest.raises(dl.GeometryError) as caught:
        session.load(session.examine()[0])
    assert caught.value.code == "rt.dose-offsets"


def test_surplus_offsets_are_told(session_of: Sessions) -> None:
    dataset = phantom()
    dataset.GridFrameOffsetVector = [*dataset.GridFrameOffsetVector, 20, 24]
    volume = loaded(session_of([dataset]))
    assert error_of(volume) < 1e-4
    assert "7 offsets for 5 planes" in volume.findings[0].message


@pytest.mark.parametrize("scaling", [None, "", "0", "-1"])
def test_without_scaling_a_dose_is_refused(scaling: str | None, session_of: Sessions) -> None:
    dataset = phantom()
    right = str(dataset.DoseGridScaling)
    dataset.DoseGridScaling = scaling
    if scaling is None:
        del dataset.DoseGridScaling
    session = session_of([dataset])
    (loadable,) = session.examine()
    assert "rt.dose-no-scaling" in [found.code for found in loadable.findings]
    with pytest.raises(dl.PixelError, match="stored values cannot become dose") as caught:
        session.load(loadable)
    assert caught.value.code == "rt.dose-no-scaling"
    volume = session.load(loadable, options={"scaling": right})
    assert error_of(volume) < 1e-4
    assert [(one.code, one.severity) for one in volume.findings] == [("rt.dose-no-scaling", "warning")]
    with pytest.raises(dl.UsageError):
        session.load(loadable, options={"scaling": "much"})


@pytest.mark.parametrize("lazy", [False, True])
def test_a_scaling_of_one_gives_floats_too(lazy: bool, session_of: Sessions) -> None:
    dataset = phantom(scaling=1.0)
    volume = loaded(session_of([dataset]), lazy=lazy)
    assert volume.array.dtype.kind == "f"
    assert error_of(volume) <= 0.5


def sixteen_bits(dataset: Dataset) -> Dataset:
    """The dose in steps of 1 mGy."""
    stored = np.frombuffer(dataset.PixelData, "<u4") * float(dataset.DoseGridScaling)
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.DoseGridScaling = "0.001"
    dataset.PixelData = np.rint(stored / 0.001).astype("<u2").tobytes()
    return dataset


def test_sixteen_bits_give_single_precision(session_of: Sessions) -> None:
    volume = loaded(session_of([sixteen_bits(phantom())]))
    assert volume.array.dtype == np.float32
    assert error_of(volume) < 6e-4


def test_relative_doses_have_no_gray(session_of: Sessions) -> None:
    dataset = phantom()
    dataset.DoseUnits = "RELATIVE"
    volume = loaded(session_of([dataset]))
    assert volume.unit == "1"
    assert [found.code for found in volume.findings] == ["rt.dose-units"]


def test_differences_are_signed(session_of: Sessions) -> None:
    dataset = phantom()
    dataset.DoseType, dataset.PixelRepresentation = "ERROR", 1
    dataset.PixelData = (np.frombuffer(dataset.PixelData, "<u4").astype("<i4") * -1).tobytes()
    volume = loaded(session_of([dataset]))
    assert volume.quantity == "dose difference"
    assert float(np.asarray(volume).max()) < 0
    assert not volume.findings
    dataset.DoseType = "PHYSICAL"
    assert [found.code for found in loaded(session_of([dataset])).findings] == ["rt.dose-signed"]


def test_metadata_says_what_it_is_the_dose_of(session_of: Sessions) -> None:
    dataset = phantom()
    dataset.TissueHeterogeneityCorrection = ["IMAGE", "ROI_OVERRIDE"]
    dataset.NormalizationPoint = [1, 2, 3]
    beams = item(ReferencedFractionGroupNumber=1, ReferencedBeamSequence=[item(ReferencedBeamNumber=4)])
    plan = item(ReferencedSOPInstanceUID="1.2.3", ReferencedFractionGroupSequence=[beams])
    dataset.ReferencedRTPlanSequence = pydicom.Sequence([plan])
    session = session_of([dataset])
    (loadable,) = session.examine()
    assert [found.code for found in loadable.findings] == ["rt.reference-missing"]
    told = session.load(loadable).metadata["dose"]
    assert told["plans"] == [{"plan_uid": "1.2.3", "fraction_groups": [1], "beams": [4]}]
    assert told["normalisation_point_lps_mm"] == [1, 2, 3]
    assert told["tissue_heterogeneity_correction"] == ["IMAGE", "ROI_OVERRIDE"]
    assert (told["type"], told["summation_type"], told["units"]) == ("PHYSICAL", "PLAN", "GY")


def single_planes(dataset: Dataset) -> list[Dataset]:
    """The planes of a dose as instances of their own."""
    frames = np.frombuffer(dataset.PixelData, "<u4").reshape(dataset.NumberOfFrames, dataset.Rows, dataset.Columns)
    normal = np.cross(dataset.ImageOrientationPatient[:3], dataset.ImageOrientationPatient[3:])
    planes = []
    for number, frame in enumerate(frames):
        plane = copy.deepcopy(dataset)
        plane.SOPInstanceUID = plane.file_meta.MediaStorageSOPInstanceUID = UID(f"{dataset.SOPInstanceUID}.{number}")
        place = np.array(dataset.ImagePositionPatient, float) + normal * float(dataset.GridFrameOffsetVector[number])
        plane.ImagePositionPatient = place.tolist()
        del plane.GridFrameOffsetVector, plane.FrameIncrementPointer, plane.NumberOfFrames
        plane.PixelData = frame.tobytes()
        planes.append(plane)
    return planes


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(sorted(phantom_rt.ORIENTATIONS)))
def test_single_planes_make_one_grid_in_any_order(rng: random.Random, position: str) -> None:
    whole = phantom(orientation=phantom_rt.ORIENTATIONS[position])
    planes = single_planes(whole)
    rng.shuffle(planes)
    (loadable,) = DoseAdaptor().examine_study(study_view(planes))
    uids = [frame.sop_uid for frame in loadable.frames]
    assert uids == sorted(uids, key=lambda one: int(one.rsplit(".", 1)[1]))
    headers = dose_headers(next(iter(study_view(planes))))
    expected = dose_grid(dose_headers(next(iter(study_view([whole])))))
    assert np.allclose(dose_grid(headers).geometry.ijk_to_lps, expected.geometry.ijk_to_lps, atol=1e-9)


def test_single_planes_load_as_one_volume(session_of: Sessions) -> None:
    planes = single_planes(phantom())
    for plane in planes[1:]:  # each may be scaled by itself
        stored = np.frombuffer(plane.PixelData, "<u4") * 2
        plane.DoseGridScaling = f"{float(plane.DoseGridScaling) / 2:.10g}"
        plane.PixelData = stored.astype("<u4").tobytes()
    volume = loaded(session_of(planes, 3))
    assert volume.geometry.size_ijk == (9, 7, 5)
    assert error_of(volume) < 1e-4


def test_planes_at_one_place_stay_apart(session_of: Sessions) -> None:
    planes = single_planes(phantom())
    planes[1].ImagePositionPatient = planes[0].ImagePositionPatient
    assert len(session_of(planes).examine()) == 5


def test_names_are_those_of_slicer(session_of: Sessions) -> None:
    dataset = phantom()
    dataset.SeriesDescription, dataset.InstanceNumber, dataset.SeriesNumber = "My dose", 3, 12
    (loadable,) = session_of([dataset]).examine()
    assert (loadable.name, loadable.kind, loadable.confidence) == ("12: RTDOSE: My dose [3]", "volume", 1.0)


def test_compressed_frames_hold_the_same_dose(session_of: Sessions) -> None:
    dataset = sixteen_bits(phantom())
    dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
    assert error_of(loaded(session_of([dataset]))) < 6e-4


def test_a_dose_goes_onto_the_grid_of_images(session_of: Sessions) -> None:
    volume = loaded(session_of([phantom(size_ijk=(30, 30, 30), spacing_mm=(4.0, 4.0, 4.0))]))
    matrix = phantom_rt.turned("x", 20, origin=(-10, -30, 10)) @ np.diag([1.5, 1.5, 3, 1])
    image = dl.Geometry(size_ijk=(20, 16, 6), ijk_to_lps=matrix)
    assert error_of(dl.resample_volume(volume, image)) < 1e-3


@pytest.mark.parametrize("text", ["inf", "1e308", "1e999", "nan", "0", "-1"])
@pytest.mark.parametrize(
    ("keyword", "count"),
    [
        ("PixelSpacing", 2),
        ("ImagePositionPatient", 3),
        ("ImageOrientationPatient", 6),
        ("GridFrameOffsetVector", 5),
        ("DoseGridScaling", 1),
    ],
)
def test_numbers_that_cannot_be_meant_never_make_a_dose(
    keyword: str, count: int, text: str, session_of: Sessions
) -> None:
    dataset = phantom()
    value = "\\".join([text] * count).encode()
    dataset[keyword] = RawDataElement(Tag(keyword), "DS", len(value), value, 0, False, True)
    session = session_of([dataset])
    (loadable,) = session.examine()
    if keyword in ("ImagePositionPatient", "GridFrameOffsetVector") and text in ("0", "-1"):
        return  # places like any others, or planes all at one of them
    assert [found.code for found in loadable.findings if found.severity == "error"]
    with pytest.raises((dl.GeometryError, dl.PixelError)):
        session.load(loadable)
