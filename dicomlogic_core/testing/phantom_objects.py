"""The datasets phantoms are made of: single slices, enhanced multi-frame objects, colour slices."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

CT_IMAGE = UID("1.2.840.10008.5.1.4.1.1.2")
MR_IMAGE = UID("1.2.840.10008.5.1.4.1.1.4")
ENHANCED_CT = UID("1.2.840.10008.5.1.4.1.1.2.1")
ENHANCED_MR = UID("1.2.840.10008.5.1.4.1.1.4.1")
_AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def uid(*parts: object) -> UID:
    """A UID made from texts: the same for the same texts (PS3.5 B.2, derived from a digest)."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return UID(f"2.25.{int.from_bytes(digest[:16], 'big')}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """What differs from slice to slice. `value`: of all pixels but the marked one; the slice's number by default."""

    position: tuple[float, float, float]
    orientation: Sequence[float] = _AXIAL
    spacing: tuple[float, float] = (0.8, 0.7)
    size: tuple[int, int] = (32, 24)
    value: int | None = None


def pixels(value: int, size: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """`size` rows and columns of `value`, 1000 in row 3, column 5."""
    array = np.full(size, value, dtype="<u2")
    array[3, 5] = 1000
    return array


def base(name: str, sop_class: UID, modality: str, number: int) -> Dataset:
    """The modules that all phantoms have; `name` tells studies' series apart."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid(name, "instance", number)
    dataset.StudyInstanceUID = uid(name, "study")
    dataset.SeriesInstanceUID = uid(name, "series")
    dataset.FrameOfReferenceUID = uid(name, "frame of reference")
    dataset.PatientID = "PHANTOM"
    dataset.PatientName = "Phantom^Tricky"
    dataset.StudyDate = "20200102"
    dataset.StudyTime = "030405"
    dataset.Modality = modality
    dataset.SeriesNumber = 7
    dataset.SeriesDescription = name
    dataset.InstanceNumber = number + 1
    return dataset


def set_pixels(dataset: Dataset, array: np.ndarray[Any, Any], *, bits_stored: int = 12, signed: bool = False) -> None:
    """Grey pixels ``[row, column]`` or ``[frame, row, column]``, 16 bits allocated."""
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = array.shape[-2:]
    dataset.BitsAllocated = 16
    dataset.BitsStored = bits_stored
    dataset.HighBit = bits_stored - 1
    dataset.PixelRepresentation = int(signed)
    dataset.PixelData = array.tobytes()


def ct_slice(number: int, one: Slice, *, name: str) -> Dataset:
    """A CT image of conventions: 12 bits stored, HU with intercept -1024."""
    dataset = base(name, CT_IMAGE, "CT", number)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.ImagePositionPatient = [float(value) for value in one.position]
    dataset.ImageOrientationPatient = [float(f"{value:.12g}") for value in one.orientation]
    dataset.PixelSpacing = list(one.spacing)
    dataset.SliceThickness = 2
    dataset.RescaleSlope = "1"
    dataset.RescaleIntercept = "-1024"
    dataset.RescaleType = "HU"
    set_pixels(dataset, pixels(number if one.value is None else one.value, one.size))
    return dataset


def colour_slice(number: int, one: Slice, *, name: str) -> Dataset:
    """An RGB slice with a place in the patient: red = number, green = 2 x number, blue = 255 in the marked pixel."""
    dataset = ct_slice(number, one, name=name)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = MR_IMAGE
    dataset.Modality = "MR"
    del dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType
    array = np.zeros((*one.size, 3), dtype=np.uint8)
    array[..., 0], array[..., 1] = number, 2 * number
    array[3, 5, 2] = 255
    dataset.SamplesPerPixel = 3
    dataset.PhotometricInterpretation = "RGB"
    dataset.PlanarConfiguration = 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelData = array.tobytes()
    return dataset


def _item(**values: object) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def enhanced(
    slices: Sequence[Slice],
    *,
    name: str,
    sop_class: UID = ENHANCED_CT,
    modality: str = "CT",
    stacks: Sequence[str] | None = None,
    temporal: Sequence[int] | None = None,
    rescale: Sequence[tuple[float, float]] | None = None,
    number: int = 0,
) -> Dataset:
    """One multi-frame object, its frames in the given order, with per-frame groups (PS3.3 C.7.6.16).

    Args:
        stacks: StackID of every frame.
        temporal: TemporalPositionIndex of every frame.
        rescale: slope and intercept of every frame; 1 and -1024 shared by default.
    """
    dataset = base(name, sop_class, modality, number)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.NumberOfFrames = len(slices)
    shared = _item()
    if rescale is None:
        shared.PixelValueTransformationSequence = [_rescale(1.0, -1024.0)]
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for index, one in enumerate(slices):
        frame = _item(
            PlanePositionSequence=[_item(ImagePositionPatient=list(map(float, one.position)))],
            PlaneOrientationSequence=[_item(ImageOrientationPatient=list(map(float, one.orientation)))],
            PixelMeasuresSequence=[_item(PixelSpacing=list(one.spacing), SliceThickness=2)],
        )
        content = _item(DimensionIndexValues=[1, index + 1])
        content.StackID = stacks[index] if stacks else "1"
        content.InStackPositionNumber = index + 1
        if temporal:
            content.TemporalPositionIndex = temporal[index]
        frame.FrameContentSequence = [content]
        if rescale is not None:
            frame.PixelValueTransformationSequence = [_rescale(*rescale[index])]
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = frames
    values = [index if one.value is None else one.value for index, one in enumerate(slices)]
    set_pixels(dataset, np.stack([pixels(value, one.size) for value, one in zip(values, slices)]))
    return dataset


def _rescale(slope: float, intercept: float) -> Dataset:
    return _item(RescaleSlope=slope, RescaleIntercept=intercept, RescaleType="HU")


def save(dataset: Dataset, path: Path) -> Path:
    """Write a Part-10 file."""
    dataset.save_as(path, enforce_file_format=True)
    return path
