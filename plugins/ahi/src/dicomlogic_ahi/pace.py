"""Token buckets: what the service allows per second is not asked for faster."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from dicomlogic_core import Cancelled

_POLL_S = 0.1


class Bucket:
    """A token bucket: `rate` requests per second, up to `burst` of them at once. Safe for threads."""

    def __init__(self, rate: float, burst: int = 1) -> None:
        self._interval = 1.0 / rate
        self._ahead = (burst - 1) * self._interval
        self._lock = threading.Lock()
        self._full_at = 0.0  # when the bucket will be full again, if nobody takes a token before

    def take(self, cancelled: Callable[[], bool] | None = None) -> None:
        """Wait for a token and take it.

        Raises:
            Cancelled: `cancelled` said so while waiting.
        """
        with self._lock:
            now = time.monotonic()
            self._full_at = max(self._full_at, now) + self._interval
            at = self._full_at - self._interval - self._ahead
        while (left := at - time.monotonic()) > 0:
            if cancelled is not None and cancelled():
                raise Cancelled("fetching was stopped")
            time.sleep(min(left, _POLL_S))
