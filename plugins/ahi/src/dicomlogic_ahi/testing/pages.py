"""Pages of lists, by maxResults and nextToken."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from dicomlogic_ahi.testing.answers import ServiceError
from dicomlogic_core.testing.server_answers import Request

_MOST = 50


def page_of(entries: list[Any], request: Request, size: int) -> tuple[list[Any], dict[str, str]]:
    """The page of a list that a request asks for, `size` long when it does not say, and the token of the next one.

    Raises:
        ServiceError: a maxResults or nextToken that the model does not allow.
    """
    query = dict(request.query)
    text = query.get("maxResults", str(size))
    if not text.isdigit() or not 1 <= int(text) <= _MOST:
        raise ServiceError("ValidationException", f"maxResults must be 1 to {_MOST}")
    start = _start(query["nextToken"]) if "nextToken" in query else 0
    end = start + int(text)
    return entries[start:end], {"nextToken": _token(end)} if end < len(entries) else {}


def _token(start: int) -> str:
    # Base64 on purpose: "=" and "/" in a query show whether a client encodes and signs them right.
    return base64.b64encode(f"page/?>~{start}".encode()).decode()


def _start(token: str) -> int:
    try:
        text = base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    match = re.fullmatch(r"page/\?>~(\d+)", text)
    if match is None:
        raise ServiceError("ValidationException", "nextToken is not one of this service")
    return int(match[1])
