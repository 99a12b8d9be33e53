"""Which plugins the environment allows."""

from __future__ import annotations

import pytest

from dicomlogic_core.plugin_records import PluginOrigin
from dicomlogic_core.selection import DISABLE, ONLY, STRICT, Selection, normalised

RT = PluginOrigin(plugin="rt", distribution="dicomlogic-rt")
PET = PluginOrigin(plugin="pet-ct", distribution="dicomlogic-pet-ct")
AHI = PluginOrigin(plugin="ahi", distribution="dicomlogic-ahi")


def allowed(environ: dict[str, str]) -> list[str]:
    selection = Selection.from_environment(environ)
    return [origin.plugin for origin in (RT, PET, AHI) if not selection.why_blocked(origin)]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ["rt", "pet-ct", "ahi"]),
        ({ONLY: " rt , pet-ct "}, ["rt", "pet-ct"]),
        ({ONLY: "RT,PET_CT"}, ["rt", "pet-ct"]),
        ({ONLY: "DICOMlogic_AHI"}, ["ahi"]),
        ({ONLY: ""}, []),
        ({ONLY: " , "}, []),
        ({ONLY: "none"}, []),
        ({ONLY: "None"}, []),
        ({DISABLE: ""}, ["rt", "pet-ct", "ahi"]),
        ({DISABLE: "dicomlogic.rt"}, ["pet-ct", "ahi"]),
        ({ONLY: "rt,ahi", DISABLE: "rt"}, ["ahi"]),
    ],
)
def test_which_entry_points_are_allowed(environ, expected):
    assert allowed(environ) == expected


def test_builtins_stay_unless_they_are_named():
    builtin = PluginOrigin(plugin="builtin", distribution="dicomlogic-core")
    assert not Selection.from_environment({ONLY: "none"}).why_blocked(builtin, builtin=True)
    assert DISABLE in Selection.from_environment({DISABLE: "builtin"}).why_blocked(builtin, builtin=True)


def test_a_renamed_plugin_answers_to_all_its_names():
    renamed = PluginOrigin(plugin="dist-a:same", distribution="dist-a")
    for name in ("dist-a:same", "dist-a", "same"):
        assert Selection.from_environment({DISABLE: name}).why_blocked(renamed, entry_name="same")


def test_names_that_match_nothing_are_told():
    selection = Selection.from_environment({ONLY: "rt,pet", DISABLE: "dicomlogic-ahi,nope"})
    assert selection.unknown([(RT, "rt"), (PET, "pet-ct"), (AHI, "ahi")]) == ["nope", "pet"]


@pytest.mark.parametrize(
    ("text", "strict"), [("1", True), ("yes", True), ("0", False), ("", False), (" false ", False)]
)
def test_strict(text, strict):
    assert Selection.from_environment({STRICT: text}).strict is strict


def test_normalised_is_the_rule_of_package_names():
    packaging = pytest.importorskip("packaging.utils")
    for name in ("A", "a_b", "a..B", "a-_-b", "Dicomlogic.RT"):
        assert normalised(f" {name} ") == packaging.canonicalize_name(name)
