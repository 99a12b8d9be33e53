"""Reading the headers of a local series into all columns of the index, against peers that read only what is there."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.common import Row, seconds
from dicomlogic_core.header.part10 import Part10Reader
from dicomlogic_core.header.rows import HeaderRow
from dicomlogic_core.header.wanted import wanted_tags

_HEAD = 8192
_TARGETS = {"pydicom specific_tags": (20, 40), "fastdicom": (1.5, 1.5), "dicomsdl": (1.5, 1.5)}
_LIMIT = "limit: open, read 8 KiB, close"


def rows(*, quick: bool) -> list[Row]:
    """The table's rows."""
    count = 200 if quick else 1000
    with tempfile.TemporaryDirectory() as folder:
        paths = write_series(Path(folder), count)
        wanted = wanted_tags()
        walk, layout = Part10Reader(wanted, learn=False), Part10Reader(wanted)
        peers = {**_peers(paths[0]), _LIMIT: _bare}
        runs = [_all(read, paths) for read in peers.values()]
        ours = [lambda: _read_all(walk, paths), lambda: _read_all(layout, paths)]
        times = seconds(*ours, *runs, repeats=3 if quick else 5)
    speeds = [count / time for time in times]
    return [
        Row(
            stage=f"header read, {stage}",
            ours=speeds[number],
            peer=peer,
            theirs=theirs,
            target=_TARGETS.get(peer, (0.03, 0.08))[number],
            unit="files/s",
            note=f"{len(wanted.keys)} columns",
        )
        for number, stage in enumerate(("walk", "layout"))
        for peer, theirs in zip(peers, speeds[2:])
    ]


def _all(read: Callable[[str], Any], paths: list[str]) -> Callable[[], Any]:
    return lambda: [read(path) for path in paths]


def _read_all(reader: Part10Reader, paths: list[str]) -> list[HeaderRow]:
    return [_read(reader, path) for path in paths]


def _read(reader: Part10Reader, path: str) -> HeaderRow:
    file = os.open(path, os.O_RDONLY)
    try:
        head = os.read(file, _HEAD)
        return reader.read(head, lambda size: head + os.read(file, size - len(head)))
    finally:
        os.close(file)


def _bare(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, _HEAD)
    finally:
        os.close(file)


def _peers(example: str) -> dict[str, Callable[[str], Any]]:
    import pydicom

    there = set(pydicom.dcmread(example, stop_before_pixels=True).keys())
    tags = [tag for tag in (int(key, 16) for key in wanted_tags().keys if "|" not in key) if tag in there]
    keywords = [pydicom.datadict.keyword_for_tag(tag) for tag in tags]

    def with_pydicom(path: str) -> list[Any]:
        dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags)
        return [dataset.get(keyword) for keyword in keywords]

    peers: dict[str, Callable[[str], Any]] = {"pydicom specific_tags": with_pydicom}
    try:
        import fastdicom
    except ImportError:
        print("fastdicom is not installed: uv run --with fastdicom")
    else:

        def with_fastdicom(path: str) -> list[Any]:
            dataset = fastdicom.dcmread(path, stop_before_pixels=True)
            return [dataset.get(keyword) for keyword in keywords]

        peers["fastdicom"] = with_fastdicom
    try:
        import dicomsdl
    except ImportError:
        print("dicomsdl is not installed: uv run --with dicomsdl")
    else:

        def with_dicomsdl(path: str) -> list[Any]:
            dataset = dicomsdl.open(path)
            return [getattr(dataset, keyword, None) for keyword in keywords]

        peers["dicomsdl"] = with_dicomsdl
    return peers


def write_series(folder: Path, count: int) -> list[str]:
    """A CT series of `count` files with about 130 elements each, 24 of which differ from slice to slice."""
    import pydicom
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    chance = random.Random(1)
    dataset = _common(pydicom)
    paths = []
    for number in range(count):
        uid = generate_uid(entropy_srcs=[str(number)])
        dataset.SOPInstanceUID = uid
        dataset.InstanceNumber = str(number + 1)
        dataset.ImagePositionPatient = [-250.5, -250.5, f"{-300.25 + number * 1.25:.6f}"]
        dataset.SliceLocation = f"{-300.25 + number * 1.25:.3f}"
        dataset.ContentTime = dataset.AcquisitionTime = f"1012{number % 60:02d}.{chance.randrange(10**6):06d}"
        dataset.AcquisitionDateTime = f"20240102{dataset.ContentTime}"
        dataset.XRayTubeCurrent = str(chance.randrange(100, 400))
        dataset.Exposure = str(chance.randrange(10, 99))
        dataset.ExposureInuAs = str(chance.randrange(10000, 99999))
        dataset.WindowCenter = [str(chance.randrange(30, 60)), "-600"]
        dataset.InstanceCreationTime = dataset.ContentTime
        dataset.ImageComments = f"slice {number}"
        dataset.SmallestImagePixelValue = chance.randrange(5)
        dataset.LargestImagePixelValue = chance.randrange(1000, 4000)
        block = dataset.private_block(0x0019, "SIEMENS CT VA0  COAD", create=True)
        for element in range(0x90, 0x99):
            block.add_new(element, "IS", str(chance.randrange(100000)))
        dataset.file_meta.MediaStorageSOPInstanceUID = uid
        path = folder / f"{number:05d}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(str(path))
    assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian and dataset.SOPClassUID == CTImageStorage
    return paths


