"""Series of phantoms as this plugin sees them: files, an index, a session of this plugin and the volumes' own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

import dicomlogic_core as dl
from dicomlogic_core.testing import phantoms


@pytest.fixture
def volumes_offered() -> None:
    """Skips where no installed plugin offers volumes, to which a sequence could be preferred."""
    if "scalar-volume" not in {provider.name for provider in dl.default_manager().registry.providers("adaptor")}:
        pytest.skip("there is nothing to choose between without dicomlogic-scalar-volume")


@pytest.fixture
def session_of(tmp_path: Path) -> Iterator[Callable[..., dl.Session]]:
    """``session_of(datasets, seed)`` writes them in a random order and indexes them."""
    sessions: list[dl.Session] = []

    def make(datasets: Sequence[Dataset], seed: int | None = 0) -> dl.Session:
        folder = tmp_path / str(len(sessions))
        phantoms.write(folder, datasets, shuffle_seed=seed)
        session = dl.open()
        sessions.append(session)
        session.index(folder)
        return session

    yield make
    for session in sessions:
        session.close()
