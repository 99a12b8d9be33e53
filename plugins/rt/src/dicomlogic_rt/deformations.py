"""Deformable registrations: points of the registered frame in the frames of their sources, by grids of vectors."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from dicomlogic_core import Finding, Geometry, Volume, resample_volume, sample_points
from dicomlogic_rt.registrations import apply_matrix

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Deformation:
    """One item of a deformable registration (PS3.3 C.20.3.1.1): source = after (before x + vector at x).

    Attributes:
        source_frame_of_reference_uid: where the result lies.
        sop_uids: images it is for; empty for all of the frame of reference.
        before, after: (4, 4) float64, read-only: the matrices applied before and after the vectors.
        geometry: grid of the vectors in the registered frame; None without vectors.
        vectors: ``[k, j, i, 3]`` mm along x, y, z (LPS), read-only; None without.
        comment: FrameOfReferenceTransformationComment.
    """

    source_frame_of_reference_uid: str = ""
    sop_uids: tuple[str, ...] = ()
    before: NDArray[np.float64] = field(default_factory=lambda: np.eye(4))
    after: NDArray[np.float64] = field(default_factory=lambda: np.eye(4))
    geometry: Geometry | None = None
    vectors: NDArray[Any] | None = None
    comment: str = ""

    def __post_init__(self) -> None:
        for array in (self.before, self.after, self.vectors):
            if array is not None:
                array.setflags(write=False)

    def transform_points(self, points_lps_mm: ArrayLike) -> NDArray[np.float64]:
        """``(n, 3)`` points in LPS mm of the registered frame, in the source's.

        Vectors are interpolated linearly; beyond their grid they are zero, as ITK and 3D Slicer have it.
        """
        points = np.asarray(points_lps_mm, np.float64).reshape(-1, 3)
        moved = apply_matrix(self.before, points)
        if self.geometry is not None and self.vectors is not None:
            shifts, inside = sample_points(Volume(array=self.vectors, geometry=self.geometry), points)
            moved[inside] += shifts[inside]
        return apply_matrix(self.after, moved)

    @property
    def largest_vector_mm(self) -> float:
        """Length of the longest vector; 0 without."""
        return 0.0 if self.vectors is None else float(np.sqrt((self.vectors**2).sum(axis=-1).max(initial=0.0)))

    def as_dict(self) -> dict[str, Any]:
        """JSON-able, without the vectors themselves."""
        grid = self.geometry
        return {
            "source_frame_of_reference_uid": self.source_frame_of_reference_uid,
            "sop_uids": list(self.sop_uids),
            "before": self.before.tolist(),
            "after": self.after.tolist(),
            "size_ijk": None if grid is None else list(grid.size_ijk),
            "ijk_to_lps": None if grid is None else grid.ijk_to_lps.tolist(),
            "largest_vector_mm": self.largest_vector_mm,
            "comment": self.comment,
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeformableRegistration:
    """Where points of the registered frame lie in their sources (PS3.3 C.20.3).

    Attributes:
        name: the loadable's name.
        sop_uid: SOPInstanceUID of the object.
        frame_of_reference_uid: the registered frame.
        items: one per source.
        metadata: JSON-able: keyword -> text.
        findings: what reading found.
    """

    kind: ClassVar[str] = "registration"

    name: str = ""
    sop_uid: str = ""
    frame_of_reference_uid: str = ""
    items: tuple[Deformation, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def deformation(self, source: str = "") -> Deformation:
        """The item of a source, by the UID of its frame of reference or of an image in it; the only one if "".

        Raises:
            KeyError: there is none, or several.
        """
        found = [
            one for one in self.items if source in ("", one.source_frame_of_reference_uid) or source in one.sop_uids
        ]
        if len(found) != 1:
            there = ", ".join(one.source_frame_of_reference_uid or "images" for one in self.items) or "none"
            raise KeyError(f"{len(found)} deformations of {source or 'any source'}; there are {there}")
        return found[0]

    def transform_points(self, points_lps_mm: ArrayLike, source: str = "") -> NDArray[np.float64]:
        """``(n, 3)`` points in LPS mm of the registered frame, in that of `source`; raises as `deformation`."""
        return self.deformation(source).transform_points(points_lps_mm)

    def resampled(self, volume: Volume, geometry: Geometry, *, outside: float | None = None) -> Volume:
        """A volume of a source on a grid of the registered frame, through the deformation; linear, floating point.

        Raises:
            KeyError: the volume's frame of reference is no source, or as `deformation`.
        """
        deformation = self.deformation(volume.frame_of_reference_uid)
        made = resample_volume(volume, geometry, outside=outside, through=deformation.transform_points)
        return dataclasses.replace(made, frame_of_reference_uid=self.frame_of_reference_uid)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able: everything read but the vectors."""
        return {
            "kind": self.kind,
            "name": self.name,
            "sop_uid": self.sop_uid,
            "frame_of_reference_uid": self.frame_of_reference_uid,
            "items": [item.as_dict() for item in self.items],
            "metadata": dict(self.metadata),
            "findings": [one.as_dict() for one in self.findings],
        }
