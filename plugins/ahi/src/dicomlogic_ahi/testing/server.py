"""The running fake service: sockets, log, switches and faults around its operations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from dicomlogic_ahi.testing.answers import ServiceError, error_answer
from dicomlogic_ahi.testing.faults import KINDS
from dicomlogic_ahi.testing.service import Service
from dicomlogic_ahi.testing.sets import DATASTORE, ImageSet
from dicomlogic_ahi.testing.switches import Switches
from dicomlogic_core.testing.server_answers import Answer, Request
from dicomlogic_core.testing.server_base import BaseServer


@contextmanager
def serve(image_sets: Iterable[ImageSet], **switches: Any) -> Iterator[Server]:
    """A running service that holds `image_sets`; it stops, with its threads, when the block ends.

    Raises:
        TypeError: no such switch.
    """
    server = Server(image_sets, Switches(**switches))
    try:
        yield server
    finally:
        server.close()


class Server(BaseServer[Switches]):
    """A running service.

    Attributes:
        image_sets: what it holds, by image set id; may change while it runs.
    """

    kinds = KINDS
    methods = frozenset({"GET", "POST"})

    def __init__(self, image_sets: Iterable[ImageSet], switches: Switches) -> None:
        self.image_sets = {one.image_set_id: one for one in image_sets}
        self._service = Service(self.image_sets)
        super().__init__(switches)

    @property
    def endpoint(self) -> str:
        """URL of the service."""
        return self.origin

    @property
    def datastore(self) -> str:
        """Id of the data store of its first image set."""
        return next((one.datastore_id for one in self.image_sets.values()), DATASTORE)

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables under which AWS clients sign right and use this endpoint."""
        token = {"AWS_SESSION_TOKEN": self.switches.session_token} if self.switches.session_token else {}
        return {
            "AWS_ACCESS_KEY_ID": self.switches.access_key,
            "AWS_SECRET_ACCESS_KEY": self.switches.secret_key,
            "AWS_REGION": self.switches.region,
            "AWS_DEFAULT_REGION": self.switches.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_MEDICAL_IMAGING": self.endpoint,
            **token,
        }

    def update(self, image_set: ImageSet) -> None:
        """Put an image set in place of the one with its id, or beside the others."""
        self.image_sets[image_set.image_set_id] = image_set

    def asked(self, request: Request) -> str:
        """What the patterns of faults are searched in: path, query and body."""
        return f"{super().asked(request)} {request.body.decode(errors='replace')}"

    def answer(self, request: Request, switches: Switches) -> Answer:
        """The answer to a request, an error among them."""
        try:
            return self._service.answer(request, switches)
        except ServiceError as error:
            return error_answer(error.name, str(error))
        except Exception as error:  # a document of odd form costs its own requests only
            return error_answer("InternalServerException", f"{type(error).__name__}: {error}")
