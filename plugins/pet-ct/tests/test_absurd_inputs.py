"""No missing, zero, negative or absurd input gives a number without a finding that explains it.

The oracle is written here: what counts as plain, which findings explain what, and the formula from the literature.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomlogic_core import SeriesView, tag_key
from dicomlogic_pet_ct.factors import SuvFactors, SuvRefusal, activity_factors, suv_factors
from dicomlogic_pet_ct.inputs import FrameInputs, PetInputs, number, word
from dicomlogic_pet_ct.norms import VARIANTS
from dicomlogic_pet_ct.reading import read_inputs
from dicomlogic_pet_ct.units import Calibration

FRAMES = 2
ABSURD = (None, "", "0", "-1", "abc", "nan", "inf", "-inf", "1e400", "1e-300", "1e300", "70\\80", " ", "ééé")

# Attribute -> the texts that nobody would stumble over, the first being the default.
PLAIN: dict[str, tuple[str, ...]] = {
    "PatientWeight": ("70", "3.2", "120.5"),
    "PatientSize": ("1.75", "0.5", "2.0"),
    "PatientSex": ("M", "F"),
    "RadionuclideTotalDose": ("370000000", "3.7e7", "1.1E+09"),
    "RadionuclideHalfLife": ("6588", "6586.2"),
    "RadiopharmaceuticalStartTime": ("100000", "101500.00"),
    "Units": ("BQML",),
    "DecayCorrection": ("START",),
    "CorrectedImage": ("ATTN\\DECY", "NORM\\DECY\\ATTN\\SCAT"),
    "RescaleSlope": ("1", "0.37", "12.5"),
    "RescaleIntercept": ("0",),
    "SeriesTime": ("110000",),
    "AcquisitionTime": ("110000", "110500.25"),
    "ActualFrameDuration": ("120000",),
    "FrameReferenceTime": ("",),
}
ISOTOPE = {"RadionuclideTotalDose", "RadionuclideHalfLife", "RadiopharmaceuticalStartTime"}
MORE = {
    "PatientWeight": ("70000", "1e-6", "999"),
    "PatientSize": ("175", "17.5", "1e-6"),
    "PatientSex": ("O", "MALE"),
    "RadionuclideTotalDose": ("370", "10", "1e30", "200000"),
    "RadionuclideHalfLife": ("1", "1e12", "109.8"),
    "RadiopharmaceuticalStartTime": ("235959", "120000", "2560", "1000"),
    "Units": ("CNTS", "CPS", "PROPCNTS", "GML", "bqml"),
    "DecayCorrection": ("ADMIN", "NONE", "END"),
    "CorrectedImage": ("ATTN", "DECY", "NORM"),
    "SeriesTime": ("230000", "000500"),
    "AcquisitionTime": ("005000", "9"),
    "FrameReferenceTime": ("1e12", "60000", "-5"),
}
# Which findings account for a text that is not plain; other attributes can only lead to a refusal or be without effect.
EXPLAINED = {
    "PatientWeight": {"suv.weight-in-grams", "suv.body-range"},
    "PatientSize": {"suv.height-unit", "suv.body-range"},
    "PatientSex": {"suv.sex-unknown"},
    "RadionuclideTotalDose": {"suv.dose-in-mbq", "suv.dose-range"},
    "RadionuclideHalfLife": {"suv.half-life-range"},
    "RadiopharmaceuticalStartTime": {"suv.midnight", "suv.date-repaired", "suv.uptake-range", "suv.inputs-vary"},
}
HEIGHT = {"lbm", "lbm-janma", "bsa", "ibw"}
SEX = {"lbm", "lbm-janma", "ibw"}


@dataclass(frozen=True)
class Texts:
    """Columns of a classic series of two slices whose texts are given."""

    values: Mapping[str, str | None]
    study_uid: str = "1.2"
    series_uid: str = "1.2.3"
    sop_uids: Sequence[str] = ("1.2.3.1", "1.2.3.2")
    frame_counts: Sequence[int] = (1, 1)
    grids: Mapping[int, Any] = field(default_factory=dict)
    missing_keys: frozenset[str] = frozenset()

    def text(self, key: str) -> list[str | None]:
        return [
            next((text for name, text in self.values.items() if tag_key(name) == key and name not in ISOTOPE), None)
        ] * FRAMES

    def frame_text(self, key: str) -> dict[int, Any]:
        return {}

    def items(self, key: str) -> list[list[dict[str, Any]] | None]:
        if key != tag_key("RadiopharmaceuticalInformationSequence"):
            return [None] * FRAMES
        known = {name: self.values.get(name) for name in ISOTOPE}
        item = {tag_key(name): {"vr": "DS", "Value": [text]} for name, text in known.items() if text is not None}
        return [[item]] * FRAMES

    def locations(self, row: int) -> tuple[()]:
        return ()


def inputs_of(values: Mapping[str, str | None]) -> PetInputs:
    return read_inputs(SeriesView(Texts(values)), range(FRAMES), {}, voxel_ml=0.06)


@st.composite
def headers(draw: st.DrawFn) -> dict[str, str | None]:
    """A header in which up to four attributes are not what they should be."""
    values: dict[str, str | None] = {name: draw(st.sampled_from(texts)) for name, texts in PLAIN.items()}
    for name in draw(st.lists(st.sampled_from(sorted(PLAIN)), max_size=4, unique=True)):
        values[name] = draw(st.sampled_from((*ABSURD, *MORE.get(name, ()))) | st.floats().map(repr))
    values["StudyDate"] = draw(st.sampled_from(["20200102", None]))
    return values


def seconds(clock: str) -> float:
    return 3600 * int(clock[:2]) + 60 * int(clock[2:4]) + float(clock[4:])


def expected(values: Mapping[str, str], kind: str) -> float:
    """SUV per Bq/ml of a plain header: the mass or surface that the dose would spread over, by the dose left."""
    weight = float(values["PatientWeight"])
    size = float(values["PatientSize"]) if kind in HEIGHT else math.nan
    male = values["PatientSex"] == "M"
    ratio = weight / (100 * size)
    body = {
        "bw": 1000 * weight,
        "lbm": 1000 * (1.10 * weight - 128 * ratio**2 if male else 1.07 * weight - 148 * ratio**2),
        "lbm-janma": 9270e3 * weight / ((6680 + 216 * weight / size**2) if male else (8780 + 244 * weight / size**2)),
        "bsa": 71.84 * weight**0.425 * (100 * size) ** 0.725,
        "ibw": 1000 * (48 + 1.06 * (100 * size - 152) if male else 45.5 + 0.91 * (100 * size - 152)),
    }[kind]
    waited = seconds(values["SeriesTime"]) - seconds(values["RadiopharmaceuticalStartTime"])
    left = float(values["RadionuclideTotalDose"]) * 2 ** (-waited / float(values["RadionuclideHalfLife"]))
    return body / left


def needless(values: Mapping[str, str | None], kind: str) -> set[str]:
    """Attributes that the value does not hang on."""
    left = set() if kind in HEIGHT else {"PatientSize"}
    left |= set() if kind in SEX else {"PatientSex"}
    if (values["Units"] or "").upper() == "GML":
        left |= {*ISOTOPE, "DecayCorrection", *({"PatientWeight"} if kind == "bw" else set())}
    if values["DecayCorrection"] == "ADMIN":
        left |= {"RadionuclideHalfLife", "RadiopharmaceuticalStartTime"}
    return left


def check(values: Mapping[str, str | None], kind: str) -> None:
    inputs = inputs_of(values)
    made = suv_factors(inputs, kind)
    if isinstance(made, SuvRefusal):
        errors = [one for one in made.findings if one.severity == "error"]
        assert errors
        assert all(one.message for one in errors)
        return
    assert (np.isfinite(made.scale) & (made.scale > 0)).all()
    told = {one.code for one in made.findings}
    odd = {name for name, plain in PLAIN.items() if values[name] not in plain} - needless(values, kind)
    for name in odd:
        codes = EXPLAINED.get(name)
        if codes is not None:
            assert codes & told or _harmless(name, values[name]), (name, values[name], told)
    warned = {one.code for one in made.findings if one.severity != "note"}
    if not warned and not odd and values["Units"] == "BQML":
        np.testing.assert_allclose(made.scale, expected({k: v or "" for k, v in values.items()}, kind), rtol=1e-9)


def _harmless(name: str, text: str | None) -> bool:
    """True for odd texts that are as good as plain ones: numbers inside the range of people and scans, times of day."""
    try:
        value = float(text or "")
    except ValueError:
        return False
    if name == "RadiopharmaceuticalStartTime":
        return (text or "")[:2] in {"10"} and len(text or "") in (4, 6)
    low, high = {
        "PatientWeight": (1.0, 350.0),
        "PatientSize": (0.3, 2.5),
        "RadionuclideTotalDose": (1e6, 5e9),
        "RadionuclideHalfLife": (50.0, 1e6),
    }.get(name, (math.inf, -math.inf))
    return low <= value <= high


@settings(max_examples=120, deadline=None)
@given(headers(), st.sampled_from(sorted(HEIGHT | {"bw"})))
def test_every_uptake_value_is_right_or_explained(values, kind):
    check(values, kind)


@pytest.mark.long
@settings(max_examples=3000, deadline=None)
@given(headers(), st.sampled_from(sorted(HEIGHT | {"bw"})))
def test_every_uptake_value_is_right_or_explained_at_length(values, kind):
    check(values, kind)


def test_each_attribute_alone_made_absurd_is_refused_or_explained():
    for name, plain in PLAIN.items():
        for text in (*ABSURD, *MORE.get(name, ())):
            values = {key: texts[0] for key, texts in PLAIN.items()} | {"StudyDate": "20200102", name: text}
            for kind in sorted(HEIGHT | {"bw"}):
                if text not in plain:
                    check(values, kind)


def test_a_plain_header_is_computed_without_a_warning():
    values = {name: texts[0] for name, texts in PLAIN.items()} | {"StudyDate": "20200102"}
    for kind in sorted(HEIGHT | {"bw"}):
        made = suv_factors(inputs_of(values), kind)
        assert isinstance(made, SuvFactors)
        assert {one.severity for one in made.findings} <= {"note"}
        np.testing.assert_allclose(made.scale, expected(values, kind), rtol=1e-9)


@settings(max_examples=120, deadline=None)
@given(headers())
def test_activity_is_refused_or_explained(values):
    made = activity_factors(inputs_of(values))
    if isinstance(made, SuvRefusal):
        assert any(one.severity == "error" for one in made.findings)
        return
    assert isinstance(made, Calibration)
    assert (np.isfinite(made.scale) & (made.scale > 0)).all()
    assert float(values["RescaleSlope"] or "nan") > 0
    assert float((values["RescaleIntercept"] or "").strip() or 0) == 0


# --- numbers as such, past the reading of texts -----------------------------------------------------------------------

any_number = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, -1.0, math.nan, math.inf])
moment = st.floats(0, 7e8) | st.sampled_from([math.nan, math.inf, -math.inf, 0.0])


@settings(max_examples=120, deadline=None)
@given(
    st.data(),
    st.sampled_from(["BQML", "CNTS", "CPS", "GML", "CM2ML", "PROPCNTS", ""]),
    st.sampled_from(["START", "ADMIN", "NONE", "", "END"]),
    st.sampled_from(sorted(VARIANTS)),
)
def test_no_numbers_at_all_give_an_uptake_value_that_is_not_a_positive_number(data, units, correction, kind):
    one = st.lists(any_number, min_size=2, max_size=2)
    times = st.lists(moment, min_size=2, max_size=2)
    frames = FrameInputs(
        slope=np.array(data.draw(one)),
        intercept=np.array(data.draw(st.just([0.0, 0.0]) | one)),
        acquisition_s=np.array(data.draw(times)),
        series_s=np.array(data.draw(times)),
        scan_s=np.array(data.draw(st.just([math.nan] * 2) | times)),
        duration_s=np.array(data.draw(one)),
        frame_reference_s=np.array(data.draw(one)),
        philips_activity=np.array(data.draw(one)),
        philips_suv=np.array(data.draw(one)),
        calibration=np.array(data.draw(one)),
        voxel_ml=np.array(data.draw(one)),
    )
    inputs = PetInputs(
        units=word("units", "Units", units),
        decay_correction=word("decay correction", "DecayCorrection", correction),
        frames=frames,
        corrected=data.draw(st.frozensets(st.sampled_from(["ATTN", "DECY", "DCAL"]))),
        suv_type=word("SUV type", "SUVType", data.draw(st.sampled_from(["", "BW", "LBM", "BSA", "XX"]))),
        sex=word("sex", "PatientSex", data.draw(st.sampled_from(["M", "F", "O", ""]))),
        weight=number("weight", "PatientWeight", data.draw(any_number), "kg"),
        height=number("height", "PatientSize", data.draw(any_number), "m"),
        dose=number("dose", "RadionuclideTotalDose", data.draw(any_number), "Bq"),
        half_life=number("half-life", "RadionuclideHalfLife", data.draw(any_number), "s"),
        injected_at=(number("injection", "RadiopharmaceuticalStartDateTime", data.draw(moment)),),
        injected_clock=(number("injection", "RadiopharmaceuticalStartTime", data.draw(moment)),),
    )
    made = suv_factors(inputs, kind)
    if isinstance(made, SuvRefusal):
        assert any(found.severity == "error" for found in made.findings)
    else:
        assert (np.isfinite(made.scale) & (made.scale > 0)).all()
        assert (np.isfinite(frames.slope) & (frames.slope > 0)).all()
        assert not any(found.severity == "error" for found in made.findings)
