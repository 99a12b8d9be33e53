"""What 3D Slicer's scalar volume plugin proposes: sub-series by one tag at a time, warnings, preference.

Kept apart from our own rules, so that results can be compared field by field (option ``selection=slicer``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dicomlogic_core import Loadable, SeriesView, clean_name, default_name, parse_numbers

_NAME = "scalar-volume"
_EPSILON_MM = 0.01
_COSINE = 1e-6
# In Slicer's order; of the last the value would be too long for a name, so its number is used.
_TAGS = {
    "seriesInstanceUID": "SeriesInstanceUID",
    "acquisitionNumber": "AcquisitionNumber",
    "imageType": "ImageType",
    "imageOrientationPatient": "ImageOrientationPatient",
    "diffusionGradientOrientation": "DiffusionGradientOrientation",
}
_ENUMERATED = frozenset(("seriesInstanceUID", "imageOrientationPatient", "diffusionGradientOrientation"))
_STRUCTURE_SETS = "1.2.840.10008.5.1.4.1.1.481.3"
_SEGMENTATIONS = "1.2.840.10008.5.1.4.1.1.66.4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subseries:
    """Frames with one value of a tag. `alone`: one other value exists, and one instance only has it."""

    tag: str
    label: str
    rows: tuple[int, ...]
    alone: bool = False


def varying_tags(series: SeriesView) -> list[str]:
    """The tags by which Slicer would cut the series. It reads the top level of a file only."""
    columns = {tag: series.text(keyword) for tag, keyword in _TAGS.items()}
    return [tag for tag, column in columns.items() if column.count(column[0]) != len(column)]


def subseries(series: SeriesView, rows: Sequence[int]) -> Iterator[Subseries]:
    """Slicer's sub-series of `rows` of the frame table, of every tag that has more than one value.

    They are numbered in the order of `rows`; Slicer's own is that of its database.
    """
    instances = series.frames.instance[list(rows)].tolist()
    for tag in varying_tags(series):
        texts = [(text or "").replace(",", "_") for text in series.text(_TAGS[tag])]
        if tag == "imageOrientationPatient":
            texts = _same_orientations(texts)
        members: dict[str, list[int]] = {}
        for row, instance in zip(rows, instances):
            members.setdefault(texts[instance], []).append(row)
        if tag == "imageOrientationPatient":
            members.pop("", None)  # elsewhere an empty text counts as a value
        if len(members) < 2:
            continue
        for number, (value, inside) in enumerate(members.items(), 1):
            yield Subseries(
                tag=tag,
                label=f"{tag} {number if tag in _ENUMERATED else value}",
                rows=tuple(inside),
                alone=len(members) == 2 and texts.count(value) == len(texts) - 1 > 1,
            )


def _same_orientations(texts: Sequence[str]) -> list[str]:
    """Each text replaced by the first one whose cosines are the same within 1e-6."""
    known: dict[str, tuple[float, ...]] = {}
    same: dict[str, str] = {}
    for text in dict.fromkeys(texts):
        cosines = parse_numbers(text, 6)
        same[text] = next((one for one, its in known.items() if np.allclose(cosines, its, rtol=0, atol=_COSINE)), text)
        known.setdefault(same[text], cosines)
    return [same[text] for text in texts]


def slicer_offers(series: SeriesView) -> list[Loadable]:
    """The loadables of a series as Slicer makes them, the whole first."""
    if not _ours(series):
        return []
    refs = series.frames.refs()
    name = default_name(series)
    whole = _Sorted.of(series, range(len(refs)))
    parts = [(one, _Sorted.of(series, one.rows)) for one in subseries(series, range(len(refs)))]
    preferred = {number for number, _ in enumerate(parts) if _preferred(whole, parts, number)}
    result = []
    for number, (one, ordered) in enumerate([(None, whole), *parts], -1):
        best = number in preferred if preferred else one is None
        result.append(
            Loadable(
                adaptor=_NAME,
                kind="volume",
                name=name if one is None else clean_name(f"{name} - {one.label}"),
                study_uid=series.study_uid,
                series_uids=(series.series_uid,),
                frames=tuple(refs[row] for row in ordered.rows),
                confidence=0.5 if best else 0.45,
                explanation=f"as 3D Slicer proposes it; its warning: {ordered.warning or 'none'}",
                options={"selection": "slicer", **({} if one is None else {"subseries": one.tag})},
            )
        )
    return result


def _ours(series: SeriesView) -> bool:
    classes = series.text("SOPClassUID")
    return bool(len(series.frames)) and _STRUCTURE_SETS not in classes and _SEGMENTATIONS not in classes


def _preferred(whole: _Sorted, parts: Sequence[tuple[Subseries, _Sorted]], number: int) -> bool:
    """True when Slicer prefers a sub-series to the whole: only where the whole has a warning."""
    if not whole.warning:
        return False
    part, ordered = parts[number]
    without_localizer = [one for one, its in parts if one.alone and not its.warning]
    if without_localizer:
        return part in without_localizer
    return len({one.tag for one, _ in parts}) == 1 and not ordered.warning


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sorted:
    """Rows as Slicer sorts them, and the warning it shows: geometry, multiframe, spacing or none."""

    rows: tuple[int, ...]
    warning: str = ""

    @classmethod
    def of(cls, series: SeriesView, rows: Sequence[int]) -> _Sorted:
        instance = series.frames.instance.tolist()
        first = instance[rows[0]]
        count = series.text("NumberOfFrames")[first] or ""
        multiframe = "multiframe" if count not in ("", "1") else ""
        positions, orientations = series.text("ImagePositionPatient"), series.text("ImageOrientationPatient")
        if not all(positions[instance[row]] and orientations[instance[row]] for row in rows):
            return cls(rows=tuple(rows), warning="+".join(word for word in (multiframe, "geometry") if word))
        cosines = np.reshape(parse_numbers(orientations[first], 6), (2, 3))
        places = np.array([parse_numbers(positions[instance[row]], 3) for row in rows])
        if not np.isfinite(cosines).all() or not np.isfinite(places).all():
            return cls(rows=tuple(rows), warning="+".join(word for word in (multiframe, "geometry") if word))
        along = (places @ np.cross(*cosines)).tolist()
        order = sorted(range(len(rows)), key=along.__getitem__)
        gaps = np.diff([along[number] for number in order])
        uneven = "spacing" if len(gaps) and not np.abs(gaps - gaps[0]).max() <= _EPSILON_MM else ""
        return cls(rows=tuple(rows[number] for number in order), warning="+".join(w for w in (multiframe, uneven) if w))
