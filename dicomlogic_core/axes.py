"""What makes values an axis of a series: the same ones, jointly, at every position. Arrays in, answers out.

Which attributes may be axes is not known here. Frames have a position (``place``, 0 to P - 1) and values stand for
themselves as numbers (``codes``, 0 to C - 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def value_table(place: NDArray[np.int64], codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """(P, C) how often each value occurs at each position."""
    positions, values = int(place.max()) + 1, int(codes.max()) + 1
    return np.bincount(place * values + codes, minlength=positions * values).reshape(positions, values)


def same_everywhere(place: NDArray[np.int64], codes: NDArray[np.int64]) -> bool:
    """The test of an axis: at least two values, and the same ones equally often at every position."""
    table = value_table(place, codes)
    return table.shape[1] > 1 and bool((table == table[0]).all())


def once_everywhere(place: NDArray[np.int64], codes: NDArray[np.int64]) -> bool:
    """True when every value occurs exactly once at every position: the axis tells all frames apart."""
    return bool((value_table(place, codes) == 1).all())


def complete_values(place: NDArray[np.int64], codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The values that occur exactly once at every position."""
    return np.flatnonzero((value_table(place, codes) == 1).all(axis=0))


def joint(columns: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """(n,) one number per tuple of values, ascending with the tuples, the first column most."""
    codes = columns[0]
    for column in columns[1:]:
        # Numbered densely again at every step, so that products stay small.
        _, pairs = np.unique(codes * (int(column.max()) + 1) + column, return_inverse=True)
        codes = pairs.reshape(-1).astype(np.int64)
    return np.asarray(codes)


def ranks(groups: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """(n,) the rank of each value inside its group, from 0; equal values keep their order."""
    order = np.lexsort((values, groups))
    sorted_groups = groups[order]
    starts = np.flatnonzero(np.diff(sorted_groups, prepend=sorted_groups[0] - 1))
    sizes = np.diff(np.append(starts, len(order)))
    result = np.empty(len(order), dtype=np.int64)
    result[order] = np.arange(len(order)) - np.repeat(starts, sizes)
    return result


def distinct_inside(groups: NDArray[np.int64], values: NDArray[np.float64], tolerance: float) -> bool:
    """True when no two values of one group are within `tolerance` of each other and none is NaN."""
    if np.isnan(values).any():
        return False
    order = np.lexsort((values, groups))
    near = np.diff(values[order]) <= tolerance
    return not bool((near & (np.diff(groups[order]) == 0)).any())


def number_codes(values: NDArray[np.float64], tolerance: float) -> NDArray[np.int64]:
    """(n,) numbers as codes ascending with the value; what differs by no more than `tolerance` is one. No NaN."""
    order = np.argsort(values, kind="stable")
    codes = np.empty(len(values), dtype=np.int64)
    codes[order] = np.concatenate([[0], np.cumsum(np.diff(values[order]) > tolerance)])
    return codes


def same_partition(a: NDArray[np.int64], b: NDArray[np.int64]) -> bool:
    """True when two columns of codes tell the same frames apart: each is a function of the other."""
    both = int(joint([a, b]).max())
    return both == int(a.max()) == int(b.max())
