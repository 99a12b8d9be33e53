"""Norms of the body against numbers worked out by hand and properties they must have."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydicom.sr.codedict import codes

from dicomlogic_pet_ct.norms import BY_SUV_TYPE, VARIANTS, norm

# 70 kg, 1.75 m: (70/175)^2 = 0.16; body mass index 22.857142857.
_BY_HAND = {
    ("bw", "M"): 70000.0,
    ("lbm", "M"): 1000 * (77 - 128 * 0.16),
    ("lbm", "F"): 1000 * (74.9 - 148 * 0.16),
    ("lbm-120", "M"): 1000 * (77 - 120 * 0.16),
    ("lbm-120", "F"): 1000 * (74.9 - 148 * 0.16),
    ("lbm-janma", "M"): 648900e3 / (6680 + 216 * 22.857142857142858),
    ("lbm-janma", "F"): 648900e3 / (8780 + 244 * 22.857142857142858),
    ("ibw", "M"): 1000 * 72.38,
    ("ibw", "F"): 1000 * 66.43,
    ("bsa", "F"): 18481.0,
}


@pytest.mark.parametrize(("key", "sex"), _BY_HAND)
def test_values_by_hand(key: str, sex: str) -> None:
    tolerance = 1e-4 if key == "bsa" else 1e-12  # Du Bois and Du Bois, 1916: 1.8481 m2 by their nomogram
    assert norm(VARIANTS[key], 70.0, 1.75, sex) == pytest.approx(_BY_HAND[key, sex], rel=tolerance)


@pytest.mark.parametrize("key", VARIANTS)
def test_an_unknown_sex_is_the_mean_of_both(key: str) -> None:
    man, woman = (norm(VARIANTS[key], 82.5, 1.68, sex) for sex in "MF")
    for said in ("O", "", "X"):
        assert norm(VARIANTS[key], 82.5, 1.68, said) == pytest.approx((man + woman) / 2, rel=1e-15)


@given(st.floats(45, 150), st.floats(1.4, 2.0), st.sampled_from("MFO"))
def test_lean_mass_is_less_than_the_weight(weight: float, height: float, sex: str) -> None:
    assume(weight / height**2 > 13)  # below that nobody lives, and the formulas do not hold
    for key in ("lbm", "lbm-120", "lbm-janma"):
        assert norm(VARIANTS[key], weight, height, sex) < 1000 * weight


@pytest.mark.parametrize("key", VARIANTS)
def test_an_unknown_height_gives_no_number_where_it_counts(key: str) -> None:
    variant = VARIANTS[key]
    assert math.isnan(norm(variant, 70.0, math.nan, "M")) == variant.height


def test_codes_are_those_of_the_standard() -> None:
    """Unit and method of every kind have the code and meaning that PS3.16 lists."""
    methods = {
        "bw": codes.DCM.SUVBodyWeightCalculationMethod,
        "lbm": codes.DCM.SUVLeanBodyMassCalculationMethodUsing128Multiplier,
        "lbm-120": codes.DCM.SUVLeanBodyMassCalculationMethod,
        "lbm-janma": codes.DCM.SUVLeanBodyMassCalculationJanmahasatianMethod,
        "bsa": codes.DCM.SUVBodySurfaceAreaCalculationMethod,
        "ibw": codes.DCM.SUVIdealBodyWeightCalculationMethod,
    }
    cid = codes.cid85
    units = {getattr(cid, name).value: getattr(cid, name).meaning for name in cid.concepts}
    for key, variant in VARIANTS.items():
        assert variant.method == (methods[key].value, methods[key].meaning)
        assert units[variant.code[0]] == variant.code[1]
        assert BY_SUV_TYPE[variant.suv_type] is variant
