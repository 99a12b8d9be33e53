"""The worker: what doses a study has, and the volume made of what was chosen."""

from __future__ import annotations

from collections.abc import Iterable

from dicomlogic_core import Loadable, LoadContext, StudyView, Volume
from dicomlogic_rt.dose import dose_volume
from dicomlogic_rt.dose_headers import DoseHeader, dose_headers
from dicomlogic_rt.dose_offers import offers


class DoseAdaptor:
    """Turns RTDOSE instances into volumes of dose."""

    def examine_study(self, study: StudyView) -> Iterable[Loadable]:
        """One loadable per dose, and the sum of the beams of a fraction group when all are there and no whole is."""
        return offers(study)

    def load(self, loadable: Loadable, context: LoadContext) -> Volume:
        """The dose of a loadable; its ``metadata["dose"]`` says what it is the dose of.

        Raises:
            GeometryError: planes whose places contradict each other.
            PixelError: ``rt.dose-no-scaling``; pixels that could not be had.
            UsageError: beam doses that may not be added up.
        """
        wanted: dict[str, dict[str, None]] = {}
        for frame in loadable.frames:
            wanted.setdefault(frame.series_uid, {})[frame.sop_uid] = None
        found = {
            header.sop_uid: (uid, header)
            for uid, sop_uids in wanted.items()
            for header in dose_headers(context.series(uid))
            if header.sop_uid in sop_uids
        }
        chosen = [found[uid] for uid in dict.fromkeys(frame.sop_uid for frame in loadable.frames)]
        if loadable.options.get("sum") != "beams":
            return _one(loadable, chosen, context)
        from dicomlogic_rt.dose_sum import sum_doses  # most loads are of a single dose

        by_beams: dict[object, list[tuple[str, DoseHeader]]] = {}
        for series_uid, header in chosen:
            by_beams.setdefault((series_uid, header.plans), []).append((series_uid, header))
        return sum_doses([_one(loadable, part, context) for part in by_beams.values()], name=loadable.name)


def _one(loadable: Loadable, chosen: list[tuple[str, DoseHeader]], context: LoadContext) -> Volume:
    series = context.series(chosen[0][0])
    headers = [header for _, header in chosen]
    return dose_volume(series, headers, context, name=loadable.name, findings=loadable.findings)
