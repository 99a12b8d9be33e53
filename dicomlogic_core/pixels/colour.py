"""Colour spaces to RGB (PS3.3 C.7.6.3.1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Y, Cb, Cr -> R, G, B for YBR_FULL, the inverse of the standard's equations.
_FULL = np.array([[1.0, 0.0, 1.402], [1.0, -0.114 * 1.772 / 0.587, -0.299 * 1.402 / 0.587], [1.0, 1.772, 0.0]])


def to_rgb(values: NDArray[Any], space: str) -> NDArray[Any]:
    """``[j, i, c]`` unsigned samples as RGB of the same type; RGB itself is returned unchanged."""
    if space not in ("YBR_FULL", "YBR_FULL_422"):
        return values
    limits = np.iinfo(values.dtype)
    middle = (limits.max + 1) // 2
    rgb = (values - np.array([0.0, middle, middle])) @ _FULL.T
    return cast("NDArray[Any]", np.clip(np.rint(rgb), limits.min, limits.max).astype(values.dtype))
