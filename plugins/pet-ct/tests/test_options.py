"""What the caller may say, and how a slip is told."""

from __future__ import annotations

import pytest

from dicomlogic_core import UsageError, date_time_seconds
from dicomlogic_pet_ct.options import given_number, given_time, given_word, overrides
from dicomlogic_pet_ct.plugin import dicomlogic_adaptors


def test_numbers_come_in_the_unit_of_the_header() -> None:
    for option, text, expected in (
        ("weight-kg", "70.5", 70.5),
        ("height-cm", "175", 1.75),
        ("dose-mbq", "370", 3.7e8),
        ("half-life-s", " 6586.2 ", 6586.2),
    ):
        found = given_number({option: text}, option)
        assert found is not None and found.source == "option"
        assert found.value == pytest.approx(expected)
        assert (found.tag, found.raw) == (f"option {option}", text)
    assert given_number({}, "weight-kg") is None


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "70 kg", "1e999"])
def test_a_number_that_cannot_be_is_refused_by_name(text: str) -> None:
    with pytest.raises(UsageError, match="weight-kg"):
        given_number({"weight-kg": text}, "weight-kg")


@pytest.mark.parametrize("text", ["2020-01-02 10:30:15", "2020-01-02T10:30:15", "20200102103015", "20200102103015.000"])
def test_moments(text: str) -> None:
    found = given_time({"injection-time": text}, "injection-time")
    assert found is not None
    assert found[0].value == date_time_seconds("20200102103015")
    assert found[1].value != found[1].value


@pytest.mark.parametrize(("text", "expected"), [("10:30", 37800.0), ("10:30:15", 37815.0), ("103015.5", 37815.5)])
def test_times_of_day(text: str, expected: float) -> None:
    found = given_time({"injection-time": text}, "injection-time")
    assert found is not None
    assert found[1].value == expected


@pytest.mark.parametrize("text", ["", "noon", "10", "25:00", "2020-01-02", "2020-13-02 10:00"])
def test_a_time_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="injection-time"):
        given_time({"injection-time": text}, "injection-time")


def test_words() -> None:
    found = given_word({"sex": "f"}, "sex")
    assert found is not None and found.value == "F"
    with pytest.raises(UsageError, match="START, ADMIN, NONE"):
        given_word({"decay-correction": "LATER"}, "decay-correction")


def test_every_option_that_is_read_is_declared() -> None:
    declared = next(one for one in dicomlogic_adaptors() if one.name == "pet-ct").options
    names = ("weight-kg", "height-cm", "dose-mbq", "half-life-s", "sex", "decay-correction", "uncorrected")
    given = dict.fromkeys((*names, "injection-time", "reference-time", "suv", "irregular"), "1")
    assert set(given) <= set(declared)
    assert set(overrides(given)) == set(given) - {"suv", "irregular"}
