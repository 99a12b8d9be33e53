"""Answers and errors in the service's form (service model 2023-07-19, protocol rest-json)."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from dicomlogic_core.testing.server_answers import Answer

STATUSES = {
    "ThrottlingException": 429,
    "ConflictException": 409,
    "AccessDeniedException": 403,
    "ExpiredTokenException": 403,
    "InvalidSignatureException": 403,
    "UnrecognizedClientException": 403,
    "ValidationException": 400,
    "BadRequestException": 400,
    "NotAcceptableException": 406,
    "InternalServerException": 500,
    "ResourceNotFoundException": 404,
    "ServiceQuotaExceededException": 402,
    "UnknownOperationException": 404,
    "ServiceUnavailableException": 503,
}
"""HTTP status of each error the service names."""


class ServiceError(Exception):  # an answer, not a failure of the fake
    """Ends the handling of a request with a named error of the service."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def json_answer(value: Any) -> Answer:
    """An answer with a JSON body."""
    return _answer("application/json", json.dumps(value, separators=(",", ":")).encode())


def blob_answer(data: bytes, media_type: str, encoding: str = "") -> Answer:
    """An answer whose body is the payload itself."""
    answer = _answer(media_type, data)
    if encoding:
        answer.headers["Content-Encoding"] = encoding
    return answer


def error_answer(name: str, message: str) -> Answer:
    """Status, ``x-amzn-ErrorType`` and a message: what clients make typed exceptions of."""
    answer = _answer("application/json", json.dumps({"message": message}).encode())
    answer.status = STATUSES[name]
    answer.headers["x-amzn-ErrorType"] = name
    return answer


def _answer(media_type: str, body: bytes) -> Answer:
    return Answer(media_type=media_type, body=[body], headers={"x-amzn-RequestId": str(uuid4())})
