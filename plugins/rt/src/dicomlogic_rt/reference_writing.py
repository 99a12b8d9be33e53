"""The references from a structure set to its images, as a file holds them."""

from __future__ import annotations

from collections.abc import Mapping

from pydicom import Dataset

from dicomlogic_rt.image_sets import ImageSet
from dicomlogic_rt.rois import Contour
from dicomlogic_rt.structures import ReferencedSeries, StructureSet

_STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"  # Detached Study Management: what PS3.3 C.8.8.5 leaves open and all write


def sop_classes_of(structures: StructureSet, images: ImageSet | None) -> dict[str, str]:
    """SOPInstanceUID -> SOPClassUID of all images that are known."""
    known = {contour.sop_uid: contour.sop_class_uid for roi in structures for contour in roi.contours}
    known.update({uid: one.sop_class_uid for one in structures.references for uid in one.sop_uids if one.sop_class_uid})
    if images is not None:
        known.update(dict.fromkeys(images.sop_uids, images.sop_class_uid))
    return {uid: sop_class for uid, sop_class in known.items() if sop_class}


def referenced_frames(
    structures: StructureSet, images: ImageSet | None, frame_of_reference: str, classes: Mapping[str, str]
) -> list[Dataset]:
    """Items of ReferencedFrameOfReferenceSequence: frame of reference, study, series, instances."""
    series = {one.series_uid: one for one in structures.references if one.series_uid}
    if images is not None and images.series_uid:
        series[images.series_uid] = ReferencedSeries(
            study_uid=images.study_uid,
            series_uid=images.series_uid,
            sop_uids=images.sop_uids,
            frame_of_reference_uid=images.frame_of_reference_uid,
        )
    by_frame: dict[str, list[ReferencedSeries]] = {}
    for one in series.values():
        by_frame.setdefault(one.frame_of_reference_uid or frame_of_reference, []).append(one)
    for uid in structures.frames_of_reference or (frame_of_reference,):
        by_frame.setdefault(uid, [])
    return [_frame(uid, members, classes) for uid, members in by_frame.items()]


def _frame(uid: str, members: list[ReferencedSeries], classes: Mapping[str, str]) -> Dataset:
    item = Dataset()
    item.FrameOfReferenceUID = uid
    by_study: dict[str, list[ReferencedSeries]] = {}
    for one in members:
        if one.study_uid and any(sop_uid in classes for sop_uid in one.sop_uids):
            by_study.setdefault(one.study_uid, []).append(one)
    if by_study:
        item.RTReferencedStudySequence = [_study(study, found, classes) for study, found in by_study.items()]
    return item


def _study(uid: str, members: list[ReferencedSeries], classes: Mapping[str, str]) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = _STUDY_CLASS
    item.ReferencedSOPInstanceUID = uid
    item.RTReferencedSeriesSequence = [_series(one, classes) for one in members]
    return item


def _series(one: ReferencedSeries, classes: Mapping[str, str]) -> Dataset:
    item = Dataset()
    item.SeriesInstanceUID = one.series_uid
    item.ContourImageSequence = [_image(uid, classes[uid]) for uid in one.sop_uids if uid in classes]
    return item


def contour_image(contour: Contour, images: ImageSet | None, classes: Mapping[str, str]) -> Dataset | None:
    """The item of ContourImageSequence: the image that the contour names; one of `images` where it names another."""
    uid, frame = contour.sop_uid, contour.frame
    if images is not None and uid not in images.sop_uids and len(contour.points):
        nearest = images.nearest(contour.points.mean(axis=0))
        if nearest is not None:
            uid, frame = nearest.sop_uid, nearest.frame
    return _image(uid, classes[uid], frame) if uid in classes else None


def _image(uid: str, sop_class: str, frame: int = 1) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = uid
    if frame > 1:
        item.ReferencedFrameNumber = frame
    return item
