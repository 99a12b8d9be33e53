"""Registrations: points go where the standard sends them, and what is broken costs its own item only."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

import dicomlogic_core as dl
from dicomlogic_core.testing import phantom_registration, phantoms
from dicomlogic_core.testing.phantom_objects import uid
from dicomlogic_core.testing.phantom_plan import item
from dicomlogic_core.testing.phantom_registration import deformable, matrix_item, registration_item, spatial
from dicomlogic_rt.deformation_reading import read_deformable
from dicomlogic_rt.deformations import DeformableRegistration
from dicomlogic_rt.fiducial_reading import read_fiducials
from dicomlogic_rt.fiducials import Fiducials
from dicomlogic_rt.registration_reading import read_spatial
from dicomlogic_rt.registrations import SpatialRegistration

Sessions = Callable[..., dl.Session]
POINTS = np.array([(0, 0, 0), (10, -20, 30), (-55.5, 4.25, 110)], float)


def homogeneous(axes: Any, shift: Any) -> np.ndarray[Any, Any]:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = axes, shift
    return matrix


def about(axis: int, degrees: float) -> np.ndarray[Any, Any]:
    a, b = [other for other in range(3) if other != axis]
    axes = np.eye(3)
    axes[a, a] = axes[b, b] = np.cos(np.radians(degrees))
    axes[a, b], axes[b, a] = -np.sin(np.radians(degrees)), np.sin(np.radians(degrees))
    return homogeneous(axes, (0, 0, 0))


def shift(*vector: float) -> np.ndarray[Any, Any]:
    return homogeneous(np.eye(3), vector)


rigid = st.builds(
    lambda x, y, z, vector: shift(*vector) @ about(0, x) @ about(1, y) @ about(2, z),
    *[st.integers(-180, 180)] * 3,
    st.tuples(*[st.integers(-300, 300)] * 3),
)


def codes(made: Any) -> list[str]:
    return [one.code for one in made.findings]


# --- matrices --------------------------------------------------------------------------------------------------------


def test_a_matrix_leads_from_its_frame_into_the_registered_one() -> None:
    """PS3.3 C.20.2.1.1: the first three columns are the axes of the item's frame as the registered frame sees them."""
    matrix = shift(5, 6, 7) @ about(2, 90)
    made = read_spatial(spatial(registration_item([matrix], "1.2.1")))
    assert made.transform_points([(10, 0, 0), (0, 0, 1)], "1.2.1") == pytest.approx(np.array([(5, 16, 7), (5, 6, 8)]))
    assert made.transform_points([(5, 16, 7)], "1.2.100", "1.2.1") == pytest.approx(np.array([(10, 0, 0)]), abs=1e-9)
    assert made.items[0].matrix_type == "RIGID"
    assert made.findings == ()


def test_the_first_of_several_matrices_is_applied_first() -> None:
    """Equation C.20.2-2; 3D Slicer has it the other way round, which is told where it makes a difference."""
    made = read_spatial(spatial(registration_item([shift(10, 0, 0), about(2, 90)], "1.2.1")))
    assert made.transform_points([(0, 0, 0)], "1.2.1") == pytest.approx(np.array([(0, 10, 0)]))
    (told,) = made.findings
    assert told.code == "rt.registration-order"
    assert "up to 14.1 mm" in told.message
    for alike in ([shift(1, 2, 3), shift(4, 5, 6)], [about(2, 10), about(2, 20)], [about(2, 10)]):
        assert read_spatial(spatial(registration_item(alike, "1.2.1"))).findings == ()


@settings(deadline=None, max_examples=50)
@given(rigid, rigid, rigid)
def test_frames_compose_and_come_back(one: Any, two: Any, three: Any) -> None:
    items = [registration_item([matrix], f"1.2.{n}") for n, matrix in enumerate((one, two, three), 1)]
    made = read_spatial(spatial(*items))
    there = made.transform_points(POINTS, "1.2.1", "1.2.2")
    assert np.allclose(made.transform_points(there, "1.2.2", "1.2.1"), POINTS, atol=1e-5)
    around = made.transform_points(there, "1.2.2", "1.2.3")
    assert np.allclose(around, made.transform_points(POINTS, "1.2.1", "1.2.3"), atol=1e-5)
    assert np.allclose(made.matrix("1.2.1") @ np.linalg.inv(one), np.eye(4), atol=1e-5)
    assert made.findings == ()


