"""Soft keys: values that may explain why a stack is uneven. A cut by them counts only when every part comes out clean.

A real step-and-shoot head CT has 21 AcquisitionNumbers in 28 slices, while its ImageType separates the two blocks: so
no key is trusted by itself, and none is looked at when the whole is already uniform.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core.findings import Finding, finding
from dicomlogic_core.planes import classify_planes
from dicomlogic_core.planes_gaps import classify_gaps
from dicomlogic_core.series import SeriesView, parse_number
from dicomlogic_core.stacks import Stack
from dicomlogic_core.stacks_images import by_appearance, plane_columns
from dicomlogic_core.stacks_keys import StackPart
from dicomlogic_core.stacks_names import value_label
from dicomlogic_core.stacks_varying import codes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

# name in labels -> the attributes read, in the order in which they are tried
SOFT_KEYS: dict[str, tuple[str, ...]] = {
    "imageType": ("ImageType", "FrameType"),
    "acquisitionNumber": ("AcquisitionNumber",),
    "stackID": ("StackID",),
    "complexImageComponent": ("ComplexImageComponent",),
    "echoTime": ("EchoNumbers", "EchoTime", "EffectiveEchoTime"),
    "diffusion": ("DiffusionBValue", "DiffusionGradientOrientation"),
    "temporalPosition": ("TemporalPositionIdentifier", "TemporalPositionIndex"),
    "triggerTime": ("TriggerTime", "NominalCardiacTriggerDelayTime", "NominalPercentageOfCardiacPhase"),
    "convolutionKernel": ("ConvolutionKernel",),
    "acquisitionTime": ("AcquisitionTime",),
    "acquisitionTimeBlock": ("AcquisitionTime",),
    "contentTime": ("ContentTime",),
    "contentTimeBlock": ("ContentTime",),
    "imageComments": ("ImageComments",),
}
# Values of these name the part; of the others only their number does, as they are long or unreadable.
_SHOWN = frozenset(("imageType", "acquisitionNumber", "stackID", "temporalPosition", "convolutionKernel"))
_LEAST_POSITIONS = 3
_PAUSE = 3.0  # times the usual interval: a pause between two passes
_MOST_PARTS = 1024


def soft_parts(stack: Stack) -> list[StackPart]:
    """The parts of an uneven or four-dimensional stack by the first key, or pair of keys, that makes each one clean.

    Empty when nothing does. A part is clean when it is uniform over at least three positions or, in a
    four-dimensional stack, when it holds every position once.
    """
    if stack.planes is None or stack.regular or (stack.gap_class == "missing" and not stack.doubles):
        return []
    if stack.kind not in ("volume", "four-dimensional"):
        return []
    series = stack.series
    rows = by_appearance(series, stack.claimed)
    columns = dict(_columns(series, rows))
    places = _places(series, rows)
    tried: set[bytes] = set()
    for names in _combinations(list(columns)):
        codes = codes_of(list(zip(*(columns[name].tolist() for name in names))))
        # Two keys that cut alike are tried once.
        if codes is None or codes.tobytes() in tried:
            continue
        tried.add(codes.tobytes())
        if _clean(stack, codes, places):
            members = [rows[codes == number] for number in range(int(codes.max()) + 1)]
            return _parts(stack, names, members)
    return []


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Places:
    """Number of the position of every row, and the distances of the positions."""

    place: NDArray[np.int64]
    distances: NDArray[np.float64]


def _places(series: SeriesView, rows: NDArray[np.int64]) -> _Places:
    columns = plane_columns(series)
    planes = classify_planes(columns.position[rows], columns.orientation[rows])
    place = np.empty(len(rows), dtype=np.int64)
    place[planes.order] = planes.place
    return _Places(place=place, distances=planes.distances)


def _combinations(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for size in (1, 2):
        yield from combinations(names, size)


def _columns(series: SeriesView, rows: NDArray[np.int64]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Codes of the soft keys that vary; the last is the instance, where instances hold several frames each."""
    frames = series.frames
    picked = rows.tolist()
    for name, tags in SOFT_KEYS.items():
        columns = [[column[row] for row in picked] for column in map(frames.text, tags)]
        codes = _blocks(columns[0]) if name.endswith("Block") else codes_of(list(zip(*columns)))
        if codes is not None:
            yield name, codes
    instances = codes_of(frames.instance[rows].tolist())
    if instances is not None and int(instances.max()) + 1 < len(rows):
        yield "instance", instances


