"""From a loadable to its sequence: one request for the pixels of all frames, one geometry for all volumes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dicomlogic_core import (
    Axis,
    FrameArray,
    FrameRef,
    Layout,
    Loadable,
    LoadContext,
    Quantity,
    Stack,
    UsageError,
    Volume,
    VolumeSequence,
    is_true,
    layout_of,
    mode_of,
    quantity_of,
    stack_metadata,
    stack_of,
)
from dicomlogic_multi_volume.arrangements import Arrangement
from dicomlogic_multi_volume.cine import time_axis
from dicomlogic_multi_volume.finder import arrangements, candidates_of
from dicomlogic_multi_volume.offers import findings_of, first_volume, frames_of


def make(loadable: Loadable, context: LoadContext) -> VolumeSequence | Volume:
    """The object of a loadable."""
    series = context.series(loadable.series_uids[0])
    rows = np.array(series.frames.rows_of(loadable.frames), dtype=np.int64)
    stack = stack_of(series, rows)
    mode = mode_of(context.options.get("irregular"))
    if loadable.kind == "volume":
        (volume,) = _volumes([(stack, layout_of(stack, mode))], loadable.name, context)
        return volume
    if stack.kind == "image-plane":
        axes: tuple[Axis, ...] = (time_axis(series, int(series.frames.instance[rows[0]]), len(rows)),)
        planes = [stack_of(series, rows[number : number + 1]) for number in range(len(rows))]
        layouts = [(plane, layout_of(plane)) for plane in planes]
    else:
        one = _arrangement(stack, loadable)
        axes = one.axes
        layouts = _layouts(one, "as-is" if mode in ("resample", "split") else mode)
    return sequence_of(loadable, layouts, axes, context)


def sequence_of(
    loadable: Loadable, layouts: Sequence[tuple[Stack, Layout]], axes: tuple[Axis, ...], context: LoadContext
) -> VolumeSequence:
    """The sequence of volumes laid out alike, with the findings of the loadable and of all volumes."""
    volumes = _volumes(layouts, loadable.name, context)
    found = dict.fromkeys([*loadable.findings, *(finding for volume in volumes for finding in volume.findings)])
    return VolumeSequence(volumes=tuple(volumes), axes=axes, name=loadable.name, findings=tuple(found))


def _arrangement(stack: Stack, loadable: Loadable) -> Arrangement:
    """The arrangement the loadable was made from, found again from the headers."""
    frames = frames_of(stack)
    found = [] if frames is None else arrangements(frames, candidates_of(frames))
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


def _volumes(layouts: Sequence[tuple[Stack, Layout]], name: str, context: LoadContext) -> list[Volume]:
    """The volumes of layouts of equal length, their pixels asked for at once."""
    wanted = _refs(layouts)
    array = context.stack([ref for refs in wanted for ref in refs])
    padding = {} if context.padding is None else {"padding": context.padding}
    quantities = _quantities(layouts)
    show_phi = is_true(context.options, "show_phi")
    result = []
    for number, ((stack, layout), refs) in enumerate(zip(layouts, wanted)):
        first = number * len(refs)
        part = array.part(first, len(refs)) if isinstance(array, FrameArray) else array[first : first + len(refs)]
        quantity = quantities[stack.series.series_uid]
        row = next(row for row in layout.rows if row is not None)
        result.append(
            Volume(
                array=part,
                geometry=layout.geometry,
                quantity=quantity.name,
                unit=quantity.unit,
                frame_of_reference_uid=stack.series.frames.text("FrameOfReferenceUID")[row] or "",
                provenance=refs,
                missing=layout.missing,
                metadata={**stack_metadata(stack, layout, show_phi=show_phi), **padding},
                findings=tuple(dict.fromkeys([*stack.findings, *quantity.findings])),
                name=name,
            )
        )
    return result


def _quantities(layouts: Sequence[tuple[Stack, Layout]]) -> dict[str, Quantity]:
    """What the values are, by series: asked once of all its frames."""
    rows: dict[str, list[int]] = {}
    series = {stack.series.series_uid: stack.series for stack, _ in layouts}
    for stack, layout in layouts:
        rows.setdefault(stack.series.series_uid, []).extend(row for row in layout.rows if row is not None)
    return {uid: quantity_of(series[uid], stored) for uid, stored in rows.items()}


def _refs(layouts: Sequence[tuple[Stack, Layout]]) -> list[tuple[FrameRef | None, ...]]:
    """The frames of every layout; the references of a series are made at once."""
    known: dict[str, tuple[FrameRef, ...]] = {}
    result = []
    for stack, layout in layouts:
        if stack.series.series_uid not in known:
            known[stack.series.series_uid] = stack.series.frames.refs()
        refs = known[stack.series.series_uid]
        result.append(tuple(None if row is None else refs[row] for row in layout.rows))
    return result
