"""Structure sets of masks: outlines on the planes of the images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core import Geometry, Segmentation
from dicomlogic_rt.image_sets import ImageSet, slice_step
from dicomlogic_rt.keyholes import joined
from dicomlogic_rt.rois import INTERPRETED_TYPE, Contour, Roi, unique_names
from dicomlogic_rt.structures import ReferencedSeries, StructureSet
from dicomlogic_rt.tracing import trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Colours well apart from each other, for regions that have none.
_COLOURS = ((230, 25, 75), (60, 180, 75), (255, 225, 25), (0, 130, 200), (245, 130, 48), (145, 30, 180), (70, 240, 240))


def structures_of_masks(
    masks: Mapping[str, NDArray[Any]] | Segmentation, images: ImageSet, *, label: str = "Structures"
) -> StructureSet:
    """A structure set whose regions, filled on the grid of `images`, are exactly `masks`.

    Contours are CLOSED_PLANAR; holes are keyholes, which systems that fill each contour by itself understand too.

    Args:
        masks: name -> ``[k, j, i]`` on the grid of `images`, inside where not 0; or a segmentation on that grid.
        images: what the regions are drawn on; a volume of them has one too, see `image_set_of_volume`.
        label: StructureSetLabel.

    Raises:
        ValueError: a mask has another shape, or the segmentation another grid.
    """
    names = list(masks) if not isinstance(masks, Segmentation) else [segment.name for segment in masks.segments]
    rois = [
        Roi(
            number=number,
            name=name,
            colour=colour,
            interpreted_type=kind,
            algorithm="SEMIAUTOMATIC",
            frame_of_reference_uid=images.frame_of_reference_uid,
            contours=tuple(_contours(mask, images)),
        )
        for number, (name, (mask, colour, kind)) in enumerate(
            zip(unique_names(names), _masks(masks, images.geometry)), 1
        )
    ]
    reference = ReferencedSeries(
        study_uid=images.study_uid,
        series_uid=images.series_uid,
        sop_uids=images.sop_uids,
        sop_class_uid=images.sop_class_uid,
        frame_of_reference_uid=images.frame_of_reference_uid,
    )
    return StructureSet(
        name=f"RTSTRUCT: {label}",
        label=label,
        rois=tuple(rois),
        references=(reference,) if images.series_uid else (),
        frames_of_reference=(images.frame_of_reference_uid,) if images.frame_of_reference_uid else (),
        attributes=dict(images.attributes),
    )


def _masks(
    masks: Mapping[str, NDArray[Any]] | Segmentation, geometry: Geometry
) -> Iterator[tuple[NDArray[np.bool_], tuple[int, int, int], str]]:
    """Mask, colour and interpreted type of every region, one at a time: masks are large."""
    if not isinstance(masks, Segmentation):
        size_i, size_j, size_k = geometry.size_ijk
        for number, (name, mask) in enumerate(masks.items()):
            if np.shape(mask) != (size_k, size_j, size_i):
                raise ValueError(f"mask {name!r} has the shape {np.shape(mask)}, not {(size_k, size_j, size_i)}")
            yield np.asarray(mask) != 0, _COLOURS[number % len(_COLOURS)], ""
        return
    same = masks.geometry.size_ijk == geometry.size_ijk
    if not same or not np.allclose(masks.geometry.ijk_to_lps, geometry.ijk_to_lps, rtol=0, atol=1e-3):
        raise ValueError("the segmentation lies on another grid than the images: resample it first")
    for segment in masks.segments:
        red, green, blue = (round(255 * part) for part in segment.colour)
        yield masks.mask(segment.id), (red, green, blue), segment.tags.get(INTERPRETED_TYPE, "")


def _contours(mask: NDArray[np.bool_], images: ImageSet) -> Iterator[Contour]:
    matrix = images.geometry.ijk_to_lps
    planes = np.flatnonzero(mask.any(axis=(1, 2))).tolist()
    # Told only where the planes do not show it: the attribute has been retired.
    whole = len(planes) > 1 and planes[-1] - planes[0] == len(planes) - 1
    thickness = None if whole else slice_step(images.geometry)
    for k in planes:
        frame = images.frames[k]
        origin = images.positions_lps_mm[k]
        rows, columns = np.flatnonzero(mask[k].any(axis=1)), np.flatnonzero(mask[k].any(axis=0))
        corner = (int(columns[0]), int(rows[0]))
        part = mask[k, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        for outline in joined(trace(part)):
            yield Contour(
                points=origin + (outline + corner) @ matrix[:3, :2].T,
                geometric_type="CLOSED_PLANAR",
                slab_thickness_mm=thickness,
                sop_uid="" if frame is None else frame.sop_uid,
                frame=1 if frame is None else frame.frame,
            )
