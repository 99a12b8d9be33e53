"""Fixtures for all tests, those of the core and of the plugins."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is, nothing about the code.
settings.register_profile("any-pace", deadline=None)
settings.load_profile("any-pace")

pytest_plugins = ("dicomlogic_core.testing.fixtures",)

ROOT = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real DICOM data with references, or a skip that says where it was looked for."""
    folder = Path(os.environ.get("DICOMLOGIC_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "manifest.json").is_file():
        pytest.skip(f"no reference data at {folder} (set DICOMLOGIC_SHARED_DATA)")
    return folder
