"""A stack of frames as a volume in its own unit: the CT of a pair."""

from __future__ import annotations

from dicomlogic_core import LoadContext, Stack, Volume, is_true, layout_of, quantity_of, stack_metadata


def image_volume(stack: Stack, context: LoadContext, *, name: str) -> Volume:
    """The volume of a stack with the modality transform of its headers; missing slices are filled.

    Raises:
        GeometryError: the stack is no volume.
        PixelError: pixels are missing, short or cannot be decoded.
    """
    layout = layout_of(stack)
    stored = [row for row in layout.rows if row is not None]
    refs = dict(zip(stored, stack.series.frames.refs(stored)))
    frames = tuple(None if row is None else refs[row] for row in layout.rows)
    array = context.stack(frames)
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