@settings(deadline=None, max_examples=25)
@given(rigid, rigid)
def test_points_go_where_itk_sends_them(one: Any, two: Any) -> None:
    sitk = pytest.importorskip("SimpleITK")

    def transform(matrix: Any) -> Any:
        made = sitk.AffineTransform(3)
        made.SetMatrix(matrix[:3, :3].ravel().tolist())
        made.SetTranslation(matrix[:3, 3].tolist())
        return made

    made = read_spatial(spatial(registration_item([one], "1.2.1"), registration_item([two], "1.2.2")))
    # ITK applies what was added last first.
    composed = sitk.CompositeTransform([transform(two).GetInverse(), transform(one)])
    expected = [composed.TransformPoint(point.tolist()) for point in POINTS]
    assert np.allclose(made.transform_points(POINTS, "1.2.1", "1.2.2"), expected, atol=1e-5)


def test_images_name_a_frame_where_it_has_no_uid_or_several_matrices() -> None:
    made = read_spatial(
        spatial(
            registration_item([shift(1, 0, 0)], images=["1.5.1"]),
            registration_item([shift(2, 0, 0)], "1.2.1", ["1.5.2"]),
            registration_item([shift(3, 0, 0)], "1.2.1", ["1.5.3"]),
        )
    )
    for image, moved in {"1.5.1": 1, "1.5.2": 2, "1.5.3": 3}.items():
        assert made.matrix(image)[0, 3] == moved
    with pytest.raises(KeyError, match="different ways"):
        made.matrix("1.2.1")
    with pytest.raises(KeyError, match=r"not registered.*images"):
        made.matrix("1.2.7")
    with pytest.raises(KeyError, match="without UID"):
        made.matrix("")


def test_a_moved_volume_has_its_voxels_where_their_points_went() -> None:
    matrix = shift(5, 6, 7) @ about(2, 30) @ about(0, 10)
    made = read_spatial(spatial(registration_item([matrix], "1.2.1")))
    grid = dl.Geometry(size_ijk=(4, 3, 2), ijk_to_lps=homogeneous(np.diag([1, 2, 3]), (-4, -5, -6)))
    volume = dl.Volume(array=np.arange(24).reshape(2, 3, 4), geometry=grid, frame_of_reference_uid="1.2.1")
    moved = made.moved(volume)
    assert moved.array is volume.array
    assert moved.frame_of_reference_uid == "1.2.100"
    expected = made.transform_points(grid.corners_lps_mm(), "1.2.1")
    assert np.allclose(moved.geometry.corners_lps_mm(), expected)
    with pytest.raises(KeyError, match="no frame of reference"):
        made.moved(dl.Volume(array=volume.array, geometry=grid))


@pytest.mark.parametrize(
    ("matrix", "why"),
    [
        (np.eye(4)[:3], "12 of 16"),
        (np.full((4, 4), np.nan), "0 of 16"),
        (shift(1, 2, 3).T, "exchanged"),
        (np.diag([1, 1, 1, 2.0]), "last row"),
        (np.diag([1, 1, 0, 1.0]), "plane"),
        (shift(2e6, 0, 0), "kilometre"),
    ],
)
def test_a_broken_matrix_costs_its_item_only(matrix: Any, why: str) -> None:
    made = read_spatial(spatial(registration_item([matrix], "1.2.1"), registration_item([shift(1, 0, 0)], "1.2.2")))
    assert [one.frame_of_reference_uid for one in made.items] == ["1.2.2"]
    (told,) = made.findings
    assert told.code == "rt.registration-matrix"
    assert why in told.message


def test_what_is_called_rigid_and_is_not_is_told() -> None:
    for matrix in (np.diag([1.01, 1, 1, 1]), np.diag([-1.0, 1, 1, 1])):
        assert codes(read_spatial(spatial(registration_item([matrix], "1.2.1")))) == ["rt.registration-matrix"]
        assert codes(read_spatial(spatial(registration_item([matrix], "1.2.1", kind="AFFINE")))) == []


# --- deformations ----------------------------------------------------------------------------------------------------

