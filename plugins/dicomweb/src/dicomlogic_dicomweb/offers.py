"""What a server turned out to offer, remembered while its client lives: a server may be another one tomorrow."""

from __future__ import annotations

import threading
import weakref

from dicomlogic_core import Client, Location
from dicomlogic_dicomweb.ladder import Rung

_REFUSED = frozenset({400, 404, 405, 406, 415})
"""Statuses that speak of the form itself; 500 may only concern this object's syntax."""


class Offers:
    """What one server offers. Safe for threads.

    Attributes:
        series: False once it refused a whole series.
        lists: False once it refused several frames in one request.
        frames: False once it had an instance and not its frames.
    """

    def __init__(self) -> None:
        self.series = self.lists = self.frames = True
        self._lock = threading.Lock()
        self._best: dict[tuple[str, str], Rung] = {}
        self._refused: set[Rung] = set()
        self._understood: set[Rung] = set()

    def order(self, location: Location, rungs: list[Rung]) -> list[Rung]:
        """The rungs as they are worth trying: the one that worked for such objects first, refused ones last."""
        with self._lock:
            best = self._best.get(_kind(location))
            useless = self._refused - self._understood
        frames = self.frames
        # Sorting is stable: the ladder's order otherwise.
        return sorted(rungs, key=lambda rung: (rung != best, rung in useless or (rung.kind == "frames" and not frames)))

    def best(self, location: Location) -> Rung | None:
        """The rung that worked for objects of this SOP class and stored syntax, None before the first."""
        with self._lock:
            return self._best.get(_kind(location))

    def worked(self, location: Location, rung: Rung) -> None:
        """Frames came by `rung`."""
        with self._lock:
            self._best[_kind(location)] = rung
            self._understood.add(rung)

    def refused(self, rung: Rung, status: int) -> None:
        """The server answered `rung` with an error."""
        if status in _REFUSED:
            with self._lock:
                self._refused.add(rung)


class Memory:
    """Offers by source."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[weakref.ref[Client], Offers]] = {}

    def recall(self, source: str) -> Offers:
        """What is known of a source; nothing, when its client is gone."""
        with self._lock:
            client, offers = self._known.get(source, (None, None))
            found = client() if client is not None else None
            return offers if offers is not None and found is not None and not found.closed else Offers()

    def meet(self, source: str, client: Client) -> Offers:
        """The offers of a source that is talked to by `client`, to be added to."""
        offers = self.recall(source)
        with self._lock:
            reference, known = self._known.get(source, (None, None))
            if known is offers:
                return offers
            if known is not None and reference is not None and (other := reference()) and not other.closed:
                return known  # another thread met it first
            self._known[source] = (weakref.ref(client), offers)
            return offers


def _kind(location: Location) -> tuple[str, str]:
    # Without the class, the series stands for it: one protocol, one syntax.
    return location.sop_class or location.ref.series_uid, location.transfer_syntax
