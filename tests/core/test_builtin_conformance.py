"""What the core brings along keeps what every plugin promises."""

from __future__ import annotations

from dicomlogic_core.testing.conformance import FetcherConformance, SourceConformance, WriterConformance


class TestFilesSource(SourceConformance):
    provider_name = "files"
    left_out = {"test_secrets_are_never_shown": "files need no secret"}


class TestFilesFetcher(FetcherConformance):
    provider_name = "files"
    left_out = {
        "test_secrets_are_in_no_error": "files need no secret",
        "test_cut_bodies_are_told": "files have no bodies; files that are cut are in test_short_pixels_are_told",
    }


class TestNrrdWriter(WriterConformance):
    provider_name = "nrrd"


class TestJsonWriter(WriterConformance):
    provider_name = "json"
