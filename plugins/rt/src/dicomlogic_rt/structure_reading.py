"""RT structure sets (PS3.3 A.19) from data sets: what is told in three sequences, put together by ROI number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dicomlogic_core import Finding, finding
from dicomlogic_rt.contour_reading import Bulk, Trouble, read_contours
from dicomlogic_rt.elements import integer_of, items_of, number_of, numbers_of, text_of
from dicomlogic_rt.image_sets import PATIENT_AND_STUDY
from dicomlogic_rt.rois import Code, Contour, Observation, Roi, unique_names
from dicomlogic_rt.structures import ReferencedSeries, StructureSet

if TYPE_CHECKING:
    from pydicom import Dataset

_TEXTS = (
    *("StructureSetName", "StructureSetDescription", "StructureSetDate", "StructureSetTime", "ApprovalStatus"),
    *("SeriesDescription", "SeriesNumber", "Manufacturer", "ManufacturerModelName", "SoftwareVersions"),
)


def read_structures(
    dataset: Dataset,
    *,
    name: str = "",
    references: Sequence[ReferencedSeries] = (),
    findings: Sequence[Finding] = (),
    bulk: Bulk | None = None,
) -> StructureSet:
    """The structure set of a data set.

    Whatever is missing or broken costs the region or contour it belongs to and has a finding.

    Args:
        dataset: of the RT Structure Set Storage class.
        name: of the result.
        references: the image series it says it was drawn on.
        findings: what is known already.
        bulk: gives contour data that is not in the data set.

    Raises:
        Cancelled, NetworkError: `bulk` was stopped, or its server does not answer.
    """
    sop_uid = text_of(dataset, "SOPInstanceUID")
    reading = _Reading(dataset, sop_uid, bulk)
    rois = tuple(reading.rois())
    used = Counter(roi.frame_of_reference_uid for roi in rois if roi.frame_of_reference_uid)
    frames = tuple(uid for uid, _ in used.most_common()) or tuple(
        dict.fromkeys(one.frame_of_reference_uid for one in references if one.frame_of_reference_uid)
    )
    if len(used) > 1:
        message = f"its regions lie in {len(used)} frames of reference, of " + " and ".join(
            f"{count} regions" for _, count in used.most_common()
        )
        reading.findings.append(finding("rt.multiple-frames-of-reference", message, where=(sop_uid,)))
    return StructureSet(
        name=name,
        label=text_of(dataset, "StructureSetLabel"),
        sop_uid=sop_uid,
        rois=rois,
        references=tuple(references),
        frames_of_reference=frames,
        metadata={keyword: text for keyword in _TEXTS if (text := text_of(dataset, keyword))},
        findings=(*findings, *reading.findings),
        attributes={keyword: text for keyword in PATIENT_AND_STUDY if (text := text_of(dataset, keyword))},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """What StructureSetROISequence says about a region."""

    number: int
    name: str
    description: str = ""
    algorithm: str = ""
    frame_of_reference_uid: str = ""


@dataclass(slots=True)
class _Reading:
    dataset: Dataset
    sop_uid: str
    bulk: Bulk | None
    findings: list[Finding] = field(default_factory=list)

    def rois(self) -> Iterator[Roi]:
        regions = self._regions()
        observations = self._observations()
        heads = self._heads(regions)
        names = unique_names([head.name for head in heads])
        doubled = sum(head.name != name for head, name in zip(heads, names))
        if doubled:
            message = f"{doubled} regions have the name of another and got a number behind it"
            self.findings.append(finding("rt.roi-duplicate-name", message, where=(self.sop_uid,)))
        for head, name in zip(heads, names):
            yield self._roi(replace(head, name=name), regions.get(head.number, []), observations.get(head.number, []))

    def _roi(self, head: _Head, regions: list[tuple[int, Dataset]], said: list[Observation]) -> Roi:
        trouble = Trouble(where=(self.sop_uid, f"ROI {head.number}"))
        contours: list[Contour] = []
        colour = None
        for place, region in regions:
            contours += read_contours(place, region, trouble, self.bulk)
            colour = colour or _colour(region)
        self.findings += trouble.findings()
        if not contours:
            self.findings.append(finding("rt.roi-empty", "a region without contours", where=trouble.where))
        return Roi(
            number=head.number,
            name=head.name,
            description=head.description,
            algorithm=head.algorithm,
            frame_of_reference_uid=head.frame_of_reference_uid,
            colour=colour,
            interpreted_type=next((one.interpreted_type for one in said if one.interpreted_type), ""),
            observations=tuple(said),
            codes=tuple(dict.fromkeys(code for one in said for code in one.codes)),
            contours=tuple(contours),
        )

    def _heads(self, regions: dict[int, list[tuple[int, Dataset]]]) -> list[_Head]:
        """The regions in their order, and after them those that only have contours."""
        items = items_of(self.dataset, "StructureSetROISequence")
        told = Counter(integer_of(item, "ROINumber") for item in items)
        by_place = {place: number for number, found in regions.items() for place, _ in found}
        heads: dict[int, _Head] = {}
        for place, item in enumerate(items):
            number = integer_of(item, "ROINumber")
            if number is None or told[number] > 1:
                self._incomplete(f"item {place + 1} of StructureSetROISequence has no number of its own")
                number = by_place.get(place)
            if number is None or number in heads:
                number = max([*heads, *regions, *(one for one in told if one is not None), 0]) + 1
            heads[number] = _Head(
                number=number,
                name=text_of(item, "ROIName") or f"ROI {number}",
                description=text_of(item, "ROIDescription"),
                algorithm=text_of(item, "ROIGenerationAlgorithm"),
                frame_of_reference_uid=text_of(item, "ReferencedFrameOfReferenceUID"),
            )
        unnamed = [number for number in regions if number not in heads]
        if unnamed:
            self._incomplete(f"{len(unnamed)} regions have contours and stand in no StructureSetROISequence")
        return [*heads.values(), *(_Head(number=number, name=f"ROI {number}") for number in unnamed)]

    def _regions(self) -> dict[int, list[tuple[int, Dataset]]]:
        """ROI number -> its items of ROIContourSequence with their places; where numbers fail, the order decides."""
        items = items_of(self.dataset, "ROIContourSequence")
        if not items:
            self._incomplete("there is no ROIContourSequence")
        order = [integer_of(one, "ROINumber") for one in items_of(self.dataset, "StructureSetROISequence")]
        order = order if len(order) == len(items) else [None] * len(items)
        told = [integer_of(item, "ReferencedROINumber") for item in items]
        found: dict[int, list[tuple[int, Dataset]]] = {}
        for place, item in enumerate(items):
            number = told[place]
            if number is None or told.count(number) > 1:
                self._incomplete(f"item {place + 1} of ROIContourSequence has no number of its own; its place decides")
                number = _by_place(place, told, order)
            if number is None:
                number = max([*found, *(one for one in (*told, *order) if one is not None), 0]) + 1
            found.setdefault(number, []).append((place, item))
        return found

    def _observations(self) -> dict[int, list[Observation]]:
        found: dict[int, list[Observation]] = {}
        for item in items_of(self.dataset, "RTROIObservationsSequence"):
            number = integer_of(item, "ReferencedROINumber")
            if number is not None:
                found.setdefault(number, []).append(_observation(item))
        return found

    def _incomplete(self, message: str) -> None:
        self.findings.append(finding("rt.roi-incomplete", message, where=(self.sop_uid,)))


def _by_place(place: int, told: Sequence[int | None], order: Sequence[int | None]) -> int | None:
    """The ROI of an item whose number another one has too: that at the same place, unless that is not its own either.

    Where the order tells nothing about a number, all that say it share it.
    """
    number, by_place = told[place], order[place]
    if by_place is not None and order.count(by_place) == 1 and (by_place == number or by_place not in told):
        return by_place
    owned = any(one == number == order[other] for other, one in enumerate(told))
    return None if owned else number


def _observation(item: Dataset) -> Observation:
    properties = {}
    for one in items_of(item, "ROIPhysicalPropertiesSequence"):
        value = number_of(one, "ROIPhysicalPropertyValue")
        if value is not None:
            properties[text_of(one, "ROIPhysicalProperty")] = value
    return Observation(
        number=integer_of(item, "ObservationNumber"),
        label=text_of(item, "ROIObservationLabel"),
        description=text_of(item, "ROIObservationDescription"),
        interpreted_type=text_of(item, "RTROIInterpretedType").upper(),
        codes=tuple(_code(one) for one in items_of(item, "RTROIIdentificationCodeSequence")),
        physical_properties=properties,
    )


def _code(item: Dataset) -> Code:
    keywords = ("CodeValue", "LongCodeValue", "URNCodeValue")
    value = next((text for keyword in keywords if (text := text_of(item, keyword))), "")
    return Code(value=value, scheme=text_of(item, "CodingSchemeDesignator"), meaning=text_of(item, "CodeMeaning"))


def _colour(region: Dataset) -> tuple[int, int, int] | None:
    """ROIDisplayColor within 0..255; None when it is absent or no three numbers."""
    values = numbers_of(region, "ROIDisplayColor")
    if values.shape != (3,) or not bool((abs(values) < 1e6).all()):
        return None
    red, green, blue = (min(255, max(0, round(value))) for value in values.tolist())
    return red, green, blue
