"""Values of the candidates, frame by frame, as numbers that can be compared."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicomlogic_core import SeriesView, date_time_seconds, moments, number_codes, parse_number, tag_key
from dicomlogic_multi_volume import diffusion
from dicomlogic_multi_volume.candidates import CANDIDATES, GE_COMPONENT, REFERENCE_TIME, TRIGGER, Candidate, Tag

_COMPONENTS = {
    "M": "magnitude",
    "MAGNITUDE": "magnitude",
    "P": "phase",
    "PHASE": "phase",
    "PHASE MAP": "phase",
    "R": "real",
    "REAL": "real",
    "I": "imaginary",
    "IMAGINARY": "imaginary",
    "MIXED": "mixed",
    "W": "water",
    "WATER": "water",
    "F": "fat",
    "FAT": "fat",
    "IP": "in phase",
    "IN_PHASE": "in phase",
    "OP": "opposed phase",
    "OPP_PHASE": "opposed phase",
    "OUT_PHASE": "opposed phase",
}
_COMPONENT_ORDER = list(dict.fromkeys(_COMPONENTS.values()))
_GE_COMPONENTS = {"0": "M", "1": "P", "2": "R", "3": "I"}
_CYCLE = re.compile(r"TP(\d+)C(\d+)\b|\bT?P?(\d+(?:\.\d+)?)%")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """A candidate that varies in some frames.

    Attributes:
        candidate: which one.
        tag: GGGGEEEE it was read from; of private elements the place in the first block (PS3.5 7.8.1).
        labels: one per frame: number, text or vector.
        codes: (n,) the labels as numbers, equal ones the same, ascending with the value.
        numbers: (n,) what is ordered by; NaN for what has no order of its own.
        midnight: 24 hours were added to some times.
    """

    candidate: Candidate
    tag: str
    labels: tuple[Any, ...]
    codes: NDArray[np.int64]
    numbers: NDArray[np.float64]
    midnight: bool = False

    @property
    def name(self) -> str:
        """Name of the axis."""
        return self.candidate.name

    @property
    def distinct(self) -> int:
        """Number of values."""
        return int(self.codes.max()) + 1


def columns_of(series: SeriesView, rows: NDArray[np.int64]) -> list[Column]:
    """The candidates that have at least two values in `rows` and a value in each, best first."""
    reader = _Reader(series, rows)
    found = [column for candidate in CANDIDATES if (column := reader.column(candidate)) is not None]
    return _by_preference(series, found)


def column_of(series: SeriesView, rows: NDArray[np.int64], candidate: Candidate) -> Column | None:
    """One candidate in `rows`; None when it does not vary or some frame has no value."""
    return _Reader(series, rows).column(candidate)


def _by_preference(series: SeriesView, columns: list[Column]) -> list[Column]:
    """TriggerTime goes behind the clock where no heart was followed; FrameReferenceTime first in PET."""
    hearts = [parse_number(text) for text in series.text("CardiacNumberOfImages")]
    followed = any(count > 1 for count in hearts) or any(series.text(TRIGGER.tags[1]))
    moved = [] if followed else [column for column in columns if column.candidate is TRIGGER]
    if series.first("Modality") == "PT":
        first = [column for column in columns if column.candidate is REFERENCE_TIME]
        columns = [*first, *(column for column in columns if column not in first)]
    behind = [column for column in columns if column.name in ("AcquisitionNumber", "ImageIndex")]
    others = [column for column in columns if column not in moved and column not in behind]
    return [*others, *moved, *behind]


class _Reader:
    """Reads candidates of some frames."""

    def __init__(self, series: SeriesView, rows: NDArray[np.int64]) -> None:
        self._series = series
        self._frames = series.frames
        self._rows = rows.tolist()

    def texts(self, tag: Tag) -> list[str]:
        column = self._frames.text(tag)
        return [(column[row] or "").strip() for row in self._rows]

    def _constant(self, tag: Tag) -> bool:
        """True when the whole series has one text: nearly every candidate of nearly every series."""
        column = self._frames.text(tag)
        return column.count(column[0]) == len(column)

    def column(self, candidate: Candidate) -> Column | None:
        if candidate.kind == "vector":
            return self._gradient(candidate)
        if candidate.kind == "component":
            return self._component(candidate)
        for tag in candidate.tags:
            if self._constant(tag) and candidate.kind != "framewise":
                continue
            texts = self.texts(tag)
            if candidate.kind == "framewise":
                texts = self._framewise(texts)
            if texts.count(texts[0]) == len(texts):
                continue
            made = self._made(candidate, tag, texts)
            if made is not None:
                return made
        return None

    def _framewise(self, texts: list[str]) -> list[str]:
        """Of a list with one value per frame of the instance the frame's own; "" where the list is too short."""
        numbers = self._frames.frame[self._rows].tolist()
        known = {text: text.split("\\") for text in set(texts)}
        return [known[text][number - 1] if number <= len(known[text]) else "" for text, number in zip(texts, numbers)]

    def _made(self, candidate: Candidate, tag: Tag, texts: list[str]) -> Column | None:
        if candidate.kind == "text":
            return _texts(candidate, tag, ["\\".join(text.split("\\")[2:]) for text in texts])
        if candidate.kind == "time":
            return self._times(candidate, tag, texts)
        if candidate.kind == "first":
            texts = [text.partition("\\")[0] for text in texts]
        known = {text: _number(candidate, text) for text in set(texts)}
        numbers = np.array([known[text] for text in texts])
        if candidate.family == "diffusion":
            numbers = diffusion.b_values(tag, numbers)
        return _numbers(candidate, tag, numbers)

    def _times(self, candidate: Candidate, tag: Tag, texts: list[str]) -> Column | None:
        midnight = False
        if str(tag).endswith("DateTime"):
            known = {text: date_time_seconds(text) for text in set(texts)}
            seconds = np.array([known[text] for text in texts])
        else:
            seconds, midnight = moments(self.texts(str(tag).replace("Time", "Date")), texts)
        if not np.isfinite(seconds).all():
            return None
        column = _numbers(candidate, tag, np.round((seconds - seconds.min()) * 1000, 3))
        return column if column is None else replace(column, midnight=midnight)

    def _component(self, candidate: Candidate) -> Column | None:
        for tag in candidate.tags:
            texts = self.texts(tag)
            if texts.count(texts[0]) == len(texts):
                continue
            known = {text: _component_of(text, tag) for text in set(texts)}
            if None in known.values():
                continue
            if made := _texts(candidate, tag, [known[text] or "" for text in texts], order=_COMPONENT_ORDER):
                return made
        return None

    def _gradient(self, candidate: Candidate) -> Column | None:
        found = diffusion.gradients(self._series, self._rows)
        if found is None:
            return None
        tag, vectors = found
        _, codes = np.unique(np.round(vectors, 4) + 0.0, axis=0, return_inverse=True)
        codes = codes.reshape(-1).astype(np.int64)
        if not codes.any():
            return None
        labels = tuple(tuple(vector) for vector in (np.round(vectors, 9) + 0.0).tolist())
        return Column(
            candidate=candidate, tag=tag_text(tag), labels=labels, codes=codes, numbers=np.full(len(codes), math.nan)
        )


