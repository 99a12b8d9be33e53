"""Fixtures for all tests of the core; server fixtures come from `dicomlogic_core.testing.fixtures`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real DICOM data with references, or a skip that says where it was looked for."""
    folder = Path(os.environ.get("DICOMLOGIC_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "manifest.json").is_file():
        pytest.skip(f"no reference data at {folder} (set DICOMLOGIC_SHARED_DATA)")
    return folder
