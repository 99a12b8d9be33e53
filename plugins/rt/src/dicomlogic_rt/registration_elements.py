"""What registrations, deformations and fiducials are read with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_rt.elements import items_of, numbers_of, text_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset

ROUNDED = 1e-4
"""How far numbers of 16 characters may miss what they should be."""
FURTHEST_MM = 1e6
"""A kilometre: no patient reaches further."""
_METADATA = ("ContentLabel", "ContentDescription", "ContentDate", "ContentTime", "Manufacturer")


class Unusable(ValueError):
    """An item that cannot be used; the text says why."""


def matrix_of(item: Dataset) -> NDArray[np.float64]:
    """The matrix of an item, row by row.

    Raises:
        Unusable: it is none, or cannot be undone.
    """
    values = numbers_of(item, "FrameOfReferenceTransformationMatrix")
    if len(values) != 16 or not np.isfinite(values).all():
        raise Unusable(f"its matrix has {int(np.isfinite(values).sum())} of 16 numbers")
    if np.abs(values).max() > FURTHEST_MM:
        raise Unusable("its matrix leads further than a kilometre")
    matrix = values.reshape(4, 4)
    if np.abs(matrix[3] - (0, 0, 0, 1)).max() > ROUNDED:
        transposed = not matrix[:3, 3].any()
        raise Unusable("its last row is not 0, 0, 0, 1" + (": rows and columns seem exchanged" if transposed else ""))
    if abs(np.linalg.det(matrix[:3, :3])) < 1e-9:
        raise Unusable("its matrix maps space to a plane")
    return np.array([*matrix[:3], (0.0, 0.0, 0.0, 1.0)])


def images_of(item: Dataset) -> tuple[str, ...]:
    """SOPInstanceUIDs of the images that an item is for."""
    images = items_of(item, "ReferencedImageSequence")
    return tuple(dict.fromkeys(filter(None, (text_of(one, "ReferencedSOPInstanceUID") for one in images))))


def metadata_of(dataset: Dataset) -> dict[str, Any]:
    """Keyword -> text of what names the object and when it was made."""
    return {keyword: text for keyword in _METADATA if (text := text_of(dataset, keyword))}


def binary_numbers(item: Dataset, keyword: str) -> NDArray[np.float64]:
    """Numbers of an element with a binary VR; none when it is absent or unreadable."""
    value = value_of(item, keyword)
    try:
        return np.array([] if value is None else value, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        return np.empty(0)


def value_of(item: Dataset, keyword: str) -> Any:
    """The value of an element; None when it is absent or unreadable."""
    try:
        return item.get(keyword)
    except Exception:  # pydicom raises nearly anything on broken bytes
        return None
