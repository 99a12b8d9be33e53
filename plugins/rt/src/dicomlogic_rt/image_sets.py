"""The images that regions are drawn on: their grid and identity, from headers alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import FrameRef, Geometry, GeometryError, SeriesView, Volume, hard_parts, layout_of, stack_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

PATIENT_AND_STUDY = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    *("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
    "StudyDescription",
)
"""What every object of a patient's study repeats (PS3.3 C.7.1.1, C.7.2.1)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageSet:
    """One stack of images.

    Attributes:
        geometry: its grid.
        frames: for every k the frame there; None for a slice that is missing.
        positions_lps_mm: (size k, 3) LPS mm of the first voxel's centre of every slice, where it truly is.
        sop_class_uid: of its instances.
        frame_of_reference_uid: "" when absent.
        attributes: keyword -> text of patient and study, for objects derived from it; never shown.
    """

    geometry: Geometry
    frames: tuple[FrameRef | None, ...]
    positions_lps_mm: NDArray[np.float64]
    sop_class_uid: str = ""
    frame_of_reference_uid: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def study_uid(self) -> str:
        """StudyInstanceUID; "" without frames."""
        return next((frame.study_uid for frame in self.frames if frame is not None), "")

    @property
    def series_uid(self) -> str:
        """SeriesInstanceUID; "" without frames."""
        return next((frame.series_uid for frame in self.frames if frame is not None), "")

    @property
    def sop_uids(self) -> tuple[str, ...]:
        """SOPInstanceUIDs, each once, in the order of the slices."""
        return tuple(dict.fromkeys(frame.sop_uid for frame in self.frames if frame is not None))

    def nearest(self, point_lps_mm: NDArray[np.float64], *, within_mm: float | None = None) -> FrameRef | None:
        """The frame of the slice nearest to a point; None when it is missing or farther than `within_mm`.

        Half a step when `within_mm` is None.
        """
        distances = np.abs((self.positions_lps_mm - point_lps_mm) @ slice_normal(self.geometry))
        k = int(distances.argmin())
        most = slice_step(self.geometry) / 2 + 1e-3 if within_mm is None else within_mm
        return self.frames[k] if distances[k] <= most else None


def slice_normal(geometry: Geometry) -> NDArray[np.float64]:
    """(3,) unit normal of the slices in LPS."""
    normal = np.cross(geometry.directions[:, 0], geometry.directions[:, 1])
    unit: NDArray[np.float64] = normal / np.linalg.norm(normal)
    return unit


def slice_step(geometry: Geometry) -> float:
    """Distance of neighbouring slices along their normal, mm."""
    return float(abs(geometry.ijk_to_lps[:3, 2] @ slice_normal(geometry)))


def image_set(series: SeriesView) -> ImageSet:
    """The largest stack of a series.

    Raises:
        GeometryError: none of its parts is a volume.
    """
    for part in hard_parts(series):
        stack = stack_of(series, part.rows)
        if stack.kind != "volume":
            continue
        layout = layout_of(stack)
        stored = [row for row in layout.rows if row is not None]
        refs = dict(zip(stored, series.frames.refs(stored)))
        geometry = layout.geometry
        return ImageSet(
            geometry=geometry,
            frames=tuple(None if row is None else refs[row] for row in layout.rows),
            positions_lps_mm=_positions(geometry) if layout.positions is None else layout.positions,
            sop_class_uid=series.first("SOPClassUID"),
            frame_of_reference_uid=series.frames.text("FrameOfReferenceUID")[stored[0]] or "",
            attributes={keyword: series.first(keyword) for keyword in PATIENT_AND_STUDY},
        )
    raise GeometryError(
        "no part of the series is a stack of images",
        code="geometry.missing-position",
        where=series.series_uid,
        remedy="name another series, or give a grid",
    )


def image_set_of_volume(volume: Volume) -> ImageSet:
    """The images that a volume was made from. It has no attributes of the patient."""
    common = volume.metadata.get("common", {})
    positions = volume.metadata.get("slice_positions_lps_mm")
    return ImageSet(
        geometry=volume.geometry,
        frames=volume.provenance or (None,) * volume.geometry.size_ijk[2],
        positions_lps_mm=_positions(volume.geometry) if positions is None else np.array(positions),
        sop_class_uid=common.get("SOPClassUID", ""),
        frame_of_reference_uid=volume.frame_of_reference_uid,
        attributes={keyword: common[keyword] for keyword in PATIENT_AND_STUDY if keyword in common},
    )


def _positions(geometry: Geometry) -> NDArray[np.float64]:
    steps = np.arange(geometry.size_ijk[2])[:, None]
    positions: NDArray[np.float64] = geometry.ijk_to_lps[:3, 3] + steps * geometry.ijk_to_lps[:3, 2]
    return positions
