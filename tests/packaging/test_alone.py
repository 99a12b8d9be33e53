"""Each plugin alone in an environment with only what it declares; and all of them from the repository's address."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from .conftest import PLUGINS, ROOT, UV, Environment, run

IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not module.name.startswith("dicomlogic_core.testing."):
        importlib.import_module(module.name)
"""


@pytest.fixture(scope="session", params=PLUGINS)
def alone(request, environment, wheels) -> tuple[str, Environment]:
    """A plugin's name, and an environment with it, the core, and what these two declare."""
    packages = [wheels["dicomlogic-core"], wheels[f"dicomlogic-{request.param}"]]
    return request.param, environment(request.param, packages)


def test_the_core_alone_lists_its_built_ins(core_environment):
    records = core_environment.plugins()
    assert {name: record["status"] for name, record in records.items()} == {"builtin": "ok"}
    assert records["builtin"]["distribution"] == "dicomlogic-core"


def test_every_module_of_the_core_can_be_imported(core_environment):
    core_environment.run("-c", IMPORT_ALL, "dicomlogic_core")


def test_a_plugin_alone_is_listed_with_its_distribution(alone):
    name, environment = alone
    records = environment.plugins()
    assert {name: record["status"] for name, record in records.items()} == {"builtin": "ok", name: "ok"}
    assert records[name]["distribution"] == f"dicomlogic-{name}"
    assert records[name]["version"] == records["builtin"]["version"]
    assert records[name]["provides"]


def test_every_module_of_a_plugin_can_be_imported_with_what_it_declares(alone):
    name, environment = alone
    environment.run("-c", IMPORT_ALL, f"dicomlogic_{name.replace('-', '_')}")


def test_plugins_check_finds_nothing_wrong(alone):
    name, environment = alone
    done = environment.run("-m", "dicomlogic_core.cli.main", "plugins", "check", name, "--json", check=False)
    assert json.loads(done.stdout)["problems"] == []
    assert done.returncode == 0


@pytest.mark.long
def test_a_plugins_own_tests_pass_from_its_wheel(alone, tmp_path):
    name, environment = alone
    tests = ROOT / "plugins" / name / "tests"
    if not tests.is_dir():
        pytest.skip(f"{name} has no tests")
    environment.install("pytest>=8", "pytest-timeout", "hypothesis")
    # Copied away: beside the checkout's conftest the flat core would be imported in the wheel's place.
    shutil.copytree(tests, tmp_path / "tests")
    environment.run(
        "-m", "pytest", "-q", "--import-mode=importlib", "-p", "no:cacheprovider",
        "-p", "dicomlogic_core.testing.fixtures", str(tmp_path / "tests"), cwd=tmp_path,
    )  # fmt: skip


def test_uninstalling_removes_a_plugin_from_the_list(environment, wheels):
    made = environment("uninstalled", list(wheels.values()))
    assert set(made.plugins()) == {"builtin", *PLUGINS}
    run(*made.pip("uninstall", f"dicomlogic-{PLUGINS[0]}"))
    assert set(made.plugins()) == {"builtin", *PLUGINS[1:]}


@pytest.fixture(scope="session")
def clone(tmp_path_factory) -> Path:
    """A clone of what is committed."""
    git = shutil.which("git")
    if git is None or run(git, "-C", str(ROOT), "rev-parse", "HEAD", check=False).returncode:
        pytest.skip("not a git checkout")
    target = tmp_path_factory.mktemp("clone") / "repository"
    run(git, "clone", "--quiet", ROOT.as_uri(), str(target))
    # A checkout without a branch, as continuous integration makes them, has no default branch to install from.
    run(git, "-C", str(target), "checkout", "--quiet", "-B", "main")
    return target


@pytest.mark.parametrize("pip", [False, pytest.param(True, marks=pytest.mark.long)], ids=["uv", "pip"])
def test_one_command_installs_core_and_plugins_from_a_git_address(environment, clone, pip):
    address = f"git+{clone.as_uri()}"
    made = environment("git", pip=pip)
    made.install(address, *(f"{address}#subdirectory=plugins/{name}" for name in PLUGINS))
    assert {record["status"] for record in made.plugins().values()} == {"ok"}
    assert set(made.plugins()) == {"builtin", *PLUGINS}


@pytest.mark.long
@pytest.mark.skipif(UV is None, reason="the command is uv's")
def test_the_demo_runs_from_a_fresh_clone(clone):
    run(UV, "run", "dicomlogic", "demo", cwd=clone)
    written = {path.suffix for path in (clone / "dicomlogic-demo").rglob("*") if path.is_file()}
    assert {".nrrd", ".png", ".sql"} <= written


def test_help_is_there_without_the_checkout(core_environment):
    done = run(str(core_environment.scripts / "dicomlogic"), "--help", cwd=core_environment.folder)
    for command in ("demo", "index", "list", "examine", "export", "preview", "plugins"):
        assert command in done.stdout


def test_the_face_is_typed_for_users(core_environment, tmp_path):
    """A user's strict type checker sees the names of the face, although they are imported when used."""
    pytest.importorskip("mypy")
    script = tmp_path / "script.py"
    script.write_text(
        "import dicomlogic_core as dl\n"
        "def size(loadable: dl.Loadable) -> int:\n    return loadable.instances\n"
        "with dl.open() as session:\n    reveal_type(session)\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", core_environment.python]
    done = run(*command, "--cache-dir", str(tmp_path / "cache"), str(script), cwd=tmp_path)
    assert 'Revealed type is "dicomlogic_core.session.Session"' in done.stdout
