"""The worker: registrations and fiducials of a series, and the values of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from dicomlogic_core import (
    BulkRef,
    Finding,
    InstanceRef,
    Loadable,
    LoadContext,
    SeriesRef,
    SeriesView,
    StudyView,
    clean_name,
    finding,
    tag_key,
)
from dicomlogic_rt.deformation_reading import read_deformable
from dicomlogic_rt.deformations import DeformableRegistration
from dicomlogic_rt.fiducial_reading import read_fiducials
from dicomlogic_rt.fiducials import Fiducials
from dicomlogic_rt.links import Item, items_in, values_of
from dicomlogic_rt.registration_reading import read_spatial
from dicomlogic_rt.registrations import SpatialRegistration

NAME = "rt-registration"
_STORAGE = "1.2.840.10008.5.1.4.1.1."
SPATIAL, FIDUCIALS, DEFORMABLE = (_STORAGE + end for end in ("66.1", "66.2", "66.3"))
_KINDS = {SPATIAL: "registration", FIDUCIALS: "fiducials", DEFORMABLE: "registration"}
_WORDS = {SPATIAL: "REG", FIDUCIALS: "FID", DEFORMABLE: "deformable REG"}


class RegistrationAdaptor:
    """Turns Spatial Registration, Deformable Spatial Registration and Spatial Fiducials instances into values."""

    def examine(self, series: SeriesView, study: StudyView) -> Iterable[Loadable]:
        """One loadable per instance."""
        classes = series.text("SOPClassUID")
        return [_loadable(series, row, study) for row in range(len(series)) if classes[row] in _KINDS]

    def load(
        self, loadable: Loadable, context: LoadContext
    ) -> SpatialRegistration | DeformableRegistration | Fiducials:
        """The registration or the fiducials of a loadable.

        Raises:
            HeaderError, PixelError: the instance could not be had.
        """
        frame = loadable.frames[0]
        ref = InstanceRef(study_uid=frame.study_uid, series_uid=frame.series_uid, sop_uid=frame.sop_uid)
        dataset = context.dataset(ref)
        told: dict[str, Any] = {"name": loadable.name, "findings": loadable.findings}
        if "DeformableRegistrationSequence" in dataset:
            return read_deformable(dataset, **told, bulk=lambda item: context.bulk(_vectors(ref, item)))
        if "FiducialSetSequence" in dataset:
            return read_fiducials(dataset, **told)
        return read_spatial(dataset, **told)


def _vectors(ref: InstanceRef, item: int) -> BulkRef:
    keywords = ("DeformableRegistrationSequence", "DeformableRegistrationGridSequence", "VectorGridData")
    registrations, grids, data = map(tag_key, keywords)
    return BulkRef(
        study_uid=ref.study_uid,
        series_uid=ref.series_uid,
        sop_uid=ref.sop_uid,
        path=(registrations, item, grids, 0, data),
    )


def _loadable(series: SeriesView, row: int, study: StudyView) -> Loadable:
    sop_class = series.text("SOPClassUID")[row] or ""
    instance = series.instance(row)
    references = tuple(dict.fromkeys(_references(series, row, study)))
    known = {view.series_uid for view in study}
    absent = [ref.series_uid for ref in references if ref.study_uid == study.study_uid and ref.series_uid not in known]
    findings: tuple[Finding, ...] = ()
    if absent:
        message = f"{len(absent)} of {len(references)} referenced series are not in the study: {', '.join(absent[:5])}"
        findings = (finding("rt.reference-missing", message, where=(instance.sop_uid,), remedy="index them as well"),)
    return Loadable(
        adaptor=NAME,
        kind=_KINDS[sop_class],
        name=_name(series, row, _WORDS[sop_class]),
        study_uid=series.study_uid,
        series_uids=(series.series_uid,),
        frames=(instance.whole,),
        references=references,
        confidence=1.0,
        findings=findings,
        explanation="by its SOP class",
    )


def _name(series: SeriesView, row: int, word: str) -> str:
    number, label = ((series.text(keyword)[row] or "").strip() for keyword in ("SeriesNumber", "ContentLabel"))
    return clean_name(": ".join(part for part in (number, word, label) if part))


def _references(series: SeriesView, row: int, study: StudyView) -> Iterator[SeriesRef]:
    """Series that the object says it refers to (PS3.3 C.12.2), in this study and in others."""
    yield from _named(study.study_uid, series.items("ReferencedSeriesSequence")[row] or ())
    for other in series.items("StudiesContainingOtherReferencedInstancesSequence")[row] or ():
        for study_uid in values_of(other, "StudyInstanceUID")[:1]:
            yield from _named(str(study_uid), items_in(other, "ReferencedSeriesSequence"))


def _named(study_uid: str, items: Iterable[Item]) -> Iterator[SeriesRef]:
    for item in items:
        for series_uid in values_of(item, "SeriesInstanceUID")[:1]:
            yield SeriesRef(study_uid=study_uid, series_uid=str(series_uid))
