"""What is cut out of a part before axes are looked for: derived diffusion images, frames without a b-value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dicomlogic_core import Finding, SeriesView, StackPart, by_appearance, finding, stack_of
from dicomlogic_multi_volume.candidates import B_VALUE
from dicomlogic_multi_volume.diffusion import isotropic

_MOST_NAMED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Frames that are looked at together.

    Attributes:
        part: which.
        apart: why they were cut out of the series; "" for the rest and for what was not cut.
    """

    part: StackPart
    apart: str = ""


def pieces(series: SeriesView, part: StackPart) -> Iterator[Piece]:
    """The part, or the pieces it is cut into; nothing is cut that does not repeat positions."""
    derived = isotropic(series, part.rows)
    if derived.any():
        what = f"{int(derived.sum())} of {len(derived)} frames are derived from several gradients (trace, ADC)"
        found = finding("dwi.derived-excluded", what, where=_uids(series, part.rows[derived]))
        yield _apart(part, derived, "derived", "derived images of a diffusion series", finding("series.derived", what))
        part = replace(part, rows=part.rows[~derived], findings=(*part.findings, found))
    unweighted = _without_b_value(series, part.rows)
    if unweighted.any():
        what = f"{int(unweighted.sum())} of {len(unweighted)} frames have no b-value, not even 0"
        found = finding("axis.mixed-definition", what, where=_uids(series, part.rows[unweighted]))
        yield _apart(part, unweighted, "without b-value", "frames without a b-value in a diffusion series", found)
        part = replace(part, rows=part.rows[~unweighted], findings=(*part.findings, found))
    yield Piece(part=part)


def _apart(part: StackPart, chosen: NDArray[np.bool_], label: str, why: str, found: Finding) -> Piece:
    words = " - ".join(word for word in (part.label, label) if word)
    return Piece(part=StackPart(rows=part.rows[chosen], label=words, findings=(*part.findings, found)), apart=why)


def _without_b_value(series: SeriesView, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) True for frames without the b-value that others have, where these make a series of their own."""
    none = np.zeros(len(rows), dtype=bool)
    for tag in B_VALUE.tags:
        texts = series.frames.text(tag)
        given = np.array([bool(texts[row]) for row in rows.tolist()], dtype=bool)
        if given.all():
            return none
        if given.any():
            return ~given if stack_of(series, rows[given]).kind == "four-dimensional" else none
    return none


def _uids(series: SeriesView, rows: NDArray[np.int64]) -> tuple[str, ...]:
    uids = series.sop_uids
    return tuple(dict.fromkeys(uids[row] for row in series.frames.instance[by_appearance(series, rows)].tolist()))[
        :_MOST_NAMED
    ]
