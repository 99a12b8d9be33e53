"""What is registered: one adaptor for series that repeat positions, and the columns its tables read."""

from __future__ import annotations

from collections.abc import Iterable

from dicomlogic_core import AdaptorProvider, PrivateTag, hookimpl
from dicomlogic_multi_volume.candidates import CANDIDATES, READ

_STORAGE = "1.2.840.10008.5.1.4.1.1."

# The image classes of PS3.4 whose frames can repeat positions; not those of dose, RT images and segmentations.
_IMAGES = (
    "2 2.1 2.2 3.1 4 4.1 4.3 4.4 6.1 6.2 7 7.1 7.2 7.3 7.4 12.1 12.1.1 12.2 12.2.1 13.1.1 13.1.2 13.1.3 13.1.4 13.1.5 "
    "14.1 14.2 20 30 77.1.5.4 128 128.1 130"
)
# Of these a series may be one volume of a set.
_VOLUMES = "2 2.1 2.2 4 4.1 4.3 4.4 20 128 128.1 130"
# Kept so that sequences can be named, scaled and written by whoever reads them; no axis hangs on these.
_OTHERS = (
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    *("FrameOfReferenceUID", "SeriesTime", "ActualFrameDuration", "FrameTime", "FrameTimeVector", "CineRate"),
    *("FrameIncrementPointer", "RecommendedDisplayFrameRate", "PositionerPrimaryAngle", "PositionerSecondaryAngle"),
    *("DetectorInformationSequence", "SliceVector"),  # where the slices of nuclear medicine lie
    *("DimensionIndexSequence", "DimensionIndexValues", "FrameReferenceDateTime", "ImageIndex", "ImageComments"),
    PrivateTag("SIEMENS MR HEADER", 0x0019, 0x27),
    PrivateTag("SIEMENS MR HEADER", 0x0019, 0x29),
    PrivateTag("Philips Imaging DD 001", 0x2001, 0x04),
)


@hookimpl
def dicomlogic_adaptors() -> Iterable[AdaptorProvider]:
    """Sequences of volumes of classic, enhanced and tiled objects."""
    tags = [*(tag for candidate in CANDIDATES for tag in candidate.tags), *READ, *_OTHERS]
    yield AdaptorProvider(
        name="multi-volume",
        label="Sequences of volumes",
        factory="dicomlogic_multi_volume.adaptor:MultiVolumeAdaptor",
        sop_classes=frozenset(_STORAGE + end for end in _IMAGES.split()),
        private_classes=True,
        requires=("Rows", "Columns"),
        tags=tuple(dict.fromkeys(tags)),
        options={
            "axis": "order volumes by these, joined by +: EchoTime, AcquisitionTime, InstanceNumber ...",
            "irregular": "uneven stacks: fill, as-is or error",
            "show_phi": "true: volumes carry attributes that identify the patient, for a writer to write",
        },
    )
    yield AdaptorProvider(
        name="multi-volume-series",
        label="Sequences over several series",
        factory="dicomlogic_multi_volume.series_sets:SeriesSetAdaptor",
        sop_classes=frozenset(_STORAGE + end for end in _VOLUMES.split()),
        requires=("Rows", "Columns", "FrameOfReferenceUID"),
        tags=(
            *("ScanOptions", "NominalPercentageOfCardiacPhase", "NominalPercentageOfRespiratoryPhase", "FlipAngle"),
            *("InversionTime", "EchoTime", "AcquisitionDate", "AcquisitionTime", "SeriesDate", "SeriesTime"),
            *("ConvolutionKernel", "ProtocolName", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
        ),
        options={
            "irregular": "uneven stacks: fill, as-is or error",
            "show_phi": "true: volumes carry attributes that identify the patient, for a writer to write",
        },
    )