GRID = dl.Geometry(size_ijk=(6, 5, 4), ijk_to_lps=homogeneous(about(2, 20)[:3, :3] @ np.diag([4.0, 5, 6]), (-8, 3, 11)))


def deformable_item(vectors: Any, before: Any = None, after: Any = None, **changed: Any) -> Dataset:
    return phantom_registration.deformable_item(vectors, GRID, before=before, after=after, **changed)


def inside_points(count: int = 50) -> np.ndarray[Any, Any]:
    index = np.random.default_rng(5).random((count, 3)) * (np.array(GRID.size_ijk) - 1)
    return np.asarray(index @ GRID.ijk_to_lps[:3, :3].T + GRID.ijk_to_lps[:3, 3])


def noise() -> np.ndarray[Any, Any]:
    return np.random.default_rng(6).normal(0, 3, (*GRID.size_ijk[::-1], 3)).astype(np.float32)


def test_before_then_vectors_then_after() -> None:
    """PS3.3 C.20.3.1.1; the vector is that of the place in the registered frame, before any matrix."""
    before, after = shift(0, 0, 100) @ about(2, 90), shift(1, 2, 3) @ about(0, 90)
    vectors = np.zeros((*GRID.size_ijk[::-1], 3))
    vectors[2, 3, 1] = (7, 8, 9)
    made = read_deformable(deformable(deformable_item(vectors, before, after)))
    place = GRID.ijk_to_lps @ (1, 3, 2, 1)
    expected = after @ ((before @ place) + (7, 8, 9, 0))
    assert made.transform_points([place[:3]]) == pytest.approx(expected[None, :3], abs=1e-6)
    far = np.array([(900.0, 0, 0)])
    expected = after @ before @ (900, 0, 0, 1)
    assert made.transform_points(far) == pytest.approx(expected[None, :3], abs=1e-6)
    assert made.items[0].largest_vector_mm == pytest.approx(np.sqrt(49 + 64 + 81))


def test_points_go_where_itk_sends_them_through_a_grid() -> None:
    sitk = pytest.importorskip("SimpleITK")
    vectors = noise()
    made = read_deformable(deformable(deformable_item(vectors)))
    image = sitk.GetImageFromArray(vectors.astype(np.float64), isVector=True)
    image.SetOrigin(GRID.origin_lps_mm)
    image.SetSpacing(GRID.spacing_mm)
    image.SetDirection(GRID.directions.ravel().tolist())
    transform = sitk.DisplacementFieldTransform(image)
    points = np.vstack([inside_points(), np.add(inside_points(20), (500, 0, 0))])
    expected = [transform.TransformPoint(point.tolist()) for point in points]
    assert np.allclose(made.transform_points(points), expected, rtol=0, atol=1e-4)


def test_a_deformed_volume_holds_what_its_points_meet() -> None:
    """A linear field through vectors and matrices: every voxel is the field at the point it was sent to."""
    field = np.array([0.5, -2.0, 0.25])
    source = dl.Geometry(size_ijk=(60, 60, 60), ijk_to_lps=homogeneous(np.eye(3) * 2, (-60, -60, -60)))
    k, j, i = np.indices((60, 60, 60), dtype=float)
    values = (np.stack([i, j, k], -1) * 2 - 60) @ field
    volume = dl.Volume(array=values, geometry=source, frame_of_reference_uid="1.2.1", unit="Gy", name="dose")
    made = read_deformable(deformable(deformable_item(noise(), shift(3, 0, 0) @ about(1, 5), shift(0, 4, 0))))
    moved = made.resampled(volume, GRID)
    k, j, i = np.indices(GRID.size_ijk[::-1], dtype=float)
    places = (np.stack([i, j, k, np.ones_like(i)], -1) @ GRID.ijk_to_lps.T)[..., :3].reshape(-1, 3)
    expected = made.transform_points(places) @ field
    assert np.allclose(np.asarray(moved).ravel(), expected, rtol=0, atol=1e-6)
    assert (moved.unit, moved.frame_of_reference_uid) == ("Gy", "1.2.100")
    assert codes(moved) == ["geometry.resampled"]
    with pytest.raises(KeyError):
        made.resampled(dl.Volume(array=values, geometry=source, frame_of_reference_uid="1.2.7"), GRID)


