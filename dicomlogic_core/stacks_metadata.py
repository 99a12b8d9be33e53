"""The JSON-able metadata of a volume: windows, attributes common to its slices, attributes that vary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dicomlogic_core.series import SeriesView
from dicomlogic_core.stacks import Stack
from dicomlogic_core.stacks_checks import stack_checks
from dicomlogic_core.stacks_modes import Layout

# Technical attributes only; nothing here identifies a patient.
_KEYWORDS = [
    "Modality",
    "SOPClassUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SeriesDescription",
    "StudyDescription",
    "ProtocolName",
    "BodyPartExamined",
    "Manufacturer",
    "ManufacturerModelName",
    "SoftwareVersions",
    "ImageType",
    "FrameType",
    "PatientPosition",
    "PhotometricInterpretation",
    "BitsStored",
    "PixelRepresentation",
    "PixelPaddingValue",
    "LossyImageCompression",
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "Units",
    "ConvolutionKernel",
    "KVP",
    "SliceThickness",
    "SpacingBetweenSlices",
    "RepetitionTime",
    "EchoTime",
    "EchoNumbers",
    "InversionTime",
    "FlipAngle",
    "ScanningSequence",
    "DiffusionBValue",
    "AcquisitionNumber",
    "InstanceNumber",
    "StackID",
    "InStackPositionNumber",
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "TriggerTime",
    "SliceLocation",
    "AcquisitionTime",
    "ContentTime",
    "FrameReferenceTime",
    "ActualFrameDuration",
    "DecayFactor",
]

_PATIENT_KEYWORDS = [
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "InstitutionName",
    "ReferringPhysicianName",
]


def stack_metadata(stack: Stack, layout: Layout, *, show_phi: bool = False) -> dict[str, Any]:
    """What is known of a volume laid out from a stack, for `Volume.metadata`.

    Attributes that identify the patient are among it only with `show_phi`.
    """
    metadata = _attributes(stack.series, layout.rows, show_phi=show_phi)
    metadata["window"] = _windows(stack.series, layout.rows)
    if stack.planes is not None:
        metadata["geometry_checks"] = stack_checks(stack)
    if layout.positions is not None:
        metadata["slice_positions_lps_mm"] = layout.positions.tolist()
        metadata["max_offset_mm"] = layout.offset_mm
    if layout.missing:
        metadata["missing"] = list(layout.missing)
    return metadata


def _attributes(series: SeriesView, rows: Sequence[int | None], *, show_phi: bool) -> dict[str, Any]:
    """``common``: keyword -> text equal in all slices; ``varying``: keyword -> one text per k, None where absent."""
    frames = series.frames
    stored = [row for row in rows if row is not None]
    common: dict[str, str] = {}
    varying: dict[str, list[str | None]] = {}
    for keyword in [*_KEYWORDS, *_PATIENT_KEYWORDS] if show_phi else _KEYWORDS:
        column = frames.text(keyword)
        values = set(map(column.__getitem__, stored))
        if len(values) > 1:
            varying[keyword] = [None if row is None else column[row] for row in rows]
        elif text := values.pop():
            common[keyword] = text
    return {"common": common, "varying": varying}


def _windows(series: SeriesView, rows: Sequence[int | None]) -> list[list[float]]:
    """[center, width] presets of the middle slice, as 3D Slicer takes them; none when their numbers do not match."""
    stored = [row for row in rows if row is not None]
    middle = stored[len(stored) // 2]
    centers, widths = (_numbers(series.frames.text(keyword)[middle]) for keyword in ("WindowCenter", "WindowWidth"))
    if len(centers) != len(widths):
        return []
    pairs = [[center, width] for center, width in zip(centers, widths)]
    return [pair for pair in pairs if all(map(math.isfinite, pair))]


def _numbers(text: str | None) -> list[float]:
    try:
        return [float(part) for part in text.split("\\")] if text else []
    except ValueError:
        return []
