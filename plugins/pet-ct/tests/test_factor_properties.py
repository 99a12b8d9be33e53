"""What must hold for every uptake factor, whatever the numbers are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomlogic_core import date_time_seconds
from dicomlogic_pet_ct.factors import SuvFactors, suv_factors
from dicomlogic_pet_ct.inputs import FrameInputs, PetInputs, number, word

_DAY = 86400.0
_MIDNIGHT = date_time_seconds("20200102")
_L = np.log(2) / 6588


def made(
    *,
    scan_s: float = 39600.0,
    uptake_s: float = 3600.0,
    correction: str = "START",
    durations: tuple[float, ...] = (120.0, 300.0),
    dated: bool = True,
    **given: Any,
) -> SuvFactors:
    """The factors of a scan so many seconds after midnight of 2 January, frame after frame."""
    starts = scan_s + np.concatenate([[0.0], np.cumsum(durations)[:-1]])
    count = len(durations)
    injected = scan_s - uptake_s
    moment = number("injection time", "RadiopharmaceuticalStartDateTime", _MIDNIGHT + injected if dated else np.nan)
    clock = number("injection time", "RadiopharmaceuticalStartTime", injected % _DAY)
    inputs = PetInputs(
        units=word("units", "Units", "BQML"),
        decay_correction=word("decay correction", "DecayCorrection", correction),
        frames=FrameInputs(
            slope=np.ones(count),
            acquisition_s=_MIDNIGHT + starts,
            duration_s=np.array(durations),
            series_s=np.full(count, _MIDNIGHT + scan_s),
        ),
        corrected=frozenset(["ATTN"] if correction == "NONE" else ["ATTN", "DECY"]),
        sex=word("sex", "PatientSex", "F"),
        weight=number("weight", "PatientWeight", given.get("weight", 70.0), "kg"),
        height=number("height", "PatientSize", 1.75, "m"),
        dose=number("dose", "RadionuclideTotalDose", given.get("dose", 3.7e8), "Bq"),
        half_life=number("half-life", "RadionuclideHalfLife", 6588.0, "s"),
        injected_at=(moment,),
        injected_clock=(clock,),
    )
    found = suv_factors(inputs, given.get("kind", "bw"))
    assert isinstance(found, SuvFactors), found
    return found


@given(st.floats(0, 3 * _DAY), st.floats(600, 18000), st.booleans())
def test_the_time_of_day_does_not_count(shift_s: float, uptake_s: float, dated: bool) -> None:
    """Also across midnight, and with a time of injection that has no date."""
    plain = made(uptake_s=uptake_s).scale
    np.testing.assert_allclose(made(scan_s=shift_s, uptake_s=uptake_s, dated=dated).scale, plain, rtol=1e-9)


@given(st.integers(0, 86399), st.integers(600, 18000))
def test_midnight_is_told_exactly_when_it_counts(scan_s: int, uptake_s: int) -> None:
    told = "suv.midnight" in {one.code for one in made(scan_s=scan_s, uptake_s=uptake_s, dated=False).findings}
    assert told == (uptake_s > scan_s)


@given(st.lists(st.floats(1, 3600), min_size=1, max_size=6).map(tuple), st.floats(0, 7200))
def test_correcting_here_or_on_the_scanner_is_the_same(durations: tuple[float, ...], uptake_s: float) -> None:
    """Of one decaying activity: uncorrected means over frames, and values corrected to the start."""
    uptake_s = max(uptake_s, 60.0)
    starts = np.concatenate([[0.0], np.cumsum(durations)[:-1]])
    lasting = np.array(durations)
    uncorrected = np.exp(-_L * starts) * -np.expm1(-_L * lasting) / (_L * lasting)
    here = made(correction="NONE", durations=durations, uptake_s=uptake_s).scale * uncorrected
    there = made(durations=durations, uptake_s=uptake_s).scale
    np.testing.assert_allclose(here, there, rtol=1e-9)


@given(st.floats(60, 18000))
def test_correcting_to_the_injection_leaves_out_the_uptake(uptake_s: float) -> None:
    there, start = made(correction="ADMIN", uptake_s=uptake_s).scale, made(uptake_s=uptake_s).scale
    np.testing.assert_allclose(start / there, np.exp(_L * uptake_s), rtol=1e-9)


@given(st.floats(0.5, 2))
def test_twice_the_dose_is_half_the_uptake(times: float) -> None:
    np.testing.assert_allclose(made(dose=3.7e8 * times).scale * times, made().scale, rtol=1e-12)


@pytest.mark.parametrize(("kind", "power"), [("bw", 1.0), ("bsa", 0.425), ("ibw", 0.0)])
@given(times=st.floats(0.5, 2))
def test_how_the_weight_counts(kind: str, power: float, times: float) -> None:
    found = made(weight=70 * times, kind=kind).scale / made(kind=kind).scale
    np.testing.assert_allclose(found, times**power, rtol=1e-12)
