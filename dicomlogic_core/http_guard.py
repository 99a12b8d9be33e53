"""Which URLs a source may lead to: those on its own origin or its list, and none that a hostile answer made up."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urljoin, urlsplit

from dicomlogic_core.errors import NetworkError
from dicomlogic_core.urls import origin, shown


class Guard:
    """The rules for URLs that come from servers: redirects, BulkDataURI, Content-Location (network page, 2.3 and 2.4).

    Attributes:
        base: URL of the source.
        allow: origins besides its own.
    """

    def __init__(self, base: str, allow: frozenset[str] = frozenset()) -> None:
        self.base = base.rstrip("/")
        self.allow = allow
        self._origin = origin(base)

    def is_own(self, url: str) -> bool:
        """True when `url` is on the source's origin, the only one that gets credentials, cookies and own headers."""
        return origin(url) == self._origin

    def redirect(self, location: str, request_url: str) -> str:
        """Where a redirect may lead.

        Raises:
            NetworkError: ``network.refused``, another origin that is not allowed, another scheme, or https to http.
        """
        target = self._absolute(location, request_url)
        here, there = urlsplit(request_url), urlsplit(target)
        if here.scheme == "https" and there.scheme != "https":
            raise _refusal("a redirect leads from https to http", target)
        if not self._may(target):
            if (here.scheme, here.hostname) == ("http", there.hostname) and there.scheme == "https":
                raise _refusal("the server wants https", target, f"name the source by its address at {origin(target)}")
            raise _refusal("a redirect leads away from the source", target)
        return target

    def resolve(self, link: str, request_url: str) -> str:
        """The URL to use for a link found in an answer.

        A link to another origin that is not allowed is taken to be the source itself under another name, as a server
        behind a proxy sees it: what follows ``/studies/`` is appended to the base.

        Raises:
            NetworkError: ``network.refused``.
        """
        target = self._absolute(link, request_url)
        if self._may(target):
            return target
        parts = urlsplit(target)
        _, found, rest = parts.path.partition("/studies/")
        if not found or parts.scheme not in {"http", "https"}:
            raise _refusal("a link leads away from the source", target)
        return f"{self.base}/studies/{rest}" + (f"?{parts.query}" if parts.query else "")

    def check_address(self, url: str) -> None:
        """Refuse an address inside a private network when the source itself is public; asked for each hop anew.

        Raises:
            NetworkError: ``network.refused``.
        """
        if self.is_own(url):
            return
        if _inner(urlsplit(url).hostname or "") and not _inner(urlsplit(self.base).hostname or ""):
            raise _refusal("a link leads from a public source into a private network", url)

    def _absolute(self, link: str, request_url: str) -> str:
        try:
            target = urljoin(request_url, link.strip())
            parts = urlsplit(target)
            hostname = parts.hostname
        except ValueError:
            raise _refusal("a link is no URL", request_url) from None
        if parts.scheme not in {"http", "https"} or not hostname or "@" in parts.netloc:
            raise _refusal("a link is no plain http(s) URL", target)
        return target

    def _may(self, target: str) -> bool:
        return self.is_own(target) or origin(target) in self.allow


def is_link_local(url: str) -> bool:
    """True for addresses such as 169.254.169.254, which hand out a machine's credentials in many clouds."""
    address = _address(urlsplit(url).hostname or "")
    return address is not None and address.is_link_local


def _inner(host: str) -> bool:
    """True when a host is, or resolves to, an address that is not public."""
    literal = _address(host)
    if literal is not None:
        return not literal.is_global
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False  # it cannot be reached either
    addresses = (_address(str(entry[4][0]).partition("%")[0]) for entry in found)
    return any(address is not None and not address.is_global for address in addresses)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _refusal(why: str, url: str, remedy: str = "if it is right, name its origin by allow-hosts") -> NetworkError:
    return NetworkError(why, code="network.refused", url=shown(url), remedy=remedy)