def test_an_item_may_have_matrices_only() -> None:
    only = item(
        SourceFrameOfReferenceUID="1.2.1", PreDeformationMatrixRegistrationSequence=[matrix_item(shift(1, 2, 3))]
    )
    made = read_deformable(deformable(only))
    assert made.transform_points(POINTS) == pytest.approx(np.add(POINTS, (1, 2, 3)))
    assert made.items[0].as_dict()["size_ijk"] is None


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"VectorGridData": b"\0" * 12}, "has 1 vectors"),
        ({"GridDimensions": [6, 5, 400]}, "has 120 vectors"),
        ({"GridDimensions": [6, 5]}, "incomplete"),
        ({"GridDimensions": [0, 5, 4]}, "no size"),
        ({"GridResolution": [1.0, -1.0, 1.0]}, "no size"),
        ({"GridResolution": [1.0, float("nan"), 1.0]}, "no size"),
        ({"ImagePositionPatient": None}, "incomplete"),
        ({"ImagePositionPatient": [0, 0, 2e6]}, "no place"),
        ({"GridResolution": [1.0, 1.0, 2e6]}, "no size"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "right angles"),
    ],
)
def test_a_broken_grid_costs_its_item_only(changed: dict[str, Any], why: str) -> None:
    good = deformable_item(noise())
    good.SourceFrameOfReferenceUID = "1.2.2"
    made = read_deformable(deformable(deformable_item(noise(), **changed), good))
    assert [one.source_frame_of_reference_uid for one in made.items] == ["1.2.2"]
    (told,) = made.findings
    assert (told.code, told.severity) == ("rt.registration-grid", "error")
    assert why in told.message


def test_vectors_that_are_not_finite_are_refused() -> None:
    vectors = noise()
    for value in (np.inf, np.nan, 2e6):
        vectors[1, 1, 1, 1] = value
        assert read_deformable(deformable(deformable_item(vectors))).items == ()


def test_a_source_is_named_where_there_are_several() -> None:
    other = deformable_item(noise())
    other.SourceFrameOfReferenceUID = "1.2.2"
    other.ReferencedImageSequence = [item(ReferencedSOPInstanceUID="1.5.1")]
    made = read_deformable(deformable(deformable_item(noise()), other))
    assert made.deformation("1.2.2") is made.deformation("1.5.1") is made.items[1]
    for source in ("", "1.2.7"):
        with pytest.raises(KeyError, match="deformations of"):
            made.deformation(source)


# --- fiducials -------------------------------------------------------------------------------------------------------


def fiducials() -> Dataset:
    in_space = item(
        FrameOfReferenceUID="1.2.1",
        FiducialSequence=[
            item(FiducialIdentifier="F1", ShapeType="POINT", ContourData=[1, 2, 3], ContourUncertaintyRadius=0.5),
            item(FiducialIdentifier="F2", ShapeType="LINE", ContourData=[1, 2, 3, 4, 5, 6], FiducialUID="1.7.2"),
            item(FiducialIdentifier="F3", ShapeType="POINT"),
        ],
    )
    place = item(GraphicData=[10.5, 20.5], ReferencedImageSequence=[item(ReferencedSOPInstanceUID="1.5.1")])
    in_image = item(
        ReferencedImageSequence=[item(ReferencedSOPInstanceUID="1.5.1")],
        FiducialSequence=[item(FiducialIdentifier="F1", ShapeType="POINT", GraphicCoordinatesDataSequence=[place])],
    )
    return phantom_registration.fiducials(in_space, in_image)


def test_fiducials_in_space_and_in_images() -> None:
    made = read_fiducials(fiducials())
    one, two, three, four = made
    assert one.points_lps_mm.tolist() == [[1, 2, 3]]
    assert one.uncertainty_mm == 0.5
    assert two.points_lps_mm.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert two.uid == "1.7.2"
    assert four.in_images["1.5.1"].tolist() == [[10.5, 20.5]]
    assert [one.frame_of_reference_uid for one in made.sets] == ["1.2.1", ""]
    assert len(three.points_lps_mm) == 0
    (told,) = made.findings
    assert told.code == "rt.fiducial-empty"
    assert "F3" in told.message


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_damage_is_told_and_never_raised(data: st.DataObject) -> None:
    """Any bytes that pydicom can take apart give a value whose JSON is strict."""
    read, dataset = data.draw(
        st.sampled_from(
            [
                (read_spatial, spatial(registration_item([shift(1, 2, 3), about(0, 9)], "1.2.1", ["1.5.1"]))),
                (read_deformable, deformable(deformable_item(noise(), shift(1, 2, 3), about(0, 9)))),
                (read_fiducials, fiducials()),
            ]
        )
    )
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    text = bytearray(buffer.getvalue())
    start = text.index(b"PHANTOM")  # the values, behind what says that this is DICOM
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(start, len(text) - 1))] = data.draw(st.integers(0, 255))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            damaged = pydicom.dcmread(io.BytesIO(text), force=True)
        except Exception:  # then there is nothing to read
            return
        assert json.dumps(read(damaged).as_dict(), allow_nan=False)


