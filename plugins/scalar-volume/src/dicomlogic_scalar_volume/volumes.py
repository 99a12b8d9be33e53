"""From a loadable to its volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dicomlogic_core import (
    Finding,
    FrameRef,
    Geometry,
    Loadable,
    LoadContext,
    Stack,
    UsageError,
    Volume,
    as_is_finding,
    can_be,
    even_distances,
    finding,
    is_true,
    layout_of,
    mode_of,
    quantity_of,
    resample_slices,
    stack_metadata,
    stack_of,
    stored_order,
)


def make_volume(loadable: Loadable, context: LoadContext) -> Volume:
    """The volume of a loadable, by its own mode unless the caller asks for another one."""
    series = context.series(loadable.series_uids[0])
    stack = stack_of(series, np.array(series.frames.rows_of(loadable.frames), dtype=np.int64))
    mode = mode_of(context.options.get("irregular"))
    if not mode or not can_be(stack, mode):
        # What was asked for all of a study may not suit this one; its own way was chosen when it was examined.
        mode = mode_of(loadable.options.get("irregular"))
    # Frames whose places are known, such as those of a time series, would lose them.
    if stack.kind == "unlocated" and is_true(context.options, "assume_stack"):
        layout = stored_order(stack)
    else:
        layout = layout_of(stack, mode)
    stored = [row for row in layout.rows if row is not None]
    refs = dict(zip(stored, series.frames.refs(stored)))
    array = context.stack([None if row is None else refs[row] for row in layout.rows])
    padding = context.padding
    quantity = quantity_of(series, stored)
    volume = Volume(
        array=array,
        geometry=layout.geometry,
        quantity=quantity.name,
        unit=quantity.unit,
        frame_of_reference_uid=series.frames.text("FrameOfReferenceUID")[stored[0]] or "",
        provenance=tuple(None if row is None else refs[row] for row in layout.rows),
        missing=layout.missing,
        metadata=stack_metadata(stack, layout, show_phi=is_true(context.options, "show_phi")),
        findings=_findings(loadable, stack, mode, quantity.findings),
        name=loadable.name,
    )
    if stack.doubles:
        volume = _compared(volume, stack, context)
    return _resampled(volume, stack, padding) if mode == "resample" and stack.kind == "volume" else volume


def _findings(loadable: Loadable, stack: Stack, mode: str, others: Sequence[Finding]) -> tuple[Finding, ...]:
    said = {(one.code, one.message) for one in loadable.findings}
    found = [*loadable.findings, *(one for one in stack.findings if (one.code, one.message) not in said), *others]
    # Without a mode an uneven stack is laid out as it is stored, unless slices are missing.
    stored = mode == "as-is" or (not mode and stack.gap_class != "missing")
    if stored and (off := as_is_finding(stack)):
        found.append(off)
    return tuple(dict.fromkeys(found))


def _compared(volume: Volume, stack: Stack, context: LoadContext) -> Volume:
    """The volume with what the pixels say about frames at one position; not when frames are only fetched on demand."""
    if volume.lazy:
        return volume
    findings = [found for found in volume.findings if found.code != "geometry.duplicate"]
    for kept, others in stack.doubles:
        refs = stack.series.frames.refs([*others, kept])
        findings.append(_verdict(refs, np.asarray(context.stack(refs))))
    return replace(volume, findings=tuple(findings))


def _verdict(refs: Sequence[FrameRef], frames: Any) -> Finding:
    where = tuple(ref.sop_uid for ref in refs)
    if bool((frames == frames[-1]).all()):
        message = f"{len(refs)} frames at one position with equal pixels: one is used"
        return finding("geometry.duplicate", message, where=where, severity="note", remedy="")
    differs = int((frames != frames[-1]).any(axis=0).sum())
    return finding(
        "geometry.duplicate",
        f"{len(refs)} frames at one position whose pixels differ ({differs} of them): the last one is used",
        where=where,
        remedy="check which one is meant",
    )


def _resampled(volume: Volume, stack: Stack, padding: float | None) -> Volume:
    """The volume on even steps along the same line.

    Raises:
        UsageError: frames are to be fetched on demand, or are in colour: neither can be interpolated.
    """
    if stack.planes is None or stack.gap_class in ("single", "uniform"):
        return volume
    if volume.lazy or volume.array.ndim == 4:
        raise UsageError(
            "only a fetched volume of single values can be resampled", remedy="load it without lazy, or irregular=as-is"
        )
    distances = stack.planes.distances
    wanted = even_distances(distances)
    array = resample_slices(np.asarray(volume.array), distances, wanted, padding=padding)
    matrix = np.array(volume.geometry.ijk_to_lps)
    matrix[:3, 2] *= (len(distances) - 1) / (len(wanted) - 1)
    size_i, size_j, _ = volume.geometry.size_ijk
    nearest = np.abs(distances[:, None] - wanted).argmin(axis=0)
    metadata = {key: value for key, value in volume.metadata.items() if not key.startswith(("slice_pos", "max_off"))}
    metadata["varying"] = {key: [texts[k] for k in nearest] for key, texts in volume.metadata["varying"].items()}
    message = (
        f"{len(distances)} slices interpolated linearly along k to {len(wanted)}, {wanted[1] - wanted[0]:.5g} mm apart"
    )
    return replace(
        volume,
        array=array,
        geometry=Geometry(size_ijk=(size_i, size_j, len(wanted)), ijk_to_lps=matrix),
        provenance=tuple(volume.provenance[k] for k in nearest),
        metadata=metadata,
        findings=(*volume.findings, finding("geometry.resampled", message)),
    )
