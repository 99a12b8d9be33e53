"""Every rule of units and decay on phantoms of known activity, from files through the index to the voxels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

import dicomlogic_core as dl
from dicomlogic_core.testing import phantom_pet as pet
from dicomlogic_core.testing.phantom_pet_enhanced import enhanced_pet, legacy_pet, mapping_item

Sessions = Callable[..., dl.Session]
ACTIVITY = np.array([pet.activity(place) for place in range(5)])
PER_BQ = 1000 * pet.WEIGHT_KG / pet.DOSE_BQ
FACTOR = PER_BQ * 2 ** (pet.UPTAKE_S / pet.HALF_LIFE_S)
CORRECTED = ["NORM", "ATTN", "SCAT", "DECY"]
NO_DATE = {"RadiopharmaceuticalStartDateTime": None}


def offered(session: dl.Session, **options: str) -> dict[str, dl.Loadable]:
    """Loadables of the plugin by kind of value."""
    found = session.examine(all=True, options=options)
    return {one.options["suv"]: one for one in found if one.adaptor == "pet-ct"}


def codes_of(found: dl.Loadable | dl.Volume) -> dict[str, str]:
    return {one.code: one.severity for one in found.findings if one.code.startswith("suv.")}


def loaded(session: dl.Session, kind: str = "bw", **options: str) -> dl.Volume:
    volume = session.load(offered(session, **options)[kind], options=options)
    assert isinstance(volume, dl.Volume)
    assert volume.array.dtype == np.float32
    return volume


def first_column(volume: dl.Volume) -> np.ndarray[Any, Any]:
    return np.asarray(volume)[:, 0, 0].astype(np.float64)


def decayed(seconds: float) -> float:
    """The factor for an uptake of so many seconds."""
    return PER_BQ * 2 ** (seconds / pet.HALF_LIFE_S)


@dataclass(frozen=True)
class Case:
    """A phantom, the factor that it must give, and the findings besides the note of the reference time."""

    make: Callable[[], Sequence[Dataset]]
    factor: float
    codes: Mapping[str, str]


def _case(factor: float, codes: Mapping[str, str] | None = None, **given: Any) -> Case:
    return Case(lambda: pet.pet_series(**given), factor, codes or {})


_VOXEL_ML = 4.0 * 5.0 * 3.0 / 1000
_MEAN = pet.average_time()
CASES = {
    "plain": _case(FACTOR),
    "kilobecquerel": _case(1000 * FACTOR, Units="KBQML"),
    "uptake already": _case(1.0, Units="GML", SUVType="BW"),
    "uptake without a type is by weight": _case(1.0, Units="GML"),
    "uptake by lean mass, older coefficient": _case(70 / (77 - 120 * 0.16), Units="GML", SUVType="LBM"),
    "uptake by lean mass": _case(70 / (77 - 128 * 0.16), Units="GML", SUVType="LBMJAMES128"),
    "uptake by ideal weight": _case(70 / 72.38, Units="GML", SUVType="IBW"),
    "uptake by surface": _case(70000 / (71.84 * 70**0.425 * 175**0.725), Units="CM2ML", SUVType="BSA"),
    "counts, factor to activity": _case(2 * FACTOR, Units="CNTS", private=pet.philips_factors(activity=2.0)),
    "counts, factor to uptake": _case(5e-4, Units="CNTS", private=pet.philips_factors(suv=5e-4)),
    "counts, no creator": _case(5e-4, Units="CNTS", private=pet.philips_factors(suv=5e-4, creator=False)),
    "counts, both factors agree": _case(
        2.01 * FACTOR, Units="CNTS", private=pet.philips_factors(suv=2.01 * FACTOR, activity=2.0)
    ),
    "counts, both factors disagree": _case(
        2 * FACTOR,
        {"suv.philips-factor": "warning"},
        Units="CNTS",
        private=pet.philips_factors(suv=2.1 * FACTOR, activity=2.0),
    ),
    "counts, factor to activity is 0": _case(
        5e-4, {"suv.philips-factor": "warning"}, Units="CNTS", private=pet.philips_factors(suv=5e-4, activity=0.0)
    ),
    "counts, no factor but a calibration": _case(FACTOR * 3 / 120, Units="CNTS", DoseCalibrationFactor="3"),
    "counts per second, calibrated": _case(FACTOR / _VOXEL_ML, Units="CPS", CorrectedImage=[*CORRECTED, "DCAL"]),
    "counts per second, a calibration": _case(3 * FACTOR, Units="CPS", DoseCalibrationFactor="3"),
    "corrected to the injection": _case(PER_BQ, DecayCorrection="ADMIN"),
    "not corrected": _case(
        decayed(3600 + _MEAN), {"suv.not-decay-corrected": "note"}, DecayCorrection="NONE", CorrectedImage=["ATTN"]
    ),
    "said to be corrected and not to be": _case(
        decayed(3600 + _MEAN), {"suv.not-decay-corrected": "warning"}, DecayCorrection="NONE", DecayFactor="1.0"
    ),
    "a decay factor that agrees": _case(FACTOR, DecayFactor=f"{2 ** (_MEAN / pet.HALF_LIFE_S):.8f}"),
    "DECAY for DECY": _case(FACTOR, CorrectedImage=["ATTN", "DECAY"]),
    "scan time of GE": _case(FACTOR, SeriesTime="113000", private=pet.ge_times(scan="20200102110000.00")),
    "scan time of GE, no creator": _case(
        FACTOR, SeriesTime="113000", private=pet.ge_times(scan="20200102110000.00", creator=False)
    ),
    "injection of GE": _case(
        FACTOR,
        isotope={**NO_DATE, "RadiopharmaceuticalStartTime": None},
        private=pet.ge_times(injection="20200102100000.00"),
    ),
    "series after the acquisition": _case(FACTOR, SeriesTime="112000"),
    "series after the acquisition, no frame reference time": _case(
        FACTOR, SeriesTime="112000", each=lambda _: {"FrameReferenceTime": "0"}
    ),
    "back from a late acquisition": _case(
        FACTOR,
        SeriesTime="113000",
        AcquisitionTime="111000",
        each=lambda _: {"FrameReferenceTime": f"{1000 * (600 + _MEAN):.4f}"},
    ),
    "no series time": _case(FACTOR, SeriesTime=None),
    "time of injection only": _case(FACTOR, isotope=NO_DATE),
    "date and time only": _case(FACTOR, isotope={"RadiopharmaceuticalStartTime": None}),
    "across midnight": _case(
        decayed(5400),
        {"suv.midnight": "warning"},
        isotope={**NO_DATE, "RadiopharmaceuticalStartTime": "225000"},
        SeriesTime="002000",
        AcquisitionTime="002000",
    ),
    "date of injection shifted by a year": _case(
        FACTOR, {"suv.date-repaired": "warning"}, isotope={"RadiopharmaceuticalStartDateTime": "20190102100000"}
    ),
    "shifted and across midnight": _case(
        decayed(5400),
        {"suv.date-repaired": "warning", "suv.midnight": "warning"},
        isotope={"RadiopharmaceuticalStartDateTime": "20190101225000", "RadiopharmaceuticalStartTime": None},
        SeriesTime="002000",
        AcquisitionTime="002000",
    ),
    "weight in grams": _case(FACTOR, {"suv.weight-in-grams": "warning"}, PatientWeight="70000"),
    "dose in MBq": _case(FACTOR, {"suv.dose-in-mbq": "warning"}, isotope={"RadionuclideTotalDose": "370"}),
    "long uptake": _case(
        decayed(9000),
        {"suv.uptake-range": "warning"},
        isotope={**NO_DATE, "RadiopharmaceuticalStartTime": "083000"},
    ),
    "two times of injection": _case(
        FACTOR, {"suv.inputs-vary": "warning"}, isotope={"RadiopharmaceuticalStartTime": "094500"}
    ),
    "enhanced": Case(lambda: [enhanced_pet()], FACTOR, {}),
    "enhanced, not corrected": Case(
        lambda: [enhanced_pet(DecayCorrected="NO", DecayCorrectionDateTime=None)],
        decayed(3600 + _MEAN),
        {"suv.not-decay-corrected": "note"},
    ),
    "enhanced, dose in Bq": Case(
        lambda: [enhanced_pet(isotope={"RadionuclideTotalDose": "370000000"})], FACTOR, {"suv.dose-range": "warning"}
    ),
    "legacy converted": Case(lambda: [legacy_pet()], FACTOR, {}),
}


@pytest.mark.parametrize("name", CASES)
def test_every_rule_gives_its_factor(name: str, session_of: Sessions) -> None:
    case = CASES[name]
    session = session_of(case.make())
    loadable = offered(session)["bw"]
    assert loadable.selected
    volume = loaded(session)
    np.testing.assert_allclose(first_column(volume), ACTIVITY * case.factor, rtol=1e-6)
    assert volume.unit == "g/ml"
    found = codes_of(volume)
    assert {code: severity for code, severity in found.items() if code != "suv.reference-time"} == case.codes
    assert found.get("suv.reference-time", "note") == "note"
    assert volume.metadata["report"]["findings"] == [one.as_dict() for one in loadable.findings]
    assert {one.where for one in loadable.findings} <= {loadable.series_uids}


def test_all_kinds_of_uptake_are_one_group_and_the_weight_is_selected(session_of: Sessions) -> None:
    session = session_of(pet.pet_series())
    found = offered(session)
    assert [key for key, one in found.items() if one.selected] == ["bw"]
    assert len({one.group for one in found.values()}) == 1
    norms = {
        "bw": 70000.0,
        "lbm": 1000 * (77 - 128 * 0.16),
        "lbm-janma": 648900e3 / (6680 + 216 * 70 / 1.75**2),
        "bsa": 71.84 * 70**0.425 * 175**0.725,
        "ibw": 72380.0,
    }
    assert set(found) == {*norms, "activity"}
    for key, value in norms.items():
        volume = session.load(found[key])
        np.testing.assert_allclose(first_column(volume), ACTIVITY * FACTOR * value / 70000, rtol=1e-6)
        assert volume.unit == ("cm2/ml" if key == "bsa" else "g/ml")
    activity = session.load(found["activity"])
    assert (activity.quantity, activity.unit) == ("activity concentration", "Bq/ml")
    np.testing.assert_allclose(first_column(activity), ACTIVITY, rtol=1e-6)
    assert [offered(session, suv=key)[key].selected for key in found] == [True] * len(found)


def test_whole_activity_is_floating_point_too(session_of: Sessions) -> None:
    session = session_of(pet.pet_series(each=lambda _: {"RescaleSlope": "1"}))
    assert session.load(offered(session)["activity"]).array.dtype == np.float32
    assert session.load(offered(session)["activity"], lazy=True).array.dtype == np.float32


def test_beds_with_reference_times_of_their_own_have_factors_of_their_own(session_of: Sessions) -> None:
    volume = loaded(session_of(pet.two_beds()))
    factors = [decayed(3600)] * 3 + [decayed(3800)] * 3
    np.testing.assert_allclose(volume.metadata["report"]["factor"], factors, rtol=1e-9)
    np.testing.assert_allclose(first_column(volume), [pet.activity(k) * factors[k] for k in range(6)], rtol=1e-6)
    shared = loaded(session_of(pet.two_beds(own_reference=False, name="one reference")))
    assert shared.metadata["report"]["factor"] == pytest.approx(decayed(3600), rel=1e-9)


def test_times_of_the_header_that_contradict_each_other_are_told(session_of: Sessions) -> None:
    """The series begins with the acquisition, while FrameReferenceTime counts from twenty minutes before."""
    volume = loaded(session_of(pet.pet_series(each=lambda _: {"FrameReferenceTime": f"{1000 * (1200 + _MEAN):.4f}"})))
    np.testing.assert_allclose(first_column(volume), ACTIVITY * FACTOR, rtol=1e-6)
    (found,) = [one for one in volume.findings if one.code == "suv.reference-time"]
    assert found.severity == "warning"
    assert "1200 s off, 13.5 % of SUV" in found.message


_REFUSED = {
    "weight": ({"PatientWeight": None}, {}, "suv.no-weight", "weight-kg", {"weight-kg": "70"}),
    "weight 0": ({"PatientWeight": "0"}, {}, "suv.no-weight", "weight-kg", {"weight-kg": "70"}),
    "dose": ({}, {"RadionuclideTotalDose": None}, "suv.no-dose", "dose-mbq", {"dose-mbq": "370"}),
    "half-life": ({}, {"RadionuclideHalfLife": None}, "suv.no-half-life", "half-life-s", {"half-life-s": "6588"}),
    "injection": (
        {},
        {**NO_DATE, "RadiopharmaceuticalStartTime": None},
        "suv.no-injection-time",
        "injection-time",
        {"injection-time": "10:00"},
    ),
    "injection after the scan": (
        {},
        {"RadiopharmaceuticalStartDateTime": "20200102113000"},
        "suv.injection-after-scan",
        "injection-time",
        {"injection-time": "2020-01-02 10:00:00"},
    ),
    "injection three hours after the scan": (
        {},
        {**NO_DATE, "RadiopharmaceuticalStartTime": "140000"},
        "suv.injection-after-scan",
        "injection-time",
        {"injection-time": "10:00:00"},
    ),
    "no attenuation correction": (
        {"CorrectedImage": ["DECY"]},
        {},
        "suv.not-attenuation-corrected",
        "uncorrected",
        {"uncorrected": "accept"},
    ),
    "no decay correction named": (
        {"CorrectedImage": ["ATTN"]},
        {},
        "suv.not-decay-corrected",
        "decay-correction",
        {"decay-correction": "START"},
    ),
    "corrected and not corrected": (
        {"DecayCorrection": "NONE", "DecayFactor": "1.3"},
        {},
        "suv.not-decay-corrected",
        "decay-correction",
        {"decay-correction": "START"},
    ),
    "decay correction": (
        {"DecayCorrection": None},
        {},
        "suv.decay-correction",
        "decay-correction",
        {"decay-correction": "START"},
    ),
    "reference time": (
        {"SeriesTime": None, "AcquisitionTime": None},
        {},
        "suv.no-reference-time",
        "reference-time",
        {"reference-time": "2020-01-02 11:00:00"},
    ),
}


@pytest.mark.parametrize("name", _REFUSED)
def test_what_is_missing_is_named_with_the_option_that_helps(name: str, session_of: Sessions) -> None:
    values, isotope, code, option, remedy = _REFUSED[name]
    session = session_of(pet.pet_series(isotope=isotope, **values))
    found = offered(session)
    assert set(found) == {"activity"}
    assert found["activity"].selected
    assert codes_of(found["activity"])[code] == "warning"
    np.testing.assert_allclose(first_column(session.load(found["activity"])), ACTIVITY, rtol=1e-6)

    demanded = offered(session, suv="bw")["bw"]
    assert demanded.selected
    assert codes_of(demanded)[code] == "error"
    with pytest.raises(dl.QuantityError, match=f"{option}=") as caught:
        session.load(demanded)
    assert caught.value.code == code

    volume = loaded(session, **remedy)
    np.testing.assert_allclose(first_column(volume), ACTIVITY * FACTOR, rtol=1e-6)
    report = volume.metadata["report"]
    assert option in " ".join([one["tag"] for one in report["inputs"] if one["source"] == "option"]) or option in str(
        report["findings"]
    )


@pytest.mark.parametrize(("half_life", "told"), [("282276", True), ("45721", True), ("6588", False)])
def test_a_time_without_a_date_is_told_for_nuclides_that_are_scanned_days_later(
    half_life: str, told: bool, session_of: Sessions
) -> None:
    isotope = {**NO_DATE, "RadionuclideHalfLife": half_life, "Radiopharmaceutical": "antibody"}
    session = session_of(pet.pet_series(isotope=isotope))
    assert ("suv.uptake-range" in codes_of(loaded(session))) == told
    volume = loaded(session, **{"injection-time": "2019-12-31 10:00"} if told else {})
    assert "suv.uptake-range" not in codes_of(volume)


def test_more_than_ten_half_lives_are_refused(session_of: Sessions) -> None:
    found = offered(session_of(pet.pet_series(isotope={"RadionuclideHalfLife": "300"})))
    assert set(found) == {"activity"}
    assert codes_of(found["activity"])["suv.uptake-range"] == "warning"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"Units": "PROPCNTS"}, "suv.units-unsupported"),
        ({"Units": None}, "suv.units-unsupported"),
        ({"Units": "GML", "SUVType": "BSA"}, "suv.units-unsupported"),
        ({"Units": "CM2ML", "SUVType": "BW"}, "suv.units-unsupported"),
        ({"Units": "CPS"}, "suv.units-unsupported"),
        ({"RescaleIntercept": "5"}, "suv.intercept"),
    ],
)
def test_values_that_can_become_nothing_are_loaded_as_stored_and_say_so(
    values: dict[str, Any], code: str, session_of: Sessions
) -> None:
    session = session_of(pet.pet_series(**values))
    found = offered(session)
    assert set(found) == {"stored"}
    assert codes_of(found["stored"])[code] == "warning"
    offset = float(values.get("RescaleIntercept", 0))
    volume = session.load(found["stored"])
    np.testing.assert_allclose(first_column(volume), ACTIVITY + offset, rtol=1e-6)
    with pytest.raises(dl.QuantityError):
        session.load(offered(session, suv="activity")["activity"])


def test_the_height_is_needed_only_where_it_counts(session_of: Sessions) -> None:
    session = session_of(pet.pet_series(PatientSize=None))
    found = offered(session)
    assert set(found) == {"bw", "activity"}
    assert codes_of(found["activity"])["suv.no-height"] == "warning"
    assert set(offered(session, **{"height-cm": "175"})) == {"bw", "lbm", "lbm-janma", "bsa", "ibw", "activity"}


def test_a_height_in_centimetres_is_repaired_and_told(session_of: Sessions) -> None:
    volume = loaded(session_of(pet.pet_series(PatientSize="175")), "bsa")
    (height,) = [one for one in volume.metadata["report"]["inputs"] if one["name"] == "height"]
    assert (height["raw"], height["value"], height["source"]) == ("175", 1.75, "repaired")
    assert codes_of(volume)["suv.height-unit"] == "warning"


def test_another_sex_is_the_mean_of_both_formulas(session_of: Sessions) -> None:
    volume = loaded(session_of(pet.pet_series(PatientSex="O")), "lbm")
    mean = (77 - 128 * 0.16 + 74.9 - 148 * 0.16) / 2
    np.testing.assert_allclose(first_column(volume), ACTIVITY * FACTOR * mean / 70, rtol=1e-6)
    assert codes_of(volume)["suv.sex-unknown"] == "warning"
    (told,) = volume.metadata["report"]["assumptions"]
    assert "men and women" in told


def test_a_body_for_which_a_formula_does_not_hold_is_refused(session_of: Sessions) -> None:
    """James' parabola turns down with the weight and becomes negative."""
    session = session_of(pet.pet_series(PatientWeight="340", PatientSize="1.5"))
    found = offered(session)
    assert "lbm" not in found and "lbm-janma" in found
    assert codes_of(found["activity"])["suv.body-range"] == "warning"


