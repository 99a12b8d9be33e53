"""The one guarded HTTP client: credentials bound to the source's origin, own redirects and retries, caps and deadlines.

Network page, section 2. Only reading requests are made, those by POST included, so that any of them may be repeated.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

import requests

from dicomlogic_core.auth import Authorizer, Credentials
from dicomlogic_core.errors import Cancelled, NetworkError, UsageError
from dicomlogic_core.http_body import Body
from dicomlogic_core.http_errors import connection_error, status_error
from dicomlogic_core.http_guard import Guard, is_link_local
from dicomlogic_core.http_multipart import Part, Splitter, split
from dicomlogic_core.http_retry import wait_before
from dicomlogic_core.http_session import new_session, no_credentials
from dicomlogic_core.http_settings import HTTP_OPTIONS, HttpSettings
from dicomlogic_core.http_watch import over
from dicomlogic_core.media_types import MediaType
from dicomlogic_core.urls import normalise_url, origin, shown

__all__ = ["Answer", "Client", "client_for"]

JSON = "application/dicom+json"

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_POLL_S = 0.1
_LOG = logging.getLogger(__name__)

CancelledCheck = Callable[[], bool]
Explain = Callable[[Any, NetworkError], NetworkError]
"""Takes a refusal (a response of requests, body not read) and the error made of it; gives the error to raise."""

T = TypeVar("T")


def client_for(location: str, options: Mapping[str, Any], session: requests.Session | None = None) -> Client:
    """The client of the source at `location`.

    `session` is what a host gave for this origin; it is used as it is, with its own credentials unless the options name
    some. Without options the client is anonymous.

    Raises:
        UsageError: bad options, or no URL.
    """
    base = normalise_url(location)
    if not options and is_link_local(base):
        # Such a URL can only have come out of a database; nobody named it.
        raise UsageError("a link-local address was not named in this process", code="index.host-refused", where=base)
    return Client(
        base,
        HttpSettings.from_options(options, base),
        Credentials.from_options(base, options),
        session=session,
        extra={name: value for name, value in options.items() if name not in HTTP_OPTIONS and "." not in name},
    )


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A complete answer.

    Attributes:
        url: that answered, after redirects.
        status: HTTP status, 2xx.
        headers: as received.
        body: decoded bytes, exactly as many as the server announced.
        length_known: the server said where the body ends (a length or chunks).
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes | bytearray
    length_known: bool

    @property
    def content_type(self) -> str:
        """The Content-Type header, "" when there was none."""
        return self.headers.get("Content-Type", "")

    def parts(self, expected: int | None = None) -> list[Part]:
        """The parts of a multipart body; one part for any other.

        Raises:
            NetworkError: the body is cut, or has not the `expected` number of parts.
        """
        with _at(self.url):
            return split(self.body, self.content_type, length_known=self.length_known, expected=expected)


class Client:
    """Reads from one source. Safe for many threads; at most ``settings.concurrency`` requests are open at once.

    Attributes:
        base: URL of the source.
        settings: limits and times.
        guard: the rules for URLs out of answers.
        extra: options of the source that are not about HTTP.
        closed: whether it was closed.

    `credentials` is called with every request that goes to the source's own origin, each repetition included, so that
    it can sign them one by one. `explain` knows what a service's own errors mean.
    """

    def __init__(
        self,
        base: str,
        settings: HttpSettings | None = None,
        credentials: Authorizer | None = None,
        *,
        session: requests.Session | None = None,
        extra: Mapping[str, str] | None = None,
        explain: Explain | None = None,
    ) -> None:
        self.base = base
        self.extra = MappingProxyType(dict(extra or {}))
        self.settings = settings or HttpSettings()
        self.guard = Guard(base, self.settings.allow)
        self._credentials: Authorizer = credentials or Credentials(base)
        self._explain = explain
        self._owned = session is None
        self._session = session or new_session(self.settings)
        self._foreign: requests.Session | None = None
        self._slots = threading.BoundedSemaphore(self.settings.concurrency)
        self._lock = threading.Lock()
        self.closed = False

    def __repr__(self) -> str:
        return f"Client({self.base}, {self._credentials!r})"

    def close(self) -> None:
        """Close the connections; a session that a host gave stays open."""
        self.closed = True
        if self._owned:
            self._session.close()
        if self._foreign is not None:
            self._foreign.close()

    # --- reading -----------------------------------------------------------------------------------------------------

    def get(
        self,
        url: str,
        accept: str,
        *,
        limit: int = 0,
        compressed: bool = False,
        cancelled: CancelledCheck | None = None,
    ) -> Answer:
        """One answer, asked for again while that may help.

        Args:
            url: encoded completely.
            accept: one media type; servers differ in what they make of several.
            limit: bytes of the decoded body; by default the settings' limit for frames.
            compressed: whether the server may compress: good for text, slow for pixels.
            cancelled: asked while waiting and reading.

        Raises:
            NetworkError: with status, attempts and whether later may help.
            Cancelled: `cancelled` said so.
        """
        headers = {"Accept": accept, "Accept-Encoding": "gzip" if compressed else "identity"}
        return self._answer(url, headers, None, limit, cancelled)

    def post(
        self,
        url: str,
        accept: str,
        *,
        body: bytes = b"",
        content_type: str = "application/json",
        limit: int = 0,
        compressed: bool = False,
        cancelled: CancelledCheck | None = None,
    ) -> Answer:
        """As `get`, from services that are read by POST; `content_type` is sent with a `body`. Never redirected.

        Raises:
            NetworkError: as `get`; ``network.refused`` for a redirect.
            Cancelled: `cancelled` said so.
        """
        headers = {"Accept": accept, "Accept-Encoding": "gzip" if compressed else "identity"}
        if body:
            headers["Content-Type"] = content_type
        return self._answer(url, headers, body, limit, cancelled)

    def _answer(
        self, url: str, headers: Mapping[str, str], sent: bytes | None, limit: int, cancelled: CancelledCheck | None
    ) -> Answer:
        def once() -> Answer:
            with self._slot(cancelled), over(cancelled), self._open(url, headers, sent) as response:
                body = Body(
                    response,
                    self.settings,
                    limit=limit or self.settings.frame_limit,
                    total_s=self.settings.total_s,
                    cancelled=cancelled,
                )
                data = body.read()
                return Answer(response.url, response.status_code, response.headers, data, body.length_known)

        return self._repeated(once, cancelled)

    def json(self, url: str, *, accept: str = JSON, cancelled: CancelledCheck | None = None) -> Answer:
        """A JSON answer, not parsed; its body is empty when the server found nothing (204, or 200 without a body).

        Raises:
            NetworkError: as `get`, or something else than JSON came.
        """
        answer = self.get(url, accept, limit=self.settings.metadata_limit, compressed=True, cancelled=cancelled)
        start = bytes(answer.body[:64]).removeprefix(b"\xef\xbb\xbf").lstrip()
        if answer.status != 204 and start and start[:1] not in b"[{":
            raise NetworkError(
                f"the server sent {MediaType.parse(answer.content_type).name or 'something'} instead of JSON",
                code="network.not-json",
                url=shown(url),
                status=answer.status,
                remedy="check the URL: the root of many servers ends in /dicom-web",
            )
        return answer

    def parts(self, url: str, accept: str, *, cancelled: CancelledCheck | None = None) -> Iterator[Part]:
        """The parts of an answer while it is still arriving; for whole series.

        A failure before the first byte is retried here. One in the middle is raised, and the caller, who knows what is
        missing, asks for the rest.

        Raises:
            NetworkError: ``network.truncated`` when the body is cut, after the parts that were complete.
        """
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        with (
            self._slot(cancelled),
            over(cancelled),
            self._repeated(lambda: self._open(url, headers), cancelled) as response,
        ):
            body = Body(response, self.settings, limit=1 << 62, cancelled=cancelled)
            splitter = Splitter(response.headers.get("Content-Type", ""), part_limit=self.settings.frame_limit)
            with _at(url):
                for chunk in body.chunks():
                    yield from splitter.feed(chunk)
                yield from splitter.finish(length_known=body.length_known)

    # --- one exchange ------------------------------------------------------------------------------------------------

    def _repeated(self, once: Callable[[], T], cancelled: CancelledCheck | None) -> T:
        attempt = 1
        while True:
            try:
                return once()
            except NetworkError as error:
                error.attempts = attempt
                wait = wait_before(attempt, error, self.settings)
                if wait is None:
                    raise
                _LOG.info("%s: %s; asking again in %.1f s", error.url or self.base, error.code, wait)
            self._pause(wait, cancelled)
            attempt += 1

    def _pause(self, seconds: float, cancelled: CancelledCheck | None) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            _check(cancelled, self.base)
            time.sleep(min(left, _POLL_S))

    @contextmanager
    def _slot(self, cancelled: CancelledCheck | None) -> Iterator[None]:
        while not self._slots.acquire(timeout=_POLL_S):
            _check(cancelled, self.base)
        try:
            _check(cancelled, self.base)
            yield
        finally:
            self._slots.release()

    def _open(self, url: str, headers: Mapping[str, str], sent: bytes | None = None) -> requests.Response:
        """Send, follow redirects, renew credentials once; gives a response of status 2xx whose body is not read."""
        hops, renewed = 0, False
        while True:
            generation = self._credentials.generation
            response = self._send(url, headers, sent)
            if response.status_code in _REDIRECTS and "Location" in response.headers:
                response.close()
                if sent is not None:
                    raise NetworkError("a POST request was redirected", code="network.refused", url=shown(url))
                hops += 1
                url = self._hop(response.headers["Location"], url, hops)
            elif response.status_code == 401 and not renewed and not self._credentials.anonymous and self._is_own(url):
                response.close()
                renewed = True
                self._credentials.refresh(generation)
            elif error := status_error(response, url, self.settings.retry_after_s):
                error = self._explain(response, error) if self._explain is not None else error
                response.close()
                raise error
            else:
                return response

    def _hop(self, location: str, url: str, hops: int) -> str:
        target = self.guard.redirect(location, url)
        if hops > self.settings.redirects:
            raise NetworkError(f"more than {self.settings.redirects} redirects", code="network.refused", url=shown(url))
        return target

    def _is_own(self, url: str) -> bool:
        return self.guard.is_own(url)

    def _send(self, url: str, headers: Mapping[str, str], sent: bytes | None) -> requests.Response:
        own = self._is_own(url)
        if not own:
            if origin(url) not in self.guard.allow:
                raise NetworkError("a URL outside the source was refused", code="network.refused", url=shown(url))
            self.guard.check_address(url)
        session = self._session if own else self._foreign_session()
        given: dict[str, Any] = {}
        if not own:
            given["auth"] = no_credentials
        elif self._owned or not self._credentials.anonymous or session.auth is None:
            given["auth"] = self._credentials
        if self.settings.verify is not None:
            given["verify"] = self.settings.verify
        if self.settings.cert and own:
            given["cert"] = self.settings.cert
        if self.settings.proxy:
            given["proxies"] = {"http": self.settings.proxy, "https": self.settings.proxy}
        try:
            return session.request(
                "GET" if sent is None else "POST",
                url,
                data=sent,
                headers=dict(headers),
                allow_redirects=False,
                stream=True,
                timeout=(self.settings.connect_s, self.settings.read_s),
                **given,
            )
        except (requests.RequestException, OSError, ValueError) as error:
            raise connection_error(error, url) from error

    def _foreign_session(self) -> requests.Session:
        with self._lock:
            if self._foreign is None:
                self._foreign = new_session(self.settings)
            return self._foreign


@contextmanager
def _at(url: str) -> Iterator[None]:
    """Name the URL in errors of the parser, which knows bytes only."""
    try:
        yield
    except NetworkError as error:
        error.url = error.where = error.url or shown(url)
        raise


def _check(cancelled: CancelledCheck | None, where: str) -> None:
    if cancelled is not None and cancelled():
        raise Cancelled("fetching was stopped", where=where)
