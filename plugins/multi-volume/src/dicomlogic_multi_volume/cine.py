"""Images without a place in the patient that follow each other in time: ultrasound, angiography, fluoroscopy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import isfinite

import numpy as np

from dicomlogic_core import (
    Axis,
    Loadable,
    SeriesView,
    Stack,
    StackPart,
    clean_name,
    default_name,
    parse_number,
    stack_of,
)

_STORAGE = "1.2.840.10008.5.1.4.1.1."
# Ultrasound, X-ray angiography and radiofluoroscopy: several frames in one object are a film.
_FILMS = frozenset(_STORAGE + end for end in ("3.1", "6.1", "12.1", "12.1.1", "12.2", "12.2.1"))
# Secondary capture: only with a frame time.
_MAYBE = frozenset(_STORAGE + end for end in ("7", "7.1", "7.2", "7.3", "7.4"))
_CONFIDENCE = 0.7


def films(series: SeriesView, part: StackPart, stack: Stack, adaptor: str) -> Iterator[Loadable]:
    """One sequence per instance with several frames; instances with one InstanceNumber are the planes of a biplane."""
    instance = series.frames.instance[stack.rows]
    texts = series.text("InstanceNumber")
    numbers = Counter(texts[one] or "" for one in instance.tolist())
    # Single images, of which a series may have thousands, are passed over before anything is read of them.
    for one in [one for one, count in Counter(instance.tolist()).items() if count > 1]:
        rows = stack.rows[instance == one]
        axis = time_axis(series, one, len(rows))
        if not _is_film(series, one, axis):
            continue
        words = [default_name(series, int(rows[0])), part.label]
        number = texts[one] or ""
        name = clean_name(" - ".join(word for word in words if word)) + (f" [{number}]" if number else "")
        if numbers[number] > len(rows):
            tags = ("PositionerPrimaryAngle", "PositionerSecondaryAngle")
            angles = [f"{parse_number(series.text(tag)[one]):g}" for tag in tags]
            name += f" ({'/'.join(angles)})"
        found = stack_of(series, rows, extra=part.findings)
        yield Loadable(
            adaptor=adaptor,
            kind="sequence",
            name=name,
            study_uid=series.study_uid,
            series_uids=(series.series_uid,),
            frames=series.frames.refs(rows),
            confidence=_CONFIDENCE,
            findings=found.findings,
            explanation=f"{len(rows)} frames of one instance in time, by {axis.name}",
            options={"axis": axis.name},
        )


def _is_film(series: SeriesView, instance: int, axis: Axis) -> bool:
    sop_class = series.text("SOPClassUID")[instance]
    return sop_class in _FILMS or (sop_class in _MAYBE and axis.unit == "s")


def time_axis(series: SeriesView, instance: int, count: int) -> Axis:
    """Seconds of every frame from the first, by what FrameIncrementPointer names, else by any element that is there.

    Frame numbers from 0 where nothing tells the time (PS3.3 C.7.6.5).
    """

    def number(keyword: str) -> float:
        return parse_number(series.text(keyword)[instance])

    steps = [parse_number(text) for text in (series.text("FrameTimeVector")[instance] or "").split("\\")]
    by_vector = "00181065" in (series.text("FrameIncrementPointer")[instance] or "").upper()
    whole = len(steps) == count and all(map(isfinite, steps))
    frame_time = number("FrameTime")
    if whole and (by_vector or not frame_time > 0):
        # The first value is the time before the first frame and 0 by definition.
        times = np.round(np.cumsum([0.0, *steps[1:]]) / 1000, 9)
        return Axis(name="FrameTimeVector", tag="00181065", unit="s", values=tuple(times.tolist()))
    if isfinite(frame_time) and frame_time > 0:
        return _even("FrameTime", "00181063", frame_time / 1000, count)
    for keyword, tag in (("CineRate", "00180040"), ("RecommendedDisplayFrameRate", "00082144")):
        rate = number(keyword)
        if isfinite(rate) and rate > 0:
            return _even(keyword, tag, 1 / rate, count)
    return Axis(name="frame", tag="", unit="", values=tuple(range(count)))


def _even(name: str, tag: str, seconds: float, count: int) -> Axis:
    return Axis(name=name, tag=tag, unit="s", values=tuple(round(k * seconds, 9) for k in range(count)))
