"""Maximum intensity projections along the slice direction: an example to be changed into your own adaptor."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from dicomlogic_core import Geometry, GeometryError, Loadable, LoadContext, SeriesView, StudyView, Volume


class {{ cookiecutter.__class }}Adaptor:
    """Offers one projection per series whose slices are parallel."""

    def examine(self, series: SeriesView, study: StudyView) -> Iterable[Loadable]:
        """What could be made: headers only, nothing is fetched, odd data gives nothing instead of an error."""
        frames = series.frames
        positions, orientations = frames.position, frames.orientation
        if len(frames) < 2 or not np.isfinite(positions).all() or not np.isfinite(orientations).all():
            return
        if np.abs(orientations - orientations[0]).max() > 1e-3:
            return
        normal = np.cross(orientations[0, :3], orientations[0, 3:])
        yield Loadable(
            adaptor="{{ cookiecutter.name }}",
            kind="volume",
            name=f"{series.first('SeriesNumber')}: projection",
            study_uid=series.study_uid,
            series_uids=(series.series_uid,),
            frames=frames.refs(np.argsort(positions @ normal, kind="stable")),
            confidence=0.1,  # below 0.5: whoever does not ask for it gets the plain volume
            explanation="maximum over all slices",
        )

    def load(self, loadable: Loadable, context: LoadContext) -> Volume:
        """The projection as a volume of one slice, in the plane of the first slice.

        Raises:
            GeometryError: the pixel spacing is missing.
        """
        series = context.series(loadable.series_uids[0])
        row = series.frames.rows_of(loadable.frames[:1])[0]
        down, across = series.frames.numbers("PixelSpacing", 2)[row]
        if not np.isfinite(down + across):
            raise GeometryError("PixelSpacing is missing", where=loadable.frames[0].sop_uid, remedy="repair the header")
        along_i, along_j = series.frames.orientation[row].reshape(2, 3)
        matrix = np.eye(4)
        matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = along_i * across, along_j * down, np.cross(along_i, along_j)
        matrix[:3, 3] = series.frames.position[row]
        stack = np.asarray(context.stack(loadable.frames))  # [k, j, i]
        return Volume(
            array=stack.max(axis=0, keepdims=True),
            geometry=Geometry(size_ijk=(stack.shape[2], stack.shape[1], 1), ijk_to_lps=matrix),
            provenance=(loadable.frames[0],),
            findings=loadable.findings,
            name=loadable.name,
        )
