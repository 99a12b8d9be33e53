"""CT series as Part-10 files, one per slice, for the head phantom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

_INTERCEPT = -1024


def _uid(*parts: object) -> str:
    return str(generate_uid(entropy_srcs=["dicomlogic head phantom", *map(str, parts)]))


def write_series(
    folder: Path,
    number: int,
    description: str,
    values: NDArray[np.float32],
    ijk_to_lps: NDArray[np.float64],
    *,
    tilt: float = 0.0,
    without: Sequence[int] = (),
) -> list[Path]:
    """Write ``[k, j, i]`` HU as one CT file per slice; slices `without` are left out. `tilt` in degrees.

    Returns the files written, k ascending.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stored = np.clip(np.rint(values) - _INTERCEPT, 0, 4095).astype("<u2")
    common = _series(number, description, ijk_to_lps, stored.shape, tilt)
    files = []
    for k in range(len(stored)):
        if k not in without:
            path = folder / f"{k + 1:03d}.dcm"
            _slice(common, number, k, ijk_to_lps, stored[k]).save_as(path, enforce_file_format=True)
            files.append(path)
    return files


def _series(number: int, description: str, matrix: NDArray[np.float64], shape: tuple[int, ...], tilt: float) -> Dataset:
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = CTImageStorage
    dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = "20240102"
    dataset.StudyTime = dataset.SeriesTime = dataset.ContentTime = f"12{number:02d}00"
    dataset.Modality = "CT"
    dataset.Manufacturer = "DICOMLogic"
    dataset.AccessionNumber = "HEAD1"
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = "Analytic head phantom"
    dataset.SeriesDescription = description
    dataset.PatientName = "Phantom^Head"
    dataset.PatientID = "HEAD"
    dataset.PatientBirthDate = ""
    dataset.PatientSex = "O"
    dataset.BodyPartExamined = "HEAD"
    dataset.SliceThickness = f"{spacing[2]:g}"
    dataset.KVP = "120"
    dataset.GantryDetectorTilt = f"{tilt:g}"
    dataset.PatientPosition = "HFS"
    dataset.StudyInstanceUID = _uid("study")
    dataset.SeriesInstanceUID = _uid("series", number)
    dataset.StudyID = "1"
    dataset.SeriesNumber = number
    dataset.FrameOfReferenceUID = _uid("frame of reference", number)
    dataset.PositionReferenceIndicator = ""
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.ImageOrientationPatient = [
        f"{cosine:.12g}" for axis in (0, 1) for cosine in matrix[:3, axis] / spacing[axis]
    ]
    dataset.PixelSpacing = [f"{spacing[1]:g}", f"{spacing[0]:g}"]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = shape[1:]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = _INTERCEPT, 1, "HU"
    dataset.WindowCenter, dataset.WindowWidth = ["40", "500"], ["100", "2500"]
    dataset.WindowCenterWidthExplanation = ["BRAIN", "BONE"]
    return dataset


def _slice(common: Dataset, number: int, k: int, matrix: NDArray[np.float64], stored: NDArray[np.uint16]) -> Dataset:
    dataset = Dataset(common)
    dataset.SOPInstanceUID = _uid("instance", number, k)
    dataset.InstanceNumber = k + 1
    position = matrix[:3, 3] + k * matrix[:3, 2]
    dataset.ImagePositionPatient = [f"{value:.12g}" for value in position]
    dataset.SliceLocation = f"{position[2]:.10g}"
    dataset.PixelData = stored.tobytes()
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    return dataset
