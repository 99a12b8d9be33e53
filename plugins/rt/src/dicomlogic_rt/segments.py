"""Regions as segments: colours, tags and terminology in the words of 3D Slicer."""

from __future__ import annotations

from dicomlogic_core import Segment
from dicomlogic_rt.rois import INTERPRETED_TYPE, ROI_NUMBER, Code, Roi

_CONTEXT = "Segmentation category and type - 3D Slicer General Anatomy list"
_ANATOMY = Code(value="123037004", scheme="SCT", meaning="Anatomical Structure")
_SPATIAL = Code(value="309825002", scheme="SCT", meaning="Spatial and Relational Concept")
# Types of PS3.16 CID 9534.
_TARGETS = {
    "GTV": Code(value="228791009", scheme="SCT", meaning="Gross tumor volume"),
    "CTV": Code(value="228792002", scheme="SCT", meaning="Clinical target volume"),
    "PTV": Code(value="228793007", scheme="SCT", meaning="Planning target volume"),
}
_GREY = (128, 174, 128)  # what 3D Slicer gives tissue of no colour


def segment_of(roi: Roi, *, label: int, layer: int) -> Segment:
    """The segment of a region, under the identifier ``Roi_NUMBER``."""
    red, green, blue = roi.colour or _GREY
    tags = {ROI_NUMBER: str(roi.number)}
    if roi.interpreted_type:
        tags[INTERPRETED_TYPE] = roi.interpreted_type
    return Segment(
        id=f"Roi_{roi.number}",
        name=roi.name,
        colour=(red / 255, green / 255, blue / 255),
        label=label,
        layer=layer,
        tags=tags,
        terminology=_terminology(roi),
    )


def _terminology(roi: Roi) -> str:
    target = _TARGETS.get(roi.interpreted_type)
    kind = roi.codes[0] if roi.codes else target
    if kind is None:
        return ""
    none = "^^"
    parts = (_CONTEXT, _entry(_SPATIAL if target else _ANATOMY), _entry(kind), none, "Anatomic codes", none, none)
    return "~".join(parts)


def _entry(code: Code) -> str:
    parts = (code.scheme, code.value, code.meaning)
    return "^".join("".join(" " if one in "^~|" else one for one in part) for part in parts)
