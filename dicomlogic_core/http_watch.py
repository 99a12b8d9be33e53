"""Interrupting requests: a thread that waits for a silent server is woken when its caller wants to stop.

Nothing in requests can end a read that is under way, and the read timeout is a minute. So the sockets of requests that
can be cancelled are known here, and one thread, which lives only while there are such requests, shuts them down.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_INTERVAL_S = 0.2


class _Watch:
    """The requests under way, by thread, and the thread that looks after them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[int, Callable[[], bool]] = {}
        self._sockets: dict[int, socket.socket] = {}
        self._running = False

    @contextlib.contextmanager
    def over(self, cancelled: Callable[[], bool] | None) -> Iterator[None]:
        """Watch over the requests of this thread in the block; `cancelled` is asked by another thread."""
        if cancelled is None:
            yield
            return
        me = threading.get_ident()
        with self._lock:
            self._asked[me] = cancelled
            if not self._running:
                self._running = True
                threading.Thread(target=self._look_after, name="dicomlogic-cancel", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                self._asked.pop(me, None)
                self._sockets.pop(me, None)

    def sent(self, connection: Any) -> None:
        """A request went out on a connection of this thread."""
        me = threading.get_ident()
        with self._lock:
            if me in self._asked and connection.sock is not None:
                self._sockets[me] = connection.sock

    def _look_after(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(_INTERVAL_S)
            with self._lock:
                if not self._asked:
                    self._running = False
                    return
                asked = list(self._asked.items())
            for thread, cancelled in asked:
                if cancelled():
                    self._wake(thread)

    def _wake(self, thread: int) -> None:
        with self._lock:
            found = self._sockets.pop(thread, None)
            if found is not None:
                with contextlib.suppress(OSError):  # closed meanwhile
                    found.shutdown(socket.SHUT_RDWR)


_WATCH = _Watch()
over = _WATCH.over


class _Watched(HTTPConnection):
    def request(self, *args: Any, **options: Any) -> None:
        super().request(*args, **options)
        _WATCH.sent(self)


class _WatchedTls(HTTPSConnection):
    def request(self, *args: Any, **options: Any) -> None:
        super().request(*args, **options)
        _WATCH.sent(self)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


class WatchedAdapter(HTTPAdapter):
    """An adapter of requests whose connections can be interrupted; through a proxy they cannot."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools from the classes above."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
