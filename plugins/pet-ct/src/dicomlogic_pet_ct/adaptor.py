"""The worker: what a PET series offers, and the uptake or activity volume made of what was chosen."""

from __future__ import annotations

from collections.abc import Iterable

from dicomlogic_core import Loadable, LoadContext, SeriesView, StudyView, Volume, VolumeSequence
from dicomlogic_pet_ct.offers import offers
from dicomlogic_pet_ct.volumes import make


class PetCtAdaptor:
    """Turns PET series into standardized uptake values and activity, with a report of all that they hang on."""

    def examine(self, series: SeriesView, study: StudyView) -> Iterable[Loadable]:
        """Uptake values by weight, lean body mass, surface and ideal weight as far as they can be had, and activity.

        Nothing with the option ``selection=slicer``: 3D Slicer has no plugin of this kind without an extension.
        """
        return () if study.options.get("selection") == "slicer" else offers(series, study.options)

    def load(self, loadable: Loadable, context: LoadContext) -> Volume | VolumeSequence:
        """The volume, or the sequence of a dynamic or gated series; ``metadata["report"]`` of each volume tells how.

        Raises:
            QuantityError: an input is missing; names the attribute and the option that gives it.
            GeometryError: positions are missing or uneven in a way the chosen mode does not allow.
            PixelError: pixels are missing, short or cannot be decoded.
        """
        return make(loadable, context)
