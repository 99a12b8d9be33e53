"""Registrations by matrices from data sets. What is broken costs its own item only, and is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import Finding, finding
from dicomlogic_rt.elements import items_of, text_of
from dicomlogic_rt.registration_elements import ROUNDED, Unusable, images_of, matrix_of, metadata_of
from dicomlogic_rt.registrations import MatrixRegistration, SpatialRegistration, apply_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset

_REACH_MM = 200.0  # from the origin, where differences are told


def read_spatial(dataset: Dataset, *, name: str = "", findings: Sequence[Finding] = ()) -> SpatialRegistration:
    """A Spatial Registration (66.1)."""
    found = list(findings)
    sop_uid = text_of(dataset, "SOPInstanceUID")
    items = []
    for number, item in enumerate(items_of(dataset, "RegistrationSequence"), 1):
        try:
            items.append(_matrix_item(item, number, sop_uid, found))
        except Unusable as error:
            found.append(finding("rt.registration-matrix", f"item {number} is left out: {error}", where=(sop_uid,)))
    return SpatialRegistration(
        name=name,
        sop_uid=sop_uid,
        frame_of_reference_uid=text_of(dataset, "FrameOfReferenceUID"),
        items=tuple(items),
        metadata=metadata_of(dataset),
        findings=tuple(found),
    )


def _matrix_item(item: Dataset, number: int, sop_uid: str, found: list[Finding]) -> MatrixRegistration:
    registrations = items_of(item, "MatrixRegistrationSequence")
    matrices = [one for registration in registrations[:1] for one in items_of(registration, "MatrixSequence")]
    if not matrices:
        raise Unusable("it has no matrix")
    types = [text_of(one, "FrameOfReferenceTransformationMatrixType") for one in matrices]
    single = [matrix_of(one) for one in matrices]
    for told, matrix in zip(types, single):
        if told == "RIGID" and (off := _not_rigid(matrix)) > ROUNDED:
            message = f"item {number} is called RIGID, but its axes are off by {off:.2g}"
            found.append(finding("rt.registration-matrix", message, where=(sop_uid,)))
    # PS3.3 C.20.2.1.1, equation C.20.2-2: the first item is applied first.
    matrix = np.linalg.multi_dot([np.eye(4), *reversed(single)])
    if (differs := _other_order_mm(single)) > ROUNDED:
        message = f"item {number} has {len(single)} matrices; in the other order points move by up to {differs:.3g} mm"
        found.append(finding("rt.registration-order", message, where=(sop_uid,)))
    return MatrixRegistration(
        frame_of_reference_uid=text_of(item, "FrameOfReferenceUID"),
        sop_uids=images_of(item),
        to_registered=matrix,
        matrix_type="AFFINE" if "AFFINE" in types else "RIGID_SCALE" if "RIGID_SCALE" in types else types[0],
        comment=text_of(registrations[0], "FrameOfReferenceTransformationComment"),
    )


def _not_rigid(matrix: NDArray[np.float64]) -> float:
    """How far the axes are from being at right angles, of length one and right-handed."""
    axes = matrix[:3, :3]
    if np.linalg.det(axes) < 0:
        return 2.0
    return float(np.abs(axes.T @ axes - np.eye(3)).max())


def _other_order_mm(matrices: Sequence[NDArray[np.float64]]) -> float:
    """The largest distance between points moved in one order and in the other, near the origin."""
    corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * _REACH_MM
    ours = np.linalg.multi_dot([np.eye(4), *reversed(matrices)])
    theirs = np.linalg.multi_dot([np.eye(4), *matrices])
    return float(np.linalg.norm(apply_matrix(ours, corners) - apply_matrix(theirs, corners), axis=1).max())
