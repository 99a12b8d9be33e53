"""The image series that a structure set was drawn on, by what it says and by what the study has."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

from dicomlogic_core import Finding, SeriesRef, SeriesView, StudyView, finding
from dicomlogic_rt.links import Item, items_in, referenced_uids, values_of
from dicomlogic_rt.structures import ReferencedSeries, StructureSet

_CLASS = "1.2.840.10008.5.1.4.1.1.481."


def referenced_series(items: Sequence[Item] | None) -> tuple[ReferencedSeries, ...]:
    """The series named by the items of ReferencedFrameOfReferenceSequence."""
    found: list[ReferencedSeries] = []
    for frame in items or ():
        frame_uid = _first(frame, "FrameOfReferenceUID")
        before = len(found)
        for study in items_in(frame, "RTReferencedStudySequence"):
            found += [
                ReferencedSeries(
                    study_uid=_first(study, "ReferencedSOPInstanceUID"),
                    series_uid=_first(series, "SeriesInstanceUID"),
                    sop_uids=referenced_uids(images := items_in(series, "ContourImageSequence")),
                    sop_class_uid=next((_first(image, "ReferencedSOPClassUID") for image in images), ""),
                    frame_of_reference_uid=frame_uid,
                )
                for series in items_in(study, "RTReferencedSeriesSequence")
            ]
        if len(found) == before and frame_uid:
            found.append(ReferencedSeries(frame_of_reference_uid=frame_uid))
    return tuple(found)


def _first(item: Item, keyword: str) -> str:
    values = values_of(item, keyword)
    return str(values[0]) if values else ""


class ImageSeries:
    """Finds image series of a study.

    Attributes:
        series: those found so far, by UID.
    """

    def __init__(self, study: StudyView) -> None:
        self._study = study
        self.series: dict[str, SeriesView] = {}
        self._elsewhere: dict[str, SeriesRef] = {}

    def named(self, references: Iterable[ReferencedSeries], where: str) -> list[Finding]:
        """Look for series and instances by their UIDs; what the study does not have is told."""
        findings = []
        known = {view.series_uid: view for view in self._study}
        for one in references:
            if one.series_uid in known:
                self.series[one.series_uid] = known[one.series_uid]
            elif one.series_uid:
                self._elsewhere[one.series_uid] = SeriesRef(study_uid=one.study_uid, series_uid=one.series_uid)
            absent = self.instances(one.sop_uids)
            if absent:
                findings.append(_missing(f"{absent} of {len(one.sop_uids)} referenced images are not here", where))
            elif one.series_uid and one.series_uid not in known and not one.sop_uids:
                findings.append(_missing("a referenced image series is not here", where))
        return findings

    def instances(self, uids: Iterable[str]) -> int:
        """Look for instances; the number of those that the study does not have."""
        absent = 0
        for uid in uids:
            found = self._study.instance(uid)
            if found is None:
                absent += 1
            else:
                self.series[found[0].series_uid] = found[0]
        return absent

    def sharing_frame(self, frames: Iterable[str]) -> None:
        """Look for image series of a frame of reference, for a structure set whose own references lead nowhere."""
        wanted = {uid for uid in frames if uid}
        for view in self._study:
            is_image = not (view.first("SOPClassUID")).startswith(_CLASS) and bool(view.first("Rows"))
            if is_image and view.first("FrameOfReferenceUID") in wanted:
                self.series[view.series_uid] = view

    def refs(self) -> tuple[SeriesRef, ...]:
        """References to the series found, then to those that another study may have."""
        found = [SeriesRef(study_uid=view.study_uid, series_uid=uid) for uid, view in self.series.items()]
        return (*found, *(ref for uid, ref in self._elsewhere.items() if uid not in self.series))


def frames_of_regions(items: Sequence[Mapping[str, object]] | None) -> list[str]:
    """FrameOfReferenceUIDs that the items of StructureSetROISequence name, each once."""
    return list(dict.fromkeys(_first(item, "ReferencedFrameOfReferenceUID") for item in items or ()))


def contours_without_images(structures: StructureSet, known: Container[str]) -> Finding | None:
    """What is told of contours that name an image which is not among those `known`; None when there are none."""
    named = [contour.sop_uid for roi in structures for contour in roi.contours if contour.sop_uid]
    absent = sum(uid not in known for uid in named)
    return (
        _missing(f"{absent} of {len(named)} contours name an image that is not here", structures.sop_uid)
        if absent
        else None
    )


def _missing(what: str, where: str) -> Finding:
    message = f"{what}: contours are placed by their coordinates"
    return finding("rt.reference-missing", message, where=(where,), remedy="index it as well")
