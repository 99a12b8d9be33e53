"""Deformable registrations from data sets. What is broken costs its own item only, and is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import Finding, Geometry, finding
from dicomlogic_rt.deformations import DeformableRegistration, Deformation
from dicomlogic_rt.elements import items_of, numbers_of, text_of
from dicomlogic_rt.registration_elements import (
    FURTHEST_MM,
    Unusable,
    binary_numbers,
    images_of,
    matrix_of,
    metadata_of,
    value_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset

Bulk = Callable[[int], bytes]
"""Number of the item, from 0 -> bytes of vectors that are kept apart from the header."""


def read_deformable(
    dataset: Dataset, *, name: str = "", findings: Sequence[Finding] = (), bulk: Bulk | None = None
) -> DeformableRegistration:
    """A Deformable Spatial Registration (66.3); `bulk` gives vectors that the header does not hold."""
    found = list(findings)
    sop_uid = text_of(dataset, "SOPInstanceUID")
    items = []
    for number, item in enumerate(items_of(dataset, "DeformableRegistrationSequence")):
        try:
            items.append(_deformation(item, number, bulk))
        except Unusable as error:
            message = f"item {number + 1} is left out: {error}"
            found.append(finding("rt.registration-grid", message, where=(sop_uid,)))
    return DeformableRegistration(
        name=name,
        sop_uid=sop_uid,
        frame_of_reference_uid=text_of(dataset, "FrameOfReferenceUID"),
        items=tuple(items),
        metadata=metadata_of(dataset),
        findings=tuple(found),
    )


def _deformation(item: Dataset, number: int, bulk: Bulk | None) -> Deformation:
    before, after = (items_of(item, f"{when}DeformationMatrixRegistrationSequence") for when in ("Pre", "Post"))
    grids = items_of(item, "DeformableRegistrationGridSequence")
    geometry, vectors = _grid(grids[0], number, bulk) if grids else (None, None)
    return Deformation(
        source_frame_of_reference_uid=text_of(item, "SourceFrameOfReferenceUID"),
        sop_uids=images_of(item),
        before=matrix_of(before[0]) if before else np.eye(4),
        after=matrix_of(after[0]) if after else np.eye(4),
        geometry=geometry,
        vectors=vectors,
        comment=text_of(item, "FrameOfReferenceTransformationComment"),
    )


def _grid(item: Dataset, number: int, bulk: Bulk | None) -> tuple[Geometry, NDArray[np.float32]]:
    position, orientation = numbers_of(item, "ImagePositionPatient"), numbers_of(item, "ImageOrientationPatient")
    size, spacing = binary_numbers(item, "GridDimensions"), binary_numbers(item, "GridResolution")
    if (len(position), len(orientation), len(size), len(spacing)) != (3, 6, 3, 3):
        raise Unusable("its grid is incomplete")
    row, column = orientation.reshape(2, 3)
    axes = np.array([row, column, np.cross(row, column)])
    if not (np.abs(position) <= FURTHEST_MM).all():
        raise Unusable("its grid has no place")
    if not np.abs(axes @ axes.T - np.eye(3)).max() < 1e-3:
        raise Unusable("the axes of its grid are not at right angles")
    if not (spacing > 0).all() or not (spacing <= FURTHEST_MM).all() or not (size >= 1).all():
        raise Unusable("its grid has no size")
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = axes.T * spacing, position
    size_i, size_j, size_k = (int(count) for count in size)
    vectors = _vectors(item, number, bulk)
    if vectors.size != 3 * size_i * size_j * size_k:
        raise Unusable(f"its grid of {size_i} x {size_j} x {size_k} has {vectors.size // 3} vectors")
    if not (np.abs(vectors) <= FURTHEST_MM).all():
        raise Unusable("some of its vectors are not finite, or longer than a kilometre")
    geometry = Geometry(size_ijk=(size_i, size_j, size_k), ijk_to_lps=matrix)
    return geometry, vectors.reshape(size_k, size_j, size_i, 3)


def _vectors(item: Dataset, number: int, bulk: Bulk | None) -> NDArray[np.float32]:
    """x, y and z of all vectors, the first index running fastest; OF has 4 bytes for each."""
    value = value_of(item, "VectorGridData")
    big_endian = False
    if isinstance(value, bytes) and value:
        big_endian = item.original_encoding[1] is False
    elif bulk is not None:
        value = bulk(number)
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise Unusable("it has no vectors")
    whole = memoryview(value)[: len(value) // 4 * 4]
    return np.frombuffer(whole, ">f4" if big_endian else "<f4").astype(np.float32)
