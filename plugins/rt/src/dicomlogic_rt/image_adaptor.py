"""The worker: RT images of a series, and the single slice made of one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from dicomlogic_core import (
    Finding,
    FrameRef,
    Geometry,
    GeometryError,
    Loadable,
    LoadContext,
    SeriesView,
    StudyView,
    Volume,
    clean_name,
    finding,
    parse_number,
)
from dicomlogic_rt.beams import Beam
from dicomlogic_rt.image_placement import IMAGE_STORAGE, ImageHeader, image_header, placed_matrix, plane_matrix
from dicomlogic_rt.links import links_to, referenced_uids
from dicomlogic_rt.plan_reading import read_plan

NAME = "rt-image"
_KEYWORDS = (
    *("Modality", "SeriesNumber", "SeriesDescription", "StudyDescription", "Manufacturer", "ManufacturerModelName"),
    *("ImageType", "InstanceNumber", "PhotometricInterpretation"),
)


class ImageAdaptor:
    """Turns RT images into volumes of one slice, placed in the patient when their plan is in the study."""

    def examine(self, series: SeriesView, study: StudyView) -> Iterable[Loadable]:
        """One loadable per frame; nearly all RT images have one."""
        classes = series.text("SOPClassUID")
        frames = zip(series.frames.instance.tolist(), series.frames.refs())
        return [_loadable(series, row, ref, study) for row, ref in frames if classes[row] == IMAGE_STORAGE]

    def load(self, loadable: Loadable, context: LoadContext) -> Volume:
        """The image of a loadable; ``metadata["rt_image"]`` says what it shows and whether it is placed.

        Raises:
            PixelError: pixels that could not be had.
        """
        ref = loadable.frames[0]
        series = context.series(ref.series_uid)
        row = list(series.sop_uids).index(ref.sop_uid)
        header = image_header(series, row)
        beam, frame_of_reference = _beam(series, row, header, loadable, context)
        findings: tuple[Finding, ...] = loadable.findings
        try:
            matrix, placed = placed_matrix(header, beam), True
        except GeometryError as error:
            matrix, placed = plane_matrix(header), False
            findings += (finding("rt.image-placement", error.message, where=(ref.sop_uid,)),)
        array = context.stack([ref])
        size = (array.shape[2], array.shape[1], 1)
        return Volume(
            array=array,
            geometry=Geometry(size_ijk=size, ijk_to_lps=matrix),
            frame_of_reference_uid=frame_of_reference if placed else "",
            provenance=(ref,),
            metadata={
                "rt_image": _metadata(series, row, header, beam, placed=placed),
                "common": {keyword: text for keyword in _KEYWORDS if (text := series.text(keyword)[row])},
                "window": _windows(series, row),
            },
            findings=findings,
            name=loadable.name,
        )


def _loadable(series: SeriesView, row: int, ref: FrameRef, study: StudyView) -> Loadable:
    plans = referenced_uids(series.items("ReferencedRTPlanSequence")[row] or ())
    links = links_to(study, {"plan": plans}, where=series.sop_uids[row])
    number, label = ((series.text(keyword)[row] or "").strip() for keyword in ("SeriesNumber", "RTImageLabel"))
    several = f"frame {ref.frame}" if series.columns.frame_counts[row] > 1 else ""
    return Loadable(
        adaptor=NAME,
        kind="volume",
        name=clean_name(": ".join(word for word in (number, "RTIMAGE", label, several) if word)),
        study_uid=series.study_uid,
        series_uids=(series.series_uid,),
        frames=(ref,),
        references=links.series,
        confidence=1.0,
        findings=links.findings,
        explanation="by its SOP class",
    )


def _beam(
    series: SeriesView, row: int, header: ImageHeader, loadable: Loadable, context: LoadContext
) -> tuple[Beam | None, str]:
    """The beam the image is of, and the frame of reference of its plan; None when the study does not have it."""
    own = series.text("FrameOfReferenceUID")[row] or ""
    wanted = referenced_uids(series.items("ReferencedRTPlanSequence")[row] or ())
    for reference in loadable.references:
        plans = context.series(reference.series_uid)
        for number, uid in enumerate(plans.sop_uids):
            if uid in wanted and header.beam_number is not None:
                plan = read_plan(context.dataset(plans.instance(number)))
                found = next((beam for beam in plan.beams if beam.number == header.beam_number), None)
                return found, own or plan.frame_of_reference_uid
    return None, own


def _windows(series: SeriesView, row: int) -> list[list[float]]:
    """[centre, width] presets; none when their numbers do not match."""
    centres, widths = (
        [parse_number(part) for part in (series.text(keyword)[row] or "").split("\\")]
        for keyword in ("WindowCenter", "WindowWidth")
    )
    pairs = zip(centres, widths) if len(centres) == len(widths) else ()
    return [list(pair) for pair in pairs if all(map(math.isfinite, pair))]


def _metadata(series: SeriesView, row: int, header: ImageHeader, beam: Beam | None, *, placed: bool) -> dict[str, Any]:
    texts = {
        word: (series.text(keyword)[row] or "").strip()
        for word, keyword in (
            ("label", "RTImageLabel"),
            ("description", "RTImageDescription"),
            ("image_type", "ImageType"),
        )
    }
    return {
        **texts,
        "placed": placed,
        "beam_number": header.beam_number,
        "beam_name": "" if beam is None else beam.name,
        "gantry_angle": header.point.gantry_angle,
        "couch_angle": header.point.couch_angle,
        "sid_mm": header.sid if header.sid > 0 else None,
        "sad_mm": header.sad if header.sad > 0 else None,
    }
