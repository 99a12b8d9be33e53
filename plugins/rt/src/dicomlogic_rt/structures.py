"""Structure sets: regions of interest by name, and what can be made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from dicomlogic_core import Finding, Geometry, GeometryError, Segmentation, Volume, finding
from dicomlogic_rt.dvh import dvh
from dicomlogic_rt.dvh_results import Dvh
from dicomlogic_rt.layers import segmentation_of
from dicomlogic_rt.rasterise import rasterise
from dicomlogic_rt.rois import Contour, Roi
from dicomlogic_rt.volumes import EndCap, RoiVolume, volume_cc

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Contour", "ReferencedSeries", "Roi", "StructureSet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencedSeries:
    """A series that a structure set says it was drawn on.

    Attributes:
        study_uid: "" when not told.
        series_uid: "" when only instances are told.
        sop_uids: its instances as listed.
        sop_class_uid: of the instances; "" when not told.
        frame_of_reference_uid: "" when not told.
    """

    study_uid: str = ""
    series_uid: str = ""
    sop_uids: tuple[str, ...] = ()
    sop_class_uid: str = ""
    frame_of_reference_uid: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "study_uid": self.study_uid,
            "series_uid": self.series_uid,
            "sop_uids": list(self.sop_uids),
            "sop_class_uid": self.sop_class_uid,
            "frame_of_reference_uid": self.frame_of_reference_uid,
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StructureSet:
    """Regions of interest drawn on images.

    ``structures["PTV"]`` and ``structures[3]`` give a region by name or number; iterating gives all.

    Attributes:
        name: the loadable's name.
        label: StructureSetLabel.
        sop_uid: SOPInstanceUID of the object.
        rois: in the order of StructureSetROISequence; names are unique.
        references: image series by ReferencedFrameOfReferenceSequence and by the contours.
        frames_of_reference: FrameOfReferenceUIDs that its regions use, the most used first.
        metadata: JSON-able: keyword -> text of StructureSetName, StructureSetDescription, dates, approval.
        findings: what reading found.
        attributes: keyword -> text of patient and study, for objects derived from it; never shown.
    """

    kind: ClassVar[str] = "structure-set"

    name: str = ""
    label: str = ""
    sop_uid: str = ""
    rois: tuple[Roi, ...] = ()
    references: tuple[ReferencedSeries, ...] = ()
    frames_of_reference: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.rois)

    def __iter__(self) -> Iterator[Roi]:
        return iter(self.rois)

    def __contains__(self, key: object) -> bool:
        return any(key in (roi.name, roi.number) for roi in self.rois)

    def __getitem__(self, key: str | int) -> Roi:
        """The region of a name or number.

        Raises:
            KeyError: there is none; says which there are.
        """
        for roi in self.rois:
            if key in (roi.name, roi.number):
                return roi
        there = ", ".join(f"{roi.number} {roi.name!r}" for roi in self.rois) or "none"
        raise KeyError(f"no region {key!r}; there are {there}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the regions, in order."""
        return tuple(roi.name for roi in self.rois)

    def pick(self, rois: Sequence[Roi | str | int] | None = None) -> tuple[Roi, ...]:
        """Regions by value, name or number; all that are filled when None."""
        if rois is None:
            return tuple(roi for roi in self.rois if roi.filled)
        return tuple(self._one(roi) for roi in rois)

    def mask(self, roi: Roi | str | int, grid: Geometry | Volume) -> NDArray[np.bool_]:
        """``[k, j, i]`` True where the voxel's centre lies in a region; `rasterise` tells besides what was clipped.

        Raises:
            KeyError: there is no such region.
            GeometryError: the region lies in another frame of reference than a volume that is the grid.
        """
        one = self._one(roi)
        frame = grid.frame_of_reference_uid if isinstance(grid, Volume) else ""
        if frame and one.frame_of_reference_uid not in ("", frame):
            raise GeometryError(
                "the region and the grid lie in different frames of reference",
                code="rt.multiple-frames-of-reference",
                where=f"ROI {one.number}",
                remedy="resample the volume by a registration, or give its geometry if both are one space",
            )
        return rasterise(one, _geometry(grid)).array

    def in_frame_of_reference(self, uid: str) -> StructureSet:
        """The structure set with the regions of one frame of reference only."""
        return replace(
            self,
            rois=tuple(roi for roi in self.rois if roi.frame_of_reference_uid == uid),
            frames_of_reference=(uid,),
        )

    def segmentation(
        self,
        grid: Geometry | Volume,
        rois: Sequence[Roi | str | int] | None = None,
        *,
        frame_of_reference_uid: str = "",
    ) -> Segmentation:
        """Regions as label layers on a grid, those that overlap in different layers; all that bound areas by default.

        Args:
            grid: where the voxels lie; a volume also tells its frame of reference.
            rois: which regions.
            frame_of_reference_uid: of the grid. Regions of another one are left out, with a finding.

        Raises:
            KeyError: there is no such region.
        """
        frame = frame_of_reference_uid or (grid.frame_of_reference_uid if isinstance(grid, Volume) else "")
        picked = self.pick(rois)
        apart = [roi for roi in picked if frame and roi.frame_of_reference_uid not in ("", frame)]
        made = segmentation_of(
            [roi for roi in picked if roi not in apart],
            _geometry(grid),
            name=self.name,
            frame_of_reference_uid=frame or next(iter(self.frames_of_reference), ""),
        )
        findings = [*self.findings, *made.findings]
        if apart:
            where = (self.sop_uid, *(f"ROI {roi.number}" for roi in apart))
            message = f"{len(apart)} regions lie in another frame of reference than the grid and are left out"
            findings.append(finding("rt.multiple-frames-of-reference", message, where=where))
        metadata = {"source_instances": [self.sop_uid]} if self.sop_uid else {}
        return replace(made, findings=tuple(dict.fromkeys(findings)), metadata=metadata)

    def volume_cc(self, roi: Roi | str | int, *, end_cap: EndCap = "half") -> RoiVolume:
        """The volume of a region by a convention, see `dicomlogic_rt.volumes.volume_cc`.

        Raises:
            KeyError: there is no such region.
            UsageError: unknown `end_cap`.
        """
        return volume_cc(self._one(roi), end_cap=end_cap)

    def dvh(
        self, roi: Roi | str | int, dose: Volume, *, end_cap: EndCap = "half", bin_width_gy: float | None = None
    ) -> Dvh:
        """The dose-volume histogram of a region, see `dicomlogic_rt.dvh.dvh`.

        Raises:
            KeyError: there is no such region.
            UsageError: negative doses or an unknown convention.
        """
        return dvh(self._one(roi), dose, end_cap=end_cap, bin_width_gy=bin_width_gy)

    def _one(self, roi: Roi | str | int) -> Roi:
        return roi if isinstance(roi, Roi) else self[roi]

    def as_dict(self) -> dict[str, Any]:
        """JSON-able: everything read, contours included."""
        return {
            "kind": self.kind,
            "name": self.name,
            "label": self.label,
            "sop_uid": self.sop_uid,
            "metadata": dict(self.metadata),
            "frames_of_reference": list(self.frames_of_reference),
            "references": [series.as_dict() for series in self.references],
            "rois": [roi.as_dict() for roi in self.rois],
            "findings": [finding.as_dict() for finding in self.findings],
        }

    def __repr__(self) -> str:
        contours = sum(len(roi.contours) for roi in self.rois)
        counts = f"{len(self.rois)} regions, {contours} contours, {len(self.findings)} findings"
        return f"StructureSet({self.label!r}, {counts})"

    def _repr_html_(self) -> str:
        from dicomlogic_rt.structure_faces import structures_html  # drawn only in notebooks

        return structures_html(self)


def _geometry(grid: Geometry | Volume) -> Geometry:
    return grid.geometry if isinstance(grid, Volume) else grid
