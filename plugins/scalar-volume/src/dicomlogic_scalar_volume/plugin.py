"""What is registered: one adaptor for volumes and single images, read by the column names below."""

from __future__ import annotations

from collections.abc import Iterable

from dicomlogic_core import AdaptorProvider, hookimpl

_STORAGE = "1.2.840.10008.5.1.4.1.1."

# Every class with pixels of PS3.4, except those whose values mean nothing without their own plugin: dose (481.2),
# RT image (481.1) and segmentations (66.4, 66.7).
_IMAGES = (
    "1 1.1 1.1.1 1.2 1.2.1 1.3 1.3.1 2 2.1 2.2 3.1 4 4.1 4.3 4.4 6.1 6.2 7 7.1 7.2 7.3 7.4 12.1 12.1.1 12.2 12.2.1 "
    "13.1.1 13.1.2 13.1.3 13.1.4 13.1.5 14.1 14.2 20 30 77.1.1 77.1.1.1 77.1.2 77.1.2.1 77.1.3 77.1.4 77.1.4.1 "
    "77.1.5.1 77.1.5.2 77.1.5.4 128 128.1 130"
)


@hookimpl
def dicomlogic_adaptors() -> Iterable[AdaptorProvider]:
    """Volumes of single-frame, multi-frame and tiled objects, and 2-D images."""
    yield AdaptorProvider(
        name="scalar-volume",
        label="Scalar and colour volumes",
        factory="dicomlogic_scalar_volume.adaptor:ScalarVolumeAdaptor",
        sop_classes=frozenset(_STORAGE + end for end in _IMAGES.split()),
        private_classes=True,
        requires=("Rows", "Columns"),
        tags=(
            *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "FrameType"),
            *("SpacingBetweenSlices", "ImagerPixelSpacing", "NominalScannedPixelSpacing"),
            *("EstimatedRadiographicMagnificationFactor", "AnatomicalOrientationType", "FrameOfReferenceUID"),
            *("DetectorInformationSequence", "SliceVector"),
            *("AcquisitionNumber", "StackID", "ComplexImageComponent", "EchoNumbers", "EchoTime", "EffectiveEchoTime"),
            *("DiffusionBValue", "DiffusionGradientOrientation", "TemporalPositionIdentifier"),
            *("TemporalPositionIndex", "TriggerTime", "NominalCardiacTriggerDelayTime", "ConvolutionKernel"),
            *("NominalPercentageOfCardiacPhase", "AcquisitionTime", "ContentTime", "ImageComments"),
            *("WindowCenter", "WindowWidth", "RescaleType", "Units", "PixelPaddingValue", "SliceLocation"),
        ),
        options={
            "irregular": "uneven stacks: fill, split, as-is, resample or error",
            "assume_stack": "true: load frames without usable positions in the order of InstanceNumber",
            "show_phi": "true: volumes carry attributes that identify the patient, for a writer to write",
            "selection": "slicer: offer and prefer what 3D Slicer's scalar volume plugin does",
        },
    )
