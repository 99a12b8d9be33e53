"""From a path to what answers it (the resources of PS3.18 Tables 10.4.1-1 and 10.6.1-1)."""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote

from dicomlogic_core.testing import server_qido, server_wado
from dicomlogic_core.testing.server_answers import Answer, Exchange, Refused, Request
from dicomlogic_core.testing.server_frames import FrameReader
from dicomlogic_core.testing.server_store import Store
from dicomlogic_core.testing.server_switches import Switches

_STUDY = r"/studies/(?P<study>[^/]+)"
_SERIES = _STUDY + r"/series/(?P<series>[^/]+)"
_INSTANCE = _SERIES + r"/instances/(?P<sop>[^/]+)"
# pattern, what answers, and the switch of `Switches.levels` it needs
_SEARCHES = [
    (r"/studies", "study", ""),
    (_STUDY + r"/series", "series", ""),
    (_SERIES + r"/instances", "instance", "instances"),
    (r"/series", "series", "all-series"),
    (r"/instances", "instance", "all-instances"),
    (_STUDY + r"/instances", "instance", "study-instances"),
]


class Routes:
    """Answers requests for a store; knows nothing of sockets and faults."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._reader = FrameReader()

    def answer(self, request: Request, switches: Switches) -> Answer:
        """The answer to a GET request.

        Raises:
            Refused: no such resource, a bad request, no agreement on the media type, no permission.
        """
        _check_permission(request, switches)
        path = unquote(request.path)
        if not path.startswith(switches.base + "/"):
            raise Refused(404, f"this server is at {switches.base}")
        exchange = Exchange(request, switches, self.store, self._reader)
        path = path[len(switches.base) :].rstrip("/")
        for pattern, level, switch in _SEARCHES:
            if (match := re.fullmatch(pattern, path)) and (not switch or switch in switches.levels):
                return server_qido.search(exchange, level, **match.groupdict())
        return _retrieve(path, exchange)


def _retrieve(path: str, exchange: Exchange) -> Answer:
    for pattern in (_INSTANCE, _SERIES, _STUDY):
        if match := re.fullmatch(pattern + "/metadata", path):
            return server_wado.metadata(exchange, **match.groupdict())
        if match := re.fullmatch(pattern, path):
            return server_wado.objects(exchange, **match.groupdict())
    if match := re.fullmatch(_INSTANCE + r"/frames/(?P<numbers>[^/]+)", path):
        return server_wado.frames(exchange, **match.groupdict())
    if match := re.fullmatch(_INSTANCE + r"/bulkdata/(?P<path>.+)", path):
        return server_wado.bulk_data(exchange, **match.groupdict())
    raise Refused(404, "there is no such resource")


def _check_permission(request: Request, switches: Switches) -> None:
    kind, _, secret = switches.auth.partition(":")
    if not kind:
        return
    wanted = f"Bearer {secret}" if kind == "bearer" else "Basic " + base64.b64encode(secret.encode()).decode()
    if request.headers.get("authorization") != wanted:
        raise Refused(401, "credentials are needed")
