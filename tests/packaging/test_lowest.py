"""The lowest versions we declare, and every Python we promise, run the core's tests."""

from __future__ import annotations

import pytest

from .conftest import PLUGINS, ROOT, UV, Environment, run

pytestmark = [pytest.mark.long, pytest.mark.skipif(UV is None, reason="other Pythons and lowest versions need uv")]

TEST_TOOLS = ["pytest>=8", "pytest-timeout", "hypothesis", "hatchling", "build", "packaging"]
LOWEST = {"pluggy": "1.5.", "pydicom": "3.0.1", "numpy": "1.26.", "requests": "2.32.", "pynrrd": "1.1.1"}


def _environment(environment, wheels, version: str, *options: str) -> Environment:
    if run(UV, "python", "find", version, check=False).returncode:
        pytest.skip(f"uv cannot find Python {version}")
    made = environment(f"python{version}", python=version)
    made.install(*options, *map(str, wheels.values()))
    return made


def _core_tests(environment: Environment) -> None:
    environment.install(*TEST_TOOLS)
    # Run as a script: with -m the checkout's flat core would stand before the installed one.
    tests = [str(ROOT / "tests" / "core"), *(str(ROOT / "plugins" / name / "tests") for name in PLUGINS)]
    run(str(environment.scripts / "pytest"), "-q", "-p", "no:cacheprovider", *tests, cwd=ROOT)


def test_lowest_declared_versions_on_the_lowest_python(environment, wheels):
    made = _environment(environment, wheels, "3.10", "--resolution", "lowest-direct")
    code = "from importlib.metadata import version; import sys; print(*(version(name) for name in sys.argv[1:]))"
    versions = made.run("-c", code, *LOWEST).stdout.split()
    for (name, expected), found in zip(LOWEST.items(), versions, strict=True):
        assert found.startswith(expected), f"{name} {found}"
    _core_tests(made)


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_newest_versions_on_later_pythons(environment, wheels, version):
    _core_tests(_environment(environment, wheels, version))
