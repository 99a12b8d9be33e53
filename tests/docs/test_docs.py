"""The documentation: its code runs, its links lead somewhere, its commands are those of continuous integration."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dicomlogic_core.cli.main import main
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.server import serve

from .pages import PAGES, ROOT, WALKED, Block, blocks

# Lines of shell blocks that prepare a machine; the long test below runs those of the README.
_SET_UP = ("python3 -m venv", "pip install", "uvx cookiecutter")


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "data"
    phantoms.write_ct(folder / "plain", name="plain")
    phantoms.tricky(4, folder / "gap")
    return folder


def runnable(page: Path) -> list[Block]:
    if page == WALKED:
        return []
    return [block for block in blocks(page) if block.language in ("python", "sh") and not block.not_run]


@pytest.mark.parametrize("page", [page for page in PAGES if runnable(page)], ids=_name)
def test_code_runs(
    page: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(data, "data")
    with serve(data) as server:
        names: dict[str, Any] = {"__name__": "__main__"}
        for block in runnable(page):
            code = block.code.replace("https://server/dicom-web", server.url).replace('"42"', '"PHANTOM"')
            if block.language == "python":
                # Line numbers of the page in tracebacks.
                exec(compile("\n" * (block.line - 1) + code, str(page), "exec"), names)
            else:
                _run_shell(code, capsys)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_no_code_escapes_the_tests_without_a_reason(page: Path) -> None:
    for block in blocks(page):
        assert block.language in ("python", "sh", "toml", "text", ""), f"line {block.line}: {block.language}"
        if block.language == "":
            assert "import " not in block.code, f"line {block.line}: say that this is python"
        if block.not_run:
            assert len(block.before) > len("<!-- not run:  -->") + 5, f"line {block.line}: why is it not run?"


def _run_shell(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    for line in code.split("\n"):
        if line.startswith(_SET_UP):
            continue
        program, *arguments = shlex.split(line)
        assert program == "dicomlogic", line
        assert main(arguments) == 0, capsys.readouterr().err


def test_the_example_of_the_readme_finds_something(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = [block for block in blocks(ROOT / "README.md") if "dl.open(" in block.code]
    assert len(example.code.split("\n")) == 6  # the import and five lines
    with serve(data) as server:
        exec(example.code.replace("https://server/dicom-web", server.url).replace('"42"', '"PHANTOM"'), {})
    assert len(list((tmp_path / "out").glob("*.nrrd"))) == 2


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", one).lower().replace(" ", "-") for one in headings}, target


def test_every_test_that_a_page_names_exists() -> None:
    for page in (page for page in PAGES if page != WALKED):
        for line in page.read_text(encoding="utf-8").split("\n"):
            folder = ROOT
            for name in re.findall(r"`((?:tests/)?[\w/]*test_\w+\.py)`", line):
                path = ROOT / name if name.startswith("tests/") else folder / name
                assert path.is_file(), (page.name, name)
                folder = path.parent


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    todo = [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen:
            continue
        seen.add(page)
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            path = (page.parent / target).resolve()
            if path.is_dir():
                path /= "README.md"
            if path.suffix == ".md" and path.is_file():
                todo.append(path)
    assert set(PAGES) <= seen


# --- the README's own commands --------------------------------------------------------------------------------------


def _set_up_lines() -> list[str]:
    return [
        line
        for block in blocks(ROOT / "README.md")
        if block.language == "sh"
        for line in block.code.split("\n")
        if line.startswith("python3 -m venv")
    ]


def test_the_readme_has_two_commands_that_do_all_the_set_up() -> None:
    demo, tests = _set_up_lines()
    assert demo.endswith("uv run dicomlogic demo")
    assert tests.endswith("uv run --group test pytest")
    assert tests in (ROOT / ".ci" / "run").read_text(encoding="utf-8").split("\n")


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="the line for Windows is another one")
def test_the_demo_command_works_in_a_fresh_clone(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    environment = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "UV", "PYTHONPATH")}
    done = subprocess.run(
        ["bash", "-c", _set_up_lines()[0]], cwd=clone, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((clone / "dicomlogic-demo" / "volumes").glob("*.nrrd"))
    # What it says to type next can be typed.
    for line in done.stdout.split("Go on with:")[1].strip().split("\n"):
        again = subprocess.run(
            ["bash", "-c", line.strip()], cwd=clone, env=environment, capture_output=True, text=True, check=False
        )
        assert again.returncode in (0, 1), (line, again.stderr)
        assert "Traceback" not in again.stderr
