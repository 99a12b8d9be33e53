"""The public face: its names, and what importing it costs."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import dicomlogic_core

HEAVY = {"numpy", "pydicom", "requests", "nrrd"}
FACE = Path(dicomlogic_core.__file__)


def _type_checking_imports() -> dict[str, str]:
    """Name -> module, of the imports that type checkers see."""
    found = {}
    for node in ast.walk(ast.parse(FACE.read_text(encoding="utf-8"))):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            for statement in node.body:
                assert isinstance(statement, ast.ImportFrom)
                for alias in statement.names:
                    assert alias.asname is None
                    found[alias.name] = statement.module.removeprefix("dicomlogic_core.")
    return found


def test_type_checkers_the_lazy_table_and_all_agree():
    assert _type_checking_imports() == dicomlogic_core._NAMES
    assert sorted(dicomlogic_core.__all__) == sorted(["__version__", *dicomlogic_core._NAMES])
    assert len(set(dicomlogic_core.__all__)) == len(dicomlogic_core.__all__)


@pytest.mark.parametrize("name", sorted(dicomlogic_core.__all__))
def test_every_name_is_there_and_is_the_modules_own(name):
    value = getattr(dicomlogic_core, name)
    if name != "__version__":
        module = importlib.import_module(f"dicomlogic_core.{dicomlogic_core._NAMES[name]}")
        assert getattr(module, name) is value
        # Defined there, not merely imported there; objects and unions of types carry the module of their class.
        if getattr(value, "__module__", "").startswith("dicomlogic_core"):
            assert value.__module__ == module.__name__
    assert name in dir(dicomlogic_core)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        dicomlogic_core.Nothing  # noqa: B018


def _loaded_by(code: str) -> set[str]:
    """The modules a fresh process has after running `code`."""
    code += "\nimport sys, json; print('\\n' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_face_loads_nothing_heavy():
    loaded = _loaded_by("import dicomlogic_core")
    assert loaded & HEAVY == set()
    # Lazy to the end: not even its own modules are loaded before they are named.
    assert {module for module in loaded if module.startswith("dicomlogic_core.")} == set()


def test_help_loads_nothing_heavy():
    code = (
        "from dicomlogic_core.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert not end.code\n"
    )
    assert _loaded_by(code) & HEAVY == set()


def test_listing_the_plugins_of_the_repository_loads_nothing_heavy():
    code = (
        "from dicomlogic_core import default_manager\nrecords = default_manager().records()\nassert len(records) >= 1\n"
    )
    assert _loaded_by(code) & HEAVY == set()


def test_nothing_is_printed_by_importing_or_listing():
    code = "import dicomlogic_core as dl; dl.PluginManager(discover=False).records()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
