"""An environment with the core's wheel and the tools of a plugin's author, and what the template writes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.conftest import ROOT, Environment, build_wheel, environment

__all__ = ["environment"]  # the fixture of the packaging tests

TEMPLATE = ROOT / "cookiecutter-plugin"

Bake = Callable[..., Path]


@pytest.fixture(scope="session")
def author(environment: Callable[..., Environment], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The core's wheel, and what the template's test extra names: no checkout, no other plugin."""
    wheel = build_wheel(ROOT, tmp_path_factory.mktemp("core"))
    made = environment("author", [f"dicomlogic-core[testing] @ {wheel.as_uri()}"])
    made.install("mypy>=1.13", "ruff>=0.8")
    return made


@pytest.fixture(scope="session")
def bake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bake]:
    """``bake(folder, **answers)`` writes a package; nothing of the user's own settings is used."""
    main = pytest.importorskip("cookiecutter.main")
    folder = tmp_path_factory.mktemp("settings")
    (folder / "none.yaml").write_text(f"cookiecutters_dir: {folder}\nreplay_dir: {folder / 'replay'}\n")

    def run(target: Path, **answers: Any) -> Path:
        return Path(main.cookiecutter(str(TEMPLATE), no_input=True, output_dir=str(target), extra_context=answers))

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "COOKIECUTTER_CONFIG", str(folder / "none.yaml"))
        yield run