# --- from files ------------------------------------------------------------------------------------------------------


def with_references(dataset: Dataset) -> Dataset:
    named = [item(SeriesInstanceUID=uid("ct", "series")), item(SeriesInstanceUID="1.2.9.9")]
    dataset.StudyInstanceUID = uid("ct", "study")
    dataset.ReferencedSeriesSequence = named
    elsewhere = item(StudyInstanceUID="1.2.8", ReferencedSeriesSequence=[item(SeriesInstanceUID="1.2.8.1")])
    dataset.StudiesContainingOtherReferencedInstancesSequence = [elsewhere]
    return dataset


def test_every_instance_is_a_loadable_and_is_read_whole(session_of: Sessions) -> None:
    session = session_of(
        [
            with_references(spatial(registration_item([shift(1, 2, 3)], "1.2.1"), number=1)),
            with_references(spatial(registration_item([shift(4, 5, 6)], "1.2.1"), number=2)),
            with_references(deformable(deformable_item(noise()))),
            with_references(fiducials()),
        ]
    )
    loadables = session.examine()
    assert sorted((one.kind, one.name) for one in loadables) == [
        ("fiducials", "7: FID"),
        ("registration", "7: REG: LABEL1"),
        ("registration", "7: REG: LABEL2"),
        ("registration", "7: deformable REG"),
    ]
    assert len({one.id for one in loadables}) == 4
    for one in loadables:
        assert [ref.study_uid for ref in one.references] == [one.study_uid] * 2 + ["1.2.8"]
        assert codes(one) == ["rt.reference-missing"]
        assert "2 of 3" in one.findings[0].message
        made = session.load(one)
        assert made.kind == one.kind
        assert made.name == one.name
        json.dumps(made.as_dict(), allow_nan=False)
    made = {one.name: session.load(one) for one in loadables}
    assert isinstance(made["7: deformable REG"], DeformableRegistration)
    assert np.array_equal(made["7: deformable REG"].items[0].vectors, noise())
    assert isinstance(made["7: FID"], Fiducials)
    first = made["7: REG: LABEL1"]
    assert isinstance(first, SpatialRegistration)
    assert first.matrix("1.2.1")[:3, 3].tolist() == [1, 2, 3]


def test_registered_images_are_related(session_of: Sessions, tmp_path: Any) -> None:
    session = session_of([with_references(spatial(registration_item([shift(1, 2, 3)], "1.2.1")))])
    phantoms.write_ct(tmp_path / "ct", name="ct")
    session.index(tmp_path / "ct")
    (registration,) = [one for one in session.examine() if one.kind == "registration"]
    assert "1 of 3" in registration.findings[0].message
    images = [one for one in session.examine() if one.kind == "volume"]
    if not images:
        pytest.skip("no plugin for volumes is installed")
    assert [one.id for one in session.related(registration)] == [images[0].id]


def test_files_of_two_registrations_do_not_meet(session_of: Sessions, tmp_path: Any) -> None:
    datasets = [spatial(registration_item([shift(n, 0, 0)], "1.2.1"), number=n) for n in (1, 2)]
    for dataset in datasets:
        dataset.ContentLabel = "SAME"
    session = session_of(datasets)
    paths = [path for one in session.examine() for path in session.write(session.load(one), tmp_path / "out")]
    assert len(set(paths)) == 2
    moved = [json.loads(path.read_text())["items"][0]["to_registered"][0][3] for path in paths]
    assert sorted(moved) == [1, 2]
