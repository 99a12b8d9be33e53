"""Which failures are worth another request, and how long to wait before it."""

from __future__ import annotations

import random
import time
from email.utils import parsedate_to_datetime

from dicomlogic_core.errors import NetworkError
from dicomlogic_core.http_settings import HttpSettings

AGAIN = frozenset({408, 429, 502, 503, 504})
"""Statuses that may change by themselves. 500 is not among them: on DICOMweb it means that this form is not offered."""

_FIRST_WAIT_S = 0.2


def retry_after(value: str) -> float:
    """Seconds that a Retry-After header asks for, as a number or a date (RFC 9110 10.2.3); 0 when unreadable."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return 0.0


def wait_before(attempt: int, error: NetworkError, settings: HttpSettings) -> float | None:
    """Seconds to wait before the attempt after number `attempt` (from 1); None when there is none."""
    if not error.retryable or attempt >= settings.attempts or error.retry_after > settings.retry_after_s:
        return None
    # Jitter spreads the threads that a busy server refused together.
    wait = _FIRST_WAIT_S * 2.0 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311
    return max(wait, error.retry_after)
