"""Ten digits as pixels, so that slices in a picture can carry their number."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Three columns by five rows, a letter per digit row: bits 4, 2, 1 from left to right.
_DIGITS = ("75557", "26227", "71747", "71717", "55711", "74717", "74757", "71111", "75757", "75717")
_SCALE = 2


def draw_number(picture: NDArray[np.uint8], number: int, top: int, left: int, colour: tuple[int, int, int]) -> None:
    """Draw a number into an RGB picture ``[row, column, 3]``, over a dark edge; what does not fit is cut off."""
    for shift, ink in ((1, (0, 0, 0)), (0, colour)):
        for place, digit in enumerate(str(number)):
            for row, bits in enumerate(_DIGITS[int(digit)]):
                for column in range(3):
                    if int(bits) >> (2 - column) & 1:
                        y = top + row * _SCALE + shift
                        x = left + (place * 4 + column) * _SCALE + shift
                        picture[y : y + _SCALE, x : x + _SCALE] = ink
