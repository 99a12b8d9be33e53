"""Radiotherapy phantoms: contours of solids whose volumes are known, and structure sets and doses written as files.

Solids are centred at the origin and cut by planes across z; `placed` turns and moves them. Structure sets and doses of
one `name` share study and frame of reference with `phantoms.write_ct` of that name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, ExplicitVRLittleEndian

from dicomlogic_core.testing.phantom_objects import CT_IMAGE, base, uid

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

STRUCTURE_SET = UID("1.2.840.10008.5.1.4.1.1.481.3")
DOSE = UID("1.2.840.10008.5.1.4.1.1.481.2")
PLAN = UID("1.2.840.10008.5.1.4.1.1.481.5")

ORIENTATIONS: dict[str, tuple[float, ...]] = {
    "HFS": (1, 0, 0, 0, 1, 0),
    "HFP": (-1, 0, 0, 0, -1, 0),
    "FFS": (-1, 0, 0, 0, 1, 0),
    "FFP": (1, 0, 0, 0, -1, 0),
    "HFDL": (0, -1, 0, 1, 0, 0),
    "HFDR": (0, 1, 0, -1, 0, 0),
    "FFDL": (0, 1, 0, 1, 0, 0),
    "FFDR": (0, -1, 0, -1, 0, 0),
}
"""ImageOrientationPatient by PatientPosition, when the scanner's axes are the image's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoiPhantom:
    """A region to write.

    Attributes:
        name: ROIName.
        contours: (n, 3) LPS mm each.
        geometric_type: of all its contours.
        colour: ROIDisplayColor; absent when None.
        interpreted_type: RTROIInterpretedType.
        images: SOPInstanceUID that each contour refers to; none when empty.
    """

    name: str
    contours: Sequence[NDArray[np.float64]] = ()
    geometric_type: str = "CLOSED_PLANAR"
    colour: tuple[int, int, int] | None = (255, 0, 0)
    interpreted_type: str = "ORGAN"
    images: Sequence[str] = ()


def circle(radius_mm: float, z_mm: float, *, points: int = 360, centre: tuple[float, float] = (0, 0)) -> Any:
    """(points, 3) vertices of a regular polygon whose area is that of the circle."""
    angles = 2 * np.pi * np.arange(points) / points
    # A polygon through points of the circle would be smaller than it.
    radius = radius_mm * np.sqrt(2 * np.pi / (points * np.sin(2 * np.pi / points)))
    x, y = radius * np.cos(angles) + centre[0], radius * np.sin(angles) + centre[1]
    return np.stack([x, y, np.full(points, z_mm)], axis=1)


def rectangle(width_mm: float, height_mm: float, z_mm: float, *, centre: tuple[float, float] = (0, 0)) -> Any:
    """(4, 3) corners, counter-clockwise seen from +z."""
    x, y = width_mm / 2, height_mm / 2
    corners = [(-x, -y), (x, -y), (x, y), (-x, y)]
    return np.array([(centre[0] + a, centre[1] + b, z_mm) for a, b in corners], dtype=float)


def plane_positions(bottom_mm: float, top_mm: float, spacing_mm: float, *, phase: float = 0.5) -> NDArray[np.float64]:
    """z of planes strictly inside (bottom, top), the first `phase` x spacing above the bottom."""
    steps = np.arange(int((top_mm - bottom_mm) / spacing_mm) + 2, dtype=np.float64)
    positions: NDArray[np.float64] = bottom_mm + spacing_mm * (phase + steps)
    return positions[(positions > bottom_mm + 1e-9) & (positions < top_mm - 1e-9)]


def sphere(radius_mm: float, spacing_mm: float, *, phase: float = 0.5, points: int = 360) -> list[NDArray[np.float64]]:
    """Circles of a sphere on planes `spacing_mm` apart."""
    positions = plane_positions(-radius_mm, radius_mm, spacing_mm, phase=phase)
    return [circle(float(np.sqrt(radius_mm**2 - z**2)), float(z), points=points) for z in positions]


def cylinder(
    radius_mm: float, height_mm: float, spacing_mm: float, *, phase: float = 0.5, points: int = 360
) -> list[NDArray[np.float64]]:
    """Circles of an upright cylinder."""
    positions = plane_positions(-height_mm / 2, height_mm / 2, spacing_mm, phase=phase)
    return [circle(radius_mm, float(z), points=points) for z in positions]


def cone(
    radius_mm: float, height_mm: float, spacing_mm: float, *, phase: float = 0.5, points: int = 360
) -> list[NDArray[np.float64]]:
    """Circles of a cone whose base lies at -height/2 and whose tip at +height/2."""
    positions = plane_positions(-height_mm / 2, height_mm / 2, spacing_mm, phase=phase)
    return [circle(radius_mm * (0.5 - float(z) / height_mm), float(z), points=points) for z in positions]


def keyhole(outer: NDArray[np.float64], inner: NDArray[np.float64]) -> NDArray[np.float64]:
    """One contour that goes round `outer`, through a corridor without width round `inner` backwards, and back."""
    return np.concatenate([outer, outer[:1], inner[:1], inner[:0:-1], inner[:1], outer[:1]])


def placed(contours: Sequence[ArrayLike], matrix: ArrayLike) -> list[NDArray[np.float64]]:
    """Contours under a (4, 4) matrix from their own millimetres to LPS."""
    transform = np.asarray(matrix, dtype=float)
    return [np.asarray(points, dtype=float) @ transform[:3, :3].T + transform[:3, 3] for points in contours]


