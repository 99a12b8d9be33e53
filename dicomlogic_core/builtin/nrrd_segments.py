"""Segments from the keys of a ``.seg.nrrd`` file."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dicomlogic_core import Segment

_ID = re.compile(r"Segment(\d{1,6})_ID")
_TERMINOLOGY = "TerminologyEntry"
_GREY = (0.5, 0.5, 0.5)


def segments_of(keys: Mapping[str, str]) -> tuple[Segment, ...]:
    """The segments in order of their numbers.

    Raises:
        ValueError: a label is no number, or they contradict each other.
    """
    numbers = sorted(int(match[1]) for key in keys if (match := _ID.fullmatch(key)))
    return tuple(_segment(keys, number) for number in numbers)


def _segment(keys: Mapping[str, str], number: int) -> Segment:
    def told(name: str, otherwise: str) -> str:
        return keys.get(f"Segment{number}_{name}", otherwise)

    tags = _tags(told("Tags", ""))
    terminology = tags.pop(_TERMINOLOGY, "")
    return Segment(
        id=told("ID", ""),
        name=told("Name", ""),
        colour=_colour(told("Color", "")),
        label=int(told("LabelValue", str(number + 1))),
        layer=int(told("Layer", "0")),
        tags=tags,
        terminology=terminology,
    )


def _colour(text: str) -> tuple[float, float, float]:
    try:
        red, green, blue = (min(1.0, max(0.0, float(part))) for part in text.split())
    except ValueError:
        return _GREY
    return red, green, blue


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition(":") for part in text.split("|") if part)
    return {name: value for name, _, value in pairs}
