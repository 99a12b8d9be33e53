"""Objects that are no stack of slices: clips, projections, nuclear medicine, segmentations, captures, private ones."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID

from dicomlogic_core.testing.phantom_objects import base, set_pixels, uid

PRIVATE_CLASS = UID("1.3.6.1.4.1.99999.1.7")
PRIVATE_CREATOR = "PHANTOM CREATOR"

_FRAMES = 4


def clip(name: str, sop_class: str, modality: str) -> Dataset:
    """Four grey frames in time; frame k is filled with 10 k."""
    dataset = base(name, UID(sop_class), modality, 0)
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.NumberOfFrames = _FRAMES
    dataset.FrameTime = "40"
    dataset.FrameIncrementPointer = 0x00181063
    frames = np.stack([np.full((6, 8), 10 * number, dtype="<u2") for number in range(_FRAMES)])
    set_pixels(dataset, frames)
    return dataset


def nuclear(name: str, count: int) -> Dataset:
    """A reconstructed tomogram (PS3.3 C.8.4.8): its place is in the item of the detector, frames go up along z."""
    dataset = base(name, UID("1.2.840.10008.5.1.4.1.1.20"), "NM", 0)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    dataset.NumberOfFrames = count
    dataset.FrameIncrementPointer = 0x00540080
    dataset.SliceVector = list(range(1, count + 1))
    dataset.NumberOfSlices = count
    dataset.PixelSpacing = [4.0, 4.0]
    dataset.SliceThickness = dataset.SpacingBetweenSlices = 4.0
    detector = Dataset()
    detector.ImagePositionPatient = [-16.0, -12.0, 0.0]
    detector.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    dataset.DetectorInformationSequence = [detector]
    set_pixels(dataset, np.stack([np.full((6, 8), 10 + number, dtype="<u2") for number in range(count)]))
    return dataset


def segmentation(name: str, count: int) -> Dataset:
    """A binary segmentation (PS3.3 A.51): every frame has its first row set."""
    dataset = base(name, UID("1.2.840.10008.5.1.4.1.1.66.4"), "SEG", 0)
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.NumberOfFrames = count
    dataset.SegmentationType = "BINARY"
    segment = Dataset()
    segment.SegmentNumber, segment.SegmentLabel, segment.SegmentAlgorithmType = 1, "first row", "MANUAL"
    dataset.SegmentSequence = [segment]
    shared, measures, plane = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [1.0, 1.0], 2.0
    plane.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [plane]
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = [_segment_frame(number) for number in range(count)]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = 8, 8
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = dataset.PixelRepresentation = 0
    # Eight pixels of a row are one byte, the first of them its lowest bit (PS3.5 8.1.1); an even number of bytes.
    bits = (b"\xff" + bytes(7)) * count
    dataset.PixelData = bits + bytes(len(bits) % 2)
    return dataset


def _segment_frame(number: int) -> Dataset:
    frame, position, named = Dataset(), Dataset(), Dataset()
    position.ImagePositionPatient = [0.0, 0.0, 2.0 * number]
    named.ReferencedSegmentNumber = 1
    frame.PlanePositionSequence, frame.SegmentIdentificationSequence = [position], [named]
    return frame


def capture(name: str) -> Dataset:
    """A secondary capture in colour (PS3.3 A.8.1)."""
    dataset = base(name, UID("1.2.840.10008.5.1.4.1.1.7"), "OT", 0)
    del dataset.FrameOfReferenceUID
    dataset.ConversionType = "WSD"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.Rows, dataset.Columns = 6, 8
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.PixelData = np.arange(6 * 8 * 3, dtype=np.uint8).tobytes()
    return dataset


def private(name: str, number: int) -> Dataset:
    """An object of a class that PS3.6 does not have; (0099,xx01) of its creator holds ``1\\2\\3`` plus its number."""
    dataset = base(name, PRIVATE_CLASS, "OT", number)
    del dataset.FrameOfReferenceUID
    block = dataset.private_block(0x0099, PRIVATE_CREATOR, create=True)
    block.add_new(0x01, "DS", [str(value + number) for value in (1, 2, 3)])
    block.add_new(0x02, "UI", uid(name, "refers to"))
    return dataset
