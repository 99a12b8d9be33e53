"""The tutorial for authors: its files and commands, verbatim and in order, where nothing but built wheels is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.packaging.conftest import Environment, build_wheel, environment

from .pages import ROOT, WALKED, Block, blocks

__all__ = ["environment"]  # the fixture of the packaging tests

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the commands are those of a Unix shell")

_FILE = re.compile(r"`([\w./-]+)`:")


@pytest.fixture(scope="module")
def newcomer(environment: Callable[..., Environment], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """What the set-up of the page installs, from wheels."""
    target = tmp_path_factory.mktemp("wheels")
    core, volumes = (build_wheel(source, target) for source in (ROOT, ROOT / "plugins" / "scalar-volume"))
    return environment("newcomer", ["pip", f"dicomlogic-core[testing] @ {core.as_uri()}", volumes])


class Terminal:
    """A shell that stays in the folder it changed to."""

    def __init__(self, environment: Environment, folder: Path) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DICOMLOGIC"))}
        self._variables = {**kept, "PATH": f"{environment.scripts}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}

    def run(self, commands: str) -> str:
        """What the commands say; the first that fails fails the test."""
        where = self.folder / ".where"
        script = f"set -euo pipefail\ntrap 'pwd > {where}' EXIT\n{commands}\n"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self._variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}"
        self.folder = Path(where.read_text().strip())
        where.unlink()
        return done.stdout


def test_the_whole_page_runs_and_ends_in_a_tested_plugin(newcomer: Environment, tmp_path: Path) -> None:
    terminal = Terminal(newcomer, tmp_path)
    said = ""
    for block in blocks(WALKED):
        if block.language == "text":
            _compare(block, said)
        elif named := _FILE.fullmatch(block.before):
            file = terminal.folder / named[1]
            file.write_text(block.code + "\n", encoding="utf-8")  # its folder was made by a command of the page
        elif not block.not_run:
            assert block.language == "sh", block
            said = terminal.run(block.code)
    # What the page promises at its end.
    assert "probe-track" in newcomer.plugins()
    outcome = terminal.run("python -m pytest -q")
    assert re.search(r"\b(\d+) passed", outcome)
    assert "failed" not in outcome
    _check_style(terminal.folder)


def _compare(block: Block, said: str) -> None:
    """Every line that the page shows was said; of a table, its words in their order."""
    for line in block.code.split("\n"):
        pattern = r"\s+".join(re.escape(word) for word in line.split())
        assert re.search(pattern, said), f"line {block.line} of the page: {line!r} is not in\n{said}"


def _check_style(folder: Path) -> None:
    """What a newcomer copies should be what we ask of everybody."""
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    assert ruff is not None
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [ruff, *command, "--isolated", "--line-length", "120", "--no-cache", "src", "tests"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_every_file_of_the_page_is_named_and_every_command_runs() -> None:
    for block in blocks(WALKED):
        if block.language in ("python", "toml"):
            assert _FILE.fullmatch(block.before), f"line {block.line}: no file name before this block"
        else:
            assert block.language in ("sh", "text"), block.language
    assert sum(block.not_run for block in blocks(WALKED)) == 1  # the set-up, which the fixture stands for
