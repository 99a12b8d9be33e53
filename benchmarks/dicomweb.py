"""DICOMweb at 25 ms latency: a volume against one request after the other and against the best plain client loop; the
multipart parser against splitting bytes; a list of frames against single ones.

The loopback server runs in a process of its own, so that it does not take the interpreter lock of what is measured.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import requests
from requests.adapters import HTTPAdapter

import dicomlogic_core as dl
from benchmarks.common import Row, seconds
from benchmarks.volume import images, write_series
from dicomlogic_core.http_multipart import split

LATENCY_S = 0.025
ACCEPT = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
_SERVER = """
import sys
from dicomlogic_core.testing.server import serve
with serve(sys.argv[1], latency=float(sys.argv[2]), objects=sys.argv[3] == "1") as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


def rows(*, quick: bool) -> list[Row]:
    """The table's rows."""
    count = 60 if quick else 300
    repeats = 2 if quick else 3
    found = [_split_row(count, repeats)]
    with tempfile.TemporaryDirectory() as name:
        stack = images(count)
        folder = Path(name) / "series"
        write_series(folder, stack)
        with _served(folder, objects=True) as url:
            found += _volume_rows(url, stack, repeats, "DICOMweb volume at 25 ms latency")
        with _served(folder, objects=False) as url:
            found += _volume_rows(url, stack, repeats, "the same from a server without series retrieval")[1:]
    return found


@contextmanager
def _served(folder: Path, *, objects: bool) -> Iterator[str]:
    command = [sys.executable, "-c", _SERVER, str(folder), str(LATENCY_S), str(int(objects))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdin is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()


def _volume_rows(url: str, stack: np.ndarray[Any, Any], repeats: int, stage: str) -> list[Row]:
    with dl.open() as session:
        session.index(url)
        (loadable,) = session.examine()
        places = [f"{url}/studies/{f.study_uid}/series/{f.series_uid}/instances/{f.sop_uid}" for f in loadable.frames]

        def ours() -> Any:
            return np.asarray(session.load(loadable))

        def loop(threads: int) -> Callable[[], Any]:
            return lambda: _plain_client(places, threads, stack.shape[1:])

        _check(ours(), loop(16)())
        one, many, us = seconds(loop(1), loop(16), ours, repeats=repeats)
    size = stack.nbytes / 1e6
    note = f"{len(stack)} slices of {stack.shape[1]} x {stack.shape[2]}, requests {requests.__version__}"
    return [
        Row(
            stage=stage,
            ours=size / us,
            peer="requests, one by one",
            theirs=size / one,
            target=10,
            unit="MB/s",
            note=note,
        ),
        Row(
            stage=stage,
            ours=size / us,
            peer="requests, 16 in flight",
            theirs=size / many,
            target=0.8,
            unit="MB/s",
            note=note,
        ),
    ]


def _plain_client(places: list[str], threads: int, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """What one would write without a library: frames by requests in threads, the parts cut by hand, one array."""
    volume = np.empty((len(places), *shape), np.int16)
    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_maxsize=threads))

    def fetch(k: int) -> None:
        body = session.get(f"{places[k]}/frames/1", headers={"Accept": ACCEPT}, timeout=60).content
        start = body.index(b"\r\n\r\n") + 4
        frame = np.frombuffer(body, np.uint16, count=shape[0] * shape[1], offset=start).reshape(shape)
        np.subtract(frame, 1024, out=volume[k], casting="unsafe")

    with session, ThreadPoolExecutor(threads) as pool:
        list(pool.map(fetch, range(len(places))))
    return volume


def _check(ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any]) -> None:
    # A benchmark of wrong voxels is worth nothing.
    assert ours.shape == theirs.shape and np.array_equal(ours, theirs), "the two clients differ"


def _split_row(count: int, repeats: int) -> Row:
    payload = np.random.default_rng(3).integers(0, 4096, 512 * 512, dtype=np.uint16).tobytes()
    head = b"--b\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n" % len(payload)
    body = b"".join(head + payload + b"\r\n" for _ in range(count)) + b"--b--"
    kind = "multipart/related; boundary=b"

    def by_bytes() -> list[bytes]:
        return [part.partition(b"\r\n\r\n")[2] for part in body.split(b"\r\n--b")]

    assert len(split(body, kind)) == count and split(body, kind)[0].data == payload
    us, them = seconds(lambda: split(body, kind), by_bytes, repeats=repeats + 2)
    size = len(body) / 1e6
    return Row(stage="multipart split", ours=size / us, peer="bytes.split", theirs=size / them, target=1, unit="MB/s")


if __name__ == "__main__":
    from benchmarks.common import table

    start = time.perf_counter()
    print(table(rows(quick="--quick" in sys.argv)))
    print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
