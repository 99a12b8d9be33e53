"""What can go wrong on the way, each on purpose: a fault replaces an answer, spoils it or delays it."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from dicomlogic_core.testing.server_answers import Answer, compress
from dicomlogic_core.testing.server_switches import Fault

Wait = Callable[[float], None]
"""Sleeps so many seconds, but not beyond the end of the server."""


class Make(Protocol):
    """Makes the answer that would have been sent, with some switches changed."""

    def __call__(self, **switches: object) -> Answer:
        """The answer."""


def _status(fault: Fault, make: Make, wait: Wait) -> Answer:
    """An error status: `value`."""
    return Answer(status=int(fault.value), media_type="text/plain", body=[b"this fault was asked for"])


def _login(fault: Fault, make: Make, wait: Wait) -> Answer:
    """A login page with status 200, as proxies send it."""
    return Answer(media_type="text/html; charset=utf-8", body=[b"<!DOCTYPE html><title>Log in</title><form></form>"])


def _redirect(fault: Fault, make: Make, wait: Wait) -> Answer:
    """A redirect to the URL or path `value`; for ever, when the fault befalls that one too."""
    return Answer(status=302, media_type="text/plain", body=[b"elsewhere"], headers={"Location": str(fault.value)})


def _drop(fault: Fault, make: Make, wait: Wait) -> Answer:
    """The connection is closed without an answer."""
    return Answer(dropped=True)


def _hang(fault: Fault, make: Make, wait: Wait) -> Answer:
    """Nothing comes for `value` seconds, then the connection is closed."""
    wait(float(fault.value))
    return Answer(dropped=True)


def _slow(fault: Fault, make: Make, wait: Wait) -> Answer:
    """The answer comes `value` seconds late."""
    wait(float(fault.value))
    return make()


def _drip(fault: Fault, make: Make, wait: Wait) -> Answer:
    """64 bytes every `value` seconds."""
    answer = make()
    answer.drip = float(fault.value)
    return answer


def _short(fault: Fault, make: Make, wait: Wait) -> Answer:
    """The last `value` bytes that Content-Length counts do not come."""
    answer = make()
    answer.body = [answer.data()[: -int(fault.value)]]
    answer.claimed = int(fault.value)
    return answer


def _cut(fault: Fault, make: Make, wait: Wait) -> Answer:
    """The last `value` bytes are missing, without any length in the header that could tell."""
    answer = make()
    answer.body = [answer.data()[: -int(fault.value)]]
    answer.length = "close"
    return answer


def _close(fault: Fault, make: Make, wait: Wait) -> Answer:
    """Everything comes, without Content-Length; the end of the connection is the end."""
    answer = make()
    answer.length = "close"
    return answer


def _gzip(fault: Fault, make: Make, wait: Wait) -> Answer:
    """The body is compressed although nobody accepts that."""
    answer = make()
    compress(answer)
    return answer


def _bomb(fault: Fault, make: Make, wait: Wait) -> Answer:
    """A small body that becomes `value` bytes when it is decompressed."""
    answer = make()
    answer.body = [gzip.compress(b" " * int(fault.value), compresslevel=9)]
    answer.headers["Content-Encoding"] = "gzip"
    return answer


def _garbage(fault: Fault, make: Make, wait: Wait) -> Answer:
    """A right header over a body that is no JSON, no multipart and no image."""
    answer = make()
    answer.body = [b"\x00garbage\xff" * 8]
    return answer


def _switch(fault: Fault, make: Make, wait: Wait) -> Answer:
    """Switches differ for the requests it befalls: `value` maps their names, e.g. ``{"multipart": "M22"}``."""
    return make(**fault.value)


KINDS: Mapping[str, Callable[[Fault, Make, Wait], Answer]] = MappingProxyType(
    {
        "status": _status,
        "login": _login,
        "redirect": _redirect,
        "drop": _drop,
        "hang": _hang,
        "slow": _slow,
        "drip": _drip,
        "short": _short,
        "cut": _cut,
        "close": _close,
        "gzip": _gzip,
        "bomb": _bomb,
        "garbage": _garbage,
        "switch": _switch,
    }
)
