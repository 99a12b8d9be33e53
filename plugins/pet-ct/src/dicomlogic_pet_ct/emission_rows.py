"""Which frames of a series hold activity, and which of them may lie in one volume: one kind of correction only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from dicomlogic_core import SeriesView, StackPart, finding, stack_of

# Words of ImageType, SeriesType and FrameType of images that are no distribution of activity.
_NO_ACTIVITY = frozenset(("MIP", "MAX_IP", "PROJECTION IMAGE", "FUSED", "FUSION", "REPROJECTION", "SCREEN SAVE"))


def emission_parts(series: SeriesView, part: StackPart) -> Iterator[StackPart]:
    """The frames of a part without projections, fused and colour images; copies that differ in attenuation correction
    by themselves.
    """
    holds = [_holds_activity(series, row) for row in part.rows.tolist()]
    if not any(holds):
        return
    kept = replace(part, rows=part.rows[holds])
    yield from _by_attenuation(series, kept) or (kept,)


def _by_attenuation(series: SeriesView, part: StackPart) -> list[StackPart]:
    """The corrected frames and the others where each are a volume of the same place; else empty."""
    corrected = np.array([_attenuation_corrected(series, row) for row in part.rows.tolist()])
    if corrected.all() or not corrected.any() or stack_of(series, part.rows).kind == "volume":
        return []
    found = []
    for rows, name in ((part.rows[corrected], "AC"), (part.rows[~corrected], "NAC")):
        if stack_of(series, rows).kind != "volume":
            return []
        split = finding("series.split", "images with and without attenuation correction are apart")
        label = " - ".join(word for word in (part.label, name) if word)
        found.append(StackPart(rows=rows, label=label, findings=(*part.findings, split)))
    return found


def _attenuation_corrected(series: SeriesView, row: int) -> bool:
    said = (series.frames.text("CorrectedImage")[row] or "").upper().split("\\")
    return "ATTN" in {word.strip() for word in said} or series.frames.text("AttenuationCorrected")[row] == "YES"


def _holds_activity(series: SeriesView, row: int) -> bool:
    words = {
        word.strip().upper()
        for tag in ("ImageType", "SeriesType", "FrameType")
        for word in (series.frames.text(tag)[row] or "").split("\\")
    }
    return words.isdisjoint(_NO_ACTIVITY) and (series.frames.text("SamplesPerPixel")[row] or "1") == "1"
