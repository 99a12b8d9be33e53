"""Phantoms as this plugin sees them: files, an index, a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

import dicomlogic_core as dl
from dicomlogic_core.testing import phantoms


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
