"""How frames are arranged: which volume each belongs to, and the values of the axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dicomlogic_core import Axis, Finding, SeriesView, by_appearance, finding, joint
from dicomlogic_multi_volume.columns import Column


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frames:
    """The frames of a stack with several at every position.

    Attributes:
        series: where they are from.
        rows: (n,) rows of its frame table.
        place: (n,) number of the position of each along row x column, from 0.
        appearance: (n,) rank in the order of InstanceNumber, SOPInstanceUID, frame and tile.
    """

    series: SeriesView
    rows: NDArray[np.int64]
    place: NDArray[np.int64]
    appearance: NDArray[np.int64]

    @classmethod
    def of(cls, series: SeriesView, rows: NDArray[np.int64], place: NDArray[np.int64]) -> Frames:
        """The frames of `rows` at the positions `place`."""
        rank = {row: number for number, row in enumerate(by_appearance(series, rows).tolist())}
        appearance = np.array([rank[row] for row in rows.tolist()], dtype=np.int64)
        return cls(series=series, rows=rows, place=place, appearance=appearance)

    @property
    def positions(self) -> int:
        """Number of positions."""
        return int(self.place.max()) + 1

    @property
    def counts(self) -> NDArray[np.int64]:
        """Frames at every position."""
        return np.bincount(self.place)

    @property
    def multiplicity(self) -> int:
        """Frames at every position; 0 when their number differs."""
        counts = self.counts
        return int(counts[0]) if bool((counts == counts[0]).all()) else 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arrangement:
    """Frames as volumes.

    Attributes:
        frames: what is arranged.
        members: (m, P) index into `frames.rows` of the frame of every volume and position.
        axes: one value per volume each; the first varies slowest.
        name: the option that asks for it: names of the axes that tell volumes apart, joined by ``+``.
        how: which rule found it, for the explanation.
        confidence: 0.4 to 1.
        left: indices of frames that are in no volume.
        findings: what is worth knowing about it.
    """

    frames: Frames
    members: NDArray[np.int64]
    axes: tuple[Axis, ...]
    name: str
    how: str
    confidence: float = 1.0
    left: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    findings: tuple[Finding, ...] = ()

    @property
    def label(self) -> str:
        """The axes as they appear in names."""
        return self.name.replace("+", " and ")


def arrange(
    frames: Frames,
    volume: NDArray[np.int64],
    columns: Sequence[Column],
    *,
    name: str,
    how: str,
    confidence: float = 1.0,
    by_appearance_only: bool = False,
    findings: Sequence[Finding] = (),
) -> Arrangement | None:
    """Frames with the number of their volume (-1: none) as an arrangement; None when fewer than two are complete.

    Volumes are in order of their number, or, with `by_appearance_only`, in the order in which they were measured.
    """
    positions = frames.positions
    table = np.zeros((positions, int(volume.max()) + 1), dtype=np.int64)
    inside = volume >= 0
    np.add.at(table, (frames.place[inside], volume[inside]), 1)
    complete = np.flatnonzero((table == 1).all(axis=0))
    if len(complete) < 2:
        return None
    chosen = np.isin(volume, complete)
    index = np.flatnonzero(chosen)
    members = index[np.lexsort((frames.place[index], volume[index]))].reshape(len(complete), positions)
    if by_appearance_only:
        members = members[np.argsort(frames.appearance[members].min(axis=1), kind="stable")]
    left = np.flatnonzero(~chosen)
    found = [*findings, *(_midnight(column) for column in columns if column.midnight)]
    if len(left):
        found.append(_incomplete(frames, table, len(complete), left))
        confidence = min(confidence, 0.4)
    return Arrangement(
        frames=frames,
        members=members,
        axes=tuple(_axis(column, members) for column in columns),
        name=name,
        how=how,
        confidence=confidence,
        left=left,
        findings=tuple(found),
    )


def _axis(column: Column, members: NDArray[np.int64]) -> Axis:
    """The value of every volume: the one its frames share, the smallest where they differ."""
    if np.isnan(column.numbers).any():
        chosen = members[:, 0]
    else:
        chosen = members[np.arange(len(members)), column.numbers[members].argmin(axis=1)]
    values = tuple(column.labels[index] for index in chosen.tolist())
    return Axis(name=column.name, tag=column.tag, unit=column.candidate.unit, values=values)


def _midnight(column: Column) -> Finding:
    return finding("axis.midnight", f"{column.name} passes midnight: 24 h were added to the later times")


_MOST_NAMED = 20  # instances named by one finding


def _incomplete(frames: Frames, table: NDArray[np.int64], complete: int, left: NDArray[np.int64]) -> Finding:
    """Which frames are in no volume, with counts."""
    filled = (table > 0).sum(axis=0)
    partly = [f"{count} of {table.shape[0]}" for count in filled[filled < table.shape[0]].tolist()]
    uids, instance = frames.series.sop_uids, frames.series.frames.instance
    where = tuple(dict.fromkeys(uids[row] for row in instance[frames.rows[left]].tolist()))[:_MOST_NAMED]
    having = f"; others have {', '.join(partly[:5])} positions" if partly else ""
    return finding(
        "axis.incomplete",
        f"{complete} complete volumes of {table.shape[0]} positions; {len(left)} of {len(frames.rows)} frames "
        f"are in no complete volume and are left out{having}",
        where=where,
    )


def joined(columns: Sequence[Column]) -> NDArray[np.int64]:
    """Codes of the tuples of values, the first column slowest."""
    return joint([column.codes for column in columns])
