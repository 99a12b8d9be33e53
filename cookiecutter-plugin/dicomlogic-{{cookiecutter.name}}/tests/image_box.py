"""The small web service that this plugin talks to, on the loopback interface, over files that the tests write."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError


class ImageBox(ThreadingHTTPServer):
    """Serves the DICOM files of a folder.

    Attributes:
        files: what it serves.
        asked: paths that were asked for.
        refused: UIDs that it answers with 500.
        token: what it asks for, when it is not empty.
        cut: whether instances end early.
    """

    daemon_threads = True

    def __init__(self, folder: Path, token: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[Path, Dataset] = {}
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            with suppress(InvalidDicomError):
                dataset = dcmread(file)
                if "SeriesInstanceUID" in dataset:  # else a file that was cut
                    self.files[file] = dataset
        self.asked: list[str] = []
        self.refused: set[str] = set()
        self.token = token
        self.cut = False

    @property
    def root(self) -> str:
        """Where it is, as a user types it."""
        return f"{{ cookiecutter.name }}+http://127.0.0.1:{self.server_address[1]}/box"

    def number(self, sop_uid: str) -> int:
        """Which slice of its series an instance is, from 0; the phantom's pixels hold the same number."""
        return next(int(one.InstanceNumber) - 1 for one in self.files.values() if one.SOPInstanceUID == sop_uid)

    def headers(self) -> list[dict[str, Any]]:
        """DICOM JSON objects of all instances, without pixels."""
        return [self._header(one) for one in self.files.values()]

    def _header(self, dataset: Dataset) -> dict[str, Any]:
        return {key: value for key, value in dataset.to_json_dict().items() if key != "7FE00010"}

    def answer(self, path: str) -> bytes | None:
        """The body for a path below the root; None where nothing is."""
        uids = list(dict.fromkeys(str(one.SeriesInstanceUID) for one in self.files.values()))
        if path.startswith("series?page="):  # a page holds one series
            return self._page(uids, int(path.partition("=")[2]))
        found = re.search(r"series/([0-9.]+)(?:/instances/([0-9.]+))?$", path)
        series_uid, sop_uid = found.groups() if found else ("", None)
        inside = {file: one for file, one in self.files.items() if one.SeriesInstanceUID == series_uid}
        if sop_uid:
            return next((file.read_bytes() for file, one in inside.items() if one.SOPInstanceUID == sop_uid), None)
        headers = [self._header(one) for one in inside.values()]
        return json.dumps(headers).encode() if headers else None

    def _page(self, uids: list[str], number: int) -> bytes:
        rows = []
        for uid in uids[number - 1 : number]:
            studies = [str(one.StudyInstanceUID) for one in self.files.values() if one.SeriesInstanceUID == uid]
            rows.append({"study": studies[0], "series": uid, "instances": len(studies)})
        return json.dumps({"series": rows, "next": number + 1 if number < len(uids) else None}).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer waits 40 ms for the client's system
    server: ImageBox

    def do_GET(self) -> None:
        path = self.path.removeprefix("/box/")
        self.server.asked.append(path)
        body = self.server.answer(path)
        status = 404 if body is None else 200
        if self.server.token and self.headers.get("Authorization") != f"Bearer {self.server.token}":
            status = 401
        elif path.rpartition("/")[2] in self.server.refused:
            status = 500
        body = body if status == 200 and body else b""
        pixels = body[128:132] == b"DICM"
        self.send_response(status)
        self.send_header("Content-Type", "application/dicom" if pixels else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if pixels and self.server.cut:
            body, self.close_connection = body[:-100], True
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Tests print nothing."""


@contextmanager
def serving(folder: Path, token: str = "") -> Iterator[ImageBox]:
    """A service over a folder that stops, with its threads, when the block ends."""
    server = ImageBox(folder, token)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
