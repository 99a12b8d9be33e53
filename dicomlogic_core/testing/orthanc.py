"""A real Orthanc with its DICOMweb plugin, started for tests on free loopback ports in a folder of its own."""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_PROGRAMS = ("Orthanc", "/usr/sbin/Orthanc")
_PLUGINS = (
    "/usr/share/orthanc/plugins/libOrthancDicomWeb.so",
    "/usr/local/share/orthanc/plugins/libOrthancDicomWeb.so",
    "/usr/lib/orthanc/plugins/libOrthancDicomWeb.so",
)
USER, PASSWORD = "alice", "secret"


def missing() -> str:
    """Why Orthanc cannot be started here; "" when it can."""
    if not _program():
        return "Orthanc is not installed (Debian: apt-get install orthanc orthanc-dicomweb)"
    if not _plugin():
        return "Orthanc's DICOMweb plugin is not installed (Debian: apt-get install orthanc-dicomweb)"
    return ""


def _program() -> str:
    return next((found for name in _PROGRAMS if (found := shutil.which(name))), "")


def _plugin() -> str:
    return next((path for path in _PLUGINS if Path(path).is_file()), "")


class Orthanc:
    """A running Orthanc.

    Args:
        folder: an empty folder for its database, configuration and log.
        auth: Basic authentication with `USER` and `PASSWORD`.
        metadata: of studies and series: ``Full``, ``MainDicomTags`` or ``Extrapolate`` (both give partial metadata).

    Raises:
        RuntimeError: it did not answer within 30 seconds; the end of its log is in the message.
    """

    def __init__(self, folder: Path, *, auth: bool = False, metadata: str = "Full") -> None:
        self._folder = folder
        self._auth = auth
        self._port, dicom_port = _free_ports(2)
        configuration = _configuration(folder, self._port, dicom_port, auth=auth, metadata=metadata)
        (folder / "orthanc.json").write_text(json.dumps(configuration), encoding="utf-8")
        self._log = folder / "orthanc.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [_program(), str(folder / "orthanc.json")], stdout=log, stderr=subprocess.STDOUT, cwd=folder
            )
        self._await()

    @property
    def url(self) -> str:
        """The DICOMweb base URL."""
        return f"http://127.0.0.1:{self._port}/dicom-web"

    @property
    def alive(self) -> bool:
        """False when the process has ended."""
        return self._process.poll() is None

    def upload(self, *paths: Path) -> list[Path]:
        """Store files, and every file of folders; returns the files that Orthanc refused."""
        refused = []
        for path in _files(paths):
            status, _ = self.rest("POST", "/instances", path.read_bytes())
            if status != 200:
                refused.append(path)
        return refused

    def clear(self) -> None:
        """Delete everything it has."""
        for patient in json.loads(self.rest("GET", "/patients")[1]):
            self.rest("DELETE", f"/patients/{patient}")

    def rest(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of a call to Orthanc's own REST interface."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {"Connection": "close"}
        if self._auth:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def ask_to_stop(self) -> None:
        """Let it begin to end, which takes seconds; `stop` waits for it."""
        self._process.terminate()

    def stop(self) -> None:
        """Ask it to end, and end it when it does not."""
        self.ask_to_stop()
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _await(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.alive:
            try:
                if self.rest("GET", "/dicom-web/studies")[0] == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"Orthanc did not start:\n{self._log.read_text(errors='replace')[-2000:]}")


def _files(paths: Iterable[Path]) -> list[Path]:
    return [
        file
        for path in paths
        for file in ([path] if path.is_file() else sorted(found for found in path.rglob("*") if found.is_file()))
    ]


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago; all are held until the last is known, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _configuration(folder: Path, port: int, dicom_port: int, *, auth: bool, metadata: str) -> dict[str, Any]:
    return {
        "Name": "dicomlogic-test",
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "HttpPort": port,
        "DicomPort": dicom_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": auth,
        "RegisteredUsers": {USER: PASSWORD},
        "KeepAlive": True,
        "TcpNoDelay": True,
        "HttpThreadsCount": 50,
        "OverwriteInstances": True,
        "SyncStorageArea": False,
        # The one plugin, not its folder: that also holds work lists, a file server and a viewer.
        "Plugins": [_plugin()],
        "DicomWeb": {
            "Enable": True,
            "Root": "/dicom-web/",
            "StudiesMetadata": metadata,
            "SeriesMetadata": metadata,
        },
    }
