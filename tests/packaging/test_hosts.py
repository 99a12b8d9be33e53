"""Installing into the programs that host us moves none of the packages they ship (moving numpy restarts a notebook)."""

from __future__ import annotations

import re

import pytest

from .conftest import UV, requirements, run

# The packages these hosts list for themselves, autumn 2026, as far as they touch ours.
SLICER = """numpy==2.4.6 scipy==1.17.1 requests==2.34.2 urllib3==2.7.0 pydicom==3.0.2 dicomweb-client==0.61.0
highdicom==0.27.0 pillow==12.2.0 pyjpegls==1.5.1 typing_extensions==4.15.0"""
COLAB = """numpy==2.1.3 requests==2.32.4 urllib3==2.5.0 pluggy==1.6.0 importlib_metadata==9.0.0
typing_extensions==4.16.0 tqdm==4.67.3 scipy==1.16.3 pillow==11.3.0 orjson==3.12.0"""
# What requests brings anyway; hosts ship them without our having to say so.
REQUESTS = {"certifi", "charset-normalizer", "idna"}
# What only the AWS HealthImaging plugin needs, for credentials and signing; neither host ships it.
SIGNING = {"botocore", "jmespath", "python-dateutil", "six"}


@pytest.mark.skipif(UV is None, reason="resolving for another Python needs uv")
@pytest.mark.parametrize(
    ("pins", "python", "added"),
    [(SLICER, "3.12", {"pluggy", "pynrrd"}), (COLAB, "3.13", {"pydicom", "pynrrd"})],
    ids=["Slicer", "Colab"],
)
def test_only_our_wheels_and_what_the_host_lacks_is_added(environment, wheels, tmp_path, pins, python, added):
    environment("hosts")
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("\n".join(pins.split()))
    requirements = tmp_path / "requirements.in"
    requirements.write_text("\n".join(f"{name} @ {wheel.as_uri()}" for name, wheel in wheels.items()))
    command = ["pip", "compile", "--quiet", "--no-header", "--no-annotate", "--python-version", python]
    done = run(UV, *command, "--constraints", str(constraints), str(requirements))
    resolved = {re.split(r"[ =@]", line)[0] for line in done.stdout.splitlines() if line.strip()}
    shipped = {pin.partition("==")[0].replace("_", "-") for pin in pins.split()} | REQUESTS
    assert resolved - shipped - SIGNING == {*wheels, *added}


def test_only_one_plugin_needs_more_than_the_core(wheels):
    beside = {name: [one for one in requirements(wheel) if "extra ==" not in one] for name, wheel in wheels.items()}
    more = {name: needed for name, needed in beside.items() if any("dicomlogic-core" not in one for one in needed)}
    assert set(more) <= {"dicomlogic-core", "dicomlogic-ahi"}, more
