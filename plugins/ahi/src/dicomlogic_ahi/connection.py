"""From the options of a location to the service: named by the fetcher's provider, called by the core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dicomlogic_ahi.credentials import find_access
from dicomlogic_ahi.errors import explain
from dicomlogic_ahi.plugin import CONCURRENCY
from dicomlogic_ahi.service import Service
from dicomlogic_core import Client, HttpSettings


def connect(location: str, options: Mapping[str, Any]) -> Service:
    """The service that holds a location.

    A location never names a host: requests go to the endpoint that options or the AWS configuration give, whatever
    database a URL comes from.

    Raises:
        SourceError: no region or no credentials.
        UsageError: an option that cannot be meant.
    """
    settings = HttpSettings.from_options({"concurrency": CONCURRENCY, **options}, location)
    access = find_access(options, location)
    runtime, control = (
        Client(url, settings, access.signer, explain=explain) for url in (access.runtime, access.control)
    )
    return Service(runtime, control)
