"""Pixels inside polygons by the even-odd rule: many polygons at once, each in its own bounding box."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_rt.polygon_crossings import row_crossings

if TYPE_CHECKING:
    from numpy.typing import NDArray

_AT_ONCE = 1 << 20  # pixels in boxes: stays in the processor's cache
_SHIFTS = tuple(np.uint64(shift) for shift in (1, 2, 4, 8, 16, 32))
_TOP_BIT = np.uint64(63)


def filled_boxes(
    starts: NDArray[np.float64],
    ends: NDArray[np.float64],
    pictures: NDArray[np.intp],
    size: tuple[int, int],
) -> Iterator[tuple[int, int, int, NDArray[np.bool_]]]:
    """Fill the polygons of several pictures, all of one picture together.

    A pixel is inside when its centre (integer x, y) is: even-odd, half-open crossings.

    Args:
        starts, ends: (2, edges) x and y in pixels of closed polygons.
        pictures: (edges,) ascending number of the picture of each edge.
        size: rows and columns; what lies outside is clipped.

    Yields:
        number of the picture, first row, first column and the box ``[row, column]`` that holds all its inner pixels.
    """
    edges, rows, x = row_crossings(starts, ends, size[0])
    if not len(edges):
        return
    columns = np.ceil(x).clip(0, size[1]).astype(np.int64)
    picture_of = pictures[edges]
    firsts = np.flatnonzero(np.concatenate([[True], np.diff(picture_of) > 0]))
    top = np.minimum.reduceat(rows, firsts)
    left = np.minimum.reduceat(columns, firsts)
    height = np.maximum.reduceat(rows, firsts) - top + 1
    width = np.maximum.reduceat(columns, firsts) - left + 1
    pixels = height * width
    counts = np.diff(np.append(firsts, len(edges)))
    # Every row holds an even number of crossings, so parity is zero where the next row begins.
    inside = (rows - np.repeat(top, counts)) * np.repeat(width, counts) + columns - np.repeat(left, counts)
    numbers = picture_of[firsts].tolist()
    corners, shapes = list(zip(top.tolist(), left.tolist())), list(zip(height.tolist(), width.tolist()))
    for first, last in _portions(pixels):
        base = np.cumsum(pixels[first:last]) - pixels[first:last]
        crossings = slice(int(firsts[first]), int(firsts[last - 1] + counts[last - 1]))
        flat = inside[crossings] + np.repeat(base, counts[first:last])
        parity = _parity(flat, int(pixels[first:last].sum()))
        for number, begin in zip(range(first, last), base.tolist()):
            box_rows, box_columns = shapes[number]
            box = parity[begin : begin + box_rows * box_columns].reshape(box_rows, box_columns)
            # The last column only closes the rows.
            yield (numbers[number], *corners[number], box[:, :-1])


def _portions(pixels: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """(first, last) ranges of pictures of about a million pixels."""
    group = np.cumsum(pixels) // _AT_ONCE
    edges = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), len(pixels)]
    yield from pairwise(edges)


def _parity(flat: NDArray[np.int64], length: int) -> NDArray[np.bool_]:
    """(length,) True where an odd number of `flat` positions lie at or before: a running XOR, 64 pixels at a time."""
    toggles = np.zeros(-(-length // 64) * 64, np.uint8)
    np.add.at(toggles, flat, np.uint8(1))
    toggles &= 1
    words = np.packbits(toggles, bitorder="little").view("<u8")
    for shift in _SHIFTS:
        words ^= words << shift
    odd = np.bitwise_xor.accumulate(words >> _TOP_BIT)
    words[1:] ^= np.uint64(0) - odd[:-1]
    return np.unpackbits(words.view(np.uint8), bitorder="little").view(np.bool_)
