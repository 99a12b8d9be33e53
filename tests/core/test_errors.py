"""Errors and findings: whole texts, whole data, also after a journey between processes."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import pytest

import dicomlogic_core as dl
from dicomlogic_core import errors
from dicomlogic_core.findings import finding_from_error

ALL = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.DicomLogicError)]


def make(kind: type[errors.DicomLogicError]) -> errors.DicomLogicError:
    extra: dict[str, Any] = {"remedy": "do this"}
    if kind is errors.NetworkError:
        extra |= {"url": "https://host/x", "status": 503, "attempts": 3, "retryable": True}
    elif kind is errors.PluginError:
        extra |= {"plugin": "p", "version": "1", "stage": "load", "where": "1.2"}
    else:
        extra |= {"where": "1.2", "code": "pixels.short"}
    return kind("it failed", **extra)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_an_error_says_what_where_and_what_next_and_travels(kind: type[errors.DicomLogicError]) -> None:
    error = make(kind)
    for part in ("it failed", error.where, "do this"):
        assert part in str(error)
    carried = pickle.loads(pickle.dumps(error))
    assert type(carried) is kind
    assert str(carried) == str(error)
    assert carried.__dict__ == error.__dict__
    assert carried.code == error.code


def test_every_error_is_on_the_face() -> None:
    assert all(getattr(dl, kind.__name__) is kind for kind in ALL)


def test_a_finding_made_of_an_error_carries_its_data() -> None:
    found = finding_from_error(dl.PixelError("short", code="pixels.short", where="1.2.3", remedy="fetch again"))
    assert found.as_dict() == {
        "code": "pixels.short",
        "severity": "error",
        "message": "short",
        "where": ["1.2.3"],
        "remedy": "fetch again",
    }


def test_codes_are_stable_text_with_a_meaning() -> None:
    for code, (severity, meaning, remedy) in dl.CODES.items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)?", code)
        assert severity in ("note", "warning", "error")
        assert meaning
        assert remedy or severity == "note", code


def test_unknown_codes_are_refused() -> None:
    with pytest.raises(KeyError):
        dl.finding("geometry.unheard-of", "x")


def test_every_code_of_the_table_is_made_somewhere() -> None:
    """A row for something that never happens sends users looking for it."""
    root = Path(dl.__file__).parents[1]
    sources = [*root.glob("dicomlogic_core/**/*.py"), *root.glob("plugins/*/src/**/*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in sources if path.name != "findings.py")
    assert [code for code in dl.CODES if f'"{code}"' not in text] == []
