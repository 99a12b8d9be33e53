"""Requests and answers of the loopback server."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dicomlogic_core.testing.server_frames import FrameReader
from dicomlogic_core.testing.server_store import Store
from dicomlogic_core.testing.server_switches import Switches

Piece = bytes | Path


@dataclass(slots=True, eq=False)
class Request:
    """One line of the log.

    Attributes:
        path: without query, as it was sent.
        query_text: the query as it was sent.
        query: its pairs in the order sent, decoded.
        headers: names in lower case.
        body: what came with a POST.
        time: `time.monotonic` when it arrived.
        thread: name of the thread that answered.
        open: requests in progress at that moment, this one included.
        status: of the answer; 0 when none was sent.
        fault: kind of the fault that befell it, or "".
    """

    method: str
    path: str
    query_text: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    time: float
    thread: str
    body: bytes = b""
    open: int = 0
    status: int = 0
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request with all that answering it needs."""

    request: Request
    switches: Switches
    store: Store
    reader: FrameReader


@dataclass(slots=True, eq=False)
class Answer:
    """What is sent.

    Attributes:
        body: bytes, and files that are read while they are sent.
        headers: besides Content-Type and Content-Length.
        length: ``declared``, ``chunked``, or ``close``: no length, the connection is closed at the end.
        claimed: bytes added to the Content-Length that the body does not have.
        drip: seconds between pieces of 64 bytes; 0 sends at once.
        dropped: True closes the connection without an answer.
    """

    status: int = 200
    media_type: str = "application/dicom+json"
    body: Sequence[Piece] = ()
    headers: dict[str, str] = field(default_factory=dict)
    length: str = "declared"
    claimed: int = 0
    drip: float = 0.0
    dropped: bool = False

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return sum(piece.stat().st_size if isinstance(piece, Path) else len(piece) for piece in self.body)

    def data(self) -> bytes:
        """The whole body, for faults that change it."""
        return b"".join(piece.read_bytes() if isinstance(piece, Path) else piece for piece in self.body)


class Refused(Exception):  # an answer, not a failure of the server
    """Ends the handling of a request with an error status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def json_answer(value: Any) -> Answer:
    """A DICOM JSON answer, in UTF-8."""
    return Answer(body=[json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()])


def compress(answer: Answer) -> None:
    """Send the body compressed by gzip."""
    if answer.status == 200 and answer.body:
        answer.body = [gzip.compress(answer.data(), compresslevel=1)]
        answer.headers["Content-Encoding"] = "gzip"


def error_answer(refused: Refused, media_type: str = "application/json", auth: str = "") -> Answer:
    """An error status with its reason as body."""
    text = str(refused)
    body = json.dumps({"HttpStatus": refused.status, "Message": text}) if media_type == "application/json" else text
    answer = Answer(status=refused.status, media_type=media_type, body=[body.encode()])
    if refused.status == 401:
        answer.headers["WWW-Authenticate"] = ("Bearer" if auth.startswith("bearer") else "Basic") + ' realm="loopback"'
    return answer


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body."""

    media_type: str
    body: Piece
    transfer_syntax: str = ""
    location: str = ""

    @property
    def content_type(self) -> str:
        """Media type with the transfer syntax as parameter (PS3.18 8.7.3.5.2)."""
        return self.media_type + (f"; transfer-syntax={self.transfer_syntax}" if self.transfer_syntax else "")

    @property
    def data(self) -> bytes:
        """The bytes of the body."""
        return self.body.read_bytes() if isinstance(self.body, Path) else self.body