def _common(pydicom: Any) -> Any:
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        setattr(dataset, keyword, generate_uid(entropy_srcs=[keyword]))
    for text in _TEXTS.strip().split("\n"):
        keyword, value = text.strip().split(" ", 1)
        setattr(dataset, keyword, value.split("\\") if "\\" in value else value)
    for keyword, number in _NUMBERS.items():
        setattr(dataset, keyword, number)
    block = dataset.private_block(0x0029, "SIEMENS MEDCOM HEADER", create=True)
    for element in range(0x10, 0x2A):
        block.add_new(element, "LO", f"private text {element}")
    reference = pydicom.Dataset()
    reference.ReferencedSOPClassUID = CTImageStorage
    reference.ReferencedSOPInstanceUID = generate_uid(entropy_srcs=["reference"])
    dataset.ReferencedImageSequence = [reference]
    dataset.PixelData = bytes(2 * 64 * 64)
    dataset["PixelData"].VR = "OW"
    return dataset


_NUMBERS = {
    "SamplesPerPixel": 1,
    "Rows": 64,
    "Columns": 64,
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
    "SingleCollimationWidth": 0.6,
    "TotalCollimationWidth": 38.4,
    "TableSpeed": 46.0,
    "TableFeedPerRotation": 23.0,
    "SpiralPitchFactor": 0.6,
    "CTDIvol": 8.7,
}

_TEXTS = r"""
SpecificCharacterSet ISO_IR 100
ImageType ORIGINAL\PRIMARY\AXIAL\CT_SOM5 SPI
InstanceCreationDate 20240102
StudyDate 20240102
SeriesDate 20240102
AcquisitionDate 20240102
ContentDate 20240102
StudyTime 101112
SeriesTime 101154.5
AccessionNumber 1234567890
Modality CT
Manufacturer SIEMENS
InstitutionName University Hospital
InstitutionAddress Street 5, City, State
ReferringPhysicianName Referring^Physician
StationName CTAWP1234
StudyDescription Thorax^Routine
SeriesDescription Thorax 1.5 B70f
InstitutionalDepartmentName Radiology
PhysiciansOfRecord Doe^John
PerformingPhysicianName Doe^Jane
OperatorsName Smith
ManufacturerModelName Sensation 64
PatientName Müller^Anna
PatientID 42-4711
PatientBirthDate 19500101
PatientSex F
PatientAge 074Y
PatientSize 1.70
PatientWeight 70
PatientComments none
ContrastBolusAgent Iomeprol
BodyPartExamined CHEST
SliceThickness 1.5
KVP 120
DataCollectionDiameter 500
DeviceSerialNumber 12345
SoftwareVersions syngo CT 2012B
ProtocolName Thorax_Routine
ReconstructionDiameter 350
DistanceSourceToDetector 1040
DistanceSourceToPatient 570
GantryDetectorTilt 0
TableHeight 150
RotationDirection CW
ExposureTime 500
FilterType 0
GeneratorPower 34
FocalSpots 1.2
DateOfLastCalibration 20240101
TimeOfLastCalibration 060000
ConvolutionKernel B70f
PatientPosition HFS
ExposureModulationType XYZ_EC
StudyID 1
SeriesNumber 3
AcquisitionNumber 2
ImageOrientationPatient 1\0\0\0\1\0
PositionReferenceIndicator SN
PhotometricInterpretation MONOCHROME2
PixelSpacing 0.68359375\0.68359375
BurnedInAnnotation NO
WindowWidth 350\1500
RescaleIntercept -1024
RescaleSlope 1
RescaleType HU
WindowCenterWidthExplanation WINDOW1\WINDOW2
LossyImageCompression 00
RequestingPhysician Requester
RequestedProcedureDescription CT Thorax
PerformedProcedureStepStartDate 20240102
PerformedProcedureStepStartTime 101112
PerformedProcedureStepID CT2024
PerformedProcedureStepDescription CT Thorax
"""
