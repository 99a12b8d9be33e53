"""What tests of sequences need besides the fixtures of the core."""

from __future__ import annotations

import pytest

import dicomlogic_core as dl


@pytest.fixture
def volumes_offered() -> None:
    """Skips where no installed plugin offers volumes, to which a sequence could be preferred."""
    if "scalar-volume" not in {provider.name for provider in dl.default_manager().registry.providers("adaptor")}:
        pytest.skip("there is nothing to choose between without dicomlogic-scalar-volume")
