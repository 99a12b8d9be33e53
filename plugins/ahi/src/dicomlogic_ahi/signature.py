"""Signature Version 4, with which every request to AWS proves who asks and that nothing was changed on the way."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlsplit

SERVICE = "medical-imaging"

_ALGORITHM = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Keys:
    """An access key; shown without its secrets."""

    access: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


def signed_headers(
    method: str, url: str, headers: Mapping[str, str], body: bytes, *, keys: Keys, region: str, now: datetime
) -> dict[str, str]:
    """The headers that sign a request.

    Args:
        method: GET or POST.
        url: encoded completely: what is encoded afterwards no longer fits the signature.
        headers: to be signed besides the host; those that proxies change must not be among them.
        body: what is sent, b"" for nothing.
        keys: of who asks.
        region: of the service.
        now: time of the request, UTC; the service allows for a few minutes.
    """
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    made = {"X-Amz-Date": stamp} | ({"X-Amz-Security-Token": keys.token} if keys.token else {})
    covered = {name.lower(): " ".join(value.split()) for name, value in {**headers, **made}.items()}
    covered["host"] = _host(url)
    names = ";".join(sorted(covered))
    request = "\n".join(
        (
            method,
            *_path_and_query(url),
            *(f"{name}:{covered[name]}" for name in sorted(covered)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    scope = f"{day}/{region}/{SERVICE}/aws4_request"
    text = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
    key = f"AWS4{keys.secret}".encode()
    for part in (day, region, SERVICE, "aws4_request"):
        key = _hmac(key, part)
    signature = _hmac(key, text).hex()
    made["Authorization"] = (
        f"{_ALGORITHM} Credential={keys.access}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return made


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _host(url: str) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    default = parts.port is None or parts.port == _DEFAULT_PORTS.get(parts.scheme)
    return host if default else f"{host}:{parts.port}"


def _path_and_query(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    pairs = sorted(pair.partition("=")[::2] for pair in parts.query.split("&")) if parts.query else []
    # The path of a URL is encoded already; all services but S3 sign it encoded once more.
    return quote(parts.path or "/", safe="/~"), "&".join(f"{name}={value}" for name, value in pairs)
