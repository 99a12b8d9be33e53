"""Series that imitate every rule of units, decay and vendors, from files to voxels: the factor of the closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

import dicomlogic_core as dl
from dicomlogic_core.testing import phantom_pet as pet
from dicomlogic_core.testing.phantom_pet_enhanced import enhanced_pet, legacy_pet

LAMBDA = math.log(2) / pet.HALF_LIFE_S
VOXEL_ML = pet.SPACING_MM[0] * pet.SPACING_MM[1] * pet.STEP_MM / 1000


def bw(
    uptake_s: float,
    *,
    dose: float = pet.DOSE_BQ,
    weight_kg: float = pet.WEIGHT_KG,
    half_life_s: float = pet.HALF_LIFE_S,
) -> float:
    """SUVbw of 1 Bq/ml that holds `uptake_s` after the injection."""
    return 1000 * weight_kg / (dose * 2 ** (-uptake_s / half_life_s))


HOUR = bw(3600.0)
T = pet.DURATION_S
# The activity at the start of a frame for a mean of 1 over it, and what a value that is not corrected stands for.
MEAN_TO_START = LAMBDA * T / (1 - math.exp(-LAMBDA * T))


@dataclass(frozen=True)
class Case:
    """A series, SUVbw per rescaled value by the closed form, and the findings that must be told."""

    name: str
    make: Callable[[], list[Dataset]]
    factor: float
    codes: frozenset[str] = frozenset()


def case(name: str, factor: float, *codes: str, **values: Any) -> Case:
    return Case(name, lambda: pet.pet_series(**values), factor, frozenset(codes))


ISOTOPE_TIME = {"RadiopharmaceuticalStartDateTime": None}
CASES = [
    case("plain", HOUR),
    case("KBQML", 1000 * HOUR, Units="KBQML"),
    # --- units
    case("GML is SUVbw", 1.0, Units="GML", SUVType="BW"),
    case("GML without a type", 1.0, Units="GML"),
    case("Philips to Bq/ml", 1.7 * HOUR, Units="CNTS", private=pet.philips_factors(activity=1.7)),
    case("Philips to SUV", 5e-4, Units="CNTS", private=pet.philips_factors(suv=5e-4)),
    case(
        "Philips to SUV, other factor 0",
        5e-4,
        "suv.philips-factor",
        Units="CNTS",
        private=pet.philips_factors(suv=5e-4, activity=0),
    ),
    case("Philips to SUV, no creator", 5e-4, Units="CNTS", private=pet.philips_factors(suv=5e-4, creator=False)),
    case("counts by duration and DCF", 2.5 * HOUR / T, Units="CNTS", DoseCalibrationFactor="2.5"),
    case("counts per second and DCF", 2.5 * HOUR, Units="CPS", DoseCalibrationFactor="2.5"),
    case("counts per second, calibrated", HOUR / VOXEL_ML, Units="CPS", CorrectedImage=["ATTN", "DECY", "DCAL"]),
    # --- decay
    case("to administration", bw(0.0), DecayCorrection="ADMIN"),
    case(
        "none",
        HOUR * MEAN_TO_START,
        DecayCorrection="NONE",
        CorrectedImage=["ATTN"],
    ),
    case("series after acquisition", HOUR, "suv.reference-time", SeriesTime="113000"),
    case("scan by GE", bw(2700.0), private=pet.ge_times(scan="20200102104500.00")),
    case("scan by GE, no creator", bw(2700.0), private=pet.ge_times(scan="20200102104500.00", creator=False)),
    case(
        "FrameReferenceTime 0",
        HOUR,
        SeriesTime="113000",
        each=lambda place: {"FrameReferenceTime": "0"},
    ),
    # --- injection
    case("time only", HOUR, isotope=ISOTOPE_TIME),
    case("date-time only", HOUR, isotope={"RadiopharmaceuticalStartTime": None}),
    case(
        "injection by GE",
        bw(4500.0),
        isotope={**ISOTOPE_TIME, "RadiopharmaceuticalStartTime": None},
        private=pet.ge_times(injection="20200102094500.00"),
    ),
    case(
        "over midnight",
        bw(5400.0),
        "suv.midnight",
        isotope={**ISOTOPE_TIME, "RadiopharmaceuticalStartTime": "225000"},
        SeriesTime="002000",
        AcquisitionTime="002000",
    ),
    case(
        "over midnight, with dates",
        bw(5400.0),
        isotope={"RadiopharmaceuticalStartDateTime": "20200101225000", "RadiopharmaceuticalStartTime": "225000"},
        SeriesTime="002000",
        AcquisitionTime="002000",
    ),
    case(
        "date shifted by a year",
        HOUR,
        "suv.date-repaired",
        isotope={"RadiopharmaceuticalStartDateTime": "20190102100000"},
    ),
    case(
        "gallium",
        bw(3600.0, half_life_s=4057.0),
        isotope={"RadionuclideHalfLife": "4057", "Radiopharmaceutical": "DOTATOC"},
        each=lambda place: {"FrameReferenceTime": f"{1000 * pet.average_time(half_life_s=4057.0):.6f}"},
    ),
    # --- repairs
    case("grams", HOUR, "suv.weight-in-grams", PatientWeight="70000"),
    case("MBq", HOUR, "suv.dose-in-mbq", isotope={"RadionuclideTotalDose": "370"}),
    case("DECAY for DECY", HOUR, CorrectedImage=["ATTN", "DECAY"]),
    # --- objects
    Case("enhanced", lambda: [enhanced_pet()], HOUR),
    Case(
        "enhanced, not corrected for decay",
        lambda: [enhanced_pet(DecayCorrected="NO", DecayCorrectionDateTime=None)],
        HOUR * MEAN_TO_START,
    ),
    Case("legacy converted", lambda: [legacy_pet()], HOUR),
    Case(
        "legacy converted, later injection",
        lambda: [
            legacy_pet(
                isotope={"RadiopharmaceuticalStartDateTime": "20200102103000", "RadiopharmaceuticalStartTime": "103000"}
            )
        ],
        bw(1800.0),
    ),
]


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
def test_the_factor_is_that_of_the_closed_form(session_of, one):
    session = session_of(one.make())
    found = {
        loadable.options.get("suv"): loadable for loadable in session.examine(all=True) if loadable.adaptor == "pet-ct"
    }
    assert found["bw"].selected
    volume = session.load(found["bw"])
    values = np.asarray(volume)
    np.testing.assert_allclose(values[:, 0, 0], [pet.activity(k) * one.factor for k in range(5)], rtol=2e-7)
    np.testing.assert_allclose(values[:, pet.MARK[0], pet.MARK[1]], 2 * values[:, 0, 0], rtol=2e-7)
    assert volume.unit == "g/ml"
    assert one.codes <= {finding.code for finding in volume.findings}


def test_two_beds_have_a_factor_each(session_of):
    """Each bed is corrected to its own start, 200 s apart: the later one holds less of the dose."""
    session = session_of(pet.two_beds())
    (loadable,) = session.examine()
    volume = session.load(loadable)
    factors = [bw(3600.0)] * 3 + [bw(3800.0)] * 3
    wanted = [pet.activity(k) * factor for k, factor in enumerate(factors)]
    np.testing.assert_allclose(np.asarray(volume)[:, 0, 0], wanted, rtol=2e-7)
    listed = volume.metadata["report"]["factor"]
    np.testing.assert_allclose(listed, factors, rtol=1e-6)


def test_two_beds_corrected_to_the_start_of_the_series_share_one(session_of):
    session = session_of(pet.two_beds(own_reference=False))
    (loadable,) = session.examine()
    values = np.asarray(session.load(loadable))[:, 0, 0]
    np.testing.assert_allclose(values, [pet.activity(k) * HOUR for k in range(6)], rtol=2e-7)


@pytest.mark.parametrize("make", [pet.dynamic, pet.gated])
def test_series_in_time_and_by_gate_are_sequences_with_the_same_factor(session_of, make):
    session = session_of(make())
    (loadable,) = (one for one in session.examine(all=True) if one.options.get("suv") == "bw")
    sequence = session.load(loadable)
    assert isinstance(sequence, dl.VolumeSequence)
    values = np.asarray(sequence)[:, :, 0, 0].ravel()
    np.testing.assert_allclose(values, [pet.activity(n) * HOUR for n in range(12)], rtol=2e-7)