def _number(candidate: Candidate, text: str) -> float:
    if candidate.kind != "cycle":
        return parse_number(text)
    match = _CYCLE.search(text)
    return float(match[2] or match[3] or "nan") if match else math.nan


def _component_of(text: str, tag: Tag) -> str | None:
    """The component an ImageType or other text names; None when it names none."""
    if tag is GE_COMPONENT:
        text = _GE_COMPONENTS.get(text, "")
    values = text.upper().split("\\")
    words = values[2:] if len(values) > 2 else values
    return next((_COMPONENTS[word] for word in words if word in _COMPONENTS), None)


def _numbers(candidate: Candidate, tag: Tag, numbers: NDArray[np.float64]) -> Column | None:
    if not np.isfinite(numbers).all():
        return None
    codes = number_codes(numbers, candidate.tolerance)
    if not codes.any():
        return None
    labels = tuple(int(value) if not candidate.unit and value.is_integer() else value for value in numbers.tolist())
    return Column(candidate=candidate, tag=tag_text(tag), labels=labels, codes=codes, numbers=numbers)


def _texts(candidate: Candidate, tag: Tag, texts: Sequence[str], *, order: Sequence[str] = ()) -> Column | None:
    values = sorted(set(texts), key=lambda text: (order.index(text) if text in order else len(order), text))
    if len(values) < 2:
        return None
    known = {text: number for number, text in enumerate(values)}
    codes = np.array([known[text] for text in texts], dtype=np.int64)
    return Column(
        candidate=candidate, tag=tag_text(tag), labels=tuple(texts), codes=codes, numbers=np.full(len(codes), math.nan)
    )


def tag_text(tag: Tag) -> str:
    """GGGGEEEE of a tag; a private element as it lies in the first block."""
    key = tag_key(tag)
    return key if "|" not in key else key.partition("|")[0].replace("xx", "10")


def ordinal(
    name: str, tag: str, values: NDArray[np.int64], *, unit: str = "", codes: NDArray[np.int64] | None = None
) -> Column:
    """A column of whole numbers made here: repetitions, blocks, instances; they are their own codes by default."""
    return Column(
        candidate=Candidate(name=name, tags=(), unit=unit),
        tag=tag,
        labels=tuple(values.tolist()),
        codes=values if codes is None else codes,
        numbers=values.astype(np.float64),
    )
