"""What this plugin registers: one source and one fetcher, for AWS HealthImaging."""

from __future__ import annotations

from collections.abc import Iterable

from dicomlogic_core import FetcherProvider, SourceProvider, hookimpl

CONCURRENCY = 16
"""Requests at once: with the service's round trips, more threads gain little."""

OPTIONS = {
    "region": "AWS region; by default that of the profile or environment (AWS_REGION)",
    "endpoint": "URL of the service, for a test server or a private endpoint",
    "profile": "profile of the AWS configuration whose credentials and region are used",
    "all": "true also indexes image sets that are not primary",
    "concurrency": f"requests at once (default {CONCURRENCY})",
    "attempts": "requests in all for one answer (default 5)",
    "timeout": "seconds to wait for the next bytes (default 60)",
    "proxy": "URL of an HTTP proxy; by default HTTPS_PROXY and NO_PROXY decide",
    "verify": "file of certificate authorities, or 'no' to accept any certificate",
}


@hookimpl
def dicomlogic_sources() -> Iterable[SourceProvider]:
    """Image sets of a data store and their metadata."""
    yield SourceProvider(
        name="ahi",
        label="AWS HealthImaging image sets",
        factory="dicomlogic_ahi.source:ImageSetSource",
        schemes=("ahi",),
        options=OPTIONS,
    )


@hookimpl
def dicomlogic_fetchers() -> Iterable[FetcherProvider]:
    """Image frames."""
    yield FetcherProvider(
        name="ahi",
        label="AWS HealthImaging frames",
        factory="dicomlogic_ahi.fetcher:FrameFetcher",
        schemes=("ahi",),
        concurrency=CONCURRENCY,
        client="dicomlogic_ahi.connection:connect",
    )
