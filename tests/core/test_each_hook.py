"""One test for each hook, named after it: when it is called, and what its answer does. Driven through a session."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

import dicomlogic_core as dl
from dicomlogic_core.clients import Clients
from dicomlogic_core.testing.fakes import FakeAdaptor, FakeFetcher, FakeSource, FakeWriter, closed_manager
from dicomlogic_core.testing.json_headers import json_header

HEADERS = [
    json_header(
        SOPInstanceUID=f"1.2.3.4.5.{number}",
        InstanceNumber=number,
        Rows=2,
        Columns=3,
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelRepresentation=0,
    )
    for number in (1, 2)
]
FRAMES = {f"1.2.3.4.5.{number}": [bytes([number] * 6)] for number in (1, 2)}


class Everything:
    """A plugin with all that a run from index to file needs; counts how often each hook is called."""

    def __init__(self, label: str = "first") -> None:
        self.label = label
        self.calls: list[str] = []

    @dl.hookimpl
    def dicomlogic_sources(self) -> Iterable[dl.SourceProvider]:
        self.calls.append("sources")
        yield dl.SourceProvider(
            name="fake", label=self.label, factory=lambda: FakeSource(HEADERS), schemes=("fake",), options={"page": ""}
        )

    @dl.hookimpl
    def dicomlogic_fetchers(self) -> Iterable[dl.FetcherProvider]:
        self.calls.append("fetchers")
        yield dl.FetcherProvider(name="fake", label=self.label, factory=lambda: FakeFetcher(FRAMES), schemes=("fake",))

    @dl.hookimpl
    def dicomlogic_adaptors(self) -> Iterable[dl.AdaptorProvider]:
        self.calls.append("adaptors")
        yield dl.AdaptorProvider(name="fake", label=self.label, factory=FakeAdaptor, tags=("EchoTime",))

    @dl.hookimpl
    def dicomlogic_writers(self) -> Iterable[dl.WriterProvider]:
        self.calls.append("writers")
        yield dl.WriterProvider(name="fake", label=self.label, factory=FakeWriter, format="text")


@pytest.fixture
def plugin() -> Everything:
    return Everything()


def _labels(manager: dl.PluginManager, kind: Any) -> list[str]:
    return [one.label for one in manager.registry.providers(kind) if one.name == "fake"]


def _clash(manager: dl.PluginManager, kind: Any) -> None:
    """A second plugin with the same names takes nothing away, and is told."""
    manager.register(Everything("second"), name="second")
    assert _labels(manager, kind) == ["first"]
    assert [failure.stage for failure in manager.failures if failure.plugin == "second"][:1] == ["provide"]


def test_dicomlogic_sources(plugin: Everything) -> None:
    manager = closed_manager(plugin)
    with dl.open(manager=manager) as session:
        for place in ("fake://one", "fake://two"):
            assert session.index(place, options={"page": "1"}).failed == ()
        assert len(session.list("instance")) == 2
    assert plugin.calls.count("sources") == 1
    _clash(manager, "source")


def test_dicomlogic_fetchers(plugin: Everything) -> None:
    manager = closed_manager(plugin)
    with dl.open(manager=manager) as session:
        session.index("fake://one")
        for _ in range(2):
            array = np.asarray(session.load(session.examine()[0]))
    assert array[:, 0, 0].tolist() == [1, 2]
    assert plugin.calls.count("fetchers") == 1
    _clash(manager, "fetcher")


def test_dicomlogic_adaptors(plugin: Everything) -> None:
    manager = closed_manager(plugin)
    with dl.open(manager=manager) as session:
        session.index("fake://one")
        for _ in range(2):
            (loadable,) = session.examine()
            assert loadable.adaptor == "fake"
        # Its columns are among those that the index keeps.
        assert dl.tag_key("EchoTime") in map(dl.tag_key, manager.registry.wanted_tags())
    assert plugin.calls.count("adaptors") == 1
    _clash(manager, "adaptor")


def test_dicomlogic_writers(plugin: Everything, tmp_path: Path) -> None:
    manager = closed_manager(plugin)
    with dl.open(manager=manager) as session:
        session.index("fake://one")
        loaded = session.load(session.examine()[0])
        for folder in ("one", "two"):
            (path,) = session.write(loaded, tmp_path / folder, format="text")
            assert path.suffix == ".txt"
    assert plugin.calls.count("writers") == 1
    _clash(manager, "writer")


def test_dicomlogic_http_session() -> None:
    asked: list[tuple[str, str, str]] = []

    class Host:
        def __init__(self, name: str, session: requests.Session | None) -> None:
            self.name, self.session = name, session

        @dl.hookimpl
        def dicomlogic_http_session(self, origin: str, purpose: str) -> requests.Session | None:
            asked.append((self.name, origin, purpose))
            return self.session

    with requests.Session() as login:
        manager = closed_manager(Host("early", login), Host("late", None))
        clients = Clients(manager)
        first = clients.http("https://pacs.example.org/dicom-web/studies/1")
        assert clients.http("https://pacs.example.org/dicom-web/studies/2") is first
        assert first._session is login
        # The last registered first; None passes the question on; once for an origin.
        origin = "https://pacs.example.org"
        assert asked == [("late", origin, "dicomweb"), ("early", origin, "dicomweb")]
        clients.close()


def test_dicomlogic_amend_loadables(plugin: Everything) -> None:
    seen: list[list[str]] = []

    class Rename:
        @dl.hookimpl
        def dicomlogic_amend_loadables(self, study: dl.StudyView, loadables: list[dl.Loadable]) -> None:
            seen.append([one.name for one in loadables])
            loadables[:] = [replace(one, name=f"{one.name} of {study.study_uid}") for one in loadables]

    class Fails:
        @dl.hookimpl
        def dicomlogic_amend_loadables(self, loadables: list[dl.Loadable]) -> None:
            seen.append([one.name for one in loadables])
            loadables.clear()
            raise ValueError("changed my mind")

    with dl.open(manager=closed_manager(plugin, Rename(), Fails())) as session:
        session.index("fake://one")
        (loadable,) = session.examine()
        told = [(one.code, one.severity) for one in session.findings if one.code == "plugin.failed"]
    # In the order of registration, once for the study; the change of one that fails is dropped, and told.
    assert seen == [["series"], ["series of 1.2.3.4"]]
    assert loadable.name == "series of 1.2.3.4"
    assert loadable.selected
    assert told == [("plugin.failed", "error")]
