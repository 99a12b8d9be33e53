"""What the service's refusals mean, and what to do about them."""

from __future__ import annotations

from typing import Any

from dicomlogic_core import NetworkError

# Kinds of 403 that are about who asks; any other is about what was asked.
_IDENTITY = ("Signature", "Token", "Client", "Expired", "Authentication", "Credential")
_ACTIONS = "medical-imaging:SearchImageSets, GetImageSet, GetImageSetMetadata, GetImageFrame and GetDatastore"

_MEANINGS: dict[int, tuple[str, str, str]] = {
    403: (
        "network.forbidden",
        "AWS denies this request",
        f"allow {_ACTIONS} for this data store; check the credentials too",
    ),
    404: (
        "network.not-found",
        "AWS HealthImaging does not have what was asked",
        "check the data store's id and the region, then index again",
    ),
    406: ("network.no-form", "AWS HealthImaging does not give this frame in any form that was accepted", ""),
    409: (
        "network.busy",
        "the image set is locked: it is being imported, copied or updated",
        "wait until that has ended, then try again",
    ),
    429: ("network", "AWS HealthImaging asks for fewer requests", "try again later, or raise the account's quota"),
}
_AGAIN = frozenset({409, 500})
"""Statuses that pass by themselves here, besides those that do so everywhere."""


def explain(response: Any, error: NetworkError) -> NetworkError:
    """The error for a refusal; see `dicomlogic_core.Client`.

    The service's text is left out where it may repeat what was signed, which holds the session token.
    """
    kind = _kind(response.headers.get("x-amzn-ErrorType", ""))
    code, message, remedy = _MEANINGS.get(error.status, (error.code, error.message, error.remedy))
    if error.status in (401, 403) and any(word in kind for word in _IDENTITY):
        code, message = "network.unauthorized", "AWS refused the credentials"
        remedy = "check the access key, its secret, and this machine's clock; log in again if they expired"
    if error.retry_after and not error.retryable:
        remedy = error.remedy
    return NetworkError(
        message + (f" ({kind})" if kind else ""),
        code=code,
        url=error.url,
        status=error.status,
        attempts=error.attempts,
        retryable=error.retryable or error.status in _AGAIN,
        retry_after=error.retry_after,
        remedy=remedy,
    )


def _kind(header: str) -> str:
    """The error's name out of its header, where a URL may follow it."""
    name = header.partition(":")[0].strip()
    return name[:60] if name.isalnum() else ""
