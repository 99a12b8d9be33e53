"""Sessions of requests as the guarded client needs them."""

from __future__ import annotations

from typing import Any

import requests

from dicomlogic_core.http_settings import HttpSettings
from dicomlogic_core.http_watch import WatchedAdapter
from dicomlogic_core.urls import origin


class _ClientSession(requests.Session):
    """A session of one client, which always asks with the same settings."""

    def __init__(self) -> None:
        super().__init__()
        self._environment: dict[str, Any] = {}

    def merge_environment_settings(self, url: Any, *settings: Any) -> Any:
        """Proxies and certificates by the environment; it is read through once per origin, not for each frame."""
        place = origin(url)
        if place not in self._environment:
            self._environment[place] = super().merge_environment_settings(url, *settings)
        return self._environment[place]

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None. Even when told not to follow, requests prepares the next hop, and reads a body of any size for it."""
        return None


def new_session(settings: HttpSettings) -> requests.Session:
    """A session for one client; close it."""
    session = _ClientSession()
    # One origin per session, as many connections as requests at once; repeating is done here, not in urllib3.
    adapter = WatchedAdapter(pool_connections=1, pool_maxsize=settings.concurrency, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from looking into a ``.netrc``."""
    return request
