"""Signature Version 4, computed from what arrived and compared with what was signed; written without an AWS library.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime, timezone
from urllib.parse import quote

from dicomlogic_ahi.testing.answers import ServiceError
from dicomlogic_ahi.testing.switches import Switches
from dicomlogic_core.testing.server_answers import Request

SERVICE = "medical-imaging"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,]+)/(?P<scope>[^,]+), *"
    r"SignedHeaders=(?P<headers>[^,]+), *Signature=(?P<signature>[0-9a-f]{64})"
)
_WINDOW = 15 * 60  # seconds a signature is good for


def check_signature(request: Request, switches: Switches) -> None:
    """Refuse a request that is not signed by the credentials of `switches`.

    Raises:
        ServiceError: no or another signature, another key, region or service, an old signature, an expired token.
    """
    if not switches.signatures:
        return
    match = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if match is None:
        raise ServiceError("AccessDeniedException", "Missing Authentication Token")
    _check_token(request, match["key"], switches)
    moment = _moment(request)
    scope = f"{moment:%Y%m%d}/{switches.region}/{SERVICE}/aws4_request"
    if match["scope"] != scope:
        raise ServiceError("AccessDeniedException", f"Credential should be scoped to {scope}")
    signed = match["headers"].split(";")
    _check_headers(request, signed)
    text = "\n".join(("AWS4-HMAC-SHA256", f"{moment:%Y%m%dT%H%M%SZ}", scope, _digest(canonical(request, signed))))
    if not hmac.compare_digest(_signature(text, moment, switches), match["signature"]):
        raise ServiceError(
            switches.refusal, "The request signature we calculated does not match the signature you provided"
        )


def canonical(request: Request, signed: list[str]) -> bytes:
    """The canonical request: method, path, query, the signed headers, and the digest of the body."""
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in request.query)
    headers = [f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signed]
    return "\n".join(
        (
            request.method,
            quote(request.path, safe="/~"),  # encoded a second time, as every service but S3 wants it
            "&".join(f"{name}={value}" for name, value in pairs),
            "".join(headers),
            ";".join(signed),
            _digest(request.body),
        )
    ).encode()


def _check_token(request: Request, key: str, switches: Switches) -> None:
    token = request.headers.get("x-amz-security-token", "")
    if switches.expired:
        raise ServiceError("ExpiredTokenException", "The security token included in the request is expired")
    if key != switches.access_key or token != switches.session_token:
        raise ServiceError("UnrecognizedClientException", "The security token included in the request is invalid.")


def _check_headers(request: Request, signed: list[str]) -> None:
    needed = {"host", "x-amz-date", *({"content-type", "x-amz-security-token"} & set(request.headers))}
    if signed != sorted(signed) or not needed <= set(signed):
        raise ServiceError("AccessDeniedException", f"these headers must be signed: {', '.join(sorted(needed))}")


def _moment(request: Request) -> datetime:
    text = request.headers.get("x-amz-date", "")
    try:
        moment = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        raise ServiceError("AccessDeniedException", "Date must be in ISO-8601 'basic format'") from None
    if abs((datetime.now(timezone.utc) - moment).total_seconds()) > _WINDOW:
        raise ServiceError("AccessDeniedException", f"Signature expired: {text} is outside of the window")
    return moment


def _signature(text: str, moment: datetime, switches: Switches) -> str:
    key = ("AWS4" + switches.secret_key).encode()
    for part in (f"{moment:%Y%m%d}", switches.region, SERVICE, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
