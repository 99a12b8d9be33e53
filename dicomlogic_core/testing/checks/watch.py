"""Watching workers: which references are fetched, and whether a block of code uses the network."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from dicomlogic_core.contracts import FetchContext, FetchResult
from dicomlogic_core.references import Location, Ref

_NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind", "socket.sendto")

_watchers: list[list[str]] = []
_installed: list[bool] = []


@contextmanager
def network_use() -> Iterator[list[str]]:
    """What the block does on the network, of whatever thread: a list that is filled meanwhile."""
    if not _installed:
        # A hook cannot be taken away again; it costs one comparison per event while nobody watches.
        sys.addaudithook(_notice)
        _installed.append(True)
    seen: list[str] = []
    _watchers.append(seen)
    try:
        yield seen
    finally:
        _watchers.remove(seen)


def _notice(event: str, arguments: tuple[Any, ...]) -> None:
    if _watchers and event in _NETWORK:
        for seen in _watchers:
            seen.append(f"{event}{arguments[1:]!r}")


class WatchedFetcher:
    """A fetcher that notes the references it is asked for, in `fetched`."""

    def __init__(self, fetcher: Any, fetched: list[Ref]) -> None:
        self._fetcher = fetcher
        self._fetched = fetched

    def plan(self, locations: Sequence[Location]) -> Sequence[Sequence[Location]]:
        """As the fetcher plans."""
        planned: Sequence[Sequence[Location]] = self._fetcher.plan(locations)
        return planned

    def fetch(self, batch: Sequence[Location], context: FetchContext) -> Iterator[FetchResult]:
        """As the fetcher fetches."""
        self._fetched.extend(location.ref for location in batch)
        yield from self._fetcher.fetch(batch, context)


class WatchedRegistry:
    """A registry whose fetchers are watched.

    Attributes:
        fetched: references that were asked for, in order.
    """

    def __init__(self, registry: Any) -> None:
        self._registry = registry
        self.fetched: list[Ref] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)

    def worker(self, kind: str, name: str) -> Any:
        """The worker; a watched one when it is a fetcher."""
        worker = self._registry.worker(kind, name)
        return WatchedFetcher(worker, self.fetched) if kind == "fetcher" else worker
