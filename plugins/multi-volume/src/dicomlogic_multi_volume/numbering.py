"""The last resorts: InstanceNumber where no attribute tells volumes apart, and whole instances where not even that."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dicomlogic_core import distinct_inside, finding, once_everywhere, parse_number, ranks
from dicomlogic_multi_volume.arrangements import Arrangement, Frames, arrange
from dicomlogic_multi_volume.columns import Column, ordinal

_BY_NUMBER = 0.6
_WITHOUT_PATTERN = 0.4
_BY_INSTANCE = 0.3
_MOST_NAMED = 20
_WHAT = {
    "blocks": "volumes follow each other in blocks of InstanceNumber",
    "positions": "the frames of each position follow each other by InstanceNumber",
    "": "InstanceNumber orders the frames of each position, without a pattern over positions",
}


def instance_order(frames: Frames) -> NDArray[np.float64] | None:
    """(n,) rank of every frame by InstanceNumber and frame number; None where one is unreadable or two coincide."""
    table = frames.series.frames
    texts = frames.series.text("InstanceNumber")
    numbers = np.array([parse_number(texts[row]) for row in table.instance[frames.rows].tolist()])
    if not np.isfinite(numbers).all():
        return None
    pairs = np.stack([numbers, table.frame[frames.rows]], axis=1)
    _, codes = np.unique(pairs, axis=0, return_inverse=True)
    order = np.asarray(codes.reshape(-1).astype(np.float64))
    return order if distinct_inside(frames.place, order, 0.0) else None


def by_instance_number(frames: Frames) -> Arrangement | None:
    """Volumes in order of InstanceNumber; labels are multiples of RepetitionTime where it is known."""
    order = instance_order(frames)
    if order is None:
        return None
    volume, pattern = _volumes(frames, order)
    if volume is None:
        return None
    column = _time(frames, volume)
    what = _WHAT[pattern]
    labels = "labels are multiples of RepetitionTime" if column.name == "Time" else "labels are counts"
    found = finding(
        "axis.from-instance-number", f"no attribute tells the volumes apart as well as this: {what}; {labels}"
    )
    return arrange(
        frames,
        volume,
        [column],
        name="InstanceNumber",
        how=f"{what}; {labels}",
        confidence=_BY_NUMBER if pattern else _WITHOUT_PATTERN,
        findings=[found],
    )


def _volumes(frames: Frames, order: NDArray[np.float64]) -> tuple[NDArray[np.int64] | None, str]:
    """The number of the volume of each frame, and the pattern it was told by."""
    pattern = _pattern(frames, order)
    if pattern == "blocks" or (pattern and frames.multiplicity):
        return ranks(frames.place, order), pattern
    if (numbered := _numbered(frames)) is not None:
        return numbered, "blocks"
    return (ranks(frames.place, order) if frames.multiplicity else None), ""


def _pattern(frames: Frames, order: NDArray[np.float64]) -> str:
    """How positions follow each other: ``blocks`` of all of them, ``positions`` one after the other, or ""."""
    place = frames.place[np.argsort(order, kind="stable")]
    positions = frames.positions
    if bool((place == np.resize(place[:positions], len(place))).all()) and len(set(place[:positions])) == positions:
        return "blocks"
    changes = int((np.diff(place) != 0).sum())
    return "positions" if changes == positions - 1 else ""


def _numbered(frames: Frames) -> NDArray[np.int64] | None:
    """Blocks of InstanceNumber counted from 1 where frames are missing; None unless every position keeps its place.

    Sorting alone would move every frame behind a lost one into the wrong volume.
    """
    texts = frames.series.text("InstanceNumber")
    numbers = np.array([parse_number(texts[row]) for row in frames.series.frames.instance[frames.rows].tolist()])
    if not (numbers >= 1).all() or not (numbers == np.floor(numbers)).all():
        return None
    volume, inside = np.divmod(numbers.astype(np.int64) - 1, frames.positions)
    pairs = np.unique(np.stack([inside, frames.place], axis=1), axis=0)
    one_to_one = len(pairs) == frames.positions == len(np.unique(inside))
    return np.asarray(volume) if one_to_one and int(volume.max()) < len(numbers) else None


def _time(frames: Frames, volume: NDArray[np.int64]) -> Column:
    """Multiples of the one RepetitionTime, or counts from 1."""
    repetition = {parse_number(text) for text in set(frames.series.frames.text("RepetitionTime"))}
    step = repetition.pop() if len(repetition) == 1 else float("nan")
    if not (np.isfinite(step) and step > 0):
        return ordinal("InstanceNumber", "00200013", volume + 1, codes=volume)
    column = ordinal("Time", "00180080", volume, unit="ms")
    labels = tuple(round(k * step, 6) for k in volume.tolist())
    return Column(
        candidate=column.candidate, tag=column.tag, labels=labels, codes=volume, numbers=volume.astype(np.float64)
    )


def by_instance(frames: Frames) -> Arrangement | None:
    """Instances that each hold a whole volume, and that nothing tells apart: most likely copies."""
    rows, codes = np.unique(frames.series.frames.instance[frames.rows], return_inverse=True)
    codes = codes.reshape(-1).astype(np.int64)
    if not codes.any() or not once_everywhere(frames.place, codes):
        return None
    uids = [frames.series.sop_uids[row] for row in rows.tolist()]
    # Numbered by UID, as nothing else orders them and the order of files must not.
    rank = np.empty(len(uids), dtype=np.int64)
    rank[np.argsort(uids)] = np.arange(len(uids))
    number = rank[codes]
    copies = finding(
        "geometry.duplicate",
        f"{len(uids)} volumes at the same positions that no attribute tells apart: most likely copies of one",
        where=tuple(sorted(uids))[:_MOST_NAMED],
        remedy="check which one is meant; load them one by one",
    )
    return arrange(
        frames,
        number,
        [ordinal("copy", "", number + 1, codes=number)],
        name="copy",
        how="one instance per volume, in order of SOPInstanceUID",
        confidence=_BY_INSTANCE,
        findings=[copies],
    )
