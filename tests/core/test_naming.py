"""File names made from header texts: safe on every system, different for different names."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomlogic_core.naming import safe_file_name

_WINDOWS_DEVICES = {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10))}


@given(st.text())
def test_any_text_becomes_one_plain_component(text: str) -> None:
    name = safe_file_name(text)
    assert name
    assert len(name.encode()) <= 120
    assert PurePosixPath(name).name == name
    assert PureWindowsPath(name).name == name
    assert not set(name) & set('<>:"/\\|?*\0\n')
    assert not name.startswith(".")
    assert not name.endswith((".", " "))
    assert name.split(".")[0].lower() not in _WINDOWS_DEVICES


@pytest.mark.parametrize(
    "text", ["../../etc/passwd", "..\\..\\x", "/abs", "C:\\x", "a/../b", "..", ".", "", "con", "nul.txt"]
)
def test_paths_do_not_escape(text: str) -> None:
    assert PurePosixPath("out", safe_file_name(text)).parent == PurePosixPath("out")
    assert ".." not in PureWindowsPath(safe_file_name(text)).parts


def test_long_names_stay_different() -> None:
    assert safe_file_name("a" * 500) != safe_file_name("a" * 499 + "b")


def test_a_name_is_kept_readable() -> None:
    assert safe_file_name("3: T1 Schädel / axial") == "3_T1_Schädel_axial"
