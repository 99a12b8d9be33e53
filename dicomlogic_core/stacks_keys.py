"""Hard keys: values of which one array never holds two. A series is cut into parts by them, and the reason is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core.findings import Finding, finding
from dicomlogic_core.series import SeriesView
from dicomlogic_core.stacks_images import by_appearance, image_rows, plane_columns
from dicomlogic_core.stacks_names import value_label
from dicomlogic_core.stacks_varying import HardKey, codes_of, varying_keys

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_NAMED = 20  # instances named by one finding
_MOST_VALUES = 6  # values named by one finding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StackPart:
    """Frames that may lie in one array.

    Attributes:
        rows: (n,) rows of the frame table.
        label: what tells the part from the others in a name; "" when the series is not cut.
        findings: why the series was cut.
    """

    rows: NDArray[np.int64]
    label: str = ""
    findings: tuple[Finding, ...] = ()


def hard_parts(series: SeriesView, rows: NDArray[np.int64] | None = None) -> list[StackPart]:
    """The images of a series, or `rows` of them, cut by the hard keys, largest part first; empty without images."""
    if rows is None:
        rows = image_rows(series)
    if not len(rows):
        return []
    columns = plane_columns(series)
    keys = varying_keys(series, rows, columns)
    if not keys:
        return [StackPart(rows=rows)]
    rows = by_appearance(series, rows)
    keys = varying_keys(series, rows, columns)
    used, codes = _refining(keys)
    parts = [
        StackPart(
            rows=rows[codes == number],
            label=_label(used, np.flatnonzero(codes == number)),
            findings=_findings(series, used, rows, codes == number),
        )
        for number in range(int(codes.max()) + 1)
    ]
    return sorted(parts, key=lambda part: -len(part.rows))


def _refining(keys: list[HardKey]) -> tuple[list[HardKey], NDArray[np.int64]]:
    """The keys that cut further than those before them, and the number of the part of each frame."""
    used: list[HardKey] = []
    codes = np.zeros(len(keys[0].codes), dtype=np.int64)
    for key in keys:
        finer = codes_of(list(zip(codes.tolist(), key.codes.tolist())))
        if finer is not None and int(finer.max()) > int(codes.max()):
            used.append(key)
            codes = finer
    return used, codes


def _label(keys: list[HardKey], members: NDArray[np.int64]) -> str:
    """The part's values of the keys that cut the series, as in a sub-series name."""
    words = []
    for key in keys:
        number = int(key.codes[members[0]])
        # Codes count in order of appearance, since the frames were put into that order before.
        value = str(number + 1) if key.enumerated else key.value(number)
        if key.code == "geometry.localizer":
            value = value if value == "LOCALIZER" else ""
        words.append(value_label(key.name, value) if value else "")
    return " - ".join(word for word in words if word)


def _findings(
    series: SeriesView, keys: list[HardKey], rows: NDArray[np.int64], inside: NDArray[np.bool_]
) -> tuple[Finding, ...]:
    """One finding per key that cut the series, with its values and the instances of the part or, if fewer, the rest."""
    smaller = inside if 2 * int(inside.sum()) <= len(rows) else ~inside
    uids = dict.fromkeys(series.sop_uids[instance] for instance in series.frames.instance[rows[smaller]].tolist())
    where = tuple(uids)[:_MOST_NAMED]
    found = []
    for key in keys:
        counts = np.bincount(key.codes).tolist()
        values = [f"{key.value(number)} ({count})" for number, count in enumerate(counts) if count]
        if len(values) > _MOST_VALUES:
            values[_MOST_VALUES:] = [f"{len(values) - _MOST_VALUES} more"]
        message = f"{key.name} differs inside one series: {', '.join(values)}; in brackets the number of frames"
        found.append(finding(key.code, message, where=where))
    return tuple(found)
