"""The moment of injection: which attribute is believed, and what is done about midnight and shifted dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, isfinite

from dicomlogic_core import Finding, finding
from dicomlogic_pet_ct.inputs import Number, PetInputs
from dicomlogic_pet_ct.moments import clock_text

_DAY = 86400.0
_EARLY_S = 3600.0  # an injection this long after the reference is a wrong date, less is a wrong time
_LATE = 2.0  # half-lives after which a date is doubted
_REPAIRED_LATE = 5.0  # half-lives that a time of day on the day before may give
_SHORT_LIVED_S = 41400.0  # nuclides of longer half-lives are scanned days after the injection
_MOST_HALF_LIVES = 10.0
_SAME_S = 60.0
_FDG_MINUTES = (30.0, 120.0)
_LONG = 4.0  # half-lives after which little activity is left
_SOON_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """When the tracer was given.

    Attributes:
        input: the attribute that was believed; its value is seconds since 2000, NaN when there is none.
        findings: what was repaired or is doubtful; an error when there is no moment to compute with.
    """

    input: Number
    findings: tuple[Finding, ...] = ()


def injection(inputs: PetInputs, reference_s: float, half_life_s: float) -> Injection:
    """The moment of injection for a scan whose first frame holds at `reference_s`."""
    short = half_life_s < _SHORT_LIVED_S
    believed = [one for one in (*inputs.injected_at, *inputs.injected_clock) if isfinite(one.value)]
    # What the caller gave comes first, date or not.
    believed.sort(key=lambda one: one.source != "option")
    if not believed:
        return Injection(input=_nothing(inputs), findings=(_no_time(inputs),))
    chosen = believed[0]
    found: list[Finding] = []
    if chosen in inputs.injected_at:
        uptake = reference_s - chosen.value
        doubted = uptake < -_EARLY_S or uptake > _LATE * half_life_s
        if doubted and short and chosen.source != "option":
            chosen = _on_reference_date(chosen, chosen.value % _DAY, reference_s, half_life_s, found)
            if abs(chosen.value - believed[0].value) > 1:
                days = abs(believed[0].value - chosen.value) / _DAY
                message = f"{chosen.tag} is {days:.3g} days off; its time of day is used on the date of the scan"
                found.append(finding("suv.date-repaired", message))
    else:
        if not short and chosen.source != "option":
            found.append(_which_day(chosen, half_life_s))
        chosen = _on_reference_date(chosen, chosen.value, reference_s, half_life_s, found)
    found.extend(_contradictions(chosen, believed[1:]))
    return Injection(input=chosen, findings=tuple(found))


def checked_uptake(
    inputs: PetInputs, injected_s: float, first_s: float, last_s: float, half_life_s: float
) -> list[Finding]:
    """What is wrong with the time from the injection to the moments of the first and the last frame."""
    if injected_s > first_s and not (inputs.dynamic and injected_s <= last_s + _SAME_S):
        late = (injected_s - first_s) / 60
        message = f"the injection at {clock_text(injected_s)} lies {late:.4g} min after {clock_text(first_s)}"
        return [finding("suv.injection-after-scan", message, severity="error")]
    most = max(abs(first_s - injected_s), abs(last_s - injected_s))
    if most > _MOST_HALF_LIVES * half_life_s:
        message = f"{most / 60:.4g} min of uptake are {most / half_life_s:.3g} half-lives, more than 10"
        return [finding("suv.uptake-range", message, severity="error")]
    if injected_s > first_s:
        message = f"the injection at {clock_text(injected_s)} lies inside the dynamic scan"
        return [finding("suv.injection-after-scan", message, severity="warning")]
    minutes = (first_s - injected_s) / 60
    low, high = _FDG_MINUTES
    if inputs.tracer == "FDG" and not inputs.dynamic and not low <= minutes <= high:
        message = f"{minutes:.4g} min of uptake of FDG, usual is {low:g} to {high:g} min"
        return [finding("suv.uptake-range", message)]
    if most > _LONG * half_life_s or (first_s - injected_s < _SOON_S and not inputs.dynamic):
        message = f"{minutes:.4g} min of uptake, {most / half_life_s:.3g} half-lives until the last frame"
        return [finding("suv.uptake-range", message)]
    return []


def _on_reference_date(
    given: Number, clock_s: float, reference_s: float, half_life_s: float, found: list[Finding]
) -> Number:
    """A time of day on the date of the reference, or the day before when it would be later than that."""
    seconds = floor(reference_s / _DAY) * _DAY + clock_s
    before = seconds - _DAY
    limit = _REPAIRED_LATE * half_life_s if half_life_s < _SHORT_LIVED_S else _MOST_HALF_LIVES * half_life_s
    if seconds > reference_s and reference_s - before <= limit:
        message = f"{given.tag} {clock_text(seconds)} is later than {clock_text(reference_s)}: it is of the day before"
        found.append(finding("suv.midnight", message))
        seconds = before
    if given.source == "option" or seconds == given.value:
        return Number(name=given.name, tag=given.tag, raw=given.raw, value=seconds, source=given.source)
    # A time without a date is completed, not repaired, unless another day was chosen for it.
    completed = given.value < _DAY and seconds != before
    return Number(
        name=given.name,
        tag=given.tag,
        raw=given.raw,
        value=seconds,
        source=given.source if completed else "repaired",
    )


def _which_day(given: Number, half_life_s: float) -> Finding:
    """A warning on a time without a date where the tracer may have been given days before."""
    message = (
        f"{given.tag} has no date, and a nuclide of {half_life_s / 3600:.3g} h may be injected days before the scan"
    )
    return finding("suv.uptake-range", message, remedy="verify; or give it with its date: injection-time=...")


def _contradictions(chosen: Number, others: Sequence[Number]) -> list[Finding]:
    """Attributes that name another time of day than the one believed."""
    found = []
    for other in others:
        off = abs((other.value - chosen.value + _DAY / 2) % _DAY - _DAY / 2)
        if off > _SAME_S and chosen.source != "option":
            message = f"{other.tag} is {off / 60:.4g} min off {chosen.tag}, which is used"
            found.append(finding("suv.inputs-vary", message, remedy="verify; or give it: injection-time=..."))
    return found


def _nothing(inputs: PetInputs) -> Number:
    known = [*inputs.injected_at, *inputs.injected_clock]
    return known[0] if known else Number(name="injection time", tag="RadiopharmaceuticalStartDateTime")


def _no_time(inputs: PetInputs) -> Finding:
    said = [f"{one.tag} says {one.raw!r}" for one in (*inputs.injected_at, *inputs.injected_clock) if one.raw.strip()]
    absent = "RadiopharmaceuticalStartDateTime is absent, as are RadiopharmaceuticalStartTime and private elements"
    return finding("suv.no-injection-time", "; ".join(said) or absent, severity="error")
