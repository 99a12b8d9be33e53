"""Fiducials: marks in the patient or in images, by which frames of reference can be registered (PS3.3 C.21.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from dicomlogic_core import Finding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fiducial:
    """One mark.

    Attributes:
        identifier: FiducialIdentifier; marks of other sets that are the same feature may have the same.
        description: FiducialDescription.
        uid: FiducialUID; "" when absent.
        shape: ``POINT``, ``LINE``, ``PLANE``, ``SURFACE``, ``RULER``, ``L_SHAPE``, ``T_SHAPE`` or ``SHAPE``.
        points_lps_mm: (n, 3), read-only; none for marks that are in images only.
        in_images: SOPInstanceUID of an image -> ``(n, 2)`` column and row in it, for marks given that way.
        uncertainty_mm: radius; None when not told.
    """

    points_lps_mm: NDArray[np.float64]
    identifier: str = ""
    description: str = ""
    uid: str = ""
    shape: str = ""
    in_images: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    uncertainty_mm: float | None = None

    def __post_init__(self) -> None:
        self.points_lps_mm.setflags(write=False)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "identifier": self.identifier,
            "description": self.description,
            "uid": self.uid,
            "shape": self.shape,
            "points_lps_mm": self.points_lps_mm.tolist(),
            "in_images": {sop_uid: points.tolist() for sop_uid, points in self.in_images.items()},
            "uncertainty_mm": self.uncertainty_mm,
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FiducialSet:
    """Marks of one frame of reference, or of one set of images.

    Attributes:
        frame_of_reference_uid: "" when the marks are in images.
        sop_uids: the images.
        fiducials: in the order of the object.
    """

    frame_of_reference_uid: str = ""
    sop_uids: tuple[str, ...] = ()
    fiducials: tuple[Fiducial, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "frame_of_reference_uid": self.frame_of_reference_uid,
            "sop_uids": list(self.sop_uids),
            "fiducials": [one.as_dict() for one in self.fiducials],
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fiducials:
    """Marks in one or several frames of reference; iterating gives all.

    Attributes:
        name: the loadable's name.
        sop_uid: SOPInstanceUID of the object.
        sets: one per frame of reference or set of images.
        metadata: JSON-able: keyword -> text.
        findings: what reading found.
    """

    kind: ClassVar[str] = "fiducials"

    name: str = ""
    sop_uid: str = ""
    sets: tuple[FiducialSet, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def __iter__(self) -> Iterator[Fiducial]:
        return (fiducial for one in self.sets for fiducial in one.fiducials)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able: everything read."""
        return {
            "kind": self.kind,
            "name": self.name,
            "sop_uid": self.sop_uid,
            "sets": [one.as_dict() for one in self.sets],
            "metadata": dict(self.metadata),
            "findings": [one.as_dict() for one in self.findings],
        }
