"""Real distributions, built here: a broken one, two of one name, and some installed while the process runs."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

from .conftest import UV, Environment, build_wheel

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "{name}"
version = "{version}"
dependencies = ["dicomlogic-core"]
[project.entry-points.dicomlogic]
{entry} = "{package}.plugin"
"""

PLUGIN = """
from dicomlogic_core import AdaptorProvider, hookimpl

@hookimpl
def dicomlogic_adaptors():
    yield AdaptorProvider(name="{adaptor}", label="of {name}", factory="{package}.worker:Worker")
"""

# Runs the steps it is given in one process: a list is a command to run, a text is a label to report under.
DRIVER = """
import json, subprocess, sys
from dicomlogic_core import PluginManager
manager, reports = PluginManager(), {}
for step in json.loads(sys.argv[1]):
    if isinstance(step, list):
        subprocess.run(step, check=True, capture_output=True)
        continue
    manager.rediscover()
    reports[step] = {
        "records": {record.name: record.as_dict() for record in manager.records()},
        "labels": {provider.name: provider.label for provider in manager.registry.providers("adaptor")},
        "failures": [[failure.plugin, failure.stage, failure.error] for failure in manager.failures],
    }
print(json.dumps(reports))
"""


def write_project(folder: Path, name: str, *, entry: str = "", adaptor: str = "", code: str = "") -> Path:
    """The source of a distribution with one plugin."""
    package = name.replace("-", "_")
    (folder / package).mkdir(parents=True)
    names = {"name": name, "version": "1.2.3", "package": package, "entry": entry or name, "adaptor": adaptor or name}
    (folder / "pyproject.toml").write_text(PROJECT.format(**names))
    (folder / package / "__init__.py").write_text("")
    (folder / package / "plugin.py").write_text(dedent(code) or PLUGIN.format(**names))
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory, wheels) -> dict[str, Path]:
    """Wheels by name; needs the core's as well, so that it is known to be buildable."""
    folder = tmp_path_factory.mktemp("projects")
    projects = [
        write_project(folder / "broken", "zz-broken", code="import zz_not_there"),
        write_project(folder / "twin-b", "zz-twin-b", entry="twin", adaptor="twin"),
        write_project(folder / "twin-a", "zz-twin-a", entry="twin", adaptor="twin"),
        write_project(folder / "late", "zz-late"),
    ]
    return {project.name: build_wheel(project, folder / "wheels") for project in projects}


@pytest.fixture(scope="module")
def crowded(environment, wheels, built) -> Environment:
    """The core with a broken plugin and two of one name, the second one installed first."""
    return environment("crowded", [wheels["dicomlogic-core"], built["broken"], built["twin-b"], built["twin-a"]])


def drive(environment: Environment, *steps: str | list[str]) -> dict[str, dict]:
    """Reports by label, all made in one process."""
    return json.loads(environment.run("-c", DRIVER, json.dumps(steps)).stdout)


def test_a_broken_plugin_and_two_of_one_name_beside_good_ones(crowded):
    report = drive(crowded, "now")["now"]
    records = report["records"]
    assert records["zz-broken"]["status"] == "failed"
    assert records["zz-broken"]["version"] == "1.2.3"
    assert "zz_not_there" in records["zz-broken"]["error"]
    assert records["builtin"]["status"] == "ok"
    # The order is that of the names, not that of installing.
    assert report["labels"]["twin"] == "of zz-twin-a"
    for name in ("zz-twin-a:twin", "zz-twin-b:twin"):
        assert "zz-twin-a" in records[name]["notes"][0]
        assert "zz-twin-b" in records[name]["notes"][0]
    assert [(plugin, stage) for plugin, stage, _ in report["failures"]] == [
        ("zz-broken", "import"),
        ("zz-twin-b:twin", "provide"),
    ]


def test_the_command_line_lists_them_and_exits_with_1(crowded):
    done = crowded.run("-m", "dicomlogic_core.cli.main", "plugins", check=False)
    assert done.returncode == 1
    for name in ("zz-broken", "zz_not_there", "zz-twin-a:twin", "zz-twin-b:twin"):
        assert name in done.stdout


def test_installed_and_removed_while_the_process_runs(crowded, built):
    steps = drive(
        crowded,
        "before",
        crowded.pip("install", "--no-deps", str(built["late"])),
        "installed",
        crowded.pip("uninstall", "zz-late"),
        "removed",
    )
    assert "zz-late" not in steps["before"]["records"]
    assert steps["installed"]["records"]["zz-late"]["status"] == "ok"
    assert steps["installed"]["labels"]["zz-late"] == "of zz-late"
    assert "zz-late" not in steps["removed"]["records"]
    assert "zz-late" not in steps["removed"]["labels"]


@pytest.mark.skipif(UV is None, reason="pip's own editable install takes half a minute")
def test_an_editable_install_while_the_process_runs_says_restart_and_works_after_it(crowded, tmp_path):
    project = write_project(tmp_path / "editable", "zz-editable")
    install = crowded.pip("install", "--no-deps", "--editable", str(project))
    record = drive(crowded, install, "now")["now"]["records"]["zz-editable"]
    assert record["status"] == "failed"
    assert "restart" in record["error"]
    assert drive(crowded, "later")["later"]["records"]["zz-editable"]["status"] == "ok"
