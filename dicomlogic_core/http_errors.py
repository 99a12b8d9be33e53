"""Errors of an exchange: what the status or the failed connection means, and what to do about it."""

from __future__ import annotations

import json
from typing import Any

from dicomlogic_core.errors import NetworkError
from dicomlogic_core.http_retry import AGAIN, retry_after
from dicomlogic_core.media_types import MediaType
from dicomlogic_core.urls import origin, shown

_MEANINGS: dict[int, tuple[str, str, str]] = {
    401: (
        "network.unauthorized",
        "the server refused the credentials",
        "name valid ones by auth, or user and password",
    ),
    403: ("network.forbidden", "the server forbids this request", "ask for access"),
    404: ("network.not-found", "the server does not have what was asked", "check the URL, then index again"),
    410: ("network.not-found", "the server no longer has what was asked", "index again"),
    413: ("network.too-large", "the server finds the answer too large", "narrow the query"),
}
_MESSAGE_LIMIT = 200
_MESSAGE_KEYS = ("Details", "Message", "message", "error", "title")


def status_error(response: Any, url: str, longest_wait_s: float) -> NetworkError | None:
    """The error that a response stands for; None for 2xx with data.

    A web page in place of data is one too: proxies answer 200 with their login form.
    """
    status: int = response.status_code
    kind = MediaType.parse(response.headers.get("Content-Type", "")).name
    if 200 <= status < 300:
        if kind in {"text/html", "application/xhtml+xml"}:
            return NetworkError(
                "an HTML page came instead of data, probably a login page",
                code="network.login-page",
                url=shown(url),
                status=status,
                remedy="check the URL (does it end in /dicom-web?) and the credentials",
            )
        return None
    code, meaning, remedy = _MEANINGS.get(status, ("network", f"the server answered {status}", ""))
    if status == 401:
        meaning = f"{origin(url)} refused the credentials (401)"
    said = _said(response, kind) if "?" not in url else ""  # it may repeat the query, which may name a patient
    wait = retry_after(response.headers.get("Retry-After", "")) if status in AGAIN else 0.0
    if wait > longest_wait_s:
        meaning += f" and asks to wait {wait:.0f} s, longer than the {longest_wait_s:.0f} s that are waited for"
        remedy = "try again later"
    return NetworkError(
        meaning + (f": {said}" if said else ""),
        code=code,
        url=shown(url),
        status=status,
        retryable=status in AGAIN,
        retry_after=wait,
        remedy=remedy,
    )


def _said(response: Any, kind: str) -> str:
    """The server's own message, one short line of it."""
    if "html" in kind:
        return ""
    try:
        text = response.raw.read(4096, decode_content=True).decode("utf-8", "replace").strip()
    except Exception:  # whatever breaks here, the status is what counts
        return ""
    if text.startswith("{"):
        try:
            found = json.loads(text)
        except ValueError:
            found = {}
        text = next((found[key] for key in _MESSAGE_KEYS if isinstance(found.get(key), str)), "")
    return " ".join(text.split())[:_MESSAGE_LIMIT]


def connection_error(error: Exception, url: str) -> NetworkError:
    """The error for an exchange without an answer."""
    import requests

    # The text of requests' errors holds the whole URL with its query; their kind says enough.
    fatal = isinstance(error, (requests.exceptions.SSLError, requests.exceptions.InvalidURL, ValueError)) and not (
        isinstance(error, requests.exceptions.ConnectionError) and not isinstance(error, requests.exceptions.SSLError)
    )
    if isinstance(error, requests.exceptions.SSLError):
        what, remedy = "the server's certificate was not accepted", "name its authority by the option verify"
    elif isinstance(error, requests.exceptions.Timeout):
        what, remedy = "the server did not answer in time", "check that it is running, then try again"
    elif fatal:
        what, remedy = f"this URL cannot be asked for ({type(error).__name__})", "check the URL"
    else:
        what, remedy = "the server could not be reached", "check that it is running, then try again"
    return NetworkError(what, code="network.unavailable", url=shown(url), retryable=not fatal, remedy=remedy)
