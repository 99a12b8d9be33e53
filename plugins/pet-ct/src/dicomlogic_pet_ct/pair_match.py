"""Which CT belongs to a PET: frame of reference, extent, references to it, signs of attenuation correction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dicomlogic_core import Geometry, SeriesRef, SeriesView, Stack, StudyView, hard_parts, layout_of, stack_of
from dicomlogic_pet_ct.parts import pet_parts

PET_CLASSES = frozenset(f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("128", "128.1", "130"))
CT_CLASSES = frozenset(f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("2", "2.1", "2.2"))
_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
_SEGMENTATIONS = frozenset(f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("66.4", "66.7"))

LEAST_EXTENT = 0.9
"""Share of the PET's slices that the CT must reach."""
_SAMPLES = 32  # per axis of the PET's grid
_EDGE = 1e-6  # of a voxel: rounding must not put the outermost voxel outside
_ATTENUATION = re.compile(r"(?<![a-z])(ct ?ac|ac ?ct|ac|a\.c\.|atten\w*|mu ?map)(?![a-z])", re.IGNORECASE)
_NOT_ATTENUATION = re.compile(r"(?<![a-z])(nac|non?[ -]?ac|contrast|arterial|venous|lung|bone|thin)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Located:
    """Frames of one series that make a volume, with their grid."""

    series: SeriesView
    stack: Stack
    geometry: Geometry
    frame_of_reference_uid: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Match:
    """A CT for a PET.

    Attributes:
        ct: its frames.
        extent: share of the PET's slices that it reaches.
        share: share of the PET's voxels inside it; below 1 where the PET's field of view is the wider one.
        referenced: series that refer to this CT, and so decide: the PET itself, structure sets, segmentations.
        hint: the words that speak for (or, with a minus, against) its use for attenuation correction; "" for none.
    """

    ct: Located
    extent: float
    share: float
    referenced: tuple[SeriesRef, ...]
    hint: str = ""

    @property
    def rank(self) -> tuple[Any, ...]:
        """Smaller is better; ends with the UID, so that it never depends on the order of series."""
        hint = 0 if self.hint.startswith("-") else 2 if self.hint else 1
        uid = self.ct.series.series_uid
        return -bool(self.referenced), -hint, -round(self.share, 2), -round(self.extent, 2), uid


def pet_volumes(series: SeriesView) -> Iterator[Located]:
    """The single PET volumes of a series; none of series in time, of projections and of fused images."""
    if PET_CLASSES.isdisjoint(series.text("SOPClassUID")):
        return
    for part in pet_parts(series):
        if part.axis is None and len(part.stack.rows) > 1:
            yield _located(part.stack)


def ct_volumes(series: SeriesView) -> Iterator[Located]:
    """The CT volumes of a series; none of single slices and of series in time."""
    if CT_CLASSES.isdisjoint(series.text("SOPClassUID")):
        return
    for part in hard_parts(series):
        stack = stack_of(series, part.rows, extra=part.findings)
        if stack.kind == "volume" and len(stack.rows) > 1:
            yield _located(stack)


def _located(stack: Stack) -> Located:
    uid = stack.series.frames.text("FrameOfReferenceUID")[int(stack.rows[0])] or ""
    geometry = layout_of(stack).geometry
    return Located(series=stack.series, stack=stack, geometry=geometry, frame_of_reference_uid=uid)


def matches(pet: Located, cts: Iterable[Located], study: StudyView) -> list[Match]:
    """The CTs that fit a PET, best first; an absent frame of reference fits nothing."""
    found = []
    for ct in cts:
        if not pet.frame_of_reference_uid or ct.frame_of_reference_uid != pet.frame_of_reference_uid:
            continue
        extent, share = coverage(pet.geometry, ct.geometry)
        if extent >= LEAST_EXTENT:
            hint = attenuation_hint(ct)
            referenced = tuple(_referring(pet.series, ct.series, study))
            found.append(Match(ct=ct, extent=extent, share=share, referenced=referenced, hint=hint))
    return sorted(found, key=lambda match: match.rank)


def coverage(inner: Geometry, outer: Geometry) -> tuple[float, float]:
    """(share of the slices of `inner` that `outer` reaches, share of its voxels inside `outer`), by sampling."""
    samples = [np.linspace(0, size - 1, min(size, _SAMPLES)) for size in inner.size_ijk]
    index = np.stack([*np.meshgrid(*samples, indexing="ij"), np.ones([len(one) for one in samples])], axis=-1)
    there = index @ (np.linalg.inv(outer.ijk_to_lps) @ inner.ijk_to_lps).T
    last = np.array(outer.size_ijk) - 0.5 + _EDGE
    inside = ((there[..., :3] >= -0.5 - _EDGE) & (there[..., :3] <= last)).all(axis=-1)
    return float(inside.any(axis=(0, 1)).mean()), float(inside.mean())


def attenuation_hint(ct: Located) -> str:
    """What the CT's texts say about attenuation correction: the word for it, a word against it after ``-``, or ""."""
    row = int(ct.stack.rows[0])
    texts = [
        ct.series.frames.text(tag)[row] or "" for tag in ("SeriesDescription", "ProtocolName", "ConvolutionKernel")
    ]
    text = " ".join(texts).replace("_", " ")
    if against := _NOT_ATTENUATION.search(text):
        return f"-{against.group(0)}"
    found = _ATTENUATION.search(text)
    return found.group(0) if found else ""


def _referring(pet: SeriesView, ct: SeriesView, study: StudyView) -> Iterator[SeriesRef]:
    if ct in study.references(pet):
        yield SeriesRef(study_uid=pet.study_uid, series_uid=pet.series_uid)
    for series in study:
        if ct.series_uid in _targets(series):
            yield SeriesRef(study_uid=series.study_uid, series_uid=series.series_uid)


def referring(study: StudyView, *targets: SeriesView) -> tuple[SeriesRef, ...]:
    """The structure sets and segmentations of a study that refer to any of the series."""
    wanted = {series.series_uid for series in targets}
    return tuple(
        SeriesRef(study_uid=series.study_uid, series_uid=series.series_uid)
        for series in study
        if not wanted.isdisjoint(_targets(series))
    )


def _targets(series: SeriesView) -> set[str]:
    """The series that a structure set or segmentation refers to; empty for all other objects."""
    classes = set(series.text("SOPClassUID"))
    if _STRUCTURE_SET in classes:
        return set(_series_uids(series.items("ReferencedFrameOfReferenceSequence")))
    return set() if _SEGMENTATIONS.isdisjoint(classes) else set(_series_uids(series.items("ReferencedSeriesSequence")))


def _series_uids(value: Any) -> Iterator[str]:
    """Every SeriesInstanceUID inside DICOM JSON items, however deep."""
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from _series_uids(one)
    elif isinstance(value, dict):
        for key, element in value.items():
            values = element.get("Value", ()) if isinstance(element, dict) else ()
            if key == "0020000E":
                yield from (str(uid) for uid in values)
            else:
                yield from _series_uids(list(values))
