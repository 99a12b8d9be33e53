"""Reading the body of an answer: under a cap, with its length checked, and given up when it hardly moves."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from dicomlogic_core.errors import Cancelled, NetworkError
from dicomlogic_core.http_settings import HttpSettings
from dicomlogic_core.urls import shown

_CHUNK = 1 << 20
_SMALL_CHUNK = 16 << 10


class Body:
    """The body of one response of requests that was asked for with ``stream=True``.

    Attributes:
        length_known: after reading: the server said where the body ends, and it ended there.
    """

    def __init__(
        self,
        response: Any,
        settings: HttpSettings,
        *,
        limit: int,
        total_s: float | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        self._response = response
        self._settings = settings
        self._limit = limit
        self._deadline = None if total_s is None else time.monotonic() + total_s
        self._cancelled = cancelled
        self._url = shown(response.url)
        self.length_known = False

    def read(self) -> bytes | bytearray:
        """The whole body, decoded."""
        body: bytes | bytearray = b""
        for chunk in self.chunks():
            if not body:
                body = chunk
            else:
                if not isinstance(body, bytearray):
                    body = bytearray(body)
                body += chunk
        return body

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes, decoded.

        Raises:
            NetworkError: ``network.truncated`` (retryable), ``network.too-large``, or a failure of the connection.
            Cancelled: the caller wants to stop.
        """
        coding = self._response.headers.get("Content-Encoding", "").strip().lower()
        inflater = _Inflater(coding, self._limit, self._url) if coding not in {"", "identity"} else None
        size = 0
        for chunk in self._raw():
            for piece in inflater.feed(chunk) if inflater else (chunk,):
                size += len(piece)
                if size > self._limit:
                    raise too_large(self._url, self._limit)
                yield piece
        if inflater and not inflater.finished:
            raise self._truncated("the compressed answer ended early")

    def _raw(self) -> Iterator[bytes]:
        raw, headers = self._response.raw, self._response.headers
        chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        announced = headers.get("Content-Length", "") if not chunked else ""
        expected = int(announced) if announced.isascii() and announced.isdigit() and len(announced) < 20 else None
        # read1 gives what is there; read waits for as much as asked for, and a slow answer would hold it for hours.
        # urllib3 1.26 has no read1.
        read, step = (raw.read1, _CHUNK) if hasattr(raw, "read1") else (raw.read, _SMALL_CHUNK)
        count = 0
        mark, mark_time = 0, time.monotonic()
        while True:
            try:
                chunk = read(step, decode_content=False)
            except Exception as error:  # urllib3's and http.client's errors, which are OSErrors only in part
                raise self._broken(error) from error
            if not chunk:
                break
            count += len(chunk)
            yield chunk
            now = time.monotonic()
            if count - mark >= self._settings.slow_bytes:
                mark, mark_time = count, now
            self._check(now, now - mark_time)
        # urllib3 1.26 is silent about a body that is shorter than announced.
        if expected is not None and count != expected:
            raise self._truncated(f"the answer ended after {count} of {expected} bytes")
        self.length_known = chunked or expected is not None

    def _check(self, now: float, since: float) -> None:
        if self._cancelled is not None and self._cancelled():
            raise Cancelled("fetching was stopped", where=self._url)
        if since > self._settings.slow_s:
            raise self._truncated(f"the answer brought less than {self._settings.slow_bytes} bytes in {since:.0f} s")
        if self._deadline is not None and now > self._deadline:
            raise self._truncated("the answer did not end in time")

    def _broken(self, error: Exception) -> Exception:
        if self._cancelled is not None and self._cancelled():
            return Cancelled("fetching was stopped", where=self._url)
        return self._truncated(f"the connection broke within an answer ({type(error).__name__})")

    def _truncated(self, why: str) -> NetworkError:
        return NetworkError(
            why,
            code="network.truncated",
            url=self._url,
            status=self._response.status_code,
            retryable=True,
            remedy="fetch again",
        )


class _Inflater:
    """Undoes a Content-Encoding piece by piece, so that a bomb is noticed when it passes the limit, not afterwards."""

    def __init__(self, coding: str, limit: int, url: str) -> None:
        if coding not in {"gzip", "x-gzip", "deflate"}:
            raise NetworkError(f"the server used the content encoding {coding[:20]!r} unasked", url=url)
        self._coding = coding
        self._limit = limit
        self._url = url
        self._inflate: Any = None
        self.finished = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._inflate is None:
                self._inflate = zlib.decompressobj(self._window(data))
            try:
                piece = self._inflate.decompress(data, _CHUNK)
            except zlib.error as error:
                raise NetworkError(
                    "an answer cannot be decompressed", code="network.truncated", url=self._url, retryable=True
                ) from error
            if piece:
                yield piece
            data = self._inflate.unconsumed_tail
            self.finished = self._inflate.eof
            if self.finished:
                data = self._inflate.unused_data  # a gzip file may have several members
                self._inflate = None

    def _window(self, data: bytes) -> int:
        if self._coding != "deflate":
            return 31
        # "deflate" means zlib's format; some servers send it without zlib's two bytes.
        return 15 if data[0] & 0x0F == 8 and len(data) > 1 and (data[0] * 256 + data[1]) % 31 == 0 else -15


def too_large(url: str, limit: int) -> NetworkError:
    """The error for an answer above its limit."""
    return NetworkError(
        f"an answer is larger than {limit} bytes",
        code="network.too-large",
        url=shown(url),
        remedy="narrow what is asked for, or check the server",
    )