def test_a_nuclide_that_has_another_half_life(session_of: Sessions) -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "C-111A1", "SRT", "^18^Fluorine"
    isotope = {"RadionuclideHalfLife": "6000", "RadionuclideCodeSequence": [code]}
    volume = loaded(session_of(pet.pet_series(isotope=isotope)))
    assert codes_of(volume)["suv.half-life-range"] == "warning"
    assert "suv.half-life-range" not in codes_of(
        loaded(session_of(pet.pet_series(name="right", isotope={"RadionuclideCodeSequence": [code]})))
    )


@pytest.mark.parametrize(
    ("name", "half_life", "found"),
    [
        ("FDG", "6588", False),
        ("FDG", "4062", True),
        ("Ga-68 PSMA-11", "4062", False),
        ("Ga-68 PSMA-11", "6588", True),
        ("18F-PSMA", "4062", True),
        ("89Zr trastuzumab", "282276", False),
        ("a tracer 18", "4062", False),
    ],
)
def test_a_tracers_name_tells_its_nuclide(name: str, half_life: str, found: bool, session_of: Sessions) -> None:
    isotope = {"Radiopharmaceutical": name, "RadionuclideHalfLife": half_life}
    volume = loaded(session_of(pet.pet_series(isotope=isotope)))
    assert ("suv.half-life-range" in codes_of(volume)) == found


