"""An adaptor of an extension: it inherits nothing, and is registered as an object while Slicer runs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

import dicomlogic_core as dl

NAME = "temperature-maps"
# What the made-up scanner writes: degrees Celsius per stored unit, and of the stored value 0.
STEP = dl.PrivateTag("ACME THERMOMETRY", 0x0021, 0x01)
ZERO = dl.PrivateTag("ACME THERMOMETRY", 0x0021, 0x02)


class TemperatureAdaptor:
    """Offers regular stacks with temperature scales as volumes in degrees Celsius."""

    def examine(self, series: dl.SeriesView, study: dl.StudyView) -> Iterable[dl.Loadable]:
        """What could be made of a series: headers only."""
        for part in dl.hard_parts(series):
            stack = dl.stack_of(series, part.rows, extra=part.findings)
            scales = np.stack([series.frames.numbers(tag)[stack.rows] for tag in (STEP, ZERO)])
            if not stack.regular or not np.isfinite(scales).all():
                continue
            yield dl.Loadable(
                adaptor=NAME,
                kind="volume",
                name=f"{dl.default_name(series, int(stack.rows[0]))} (temperature)",
                study_uid=series.study_uid,
                series_uids=(series.series_uid,),
                frames=series.frames.refs(stack.rows),
                confidence=0.8,
                findings=stack.findings,
                explanation=f"{len(stack.rows)} slices with temperature scales",
            )

    def load(self, loadable: dl.Loadable, context: dl.LoadContext) -> dl.Volume:
        """The volume of a loadable.

        Raises:
            GeometryError: the frames are no longer one regular stack.
            PixelError: pixels are missing, short or cannot be decoded.
        """
        series = context.series(loadable.series_uids[0])
        stack = dl.stack_of(series, np.array(series.frames.rows_of(loadable.frames), dtype=np.int64))
        layout = dl.layout_of(stack, "error")
        refs = series.frames.refs(stack.rows)
        scale, offset = (series.frames.numbers(tag)[stack.rows].tolist() for tag in (STEP, ZERO))
        return dl.Volume(
            array=context.stack(refs, scale=scale, offset=offset),
            geometry=layout.geometry,
            quantity="temperature",
            unit="Cel",
            provenance=refs,
            findings=loadable.findings,
            name=loadable.name,
        )


class TemperatureMapsPlugin:
    """What is registered. A plugin without a package of its own is an object with hooks as methods."""

    @dl.hookimpl
    def dicomlogic_adaptors(self) -> Iterable[dl.AdaptorProvider]:
        """The adaptor; `factory` is the class itself, since Slicer's module folders are no packages to import from."""
        yield dl.AdaptorProvider(
            name=NAME,
            label="Temperature maps of ACME scanners",
            factory=TemperatureAdaptor,
            modalities=frozenset({"MR"}),
            requires=(STEP, ZERO),
            tags=("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
        )
