"""Source and fetcher keep what every plugin promises, over a service of image sets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from dicomlogic_ahi.testing import Fault, Server, Switches, image_sets_from, serve
from dicomlogic_core import Location
from dicomlogic_core.testing.conformance import FetcherConformance, SourceConformance

NOWHERE = "0" * 32


class Service:
    """The loopback service over a folder, named by the environment as a real one is."""

    secrets = {"AWS_SECRET_ACCESS_KEY": Switches().secret_key}
    server: Server

    @contextmanager
    def serve(self, folder: Path) -> Iterator[str]:
        with serve(image_sets_from(folder)) as server, patch.dict(os.environ, server.environment):
            self.server = server
            yield f"ahi://{server.datastore}"

    def cut_bodies(self) -> None:
        self.server.set(faults=[Fault("half", path="getImageFrame")])

    def lost(self, location: Location) -> Location:
        """Frames are named by the service's identifiers, which are in the URL of single ones."""
        ref = replace(location.ref, sop_uid="1.2.3")
        url = (location.url or "")[: -len(NOWHERE)] + NOWHERE
        return replace(location, ref=ref, url=url, frame_id=location.frame_id and NOWHERE)


class TestSource(Service, SourceConformance):
    provider_name = "ahi"


class TestFetcher(Service, FetcherConformance):
    provider_name = "ahi"
