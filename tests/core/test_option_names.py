"""Options: what a provider declares is taken, what nobody knows is refused with what may have been meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import dicomlogic_core as dl
from dicomlogic_core.option_names import CORE_OPTIONS, check_options
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.fakes import FakeAdaptor, closed_manager, fake_plugin


def registry(**options: str) -> Any:
    provider = dl.AdaptorProvider(name="fake", label="", factory=FakeAdaptor, options=options)
    return closed_manager(fake_plugin(provider)).registry


def test_declared_options_and_those_of_the_core_are_known() -> None:
    check_options(["weight-kg", "header.X-Key", *CORE_OPTIONS], registry(**{"weight-kg": "", "header.NAME": ""}))


@pytest.mark.parametrize(("name", "meant"), [("wieght-kg", "weight-kg was meant"), ("header.X-Key", "known: ")])
def test_others_are_refused_by_name(name: str, meant: str) -> None:
    with pytest.raises(dl.UsageError, match=f"no option {name}") as caught:
        check_options([name], registry(**{"weight-kg": ""}))
    assert meant in caught.value.remedy
    assert "memory-gib" in caught.value.remedy


def test_every_step_of_a_session_refuses_them(tmp_path: Path) -> None:
    phantoms.tricky(4, tmp_path / "data")
    wrong = {"irregulr": "split"}
    with pytest.raises(dl.UsageError, match="irregulr"):
        dl.open(sources=[{"location": "https://host/dicom-web", **wrong}])
    with dl.open() as session:
        session.index(tmp_path / "data")
        loadable = session.examine()[0]
        volume = session.load(loadable)
        for step in (
            lambda: session.index(tmp_path / "data", options=wrong),
            lambda: session.examine(options=wrong),
            lambda: session.load(loadable, options=wrong),
            lambda: session.write(volume, tmp_path / "out", options=wrong),
        ):
            with pytest.raises(dl.UsageError, match="irregular was meant"):
                step()
    assert not (tmp_path / "out").exists()
