"""The adaptor on a phantom whose every value is known, found by its entry point as a user would."""

from __future__ import annotations

from pathlib import Path

import dicomlogic_core as dl
import pytest
from dicomlogic_core.testing import phantoms

NAME = "{{ cookiecutter.name }}"


def _offered(session: dl.Session) -> list[dl.Loadable]:
    return [loadable for loadable in session.examine(all=True) if loadable.adaptor == NAME]


def test_the_plugin_is_found_and_keeps_its_promises() -> None:
    report = dl.check_plugin(NAME)
    assert report.problems == ()
    assert report.workers == (f"adaptor:{NAME}",)
    assert report.heavy == ()


def test_the_projection_is_the_maximum(tmp_path: Path) -> None:
    phantoms.write_ct(tmp_path / "data", shuffle_seed=1)
    with dl.open() as session:
        session.index(tmp_path / "data")
        (loadable,) = _offered(session)
        volume = session.load(loadable)
    # Slice i holds i, the marked pixel 1000; both are rescaled by -1024.
    assert volume.array.shape == (1, phantoms.ROWS, phantoms.COLUMNS)
    assert volume.array[0, 0, 0] == 19 - 1024
    assert volume.array[(0, *phantoms.MARK)] == 1000 - 1024
    assert volume.geometry.spacing_mm == pytest.approx((0.7, 0.8, 1.0))
    assert volume.geometry.origin_lps_mm == (-10.0, -20.0, 0.0)


@pytest.mark.parametrize("number", sorted(phantoms.TRICKY))
def test_odd_series_never_break_examining(number: int, tmp_path: Path) -> None:
    phantoms.tricky(number, tmp_path / "data")
    with dl.open() as session:
        session.index(tmp_path / "data")
        assert len(_offered(session)) <= 2
        assert not [finding for finding in session.findings if finding.code == "plugin.failed"]