def turned(axis: str, degrees: float, *, origin: tuple[float, float, float] = (0, 0, 0)) -> NDArray[np.float64]:
    """(4, 4) rotation about ``x``, ``y`` or ``z``, then a shift of the origin."""
    angle = np.deg2rad(degrees)
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(4)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    matrix[:3, 3] = origin
    return matrix


def structure_set(rois: Sequence[RoiPhantom], *, name: str = "ct", images: Sequence[str] = ()) -> Dataset:
    """An RTSTRUCT in the frame of reference of the series `name`, which it refers to by its `images`."""
    dataset = base(name, STRUCTURE_SET, "RTSTRUCT", 0)
    _own_series(dataset, name, "structures")
    dataset.StructureSetLabel = "PHANTOM"
    frame = uid(name, "frame of reference")
    dataset.ReferencedFrameOfReferenceSequence = Items([_referenced(name, images)])
    dataset.StructureSetROISequence = Items()
    dataset.ROIContourSequence = Items()
    dataset.RTROIObservationsSequence = Items()
    for number, roi in enumerate(rois, 1):
        dataset.StructureSetROISequence.append(
            _item(ROINumber=number, ReferencedFrameOfReferenceUID=frame, ROIName=roi.name, ROIGenerationAlgorithm="")
        )
        dataset.ROIContourSequence.append(_contours(number, roi))
        dataset.RTROIObservationsSequence.append(
            _item(
                ObservationNumber=number,
                ReferencedROINumber=number,
                RTROIInterpretedType=roi.interpreted_type,
                ROIInterpreter="",
            )
        )
    return dataset


def dose(
    values: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    size_ijk: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    centre: tuple[float, float, float] = (0, 0, 0),
    orientation: Sequence[float] = ORIENTATIONS["HFS"],
    name: str = "ct",
    scaling: float | None = None,
) -> Dataset:
    """An RTDOSE of 32 bits whose values are a function of the place.

    Args:
        values: Gy of (..., 3) LPS mm.
        spacing_mm: between columns, rows and frames.
        centre: LPS mm of the middle of the grid.
        scaling: DoseGridScaling; a millionth of the maximum by default.
    """
    row, column = np.asarray(orientation[:3], float), np.asarray(orientation[3:], float)
    axes = np.stack([row, column, np.cross(row, column)], axis=1) * np.asarray(spacing_mm)
    first = np.asarray(centre, float) - axes @ ((np.asarray(size_ijk) - 1) / 2)
    k, j, i = np.meshgrid(*(np.arange(size, dtype=float) for size in size_ijk[::-1]), indexing="ij")
    doses = values(first + np.stack([i, j, k], axis=-1) @ axes.T)
    dataset = base(name, DOSE, "RTDOSE", 0)
    _own_series(dataset, name, "dose")
    dataset.DoseUnits, dataset.DoseType, dataset.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    dataset.ImagePositionPatient = [float(f"{value:.10g}") for value in first]
    dataset.ImageOrientationPatient = [float(f"{value:.10g}") for value in orientation]
    dataset.PixelSpacing = [spacing_mm[1], spacing_mm[0]]
    dataset.NumberOfFrames = size_ijk[2]
    dataset.FrameIncrementPointer = 0x3004000C
    dataset.GridFrameOffsetVector = [float(f"{spacing_mm[2] * k:.10g}") for k in range(size_ijk[2])]
    _store(dataset, doses, scaling)
    return dataset


def _store(dataset: Dataset, doses: NDArray[np.float64], scaling: float | None) -> None:
    step = scaling or float(f"{max(float(doses.max()), 1e-9) / 1e6:.9g}")
    dataset.DoseGridScaling = f"{step:.10g}"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = doses.shape[1:]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 32, 32, 31, 0
    dataset.PixelData = np.rint(doses / step).astype("<u4").tobytes()


def _own_series(dataset: Dataset, name: str, kind: str) -> None:
    dataset.SeriesInstanceUID = uid(name, kind, "series")
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid(name, kind, "instance")
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SeriesDescription = kind


def _referenced(name: str, images: Sequence[str]) -> Dataset:
    contour_images = Items([_image(one) for one in images])
    series = _item(SeriesInstanceUID=uid(name, "series"), ContourImageSequence=contour_images)
    study = _item(
        ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1",
        ReferencedSOPInstanceUID=uid(name, "study"),
        RTReferencedSeriesSequence=Items([series]),
    )
    return _item(FrameOfReferenceUID=uid(name, "frame of reference"), RTReferencedStudySequence=Items([study]))


def _image(sop_uid: str) -> Dataset:
    return _item(ReferencedSOPClassUID=CT_IMAGE, ReferencedSOPInstanceUID=sop_uid)


def _contours(number: int, roi: RoiPhantom) -> Dataset:
    item = _item(ReferencedROINumber=number)
    if roi.colour is not None:
        item.ROIDisplayColor = list(roi.colour)
    if roi.contours:
        item.ContourSequence = Items()
    for index, points in enumerate(roi.contours):
        contour = _item(ContourGeometricType=roi.geometric_type, NumberOfContourPoints=len(points))
        contour.ContourData = [f"{value:.10g}" for value in np.asarray(points).ravel()]
        if index < len(roi.images):
            contour.ContourImageSequence = Items([_image(roi.images[index])])
        item.ContourSequence.append(contour)
    return item


def _item(**values: object) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item