def test_a_dose_that_may_be_in_millicurie_is_told_as_both(session_of: Sessions) -> None:
    volume = loaded(session_of(pet.pet_series(isotope={"RadionuclideTotalDose": "10"})))
    (found,) = [one for one in volume.findings if one.code == "suv.dose-in-mbq"]
    assert found.message.endswith("1e+07 Bq; if it is mCi: dose-mbq=370")


def test_patients_and_doses_that_nobody_has_are_told(session_of: Sessions) -> None:
    assert codes_of(loaded(session_of(pet.pet_series(PatientWeight="0.5"))))["suv.body-range"] == "warning"
    dose = {"RadionuclideTotalDose": "3.7e12"}
    assert codes_of(loaded(session_of(pet.pet_series(name="dose", isotope=dose))))["suv.dose-range"] == "warning"


def test_a_weight_that_differs_inside_the_series_is_refused(session_of: Sessions) -> None:
    def each(place: int) -> dict[str, Any]:
        return {"PatientWeight": "70" if place else "71"}

    session = session_of(pet.pet_series(each=each))
    found = offered(session)
    assert set(found) == {"activity"}
    assert codes_of(found["activity"])["suv.inputs-vary"] == "warning"
    assert "PatientWeight says '70, 71'" in {one.message for one in found["activity"].findings}
    np.testing.assert_allclose(first_column(session.load(found["activity"])), ACTIVITY, rtol=1e-6)
    np.testing.assert_allclose(first_column(loaded(session, **{"weight-kg": "70"})), ACTIVITY * FACTOR, rtol=1e-6)


