"""Regions of interest and their contours, as values: what every other module of this plugin measures and draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROI_NUMBER = "DicomRtImport.RoiNumber"
"""Tag of a segment that keeps ROINumber, as 3D Slicer names it."""
INTERPRETED_TYPE = "RTROIInterpretedType"
"""Tag of a segment that keeps the interpreted type."""

FILLED_TYPES = frozenset({"CLOSED_PLANAR", "INTERPOLATED_PLANAR", "CLOSEDPLANAR_XOR"})
"""Geometric types (PS3.3 C.8.8.6.1) that bound an area. All contours of a plane are filled together, even-odd."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contour:
    """One contour: an area's boundary, a line, or points.

    Attributes:
        points: (n, 3) float64 LPS mm, read-only. A closed contour does not repeat its first point.
        geometric_type: ``CLOSED_PLANAR``, ``CLOSEDPLANAR_XOR``, ``INTERPOLATED_PLANAR``, ``OPEN_PLANAR``,
            ``OPEN_NONPLANAR`` or ``POINT``, as the object says.
        sop_uid: instance of the image that it was drawn on; "" when not told.
        sop_class_uid: SOP class of that image; "" when not told.
        frame: frame of that instance, from 1.
        slab_thickness_mm: ContourSlabThickness; None when absent.
        offset_vector_mm: ContourOffsetVector, from the drawn plane to where the area counts; None when absent. It is
            told, not applied.
        number: ContourNumber; None when absent.
    """

    points: NDArray[np.float64]
    geometric_type: str = "CLOSED_PLANAR"
    sop_uid: str = ""
    sop_class_uid: str = ""
    frame: int = 1
    slab_thickness_mm: float | None = None
    offset_vector_mm: tuple[float, float, float] | None = None
    number: int | None = None

    def __post_init__(self) -> None:
        points = np.array(self.points, dtype=np.float64, order="C")
        if points.ndim != 2 or points.shape[1] != 3:
            raise ValueError(f"points of a contour have the shape (n, 3), not {points.shape}")
        points.setflags(write=False)
        object.__setattr__(self, "points", points)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_contour, ({name: getattr(self, name) for name in self.__dataclass_fields__},)

    @property
    def filled(self) -> bool:
        """True when it bounds an area: a closed type with at least three points."""
        return self.geometric_type in FILLED_TYPES and len(self.points) >= 3

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; points as [x, y, z] in LPS mm."""
        return {
            "type": self.geometric_type,
            "sop_uid": self.sop_uid,
            "frame": self.frame,
            "slab_thickness_mm": self.slab_thickness_mm,
            "offset_vector_mm": None if self.offset_vector_mm is None else list(self.offset_vector_mm),
            "points": self.points.tolist(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A coded concept (PS3.3 8.8): value, scheme and meaning."""

    value: str
    scheme: str
    meaning: str = ""

    def as_dict(self) -> dict[str, str]:
        """JSON-able."""
        return {"value": self.value, "scheme": self.scheme, "meaning": self.meaning}


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What is said about a region (RT ROI Observations, PS3.3 C.8.8.8).

    Attributes:
        number: ObservationNumber.
        label: ROIObservationLabel; "" when absent.
        description: ROIObservationDescription; "" when absent.
        interpreted_type: RTROIInterpretedType; "" when absent.
        codes: of RTROIIdentificationCodeSequence.
        physical_properties: ROIPhysicalProperty -> value, such as ``REL_ELEC_DENSITY``.
    """

    number: int | None = None
    label: str = ""
    description: str = ""
    interpreted_type: str = ""
    codes: tuple[Code, ...] = ()
    physical_properties: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "number": self.number,
            "label": self.label,
            "description": self.description,
            "interpreted_type": self.interpreted_type,
            "codes": [code.as_dict() for code in self.codes],
            "physical_properties": dict(self.physical_properties),
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Roi:
    """A region of interest.

    Attributes:
        number: ROINumber.
        name: ROIName, made unique within its structure set.
        description: ROIDescription; "" when absent.
        colour: display colour, red, green, blue 0..255; None when absent.
        interpreted_type: ``PTV``, ``ORGAN``, ``EXTERNAL`` ... of the first observation that has one; "" when absent.
        algorithm: ROIGenerationAlgorithm; "" when absent.
        observations: all that is said about it.
        codes: what it is, of RTROIIdentificationCodeSequence of all observations.
        frame_of_reference_uid: "" when absent.
        contours: in the order of the object.
    """

    number: int
    name: str
    description: str = ""
    colour: tuple[int, int, int] | None = None
    interpreted_type: str = ""
    algorithm: str = ""
    observations: tuple[Observation, ...] = ()
    codes: tuple[Code, ...] = ()
    frame_of_reference_uid: str = ""
    contours: tuple[Contour, ...] = ()

    @property
    def filled(self) -> tuple[Contour, ...]:
        """The contours that bound areas."""
        return tuple(contour for contour in self.contours if contour.filled)

    @property
    def is_point(self) -> bool:
        """True for a fiducial: one point in all."""
        return sum(len(contour.points) for contour in self.contours) == 1

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "number": self.number,
            "name": self.name,
            "description": self.description,
            "colour": None if self.colour is None else list(self.colour),
            "interpreted_type": self.interpreted_type,
            "algorithm": self.algorithm,
            "observations": [observation.as_dict() for observation in self.observations],
            "codes": [code.as_dict() for code in self.codes],
            "frame_of_reference_uid": self.frame_of_reference_uid,
            "contours": [contour.as_dict() for contour in self.contours],
        }


def unique_names(names: Sequence[str]) -> list[str]:
    """`names` with `` 2``, `` 3`` ... behind those that were taken before; the first keeps its name."""
    taken = set(names)
    seen: set[str] = set()
    made = []
    for name in names:
        number = 1
        one = name
        while one in seen or (number > 1 and one in taken):
            number += 1
            one = f"{name} {number}"
        seen.add(one)
        made.append(one)
    return made


def _rebuild_contour(values: dict[str, Any]) -> Contour:
    # A pickled array comes back writable; the constructor closes it again.
    return Contour(**values)
