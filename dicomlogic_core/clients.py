"""The HTTP clients of a session or job: one per source, with credentials only for what was named in this process."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dicomlogic_core.errors import DicomLogicError
from dicomlogic_core.urls import is_within, normalise_url, origin, split_url
from dicomlogic_core.workers import resolve

if TYPE_CHECKING:
    from dicomlogic_core.http import Client
    from dicomlogic_core.manager import PluginManager

_WEB = ("http", "https", "dicomweb", "wadors", "wadouri")


class Clients:
    """Makes and keeps guarded clients.

    A URL below a source that was named (`name`) gets that source's options and so its credentials, which are bound to
    its origin. Any other URL, one that a database file brought along, gets an anonymous client.
    """

    def __init__(self, manager: PluginManager, named: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._manager = manager
        self._named: dict[str, dict[str, Any]] = {}
        self._labels: dict[str, str] = {}
        self._clients: dict[str, Client] = {}
        self._lock = threading.Lock()
        for location, options in (named or {}).items():
            self.name(location, options)

    def name(self, location: str, options: Mapping[str, Any]) -> None:
        """Name a source; options given later replace those given before, with its client.

        Raises:
            UsageError: a URL that cannot be meant (with a password in it, for example).
        """
        base = self._base(location)
        with self._lock:
            if not options and base in self._named:
                return
            # A client that was made anonymously for what is now named must not be used on.
            stale = [self._clients.pop(key) for key in list(self._clients) if key == base or is_within(key, base)]
            anonymous = self._clients.pop(origin(base), None) if "://" in base else None
            self._named[base] = dict(options)
            if label := options.get("label"):
                self._labels[str(label)] = base
        for client in (*stale, *([anonymous] if anonymous else ())):
            client.close()

    @property
    def named(self) -> Mapping[str, Mapping[str, Any]]:
        """Locations named so far and their options: references to secrets, never secrets."""
        return self._named

    def http(self, location: str) -> Client:
        """The client for a URL: of the longest named base that holds it, else one without options for its origin.

        Raises:
            UsageError: bad options of the source, or a URL that must not be asked for.
        """
        from dicomlogic_core.http import client_for

        base = self._base(location)
        holders = [named for named in list(self._named) if "://" in named and is_within(base, named)]
        key = max(holders, key=len) if holders else origin(base)
        with self._lock:
            client = self._clients.get(key)
            if client is None:
                options = self._named.get(key, {})
                client = self._of_scheme(key, options)
                if client is None:
                    session = self._manager.http_session(origin(base), "dicomweb")
                    client = client_for(key, options, session=session)
                self._clients[key] = client
            return client

    def _of_scheme(self, location: str, options: Mapping[str, Any]) -> Any:
        """The client that the fetcher of a scheme makes; None for schemes that are talked to as web servers."""
        scheme = location.partition(":")[0].lower()
        if scheme in _WEB:
            return None
        registry = self._manager.registry
        provider = registry.for_scheme("fetcher", scheme)
        if not provider.client:
            return None
        try:
            make = resolve(provider.client) if isinstance(provider.client, str) else provider.client
            return make(location, options)
        except DicomLogicError:
            raise
        except Exception as error:  # a plugin's failure is told as such
            raise registry.error("fetcher", provider.name, "create", error, where=location) from error

    def close(self) -> None:
        """Close every client."""
        with self._lock:
            clients = list(self._clients.values())
            self._clients.clear()
        for client in clients:
            client.close()

    def _base(self, location: str) -> str:
        """The base of a web location, without what it names below ``/studies``; other locations unchanged."""
        prefix, plus, protocol = location.partition(":")[0].lower().partition("+")
        if prefix in _WEB:
            return split_url(location, self._labels).base
        # A plugin's own kind of service, ``name+https://host/root``, is talked to as any web server.
        return normalise_url(location.partition("+")[2]) if plus and protocol in ("http", "https") else location