def test_units_that_differ_inside_the_series_can_become_nothing(session_of: Sessions) -> None:
    def each(place: int) -> dict[str, Any]:
        return {"Units": "CNTS" if place else "BQML"}

    found = offered(session_of(pet.pet_series(each=each)))
    assert set(found) == {"stored"}
    assert codes_of(found["stored"])["suv.inputs-vary"] == "warning"


@pytest.mark.parametrize(
    ("unit", "kind"),
    [
        ("{SUVbw}g/ml", "bw"),
        ("g/ml{SUVlbm(James128)}", "lbm"),
        ("g/ml{SUVlbm(Janma)}", "lbm-janma"),
        ("cm2/ml{SUVbsa}", "bsa"),
    ],
)
def test_enhanced_objects_in_units_of_uptake(unit: str, kind: str, session_of: Sessions) -> None:
    def mappings(number: int) -> list[Dataset]:
        item = mapping_item(pet.slope(number), ("1", "UCUM", "uptake"))
        (code,) = item.MeasurementUnitsCodeSequence
        del code.CodeValue
        code.LongCodeValue = unit  # most have more than the 16 letters of CodeValue (PS3.3 8.1)
        return [item]

    volume = loaded(session_of([enhanced_pet(mappings=mappings)]), kind)
    np.testing.assert_allclose(first_column(volume), ACTIVITY, rtol=1e-6)


