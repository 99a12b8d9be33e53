"""What a plan leaves out, and where it contradicts itself: told, never mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from dicomlogic_core import Finding, finding
from dicomlogic_rt.beams import Beam
from dicomlogic_rt.brachy import Brachy
from dicomlogic_rt.elements import integer_of, items_of, text_of
from dicomlogic_rt.plan import FractionGroup

if TYPE_CHECKING:
    from pydicom import Dataset


def missing(
    dataset: Dataset, beams: Sequence[Beam], groups: Sequence[FractionGroup], brachy: Brachy | None
) -> Iterator[Finding]:
    """What a reader of the plan would look for and does not find: a note for each attribute."""
    uid = text_of(dataset, "SOPInstanceUID")

    def note(message: str, beam_numbers: Sequence[object] = ()) -> Finding:
        return finding("rt.plan-missing", message, where=_where(uid, beam_numbers))

    if not groups:
        yield note("the plan has no fraction scheme")
    if not beams and brachy is None:
        yield note("the plan has no beams")
    if beams and not items_of(dataset, "PatientSetupSequence"):
        yield note("the plan has no patient setups: patient positions are unknown")
    elif lost := [beam.number for beam in beams if not beam.patient_position]:
        yield note(f"patient position: absent in {len(lost)} of {len(beams)} beams", lost)
    for what, absent in _absent(beams).items():
        if absent:
            yield note(f"{what}: absent or unreadable in {len(absent)} of {len(beams)} beams", absent)
    stored = [*items_of(dataset, "BeamSequence"), *items_of(dataset, "IonBeamSequence")]
    for item, beam in zip(stored, beams):
        told = integer_of(item, "NumberOfControlPoints")
        if told is not None and told != len(beam.control_points):
            yield note(f"{len(beam.control_points)} of {told} control points are there", [beam.number])


def _absent(beams: Sequence[Beam]) -> dict[str, list[object]]:
    """What is looked for -> numbers of the beams that do not have it, at one of their control points at least."""
    absent: dict[str, list[object]] = {}
    for beam in beams:
        points = beam.control_points
        distance = beam.sad_mm if beam.ion is None else beam.ion.virtual_sad_mm
        lacks = {
            "control points": not points,
            "isocentre": any(point.isocentre_lps_mm is None for point in points),
            "gantry angle": any(point.gantry_angle is None for point in points),
            "energy": any(point.energy is None for point in points),
            "source-axis distance": distance is None,
            "jaws and leaves": beam.ion is None and not beam.devices,
            "positions of jaws or leaves": any(
                point.opening(device.type) is None for device in beam.devices for point in points
            ),
        }
        for what, lacking in lacks.items():
            if lacking:
                absent.setdefault(what, []).append(beam.number)
    return absent


def contradictions(beams: Sequence[Beam], groups: Sequence[FractionGroup], uid: str) -> Iterator[Finding]:
    """Where the plan says two things: a warning for each kind."""

    def warn(message: str, beam_numbers: Sequence[object] = ()) -> Finding:
        return finding("rt.plan-contradiction", message, where=_where(uid, beam_numbers))

    numbers = [beam.number for beam in beams]
    if doubled := _doubled(numbers):
        message = f"beam numbers {_listed(doubled)} are given twice: a number means the first beam of it"
        yield warn(message, doubled)
    known = {*numbers}
    strange = {part.beam_number for group in groups for part in group.beams if part.beam_number not in known}
    if strange:
        yield warn(f"fraction groups name beams that are not in the plan: {_listed(strange)}", [*strange])
    for what, wrong in _contradicting(beams).items():
        yield warn(f"{what} in {len(wrong)} of {len(beams)} beams", wrong)


def _contradicting(beams: Sequence[Beam]) -> dict[str, list[object]]:
    """What contradicts itself -> numbers of the beams where it does."""
    found: dict[str, list[object]] = {}
    for beam in beams:
        points = beam.control_points
        weights = [point.meterset_weight for point in points if point.meterset_weight is not None]
        spots = [point.ion.spots for point in points if point.ion is not None and point.ion.spots is not None]
        wrong = {
            "control points have one index": bool(_doubled(point.index for point in points if point.index is not None)),
            "cumulative meterset weights decrease": any(after < before for before, after in pairwise(weights)),
            "leaves and their boundaries differ in number": any(
                opening is not None and len(device.boundaries_mm) not in (0, len(opening.first) + 1)
                for device in beam.devices
                for opening in {point.opening(device.type) for point in points}
            ),
            "spots and their weights differ in number": any(len(one.positions_mm) != len(one.weights) for one in spots),
        }
        for what, holds in wrong.items():
            if holds:
                found.setdefault(what, []).append(beam.number)
    return found


def _doubled(values: Iterable[Hashable]) -> list[Hashable]:
    return [value for value, count in Counter(values).items() if count > 1]


def _listed(values: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, values)))


def _where(uid: str, beam_numbers: Sequence[object]) -> tuple[str, ...]:
    return (uid, *(f"beam {number}" for number in beam_numbers))
