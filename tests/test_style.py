"""The code's form: linted, formatted, typed, and with no arrow between its modules that runs up or in a circle."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(folder for folder in (ROOT / "plugins").glob("*/src/*") if (folder / "__init__.py").is_file())


def _run(module: str, *arguments: str) -> None:
    """Run a tool of this environment on the checkout; its own words are the failure's message."""
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed (uv run --group test pytest)")
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"{' '.join(command[2:])} found:\n{done.stdout}{done.stderr}", pytrace=False)


def test_ruff_check():
    _run("ruff", "check", "--no-cache", ".")


def test_ruff_format():
    _run("ruff", "format", "--no-cache", "--check", ".")


@pytest.mark.parametrize("package", [ROOT / "dicomlogic_core", *SOURCES], ids=lambda folder: folder.name)
def test_mypy_strict(package, tmp_path_factory):
    cache = tmp_path_factory.getbasetemp() / "mypy"
    _run("mypy", "--strict", "--cache-dir", str(cache), str(package.relative_to(ROOT)))


def test_import_contracts():
    pytest.importorskip("importlinter")
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        report = done.stdout[done.stdout.find("Contracts\n") :]
        pytest.fail(f"import contracts (pyproject.toml, tool.importlinter):\n{report}{done.stderr}", pytrace=False)


def test_only_the_face_also_where_only_type_checkers_look():
    # The contracts leave out imports under TYPE_CHECKING, which may name a higher layer; a plugin may not.
    grimp = pytest.importorskip("grimp")
    graph = grimp.build_graph("dicomlogic_core", *(folder.name for folder in SOURCES), cache_dir=None)
    packages = ["dicomlogic_core.builtin", "dicomlogic_core.cli", *(folder.name for folder in SOURCES)]
    wrong = [
        f"{module} imports {imported}"
        for package in packages
        for module in sorted({package} | graph.find_descendants(package))
        for imported in sorted(graph.find_modules_directly_imported_by(module))
        if imported.startswith("dicomlogic_core.")
        and not imported.startswith((f"{package}.", "dicomlogic_core.testing."))
    ]
    assert wrong == []


@pytest.mark.parametrize("package", [ROOT / "dicomlogic_core", *SOURCES], ids=lambda folder: folder.name)
def test_rooms_are_small(package):
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in package.rglob("*.py")}
    assert [f"{path.relative_to(ROOT)}: {size} lines" for path, size in sizes.items() if size > 400] == []
