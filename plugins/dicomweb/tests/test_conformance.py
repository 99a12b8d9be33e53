"""Source and fetcher keep what every plugin promises, over a server that wants a token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dicomlogic_core.testing.conformance import FetcherConformance, SourceConformance
from dicomlogic_core.testing.server import Fault, Server, serve

TOKEN = "kit-token-77aa"


class Service:
    """The loopback server over a folder."""

    options = {"auth": "env:KIT_TOKEN"}
    secrets = {"KIT_TOKEN": TOKEN}
    server: Server

    @contextmanager
    def serve(self, folder: Path) -> Iterator[str]:
        with serve(folder, auth=f"bearer:{TOKEN}") as server:
            self.server = server
            yield server.url

    def cut_bodies(self) -> None:
        self.server.set(faults=[Fault("cut", path="/frames|/instances|/series/[0-9.]+$", value=100)])


class TestSource(Service, SourceConformance):
    provider_name = "dicomweb"
    many_options = {"page": "5"}


class TestFetcher(Service, FetcherConformance):
    provider_name = "dicomweb"
