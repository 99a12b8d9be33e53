"""From a loadable to its sequence: one request for the pixels of all frames, one geometry for all volumes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dicomlogic_core import (
    FrameArray,
    Layout,
    Loadable,
    LoadContext,
    SeriesView,
    Stack,
    UsageError,
    Volume,
    VolumeSequence,
    layout_of,
    mode_of,
    quantity_of,
    stack_metadata,
    stack_of,
)
from dicomlogic_multi_volume.arrangements import Arrangement
from dicomlogic_multi_volume.finder import arrangements
from dicomlogic_multi_volume.offers import findings_of, first_volume, frames_of


def make(loadable: Loadable, context: LoadContext) -> VolumeSequence | Volume:
    """The object of a loadable."""
    series = context.series(loadable.series_uids[0])
    rows = np.array(series.frames.rows_of(loadable.frames), dtype=np.int64)
    stack = stack_of(series, rows)
    mode = mode_of(context.options.get("irregular"))
    if loadable.kind == "volume":
        (volume,) = _volumes(series, [(stack, layout_of(stack, mode))], loadable.name, context)
        return volume
    one = _arrangement(stack, loadable)
    layouts = _layouts(one, "as-is" if mode in ("resample", "split") else mode)
    volumes = _volumes(series, layouts, loadable.name, context)
    found = dict.fromkeys([*loadable.findings, *(finding for volume in volumes for finding in volume.findings)])
    return VolumeSequence(volumes=tuple(volumes), axes=one.axes, name=loadable.name, findings=tuple(found))


def _arrangement(stack: Stack, loadable: Loadable) -> Arrangement:
    """The arrangement the loadable was made from, found again from the headers."""
    frames = frames_of(stack)
    found = [] if frames is None else arrangements(frames)
    wanted = loadable.options.get("axis", "")
    for one in found:
        if one.name == wanted:
            return one
    raise UsageError(
        f"the frames of {loadable.name!r} are not arranged by {wanted!r}",
        remedy=f"examine the series again; axes: {', '.join(one.name for one in found) or 'none'}",
    )


def _layouts(one: Arrangement, mode: str) -> list[tuple[Stack, Layout]]:
    """The stack of every volume with the layout of the first, its own frames in it."""
    series, rows = one.frames.series, one.frames.rows
    first = first_volume(one)
    layout = layout_of(first, mode_of(mode))
    place = {row: number for number, row in enumerate(first.rows.tolist())}
    order = [None if row is None else place[row] for row in layout.rows]
    result = []
    for members in rows[one.members].tolist():
        own = tuple(None if number is None else members[number] for number in order)
        stack = Stack(
            series=series,
            rows=np.array(members, dtype=np.int64),
            kind="volume",
            planes=first.planes,
            pixel_spacing=first.pixel_spacing,
            step_mm=first.step_mm,
            findings=tuple(findings_of(first)),
        )
        result.append(
            (stack, Layout(rows=own, geometry=layout.geometry, positions=layout.positions, offset_mm=layout.offset_mm))
        )
    return result


def _volumes(
    series: SeriesView, layouts: Sequence[tuple[Stack, Layout]], name: str, context: LoadContext
) -> list[Volume]:
    """The volumes of layouts of equal length, their pixels asked for at once."""
    wanted = [row for _, layout in layouts for row in layout.rows]
    stored = [row for row in wanted if row is not None]
    refs = dict(zip(stored, series.frames.refs(stored)))
    array = context.stack([None if row is None else refs[row] for row in wanted])
    padding = {} if context.padding is None else {"padding": context.padding}
    quantity = quantity_of(series, stored)
    result = []
    for number, (stack, layout) in enumerate(layouts):
        count = len(layout.rows)
        first = number * count
        part = array.part(first, count) if isinstance(array, FrameArray) else array[first : first + count]
        row = next(row for row in layout.rows if row is not None)
        result.append(
            Volume(
                array=part,
                geometry=layout.geometry,
                quantity=quantity.name,
                unit=quantity.unit,
                frame_of_reference_uid=series.frames.text("FrameOfReferenceUID")[row] or "",
                provenance=tuple(None if row is None else refs[row] for row in layout.rows),
                missing=layout.missing,
                metadata={**stack_metadata(stack, layout), **padding},
                findings=tuple(dict.fromkeys([*stack.findings, *quantity.findings])),
                name=name,
            )
        )
    return result
