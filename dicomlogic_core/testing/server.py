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

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dicomlogic_core.testing.server_answers import Answer, Refused, Request, compress, error_answer
from dicomlogic_core.testing.server_base import BaseServer
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


class Server(BaseServer[Switches]):
    """A running server.

    Attributes:
        store: the instances it has.
    """

    def __init__(self, store: Store, switches: Switches) -> None:
        self.store = store
        self._routes = Routes(store)
        super().__init__(switches)

    @property
    def url(self) -> str:
        """The DICOMweb base URL."""
        return self.origin + self.switches.base

    def answer(self, request: Request, switches: Switches) -> Answer:
        """The answer to a request, an error among them."""
        try:
            return self._routes.answer(request, switches)
        except Refused as refused:
            return error_answer(refused, switches.error_media_type, switches.auth)
        except OSError as error:  # a file that vanished or cannot be read
            return error_answer(Refused(404, f"the file is gone: {error.strerror}"), switches.error_media_type)
        except Exception as error:  # a damaged file costs its own request only
            return error_answer(Refused(500, f"{type(error).__name__}: {error}"), switches.error_media_type)

    def respond(self, request: Request, switches: Switches, fault: Fault | None) -> Answer:
        """The answer with what befalls it, compressed where that is asked for."""
        answer = super().respond(request, switches, fault)
        if switches.compress and "gzip" in request.headers.get("accept-encoding", ""):
            compress(answer)
        return answer
