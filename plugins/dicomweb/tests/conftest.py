"""What the tests of this plugin share: scanning a server and fetching what was found, without an index between."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dicomlogic_core as dl
from dicomlogic_core.testing import phantom_objects, phantoms
from dicomlogic_core.testing.fakes import closed_manager
from dicomlogic_dicomweb import plugin
from dicomlogic_dicomweb.fetcher import DicomwebFetcher
from dicomlogic_dicomweb.source import DicomwebSource


class Web:
    """A user of the plugin: scans and fetches as the core does, and meets WorkContext and FetchContext for it."""

    def __init__(self, session: dl.Session) -> None:
        self.session = session
        self.http = session.clients.http
        self.options: dict[str, str] = {}
        self.bulk_keys: frozenset[str] = frozenset()
        self.findings: list[dl.Finding] = []
        self.stop = False
        self.fetcher = DicomwebFetcher()

    def progress(self, done: int, total: int, what: str) -> None:
        """Nobody looks."""

    def cancelled(self) -> bool:
        return self.stop

    def report(self, finding: dl.Finding) -> None:
        self.findings.append(finding)

    def buffer(self, ref: Any, size: int) -> memoryview | None:
        return None

    @property
    def codes(self) -> list[str]:
        return [finding.code for finding in self.findings]

    def scan(self, url: str, known: Mapping[str, str] | None = None, **where: str) -> list[Any]:
        """The items of a scan."""
        self.session.clients.name(url, self.options)
        query = dl.Query(location=url, where=where, options=self.options)
        return list(DicomwebSource().scan(query, (known or {}).get, self))

    def headers(self, items: Sequence[Any]) -> list[dict[str, Any]]:
        """The DICOM JSON objects of the batches of a scan."""
        found = []
        for item in items:
            if isinstance(item, dl.HeaderBatch) and item.form == "json":
                for body in item.headers:
                    parsed = json.loads(body)
                    found += parsed if isinstance(parsed, list) else [parsed]
        return found

    def value(self, header: Mapping[str, Any], keyword: str, default: Any = None) -> Any:
        """The first value of an element."""
        return (header.get(dl.tag_key(keyword), {}).get("Value") or [default])[0]

    def frames(self, url: str, *, hints: bool = True) -> list[dl.Location]:
        """The locations of all frames of a service, by position along z and number, as loading makes them."""
        items = self.scan(url)
        headers = self.headers(items)
        locate = next(item.locate for item in items if isinstance(item, dl.HeaderBatch))
        found = []
        for header in headers:
            uids = [self.value(header, f"{level}InstanceUID") for level in ("Study", "Series", "SOP")]
            count = int(self.value(header, "NumberOfFrames", 1))
            size = self.value(header, "Rows") * self.value(header, "Columns") * self.value(header, "BitsAllocated") // 8
            z = float(header["00200032"]["Value"][2]) if "00200032" in header else 0.0
            for number in range(1, count + 1):
                ref = dl.FrameRef(study_uid=uids[0], series_uid=uids[1], sop_uid=uids[2], frame=number)
                place = replace(locate(*uids, True), ref=ref, frames=count)
                if hints:
                    place = replace(place, native_size=size, series_instances=len(headers))
                found.append((z, number, place))
        return [place for _, _, place in sorted(found, key=lambda one: one[:2])]

    def fetch(self, locations: Sequence[dl.Location]) -> list[dl.FetchResult]:
        """One result per location, in their order, fetched as the fetcher plans."""
        results: dict[Any, dl.FetchResult] = {}
        for batch in self.fetcher.plan(locations):
            for result in self.fetcher.fetch(batch, self):
                assert result.ref not in results, "delivered twice"
                results[result.ref] = result
        assert set(results) == {location.ref for location in locations}
        return [results[location.ref] for location in locations]


@pytest.fixture
def web() -> Iterator[Web]:
    with dl.Session(manager=closed_manager(plugin)) as session:
        yield Web(session)


@pytest.fixture(scope="session")
def ct(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CT of 20 slices, slice k filled with k but for one pixel."""
    folder = tmp_path_factory.mktemp("ct")
    phantoms.write_ct(folder)
    return folder


@pytest.fixture(scope="session")
def multi_frame(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An enhanced CT of 24 frames, frame k filled with k but for one pixel."""
    folder = tmp_path_factory.mktemp("enhanced")
    phantoms.write(folder, [phantom_objects.enhanced(phantoms.regular(24), name="enhanced")])
    return folder