def test_a_mapping_with_another_slope_is_not_the_unit_of_rescaled_values(session_of: Sessions) -> None:
    found = offered(session_of([enhanced_pet(mappings=lambda number: [mapping_item(2 * pet.slope(number))])]))
    assert set(found) == {"stored"}


def test_a_slope_that_cannot_be_is_refused(session_of: Sessions) -> None:
    def each(place: int) -> dict[str, Any]:
        return {"RescaleSlope": "-1" if place == 2 else "1"}

    found = offered(session_of(pet.pet_series(each=each)))
    assert set(found) == {"stored"}
    assert codes_of(found["stored"])["suv.rescale"] == "warning"


def test_offsets_from_utc(session_of: Sessions) -> None:
    """Injection by a clock an hour ahead of that of the scanner, which it says."""
    isotope = {"RadiopharmaceuticalStartDateTime": "20200102110000+0200", "RadiopharmaceuticalStartTime": None}
    volume = loaded(session_of(pet.pet_series(isotope=isotope, TimezoneOffsetFromUTC="+0100")))
    np.testing.assert_allclose(first_column(volume), ACTIVITY * FACTOR, rtol=1e-6)

    def each(place: int) -> dict[str, Any]:
        zone, hour = ("+0100", "110000") if place else ("+0200", "120000")
        return {"TimezoneOffsetFromUTC": zone, "AcquisitionTime": hour, "SeriesTime": hour}

    volume = loaded(session_of(pet.pet_series(name="mixed", each=each)))
    np.testing.assert_allclose(first_column(volume), ACTIVITY * FACTOR, rtol=1e-6)
    assert codes_of(volume)["suv.timezone"] == "warning"

    isotope = {"RadiopharmaceuticalStartDateTime": "20200102100000+0200", "RadiopharmaceuticalStartTime": None}
    volume = loaded(session_of(pet.pet_series(name="unclear", isotope=isotope)))
    np.testing.assert_allclose(first_column(volume), ACTIVITY * FACTOR, rtol=1e-6)
    assert codes_of(volume)["suv.timezone"] == "warning"


