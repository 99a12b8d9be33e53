"""The worker: what a series offers beyond three dimensions, and the sequence made of what was chosen."""

from __future__ import annotations

from collections.abc import Iterable

from dicomlogic_core import Loadable, LoadContext, SeriesView, StudyView, Volume, VolumeSequence
from dicomlogic_multi_volume.offers import offers
from dicomlogic_multi_volume.sequences import make


class MultiVolumeAdaptor:
    """Turns a series with several frames at every position into a `VolumeSequence`."""

    def examine(self, series: SeriesView, study: StudyView) -> Iterable[Loadable]:
        """The sequences of a series, best first, and derived volumes set apart; nothing for a plain volume."""
        return offers(series)

    def load(self, loadable: Loadable, context: LoadContext) -> VolumeSequence | Volume:
        """The sequence, or the single volume that was set apart.

        Raises:
            GeometryError: the frames are no longer the stack that was examined.
            PixelError: pixels are missing, short or cannot be decoded.
        """
        return make(loadable, context)
