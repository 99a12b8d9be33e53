"""A DICOMweb server on the loopback interface over a folder of DICOM files, for tests and the demo.

::

    with serve(folder) as server:
        session.index(server.url)
        print([record.path for record in server.log])

It reads the folder once and the pixels on demand, needs no configuration and prints nothing. How it behaves is decided
by switches (`dicomlogic_core.testing.server_switches`), which may change while it runs::

    server.set(faults=[Fault("status", path="/frames/", times=2, value=503, headers={"Retry-After": "1"})])
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from dicomlogic_core.testing.server_answers import Answer, Refused, Request, compress, error_answer
from dicomlogic_core.testing.server_faults import KINDS
from dicomlogic_core.testing.server_http import LoopbackServer
from dicomlogic_core.testing.server_routes import Routes
from dicomlogic_core.testing.server_store import Store
from dicomlogic_core.testing.server_switches import PROFILES, Fault, Switches, switches_for

__all__ = ["PROFILES", "Fault", "Request", "Server", "Switches", "serve"]


@contextmanager
def serve(folder: str | Path, *, profile: str = "plain", **switches: Any) -> Iterator[Server]:
    """A running server over every DICOM file under `folder`; it stops, with its threads, when the block ends.

    `profile` is one of `PROFILES`; `switches` change it, see `Switches`.

    Raises:
        KeyError: no such profile.
        TypeError: no such switch.
    """
    server = Server(Store.read(Path(folder)), switches_for(profile, switches))
    try:
        yield server
    finally:
        server.close()


class Server:
    """A running server.

    Attributes:
        switches: how it behaves now; change it by `set`.
        log: a record of every request in the order they arrived; clear it when a new count begins.
        store: the instances it has.
    """

    def __init__(self, store: Store, switches: Switches) -> None:
        self.store = store
        self.switches = switches
        self.log: list[Request] = []
        self._routes = Routes(store)
        self._lock = threading.Lock()
        self._open = 0
        self._spent: dict[int, int] = {}  # number of the fault -> requests it has befallen
        self._http = LoopbackServer(self._handle)

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._http.port}"

    @property
    def url(self) -> str:
        """The DICOMweb base URL."""
        return self.origin + self.switches.base

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
            answer = self._answer(request, switches, fault)
            request.status = 0 if answer.dropped else answer.status
            send(answer)
        finally:
            with self._lock:
                self._open -= 1

    def _fault(self, request: Request, switches: Switches) -> Fault | None:
        """The first fault that fits and is not used up."""
        asked = request.path + ("?" + request.query_text if request.query_text else "")
        for number, fault in enumerate(switches.faults):
            used = self._spent.get(number, 0)
            if (fault.times is None or used < fault.times) and re.search(fault.path, asked):
                self._spent[number] = used + 1
                return fault
        return None

    def _answer(self, request: Request, switches: Switches, fault: Fault | None) -> Answer:
        def make(**changes: Any) -> Answer:
            try:
                return self._routes.answer(request, replace(switches, **changes))
            except Refused as refused:
                return error_answer(refused, switches.error_media_type, switches.auth)
            except OSError as error:  # a file that vanished or cannot be read
                return error_answer(Refused(404, f"the file is gone: {error.strerror}"), switches.error_media_type)
            except Exception as error:  # a damaged file costs its own request only
                return error_answer(Refused(500, f"{type(error).__name__}: {error}"), switches.error_media_type)

        if fault is None:
            answer = make()
        else:
            answer = KINDS[fault.kind](fault, make, self._http.wait)
            answer.headers.update(fault.headers)
        if switches.compress and "gzip" in request.headers.get("accept-encoding", ""):
            compress(answer)
        return answer
