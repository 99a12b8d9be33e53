"""What a worker gets for its work: options, throttled progress, cancel, findings, HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from dicomlogic_core.errors import UsageError
from dicomlogic_core.findings import Finding

OnProgress = Callable[[int, int, str], None]

_INTERVAL_S = 0.1  # log chatter once made an import six times slower (CTK #746)


def is_true(options: Mapping[str, str], name: str) -> bool:
    """Whether an option is switched on: ``1``, ``true``, ``yes`` or ``on``, in any case."""
    return options.get(name, "").lower() in ("1", "true", "yes", "on")


class Progress:
    """Passes progress on at most ten times a second, and always the last call (done == total)."""

    def __init__(self, on_progress: OnProgress | None) -> None:
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._last = 0.0

    def __call__(self, done: int, total: int, what: str) -> None:
        """Pass on, or leave out when the last call was less than 0.1 s ago."""
        if self._on_progress is None:
            return
        with self._lock:
            now = time.monotonic()
            if now - self._last < _INTERVAL_S and done != total:
                return
            self._last = now
            self._on_progress(done, total, what)


class Work:
    """Meets `WorkContext`; made by the core for one scan, fetch or load."""

    def __init__(
        self,
        *,
        options: Mapping[str, str] | None = None,
        on_progress: OnProgress | None = None,
        cancel: Callable[[], bool] | None = None,
        http: Callable[[str], Any] | None = None,
        bulk_keys: frozenset[str] = frozenset(),
    ) -> None:
        self._options = MappingProxyType(dict(options or {}))
        self._progress = Progress(on_progress)
        self._cancel = cancel
        self._http = http
        self._bulk_keys = bulk_keys
        self.findings: list[Finding] = []

    @property
    def options(self) -> Mapping[str, str]:
        """The ``-o`` options, text."""
        return self._options

    @property
    def bulk_keys(self) -> frozenset[str]:
        """Columns whose bulk values must be resolved while indexing, since providers read them."""
        return self._bulk_keys

    def progress(self, done: int, total: int, what: str) -> None:
        """Tell how far the work is; throttled."""
        self._progress(done, total, what)

    def cancelled(self) -> bool:
        """True when the caller wants the work to stop."""
        return self._cancel is not None and self._cancel()

    def report(self, finding: Finding) -> None:
        """Record a finding."""
        self.findings.append(finding)

    def http(self, location: str) -> Any:
        """The guarded HTTP client of the source at `location`.

        Raises:
            UsageError: this work was started without network access.
        """
        if self._http is None:
            raise UsageError(
                "this work was started without network access", where=location, remedy="use a session to fetch"
            )
        return self._http(location)
