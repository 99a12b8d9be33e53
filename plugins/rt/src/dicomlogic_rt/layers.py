"""Masks that overlap, packed into as few label layers as they come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import Finding, Geometry, Segment, Segmentation
from dicomlogic_rt.rasterise import rasterise
from dicomlogic_rt.rois import Roi
from dicomlogic_rt.segments import segment_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


def segmentation_of(rois: Sequence[Roi], geometry: Geometry, *, name: str, frame_of_reference_uid: str) -> Segmentation:
    """The regions on a grid; one that overlaps an earlier one goes to the first layer where it does not.

    Findings are those of rasterising. Labels count from 1 in the order of `rois`.
    """
    size_i, size_j, size_k = geometry.size_ijk
    dtype = np.uint8 if len(rois) < np.iinfo(np.uint8).max else np.uint16
    layers: list[NDArray[np.unsignedinteger]] = []
    segments: list[Segment] = []
    findings: list[Finding] = []
    scratch = np.zeros((size_k, size_j, size_i), bool)
    for label, roi in enumerate(rois, 1):
        mask = rasterise(roi, geometry, out=scratch.view())  # a mask closes its array
        findings += mask.findings
        box = _box(scratch)
        layer = next((number for number, one in enumerate(layers) if not (one[box] * scratch[box]).any()), len(layers))
        if layer == len(layers):
            layers.append(np.zeros((size_k, size_j, size_i), dtype))
        layers[layer][box][scratch[box]] = label
        segments.append(segment_of(roi, label=label, layer=layer))
        scratch[box] = False
    return Segmentation(
        layers=np.stack(layers) if layers else np.zeros((1, size_k, size_j, size_i), dtype),
        geometry=geometry,
        segments=tuple(segments),
        name=name,
        findings=tuple(findings),
        frame_of_reference_uid=frame_of_reference_uid,
    )


def _box(mask: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    """The smallest box that holds what is True; an empty one when nothing is."""
    k = np.flatnonzero(mask.any(axis=(1, 2)))
    if not len(k):
        return slice(0), slice(0), slice(0)
    part = mask[k[0] : k[-1] + 1]
    j, i = np.flatnonzero(part.any(axis=(0, 2))), np.flatnonzero(part.any(axis=(0, 1)))
    return _span(k), _span(j), _span(i)


def _span(used: NDArray[np.intp]) -> slice:
    return slice(int(used[0]), int(used[-1]) + 1)
