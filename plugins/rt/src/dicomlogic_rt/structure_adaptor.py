"""The worker for RT structure sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dicomlogic_core import (
    BulkRef,
    Cancelled,
    DicomLogicError,
    InstanceRef,
    Loadable,
    LoadContext,
    Segmentation,
    SeriesRef,
    SeriesView,
    StudyView,
    UsageError,
    tag_key,
)
from dicomlogic_rt.contour_reading import Bulk
from dicomlogic_rt.elements import items_of, parse_decimals, text_of
from dicomlogic_rt.structure_grids import grid_of, grid_series, no_grid
from dicomlogic_rt.structure_reading import read_structures
from dicomlogic_rt.structure_references import (
    ImageSeries,
    contours_without_images,
    frames_of_regions,
    referenced_series,
)
from dicomlogic_rt.structures import StructureSet

NAME = "rt-structure-set"
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"


class StructureSetAdaptor:
    """Turns RT structure sets into `StructureSet`, or into `Segmentation` with the option structures=segmentation."""

    def examine(self, series: SeriesView, study: StudyView) -> Iterable[Loadable]:
        """One loadable per instance, with the image series it was drawn on as references."""
        for row, sop_class in enumerate(series.text("SOPClassUID")):
            if sop_class == STRUCTURE_SET:
                yield _offer(series, row, study)

    def load(self, loadable: Loadable, context: LoadContext) -> StructureSet | Segmentation:
        """The structure set of a loadable, or its regions on a grid where that was asked for.

        Raises:
            DicomLogicError: its header, or contours that a server keeps apart, cannot be had.
            UsageError: the study has no such grid, or the form was asked for only here.
            GeometryError: the images make no grid.
        """
        _same_form(loadable, context.options.get("structures", "contours"))
        structures = self._read(loadable, context)
        if loadable.options.get("structures") != "segmentation":
            return structures
        uid = loadable.options.get("grid_series", "")
        if not uid:
            raise no_grid(loadable.options.get("grid", "image"), structures.sop_uid)
        series = context.series(uid)
        frame = series.first("FrameOfReferenceUID")
        return structures.segmentation(grid_of(series), frame_of_reference_uid=frame)

    def _read(self, loadable: Loadable, context: LoadContext) -> StructureSet:
        series = context.series(loadable.series_uids[0])
        row = list(series.sop_uids).index(loadable.frames[0].sop_uid)
        instance = series.instance(row)
        structures = read_structures(
            context.dataset(instance),
            name=loadable.name,
            references=referenced_series(series.items("ReferencedFrameOfReferenceSequence")[row]),
            findings=loadable.findings,
            bulk=_bulk(instance, context),
        )
        told = [one.code for one in loadable.findings]
        absent = (
            None if "rt.reference-missing" in told else contours_without_images(structures, _images(loadable, context))
        )
        return replace(structures, findings=(*structures.findings, absent)) if absent else structures


def _images(loadable: Loadable, context: LoadContext) -> set[str]:
    """Instances of the series that a structure set refers to, as far as they are here."""
    found: set[str] = set()
    for ref in loadable.references:
        try:
            found.update(context.series(ref.series_uid).sop_uids)
        except KeyError:  # in another study
            continue
    return found


def _offer(series: SeriesView, row: int, study: StudyView) -> Loadable:
    instance = series.instance(row)
    references = referenced_series(series.items("ReferencedFrameOfReferenceSequence")[row])
    regions = series.items("StructureSetROISequence")[row]
    images = ImageSeries(study)
    findings = images.named(references, instance.sop_uid)
    how = "images by its list of series"
    if not any(one.sop_uids for one in references):
        images.instances(_drawn_on(series, row))
        how = "images by its contours"
    if not images.series:
        images.sharing_frame([*(one.frame_of_reference_uid for one in references), *frames_of_regions(regions)])
        how = "images by the frame of reference"
    label = series.text("StructureSetLabel")[row]
    what = f"an RT structure set of {len(regions or ())} regions"
    refs = images.refs()
    options = _form(study, list(images.series))
    grid = options.get("grid_series", "")
    if grid and grid not in images.series:
        refs = (*refs, SeriesRef(study_uid=study.study_uid, series_uid=grid))
    return Loadable(
        adaptor=NAME,
        kind="segmentation" if options else "structure-set",
        name=f"RTSTRUCT: {label}" if label else "RTSTRUCT",
        study_uid=series.study_uid,
        series_uids=(series.series_uid,),
        frames=(instance.whole,),
        references=refs,
        options=options,
        confidence=1.0,
        findings=tuple(findings),
        explanation=f"{what}; {how if images.series else 'no images here'}",
    )


def _form(study: StudyView, images: Sequence[str]) -> dict[str, str]:
    """The options of a loadable: none for contours, else the form and the grid that were asked for.

    Raises:
        UsageError: no such form.
    """
    form = study.options.get("structures") or "contours"
    if form == "contours":
        return {}
    if form != "segmentation":
        raise UsageError(f"structures={form} is not known", remedy="use one of contours, segmentation")
    grid = study.options.get("grid", "image")
    return {"structures": form, "grid": grid, "grid_series": grid_series(study, grid, images)}


def _same_form(loadable: Loadable, wanted: str) -> None:
    """Refuse another form than the loadable's: its grid was found, and its series named, when it was examined."""
    offered = loadable.options.get("structures", "contours")
    if wanted != offered:
        raise UsageError(
            f"this loadable gives {offered}, not {wanted}",
            where=loadable.id,
            remedy=f"examine with structures={wanted}, and load what that offers",
        )


def _drawn_on(series: SeriesView, row: int) -> Iterator[str]:
    """Images named by the contours themselves; asked for only when no list names them, since it reads the header."""
    try:
        dataset = series.dataset(row)
    except Cancelled:
        raise
    except DicomLogicError:
        return
    for region in items_of(dataset, "ROIContourSequence"):
        for contour in items_of(region, "ContourSequence"):
            for image in items_of(contour, "ContourImageSequence"):
                yield text_of(image, "ReferencedSOPInstanceUID")


def _bulk(instance: InstanceRef, context: LoadContext) -> Bulk:
    """Contour data that a server keeps apart from the header."""
    regions, contours, data = map(tag_key, ("ROIContourSequence", "ContourSequence", "ContourData"))

    def values(region: int, contour: int) -> NDArray[np.float64]:
        ref = BulkRef(
            study_uid=instance.study_uid,
            series_uid=instance.series_uid,
            sop_uid=instance.sop_uid,
            path=(regions, region, contours, contour, data),
        )
        return parse_decimals(context.bulk(ref))

    return values
