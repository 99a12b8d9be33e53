"""From masks to contours to files and back: nothing moves, nothing that a planning system needs is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pydicom.datadict import dictionary_VR

import dicomlogic_core as dl
from dicomlogic_core.testing import phantom_rt
from dicomlogic_rt.image_sets import ImageSet, image_set, image_set_of_volume
from dicomlogic_rt.keyholes import joined
from dicomlogic_rt.rois import Code, Contour, Observation, Roi
from dicomlogic_rt.structure_making import structures_of_masks
from dicomlogic_rt.structure_reading import read_structures
from dicomlogic_rt.structure_writing import structure_dataset, write_structure_set
from dicomlogic_rt.structures import StructureSet
from dicomlogic_rt.tracing import trace
from dicomlogic_rt.written_values import decimal

# Of every module that PS3.3 table A.19.3-1 calls mandatory: attributes of type 1, which have a value, and of type 2.
TYPE_1 = (
    "SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID Modality StructureSetLabel FrameOfReferenceUID "
    "StructureSetROISequence ROIContourSequence RTROIObservationsSequence ReferencedFrameOfReferenceSequence"
)
TYPE_2 = (
    "PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime StudyID AccessionNumber "
    "ReferringPhysicianName SeriesNumber OperatorsName Manufacturer StructureSetDate StructureSetTime "
    "PositionReferenceIndicator"
)
NESTED = {
    "StructureSetROISequence": ("ROINumber ReferencedFrameOfReferenceUID", "ROIName ROIGenerationAlgorithm"),
    "ROIContourSequence": ("ReferencedROINumber", ""),
    "RTROIObservationsSequence": ("ObservationNumber ReferencedROINumber", "RTROIInterpretedType ROIInterpreter"),
    "ContourSequence": ("ContourGeometricType NumberOfContourPoints ContourData", ""),
    "ContourImageSequence": ("ReferencedSOPClassUID ReferencedSOPInstanceUID", ""),
    "ReferencedFrameOfReferenceSequence": ("FrameOfReferenceUID", ""),
    "RTReferencedStudySequence": (
        "ReferencedSOPClassUID ReferencedSOPInstanceUID RTReferencedSeriesSequence",
        "",
    ),
    "RTReferencedSeriesSequence": ("SeriesInstanceUID ContourImageSequence", ""),
}
LENGTHS = {"SH": 16, "CS": 16, "DS": 16, "IS": 12, "LO": 64, "ST": 1024, "UI": 64, "DA": 8, "TM": 16}


def images_of(shape: tuple[int, int, int], *, oblique: bool = False) -> ImageSet:
    """A grid of `shape` (k, j, i) and a frame for every slice."""
    matrix = np.diag([0.8, 1.1, 2.5, 1.0])
    matrix[:3, 3] = -123.4, 56.7, -891.01
    if oblique:
        matrix = phantom_rt.turned("x", 31) @ phantom_rt.turned("z", 17) @ matrix
    geometry = dl.Geometry(size_ijk=(shape[2], shape[1], shape[0]), ijk_to_lps=matrix)
    frames = tuple(dl.FrameRef(study_uid="1.2", series_uid="1.2.3", sop_uid=f"1.2.3.{k + 1}") for k in range(shape[0]))
    return ImageSet(
        geometry=geometry,
        frames=frames,
        positions_lps_mm=matrix[:3, 3] + np.arange(shape[0])[:, None] * matrix[:3, 2],
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        frame_of_reference_uid="1.2.9",
    )


@settings(max_examples=150, deadline=None)
@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=7)))
def test_outlines_bound_the_area_of_their_pixels_and_fill_to_the_same_mask(mask: Any) -> None:
    outlines = trace(mask)
    j, i = np.mgrid[: mask.shape[0], : mask.shape[1]]
    filled = np.zeros(mask.shape, bool)
    area = 0.0
    for outline in outlines:
        following = np.roll(outline, -1, axis=0)
        area += 0.5 * float(np.sum(outline[:, 0] * following[:, 1] - outline[:, 1] * following[:, 0]))
        steps = following - outline
        assert ((steps == 0).sum(axis=1) == 1).all()  # along the edges of pixels, and never on the spot
        for (x, low), (_, high) in zip(outline, following):
            filled ^= ((low <= j) != (high <= j)) & (i < x)
    assert (filled == mask).all()
    assert area == mask.sum()


@settings(max_examples=150, deadline=None)
@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=8)))
def test_keyholes_leave_no_hole_and_change_neither_area_nor_mask(mask: Any) -> None:
    """Each contour filled by itself must do: some systems add contours up instead of taking them together."""
    j, i = np.mgrid[: mask.shape[0], : mask.shape[1]]
    apart = np.zeros(mask.shape, int)
    area = 0.0
    for outline in joined(trace(mask)):
        following = np.roll(outline, -1, axis=0)
        one = 0.5 * float(np.sum(outline[:, 0] * following[:, 1] - outline[:, 1] * following[:, 0]))
        assert one > 0
        area += one
        filled = np.zeros(mask.shape, bool)
        for (x, low), (_, high) in zip(outline, following):
            filled ^= ((low <= j) != (high <= j)) & (i < x)
        apart += filled
    assert np.array_equal(apart, mask) and area == mask.sum()


@settings(max_examples=80, deadline=None)
@given(arrays(bool, array_shapes(min_dims=3, max_dims=3, max_side=6)), st.booleans())
def test_a_written_mask_comes_back_voxel_for_voxel(mask: Any, oblique: bool) -> None:
    images = images_of(mask.shape, oblique=oblique)
    made = structures_of_masks({"region": mask}, images)
    back = read_structures(structure_dataset(made, images))
    assert (back.mask("region", images.geometry) == mask).all()


def test_a_ring_is_a_keyhole_and_names_its_slice():
    mask = np.zeros((3, 9, 9), bool)
    mask[1, 1:8, 1:8] = True
    mask[1, 3:6, 3:6] = False
    images = images_of(mask.shape)
    roi = structures_of_masks({"ring": mask}, images)["ring"]
    (contour,) = roi.contours
    assert contour.sop_uid == "1.2.3.2" and contour.geometric_type == "CLOSED_PLANAR"
    assert contour.slab_thickness_mm == pytest.approx(2.5)
    assert roi.frame_of_reference_uid == "1.2.9"
    with pytest.raises(ValueError, match="has the shape"):
        structures_of_masks({"other": mask[:2]}, images)


def test_a_segmentation_keeps_names_colours_and_types():
    mask = np.zeros((1, 4, 4), np.uint8)
    mask[0, 1:3, 1:3] = 1
    images = images_of(mask.shape)
    segment = dl.Segment(id="a", name="PTV", colour=(1.0, 0.0, 0.2), tags={"RTROIInterpretedType": "PTV"})
    segmentation = dl.Segmentation(layers=mask[None], geometry=images.geometry, segments=(segment,))
    roi = structures_of_masks(segmentation, images)["PTV"]
    assert roi.colour == (255, 0, 51) and roi.interpreted_type == "PTV"
    moved = dl.Geometry(size_ijk=images.geometry.size_ijk, ijk_to_lps=np.eye(4))
    with pytest.raises(ValueError, match="another grid"):
        structures_of_masks(dl.Segmentation(layers=mask[None], geometry=moved, segments=(segment,)), images)


def check(dataset: pydicom.Dataset, ones: str, twos: str) -> None:
    for keyword in ones.split():
        assert dataset.get(keyword) not in (None, "", []), keyword
    for keyword in twos.split():
        assert keyword in dataset, keyword
    for element in dataset:
        if element.VR != "SQ":
            values = element.value if isinstance(element.value, pydicom.multival.MultiValue) else [element.value]
            most = LENGTHS.get(element.VR, 1 << 30)
            for value in values:
                text = getattr(value, "original_string", None) or str(value or "")
                assert len(text) <= most, (element.keyword, text)
            assert dictionary_VR(element.tag) == element.VR
            continue
        for item in element.value:
            check(item, *NESTED.get(element.keyword, ("", "")))


def ct_session(tmp_path: Path) -> dl.Session:
    from dicomlogic_core.testing import phantoms

    phantoms.write_ct(tmp_path / "ct", phantoms.regular(6))
    session = dl.open()
    session.index(tmp_path / "ct")
    return session


def test_every_attribute_of_type_1_and_2_is_written(tmp_path: Path) -> None:
    with ct_session(tmp_path) as session:
        (study_row,) = session.list("study")
        series = next(iter(session.study(study_row["StudyInstanceUID"])))
        images = image_set(series)
        mask = np.zeros(images.geometry.size_ijk[::-1], bool)
        mask[1:3, 2:5, 2:6] = True
        structures = structures_of_masks({"PTV": mask, "an awfully long name " * 5: mask}, images, label="x" * 40)
        path = write_structure_set(structures, tmp_path / "out.dcm", series)
        dataset = pydicom.dcmread(path)
        check(dataset, TYPE_1, TYPE_2)
        original = series.dataset(0)
        for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "StudyDate", "FrameOfReferenceUID"):
            assert dataset.get(keyword) == original.get(keyword), keyword
        assert dataset.SeriesInstanceUID != original.SeriesInstanceUID
        (frame,) = dataset.ReferencedFrameOfReferenceSequence
        listed = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
        assert listed.SeriesInstanceUID == original.SeriesInstanceUID
        assert {one.ReferencedSOPInstanceUID for one in listed.ContourImageSequence} == set(series.sop_uids)
        assert {one.ReferencedSOPClassUID for one in listed.ContourImageSequence} == {original.SOPClassUID}
        assert not any(
            "ContourSlabThickness" in one for one in dataset.ROIContourSequence[0].ContourSequence
        )  # retired
        back = read_structures(dataset)
        assert (back.mask("PTV", images.geometry) == mask).all()
        assert "awfully" in back[2].description and len(back[2].name) <= 64
        for contour in back["PTV"].contours:
            row = list(series.sop_uids).index(contour.sop_uid)
            assert contour.points[0, 2] == pytest.approx(series["ImagePositionPatient"][row, 2])


def test_contours_without_images_are_given_the_nearest_slice(tmp_path: Path) -> None:
    images = images_of((4, 5, 5))
    z = float(images.positions_lps_mm[2, 2])
    contours = [phantom_rt.circle(1, z + shift, centre=(-120, 60), points=8) for shift in (0.0, 1.2, 40.0)]
    roi = Roi(number=4, name="x", contours=tuple(Contour(points=points) for points in contours))
    dataset = structure_dataset(StructureSet(rois=(roi,), frames_of_reference=("1.2.9",)), images)
    named = [one.get("ContourImageSequence") for one in dataset.ROIContourSequence[0].ContourSequence]
    assert [one[0].ReferencedSOPInstanceUID for one in named[:2]] == ["1.2.3.3", "1.2.3.3"]
    assert named[2] is None


def test_what_is_told_about_a_region_survives(tmp_path: Path) -> None:
    observation = Observation(
        label="dense",
        interpreted_type="PTV",
        codes=(Code(value="41216001", scheme="SCT", meaning="Prostate"),),
        physical_properties={"REL_ELEC_DENSITY": 1.25},
    )
    points = np.array([[0, 0, 0], [9.123456, 0, 0], [0, -9.5, 0]])
    offset = Contour(points=points, offset_vector_mm=(0, 0, 1.5), slab_thickness_mm=3.0)
    wire = Contour(points=points, geometric_type="OPEN_NONPLANAR")
    roi = Roi(
        number=7,
        name="Простата\\x",
        description="d",
        colour=(1, 2, 3),
        algorithm="MANUAL",
        interpreted_type="PTV",
        observations=(observation,),
        codes=observation.codes,
        frame_of_reference_uid="1.2.9",
        contours=(offset, wire),
    )
    structures = StructureSet(label="L", rois=(roi,), frames_of_reference=("1.2.9",))
    path = write_structure_set(structures, tmp_path / "x.dcm")
    back = read_structures(pydicom.dcmread(path))[7]
    was = {**roi.as_dict(), "name": "Простата/x", "observations": [{**observation.as_dict(), "number": 1}]}
    assert back.as_dict() == was


SQUARE = Contour(points=phantom_rt.rectangle(4, 4, 0))


def broken(value: float) -> Contour:
    points = phantom_rt.rectangle(4, 4, 0)
    points[2, 1] = value
    return Contour(points=points)


@pytest.mark.parametrize(
    ("rois", "frames", "reason"),
    [
        ((Roi(number=1, name="a", contours=(SQUARE,)),), (), "frame of reference"),
        ((), ("1.2.9",), "no regions"),
        ((Roi(number=3, name="a"), Roi(number=3, name="b")), ("1.2.9",), "number 3"),
        ((Roi(number=1, name="a", contours=(SQUARE, broken(np.nan))),), ("1.2.9",), "region 1 .* no numbers"),
        ((Roi(number=1, name="a", contours=(broken(np.inf),)),), ("1.2.9",), "region 1 .* no numbers"),
    ],
)
def test_what_no_file_can_hold_is_refused(
    rois: tuple[Roi, ...], frames: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(dl.WriteError, match=reason):
        write_structure_set(StructureSet(rois=rois, frames_of_reference=frames), tmp_path / "x.dcm")
    assert not list(tmp_path.iterdir())


@given(st.floats(-1e5, 1e5))
def test_decimal_strings_are_short_and_near(value: float) -> None:
    text = decimal(value)
    assert len(text) <= 16 and abs(float(text) - value) < 1e-4


def test_the_images_of_a_volume_are_those_of_its_series(tmp_path: Path) -> None:
    with ct_session(tmp_path) as session:
        loadables = [one for one in session.examine() if one.kind == "volume"]
        if not loadables:
            pytest.skip("no plugin for volumes is installed")
        volume = session.load(loadables[0])
        ours = image_set_of_volume(volume)
        theirs = image_set(next(iter(session.study(loadables[0].study_uid))))
        assert ours.sop_uids == theirs.sop_uids and ours.sop_class_uid == theirs.sop_class_uid
        assert np.array_equal(ours.geometry.ijk_to_lps, theirs.geometry.ijk_to_lps)
        assert "PatientID" not in ours.attributes


def test_contours_without_points_are_not_written(tmp_path: Path) -> None:
    roi = Roi(number=1, name="a", contours=(Contour(points=np.empty((0, 3))), SQUARE))
    path = write_structure_set(StructureSet(rois=(roi,), frames_of_reference=("1.2.9",)), tmp_path / "x.dcm")
    (item,) = pydicom.dcmread(path).ROIContourSequence[0].ContourSequence
    assert item.NumberOfContourPoints == 4


def test_terms_and_codes_are_written_as_their_representations_allow(tmp_path: Path) -> None:
    codes = (
        Code(value="A" * 17, scheme="SCT", meaning="m" * 70),
        Code(value="urn:oid:1.2", scheme="X"),
        Code(value="", scheme="SCT", meaning="nothing"),
    )
    said = Observation(interpreted_type="ptv-high", codes=codes, physical_properties={"rel_elec_density": np.nan})
    roi = Roi(number=1, name="a", algorithm="semiautomatic", observations=(said,), contours=(SQUARE,))
    path = write_structure_set(StructureSet(rois=(roi,), frames_of_reference=("1.2.9",)), tmp_path / "x.dcm")
    dataset = pydicom.dcmread(path)
    (item,) = dataset.RTROIObservationsSequence
    assert item.RTROIInterpretedType == "PTV_HIGH" and "ROIPhysicalPropertiesSequence" not in item
    assert dataset.StructureSetROISequence[0].ROIGenerationAlgorithm == "SEMIAUTOMATIC"
    first, second = item.RTROIIdentificationCodeSequence
    assert first.LongCodeValue == "A" * 17 and "CodeValue" not in first and first.CodeMeaning == "m" * 64
    assert second.URNCodeValue == "urn:oid:1.2" and "CodeValue" not in second
    assert [code.value for code in read_structures(dataset)[1].codes] == ["A" * 17, "urn:oid:1.2"]


def test_coordinates_are_written_as_they_stand_without_an_object_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("coordinates are parsed again")

    structures = StructureSet(rois=(Roi(number=1, name="a", contours=(SQUARE,)),), frames_of_reference=("1.2.9",))
    monkeypatch.setattr(pydicom.multival.MultiValue, "__init__", refuse)
    assert write_structure_set(structures, tmp_path / "x.dcm").exists()


def test_images_that_only_contours_name_are_still_named(tmp_path: Path) -> None:
    on_image = replace(SQUARE, sop_uid="1.2.3.4", sop_class_uid="1.2.840.10008.5.1.4.1.1.4", frame=3)
    structures = StructureSet(
        rois=(Roi(number=1, name="a", contours=(on_image, SQUARE)),), frames_of_reference=("1.2",)
    )
    for name in ("once.dcm", "again.dcm"):
        dataset = pydicom.dcmread(write_structure_set(structures, tmp_path / name))
        first, second = dataset.ROIContourSequence[0].ContourSequence
        (image,) = first.ContourImageSequence
        assert image.ReferencedSOPInstanceUID == "1.2.3.4" and image.ReferencedFrameNumber == 3
        assert image.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.4"
        assert "ContourImageSequence" not in second
        structures = read_structures(dataset)
