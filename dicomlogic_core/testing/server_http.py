"""The sockets of the loopback server: HTTP/1.1 with keep-alive, one thread per connection, nothing printed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_RDWR, socket
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from dicomlogic_core.testing.server_answers import Answer, Request

Handle = Callable[[Request, Callable[[Answer], None]], None]
_CHUNK = 1 << 20
_DRIP = 64


class LoopbackServer:
    """Listens on a free port of 127.0.0.1 from the moment it is made until `close`."""

    def __init__(self, handle: Handle, methods: frozenset[str] = frozenset({"GET"})) -> None:
        self._closing = threading.Event()
        self._server = _Sockets(("127.0.0.1", 0), _Handler)
        self._server.handle_exchange = handle
        self._server.wait = self.wait
        self._server.methods = methods
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="loopback", daemon=True
        )
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Sleep, but not beyond `close`."""
        if seconds > 0:
            self._closing.wait(seconds)

    def close(self) -> None:
        """Close every connection and wait for the threads; safe to call twice."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.close_connections()
        self._server.server_close()


class _Sockets(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    handle_exchange: Handle
    wait: Callable[[float], None]
    methods: frozenset[str]

    def __init__(self, *arguments: Any) -> None:
        self._connections: set[socket] = set()
        self._idle = threading.Condition()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._idle:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._idle:
            self._connections.discard(request)
            self._idle.notify_all()

    def close_connections(self) -> None:
        """Wake the threads that wait for another request on a kept connection, and let them end."""
        with self._idle:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(SHUT_RDWR)
            self._idle.wait_for(lambda: not self._connections, timeout=5)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is its own business."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Sockets

    def do_GET(self) -> None:
        self._exchange()

    def do_POST(self) -> None:
        if "POST" in self.server.methods:
            self._exchange()
        else:
            self.send_error(501)  # what the base class answers to a method that is not there

    def _exchange(self) -> None:
        url = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=url.path,
            query_text=url.query,
            query=parse_qsl(url.query, keep_blank_values=True),
            headers={name.lower(): value for name, value in self.headers.items()},
            time=time.monotonic(),
            thread=threading.current_thread().name,
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )
        self.server.handle_exchange(request, self._send)

    def _send(self, answer: Answer) -> None:
        if answer.dropped:
            self.close_connection = True
            return
        self.send_response(answer.status)
        if answer.media_type:
            self.send_header("Content-Type", answer.media_type)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.length == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        elif answer.length == "declared" and answer.status not in (204, 304):
            self.send_header("Content-Length", str(answer.size + answer.claimed))
        if answer.length == "close" or answer.claimed:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        for piece in _pieces(answer):
            if answer.length == "chunked":
                piece = b"%x\r\n%b\r\n" % (len(piece), piece)
            self.wfile.write(piece)
            self.server.wait(answer.drip)
        if answer.length == "chunked":
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed; the server keeps its own log."""


def _pieces(answer: Answer) -> Iterator[bytes]:
    """The body in pieces that are never empty (an empty chunk would end a chunked body)."""
    size = _DRIP if answer.drip else _CHUNK
    for piece in answer.body:
        data = piece.read_bytes() if isinstance(piece, Path) else piece
        for start in range(0, len(data), size):
            yield data[start : start + size]
