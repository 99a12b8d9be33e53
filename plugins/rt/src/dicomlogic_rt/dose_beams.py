"""Which doses of single beams make up the dose of a fraction group: all of its beams, each once, of one nature."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dicomlogic_core import Finding, StudyView, finding
from dicomlogic_rt.dose_headers import DoseHeader
from dicomlogic_rt.links import Item, integer_of, items_in, values_of


@dataclass(frozen=True, slots=True, kw_only=True)
class BeamSet:
    """Doses of beams of one fraction group.

    Attributes:
        plan_uid: SOPInstanceUID of the plan.
        fraction_group: FractionGroupNumber.
        beams: BeamNumbers that the plan irradiates in it.
        members: indices of the doses, in order of their beams.
        findings: why they are not summed; none when they are all there.
    """

    plan_uid: str
    fraction_group: int
    beams: tuple[int, ...]
    members: tuple[int, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def complete(self) -> bool:
        """True when every beam is there once and the doses may be added up."""
        return not self.findings and len(self.members) > 1


def beam_sets(study: StudyView, doses: Sequence[tuple[DoseHeader, bool]]) -> list[BeamSet]:
    """The sets of BEAM doses whose plan is in the study. A dose marked True is refused and cannot be added."""
    members: dict[tuple[str, int], list[int]] = {}
    for number, (header, _) in enumerate(doses):
        if header.summation == "BEAM" and len(header.plans) == 1 and header.plans[0].beams:
            part = header.plans[0]
            groups = part.fraction_groups or (_only_group(study, part.plan_uid),)
            if len(groups) == 1:
                members.setdefault((part.plan_uid, groups[0]), []).append(number)
    sets = []
    for (plan_uid, group), numbers in members.items():
        beams = irradiated_beams(study, plan_uid, group)
        if beams:
            # The grid of the sum is that of the first, which must not depend on the order of the index.
            numbers.sort(key=lambda number: (doses[number][0].plans[0].beams, doses[number][0].sop_uid))
            headers = [doses[number][0] for number in numbers]
            findings = tuple(_obstacles(headers, beams, any(doses[number][1] for number in numbers)))
            sets.append(
                BeamSet(plan_uid=plan_uid, fraction_group=group, beams=beams, members=tuple(numbers), findings=findings)
            )
    return sets


def irradiated_beams(study: StudyView, plan_uid: str, group: int) -> tuple[int, ...]:
    """BeamNumbers of a fraction group that deliver dose; set-up beams have neither BeamMeterset nor BeamDose."""
    for item in _fraction_groups(study, plan_uid):
        if integer_of(item, "FractionGroupNumber") == group:
            beams = items_in(item, "ReferencedBeamSequence")
            dosed = [beam for beam in beams if values_of(beam, "BeamMeterset") or values_of(beam, "BeamDose")]
            numbers = [integer_of(beam, "ReferencedBeamNumber") for beam in dosed or beams]
            return tuple(dict.fromkeys(number for number in numbers if number is not None))
    return ()


def _only_group(study: StudyView, plan_uid: str) -> int:
    """The number of the plan's only fraction group; -1 when there are several or none."""
    numbers = [integer_of(item, "FractionGroupNumber") for item in _fraction_groups(study, plan_uid)]
    return numbers[0] if len(numbers) == 1 and numbers[0] is not None else -1


def _fraction_groups(study: StudyView, plan_uid: str) -> Sequence[Item]:
    found = study.instance(plan_uid)
    if found is None:
        return ()
    series, row = found
    return series.items("FractionGroupSequence")[row] or ()


def _obstacles(headers: Sequence[DoseHeader], beams: Sequence[int], refused: bool) -> Iterator[Finding]:
    where = tuple(header.sop_uid for header in headers)
    there = [beam for header in headers for beam in header.plans[0].beams]
    absent = [beam for beam in beams if beam not in there]
    doubled = sorted({beam for beam in there if there.count(beam) > 1})
    reasons = []
    if absent:
        reasons.append(f"doses of {len(absent)} of {len(beams)} beams are absent ({', '.join(map(str, absent))})")
    if doubled:
        reasons.append(f"beams {', '.join(map(str, doubled))} have several doses")
    if len({header.nature for header in headers}) > 1:
        reasons.append("they differ in units, type or frame of reference")
    if refused:
        reasons.append("one of them cannot be loaded")
    if reasons:
        yield finding("rt.dose-sum", f"beam doses are not added up: {'; '.join(reasons)}", where=where)
