"""From stored values to output values, per frame, and one type for the whole stack: from headers alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core.errors import PixelError
from dicomlogic_core.pixels.description import PixelDescription
from dicomlogic_core.pixels.lookup import Lookup

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 1 << 15  # elements; a block of float64 stays in the second-level cache


@dataclass(frozen=True, slots=True)
class Linear:
    """``stored * slope + intercept``."""

    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        # An int would make numpy compute in the stored type, which overflows.
        object.__setattr__(self, "slope", float(self.slope))
        object.__setattr__(self, "intercept", float(self.intercept))
        if not (math.isfinite(self.slope) and math.isfinite(self.intercept)) or self.slope == 0:
            raise PixelError(
                f"slope {self.slope:g} and intercept {self.intercept:g} cannot be applied",
                code="pixels.rescale-invalid",
                remedy="repair the headers",
            )

    @property
    def whole(self) -> bool:
        """True when integers stay integers."""
        return self.slope == 1 and self.intercept == int(self.intercept)


Modality = Linear | Lookup


def result_dtype(pairs: Sequence[tuple[PixelDescription, Modality]], *, real: bool = False) -> np.dtype[Any]:
    """The one type for frames of these descriptions and transforms.

    Integers stay integers when every slope is 1 and the intercepts are integral and equal: the type as stored when
    nothing is rescaled, else the smallest signed one that holds the range BitsStored allows and is no narrower. All
    else, and everything with `real`, is float32, or float64 when stored values have more than 24 bits.
    """
    if not real and all(description.samples == 1 and isinstance(modality, Lookup) for description, modality in pairs):
        return np.result_type(*(modality.entries.dtype for _, modality in pairs if isinstance(modality, Lookup)))
    linear = [modality for _, modality in pairs if isinstance(modality, Linear)]
    whole = len(linear) == len(pairs) and all(one.whole and one.intercept == linear[0].intercept for one in linear)
    if whole and not real and not any(description.real for description, _ in pairs):
        return _integer_dtype([description for description, _ in pairs], int(linear[0].intercept))
    return np.dtype(np.float64 if any(map(_needs_double, pairs)) else np.float32)


def _needs_double(pair: tuple[PixelDescription, Modality]) -> bool:
    description, _ = pair
    return description.real == "double" or (not description.real and description.bits_stored > 24)


def _integer_dtype(descriptions: Sequence[PixelDescription], intercept: int) -> np.dtype[Any]:
    ranges = [description.value_range for description in descriptions]
    low = min(low for low, _ in ranges) + intercept
    high = max(high for _, high in ranges) + intercept
    size = max(description.dtype.itemsize for description in descriptions)
    if intercept == 0 and not any(description.signed for description in descriptions):
        return np.dtype(f"u{size}")
    for width in (1, 2, 4, 8):
        if width >= size and -(1 << (8 * width - 1)) <= low and high < 1 << (8 * width - 1):
            return np.dtype(f"i{width}")
    return np.dtype(np.float64)


def apply_linear(stored: NDArray[Any], linear: Linear, out: NDArray[Any]) -> None:
    """``stored * slope + intercept`` into `out`, rounded once; `stored` may share the memory of an integer `out`."""
    if out.dtype.kind in "iu":
        if stored.dtype.itemsize == out.dtype.itemsize:
            stored = stored.view(out.dtype)  # the range was checked: bits are right, and numpy need not buffer
        if linear.intercept:
            np.add(stored, out.dtype.type(linear.intercept), out=out, casting="unsafe", dtype=out.dtype)
        elif stored.ctypes.data != out.ctypes.data:
            np.copyto(out, stored, casting="unsafe")
        return
    if (out.dtype == np.float32 and _exact_in_single(linear, stored)) or (linear.slope == 1 and linear.intercept == 0):
        # Converting first and working in place is faster than mixed types, for which numpy goes through buffers.
        np.copyto(out, stored, casting="unsafe")
        if linear.slope != 1:
            np.multiply(out, out.dtype.type(linear.slope), out=out)
        if linear.intercept:
            np.add(out, out.dtype.type(linear.intercept), out=out)
    else:
        _by_blocks(stored.reshape(-1), linear, out.reshape(-1))


def _exact_in_single(linear: Linear, stored: NDArray[Any]) -> bool:
    """True when the product is exact in float32, so that only the addition rounds."""
    if stored.dtype.itemsize > 2 or stored.dtype.kind not in "iu":
        return False
    mantissa, _ = math.frexp(linear.slope)
    bits = 24 - stored.dtype.itemsize * 8
    return (mantissa * (1 << bits)).is_integer() and float(np.float32(linear.intercept)) == linear.intercept


def _by_blocks(stored: NDArray[Any], linear: Linear, out: NDArray[Any]) -> None:
    double = out.dtype == np.float64
    scratch = np.empty(0 if double else min(_BLOCK, stored.size))
    for start in range(0, stored.size, _BLOCK):
        block, place = stored[start : start + _BLOCK], out[start : start + _BLOCK]
        part = place if double else scratch[: block.size]
        # Converting first is faster than mixed types, for which numpy goes through buffers.
        np.copyto(part, block, casting="unsafe")
        part *= linear.slope
        if linear.intercept:
            part += linear.intercept
        if not double:
            np.copyto(place, part, casting="same_kind")
