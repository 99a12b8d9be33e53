"""What belongs to a PET phantom: CT of its frame of reference, and objects that refer to either."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID

from dicomlogic_core.testing.phantom_objects import CT_IMAGE, base, set_pixels, uid
from dicomlogic_core.testing.phantom_pet import set_values
from dicomlogic_core.testing.phantom_pet_enhanced import item

STRUCTURE_SET = UID("1.2.840.10008.5.1.4.1.1.481.3")
SEGMENTATION = UID("1.2.840.10008.5.1.4.1.1.66.4")

World = Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]


def linear_hu(points: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """HU at points (n, 3) LPS mm: linear, so that trilinear interpolation gives it back exactly between voxels."""
    hounsfield: np.ndarray[Any, Any] = points @ np.array([4.0, -8.0, 16.0])
    return hounsfield


def ct_of(
    pet: Sequence[Dataset],
    *,
    name: str = "CT AC",
    first_mm: tuple[float, float, float] = (-20.0, -20.0, 24.0),
    size: tuple[int, int] = (40, 44),
    spacing_mm: tuple[float, float] = (1.0, 1.0),
    step_mm: float = 2.0,
    count: int = 13,
    backwards: bool = False,
    value: World = linear_hu,
    **values: Any,
) -> list[Dataset]:
    """A CT of the study and frame of reference of `pet` whose voxels hold `value` of their place, HU rounded to 1.

    By default it is a little wider than the default PET in every direction.

    Args:
        pet: datasets of the PET.
        name: tells series apart; also the SeriesDescription.
        first_mm: centre of the first voxel, LPS mm.
        size: rows, columns.
        spacing_mm: between rows, between columns.
        step_mm: between slices, along z.
        count: slices.
        backwards: number the instances from the last position to the first.
        value: HU at points.
        values: attributes by keyword; None takes one away.
    """
    made = []
    places = range(count)[::-1] if backwards else range(count)
    for number, place in enumerate(places):
        dataset = base(f"{pet[0].SeriesDescription} {name}", CT_IMAGE, "CT", number)
        dataset.SeriesDescription = name
        dataset.SeriesNumber = 3
        dataset.StudyInstanceUID = pet[0].StudyInstanceUID
        dataset.FrameOfReferenceUID = pet[0].FrameOfReferenceUID
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.ImagePositionPatient = [first_mm[0], first_mm[1], first_mm[2] + step_mm * place]
        dataset.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
        dataset.PixelSpacing = list(spacing_mm)
        dataset.SliceThickness = step_mm
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = "1", "-1024", "HU"
        rows, columns = np.meshgrid(np.arange(size[0]), np.arange(size[1]), indexing="ij")
        points = np.stack(
            [
                first_mm[0] + spacing_mm[1] * columns.ravel(),
                first_mm[1] + spacing_mm[0] * rows.ravel(),
                np.full(rows.size, first_mm[2] + step_mm * place),
            ],
            axis=1,
        )
        stored = (np.round(value(points)) + 1024).reshape(size).astype("<u2")
        set_pixels(dataset, stored, bits_stored=16)
        set_values(dataset, values)
        made.append(dataset)
    return made


def structure_set_of(images: Sequence[Dataset], *, name: str = "structures") -> Dataset:
    """A structure set without contours that refers to the series of `images` (PS3.3 C.8.8.5)."""
    dataset = _referring(images, STRUCTURE_SET, "RTSTRUCT", name)
    dataset.StructureSetLabel = name
    series = item(
        SeriesInstanceUID=images[0].SeriesInstanceUID,
        ContourImageSequence=[
            item(ReferencedSOPClassUID=one.SOPClassUID, ReferencedSOPInstanceUID=one.SOPInstanceUID) for one in images
        ],
    )
    study = item(
        ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1",
        ReferencedSOPInstanceUID=images[0].StudyInstanceUID,
        RTReferencedSeriesSequence=[series],
    )
    dataset.ReferencedFrameOfReferenceSequence = [
        item(FrameOfReferenceUID=images[0].FrameOfReferenceUID, RTReferencedStudySequence=[study])
    ]
    return dataset


def segmentation_of(images: Sequence[Dataset], *, name: str = "segmentation") -> Dataset:
    """A segmentation without frames that refers to the series of `images` (PS3.3 C.12.2)."""
    dataset = _referring(images, SEGMENTATION, "SEG", name)
    dataset.ReferencedSeriesSequence = [item(SeriesInstanceUID=images[0].SeriesInstanceUID)]
    return dataset


def _referring(images: Sequence[Dataset], sop_class: UID, modality: str, name: str) -> Dataset:
    dataset = base(f"{images[0].SeriesInstanceUID} {name}", sop_class, modality, 0)
    dataset.StudyInstanceUID = images[0].StudyInstanceUID
    dataset.FrameOfReferenceUID = images[0].FrameOfReferenceUID
    dataset.SeriesInstanceUID = uid(images[0].SeriesInstanceUID, name)
    dataset.SeriesDescription = name
    return dataset
