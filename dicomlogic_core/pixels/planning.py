"""From frame references to the plan of an array: headers only."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core.errors import PixelError
from dicomlogic_core.pixels.assemble import StackPlan, Treatment, same_shape
from dicomlogic_core.pixels.description import Descriptions, PixelDescription
from dicomlogic_core.pixels.lookup import Lookup, modality_lookup, palette_lookup
from dicomlogic_core.pixels.modality import Linear, Modality, result_dtype
from dicomlogic_core.references import FrameRef, InstanceRef

if TYPE_CHECKING:
    from pydicom import Dataset

    from dicomlogic_core.series import SeriesView

SLOPE, INTERCEPT, MODALITY_LUT, PADDING, PADDING_LIMIT = "00281053", "00281052", "00283000", "00280120", "00280121"

GetDataset = Callable[[InstanceRef, bool], "Dataset"]
"""Reference -> its header, or with True the whole instance."""


def plan_stack(
    frames: Sequence[FrameRef | None],
    series: Callable[[str], SeriesView],
    dataset: GetDataset,
    *,
    scale: Sequence[float] | None = None,
    offset: Sequence[float] | None = None,
    real: bool = False,
) -> StackPlan:
    """Shape, type and treatment of an array of `frames`; see `LoadContext.stack`.

    `dataset` is asked only for images with a palette or a Modality LUT.

    Raises:
        PixelError: no frame at all, an unknown one, frames of different matrices, headers that cannot be used.
    """
    if not any(frames):
        raise PixelError("no frame is left to load", code="pixels.missing", remedy="examine the series again")
    treatments: list[Treatment | None] = [None] * len(frames)
    for uid in dict.fromkeys(ref.series_uid for ref in frames if ref is not None):
        places = [k for k, ref in enumerate(frames) if ref is not None and ref.series_uid == uid]
        planner = _SeriesPlanner(series(uid), dataset)
        refs = [ref for ref in frames if ref is not None and ref.series_uid == uid]
        given = None
        if scale is not None or offset is not None:
            given = [(scale[k] if scale is not None else 1.0, offset[k] if offset is not None else 0.0) for k in places]
        for k, treatment in zip(places, planner.treatments(refs, given)):
            treatments[k] = treatment
    known = [
        (ref, treatment) for ref, treatment in zip(frames, treatments) if ref is not None and treatment is not None
    ]
    shape = same_shape([treatment for _, treatment in known], lambda number: known[number][0].sop_uid)
    distinct = list({id(treatment): treatment for _, treatment in known}.values())
    dtype = result_dtype([(treatment.description, treatment.modality) for treatment in distinct], real=real)
    paddings = {treatment.padding for treatment in distinct}
    return StackPlan(
        shape=(len(frames), *shape),
        dtype=dtype,
        frames=tuple(frames),
        treatments=tuple(treatments),
        fill=_fill(dtype, distinct[0]),
        padding=paddings.pop() if len(paddings) == 1 else None,
    )


class _SeriesPlanner:
    """Treatments of the frames of one series."""

    def __init__(self, series: SeriesView, dataset: GetDataset) -> None:
        self._series = series
        self._dataset = dataset
        self._descriptions = Descriptions(series.columns)
        self._known: dict[tuple[Any, ...], Treatment] = {}
        tables = series.text(MODALITY_LUT)
        items = series.items(MODALITY_LUT)
        self._padding = series.text(PADDING)
        self._has_table = [text is not None or bool(item) for text, item in zip(tables, items)]

    def treatments(self, refs: Sequence[FrameRef], given: Sequence[tuple[float, float]] | None) -> list[Treatment]:
        frames = self._series.frames
        try:
            rows = frames.rows_of(refs)
        except KeyError as error:
            raise PixelError(
                f"the series has no frame {error.args[0]}", code="pixels.missing", where=self._series.series_uid
            ) from error
        instances = frames.instance[rows].tolist()
        if given is None:
            given = list(zip(self._numbers(SLOPE, 1.0, rows), self._numbers(INTERCEPT, 0.0, rows)))
            return [self._treatment(row, ref.region, *pair, True) for row, ref, pair in zip(instances, refs, given)]
        return [self._treatment(row, ref.region, *pair, False) for row, ref, pair in zip(instances, refs, given)]

    def _numbers(self, key: str, default: float, rows: Sequence[int]) -> list[float]:
        values = self._series.frames.numbers(key)[rows]
        unknown = np.flatnonzero(np.isnan(values))
        if len(unknown):
            texts = self._series.frames.text(key)
            for number in unknown.tolist():
                # Absent means the default; a text that is no number stays NaN and is refused.
                if not (texts[rows[number]] or "").strip():
                    values[number] = default
        return [float(value) for value in values]

    def _treatment(self, row: int, region: int, slope: float, intercept: float, by_header: bool) -> Treatment:
        description = self._descriptions.of(row)
        grid = self._series.columns.grids.get(row) if region else None
        table = by_header and self._has_table[row]
        palette = description.photometric == "PALETTE COLOR"
        layout = (grid.rows, grid.columns, grid.per_row) if grid is not None else None
        key = (id(description), slope, intercept, layout, self._padding[row], row if table or palette else -1)
        known = self._known.get(key)
        if known is None:
            modality = self._modality(row, description, slope, intercept, table)
            declared = padding(self._series, row, description)
            value = None
            if declared is not None and isinstance(modality, Linear) and description.samples == 1:
                value = declared[0] * modality.slope + modality.intercept
            known = self._known[key] = Treatment(description=description, modality=modality, grid=grid, padding=value)
        return known

    def _modality(
        self, row: int, description: PixelDescription, slope: float, intercept: float, table: bool
    ) -> Modality:
        try:
            if description.photometric == "PALETTE COLOR":
                return self._lookup(row, palette_lookup)
            if description.samples > 1:
                return Linear()
            return self._lookup(row, modality_lookup) if table else Linear(slope, intercept)
        except PixelError as error:
            error.where = error.where or self._series.sop_uids[row]
            raise

    def _lookup(self, row: int, read: Callable[[Dataset], Lookup]) -> Lookup:
        """A table from the header, or from the instance itself: servers leave tables out of their metadata."""
        ref = self._series.instance(row)
        try:
            return read(self._dataset(ref, False))
        except PixelError:
            return read(self._dataset(ref, True))


def padding(series: SeriesView, row: int, description: PixelDescription) -> tuple[int, int] | None:
    """Stored values that stand for no data, lowest and highest (PS3.3 C.7.5.1.1.2); None when there is none."""
    low = _stored_integer(series.text(PADDING)[row], description)
    if low is None:
        return None
    high = _stored_integer(series.text(PADDING_LIMIT)[row], description)
    return (low, low) if high is None else (min(low, high), max(low, high))


def _stored_integer(text: str | None, description: PixelDescription) -> int | None:
    try:
        value = int(text or "")
    except ValueError:
        return None
    # The VR is US or SS by PixelRepresentation; writers mix them up.
    size = 1 << description.bits_allocated
    if description.signed and value >= size // 2:
        return value - size
    return value + size if value < 0 and not description.signed else value


def _fill(dtype: np.dtype[Any], treatment: Treatment) -> float:
    """Value of filled slices: NaN for floats, else what padding, or stored zero, becomes."""
    if dtype.kind == "f":
        return math.nan
    if not isinstance(treatment.modality, Linear):
        return 0.0
    value = treatment.modality.intercept if treatment.padding is None else treatment.padding
    limits = np.iinfo(dtype)
    return float(min(max(value, limits.min), limits.max))