def test_an_offset_inside_the_date_time_of_acquisition_is_the_scanners(session_of: Sessions) -> None:
    isotope = {"RadiopharmaceuticalStartDateTime": "20200102090000+0000", "RadiopharmaceuticalStartTime": None}
    moment = {"AcquisitionDateTime": "20200102110000+0100", "AcquisitionTime": None, "SeriesTime": None}
    volume = loaded(session_of(pet.pet_series(isotope=isotope, **moment)))
    np.testing.assert_allclose(first_column(volume), ACTIVITY * FACTOR, rtol=1e-6)
    assert "suv.timezone" not in codes_of(volume)


def test_a_scan_long_after_its_reference_is_told(session_of: Sessions) -> None:
    """FrameReferenceTime of 0 tells nothing: only the distance of the times speaks against the reference."""
    values = {"AcquisitionTime": "120000", "FrameReferenceTime": "0"}
    volume = loaded(session_of(pet.pet_series(**values)))
    np.testing.assert_allclose(first_column(volume), ACTIVITY * FACTOR, rtol=1e-6)
    (found,) = [one for one in volume.findings if one.code == "suv.reference-time"]
    assert found.severity == "warning"
    assert "the first AcquisitionTime gives another time, up to 3600 s off" in found.message


def test_a_private_date_that_was_not_shifted_with_the_others_is_not_used(session_of: Sessions) -> None:
    volume = loaded(session_of(pet.pet_series(private=pet.ge_times(scan="20130405110000.00"))))
    np.testing.assert_allclose(first_column(volume), ACTIVITY * FACTOR, rtol=1e-6)
    (found,) = [one for one in volume.findings if one.code == "suv.reference-time"]
    assert found.severity == "warning"
    assert "2.46e+03 days off and not used" in found.message


