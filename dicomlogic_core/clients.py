"""The HTTP clients of a session or job: one per source, with credentials only for what was named in this process."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from dicomlogic_core.manager import PluginManager


class Clients:
    """Makes and keeps guarded clients.

    A location of a source that was named (`name`) gets that source's options and so its credentials, which are bound to
    its origin. Any other location, one that a database file brought along, gets an anonymous client.
    """

    def __init__(self, manager: PluginManager, named: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self._manager = manager
        self._named: dict[str, dict[str, str]] = {base: dict(options) for base, options in (named or {}).items()}
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def name(self, location: str, options: Mapping[str, str]) -> None:
        """Name a source; options given later replace those given before, with its client."""
        if options or location not in self._named:
            self._named[location] = dict(options)
            with self._lock:
                stale = self._clients.pop(location, None)
            if stale is not None:
                stale.close()

    @property
    def named(self) -> Mapping[str, Mapping[str, str]]:
        """Locations named so far and their options: references to secrets, never secrets."""
        return self._named

    def http(self, location: str) -> Any:
        """The client for a location."""
        from dicomlogic_core.http import client_for

        bases = [base for base in self._named if "://" in base and origin(base) == origin(location)]
        # Of nested bases the longest is the most specific one.
        base = max((b for b in bases if location.startswith(b.rstrip("/"))), key=len, default=next(iter(bases), ""))
        key = base or origin(location)
        with self._lock:
            if key not in self._clients:
                session = self._manager.http_session(origin(location), "dicomweb")
                self._clients[key] = client_for(base or location, self._named.get(base, {}), session=session)
            return self._clients[key]

    def close(self) -> None:
        """Close every client."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()


def origin(location: str) -> str:
    """Scheme, host and port of a URL, the unit that credentials are bound to; userinfo is dropped."""
    parts = urlsplit(location)
    return f"{parts.scheme}://{parts.hostname or ''}" + (f":{parts.port}" if parts.port else "")
