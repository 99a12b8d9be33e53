"""Structure sets as they come: every oddity has a finding and costs the contour or region it is in, nothing else."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

import dicomlogic_core as dl
from dicomlogic_core.testing import phantom_rt
from dicomlogic_rt.structure_reading import read_structures
from dicomlogic_rt.structures import StructureSet

PLANES = (0.0, 3.0, 6.0)


def circle(z: float) -> Any:
    return phantom_rt.circle(10, z, points=24)


def phantom(*names: str) -> Dataset:
    rois = [phantom_rt.RoiPhantom(name=name, contours=[circle(z) for z in PLANES]) for name in names]
    return phantom_rt.structure_set(rois)


def written(dataset: Dataset) -> Dataset:
    """The data set as a file gives it: raw, not yet converted."""
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    file.seek(0)
    return pydicom.dcmread(file)


def contours_of(dataset: Dataset, roi: int = 0) -> list[Dataset]:
    return list(dataset.ROIContourSequence[roi].ContourSequence)


def set_data(contour: Dataset, text: str) -> None:
    tag, value = Tag("ContourData"), text.encode()
    contour[tag] = RawDataElement(tag, "DS", len(value), value, 0, False, True)


def codes(structures: StructureSet) -> list[str]:
    return [one.code for one in structures.findings]


def test_everything_that_is_told_is_kept():
    dataset = phantom("PTV", "Bladder")
    dataset.StructureSetROISequence[0].ROIDescription = "boost"
    dataset.StructureSetROISequence[0].ROIGenerationAlgorithm = "MANUAL"
    contours_of(dataset)[1].ContourSlabThickness = "3"
    contours_of(dataset)[1].ContourOffsetVector = [0, 0, 1.5]
    observation = dataset.RTROIObservationsSequence[0]
    observation.ROIObservationLabel = "dense"
    observation.RTROIInterpretedType = "PTV"
    density = Dataset()
    density.ROIPhysicalProperty, density.ROIPhysicalPropertyValue = "REL_ELEC_DENSITY", "1.2"
    observation.ROIPhysicalPropertiesSequence = [density]
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "41216001", "SCT", "Prostate"
    observation.RTROIIdentificationCodeSequence = [code]
    structures = read_structures(written(dataset), name="RTSTRUCT: PHANTOM")

    roi = structures["PTV"]
    assert structures.label == "PHANTOM" and structures.names == ("PTV", "Bladder")
    assert codes(structures) == ["rt.contour-offset"]
    assert (roi.number, roi.description, roi.algorithm, roi.colour) == (1, "boost", "MANUAL", (255, 0, 0))
    assert roi.interpreted_type == "PTV" and roi.observations[0].label == "dense"
    assert roi.observations[0].physical_properties == {"REL_ELEC_DENSITY": 1.2}
    assert [one.as_dict() for one in roi.codes] == [{"value": "41216001", "scheme": "SCT", "meaning": "Prostate"}]
    assert roi.contours[1].slab_thickness_mm == 3 and roi.contours[1].offset_vector_mm == (0, 0, 1.5)
    assert roi is structures[1] and "Bladder" in structures and 3 not in structures
    assert roi.frame_of_reference_uid == dataset.StructureSetROISequence[0].ReferencedFrameOfReferenceUID
    for contour, z in zip(roi.contours, PLANES):
        assert np.abs(contour.points - circle(z)).max() < 1e-4
        assert not contour.points.flags.writeable
    with pytest.raises(KeyError, match="no region 'Rectum'; there are 1 'PTV', 2 'Bladder'"):
        structures["Rectum"]


def test_names_in_other_alphabets_are_read_by_the_character_set():
    dataset = phantom("Лёгкое")
    dataset.SpecificCharacterSet = "ISO_IR 144"
    assert read_structures(written(dataset)).names == ("Лёгкое",)


def broken_count(dataset: Dataset) -> None:
    contours_of(dataset)[0].NumberOfContourPoints = 7


def broken_triple(dataset: Dataset) -> None:
    set_data(contours_of(dataset)[0], "0\\0\\0\\9\\0\\0\\9\\9\\0\\5")
    contours_of(dataset)[0].NumberOfContourPoints = 3


def broken_words(dataset: Dataset) -> None:
    set_data(contours_of(dataset)[0], "0\\0\\0\\x\\0\\0\\9\\y\\0\\5\\6\\0\\7\\7\\0")
    contours_of(dataset)[0].NumberOfContourPoints = 3


def two_points(dataset: Dataset) -> None:
    set_data(contours_of(dataset)[0], "0\\0\\0\\9\\0\\0")
    contours_of(dataset)[0].NumberOfContourPoints = 2


def no_points(dataset: Dataset) -> None:
    del contours_of(dataset)[0].ContourData
    del contours_of(dataset)[0].NumberOfContourPoints


def no_type(dataset: Dataset) -> None:
    del contours_of(dataset)[0].ContourGeometricType


def opened(dataset: Dataset) -> None:
    contours_of(dataset)[0].ContourGeometricType = "OPEN_PLANAR"


def no_contours(dataset: Dataset) -> None:
    del dataset.ROIContourSequence[0].ContourSequence


def no_region(dataset: Dataset) -> None:
    del dataset.ROIContourSequence[0]


def no_head(dataset: Dataset) -> None:
    del dataset.StructureSetROISequence[0]


def same_name(dataset: Dataset) -> None:
    dataset.StructureSetROISequence[0].ROIName = "healthy"


def no_number(dataset: Dataset) -> None:
    del dataset.StructureSetROISequence[0].ROINumber


def nameless_region(dataset: Dataset) -> None:
    del dataset.ROIContourSequence[0].ReferencedROINumber


def number_of_another(dataset: Dataset) -> None:
    dataset.StructureSetROISequence[0].ROINumber = 2


def region_of_another(dataset: Dataset) -> None:
    dataset.ROIContourSequence[0].ReferencedROINumber = 2


def other_frame(dataset: Dataset) -> None:
    dataset.StructureSetROISequence[0].ReferencedFrameOfReferenceUID = "1.2.3"


@pytest.mark.parametrize(
    ("spoil", "code", "left"),
    [
        (broken_count, "rt.contour-short", 3),
        (broken_triple, "rt.contour-short", 3),
        (broken_words, "rt.contour-short", 3),
        (two_points, "rt.contour-short", 2),
        (no_points, "rt.contour-short", 2),
        (no_type, "rt.contour-short", 3),
        (opened, "rt.contour-open", 2),
        (no_contours, "rt.roi-empty", 0),
        (no_region, "rt.roi-empty", 0),
        (no_head, "rt.roi-incomplete", 3),
        (same_name, "rt.roi-duplicate-name", 3),
        (no_number, "rt.roi-incomplete", 3),
        (nameless_region, "rt.roi-incomplete", 3),
        (number_of_another, "rt.roi-incomplete", 3),
        (region_of_another, "rt.roi-incomplete", 3),
        (other_frame, "rt.multiple-frames-of-reference", 3),
    ],
)
def test_what_is_wrong_with_one_region_costs_that_region_only(
    spoil: Callable[[Dataset], None], code: str, left: int
) -> None:
    dataset = phantom("spoilt", "healthy")
    spoil(dataset)
    structures = read_structures(written(dataset))
    assert code in codes(structures)
    found = [one for one in structures.findings if one.code == code]
    assert len(found) <= 2 and all(one.where[0] == dataset.SOPInstanceUID for one in found)
    healthy = structures["healthy" if code != "rt.roi-duplicate-name" else "healthy 2"]
    assert len(healthy.filled) == 3 and np.abs(healthy.contours[2].points - circle(6.0)).max() < 1e-4
    first = next(roi for roi in structures if roi is not healthy)
    assert len(first.filled) == left
    assert len(set(structures.names)) == len(structures)


def test_one_missing_coordinate_is_put_between_its_neighbours():
    dataset = phantom("PTV")
    contour = contours_of(dataset)[0]
    texts = [str(value) for value in contour.ContourData]
    set_data(contour, "\\".join([*texts[:31], "", *texts[32:]]))
    structures = read_structures(written(dataset))
    original = circle(0.0)
    points = structures["PTV"].contours[0].points
    assert len(points) == len(original) and codes(structures) == ["rt.contour-short"]
    assert points[10, 1] == pytest.approx((original[9, 1] + original[11, 1]) / 2, abs=1e-4)
    assert np.delete(points, 10, axis=0) == pytest.approx(np.delete(original, 10, axis=0), abs=1e-4)


@pytest.mark.parametrize(("z", "told"), [("0", []), ("1.5", ["rt.contour-offset"])])
def test_slabs_beside_their_contours_are_told(z: str, told: list[str]) -> None:
    dataset = phantom("PTV")
    contours_of(dataset)[0].ContourOffsetVector = ["0", "0", z]
    structures = read_structures(written(dataset))
    assert codes(structures) == told
    assert structures["PTV"].contours[0].offset_vector_mm == (0, 0, float(z))


def test_a_single_point_is_a_fiducial():
    point = phantom_rt.RoiPhantom(name="iso", contours=[np.array([[1.0, 2.0, 3.0]])], geometric_type="POINT")
    structures = read_structures(written(phantom_rt.structure_set([point])))
    assert structures["iso"].is_point and not structures["iso"].filled and not structures.findings


def test_contours_that_a_server_keeps_apart_are_fetched_each_by_its_place():
    dataset = phantom("PTV", "Bladder")
    for contour in (contours_of(dataset, 1)[0], contours_of(dataset, 1)[2]):
        del contour.ContourData
    asked = []

    def bulk(region: int, contour: int) -> Any:
        asked.append((region, contour))
        if contour == 2:
            raise dl.NetworkError("the server does not have it", url="https://server/x", status=404)
        return circle(0.0).ravel()

    structures = read_structures(written(dataset), bulk=bulk)
    assert asked == [(1, 0), (1, 2)]
    assert [len(contour.points) for contour in structures["Bladder"].contours] == [24, 24]
    assert np.array_equal(structures["Bladder"].contours[0].points, circle(0.0))
    assert codes(structures) == ["rt.contour-short"] and len(structures["PTV"].contours) == 3


@pytest.mark.parametrize(
    "error", [dl.Cancelled("stopped"), dl.NetworkError("busy", status=503), dl.NetworkError("cut")]
)
def test_a_structure_set_is_not_shorter_because_a_server_does_not_answer(error: dl.DicomLogicError) -> None:
    dataset = phantom("PTV")
    del contours_of(dataset)[1].ContourData

    def bulk(region: int, contour: int) -> Any:
        raise error

    with pytest.raises(type(error)):
        read_structures(written(dataset), bulk=bulk)


def test_structure_sets_travel_between_processes():
    structures = read_structures(written(phantom("PTV", "Bladder")))
    again = pickle.loads(pickle.dumps(structures))
    assert again.as_dict() == structures.as_dict()
    assert not again["PTV"].contours[0].points.flags.writeable
    json.dumps(again.as_dict(), allow_nan=False)


def test_regions_without_any_sequence_give_an_empty_structure_set():
    dataset = phantom("PTV")
    for keyword in ("StructureSetROISequence", "ROIContourSequence", "RTROIObservationsSequence"):
        delattr(dataset, keyword)
    structures = read_structures(written(dataset))
    assert len(structures) == 0 and codes(structures) == ["rt.roi-incomplete"]


def values(dataset: Dataset) -> Iterator[tuple[Dataset, int]]:
    """Every element of a data set and of its items."""
    for element in dataset:
        yield dataset, int(element.tag)
        if element.VR == "SQ":
            for item in element.value:
                yield from values(item)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_damage_never_raises_and_never_spoils_other_regions(data: st.DataObject) -> None:
    dataset = phantom("spoilt", "healthy")
    places = list(values(dataset.ROIContourSequence[0])) + list(values(dataset.StructureSetROISequence[0]))
    for place in data.draw(st.lists(st.sampled_from(range(len(places))), min_size=1, max_size=4, unique=True)):
        item, tag = places[place]
        if tag in item:
            del item[tag]
            junk = data.draw(st.sampled_from([None, b"", b"x", b"1\\2", b"\\", b"9" * 40, b"2", b"-1", b"1e400"]))
            if junk is not None:
                item[tag] = RawDataElement(Tag(tag), "DS", len(junk), junk, 0, False, True)
    structures = read_structures(dataset)
    healthy = [roi for roi in structures if roi.name == "healthy"]
    assert len(healthy) == 1
    circles = [circle(z) for z in PLANES]
    found = [
        any(c.points.shape == one.shape and np.abs(c.points - one).max() < 1e-4 for c in healthy[0].contours)
        for one in circles
    ]
    assert all(found)
