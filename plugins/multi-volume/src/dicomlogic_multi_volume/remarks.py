"""What is worth saying about an arrangement: uneven intervals, and which attributes were looked at and are no axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dicomlogic_core import Finding, finding, parse_number, same_everywhere
from dicomlogic_multi_volume.arrangements import Arrangement
from dicomlogic_multi_volume.columns import Column

_TIMES = frozenset(("AcquisitionTime", "ContentTime", "TriggerTime", "FrameReferenceTime", "DeltaStartTime"))
_EVEN = 0.01  # relative
_MOST_NAMED = 3


def step_findings(one: Arrangement) -> Iterator[Finding]:
    """Intervals that vary, or a RepetitionTime that is near to them and another."""
    (axis, *others) = one.axes
    if others or axis.name not in _TIMES or len(axis.values) < 2:
        return
    values = np.array(axis.values, dtype=float)
    steps = np.diff(values)
    middle = float(np.median(steps))
    if middle <= 0:
        return
    if float(np.abs(steps - middle).max()) > _EVEN * middle:
        message = f"intervals of {axis.name} vary from {steps.min():g} to {steps.max():g} {axis.unit}"
        yield finding("axis.irregular-step", message)
        return
    repetition = {parse_number(text) for text in set(one.frames.series.frames.text("RepetitionTime"))}
    expected = repetition.pop() if len(repetition) == 1 else float("nan")
    # A RepetitionTime much shorter is that of a line or slice, not of a volume.
    if axis.unit == "ms" and 0.5 < expected / middle < 2 and abs(expected - middle) > _EVEN * middle:
        message = f"intervals of {axis.name} are {middle:g} ms, RepetitionTime is {expected:g} ms"
        yield finding("axis.irregular-step", message)


def rejected(one: Arrangement, columns: Sequence[Column]) -> str:
    """Why the first few other attributes are no axis by themselves; "" when there are none."""
    used = {axis.name for axis in one.axes}
    reasons = []
    for column in columns:
        if same_everywhere(one.frames.place, column.codes):
            if column.distinct < len(one.members):
                reasons.append(f"{column.name} alone has {column.distinct} values")
        elif column.name not in used:
            reasons.append(f"{column.name} differs from position to position")
    return ", ".join(reasons[:_MOST_NAMED])
