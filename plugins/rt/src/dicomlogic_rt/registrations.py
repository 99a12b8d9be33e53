"""Registrations by matrices: where points of one frame of reference lie in another."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from dicomlogic_core import Finding, Volume

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MatrixRegistration:
    """One item of a spatial registration.

    Attributes:
        frame_of_reference_uid: of the points it takes; "" when only images are named.
        sop_uids: images it is for; empty for all of the frame of reference.
        to_registered: (4, 4) float64, read-only; maps the column vector (x, y, z, 1) in LPS mm to the registered frame.
        matrix_type: ``RIGID``, ``RIGID_SCALE`` or ``AFFINE``, as told.
        comment: FrameOfReferenceTransformationComment.
    """

    to_registered: NDArray[np.float64]
    frame_of_reference_uid: str = ""
    sop_uids: tuple[str, ...] = ()
    matrix_type: str = ""
    comment: str = ""

    def __post_init__(self) -> None:
        self.to_registered.setflags(write=False)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "frame_of_reference_uid": self.frame_of_reference_uid,
            "sop_uids": list(self.sop_uids),
            "to_registered": self.to_registered.tolist(),
            "matrix_type": self.matrix_type,
            "comment": self.comment,
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpatialRegistration:
    """Frames of reference brought into one by 4x4 matrices (PS3.3 C.20.2).

    Frames of reference are named by their UID, or by the SOPInstanceUID of an image in them.

    Attributes:
        name: the loadable's name.
        sop_uid: SOPInstanceUID of the object.
        frame_of_reference_uid: the registered frame, into which all items lead.
        items: one per registered set of images.
        metadata: JSON-able: keyword -> text.
        findings: what reading found.
    """

    kind: ClassVar[str] = "registration"

    name: str = ""
    sop_uid: str = ""
    frame_of_reference_uid: str = ""
    items: tuple[MatrixRegistration, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def matrix(self, source: str, target: str = "") -> NDArray[np.float64]:
        """(4, 4) that maps points (x, y, z, 1) in LPS mm of `source` to those of `target`, the registered frame if "".

        Raises:
            KeyError: one of them is not registered, or images of that frame are registered in different ways.
        """
        return np.linalg.inv(self._to_registered(target or self.frame_of_reference_uid)) @ self._to_registered(source)

    def transform_points(self, points_lps_mm: ArrayLike, source: str, target: str = "") -> NDArray[np.float64]:
        """``(n, 3)`` points in LPS mm of `source`, in `target`; raises as `matrix`."""
        return apply_matrix(self.matrix(source, target), points_lps_mm)

    def moved(self, volume: Volume, target: str = "") -> Volume:
        """A volume where it lies in `target`: the same voxels on a grid that is turned and shifted, not interpolated.

        Raises:
            KeyError: the volume's frame of reference is not registered, or as `matrix`.
        """
        matrix = self.matrix(_frame_of(volume), target)
        geometry = dataclasses.replace(volume.geometry, ijk_to_lps=matrix @ volume.geometry.ijk_to_lps)
        # Positions from headers are those of the old frame.
        metadata = {name: value for name, value in volume.metadata.items() if name != "slice_positions_lps_mm"}
        frame = target or self.frame_of_reference_uid
        return dataclasses.replace(volume, geometry=geometry, frame_of_reference_uid=frame, metadata=metadata)

    def _to_registered(self, key: str) -> NDArray[np.float64]:
        named = [one.to_registered for one in self.items if key and key in one.sop_uids]
        found = named or [one.to_registered for one in self.items if key and key == one.frame_of_reference_uid]
        if not found and key and key == self.frame_of_reference_uid:
            return np.eye(4)
        if not found:
            there = ", ".join(dict.fromkeys(one.frame_of_reference_uid or "images" for one in self.items)) or "none"
            raise KeyError(f"{key or 'a frame without UID'} is not registered; there are {there}")
        if not all(np.array_equal(one, found[0]) for one in found):
            raise KeyError(f"images of {key} are registered in different ways; name one of them by its SOPInstanceUID")
        return found[0]

    def as_dict(self) -> dict[str, Any]:
        """JSON-able: everything read."""
        return {
            "kind": self.kind,
            "name": self.name,
            "sop_uid": self.sop_uid,
            "frame_of_reference_uid": self.frame_of_reference_uid,
            "items": [item.as_dict() for item in self.items],
            "metadata": dict(self.metadata),
            "findings": [one.as_dict() for one in self.findings],
        }


def _frame_of(volume: Volume) -> str:
    if not volume.frame_of_reference_uid:
        raise KeyError("the volume names no frame of reference")
    return volume.frame_of_reference_uid


def apply_matrix(matrix: NDArray[np.float64], points: ArrayLike) -> NDArray[np.float64]:
    """``(n, 3)`` points through a (4, 4) matrix with the last row (0, 0, 0, 1)."""
    given = np.asarray(points, np.float64).reshape(-1, 3)
    return np.asarray(given @ matrix[:3, :3].T + matrix[:3, 3])
