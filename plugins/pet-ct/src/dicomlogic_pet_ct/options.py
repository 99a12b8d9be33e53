"""What the caller may say instead of the header: values by option, checked before anything is computed with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite, nan

from dicomlogic_core import UsageError, date_time_seconds, parse_number, time_seconds
from dicomlogic_pet_ct.inputs import Number, Word

OVERRIDES: Mapping[str, tuple[str, str, float]] = {
    "weight-kg": ("weight", "kg", 1.0),
    "height-cm": ("height", "m", 0.01),
    "dose-mbq": ("dose", "Bq", 1e6),
    "half-life-s": ("half-life", "s", 1.0),
}
"""Option -> name of the input, its unit, and the factor to that unit."""

WORDS: Mapping[str, tuple[str, ...]] = {
    "sex": ("M", "F", "O"),
    "decay-correction": ("START", "ADMIN", "NONE"),
    "uncorrected": ("ACCEPT",),
}
"""Option -> what it may be."""

TIMES = ("injection-time", "reference-time")
NAMES = (*OVERRIDES, *WORDS, *TIMES)
"""Options that change an uptake value."""


def given_number(options: Mapping[str, str], option: str) -> Number | None:
    """The number of an option; None when it is not given.

    Raises:
        UsageError: it is no positive number.
    """
    text = options.get(option)
    if text is None:
        return None
    name, unit, factor = OVERRIDES[option]
    value = parse_number(text.strip())
    if not (isfinite(value) and value > 0):
        raise UsageError(f"{option}={text} is no positive number", remedy=f"use e.g. {option}=70")
    return Number(name=name, tag=f"option {option}", raw=text, value=value * factor, unit=unit, source="option")


def given_word(options: Mapping[str, str], option: str) -> Word | None:
    """The word of an option; None when it is not given.

    Raises:
        UsageError: it is none of those known.
    """
    text = options.get(option)
    if text is None:
        return None
    value = text.strip().upper()
    if value not in WORDS[option]:
        known = ", ".join(WORDS[option]).lower() if option == "uncorrected" else ", ".join(WORDS[option])
        raise UsageError(f"{option}={text} is not known", remedy=f"use one of: {known}")
    return Word(name=option.replace("-", " "), tag=f"option {option}", raw=text, value=value, source="option")


def given_time(options: Mapping[str, str], option: str) -> tuple[Number, Number] | None:
    """A moment (seconds since 2000) and a time of day (seconds), one of them NaN; None when it is not given.

    Raises:
        UsageError: it is neither ``HH:MM[:SS]`` nor ``YYYY-MM-DD HH:MM[:SS]`` (or both as DICOM writes them).
    """
    text = options.get(option)
    if text is None:
        return None
    plain = re.sub(r"[-:T\s]", "", text.strip())
    digits = len(plain.partition(".")[0])
    moment = date_time_seconds(plain) if digits >= 12 else nan
    clock = time_seconds(plain) if 4 <= digits <= 6 else nan
    if not isfinite(moment) and not isfinite(clock):
        raise UsageError(
            f"{option}={text} is no time", remedy=f'use {option}=10:30:00 or {option}="2020-01-31 10:30:00"'
        )
    name = option.replace("-", " ")
    made = [
        Number(name=name, tag=f"option {option}", raw=text, value=value, source="option") for value in (moment, clock)
    ]
    return made[0], made[1]


def overrides(options: Mapping[str, str]) -> dict[str, str]:
    """The options that change an uptake value, as they were given."""
    return {name: options[name] for name in NAMES if name in options}
