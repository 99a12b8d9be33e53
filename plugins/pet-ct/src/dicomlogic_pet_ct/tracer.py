"""What was injected, as far as codes and names tell: the tracer, and the half-life of its nuclide."""

from __future__ import annotations

import re
from math import nan

from dicomlogic_pet_ct.texts import FrameTexts

# Half-lives in s by mass number, of the nuclides that PET uses.
_HALF_LIVES = {11: 1223.0, 13: 598.0, 15: 122.2, 18: 6586.2, 64: 45721.0, 68: 4062.0, 82: 75.5, 89: 282276.0}
_TRACERS = {"C-B1031": "FDG", "35321007": "FDG", "C-B1036": "FLT"}
_TRACER_WORDS = {"FDG": "FDG", "FLUORODEOXYGLUCOSE": "FDG", "FLT": "FLT", "FLUOROTHYMIDINE": "FLT"}
_ELEMENT, _MASS = "(?:F|Ga|C|N|O|Cu|Zr|Rb)", "(11|13|15|18|64|68|82|89)"
_NAMED = re.compile(rf"\b(?:{_ELEMENT}[- ^]?{_MASS}|{_MASS}[- ^]?{_ELEMENT})\b", re.IGNORECASE)


def tracer_of(texts: FrameTexts) -> str:
    """``FDG``, ``FLT`` or ""."""
    value, meaning = texts.code("RadiopharmaceuticalCodeSequence")
    if value in _TRACERS:
        return _TRACERS[value]
    said = " ".join([meaning, *texts.of_isotope("Radiopharmaceutical")]).upper()
    return next((tracer for word, tracer in _TRACER_WORDS.items() if word in said), "")


def nuclide_half_life_s(texts: FrameTexts) -> float:
    """Of the coded nuclide, else of the one in the tracer's name (``Ga-68 PSMA``, ``18F-FDG``); NaN when not known."""
    _, meaning = texts.code("RadionuclideCodeSequence")
    mass = re.search(r"\d+", meaning)
    if mass is not None:
        return nan if "GERMANIUM" in meaning.upper() else _HALF_LIVES.get(int(mass[0]), nan)
    named = _NAMED.search(" ".join(texts.of_isotope("Radiopharmaceutical")))
    if named is not None:
        return _HALF_LIVES[int(named[1] or named[2])]
    return _HALF_LIVES[18] if tracer_of(texts) else nan
