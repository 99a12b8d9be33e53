"""What can go wrong between the service and a client, besides what can go wrong with every server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from dicomlogic_ahi.testing.answers import error_answer
from dicomlogic_core.testing.server_answers import Answer
from dicomlogic_core.testing.server_faults import KINDS as COMMON
from dicomlogic_core.testing.server_faults import Make, Wait
from dicomlogic_core.testing.server_switches import Fault


def _error(fault: Fault, make: Make, wait: Wait) -> Answer:
    """An error of the service: `value` is its name, e.g. ``ThrottlingException``."""
    return error_answer(str(fault.value), f"{fault.value} was asked for")


def _half(fault: Fault, make: Make, wait: Wait) -> Answer:
    """Half of the body, under a Content-Length that is right for it: only the stream itself can tell."""
    answer = make()
    data = answer.data()
    answer.body = [data[: len(data) // 2]]
    return answer


def _changed(fault: Fault, make: Make, wait: Wait) -> Answer:
    """The body that the function `value` makes of the right one, under a Content-Length that is right for it."""
    answer = make()
    answer.body = [fault.value(answer.data())]
    return answer


def _hole(fault: Fault, make: Make, wait: Wait) -> Answer:
    """A codestream with a hole in its middle and its end marker in place: only its checksum can tell."""
    answer = make()
    data = answer.data()
    third = len(data) // 3
    answer.body = [data[: 2 * third], bytes(len(data) - 2 * third - 2), data[-2:]]
    return answer


KINDS: Mapping[str, Callable[[Fault, Make, Wait], Answer]] = MappingProxyType(
    {**COMMON, "error": _error, "half": _half, "hole": _hole, "changed": _changed}
)
"""What faults of the fake service can be: those of every loopback server, and its own."""
