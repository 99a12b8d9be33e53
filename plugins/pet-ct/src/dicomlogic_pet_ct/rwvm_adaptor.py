"""The worker that offers uptake values by real world value mappings, and the mappings themselves."""

from __future__ import annotations

from collections.abc import Iterable

from dicomlogic_core import Loadable, LoadContext, StudyView, Volume
from dicomlogic_pet_ct.rwvm import mapping_objects
from dicomlogic_pet_ct.rwvm_object import ValueMappings
from dicomlogic_pet_ct.rwvm_offers import offers
from dicomlogic_pet_ct.rwvm_volume import mapped_volume


class RwvmAdaptor:
    """Reads Real World Value Mapping objects, and mappings inside PET images, to uptake values."""

    def examine_study(self, study: StudyView) -> Iterable[Loadable]:
        """The uptake values that mappings give, and the mapping objects themselves.

        Nothing with the option ``selection=slicer``: it needs an extension for them.
        """
        return () if study.options.get("selection") == "slicer" else offers(study)

    def load(self, loadable: Loadable, context: LoadContext) -> Volume | ValueMappings:
        """The uptake values, lazy or not as the caller asked, or the mapping object.

        Raises:
            QuantityError: the mapping does not give every frame a positive slope.
            PixelError: pixels are missing, short or cannot be decoded.
        """
        return mapped_volume(loadable, context) if loadable.kind == "volume" else _object(loadable, context)


def _object(loadable: Loadable, context: LoadContext) -> ValueMappings:
    series = context.series(loadable.series_uids[0])
    wanted = loadable.frames[0].sop_uid
    (one,) = (one for one in mapping_objects(series) if one.ref.sop_uid == wanted)
    return ValueMappings(name=loadable.name, object=one, findings=loadable.findings)
