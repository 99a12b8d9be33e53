"""Temperature maps of a made-up scanner, whose private elements say what a stored value means."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from dicomlogic_core import (
    GeometryError,
    Loadable,
    LoadContext,
    SeriesView,
    StudyView,
    Volume,
    default_name,
    hard_parts,
    layout_of,
    stack_metadata,
    stack_of,
)

from dicomlogic_{{ cookiecutter.__module }}.plugin import NAME, STEP, ZERO


class {{ cookiecutter.__class }}:
    """Offers series of whole stacks as volumes in degrees Celsius."""

    def examine(self, series: SeriesView, study: StudyView) -> Iterable[Loadable]:
        """What could be made: headers only, nothing is fetched, odd data gives nothing instead of an error."""
        for part in hard_parts(series):  # one size, spacing, orientation and frame of reference each
            stack = stack_of(series, part.rows, extra=part.findings)
            scales = np.stack([series.frames.numbers(tag)[stack.rows] for tag in (STEP, ZERO)])
            if not stack.regular or not np.isfinite(scales).all():
                continue  # what nobody offers is named by the core
            yield Loadable(
                adaptor=NAME,
                kind="volume",
                name=f"{default_name(series, int(stack.rows[0]))} (temperature)",
                study_uid=series.study_uid,
                series_uids=(series.series_uid,),
                frames=series.frames.refs(stack.rows),
                confidence=0.8,  # above 0.5, what the same frames are as a plain volume
                findings=stack.findings,
                explanation=f"{len(stack.rows)} slices with temperature scales",
            )

    def load(self, loadable: Loadable, context: LoadContext) -> Volume:
        """The volume, its array lazy when the caller asked for that.

        Raises:
            GeometryError: the frames are no longer one regular stack.
            PixelError: pixels are missing, short or cannot be decoded.
        """
        series = context.series(loadable.series_uids[0])
        stack = stack_of(series, np.array(series.frames.rows_of(loadable.frames), dtype=np.int64))
        if not stack.regular:
            raise GeometryError("the stack has changed", where=series.series_uid, remedy="examine it again")
        layout = layout_of(stack)
        refs = series.frames.refs(stack.rows)
        scale, offset = (series.frames.numbers(tag)[stack.rows].tolist() for tag in (STEP, ZERO))
        return Volume(
            array=context.stack(refs, scale=scale, offset=offset),  # [k, j, i]
            geometry=layout.geometry,
            quantity="temperature",
            unit="Cel",  # UCUM
            frame_of_reference_uid=series.frames.text("FrameOfReferenceUID")[int(stack.rows[0])] or "",
            provenance=refs,
            metadata=stack_metadata(stack, layout),
            findings=loadable.findings,
            name=loadable.name,
        )
