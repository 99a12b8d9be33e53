"""What can go wrong on the way, each on purpose: a fault replaces an answer, spoils it or delays it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dicomlogic_core.testing.server_answers import Answer
from dicomlogic_core.testing.server_switches import Fault

# Makes the answer; called at most once, and not at all by faults that come before the request is understood.
Make = Callable[[], Answer]
# Sleeps so many seconds, or until the server is closed.
Wait = Callable[[float], None]


def _status(fault: Fault, make: Make, wait: Wait) -> Answer:
    """`value` is the status."""
    return Answer(status=int(fault.value), media_type="text/plain", body=[b"this fault was asked for"])


KINDS: Mapping[str, Callable[[Fault, Make, Wait], Answer]] = {"status": _status}
