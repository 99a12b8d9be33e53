"""What the core brings along keeps what every plugin promises."""

from __future__ import annotations

from dicomlogic_core.testing.conformance import FetcherConformance, SourceConformance, WriterConformance


class TestFilesSource(SourceConformance):
    provider_name = "files"


class TestFilesFetcher(FetcherConformance):
    provider_name = "files"


class TestNrrdWriter(WriterConformance):
    provider_name = "nrrd"
