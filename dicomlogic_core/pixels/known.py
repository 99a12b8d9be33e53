"""What headers alone tell about pixel values: findings before anything is read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core.errors import PixelError
from dicomlogic_core.findings import Finding, finding, finding_from_error
from dicomlogic_core.pixels.description import HIGH_BIT, Descriptions, PixelDescription
from dicomlogic_core.pixels.planning import INTERCEPT, MODALITY_LUT, PADDING, PADDING_LIMIT, SLOPE, padding
from dicomlogic_core.pixels.syntaxes import supported, syntax_name
from dicomlogic_core.references import FrameRef

if TYPE_CHECKING:
    from dicomlogic_core.series import SeriesView

_RESCALE_TYPE, _LOSSY, _LOSSY_RATIO = "00281054", "00282110", "00282112"
_MOST_NAMED = 20
_HOUNSFIELD = ("", "HU", "US")  # US: unspecified (PS3.3 C.11.1.1.2)


def pixel_findings(series: SeriesView, frames: Sequence[FrameRef]) -> tuple[Finding, ...]:
    """Findings about the values of `frames` of one series: rescale, LUT, padding, loss, what cannot be decoded.

    Only columns are read. Frames that the series does not have are passed over.
    """
    rows = _rows(series, {ref.sop_uid for ref in frames if ref.series_uid == series.series_uid})
    if not rows:
        return ()
    try:
        known = Descriptions(series.columns)
        descriptions = {row: known.of(row) for row in rows}
    except PixelError as error:
        return (finding_from_error(error),)
    return tuple(
        one
        for part in (
            _syntaxes(series, rows),
            _kinds(series, descriptions),
            _rescale(series, rows),
            _lossy(series, rows),
        )
        for one in part
    )


def _rows(series: SeriesView, uids: set[str]) -> list[int]:
    return [
        row
        for row, (uid, count) in enumerate(zip(series.sop_uids, series.columns.frame_counts))
        if count and uid in uids
    ]


def _where(series: SeriesView, rows: Iterable[int]) -> tuple[str, ...]:
    return tuple(series.sop_uids[row] for row in list(rows)[:_MOST_NAMED])


def _syntaxes(series: SeriesView, rows: Sequence[int]) -> Iterator[Finding]:
    # A series is stored in one syntax nearly always; its first location stands for it.
    locations = series.locations(rows[0])
    if locations and not supported(locations[0].transfer_syntax):
        yield finding(
            "pixels.unsupported-syntax",
            f"no decoder handles {syntax_name(locations[0].transfer_syntax)}",
            where=_where(series, rows),
            remedy="convert the files, or export them uncompressed",
        )


def _kinds(series: SeriesView, descriptions: dict[int, PixelDescription]) -> Iterator[Finding]:
    if dark := [row for row, one in descriptions.items() if one.photometric == "MONOCHROME1"]:
        yield finding(
            "pixels.monochrome1", "low values are bright; values are kept as stored", where=_where(series, dark)
        )
    high_bits = series.text(HIGH_BIT)
    if odd := [row for row, one in descriptions.items() if high_bits[row] and int(high_bits[row] or 0) < one.high_bit]:
        yield finding(
            "pixels.invalid-header",
            f"HighBit {high_bits[odd[0]]} is below BitsStored - 1 and was not used",
            where=_where(series, odd),
            severity="warning",
        )
    types = {one.dtype for one in descriptions.values()}
    if len(types) > 1:
        yield finding("pixels.type-mixed", f"stored types {', '.join(sorted(map(str, types)))} become one")
    low, high = series.text(PADDING), series.text(PADDING_LIMIT)
    distinct = {(low[row], high[row], id(one)): row for row, one in descriptions.items()}
    padded = {padding(series, row, descriptions[row]) for row in distinct.values()} - {None}
    if padded:
        values = sorted({value for pair in padded if pair is not None for value in pair})
        yield finding("pixels.padding", f"stored value{'s' * (len(values) > 1)} {_span(values)} mean no data")


def _span(values: Sequence[int]) -> str:
    return str(values[0]) if len(values) == 1 else f"{values[0]} to {values[-1]}"


def _rescale(series: SeriesView, rows: Sequence[int]) -> Iterator[Finding]:
    tables = series.text(MODALITY_LUT)
    items = series.items(MODALITY_LUT)
    if with_table := [row for row in rows if tables[row] is not None or items[row]]:
        yield finding("pixels.modality-lut", "a table gives the output values", where=_where(series, with_table))
        return
    inside = np.isin(series.frames.instance, rows)
    slopes, intercepts = (series.frames.numbers(key)[inside] for key in (SLOPE, INTERCEPT))
    pairs = set(zip(slopes.tolist(), intercepts.tolist()))
    known = {pair for pair in pairs if not any(map(math.isnan, pair))}
    if len(known) > 1:
        low, high = min(known), max(known)
        yield finding(
            "pixels.rescale-varies",
            f"slopes from {low[0]:g} to {high[0]:g} in {len(known)} pairs with intercepts, each applied to its frame",
        )
    if any(slope == 0 or math.isinf(slope) or math.isinf(intercept) for slope, intercept in known):
        yield finding("pixels.rescale-invalid", "a slope is 0 or infinite", where=_where(series, rows))
    if series.first("Modality") == "CT":
        without = np.unique(series.frames.instance[inside][np.isnan(slopes) | np.isnan(intercepts)])
        yield from _hounsfield(series, rows, without.tolist())


def _hounsfield(series: SeriesView, rows: Sequence[int], without: Sequence[int]) -> Iterator[Finding]:
    kinds = {(text or "").strip().upper() for text in series.frames.text(_RESCALE_TYPE)}
    if without:
        yield finding(
            "pixels.rescale-missing",
            f"{len(without)} of {len(rows)} CT images without rescale slope or intercept: values may not be Hounsfield"
            " units",
            where=_where(series, without),
        )
    if odd := sorted(kind for kind in kinds if kind not in _HOUNSFIELD):
        yield finding("pixels.not-hu", f"RescaleType is {odd[0][:20]!r}, not HU", where=_where(series, rows))


def _lossy(series: SeriesView, rows: Sequence[int]) -> Iterator[Finding]:
    flags, ratios = series.text(_LOSSY), series.text(_LOSSY_RATIO)
    if lossy := [row for row in rows if flags[row] == "01"]:
        known = {ratios[row] for row in lossy} - {None, ""}
        ratio = f", ratio {sorted(map(str, known))[0]}" if known else ", ratio unknown"
        yield finding(
            "pixels.lossy", f"{len(lossy)} images were compressed with loss{ratio}", where=_where(series, lossy)
        )
