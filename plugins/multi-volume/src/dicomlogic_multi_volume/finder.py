"""Finds the axes: which attributes, alone or jointly, tell the frames at one position apart, and alike at every one.

In this order: attributes with the same values at every position; attributes whose order counts, as slices were measured
one after the other; blocks of InstanceNumber; whole instances. What is found later is offered as an alternative.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from dicomlogic_core import (
    complete_values,
    distinct_inside,
    finding,
    joint,
    once_everywhere,
    ranks,
    same_everywhere,
    same_partition,
    value_table,
)
from dicomlogic_multi_volume.arrangements import Arrangement, Frames, arrange, joined
from dicomlogic_multi_volume.candidates import DURATION, REFERENCE_TIME
from dicomlogic_multi_volume.columns import Column, column_of, columns_of, ordinal
from dicomlogic_multi_volume.dimensions import dimension_columns
from dicomlogic_multi_volume.numbering import by_instance, by_instance_number, instance_order

_BY_IDENTIFIER = 0.9
_MOST_AXES = 3


def candidates_of(frames: Frames) -> list[Column]:
    """The attributes that vary in the frames, best first."""
    columns = columns_of(frames.series, frames.rows)
    columns.extend(dimension_columns(frames.series, frames.rows, columns))
    return columns


def arrangements(frames: Frames, columns: Sequence[Column]) -> list[Arrangement]:
    """The ways to arrange frames by `columns`, best first; empty when nothing tells them apart."""
    found: list[Arrangement] = []
    names: set[str] = set()
    for one in _all(frames, columns):
        if one is not None and one.name not in names:
            names.add(one.name)
            found.append(one)
    if not found and (copies := by_instance(frames)) is not None:
        found.append(copies)
    # More complete volumes are better than an attribute of higher rank.
    found.sort(key=lambda one: -one.members.size)
    return found


def _all(frames: Frames, columns: Sequence[Column]) -> Iterator[Arrangement | None]:
    same: list[Column] = []
    if frames.multiplicity:
        same = [column for column in columns if same_everywhere(frames.place, column.codes)]
        families: set[str] = set()
        for number, first in enumerate(same):
            family = first.candidate.family
            if not family or family not in families:
                families.add(family)
                yield _from_first(frames, same[number:], columns)
        for column in columns:
            if column not in same and column.candidate.ranked:
                yield _by_rank(frames, column)
    if not same:
        # Also where as many are missing everywhere: then numbers are equal, and no value is at every position.
        yield from _incomplete(frames, columns)
    yield by_instance_number(frames)


def _from_first(frames: Frames, same: Sequence[Column], columns: Sequence[Column]) -> Arrangement | None:
    """The axes that begin with the first column: as few more as tell the frames apart, best with every combination."""
    first, rest = same[0], same[1:]
    family = [first]
    for column in rest:
        alike = bool(first.candidate.family) and column.candidate.family == first.candidate.family
        if alike and int(joined([*family, column]).max()) > int(joined(family).max()):
            family.append(column)
    others = [column for column in rest if column not in family]
    whole = joined(family)
    shown = [*family, *_companions(frames, first, columns, family)]
    diffusion = bool(first.candidate.family)
    if once_everywhere(frames.place, whole):
        return _arranged(frames, whole, shown, by_appearance_only=diffusion)
    for more in _products(frames, whole, others):
        codes = joint([whole, *(column.codes for column in more)])
        return _arranged(frames, codes, [*shown, *more])
    return _repeated(frames, whole, shown, columns, by_appearance_only=diffusion)


def _companions(frames: Frames, first: Column, columns: Sequence[Column], family: Sequence[Column]) -> list[Column]:
    """Columns that add nothing but are told beside `first`: others of its family, how long the frames of PET took."""
    if first.candidate is REFERENCE_TIME:
        duration = column_of(frames.series, frames.rows, DURATION)
        return [] if duration is None else [duration]
    if not first.candidate.family:
        return []
    return [column for column in columns if column.candidate.family == first.candidate.family and column not in family]


def _products(frames: Frames, whole: NDArray[np.int64], others: Sequence[Column]) -> Iterator[tuple[Column, ...]]:
    """Further columns with which every combination of values occurs exactly once at every position."""
    for size in range(1, _MOST_AXES):
        for more in combinations(others, size):
            count = (int(whole.max()) + 1) * int(np.prod([column.distinct for column in more]))
            if count == frames.multiplicity:
                codes = joint([whole, *(column.codes for column in more)])
                if int(codes.max()) + 1 == count and once_everywhere(frames.place, codes):
                    yield more


def _repeated(
    frames: Frames,
    whole: NDArray[np.int64],
    shown: Sequence[Column],
    columns: Sequence[Column],
    *,
    by_appearance_only: bool,
) -> Arrangement | None:
    """Values that repeat at every position: the repetitions are told apart by their time or InstanceNumber."""
    groups = frames.place * (int(whole.max()) + 1) + whole
    clock = next((one for one in columns if one.candidate.ranked and distinct_inside(groups, one.numbers, 0.0)), None)
    times = clock.numbers if clock is not None else instance_order(frames)
    if times is None or not distinct_inside(groups, times, 0.0):
        return None
    repetition = ranks(groups, times)
    axis = clock if clock is not None else ordinal("repetition", "", repetition + 1)
    # Where values repeat unequally often (several unweighted volumes) repetition is no axis.
    table = value_table(frames.place, whole)
    even = bool((table == table[0, 0]).all())
    found = []
    if clock is None:
        found = [finding("axis.from-instance-number", "repetitions are told apart by InstanceNumber only")]
    return arrange(
        frames,
        joint([whole, repetition]),
        [*shown, axis] if even or not by_appearance_only else shown,
        name="+".join(dict.fromkeys([*(one.name for one in shown), *([axis.name] if even else [])])),
        how=f"the same values of {_named(shown)} at every position, repeated; repetitions by {axis.name}",
        by_appearance_only=by_appearance_only,
        findings=found,
    )


def _arranged(
    frames: Frames, codes: NDArray[np.int64], shown: Sequence[Column], *, by_appearance_only: bool = False
) -> Arrangement | None:
    only_identifier = [column.name for column in shown] == ["TemporalPositionIdentifier"]
    return arrange(
        frames,
        codes,
        shown,
        name="+".join(column.name for column in shown if column.candidate is not DURATION),
        how=f"the same values of {_named(shown)} at every position",
        confidence=_BY_IDENTIFIER if only_identifier else 1.0,
        by_appearance_only=by_appearance_only,
    )


def _named(columns: Sequence[Column]) -> str:
    return " x ".join(f"{column.name} ({column.distinct})" for column in columns)


def _by_rank(frames: Frames, column: Column) -> Arrangement | None:
    """An attribute that differs from position to position: its order inside each position counts."""
    if not distinct_inside(frames.place, column.numbers, 0.0):
        return None
    rank = ranks(frames.place, column.numbers)
    if column.candidate.kind == "time" and int(joint([column.codes, rank]).max()) > int(column.codes.max()):
        return None  # one moment would be in two volumes: frames are missing, and the order tells nothing
    note = (
        f"{column.name} differs from position to position; its order counts and each label is the smallest of a volume"
    )
    return arrange(
        frames,
        rank,
        [column, *_companions(frames, column, (), ())],
        name=column.name,
        how=f"the order of {column.name} at every position",
        findings=[finding("axis.rank", note)],
    )


def _incomplete(frames: Frames, columns: Sequence[Column]) -> Iterator[Arrangement | None]:
    """Positions with unequal numbers of frames: the values that are complete, by one attribute or a pair."""
    chosen: list[tuple[Column, ...]] = [(column,) for column in columns]
    chosen.extend(combinations(columns, 2))
    seen: list[NDArray[np.int64]] = []
    for some in chosen:
        codes = joined(some)
        if len(complete_values(frames.place, codes)) < 2 or any(same_partition(codes, one) for one in seen):
            continue
        seen.append(codes)
        yield _arranged(frames, codes, some)