def _blocks(times: Sequence[str | None]) -> NDArray[np.int64] | None:
    """The block of every time, where pauses cut them; None where one is unreadable or there is no pause."""
    seconds = np.array([_seconds(text) for text in times])
    if not np.isfinite(seconds).all():
        return None
    order = np.argsort(seconds, kind="stable")
    intervals = np.diff(seconds[order])
    usual = intervals[intervals > 0]
    if not len(usual):
        return None
    codes = np.empty(len(times), dtype=np.int64)
    codes[order] = np.concatenate([[0], np.cumsum(intervals > _PAUSE * np.median(usual))])
    return codes if codes.any() else None


def _seconds(time: str | None) -> float:
    """Seconds since midnight of a TM value (PS3.5 6.2), NaN when it is none."""
    digits, _, fraction = (time or "").partition(".")
    padded = f"{digits:0<6}" if 2 <= len(digits) <= 6 else ""
    hours, minutes, whole = (parse_number(part) for part in (padded[:2], padded[2:4], padded[4:6]))
    return hours * 3600 + minutes * 60 + whole + parse_number(f"0.{fraction or 0}")


def _clean(stack: Stack, codes: NDArray[np.int64], places: _Places) -> bool:
    """True when every part is clean; positions are compared, no part is made for it."""
    counts = np.bincount(codes)
    whole = len(places.distances)
    if not 2 <= len(counts) <= _MOST_PARTS or counts.min() < 2 or counts.max() > whole:
        return False
    if stack.kind == "four-dimensional" and stack.planes is not None and stack.planes.multiplicity:
        pairs = codes * whole + places.place
        complete = bool((counts == whole).all()) and len(np.unique(pairs)) == len(pairs)
        return complete and _even(places.distances)
    for number, count in enumerate(counts.tolist()):
        inside = np.sort(places.place[codes == number])
        if bool((np.diff(inside) == 0).any()) or not (count >= _LEAST_POSITIONS or count == whole):
            return False
        if not _even(places.distances[inside]):
            return False
    return True


def _even(distances: NDArray[np.float64]) -> bool:
    return classify_gaps(distances).kind in ("single", "uniform", "rounding")


def _parts(stack: Stack, names: tuple[str, ...], members: Sequence[NDArray[np.int64]]) -> list[StackPart]:
    by = " and ".join(names)
    found: tuple[Finding, ...] = ()
    if stack.kind == "four-dimensional":
        found = (
            finding(
                "series.four-dimensional",
                f"one of {len(members)} volumes of a series, told apart by {by}",
                severity="note",
                remedy="install dicomlogic-multi-volume to load them as one sequence",
            ),
        )
    else:
        found = (finding("series.split", f"one of {len(members)} parts of a series by {by}"),)
    return [
        StackPart(rows=rows, label=_label(stack.series, names, rows, number), findings=found)
        for number, rows in enumerate(_by_value(stack.series, names[0], members), 1)
    ]


def _by_value(series: SeriesView, name: str, members: Sequence[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """Parts by the number that tells them apart, where it is one: echoes, times and phases ascend."""
    for tag in SOFT_KEYS.get(name, ()):
        texts = series.frames.text(tag)
        values = [parse_number(texts[int(rows[0])]) for rows in members]
        if np.isfinite(values).all():
            return [members[number] for number in np.argsort(values, kind="stable").tolist()]
    return list(members)


def _label(series: SeriesView, names: tuple[str, ...], rows: NDArray[np.int64], number: int) -> str:
    words = []
    for name in names:
        texts = series.frames.text(SOFT_KEYS[name][0]) if name in _SHOWN else None
        value = (texts[int(rows[0])] if texts is not None else None) or str(number)
        words.append(value_label(name, value))
    return " - ".join(words)


def overlap_finding(stack: Stack, parts: Sequence[StackPart]) -> Finding | None:
    """The finding of an uneven stack whose clean parts reach into each other; None when they follow one another."""
    if stack.kind != "volume" or stack.planes is None or len(parts) < 2:
        return None
    normal = stack.planes.normal
    spans = []
    for part in parts:
        along = stack.series.frames.position[part.rows] @ normal
        spans.append((float(along.min()), float(along.max())))
    spans.sort()
    if all(before[1] < after[0] for before, after in pairwise(spans)):
        return None
    ranges = ", ".join(f"{low:.5g} to {high:.5g} mm" for low, high in spans)
    return finding("geometry.overlap", f"blocks that reach into each other along the normal: {ranges}")
