"""What the loopback servers share: a log, switches that change while they run, and faults that befall requests."""

from __future__ import annotations

import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

from dicomlogic_core.testing.server_answers import Answer, Request
from dicomlogic_core.testing.server_faults import KINDS, Make, Wait
from dicomlogic_core.testing.server_http import LoopbackServer
from dicomlogic_core.testing.server_switches import CommonSwitches, Fault

AnySwitches = TypeVar("AnySwitches", bound=CommonSwitches)


class BaseServer(ABC, Generic[AnySwitches]):
    """A running server on a free port of 127.0.0.1.

    Attributes:
        switches: how it behaves now; change it by `set`.
        log: a record of every request in the order they arrived; clear it when a new count begins.
    """

    kinds: Mapping[str, Callable[[Fault, Make, Wait], Answer]] = KINDS
    methods: frozenset[str] = frozenset({"GET"})

    def __init__(self, switches: AnySwitches) -> None:
        self.switches = switches
        self.log: list[Request] = []
        self._lock = threading.Lock()
        self._open = 0
        self._spent: dict[int, int] = {}  # number of the fault -> requests it has befallen
        self._http = LoopbackServer(self._handle, self.methods)

    @abstractmethod
    def answer(self, request: Request, switches: AnySwitches) -> Answer:
        """The answer to a request, an error among them."""

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._http.port}"

    def set(self, **switches: Any) -> None:
        """Change switches for the requests that come from now on; new faults start counting anew.

        Raises:
            TypeError: no such switch.
        """
        with self._lock:
            if "faults" in switches:
                switches["faults"] = tuple(switches["faults"])
                self._spent.clear()
            self.switches = replace(self.switches, **switches)

    def count(self, pattern: str) -> int:
        """How many logged requests have a path that the regular expression is found in."""
        return sum(re.search(pattern, record.path) is not None for record in list(self.log))

    @property
    def most_open(self) -> int:
        """The most requests that were in progress at once."""
        return max((record.open for record in list(self.log)), default=0)

    def close(self) -> None:
        """Stop answering and end the threads; requests in progress are cut off."""
        self._http.close()

    # --- one request -----------------------------------------------------------------------------------------------

    def asked(self, request: Request) -> str:
        """What the patterns of faults are searched in."""
        return request.path + ("?" + request.query_text if request.query_text else "")

    def respond(self, request: Request, switches: AnySwitches, fault: Fault | None) -> Answer:
        """The answer with what befalls it."""

        def make(**changes: Any) -> Answer:
            return self.answer(request, replace(switches, **changes))

        if fault is None:
            return make()
        answer = self.kinds[fault.kind](fault, make, self._http.wait)
        answer.headers.update(fault.headers)
        return answer

    def _handle(self, request: Request, send: Callable[[Answer], None]) -> None:
        with self._lock:
            self._open += 1
            request.open = self._open
            self.log.append(request)
            switches = self.switches
            fault = self._fault(request, switches)
        try:
            request.fault = fault.kind if fault else ""
            self._http.wait(switches.latency)
            answer = self.respond(request, switches, fault)
            request.status = 0 if answer.dropped else answer.status
            send(answer)
        finally:
            with self._lock:
                self._open -= 1

    def _fault(self, request: Request, switches: AnySwitches) -> Fault | None:
        """The first fault that fits and is not used up."""
        asked = self.asked(request)
        for number, fault in enumerate(switches.faults):
            used = self._spent.get(number, 0)
            if (fault.times is None or used < fault.times) and re.search(fault.path, asked):
                self._spent[number] = used + 1
                return fault
        return None
