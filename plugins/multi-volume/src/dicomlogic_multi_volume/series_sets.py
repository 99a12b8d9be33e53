"""Sequences over several series of one geometry: one series per cardiac or respiratory phase, time point or flip angle.

Series make a set only when they have one frame of reference, one grid, and names that differ in numbers at most.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from dicomlogic_core import (
    Axis,
    Loadable,
    LoadContext,
    SeriesView,
    Stack,
    StudyView,
    VolumeSequence,
    clean_name,
    date_time_seconds,
    hard_parts,
    layout_of,
    mode_of,
    parse_number,
    stack_of,
    time_seconds,
)
from dicomlogic_multi_volume.sequences import sequence_of

NAME = "multi-volume-series"
_SAME_MM = 0.01
_SURE, _UNSURE = 1.0, 0.45
_ENOUGH_TIMES = 4  # series told apart by their times alone may be repeated scans
_PERCENT = re.compile(r"(\d+(?:\.\d+)?) ?%|\bT ?= ?(\d+(?:\.\d+)?)|\bphase ?(\d+)", re.IGNORECASE)
_CYCLE = re.compile(r"TP\d+C(\d+)\b")
_DIGITS = re.compile(r"\d+(?:\.\d+)?")
_SAME = ("Modality", "SOPClassUID", "FrameOfReferenceUID", "ImageType", "ConvolutionKernel", "ProtocolName")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Label:
    """What may tell the series of a set apart. `sure`: no repeated scan differs in it."""

    name: str
    tag: str
    unit: str
    value: Callable[[SeriesView], float]
    sure: bool = True


def _number(keyword: str) -> Callable[[SeriesView], float]:
    return lambda series: parse_number(series.first(keyword))


def _described(series: SeriesView) -> float:
    match = _PERCENT.search(series.first("SeriesDescription"))
    return float(match[1] or match[2] or match[3]) if match else float("nan")


def _cycle(series: SeriesView) -> float:
    match = _CYCLE.search(series.first("ScanOptions"))
    return float(match[1]) if match else float("nan")


def _time(keyword: str) -> Callable[[SeriesView], float]:
    """Milliseconds of a time of day on its date."""

    def value(series: SeriesView) -> float:
        time = series.first(f"{keyword}Time")
        days = date_time_seconds(series.first(f"{keyword}Date") or "20000101")
        return 1000 * (days + time_seconds(time))

    return value


_LABELS = (
    _Label(name="CardiacCycle", tag="00180022", unit="%", value=_cycle),
    _Label(
        name="NominalPercentageOfCardiacPhase",
        tag="00209241",
        unit="%",
        value=_number("NominalPercentageOfCardiacPhase"),
    ),
    _Label(
        name="NominalPercentageOfRespiratoryPhase",
        tag="00209245",
        unit="%",
        value=_number("NominalPercentageOfRespiratoryPhase"),
    ),
    _Label(name="phase", tag="0008103E", unit="%", value=_described),
    _Label(name="FlipAngle", tag="00181314", unit="deg", value=_number("FlipAngle")),
    _Label(name="InversionTime", tag="00180082", unit="ms", value=_number("InversionTime")),
    _Label(name="EchoTime", tag="00180081", unit="ms", value=_number("EchoTime")),
    _Label(name="AcquisitionTime", tag="00080032", unit="ms", value=_time("Acquisition"), sure=False),
    _Label(name="SeriesTime", tag="00080031", unit="ms", value=_time("Series"), sure=False),
)


class SeriesSetAdaptor:
    """Turns several series of one geometry into a `VolumeSequence`."""

    def examine_study(self, study: StudyView) -> Iterable[Loadable]:
        """The sets of series of a study; nothing when each series stands for itself."""
        for stacks in _sets(study):
            if (found := _offer(study, stacks)) is not None:
                yield found

    def load(self, loadable: Loadable, context: LoadContext) -> VolumeSequence:
        """The sequence; the first series gives the geometry.

        Raises:
            GeometryError: a series is no longer the stack that was examined.
            PixelError: pixels are missing, short or cannot be decoded.
        """
        by_series = {uid: [ref for ref in loadable.frames if ref.series_uid == uid] for uid in loadable.series_uids}
        stacks = []
        for uid, refs in by_series.items():
            series = context.series(uid)
            stacks.append(stack_of(series, np.array(series.frames.rows_of(refs), dtype=np.int64)))
        label = next(one for one in _LABELS if one.name == loadable.options["axis"])
        mode = mode_of(context.options.get("irregular"))
        layouts = [(stack, layout_of(stack, mode if mode in ("fill", "as-is", "error") else "")) for stack in stacks]
        return sequence_of(loadable, layouts, (_axis(label, stacks),), context)


def _sets(study: StudyView) -> Iterator[list[Stack]]:
    """Series that may belong together, by all that must be equal, in order of appearance."""
    groups: dict[tuple[str, ...], list[Stack]] = {}
    for series in study:
        if (stack := _whole(series)) is not None:
            groups.setdefault(_key(series, stack), []).append(stack)
    for stacks in groups.values():
        while len(stacks) > 1:
            alike = [stack for stack in stacks if _same_grid(stacks[0], stack)]
            stacks = [stack for stack in stacks if stack not in alike]
            if len(alike) > 1:
                yield alike


def _whole(series: SeriesView) -> Stack | None:
    """The one volume a series is; None when it is none or several."""
    if not len(series) or not series.first("FrameOfReferenceUID"):
        return None
    parts = hard_parts(series)
    if len(parts) != 1:
        return None
    stack = stack_of(series, parts[0].rows)
    return stack if stack.kind == "volume" and not stack.doubles else None


def _key(series: SeriesView, stack: Stack) -> tuple[str, ...]:
    size = series.frames.size()[int(stack.rows[0])].tolist()
    named = _DIGITS.sub("#", series.first("SeriesDescription"))
    return (*(series.first(keyword) for keyword in _SAME), named, str(size), str(len(stack.rows)))


def _same_grid(one: Stack, other: Stack) -> bool:
    assert one.planes is not None and other.planes is not None
    return (
        np.abs(one.planes.positions - other.planes.positions).max() <= _SAME_MM
        and np.abs(one.planes.row - other.planes.row).max() <= 1e-4
        and np.abs(one.planes.column - other.planes.column).max() <= 1e-4
        and np.allclose(one.pixel_spacing, other.pixel_spacing, rtol=1e-3)
    )


def _offer(study: StudyView, stacks: Sequence[Stack]) -> Loadable | None:
    for label in _LABELS:
        values = [label.value(stack.series) for stack in stacks]
        if not all(map(isfinite, values)) or len(set(values)) < len(values):
            continue
        ordered = [stacks[number] for number in np.argsort(values, kind="stable").tolist()]
        first = ordered[0].series
        sure = label.sure or len(stacks) >= _ENOUGH_TIMES
        frames = [ref for stack in ordered for ref in stack.series.frames.refs(stack.rows)]
        number = first.first("SeriesNumber")
        description = first.first("StudyDescription") or "Unnamed Study"
        start = f"{number}: " if number else ""
        kind = f"{len(ordered)} frames Volume Sequence by {label.name}"
        return Loadable(
            adaptor=NAME,
            kind="sequence",
            name=clean_name(f"{start}{first.first('Modality')} {description} - {kind}"),
            study_uid=study.study_uid,
            series_uids=tuple(stack.series.series_uid for stack in ordered),
            frames=tuple(frames),
            confidence=_SURE if sure else _UNSURE,
            findings=tuple(dict.fromkeys(found for stack in ordered for found in stack.findings)),
            explanation=f"{len(ordered)} series of one geometry, told apart by {label.name}"
            + ("" if sure else "; these may be repeated scans, so the single volumes are preferred"),
            options={"axis": label.name},
        )
    return None


def _axis(label: _Label, stacks: Sequence[Stack]) -> Axis:
    values = [label.value(stack.series) for stack in stacks]
    if label.unit == "ms" and not label.sure:
        values = [round(value - values[0], 3) for value in values]
    return Axis(name=label.name, tag=label.tag, unit=label.unit, values=tuple(values))
