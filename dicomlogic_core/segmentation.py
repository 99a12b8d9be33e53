"""Regions of the patient as labels on a grid: `Segmentation` and its segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from dicomlogic_core.findings import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomlogic_core.geometry import Geometry


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One region of a segmentation.

    Attributes:
        id: unique within the segmentation, e.g. ``Segment_1``.
        name: for people; need not be unique.
        colour: red, green and blue, 0..1.
        label: value of its voxels in its layer, from 1.
        layer: number of the layer that holds it, from 0.
        tags: texts by name, kept in files, e.g. ``{"DicomRtImport.RoiNumber": "4"}``.
        terminology: what it is, in the form of 3D Slicer's terminology entries: seven parts separated by ``~``, which
            are context, category, type, type modifier, region context, region and region modifier; codes as
            ``scheme^value^meaning``, absent ones as ``^^``. "" when unknown.
    """

    id: str
    name: str
    colour: tuple[float, float, float]
    label: int = 1
    layer: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)
    terminology: str = ""

    def __post_init__(self) -> None:
        if self.label < 1:
            raise ValueError(f"the label of segment {self.id} is {self.label}; 0 is the background")
        if len(self.colour) != 3 or not all(0.0 <= part <= 1.0 for part in self.colour):
            raise ValueError(f"the colour of segment {self.id} is not three numbers within 0..1: {self.colour}")

    def as_dict(self) -> dict[str, Any]:
        """The segment as JSON holds it."""
        return {
            "id": self.id,
            "name": self.name,
            "colour": list(self.colour),
            "label": self.label,
            "layer": self.layer,
            "tags": dict(self.tags),
            "terminology": self.terminology,
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segmentation:
    """Label layers on one grid.

    Attributes:
        layers: ``[layer, k, j, i]`` unsigned integers, read-only; segments that overlap lie in different layers.
        geometry: their grid; ``geometry.ijk_to_lps`` maps (i, j, k, 1) to LPS mm.
        segments: in order of their numbers.
        name: the loadable's name.
        findings: what examining and loading found.
        metadata: JSON-able; ``source_instance_uids``: SOPInstanceUIDs it was made from.
        frame_of_reference_uid: "" when absent.
    """

    kind: ClassVar[str] = "segmentation"

    layers: NDArray[Any]
    geometry: Geometry
    segments: tuple[Segment, ...]
    name: str = ""
    findings: tuple[Finding, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    frame_of_reference_uid: str = ""

    def __post_init__(self) -> None:
        size_i, size_j, size_k = self.geometry.size_ijk
        if self.layers.ndim != 4 or self.layers.shape[1:] != (size_k, size_j, size_i) or not len(self.layers):
            raise ValueError(f"layers {self.layers.shape} do not fit size_ijk {self.geometry.size_ijk}")
        if self.layers.dtype.kind != "u":
            raise ValueError(f"labels are unsigned integers, not {self.layers.dtype}")
        if len({segment.id for segment in self.segments}) < len(self.segments):
            raise ValueError("two segments have the same id")
        if len({(segment.layer, segment.label) for segment in self.segments}) < len(self.segments):
            raise ValueError("two segments have the same label in the same layer")
        for segment in self.segments:
            if not 0 <= segment.layer < len(self.layers) or segment.label > np.iinfo(self.layers.dtype).max:
                raise ValueError(f"no layer can hold label {segment.label} of {segment.id} in layer {segment.layer}")
        self.layers.setflags(write=False)

    def __len__(self) -> int:
        return len(self.segments)

    def segment(self, which: str | int) -> Segment:
        """A segment by its id, else by its name (the first that has it), or by its number in `segments`, from 0.

        Raises:
            KeyError: there is none; says which there are.
        """
        if isinstance(which, int):
            if 0 <= which < len(self.segments):
                return self.segments[which]
            raise KeyError(f"no segment {which}; there are {len(self.segments)}, counted from 0")
        for segment in self.segments:
            if segment.id == which:
                return segment
        for segment in self.segments:
            if segment.name == which:
                return segment
        names = ", ".join(segment.name for segment in self.segments[:20])
        raise KeyError(f"no segment {which}; there are {names or 'none'}")

    def mask(self, which: str | int) -> NDArray[np.bool_]:
        """``[k, j, i]`` True inside a segment, named as for `segment`.

        Raises:
            KeyError: there is no such segment.
        """
        segment = self.segment(which)
        return np.asarray(self.layers[segment.layer] == segment.label)

    def voxel_counts(self) -> tuple[int, ...]:
        """Number of voxels of every segment."""
        most = max((segment.label for segment in self.segments), default=0) + 1
        counts = [_counts(layer, most) for layer in self.layers]
        return tuple(int(counts[segment.layer][segment.label]) for segment in self.segments)

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel (ml), also of sheared grids."""
        return abs(float(np.linalg.det(self.geometry.ijk_to_lps[:3, :3]))) / 1000.0

    def as_dict(self) -> dict[str, Any]:
        """What there is, without the labels: JSON-able."""
        volume = self.voxel_volume_ml
        return {
            "kind": self.kind,
            "name": self.name,
            "size_ijk": list(self.geometry.size_ijk),
            "ijk_to_lps": self.geometry.ijk_to_lps.tolist(),
            "frame_of_reference_uid": self.frame_of_reference_uid,
            "segments": [
                {**segment.as_dict(), "voxels": count, "volume_ml": count * volume}
                for segment, count in zip(self.segments, self.voxel_counts())
            ],
            "metadata": dict(self.metadata),
            "findings": [finding.as_dict() for finding in self.findings],
        }

    def __repr__(self) -> str:
        return (
            f"Segmentation({len(self)} segments, layers[layer, k, j, i]={self.layers.shape}, "
            f"dtype={self.layers.dtype}, findings={len(self.findings)})"
        )

    def _repr_html_(self) -> str:
        from dicomlogic_core.faces import segmentation_html  # drawn only in notebooks

        return segmentation_html(self)


def _counts(layer: NDArray[Any], most: int) -> NDArray[np.int64]:
    """Voxels by label 0..most-1, slice by slice: counting makes 64-bit copies."""
    counts = np.zeros(most, np.int64)
    for plane in layer:
        found = np.bincount(plane.ravel(), minlength=most)
        counts += found[:most]
    return counts
