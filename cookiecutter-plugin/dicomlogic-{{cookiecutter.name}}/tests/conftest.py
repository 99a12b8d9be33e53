"""A running service for each test that wants one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dicomlogic_core.testing import phantoms
from image_box import ImageBox, serving


@pytest.fixture
def box(tmp_path: Path) -> Iterator[ImageBox]:
    """A service over two CT series of 20 slices."""
    for name in ("head", "foot"):
        phantoms.write_ct(tmp_path / "box" / name, name=name)
    with serving(tmp_path / "box") as server:
        yield server
