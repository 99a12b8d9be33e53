"""Regions as items of the three sequences of a structure set that tell of them (PS3.3 C.8.8.5, C.8.8.6, C.8.8.8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset
from pydicom.charset import default_encoding
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from dicomlogic_rt.image_sets import ImageSet
from dicomlogic_rt.reference_writing import contour_image
from dicomlogic_rt.rois import Code, Contour, Observation, Roi
from dicomlogic_rt.written_values import LONG_TEXT, SHORT_PARAGRAPH, SHORT_TEXT, decimal, term, text

if TYPE_CHECKING:
    from numpy.typing import NDArray


def head_item(roi: Roi, frame_of_reference: str) -> Dataset:
    """Of StructureSetROISequence; `frame_of_reference` where the region tells none."""
    item = Dataset()
    item.ROINumber = roi.number
    item.ReferencedFrameOfReferenceUID = roi.frame_of_reference_uid or frame_of_reference
    item.ROIName = text(roi.name, LONG_TEXT)
    description = roi.description or (roi.name if len(roi.name) > LONG_TEXT else "")
    if description:
        item.ROIDescription = description[:SHORT_PARAGRAPH]
    item.ROIGenerationAlgorithm = term(roi.algorithm)
    return item


def region_item(roi: Roi, images: ImageSet | None, classes: Mapping[str, str]) -> Dataset:
    """Of ROIContourSequence, without contours that have no points; `classes` are the SOP classes of images."""
    item = Dataset()
    item.ReferencedROINumber = roi.number
    if roi.colour is not None:
        item.ROIDisplayColor = list(roi.colour)
    contours = [contour for contour in roi.contours if len(contour.points)]
    if contours:
        item.ContourSequence = [_contour(one, number, images, classes) for number, one in enumerate(contours, 1)]
    return item


def _contour(contour: Contour, number: int, images: ImageSet | None, classes: Mapping[str, str]) -> Dataset:
    item = Dataset()
    item.ContourNumber = number
    image = contour_image(contour, images, classes)
    if image is not None:
        item.ContourImageSequence = [image]
    item.ContourGeometricType = term(contour.geometric_type)
    if contour.slab_thickness_mm is not None:
        item.ContourSlabThickness = decimal(contour.slab_thickness_mm)
    if contour.offset_vector_mm is not None:
        item.ContourOffsetVector = [decimal(part) for part in contour.offset_vector_mm]
    item.NumberOfContourPoints = len(contour.points)
    # Raw, since pydicom would make an object of every coordinate; it does so, too, while writing raw values whose
    # encoding is not said to be that of the file.
    tag, value = Tag("ContourData"), _contour_data(contour.points)
    item[tag] = RawDataElement(tag, "DS", len(value), value, 0, True, True)
    item.set_original_encoding(is_implicit_vr=True, is_little_endian=True, character_encoding=default_encoding)
    return item


def _contour_data(points: NDArray[np.float64]) -> bytes:
    data = "\\".join(map(decimal, points.ravel().tolist()))
    return (data + " " * (len(data) % 2)).encode("ascii")


def observation_items(rois: Sequence[Roi]) -> list[Dataset]:
    """Of RTROIObservationsSequence: one for each region at least, numbered from 1."""
    items: list[Dataset] = []
    for roi in rois:
        said = roi.observations or (Observation(interpreted_type=roi.interpreted_type, codes=roi.codes),)
        for observation in said:
            item = Dataset()
            item.ObservationNumber = len(items) + 1
            item.ReferencedROINumber = roi.number
            if observation.label:
                item.ROIObservationLabel = text(observation.label, SHORT_TEXT)
            if observation.description:
                item.ROIObservationDescription = observation.description[:SHORT_PARAGRAPH]
            item.RTROIInterpretedType = term(observation.interpreted_type)
            item.ROIInterpreter = ""
            codes = [code for code in observation.codes if code.value]
            if codes:
                item.RTROIIdentificationCodeSequence = [_code(code) for code in codes]
            known = [(name, value) for name, value in observation.physical_properties.items() if np.isfinite(value)]
            if known:
                item.ROIPhysicalPropertiesSequence = [_property(name, value) for name, value in known]
            items.append(item)
    return items


def _code(code: Code) -> Dataset:
    item = Dataset()
    if ":" in code.value:
        item.URNCodeValue = code.value
    elif len(code.value) > SHORT_TEXT:
        item.LongCodeValue = code.value
    else:
        item.CodeValue = code.value
    item.CodingSchemeDesignator = text(code.scheme, SHORT_TEXT)
    item.CodeMeaning = text(code.meaning, LONG_TEXT)
    return item


def _property(name: str, value: float) -> Dataset:
    item = Dataset()
    item.ROIPhysicalProperty, item.ROIPhysicalPropertyValue = term(name), decimal(value)
    return item
