"""The template: what it writes passes its own tests and our checks where only wheels are, and can be removed."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import dicomlogic_core as dl
from tests.packaging.conftest import Environment, build_wheel, run

from .conftest import TEMPLATE, Bake

KINDS = ("adaptor", "source", "fetcher", "writer")


@dataclass(frozen=True)
class Made:
    """A package that the template wrote, installed from its wheel beside the core's wheel."""

    name: str
    kind: str
    folder: Path
    wheel: Path
    environment: Environment

    @property
    def module(self) -> str:
        """What it is imported as."""
        return f"dicomlogic_{self.name.replace('-', '_')}"


# A name of a digit and hyphens is the hardest to turn into a module, a class and a URL scheme.
@pytest.fixture(scope="module", params=[*((f"an-{kind}", kind) for kind in KINDS), ("t2-3d", "source")], ids="-".join)
def made(
    request: pytest.FixtureRequest, bake: Bake, author: Environment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Made]:
    """One of each kind, and one of an odd name."""
    name, kind = request.param
    answers = {"author": 'A "quoted" Näme', "license": "BSD-3-Clause", "description": 'It says "so": a \\ b & c.'}
    folder = bake(tmp_path_factory.mktemp(name), name=name, kind=kind, **answers)
    wheel = build_wheel(folder, folder / "dist")
    author.install(str(wheel))
    yield Made(name, kind, folder, wheel, author)
    run(*author.pip("uninstall", f"dicomlogic-{name}"), check=False)


def test_its_wheel_holds_its_package_and_nothing_else(made: Made) -> None:
    with zipfile.ZipFile(made.wheel) as archive:
        names = {one for one in archive.namelist() if ".dist-info/" not in one}
    files = ("__init__", "plugin", made.kind)
    assert names == {f"{made.module}/py.typed", *(f"{made.module}/{name}.py" for name in files)}


def test_its_tests_pass(made: Made) -> None:
    told = made.environment.run("-m", "pytest", "-p", "no:cacheprovider", "-rs", cwd=made.folder).stdout
    counted = re.search(r"(\d+) passed", told)
    assert counted is not None and int(counted[1]) > 20  # those of the conformance class among them
    assert "failed" not in told
    # What asks for an entry point cannot be asked of a fetcher that is registered beside a source of the tests' own.
    assert ("skipped" in told) == (made.kind == "fetcher"), told


def test_it_is_listed_with_its_distribution(made: Made) -> None:
    records = made.environment.plugins()
    assert set(records) == {"builtin", made.name}
    assert records[made.name]["distribution"] == f"dicomlogic-{made.name}"
    assert records[made.name]["status"] == "ok"
    assert records[made.name]["provides"] == [f"{made.kind}:{made.name}"]


def test_checking_it_finds_nothing(made: Made) -> None:
    done = made.environment.run(
        "-m", "dicomlogic_core.cli.main", "plugins", "check", made.name, "--json", check=False, cwd=made.folder
    )
    report = json.loads(done.stdout)
    assert report["problems"] == []
    assert report["heavy_imports"] == []
    assert report["workers"] == [f"{made.kind}:{made.name}"]
    assert done.returncode == 0


def test_its_code_is_linted_and_typed(made: Made, tmp_path_factory: pytest.TempPathFactory) -> None:
    cache = tmp_path_factory.getbasetemp() / "mypy"  # shared: most of the time goes into the core's and numpy's types
    for command in (
        ("ruff", "check", "--no-cache", "."),
        ("ruff", "format", "--no-cache", "--check", "."),
        ("mypy", "--strict", "--cache-dir", str(cache)),
    ):
        run(str(made.environment.scripts / command[0]), *command[1:], cwd=made.folder)


def test_its_license_and_author_are_those_chosen(made: Made) -> None:
    text = (made.folder / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("BSD 3-Clause License")
    assert 'A "quoted" Näme' in text


def test_nothing_of_the_other_kinds_is_left(made: Made) -> None:
    files = {path.relative_to(made.folder).as_posix() for path in made.folder.rglob("*") if path.is_file()}
    assert f"tests/test_{made.kind}.py" in files
    assert not {one for kind in KINDS if kind != made.kind for one in files if Path(one).stem.endswith(kind)}
    for path in made.folder.rglob("*.*"):
        if path.suffix in (".py", ".md", ".toml", ".yml"):
            text = path.read_text(encoding="utf-8")
            assert "cookiecutter" not in text, path
            assert "{%" not in text, path


def test_its_commands_for_continuous_integration_are_those_of_its_readme(made: Made) -> None:
    workflow = (made.folder / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
    job = pytest.importorskip("yaml").safe_load(workflow)["jobs"]["tests"]
    assert job["steps"][1]["with"]["python-version"] == "${{ matrix.python }}"
    assert job["strategy"]["matrix"]["python"] == ["3.10", "3.13"]
    block = (made.folder / "README.md").read_text(encoding="utf-8").split("```sh\n")[-1].split("```")[0]
    steps = " && ".join(step["run"] for step in job["steps"] if "run" in step)
    for command in block.strip().split("\n")[1:]:
        assert command in steps, command


def test_uninstalling_removes_it_from_the_list(made: Made) -> None:
    run(*made.environment.pip("uninstall", f"dicomlogic-{made.name}"))
    assert set(made.environment.plugins()) == {"builtin"}


# --- questions -------------------------------------------------------------------------------------------------------

BAD_NAMES = [
    *("Projection", "2d", "a_b", "a--b", "-a", "a-", "a b", "a/../b", "ä", "a" * 41, 'a"b', "x;y", ""),
    *("core", "builtin", "scalar-volume", "nrrd", "dicomlogic-mine", "none", "all", "class"),
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names_are_refused_with_the_rule(
    bake: Bake, name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from cookiecutter.exceptions import CookiecutterException

    with pytest.raises(CookiecutterException):
        bake(tmp_path, name=name)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    told = capfd.readouterr().err
    assert "choose" in told or "use lower-case letters, digits and single hyphens" in told


def test_names_of_plugins_and_providers_of_this_repository_are_taken() -> None:
    """The provider is called like the plugin, and a provider's name belongs to the first that took it."""
    hook = (TEMPLATE / "hooks" / "pre_gen_project.py").read_text(encoding="utf-8")
    taken = {folder.parent.name for folder in (TEMPLATE.parent / "plugins").glob("*/pyproject.toml")}
    registry = dl.default_manager().registry
    taken |= {provider.name for kind in KINDS for provider in registry.providers(kind)}
    assert {"files", "nrrd"} < taken
    assert {name for name in taken if f'"{name}"' not in hook} == set()


def test_the_template_asks_for_this_core_or_a_later_one() -> None:
    settings = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    pinned, here = ([int(part) for part in text.split(".")] for text in (settings["__core"], dl.__version__))
    assert pinned >= here, (
        "a plugin made today would accept a core that is older than what its template was tested with"
    )


def test_it_asks_what_the_readme_says() -> None:
    settings = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    asked = [key for key in settings if not key.startswith("_")]
    assert asked == ["name", "kind", "description", "author", "license"]
    assert settings["kind"] == list(KINDS)
    readme = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    assert f"asks for {', '.join(asked[:-1])} and {asked[-1]}" in readme
