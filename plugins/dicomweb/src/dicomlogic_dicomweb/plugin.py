"""What this plugin registers: one source and one fetcher, for DICOMweb services."""

from __future__ import annotations

from collections.abc import Iterable

from dicomlogic_core import HTTP_OPTIONS, FetcherProvider, SourceProvider, hookimpl

SCHEMES = ("http", "https", "dicomweb+http", "dicomweb+https", "dicomweb")

OPTIONS = {
    **HTTP_OPTIONS,
    "page": "entries asked for by one query (default 100)",
    "announced": "transfer syntax UIDs, by commas, that the server can send beyond what it names itself",
}


@hookimpl
def dicomlogic_sources() -> Iterable[SourceProvider]:
    """QIDO-RS and WADO-RS metadata."""
    yield SourceProvider(
        name="dicomweb",
        label="DICOMweb (QIDO-RS, WADO-RS)",
        factory="dicomlogic_dicomweb.source:DicomwebSource",
        schemes=SCHEMES,
        options=OPTIONS,
        filters=("ModalitiesInStudy",),
    )


@hookimpl
def dicomlogic_fetchers() -> Iterable[FetcherProvider]:
    """Frames, instances and bulk values by WADO-RS."""
    yield FetcherProvider(
        name="dicomweb",
        label="DICOMweb (WADO-RS)",
        factory="dicomlogic_dicomweb.fetcher:DicomwebFetcher",
        schemes=SCHEMES,
        concurrency=8,
    )