def test_a_reference_by_option_is_told_as_such(session_of: Sessions) -> None:
    volume = loaded(session_of(pet.pet_series()), **{"reference-time": "11:10"})
    np.testing.assert_allclose(first_column(volume), ACTIVITY * decayed(4200), rtol=1e-6)
    (reference,) = [one for one in volume.metadata["report"]["inputs"] if one["name"] == "reference time"]
    assert (reference["raw"], reference["value"], reference["source"]) == ("11:10", "2020-01-02 11:10:00", "option")


def test_a_decay_factor_that_speaks_of_another_reference_is_told(session_of: Sessions) -> None:
    """Values that were multiplied by 1.5 hold for more than an hour before their frame."""
    volume = loaded(session_of(pet.pet_series(DecayFactor="1.5")))
    np.testing.assert_allclose(first_column(volume), ACTIVITY * FACTOR, rtol=1e-6)
    (found,) = [one for one in volume.findings if one.code == "suv.reference-time"]
    assert found.severity == "warning"
    assert "DecayFactor gives another time, up to 3794 s off" in found.message


def test_frames_longer_than_a_half_life_are_told(session_of: Sessions) -> None:
    values = {"DecayCorrection": "NONE", "CorrectedImage": ["ATTN"], "ActualFrameDuration": "7200000"}
    volume = loaded(session_of(pet.pet_series(**values)))
    assert codes_of(volume)["suv.duration"] == "warning"
    seconds = 3600 + pet.average_time(7200.0)
    np.testing.assert_allclose(first_column(volume), ACTIVITY * decayed(seconds), rtol=1e-6)
    counts = {"Units": "CNTS", "DoseCalibrationFactor": "1", "ActualFrameDuration": "1"}
    assert codes_of(loaded(session_of(pet.pet_series(name="counts", **counts))))["suv.duration"] == "warning"


