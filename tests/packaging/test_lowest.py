"""The lowest versions we declare, and every Python we promise, run the core's tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .conftest import PLUGINS, ROOT, UV, Environment, requirements, run

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(3600),  # each is the core's whole suite
    pytest.mark.skipif(UV is None, reason="other Pythons and lowest versions need uv"),
]

# Of the test group what goes with the lowest versions: tests that need more skip. pytest 9 asks for a later pluggy.
TEST_TOOLS = [
    "pytest>=8,<9",
    "pytest-timeout>=2.3",
    "hypothesis>=6.100",
    "hatchling>=1.24",
    "build>=1.2",
    "packaging>=23",
    "SimpleITK>=2.4",
    "nibabel>=5.2",
    "pillow>=10",
    "isal>=1.7",
    "orjson>=3.10",
    "msgspec>=0.19",
    "dicomweb-client>=0.60",
]
LOWEST = {"pluggy": "1.5.0", "pydicom": "3.0.1", "numpy": "1.26.0", "requests": "2.32.", "pynrrd": "1.1.1"}


def _python(version: str) -> str:
    """An interpreter of a version: uv's, or one of pyenv, whose shims uv cannot ask."""
    found = run(UV, "python", "find", version, check=False)
    if not found.returncode:
        return found.stdout.strip()
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    installed = sorted(root.glob(f"versions/{version}.*/bin/python"))
    if not installed:
        pytest.skip(f"neither uv nor pyenv has Python {version}")
    return str(installed[-1])


def _core_tests(environment: Environment) -> None:
    # Run as a script: with -m the checkout's flat core would stand before the installed one.
    tests = [str(ROOT / "tests" / "core"), *(str(ROOT / "plugins" / name / "tests") for name in PLUGINS)]
    run(str(environment.scripts / "pytest"), "-q", "-p", "no:cacheprovider", *tests, cwd=ROOT)


def test_lowest_declared_versions_on_the_lowest_python(environment, wheels):
    made = environment("lowest", python=_python("3.10"))
    # Only what is named itself is taken at its lowest: what the core declares is named again.
    declared = [text.partition(";")[0] for text in requirements(wheels["dicomlogic-core"]) if "extra ==" not in text]
    made.install("--resolution", "lowest-direct", *map(str, wheels.values()), *declared)
    made.install(*TEST_TOOLS)
    code = "from importlib.metadata import version; import sys; print(*(version(name) for name in sys.argv[1:]))"
    versions = made.run("-c", code, *LOWEST).stdout.split()
    for (name, expected), found in zip(LOWEST.items(), versions, strict=True):
        assert found.startswith(expected), f"{name} {found}"
    _core_tests(made)


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_newest_versions_on_later_pythons(environment, wheels, version):
    made = environment(f"python{version}", python=_python(version))
    made.install(*map(str, wheels.values()), "--group", f"{ROOT / 'pyproject.toml'}:test")
    _core_tests(made)
