"""Which attributes may be an axis, in order of preference, by standard tag and by private creator.

Only these are looked at. Window, RescaleSlope, smallest and largest value, Philips scale factors and creation times
also repeat at every position of some series by accident, and are none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dicomlogic_core import PrivateTag

Kind = Literal["number", "first", "time", "vector", "text", "component", "cycle", "framewise"]
Tag = str | PrivateTag

_SIEMENS = "SIEMENS MR HEADER"
_GE = "GEMS_PARM_01"
_GE_ACQUISITION = "GEMS_ACQU_01"
_PHILIPS = "Philips Imaging DD 001"
_PHILIPS_MR = "Philips MR Imaging DD 001"
_UIH = "Image Private Header"

GE_COMPONENT = PrivateTag(_GE, 0x0043, 0x2F)
GE_MAP = PrivateTag(_GE, 0x0043, 0x30)
GE_B_VALUE = PrivateTag(_GE, 0x0043, 0x39)
GE_DIRECTIONS = PrivateTag(_GE_ACQUISITION, 0x0019, 0xE0)
GE_GRADIENT = tuple(PrivateTag(_GE_ACQUISITION, 0x0019, element) for element in (0xBB, 0xBC, 0xBD))
PHILIPS_GRADIENT = tuple(PrivateTag(_PHILIPS_MR, 0x2005, element) for element in (0xB0, 0xB1, 0xB2))
SIEMENS_GRADIENT = PrivateTag(_SIEMENS, 0x0019, 0x0E)
UIH_GRADIENT = PrivateTag(_UIH, 0x0065, 0x37)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An attribute that may be an axis.

    Attributes:
        name: of the axis; the DICOM keyword where it has one.
        tags: where it is looked for; the first that varies is used.
        unit: UCUM code; "" for counts and texts.
        kind: how its values are read.
        tolerance: values no further apart are one, in the unit of `unit` (times: ms).
        ranked: its values may differ from position to position (slices measured one after the other); then their order
            inside each position counts.
        family: attributes of one family together describe one thing, as b-value and gradient do.
    """

    name: str
    tags: tuple[Tag, ...]
    unit: str = ""
    kind: Kind = "number"
    tolerance: float = 1e-3
    ranked: bool = False
    family: str = ""


COMPONENT = Candidate(name="component", tags=("ComplexImageComponent", "ImageType", GE_COMPONENT), kind="component")
B_VALUE = Candidate(
    name="b-value",
    tags=(
        "DiffusionBValue",
        PrivateTag(_SIEMENS, 0x0019, 0x0C),
        PrivateTag(_PHILIPS, 0x2001, 0x03),
        PrivateTag(_UIH, 0x0065, 0x09),
        GE_B_VALUE,
    ),
    unit="s/mm2",
    kind="first",
    tolerance=0.5,
    family="diffusion",
)
GRADIENT = Candidate(
    name="gradient",
    tags=(
        "DiffusionGradientOrientation",
        SIEMENS_GRADIENT,
        UIH_GRADIENT,
        *PHILIPS_GRADIENT,
        *GE_GRADIENT,
        "ImageComments",
    ),
    kind="vector",
    tolerance=1e-4,
    family="diffusion",
)
TEMPORAL_INDEX = Candidate(name="TemporalPositionIndex", tags=("TemporalPositionIndex",))
TEMPORAL_IDENTIFIER = Candidate(name="TemporalPositionIdentifier", tags=("TemporalPositionIdentifier",))
TRIGGER = Candidate(name="TriggerTime", tags=("TriggerTime", "NominalCardiacTriggerDelayTime"), unit="ms", ranked=True)
REFERENCE_TIME = Candidate(name="FrameReferenceTime", tags=("FrameReferenceTime",), unit="ms", ranked=True)

# A value per frame each, at the top level of nuclear medicine objects (PS3.3 C.8.4.8).
_NUCLEAR_VECTORS = tuple(
    Candidate(name=name, tags=(f"{name}Vector",), kind="framewise")
    for name in ("EnergyWindow", "Detector", "Phase", "Rotation", "RRInterval", "TimeSlot", "AngularView", "TimeSlice")
)
DURATION = Candidate(name="ActualFrameDuration", tags=("ActualFrameDuration",), unit="ms")
"""No axis, but told beside FrameReferenceTime."""

CANDIDATES: tuple[Candidate, ...] = (
    COMPONENT,
    Candidate(name="component", tags=(GE_MAP,)),
    B_VALUE,
    GRADIENT,
    *_NUCLEAR_VECTORS,
    Candidate(name="EchoTime", tags=("EffectiveEchoTime", "EchoTime"), unit="ms"),
    Candidate(name="EchoNumbers", tags=("EchoNumbers",), kind="first"),
    Candidate(name="FlipAngle", tags=("FlipAngle",), unit="deg"),
    Candidate(name="InversionTime", tags=("InversionTimes", "InversionTime"), unit="ms", kind="first"),
    Candidate(name="RepetitionTime", tags=("RepetitionTime",), unit="ms"),
    Candidate(name="ImageType", tags=("FrameType", "ImageType"), kind="text"),
    TEMPORAL_INDEX,
    Candidate(name="TemporalPositionTimeOffset", tags=("TemporalPositionTimeOffset",), unit="s"),
    TEMPORAL_IDENTIFIER,
    Candidate(name="PhaseNumber", tags=(PrivateTag(_PHILIPS, 0x2001, 0x08),)),
    TRIGGER,
    Candidate(
        name="NominalPercentageOfCardiacPhase", tags=("NominalPercentageOfCardiacPhase",), unit="%", tolerance=0.01
    ),
    Candidate(name="CardiacCycle", tags=("ScanOptions",), unit="%", kind="cycle", tolerance=0.01),
    Candidate(
        name="NominalPercentageOfRespiratoryPhase",
        tags=("NominalPercentageOfRespiratoryPhase",),
        unit="%",
        tolerance=0.01,
    ),
    Candidate(name="DeltaStartTime", tags=(PrivateTag(_GE, 0x0043, 0x1E),), unit="s", ranked=True),
    REFERENCE_TIME,
    Candidate(
        name="AcquisitionTime",
        tags=("FrameAcquisitionDateTime", "AcquisitionDateTime", "AcquisitionTime"),
        unit="ms",
        kind="time",
        tolerance=0.5,
        ranked=True,
    ),
    Candidate(name="ContentTime", tags=("ContentTime",), unit="ms", kind="time", tolerance=0.5, ranked=True),
    Candidate(name="AcquisitionNumber", tags=("AcquisitionNumber",)),
    Candidate(name="ImageIndex", tags=("ImageIndex",), ranked=True),
)
"""Best first; the order for PET and for series without a heart is set in `columns.py`."""

READ = (
    "ComplexImageComponent",
    "ImageType",
    "FrameType",
    "DiffusionDirectionality",
    "AcquisitionDate",
    "ContentDate",
    "InstanceNumber",
    "CardiacNumberOfImages",
    "NumberOfTemporalPositions",
    "RepetitionTime",
    "InPlanePhaseEncodingDirection",
    GE_DIRECTIONS,
)
"""Columns read besides the candidates' own."""