def test_a_value_by_option_is_told_and_so_is_one_that_changes_nothing(session_of: Sessions) -> None:
    session = session_of(pet.pet_series())
    volume = loaded(session, **{"weight-kg": "140"})
    np.testing.assert_allclose(first_column(volume), 2 * ACTIVITY * FACTOR, rtol=1e-6)
    assert codes_of(volume)["suv.option"] == "note"
    (weight,) = [one for one in volume.metadata["report"]["inputs"] if one["name"] == "weight"]
    assert (weight["raw"], weight["value"], weight["source"]) == ("140", 140.0, "option")

    stored = loaded(session_of(pet.pet_series(name="stored", Units="GML")), **{"dose-mbq": "740"})
    np.testing.assert_allclose(first_column(stored), ACTIVITY, rtol=1e-6)
    (told,) = [one for one in stored.findings if one.code == "suv.option" and one.severity == "warning"]
    assert "dose-mbq changes nothing" in told.message


def test_a_weight_by_option_counts_although_the_scanner_gives_a_factor(session_of: Sessions) -> None:
    """The scanner's factor holds the weight of the header; the one to activity does not."""
    private = pet.philips_factors(suv=2 * FACTOR, activity=2.0)
    session = session_of(pet.pet_series(Units="CNTS", private=private))
    np.testing.assert_allclose(first_column(loaded(session)), 2 * ACTIVITY * FACTOR, rtol=1e-6)
    volume = loaded(session, **{"weight-kg": "140"})
    np.testing.assert_allclose(first_column(volume), 4 * ACTIVITY * FACTOR, rtol=1e-6)
    assert "suv.philips-factor" not in codes_of(volume)


def test_the_scanners_factor_needs_nothing_else(session_of: Sessions) -> None:
    """Without the weight only it can be used; what is missing for the other is a warning."""
    private = pet.philips_factors(suv=5e-4, activity=2.0)
    session = session_of(pet.pet_series(Units="CNTS", PatientWeight=None, private=private))
    volume = loaded(session, **{"dose-mbq": "740"})
    np.testing.assert_allclose(first_column(volume), ACTIVITY * 5e-4, rtol=1e-6)
    found = codes_of(volume)
    assert (found["suv.no-weight"], found["suv.option"]) == ("warning", "warning")
    assert "dose-mbq changes nothing" in " ".join(one.message for one in volume.findings)
    assert set(offered(session)) == {"bw", "activity"}
