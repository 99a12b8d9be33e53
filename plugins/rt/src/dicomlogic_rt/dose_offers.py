"""What doses of a study can be loaded: one per instance, per set of single planes, and per complete set of beams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dicomlogic_core import (
    Finding,
    FrameRef,
    GeometryError,
    Loadable,
    SeriesRef,
    SeriesView,
    StudyView,
    clean_name,
    finding_from_error,
)
from dicomlogic_rt.dose import dose_findings
from dicomlogic_rt.dose_beams import BeamSet, beam_sets
from dicomlogic_rt.dose_grid import dose_grid
from dicomlogic_rt.dose_headers import DoseHeader, dose_headers
from dicomlogic_rt.links import links_to

NAME = "rt-dose"
_SURE, _ONE_OF_SEVERAL, _REFUSED = 1.0, 0.9, 0.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dose:
    """The instances of one dose: one, or several that hold single planes of it.

    Attributes:
        series: they are in.
        headers: of the instances.
        frames: in order of k; in stored order when the grid is refused.
        findings: of the grid and the values.
        refused: no volume can be made of it.
    """

    series: SeriesView
    headers: tuple[DoseHeader, ...]
    frames: tuple[FrameRef, ...]
    findings: tuple[Finding, ...]
    refused: bool = False

    @property
    def first(self) -> DoseHeader:
        """The header that speaks for all."""
        return self.headers[0]


def offers(study: StudyView) -> Iterator[Loadable]:
    """The loadables of a study; doses of whole plans come before those of their beams."""
    doses = [dose for series in study for dose in _doses_of(series, study)]
    doses.sort(key=lambda dose: dose.first.summation != "PLAN")
    sets = beam_sets(study, [(dose.first, dose.refused) for dose in doses])
    whole = {
        uid for dose in doses if dose.first.summation == "PLAN" and not dose.refused for uid in dose.first.plan_uids
    }
    summed = {number for one in sets if one.complete and one.plan_uid not in whole for number in one.members}
    remarks = {number: one.findings for one in sets for number in one.members}
    for one in sets:
        if one.complete and one.plan_uid not in whole:
            yield _sum_loadable(study, one, [doses[number] for number in one.members])
    for number, dose in enumerate(doses):
        better = number in summed or (dose.first.summation == "BEAM" and not whole.isdisjoint(dose.first.plan_uids))
        yield _loadable(study, dose, remarks.get(number, ()), one_of_several=better)


def _doses_of(series: SeriesView, study: StudyView) -> Iterator[Dose]:
    headers = dose_headers(series)
    for group in _plane_groups(headers):
        dose = _dose(series, group, study)
        if len(group) > 1 and dose.refused:
            yield from (_dose(series, [header], study) for header in group)
        else:
            yield dose


def _plane_groups(headers: Sequence[DoseHeader]) -> list[list[DoseHeader]]:
    """Single planes of one plan that may make one grid; every other instance alone."""
    groups: dict[object, list[DoseHeader]] = {}
    for header in headers:
        plane = (header.size, header.pixel_spacing.tobytes(), np.round(header.orientation.clip(-2, 2), 6).tobytes())
        alone = header.frames > 1 or len(header.offsets) > 1
        key = header.sop_uid if alone else (header.nature, plane, header.plans, header.signed)
        groups.setdefault(key, []).append(header)
    return list(groups.values())


def _dose(series: SeriesView, headers: Sequence[DoseHeader], study: StudyView) -> Dose:
    stored = [
        FrameRef(study_uid=series.study_uid, series_uid=series.series_uid, sop_uid=header.sop_uid, frame=number + 1)
        for header in headers
        for number in range(header.frames)
    ]
    findings = dose_findings(headers, study.options)
    try:
        grid = dose_grid(headers)
    except GeometryError as error:
        findings.append(finding_from_error(error))
        return Dose(series=series, headers=tuple(headers), frames=tuple(stored), findings=tuple(findings), refused=True)
    findings.extend(grid.findings)
    frames = tuple(stored[number] for number in grid.order)
    return Dose(series=series, headers=tuple(headers), frames=frames, findings=tuple(findings))


def _loadable(study: StudyView, dose: Dose, remarks: Sequence[Finding], *, one_of_several: bool) -> Loadable:
    named = {"plan": dose.first.plan_uids, "structure set": dose.first.structure_sets}
    links = links_to(study, named, where=dose.first.sop_uid)
    planes = len(dose.frames)
    how = f"{len(dose.headers)} instances of single planes" if len(dose.headers) > 1 else f"{planes} planes"
    confidence = _REFUSED if dose.refused else _ONE_OF_SEVERAL if one_of_several else _SURE
    return Loadable(
        adaptor=NAME,
        kind="volume",
        name=_name(study, dose),
        study_uid=study.study_uid,
        series_uids=(dose.series.series_uid,),
        frames=dose.frames,
        references=links.series,
        confidence=confidence,
        findings=(*dose.findings, *links.findings, *remarks),
        explanation=f"{dose.first.summation or 'unnamed'} dose of {how}",
    )


def _sum_loadable(study: StudyView, one: BeamSet, doses: Sequence[Dose]) -> Loadable:
    references: dict[str, SeriesRef] = {}
    for dose in doses:
        named = {"plan": dose.first.plan_uids, "structure set": dose.first.structure_sets}
        references |= {ref.series_uid: ref for ref in links_to(study, named, where=dose.first.sop_uid).series}
    label = _plan_label(study, one.plan_uid)
    series = doses[0].series
    words = ["RTDOSE", series.first("SeriesDescription"), label, f"sum of {len(one.beams)} beams"]
    return Loadable(
        adaptor=NAME,
        kind="volume",
        name=_numbered(series, doses[0].first.row, words),
        study_uid=study.study_uid,
        series_uids=tuple(dict.fromkeys(dose.series.series_uid for dose in doses)),
        frames=tuple(frame for dose in doses for frame in dose.frames),
        references=tuple(references.values()),
        confidence=_SURE,
        findings=tuple(dict.fromkeys(found for dose in doses for found in dose.findings)),
        explanation=f"the doses of all {len(one.beams)} beams of fraction group {one.fraction_group}, added up",
        options={"sum": "beams"},
    )


def _name(study: StudyView, dose: Dose) -> str:
    """As 3D Slicer: ``7: RTDOSE: <SeriesDescription> [<InstanceNumber>]: <RTPlanLabel>``; empty parts left out."""
    series, row = dose.series, dose.first.row
    number = "" if len(dose.headers) > 1 else (series.text("InstanceNumber")[row] or "")
    description = series.text("SeriesDescription")[row] or ""
    head = "RTDOSE" + (f": {description}" if description else "") + (f" [{number}]" if number else "")
    label = next((_plan_label(study, uid) for uid in dose.first.plan_uids), "")
    return _numbered(series, row, [head, label])


def _numbered(series: SeriesView, row: int, words: Sequence[str]) -> str:
    return clean_name(": ".join(word for word in (series.text("SeriesNumber")[row] or "", *words) if word))


def _plan_label(study: StudyView, plan_uid: str) -> str:
    found = study.instance(plan_uid)
    return (found[0].text("RTPlanLabel")[found[1]] or "").strip() if found is not None else ""
