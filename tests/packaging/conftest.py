"""Wheels of the checkout and environments to install them into; both are made once for all tests of this folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = sorted(folder.parent.name for folder in (ROOT / "plugins").glob("*/pyproject.toml"))
UV = shutil.which("uv")


def run(*command: str, check: bool = True, **options) -> subprocess.CompletedProcess[str]:
    """Run a command; its output is the failure's message."""
    # What is set for this test run must not reach an environment that stands for a user's.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DICOMLOGIC"))}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, **options)
    if check and done.returncode:
        pytest.fail(f"{' '.join(command)}\n{done.stdout}{done.stderr}", pytrace=False)
    return done


class Environment:
    """A virtual environment of its own."""

    def __init__(self, folder: Path, *, python: str = sys.executable, pip: bool = False) -> None:
        self.folder = folder
        self.scripts = folder / ("Scripts" if os.name == "nt" else "bin")
        if UV and not pip:
            run(UV, "venv", "--quiet", "--python", python, str(folder))
        else:
            run(python, "-m", "venv", str(folder))
        self._installer = (UV, "pip") if UV and not pip else (self.python, "-m", "pip")

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.scripts / "python")

    def pip(self, action: str, *arguments: str) -> list[str]:
        """The command line of an installer."""
        if self._installer[0] == UV:
            return [*self._installer, action, "--quiet", "--python", self.python, *arguments]
        return [*self._installer, action, "--quiet", *(["--yes"] if action == "uninstall" else []), *arguments]

    def install(self, *arguments: str) -> None:
        """Install packages, wheels or requirements."""
        run(*self.pip("install", *arguments), cwd=self.folder)

    def run(self, *arguments: str, check: bool = True, **options) -> subprocess.CompletedProcess[str]:
        """Run its interpreter away from the checkout, whose packages lie flat at the root."""
        return run(self.python, *arguments, check=check, **{"cwd": self.folder, **options})

    def plugins(self) -> dict[str, dict]:
        """What ``dicomlogic plugins --json`` lists, by name."""
        done = run(str(self.scripts / "dicomlogic"), "plugins", "--json", check=False, cwd=self.folder)
        assert done.stdout, done.stderr
        return {record["name"]: record for record in json.loads(done.stdout)}


def build_wheel(source: Path, target: Path) -> Path:
    """Build a wheel with the hatchling of this environment, so that nothing is downloaded."""
    target.mkdir(parents=True, exist_ok=True)
    before = set(target.iterdir())
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(source))
    (wheel,) = set(target.iterdir()) - before
    return wheel


def metadata(wheel: Path) -> Message:
    """The metadata of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def requirements(wheel: Path) -> list[str]:
    """What a wheel says it needs."""
    return metadata(wheel).get_all("Requires-Dist", [])


@pytest.fixture(scope="session")
def wheels(tmp_path_factory) -> dict[str, Path]:
    """Distribution name -> wheel, of the core and every plugin."""
    pytest.importorskip("build")
    pytest.importorskip("hatchling")
    target = tmp_path_factory.mktemp("wheels")
    sources = {"dicomlogic-core": ROOT, **{f"dicomlogic-{name}": ROOT / "plugins" / name for name in PLUGINS}}
    return {name: build_wheel(source, target) for name, source in sources.items()}


@pytest.fixture(scope="session")
def environment(tmp_path_factory) -> Callable[..., Environment]:
    """Makes an environment; skips where no package index can be reached (fails in continuous integration)."""
    checked: list[bool] = []

    def make(name: str, packages: Sequence[str | Path] = (), **options) -> Environment:
        made = Environment(tmp_path_factory.mktemp(name) / "venv", **options)
        if not checked:
            reached = run(*made.pip("install", "--dry-run", "pluggy"), check=False)
            if reached.returncode:
                reason = f"no package index can be reached: {reached.stderr.strip()[-200:]}"
                (pytest.fail if os.environ.get("DICOMLOGIC_REQUIRE_SERVERS") else pytest.skip)(reason)
            checked.append(True)
        if packages:
            made.install(*map(str, packages))
        return made

    return make


@pytest.fixture(scope="session")
def core_environment(environment, wheels) -> Environment:
    """The core alone."""
    return environment("core", [wheels["dicomlogic-core"]])
