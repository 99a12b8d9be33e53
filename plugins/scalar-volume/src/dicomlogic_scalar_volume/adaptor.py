"""The worker: what a series offers, and the volume made of what was chosen."""

from __future__ import annotations

from collections.abc import Iterable

from dicomlogic_core import Loadable, LoadContext, SeriesView, StudyView, Volume
from dicomlogic_scalar_volume.offers import offers
from dicomlogic_scalar_volume.slicer import slicer_offers
from dicomlogic_scalar_volume.volumes import make_volume


class ScalarVolumeAdaptor:
    """Turns frames of one series into a `Volume` with every slice at its own position."""

    def examine(self, series: SeriesView, study: StudyView) -> Iterable[Loadable]:
        """The parts of a series that may be volumes, and the ways to load the uneven ones.

        With the option ``selection=slicer`` exactly what 3D Slicer's plugin proposes, with its confidences.
        """
        if study.options.get("selection") == "slicer":
            return slicer_offers(series)
        return offers(series, study.options)

    def load(self, loadable: Loadable, context: LoadContext) -> Volume:
        """The volume of a loadable.

        Raises:
            GeometryError: positions are missing, doubled or uneven in a way the chosen mode does not allow.
            PixelError: pixels are missing, short or cannot be decoded.
        """
        return make_volume(loadable, context)
