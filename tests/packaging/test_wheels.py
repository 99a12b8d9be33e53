"""What is in the wheels, and that each plugin works alone with only what it declares."""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import dicomlogic_core

from .conftest import PLUGINS, ROOT, build_wheel, metadata, requirements, run

DISTRIBUTIONS = ["dicomlogic-core", *(f"dicomlogic-{name}" for name in PLUGINS)]


def _names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_wheel_holds_its_package_typed_and_nothing_else(wheels, distribution):
    names = _names(wheels[distribution])
    package = distribution.replace("-", "_")
    assert f"{package}/py.typed" in names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {package}
    inside = [name.split("/")[1:] for name in names if name.startswith(package)]
    assert [parts for parts in inside if "tests" in parts or parts[-1].startswith(("test_", "conftest"))] == []
    # Every module of the checkout is in it.
    folder = ROOT / package if distribution == "dicomlogic-core" else next(ROOT.glob(f"plugins/*/src/{package}"))
    modules = {f"{package}/{path.relative_to(folder).as_posix()}" for path in folder.rglob("*.py")}
    assert modules - set(names) == set()


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_wheel_carries_the_licence(wheels, distribution):
    with zipfile.ZipFile(wheels[distribution]) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
        assert archive.read(name) == (ROOT / "LICENSE").read_bytes()


def test_all_distributions_carry_one_version(wheels):
    versions = {name: metadata(wheel)["Version"] for name, wheel in wheels.items()}
    assert set(versions.values()) == {dicomlogic_core.__version__}, versions


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_requirements_have_lower_bounds_only(wheels, distribution):
    assert metadata(wheels[distribution])["Requires-Python"] == ">=3.10"
    for requirement in requirements(wheels[distribution]):
        text = requirement.partition(";")[0]
        assert ">=" in text, requirement
        assert "==" not in text, requirement
        # An upper bound would move packages that Slicer and Colab ship; our own interface is bounded on purpose.
        assert "<" not in text or text.startswith("dicomlogic-core"), requirement


def test_the_wheel_made_from_a_source_distribution_is_the_same(wheels, tmp_path):
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", str(tmp_path), str(ROOT))
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    assert {path.name for path in source.iterdir() if path.is_dir()} == {"dicomlogic_core"}
    assert sorted(_names(build_wheel(source, tmp_path / "wheel"))) == sorted(_names(wheels["dicomlogic-core"]))
