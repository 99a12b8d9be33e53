"""The template: what it writes builds, is found by its entry point, passes its own tests and our checks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import dicomlogic_core as dl

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "cookiecutter-plugin"
NAMES = ["projection", "mip-2d-x"]

main = pytest.importorskip("cookiecutter.main")


def bake(folder: Path, **answers: Any) -> Path:
    return Path(main.cookiecutter(str(TEMPLATE), no_input=True, output_dir=str(folder), extra_context=answers))


@pytest.fixture(scope="module", params=NAMES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The name and the folder that was written."""
    folder = tmp_path_factory.mktemp(request.param)
    os.environ["COOKIECUTTER_CONFIG"] = str(folder / "none.yaml")  # nothing of the user's own settings
    (folder / "none.yaml").write_text(f"cookiecutters_dir: {folder}\nreplay_dir: {folder / 'replay'}\n")
    try:
        return request.param, bake(folder, name=request.param, author='A "quoted" Näme', license="BSD-3-Clause")
    finally:
        del os.environ["COOKIECUTTER_CONFIG"]


@pytest.fixture(scope="module")
def installed(made: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which its built wheel is installed."""
    name, folder = made
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist", "."],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    (wheel,) = (folder / "dist").glob("*.whl")
    site = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        assert not [one for one in archive.namelist() if one.startswith("tests")]
        assert f"dicomlogic_{name.replace('-', '_')}/py.typed" in archive.namelist()
        archive.extractall(site)
    return {**os.environ, "PYTHONPATH": str(site)}


def run(environment: dict[str, str], *arguments: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_tests_pass(made: tuple[str, Path], installed: dict[str, str]) -> None:
    told = run(installed, "pytest", "-q", "-W", "error", "--rootdir", ".", cwd=made[1])
    assert "15 passed" in told


def test_it_is_listed_with_its_distribution(made: tuple[str, Path], installed: dict[str, str]) -> None:
    rows = json.loads(run(installed, "dicomlogic_core.cli.main", "plugins", "--json"))
    row = next(row for row in rows if row["name"] == made[0])
    assert row["distribution"] == f"dicomlogic-{made[0]}"
    assert row["status"] == "ok"
    assert row["provides"] == [f"adaptor:{made[0]}"]
    # Without it, it is not.
    rest = {key: value for key, value in installed.items() if key != "PYTHONPATH"}
    assert made[0] not in run(rest, "dicomlogic_core.cli.main", "plugins", "--json")


def test_its_code_is_linted_and_typed(made: tuple[str, Path], installed: dict[str, str], tmp_path: Path) -> None:
    module = f"src/dicomlogic_{made[0].replace('-', '_')}"
    run(installed, "ruff", "check", "--isolated", "--line-length", "120", "--no-cache", ".", cwd=made[1])
    run(installed, "ruff", "format", "--isolated", "--line-length", "120", "--no-cache", "--check", ".", cwd=made[1])
    if made[0] == NAMES[-1]:  # the slowest check, of the name that is hardest to turn into a module
        run(installed, "mypy", "--strict", "--cache-dir", str(tmp_path), module, cwd=made[1])


def test_its_license_is_the_one_chosen(made: tuple[str, Path]) -> None:
    text = (made[1] / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("BSD 3-Clause License")
    assert 'A "quoted" Näme' in text


@pytest.mark.parametrize("name", ["Projection", "2d", "a_b", "a--b", "-a", "a b", "a/../b", ""])
def test_bad_names_are_refused(name: str, tmp_path: Path) -> None:
    from cookiecutter.exceptions import CookiecutterException

    with pytest.raises(CookiecutterException):
        bake(tmp_path, name=name)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_the_template_names_this_core() -> None:
    settings = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    assert dl.__version__.startswith(settings["__core"])
