"""The reference: generated pages are what the code would write now, and name all that is public, nothing else."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
from types import ModuleType

import pytest

import dicomlogic_core as dl
from dicomlogic_core import hookspecs, testing
from dicomlogic_core.cli.main import main

from .pages import PAGES, ROOT, blocks

REFERENCE = ROOT / "docs" / "reference"
HOOKS = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("dicomlogic_")}


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATED = _generator().PAGES


def _read(page: str) -> str:
    return (REFERENCE / page).read_text(encoding="utf-8")


def _first_cells(text: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", text, flags=re.MULTILINE)


@pytest.mark.parametrize("page", sorted(GENERATED))
def test_generated_pages_are_current(page: str) -> None:
    assert _read(page) == GENERATED[page](), "run: python docs/generate.py"


def test_every_page_that_says_it_is_made_is_made() -> None:
    made = {page.name for page in REFERENCE.glob("*.md") if "Made by docs/generate.py" in page.read_text("utf-8")}
    assert made == set(GENERATED)


def test_every_code_has_a_row() -> None:
    assert sorted(_first_cells(_read("findings.md"))) == sorted(dl.CODES)


# --- hooks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_has_a_heading_with_its_signature(name: str) -> None:
    parameters = ", ".join(inspect.signature(HOOKS[name]).parameters)
    heading = re.search(rf"^## `{name}\((.*)\) -> ", _read("hooks.md"), flags=re.MULTILINE)
    assert heading is not None
    assert ", ".join(re.findall(r"(\w+): ", heading[1])) == parameters


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_has_a_test_named_after_it(name: str) -> None:
    tests = (path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "core").glob("test_*.py"))
    assert any(f"\ndef test_{name}(" in text for text in tests)


def test_the_diagram_shows_every_hook_and_every_method_of_a_worker() -> None:
    (diagram,) = (block.code for block in blocks(ROOT / "docs" / "explanation" / "flow.md") if "dl.open(" in block.code)
    methods = {
        f"{contract.__name__}.{name}"
        for contract in (dl.Source, dl.Fetcher, dl.Adaptor, dl.Writer)
        for name, method in vars(contract).items()
        if inspect.isfunction(method) and not name.startswith("_")
    }
    methods.add("StudyAdaptor.examine_study")
    assert [name for name in {*HOOKS, *methods} if name not in diagram] == []
    # And no other.
    assert set(re.findall(r"dicomlogic_\w+", diagram)) == set(HOOKS)


# --- names -----------------------------------------------------------------------------------------------------------


def test_the_public_names_of_the_face_are_exactly_the_documented_ones() -> None:
    assert sorted(_first_cells(_read("python.md"))) == sorted(dl.__all__)


@pytest.mark.parametrize("name", sorted(dl.__all__))
def test_every_public_name_says_what_it_is(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name}` \| (.*) \|$", _read("python.md"), flags=re.MULTILINE)
    assert len(row) > 5


def test_every_public_module_for_tests_is_documented_with_its_names() -> None:
    public = re.findall(r"`(\w+)`", testing.__doc__ or "")
    text = _read("testing.md")
    assert re.findall(r"^## (\w+)$", text, flags=re.MULTILINE) == public
    for module in public:
        importlib.import_module(f"dicomlogic_core.testing.{module}")


def test_examples_use_public_names_only() -> None:
    """What pages, the template and the examples import is what is promised to stay."""
    public = set(re.findall(r"`(\w+)`", testing.__doc__ or ""))
    files = [*ROOT.glob("cookiecutter-plugin/**/*.py"), *ROOT.glob("examples/**/*.py")]
    codes = {str(file): file.read_text(encoding="utf-8") for file in files}
    codes |= {f"{page}:{block.line}": block.code for page in PAGES for block in blocks(page)}
    for place, code in codes.items():
        modules = set(re.findall(r"dicomlogic_core\.testing\.(\w+)", code))
        for names in re.findall(r"from dicomlogic_core\.testing import ([\w, ]+)", code):
            modules |= {name.strip() for name in names.split(",")}
        assert modules <= public, f"{place}: {sorted(modules - public)}"
        assert not re.search(r"(from|import) dicomlogic_core\.(?!testing)", code), place


def test_the_page_on_versions_names_everything_that_is_public() -> None:
    text = _read("versioning.md")
    for page in GENERATED:
        assert f"]({page})" in text, page
    for contract in ("Source", "Fetcher", "Adaptor", "StudyAdaptor", "Writer"):
        assert f"`{contract}`" in text


def test_lowest_versions_of_others_are_those_declared() -> None:
    declared = dict(re.findall(r'^    "([a-z]+)>=([\d.]+)"', (ROOT / "pyproject.toml").read_text("utf-8"), flags=re.M))
    text = " ".join(_read("versioning.md").split())
    for name in ("numpy", "pydicom", "requests", "pluggy", "pynrrd"):
        assert f"{name} {declared[name]}" in text, name


# --- the command line ------------------------------------------------------------------------------------------------


def test_every_command_and_option_is_in_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    text = _read("cli.md")
    main(["--help"])
    commands = re.findall(r"^    (\w+) +", capsys.readouterr().out, flags=re.MULTILINE)
    assert len(commands) >= 7
    for command in commands:
        section = text.split(f"## dicomlogic {command}\n")[1].split("\n## ")[0]
        main([command, "--help"])
        for option in set(re.findall(r"(--[a-z-]+)", capsys.readouterr().out)) - {"--help"}:
            assert option in section, (command, option)
