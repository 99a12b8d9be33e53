"""Fiducials from data sets. What is broken costs its own mark only, and is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import Finding, finding
from dicomlogic_rt.elements import items_of, numbers_of, text_of
from dicomlogic_rt.fiducials import Fiducial, Fiducials, FiducialSet
from dicomlogic_rt.registration_elements import binary_numbers, images_of, metadata_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset


def read_fiducials(dataset: Dataset, *, name: str = "", findings: Sequence[Finding] = ()) -> Fiducials:
    """Spatial Fiducials (66.2)."""
    found = list(findings)
    sop_uid = text_of(dataset, "SOPInstanceUID")
    sets = []
    for item in items_of(dataset, "FiducialSetSequence"):
        marks = [_fiducial(one) for one in items_of(item, "FiducialSequence")]
        empty = [one.identifier or "?" for one in marks if not len(one.points_lps_mm) and not one.in_images]
        if empty:
            message = f"{len(empty)} fiducials have no usable points: {', '.join(empty[:10])}"
            found.append(finding("rt.fiducial-empty", message, where=(sop_uid,)))
        sets.append(
            FiducialSet(
                frame_of_reference_uid=text_of(item, "FrameOfReferenceUID"),
                sop_uids=images_of(item),
                fiducials=tuple(marks),
            )
        )
    return Fiducials(name=name, sop_uid=sop_uid, sets=tuple(sets), metadata=metadata_of(dataset), findings=tuple(found))


def _fiducial(item: Dataset) -> Fiducial:
    in_images = {}
    for place in items_of(item, "GraphicCoordinatesDataSequence"):
        for image in items_of(place, "ReferencedImageSequence")[:1]:
            in_images[text_of(image, "ReferencedSOPInstanceUID")] = _whole(binary_numbers(place, "GraphicData"), 2)
    uncertainty = binary_numbers(item, "ContourUncertaintyRadius")
    return Fiducial(
        identifier=text_of(item, "FiducialIdentifier"),
        description=text_of(item, "FiducialDescription"),
        uid=text_of(item, "FiducialUID"),
        shape=text_of(item, "ShapeType"),
        points_lps_mm=_whole(numbers_of(item, "ContourData"), 3),
        in_images=in_images,
        uncertainty_mm=float(uncertainty[0]) if len(uncertainty) and np.isfinite(uncertainty[0]) else None,
    )


def _whole(values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """(n, count) of the whole points among values; none when one is no number."""
    usable = values[: len(values) // count * count].reshape(-1, count)
    return usable.copy() if np.isfinite(usable).all() else np.empty((0, count))
