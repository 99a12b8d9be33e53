"""A stack of frames as a volume: in its own unit, or scaled from stored values frame by frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dicomlogic_core import LoadContext, Stack, Volume, is_true, layout_of, quantity_of, stack_metadata

UPTAKE = "standardized uptake value"


def image_volume(stack: Stack, context: LoadContext, *, name: str, scale: Mapping[int, float] | None = None) -> Volume:
    """The volume of a stack; missing slices are filled.

    Args:
        stack: its frames.
        context: of loading.
        name: of the volume.
        scale: row of the frame table -> factor of stored values; by default the modality transform of the headers.

    Raises:
        GeometryError: the stack is no volume.
        PixelError: pixels are missing, short or cannot be decoded.
    """
    layout = layout_of(stack)
    stored = [row for row in layout.rows if row is not None]
    refs = dict(zip(stored, stack.series.frames.refs(stored)))
    frames = tuple(None if row is None else refs[row] for row in layout.rows)
    if scale is None:
        array = context.stack(frames)
    else:
        # A slice that is missing is filled with NaN, whatever stands here for it.
        factors = [1.0 if row is None else scale[row] for row in layout.rows]
        array = context.stack(frames, scale=factors, offset=[0.0] * len(factors))
    metadata = stack_metadata(stack, layout, show_phi=is_true(context.options, "show_phi"))
    if context.padding is not None:
        metadata["padding"] = context.padding
    quantity = quantity_of(stack.series, stored)
    return Volume(
        array=array,
        geometry=layout.geometry,
        quantity=quantity.name,
        unit=quantity.unit,
        frame_of_reference_uid=stack.series.frames.text("FrameOfReferenceUID")[stored[0]] or "",
        provenance=frames,
        missing=layout.missing,
        metadata=metadata,
        findings=tuple(dict.fromkeys([*stack.findings, *quantity.findings])),
        name=name,
    )


def scaled_volume(stack: Stack, context: LoadContext, *, scale: Mapping[int, float], name: str, unit: str) -> Volume:
    """The volume of uptake values; arguments and errors as of `image_volume`."""
    volume = image_volume(stack, context, name=name, scale=scale)
    return replace(volume, quantity=UPTAKE, unit=unit)
