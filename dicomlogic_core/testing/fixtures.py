"""pytest fixtures: sessions over phantoms, loopback and real DICOMweb servers.

They are not loaded by themselves: name this module in ``pytest_plugins`` of the top ``conftest.py``, or run pytest with
``-p dicomlogic_core.testing.fixtures``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from dicomlogic_core.manager import default_manager
from dicomlogic_core.session import Session
from dicomlogic_core.session import open as open_session
from dicomlogic_core.testing import orthanc as orthanc_process
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.orthanc import Orthanc
from dicomlogic_core.testing.server import Server, serve

if TYPE_CHECKING:
    from pydicom import Dataset


@pytest.fixture
def session_of(tmp_path: Path) -> Iterator[Callable[..., Session]]:
    """``session_of(datasets, seed=0)`` writes phantoms in a random order and gives a session that has them indexed.

    The files lie in ``tmp_path / "0"``, those of a second call in ``tmp_path / "1"``.
    """
    numbers = count()
    with ExitStack() as opened:

        def make(datasets: Sequence[Dataset], seed: int | None = 0) -> Session:
            folder = tmp_path / str(next(numbers))
            phantoms.write(folder, datasets, shuffle_seed=seed)
            session = opened.enter_context(open_session())
            session.index(folder)
            return session

        yield make


@pytest.fixture
def fresh_workers() -> None:
    """Workers made anew: what a fetcher learned of a server must not be held against the next one at the same port."""
    default_manager().registry.clear()


@pytest.fixture
def dicomweb_server(fresh_workers: None) -> Iterator[Callable[..., Server]]:
    """``dicomweb_server(folder, **switches)`` starts a loopback server that stops after the test."""
    with ExitStack() as running:

        def start(folder: str | Path, **switches: Any) -> Server:
            return running.enter_context(serve(folder, **switches))

        yield start


@pytest.fixture(scope="session")
def orthanc_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Orthanc]]:
    """Orthancs by variant, each started when first asked for, again when it died, and stopped after the last test."""
    running: dict[tuple[bool, str], Orthanc] = {}

    def get(*, auth: bool = False, metadata: str = "Full") -> Orthanc:
        server = running.get((auth, metadata))
        if server is None or not server.alive:
            server = Orthanc(tmp_path_factory.mktemp("orthanc"), auth=auth, metadata=metadata)
            running[auth, metadata] = server
        return server

    yield get
    for server in running.values():
        server.ask_to_stop()
    for server in running.values():
        server.stop()


@pytest.fixture
def orthanc(request: pytest.FixtureRequest, fresh_workers: None) -> Callable[..., Orthanc]:
    """``orthanc(*paths, auth=False, metadata="Full")`` gives a real Orthanc that holds those files and nothing else.

    Skips where Orthanc is not installed, and fails there when ``DICOMLOGIC_REQUIRE_SERVERS`` is 1.
    """
    if reason := orthanc_process.missing():
        unavailable(reason)
    servers = request.getfixturevalue("orthanc_servers")

    def start(*paths: Path, auth: bool = False, metadata: str = "Full") -> Orthanc:
        server: Orthanc = servers(auth=auth, metadata=metadata)
        server.clear()
        server.upload(*paths)
        return server

    return start


def unavailable(reason: str) -> NoReturn:
    """Skip the test for want of a server, or fail it where servers are required."""
    if os.environ.get("DICOMLOGIC_REQUIRE_SERVERS") == "1":
        pytest.fail(f"DICOMLOGIC_REQUIRE_SERVERS=1, but {reason}")
    pytest.skip(reason)
