"""What of a series is PET in space: a volume, or volumes of one geometry that follow each other in time or by gate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import (
    Axis,
    Finding,
    Layout,
    SeriesView,
    Stack,
    StackPart,
    by_appearance,
    date_time_seconds,
    distinct_inside,
    hard_parts,
    layout_of,
    mode_of,
    moments,
    number_codes,
    once_everywhere,
    ranks,
    runs_of,
    soft_parts,
    stack_of,
    tag_key,
)
from dicomlogic_pet_ct.emission_rows import emission_parts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomlogic_core import FrameRef

_TOLERANCE = 1e-3
GATES = ("TriggerTime", "NominalCardiacTriggerDelayTime")
"""Axes of volumes that lie in one cycle of the heart and not one after the other."""
LAYOUT_MODES = ("fill", "as-is", "error")
"""Ways to load an uneven stack that keep its frames and values."""
_CUT = frozenset(("piecewise", "overlapping", "irregular"))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PetPart:
    """Frames of one or more volumes on one grid.

    Attributes:
        stack: of the first volume; it stands for the geometry of all.
        members: one array of rows of the frame table per volume, each in the order of ``stack.rows``.
        claimed: all rows, those that are left out as copies included.
        axis: what tells the volumes apart; None for a single one.
        label: what tells the part from others of its series.
        findings: of the series and its stack.
    """

    stack: Stack
    members: tuple[NDArray[np.int64], ...]
    claimed: NDArray[np.int64]
    axis: Axis | None = None
    label: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def rows(self) -> list[int]:
        """Rows of all volumes, one volume after the other."""
        return [int(row) for member in self.members for row in member.tolist()]

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel."""
        between_rows, between_columns = self.stack.pixel_spacing
        return between_rows * between_columns * abs(self.stack.step_mm) / 1000

    def layout(self, irregular: str) -> Layout:
        """The grid by the option ``irregular``; ways that need more than one volume or new values are not taken.

        Raises:
            GeometryError: the stack is uneven and the option is ``error``.
            UsageError: no such way.
        """
        mode = mode_of(irregular)
        return layout_of(self.stack, mode if mode in LAYOUT_MODES else "")

    def placed(self, number: int, layout: Layout) -> tuple[Stack, Layout]:
        """The stack of one volume, and `layout` (that of the first) with its own frames."""
        if number == 0:
            return self.stack, layout
        rows = dict(zip(self.stack.rows.tolist(), self.members[number].tolist()))
        own = tuple(None if row is None else rows[row] for row in layout.rows)
        return replace(self.stack, rows=self.members[number], doubles=()), replace(layout, rows=own)

    def refs(self, layout: Layout) -> list[tuple[FrameRef | None, ...]]:
        """The frames of every volume as `layout` puts those of the first."""
        known = self.stack.series.frames.refs()
        rows = [self.placed(number, layout)[1].rows for number in range(len(self.members))]
        return [tuple(None if row is None else known[row] for row in own) for own in rows]


def pet_parts(series: SeriesView) -> Iterator[PetPart]:
    """The parts of a series of which an uptake or activity can be asked."""
    for whole in hard_parts(series):
        for part in emission_parts(series, whole):
            for piece in _pieces(series, part):
                made = part_of(series, piece.rows, label=piece.label, extra=piece.findings)
                if made is not None:
                    yield made


def _pieces(series: SeriesView, part: StackPart) -> Iterator[StackPart]:
    """An uneven stack as its clean parts or runs of equal step; everything else whole."""
    stack = stack_of(series, part.rows)
    cut = (soft_parts(stack) or runs_of(stack)) if stack.kind == "volume" and stack.gap_class in _CUT else []
    for piece in cut or [StackPart(rows=part.rows)]:
        label = " - ".join(word for word in (part.label, piece.label) if word)
        yield replace(piece, label=label, findings=(*part.findings, *piece.findings))


def part_of(
    series: SeriesView, rows: NDArray[np.int64], *, label: str = "", extra: tuple[Finding, ...] = ()
) -> PetPart | None:
    """Some frames as a part; None when they are no volume and no volumes of one geometry."""
    stack = stack_of(series, rows, extra=extra)
    if stack.kind == "volume":
        return PetPart(stack=stack, members=(stack.rows,), claimed=stack.claimed, label=label, findings=stack.findings)
    if stack.kind != "four-dimensional" or stack.planes is None or not stack.planes.multiplicity:
        return None
    rows = stack.rows
    for name, tag, unit, values in _axes(series, rows):
        codes = _volumes(stack.planes.place, values)
        if codes is None:
            continue
        order = np.lexsort((stack.planes.place, codes))
        members = tuple(rows[order].reshape(int(codes.max()) + 1, -1))
        first = stack_of(series, members[0], extra=extra)
        # The order of the first volume is that of its planes, which all volumes share.
        labels = tuple(float(values[codes == number].min()) for number in range(len(members)))
        axis = Axis(name=name, tag=tag, unit=unit, values=tuple(round(one, 6) for one in labels))
        return PetPart(
            stack=first,
            members=members,
            claimed=np.concatenate(members),
            axis=axis,
            label=label,
            findings=first.findings,
        )
    return None


def _volumes(place: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """The number of the volume of every frame; None when the values do not tell."""
    if not np.isfinite(values).all():
        return None
    codes = number_codes(values, _TOLERANCE)
    if codes.any() and once_everywhere(place, codes):
        return codes
    return ranks(place, values) if distinct_inside(place, values, _TOLERANCE) else None


def _axes(series: SeriesView, rows: NDArray[np.int64]) -> Iterator[tuple[str, str, str, NDArray[np.float64]]]:
    """What may tell volumes apart: name, tag, UCUM unit, a value per frame; gates first where a heart was followed."""
    gated = "GATED" in series.first("SeriesType").upper() or series.first("NominalCardiacTriggerDelayTime")
    for keyword in (*(GATES if gated else ()), "FrameReferenceTime"):
        yield keyword, tag_key(keyword), "ms", series.frames.numbers(keyword)[rows]
    yield "AcquisitionTime", tag_key("AcquisitionTime"), "ms", _acquired(series, rows)
    for keyword in ("TemporalPositionIndex", "ImageIndex"):
        yield keyword, tag_key(keyword), "", series.frames.numbers(keyword)[rows]
    rank = {row: number for number, row in enumerate(by_appearance(series, rows).tolist())}
    appearance = np.array([float(rank[row]) for row in rows.tolist()])
    yield "InstanceNumber", tag_key("InstanceNumber"), "", appearance


def _acquired(series: SeriesView, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Milliseconds after the first frame."""
    picked = rows.tolist()
    columns = {
        tag: series.frames.text(tag) for tag in ("FrameAcquisitionDateTime", "AcquisitionDate", "AcquisitionTime")
    }
    exact = np.array([date_time_seconds(columns["FrameAcquisitionDateTime"][row]) for row in picked])
    if not np.isfinite(exact).all():
        exact, _ = moments(*([columns[tag][row] for row in picked] for tag in ("AcquisitionDate", "AcquisitionTime")))
    return np.asarray(np.round((exact - exact.min()) * 1000, 3))
