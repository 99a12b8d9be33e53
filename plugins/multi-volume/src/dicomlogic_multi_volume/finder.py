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
    Finding,
    complete_values,
    distinct_inside,
    finding,
    joint,
    once_everywhere,
    parse_number,
    ranks,
    same_everywhere,
    same_partition,
    value_table,
)
from dicomlogic_multi_volume.arrangements import Arrangement, Frames, arrange, joined
from dicomlogic_multi_volume.columns import Column, columns_of, ordinal

_BY_IDENTIFIER = 0.9
_BY_NUMBER = 0.6
_BY_INSTANCE = 0.3
_MOST_AXES = 3


def arrangements(frames: Frames) -> list[Arrangement]:
    """The ways to arrange frames, best first; empty when nothing tells them apart."""
    columns = columns_of(frames.series, frames.rows)
    found: list[Arrangement] = []
    names: set[str] = set()
    for one in _all(frames, columns):
        if one is not None and one.name not in names:
            names.add(one.name)
            found.append(one)
    if not found and (copies := _by_instance(frames)) is not None:
        found.append(copies)
    if frames.multiplicity == 0:
        # More complete volumes are better than an attribute of higher rank.
        found.sort(key=lambda one: -one.members.size)
    return found


def _all(frames: Frames, columns: Sequence[Column]) -> Iterator[Arrangement | None]:
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
    else:
        yield from _incomplete(frames, columns)
    yield _by_instance_number(frames)


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
    shown = [*family, *_companions(first, columns, family)]
    diffusion = bool(first.candidate.family)
    if once_everywhere(frames.place, whole):
        return _arranged(frames, whole, shown, by_appearance_only=diffusion)
    for more in _products(frames, whole, others):
        codes = joint([whole, *(column.codes for column in more)])
        return _arranged(frames, codes, [*shown, *more])
    return _repeated(frames, whole, shown, columns, by_appearance_only=diffusion)


def _companions(first: Column, columns: Sequence[Column], family: Sequence[Column]) -> list[Column]:
    """Other columns of the family of `first`, which add nothing but are told as well."""
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
    times = clock.numbers if clock is not None else _instance_numbers(frames)
    if times is None or not distinct_inside(groups, times, 0.0):
        return None
    repetition = ranks(groups, times)
    axis = clock if clock is not None else ordinal("repetition", "", repetition + 1)
    # Where values repeat unequally often (several unweighted volumes) repetition is no axis.
    table = value_table(frames.place, whole)
    even = bool((table == table[0, 0]).all())
    found = [] if clock is not None else [_from_numbers("repetitions are told apart by InstanceNumber only")]
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
        name="+".join(column.name for column in shown),
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
    note = (
        f"{column.name} differs from position to position; its order counts and each label is the smallest of a volume"
    )
    return arrange(
        frames,
        ranks(frames.place, column.numbers),
        [column],
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


def _instance_numbers(frames: Frames) -> NDArray[np.float64] | None:
    texts = frames.series.text("InstanceNumber")
    numbers = np.array([parse_number(texts[row]) for row in frames.series.frames.instance[frames.rows].tolist()])
    return numbers if np.isfinite(numbers).all() else None


def _from_numbers(message: str) -> Finding:
    return finding("axis.from-instance-number", message)


def _by_instance_number(frames: Frames) -> Arrangement | None:
    """Volumes in order of InstanceNumber, the last resort; labels are multiples of RepetitionTime where it is known."""
    numbers = _instance_numbers(frames)
    if numbers is None or not distinct_inside(frames.place, numbers, 0.0):
        return None
    rank = ranks(frames.place, numbers)
    pattern = _pattern(frames, numbers)
    if frames.multiplicity == 0 and pattern != "blocks":
        return None  # nothing says which volume lacks the frame
    repetition = {parse_number(text) for text in set(frames.series.frames.text("RepetitionTime"))}
    step = repetition.pop() if len(repetition) == 1 else float("nan")
    known = bool(np.isfinite(step)) and step > 0
    column = ordinal("Time", "00180080", rank, unit="ms") if known else ordinal("InstanceNumber", "00200013", rank + 1)
    if known:
        labels = tuple(round(k * step, 6) for k in rank.tolist())
        column = Column(
            candidate=column.candidate, tag=column.tag, labels=labels, codes=rank, numbers=rank.astype(np.float64)
        )
    what = {
        "blocks": "volumes follow each other in blocks of InstanceNumber",
        "positions": "the frames of each position follow each other by InstanceNumber",
        "": "InstanceNumber orders the frames of each position, without a pattern over positions",
    }[pattern]
    labels_are = f"labels are multiples of RepetitionTime {step:g} ms" if known else "labels are counts"
    return arrange(
        frames,
        rank,
        [column],
        name="InstanceNumber",
        how=f"{what}; {labels_are}",
        confidence=_BY_NUMBER if pattern else 0.4,
        findings=[_from_numbers(f"no attribute tells the volumes apart: {what}; {labels_are}")],
    )


def _pattern(frames: Frames, numbers: NDArray[np.float64]) -> str:
    """How positions follow each other: ``blocks`` of all of them, ``positions`` one after the other, or ""."""
    place = frames.place[np.argsort(numbers, kind="stable")]
    positions = frames.positions
    if bool((place == np.resize(place[:positions], len(place))).all()) and len(set(place[:positions])) == positions:
        return "blocks"
    changes = int((np.diff(place) != 0).sum())
    return "positions" if changes == positions - 1 else ""


def _by_instance(frames: Frames) -> Arrangement | None:
    """Instances that each hold a whole volume, and that nothing tells apart: most likely copies."""
    instance = frames.series.frames.instance[frames.rows]
    _, codes = np.unique(instance, return_inverse=True)
    codes = codes.reshape(-1).astype(np.int64)
    if not codes.any() or not once_everywhere(frames.place, codes):
        return None
    # Numbered by UID, as nothing else orders them and the order of files must not.
    order = np.argsort([frames.series.sop_uids[row] for row in np.unique(instance).tolist()])
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    number = rank[codes]
    uids = tuple(frames.series.sop_uids[row] for row in np.unique(instance).tolist())
    copies = finding(
        "geometry.duplicate",
        f"{len(order)} volumes at the same positions that no attribute tells apart: most likely copies of one",
        where=tuple(sorted(uids))[:20],
        remedy="check which one is meant; load them one by one",
    )
    return arrange(
        frames,
        number,
        [ordinal("copy", "", number + 1)],
        name="copy",
        how="one instance per volume, in order of SOPInstanceUID",
        confidence=_BY_INSTANCE,
        findings=[copies],
    )
