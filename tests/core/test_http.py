"""The guarded client against real sockets: what it sends, follows, repeats, refuses and gives up."""

from __future__ import annotations

import gzip
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path

import pytest
import requests

from dicomlogic_core import Cancelled, Client, NetworkError, UsageError
from dicomlogic_core.auth import Credentials
from dicomlogic_core.http import client_for
from dicomlogic_core.http_settings import HttpSettings

Answer = bytes | Iterator[bytes]


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes = b""
    when: float = field(default_factory=time.monotonic)


class RawServer:
    """Answers with exactly the bytes a test gives it; keeps the connection when `keep` says so."""

    def __init__(self, answer: Callable[[Request], Answer], *, keep: bool = True) -> None:
        self.log: list[Request] = []
        self.open = self.most_open = self.connections = 0
        self._answer, self._keep = answer, keep
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._peers: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        # Closing alone does not wake a thread that waits in accept.
        with socket.socket() as waker:
            self._closing = True
            waker.connect(("127.0.0.1", self.port))
        self._listener.close()
        for peer in self._peers:
            peer.close()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            if getattr(self, "_closing", False):
                peer.close()
                return
            self.connections += 1
            self._peers.append(peer)
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        buffer = b""
        try:
            while True:
                while b"\r\n\r\n" not in buffer:
                    data = peer.recv(65536)
                    if not data:
                        return
                    buffer += data
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                lines = head.decode().split("\r\n")
                headers = dict(line.split(": ", 1) for line in lines[1:])
                length = int(headers.get("Content-Length", 0))
                while len(buffer) < length:
                    buffer += peer.recv(65536)
                body, buffer = buffer[:length], buffer[length:]
                request = Request(lines[0].split()[1], headers, body)
                with self._lock:
                    self.log.append(request)
                    self.open += 1
                    self.most_open = max(self.most_open, self.open)
                try:
                    answer = self._answer(request)
                    for piece in [answer] if isinstance(answer, bytes) else answer:
                        peer.sendall(piece)
                finally:
                    with self._lock:
                        self.open -= 1
                if not self._keep:
                    return
        except OSError:
            pass
        finally:
            peer.close()


def reply(body: bytes = b"{}", status: int = 200, kind: str = "application/dicom+json", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    if kind:
        lines.append(f"Content-Type: {kind}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.fixture
def serve() -> Iterator[Callable[..., RawServer]]:
    servers: list[RawServer] = []

    def start(answer: Callable[[Request], Answer] | bytes, **options: bool) -> RawServer:
        servers.append(RawServer(answer if callable(answer) else lambda request: answer, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def client(serve: Callable[..., RawServer]) -> Iterator[Callable[..., Client]]:
    clients: list[Client] = []

    def make(server: RawServer, session: requests.Session | None = None, **options: str) -> Client:
        names = {name.replace("_", "-"): value for name, value in options.items()}
        clients.append(client_for(server.url + "/dicom-web", names, session=session))
        return clients[-1]

    yield make
    for one in clients:
        one.close()


def failure(call: Callable[[], object]) -> NetworkError:
    with pytest.raises(NetworkError) as caught:
        call()
    return caught.value


# --- bodies ----------------------------------------------------------------------------------------------------------


def test_the_body_comes_as_it_was_sent(serve, client) -> None:
    content = bytes(range(256)) * 5000
    server = serve(reply(content, kind="image/jls"))
    answer = client(server).get(server.url + "/x", "image/jls")
    assert answer.body == content and answer.content_type == "image/jls" and answer.length_known
    assert server.log[0].headers["Accept-Encoding"] == "identity"
    assert server.log[0].headers["Accept"] == "image/jls"


def test_a_body_shorter_than_announced_is_an_error_and_repeated(serve, client) -> None:
    def short(request: Request) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 99

    server = serve(short, keep=False)
    error = failure(lambda: client(server, attempts="3").get(server.url + "/x", "*/*"))
    assert (error.code, error.attempts, len(server.log)) == ("network.truncated", 3, 3)


def test_chunks_end_a_body_and_a_cut_one_is_noticed(serve, client) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    bodies = iter([b"5\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n"])
    server = serve(lambda request: head + next(bodies), keep=False)
    answer = client(server, attempts="1").get(server.url, "*/*")
    assert answer.body == b"hello" and answer.length_known
    assert failure(lambda: client(server, attempts="1").get(server.url, "*/*")).code == "network.truncated"


def test_a_body_without_length_is_taken_but_its_end_is_not_trusted(serve, client) -> None:
    server = serve(
        b"HTTP/1.1 200 OK\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b", keep=False
    )
    answer = client(server).get(server.url, "*/*")
    assert not answer.length_known
    assert failure(lambda: answer.parts(expected=1)).code == "network.truncated"


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_compressed_body_is_decoded_although_identity_was_asked(serve, client, coding: str) -> None:
    import zlib

    content = b"frame" * 10_000
    packed = gzip.compress(content) if coding == "gzip" else zlib.compress(content)
    server = serve(reply(packed, kind="image/jls", Content_Encoding=coding))
    assert client(server).get(server.url, "image/jls").body == content
    server = serve(reply(packed[:-20], kind="image/jls", Content_Encoding=coding))
    assert failure(lambda: client(server, attempts="1").get(server.url, "*/*")).code == "network.truncated"


def test_a_bomb_is_noticed_below_the_limit(serve, client) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    server = serve(reply(bomb, Content_Encoding="gzip"))
    error = failure(lambda: client(server).get(server.url, "*/*", limit=1_000_000))
    assert error.code == "network.too-large" and not error.retryable and len(server.log) == 1


def test_a_body_above_its_limit_is_not_read_to_its_end(serve, client) -> None:
    sent = []

    def endless(request: Request) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        for _ in range(1000):
            sent.append(1)
            yield b"x" * 1_000_000

    server = serve(endless)
    assert failure(lambda: client(server).get(server.url, "*/*", limit=3_000_000)).code == "network.too-large"
    assert len(sent) < 100


def test_a_body_that_drips_is_given_up_and_asked_for_again(serve, client) -> None:
    def drip(request: Request) -> Iterator[bytes]:
        if len(server.log) > 1:
            yield reply(b"done")
            return
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
        while server.open:
            time.sleep(0.02)
            yield b"x"

    server = serve(drip)
    one = Client(server.url, HttpSettings(slow_s=0.3))
    try:
        assert one.get(server.url, "*/*").body == b"done"
    finally:
        one.close()
    assert len(server.log) == 2


def test_a_web_page_in_place_of_data_is_named(serve, client) -> None:
    server = serve(reply(b"<html>Please log in</html>", kind="text/html; charset=utf-8"))
    error = failure(lambda: client(server).json(server.url + "/dicom-web/studies?PatientName=Doe"))
    assert error.code == "network.login-page" and "Doe" not in str(error) and "log in" not in str(error)


@pytest.mark.parametrize(("body", "status"), [(b"", 204), (b"", 200), (b"[]", 200), (b'\xef\xbb\xbf[{"a":1}]', 200)])
def test_json_answers(serve, client, body: bytes, status: int) -> None:
    server = serve(reply(body, status))
    assert client(server).json(server.url).body == body
    assert server.log[0].headers["Accept-Encoding"] == "gzip"


def test_something_else_than_json_is_an_error(serve, client) -> None:
    server = serve(reply(b"<xml/>", kind="application/xml"))
    assert failure(lambda: client(server).json(server.url)).code == "network.not-json"


# --- repeating -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_passing_failures_are_asked_again(serve, client, status: int) -> None:
    server = serve(lambda request: reply(status=status) if len(server.log) < 3 else reply(b"[1]"))
    assert client(server).get(server.url, "*/*").body == b"[1]"
    assert len(server.log) == 3


@pytest.mark.parametrize("status", [400, 403, 404, 406, 410, 413, 415, 500, 501])
def test_lasting_failures_are_asked_once(serve, client, status: int) -> None:
    server = serve(reply(b'{"Message": "no", "Details": "no decoder"}', status))
    error = failure(lambda: client(server).get(server.url + "/x", "*/*"))
    assert (error.status, error.attempts, error.retryable, len(server.log)) == (status, 1, False, 1)
    assert "no decoder" in str(error)


def test_five_attempts_with_growing_waits(serve, client) -> None:
    server = serve(reply(status=503))
    error = failure(lambda: client(server).get(server.url, "*/*"))
    assert (error.status, error.attempts, error.retryable) == (503, 5, True)
    waits = [later.when - earlier.when for earlier, later in zip(server.log, server.log[1:], strict=False)]
    assert len(waits) == 4 and all(wait >= least for wait, least in zip(waits, (0.15, 0.3, 0.6, 1.2), strict=True))


def test_retry_after_is_obeyed(serve, client) -> None:
    answers = iter([reply(status=429, Retry_After="1"), reply(b"[]")])
    server = serve(lambda request: next(answers))
    client(server).get(server.url, "*/*")
    assert server.log[1].when - server.log[0].when >= 1


def test_retry_after_as_a_date_is_obeyed(serve, client) -> None:
    answers = iter([reply(status=503, Retry_After=formatdate(time.time() + 2, usegmt=True)), reply(b"[]")])
    server = serve(lambda request: next(answers))
    client(server).get(server.url, "*/*")
    assert server.log[1].when - server.log[0].when >= 0.9  # dates have whole seconds


def test_a_long_retry_after_is_reported_instead_of_waited_for(serve, client) -> None:
    server = serve(reply(status=429, Retry_After="86400"))
    error = failure(lambda: client(server).get(server.url, "*/*"))
    assert len(server.log) == 1 and "86400" in str(error)


def test_a_dropped_connection_is_asked_again(serve, client) -> None:
    server = serve(lambda request: b"" if len(server.log) == 1 else reply(b"[2]"), keep=False)
    assert client(server).get(server.url, "*/*").body == b"[2]"


def test_nobody_listens(serve, client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    one = client_for(f"http://127.0.0.1:{port}", {"attempts": "2"})
    error = failure(lambda: one.get(f"http://127.0.0.1:{port}/studies?PatientID=secret", "*/*"))
    one.close()
    assert (error.code, error.status, error.attempts, error.retryable) == ("network.unavailable", 0, 2, True)
    assert "secret" not in str(error) and "secret" not in repr(error)


def test_a_silent_server_is_given_up(serve, client) -> None:
    silence = threading.Event()

    def hang(request: Request) -> bytes:
        silence.wait(5)
        return b""

    server = serve(hang)
    error = failure(lambda: client(server, attempts="1", timeout="0.2").get(server.url, "*/*"))
    silence.set()
    assert error.code == "network.unavailable" and error.retryable


def test_reading_by_post_is_repeated_and_never_redirected(serve, client) -> None:
    answers = iter([reply(status=503), reply(b"[6]"), reply(status=307, Location="/there")])
    server = serve(lambda request: next(answers))
    assert client(server).post(server.url, "*/*", body=b'{"x": 1}').body == b"[6]"
    for request in server.log:
        assert (request.headers["Content-Type"], request.body) == ("application/json", b'{"x": 1}')
    assert failure(lambda: client(server).post(server.url, "*/*")).code == "network.refused"
    assert len(server.log) == 3


# --- credentials -----------------------------------------------------------------------------------------------------


def test_basic_and_bearer(serve, client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "sésame")
    server = serve(reply())
    client(server, user="alice", password="env:PASSWORD").get(server.url, "*/*")
    client(server, auth="env:HOME").get(server.url, "*/*")
    assert server.log[0].headers["Authorization"] == "Basic YWxpY2U6c8Opc2FtZQ=="
    assert server.log[1].headers["Authorization"].startswith("Bearer ")


def test_netrc_is_used_only_when_named(serve, client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login bob password tiger\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("TOKEN", "abc")
    server = serve(reply())
    assert requests.get(server.url, timeout=5).request.headers["Authorization"]  # what would happen without care
    server.log.clear()
    client(server, auth="env:TOKEN").get(server.url, "*/*")
    client(server).get(server.url, "*/*")
    client(server, auth="netrc").get(server.url, "*/*")
    sent = [request.headers.get("Authorization") for request in server.log]
    assert sent == ["Bearer abc", None, "Basic Ym9iOnRpZ2Vy"]


def test_an_expired_token_is_renewed_once_for_all_threads(serve) -> None:
    tokens = iter(["old", "new", "unused"])
    asked = []

    def token() -> str:
        asked.append(1)
        return next(tokens)

    together = threading.Barrier(8)

    def answer(request: Request) -> bytes:
        if request.headers["Authorization"] == "Bearer new":
            return reply(b"[]")
        together.wait(5)
        return reply(status=401)

    server = serve(answer)
    one = Client(server.url, credentials=Credentials(server.url, bearer=token))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: one.get(f"{server.url}/{number}", "*/*").status, range(8)))
    one.close()
    assert answers == [200] * 8 and len(asked) == 2 and len(server.log) == 16


def test_a_second_401_is_one_error_that_names_the_source(serve, client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "hush-hush")
    server = serve(reply(status=401))
    error = failure(lambda: client(server, auth="env:TOKEN").get(server.url + "/x", "*/*"))
    assert (error.code, error.status, len(server.log)) == ("network.unauthorized", 401, 2)
    assert server.url in str(error) and "hush" not in str(error) + repr(error)


def test_no_secret_shows(serve, client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "hush-hush")
    server = serve(reply())
    one = client(server, auth="env:TOKEN")
    one.get(server.url, "*/*")
    assert "hush" not in repr(one)


# --- redirects and links ---------------------------------------------------------------------------------------------


def test_a_redirect_on_the_same_origin_keeps_everything(serve, client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "k")
    server = serve(lambda request: reply(status=302, Location="/new") if request.path == "/old" else reply(b"[]"))
    answer = client(server, auth="env:KEY", **{"header.X-Api-Key": "env:KEY"}).get(server.url + "/old", "a/b")
    assert answer.url == server.url + "/new"
    assert server.log[1].headers["Authorization"] == "Bearer k"
    assert server.log[1].headers["X-Api-Key"] == "k" and server.log[1].headers["Accept"] == "a/b"


def test_another_origin_gets_no_secret_and_only_if_it_is_allowed(
    serve, client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "k")
    other = serve(reply(b"[3]"))
    server = serve(lambda request: reply(status=307, Location=other.url + "/there", Set_Cookie="session=1"))
    options = {"auth": "env:KEY", "header.X-Api-Key": "env:KEY"}
    error = failure(lambda: client(server, **options).get(server.url, "*/*"))
    assert error.code == "network.refused" and other.log == []
    assert client(server, allow_hosts=other.url, **options).get(server.url, "*/*").body == b"[3]"
    assert not {"Authorization", "X-Api-Key", "Cookie"} & set(other.log[0].headers)


def test_redirects_end(serve, client) -> None:
    server = serve(reply(status=302, Location="/again"))
    assert failure(lambda: client(server).get(server.url, "*/*")).code == "network.refused"
    assert len(server.log) == 6


def test_a_redirect_to_https_says_what_to_write_instead(serve, client) -> None:
    server = serve(lambda request: reply(status=301, Location=f"https://127.0.0.1:{server.port}/dicom-web"))
    error = failure(lambda: client(server).get(server.url, "*/*"))
    assert error.code == "network.refused" and f"https://127.0.0.1:{server.port}" in error.remedy


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://user:pw@127.0.0.1/", "//["])
def test_redirects_to_odd_urls_are_refused(serve, client, target: str) -> None:
    server = serve(reply(status=302, Location=target))
    error = failure(lambda: client(server).get(server.url, "*/*"))
    assert error.code == "network.refused" and "pw" not in str(error) and len(server.log) == 1


def test_a_url_of_another_origin_is_refused_without_a_request(serve, client) -> None:
    other, server = serve(reply()), serve(reply())
    assert failure(lambda: client(server).get(other.url, "*/*")).code == "network.refused"
    assert other.log == []


def test_link_rules() -> None:
    one = Client("https://pacs.example.org/dicom-web", HttpSettings(allow=frozenset({"https://store.example.org"})))
    resolve = one.guard.resolve
    asked = "https://pacs.example.org/dicom-web/studies/1/series/2/metadata"
    assert (
        resolve("instances/3/bulk/4", asked)
        == "https://pacs.example.org/dicom-web/studies/1/series/2/instances/3/bulk/4"
    )
    assert resolve("/other/bulk", asked) == "https://pacs.example.org/other/bulk"
    assert resolve("https://store.example.org/x?y=1", asked) == "https://store.example.org/x?y=1"
    inner = "http://inner:8042/dicom-web/studies/1/bulk/2?offset=3"
    assert resolve(inner, asked) == "https://pacs.example.org/dicom-web/studies/1/bulk/2?offset=3"
    for bad in (
        "file:///etc/passwd",
        "http://evil.example/x",
        "http://169.254.169.254/latest",
        "https://u:p@pacs.example.org/x",
    ):
        assert failure(lambda bad=bad: resolve(bad, asked)).code == "network.refused"
    one.close()


@pytest.mark.parametrize("address", ["169.254.169.254", "127.0.0.1", "10.0.0.8", "[::1]", "[fe80::1]", "192.168.1.1"])
def test_a_public_source_does_not_lead_into_a_private_network(address: str) -> None:
    target = f"https://{address}/x"
    one = Client("https://8.8.8.8/dicom-web", HttpSettings(allow=frozenset({f"https://{address}"})))
    assert failure(lambda: one.get(target, "*/*")).code == "network.refused"
    one.close()


def test_a_link_local_address_that_nobody_named_is_never_asked() -> None:
    with pytest.raises(UsageError) as caught:
        client_for("http://169.254.169.254/studies", {})
    assert caught.value.code == "index.host-refused"


# --- sessions, slots, cancel -----------------------------------------------------------------------------------------


def test_a_hosts_session_is_used_as_it_is(serve, client) -> None:
    server = serve(reply())
    with requests.Session() as session:
        session.headers["X-Host"] = "slicer"
        session.auth = ("host", "pw")
        before = (dict(session.headers), session.auth, dict(session.adapters), session.trust_env)
        one = client(server, session)
        one.get(server.url, "*/*")
        one.close()
        assert (dict(session.headers), session.auth, dict(session.adapters), session.trust_env) == before
    assert server.log[0].headers["X-Host"] == "slicer"
    assert server.log[0].headers["Authorization"] == "Basic aG9zdDpwdw=="


def test_a_sources_own_credentials_win_over_a_hosts(serve, client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "own")
    server = serve(reply())
    with requests.Session() as session:
        session.auth = ("host", "pw")
        client(server, session, auth="env:TOKEN").get(server.url, "*/*")
    assert server.log[0].headers["Authorization"] == "Bearer own"


def test_eight_requests_at_once_on_connections_that_are_kept(serve, client) -> None:
    def slow(request: Request) -> bytes:
        time.sleep(0.02)
        return reply(b"x" * 100_000)

    server = serve(slow)
    one = client(server)
    with ThreadPoolExecutor(20) as pool:
        sizes = list(pool.map(lambda number: len(one.get(f"{server.url}/{number}", "*/*").body), range(60)))
    assert sizes == [100_000] * 60
    assert server.most_open == 8 and server.connections == 8


def test_cancel_wakes_a_thread_that_waits_for_a_silent_server(serve, client) -> None:
    stop, silence = threading.Event(), threading.Event()

    def hang(request: Request) -> bytes:
        stop.set()
        silence.wait(20)
        return b""

    server = serve(hang)
    with pytest.raises(Cancelled):
        client(server).get(server.url, "*/*", cancelled=stop.is_set)
    assert not silence.is_set() and len(server.log) == 1  # it came back by itself, with the answer still outstanding
    silence.set()


def test_cancel_ends_a_stream_and_a_wait(serve, client) -> None:
    stop = threading.Event()

    def answer(request: Request) -> Iterator[bytes]:
        if request.path == "/busy":
            stop.set()
            yield reply(status=503, Retry_After="20")
            return
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        for number in range(10_000):
            if number == 5:
                stop.set()
            yield b"x" * 10_000
            time.sleep(0.01)

    server = serve(answer)
    with pytest.raises(Cancelled):
        client(server).get(server.url + "/stream", "*/*", cancelled=stop.is_set)
    stop.clear()
    with pytest.raises(Cancelled):
        client(server).get(server.url + "/busy", "*/*", cancelled=stop.is_set)


def test_parts_come_while_the_answer_is_under_way(serve, client) -> None:
    first_was_taken = threading.Event()
    one, two = b"1" * 20_000, b"2" * 60_000

    def answer(request: Request) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: multipart/related; boundary=b\r\n\r\n"
        yield b"--b\r\n\r\n" + one + b"\r\n--b\r\n\r\n" + two[:30_000]
        assert first_was_taken.wait(10)
        yield two[30_000:] + b"\r\n--b--"

    server = serve(answer, keep=False)
    parts = client(server).parts(server.url, "multipart/related")
    assert bytes(next(parts).data) == one
    first_was_taken.set()
    assert [bytes(part.data) for part in parts] == [two]


def test_a_stream_that_breaks_off_gives_what_was_complete_and_an_error(serve, client) -> None:
    server = serve(
        b"HTTP/1.1 200 OK\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\r\ntw",
        keep=False,
    )
    got: list[bytes] = []

    def read() -> None:
        got.extend(bytes(part.data) for part in client(server).parts(server.url, "multipart/related"))

    error = failure(read)
    assert (error.code, error.retryable) == ("network.truncated", True)
    assert len(server.log) == 1


def test_the_proxy_of_the_environment_is_honoured(serve, client, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(reply(b"[4]"))
    monkeypatch.setenv("http_proxy", proxy.url)
    one = client_for("http://pacs.invalid/dicom-web", {})
    assert one.get("http://pacs.invalid/dicom-web/studies", "*/*").body == b"[4]"
    one.close()
    assert proxy.log[0].path == "http://pacs.invalid/dicom-web/studies"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a certificate for 127.0.0.1, its own authority, and the key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed, which makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "cert.pem"


@pytest.fixture
def secure(certificate: Path) -> Iterator[str]:
    """URL of a server with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    listener = socket.create_server(("127.0.0.1", 0))

    def serve_until_closed() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(peer, server_side=True) as channel:
                    if channel.recv(65536):
                        channel.sendall(reply(b"[5]", Connection="close"))
            except OSError:
                pass  # the client did not like the certificate
            finally:
                peer.close()

    thread = threading.Thread(target=serve_until_closed, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


def test_a_certificate_nobody_vouches_for_is_refused_at_once(secure: str) -> None:
    one = client_for(secure, {})
    error = failure(lambda: one.get(secure, "*/*"))
    one.close()
    assert (error.code, error.attempts, error.retryable) == ("network.unavailable", 1, False)
    assert "verify" in error.remedy


def test_authorities_by_option_and_by_the_environment(
    secure: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = client_for(secure, {"verify": str(certificate)})
    assert one.get(secure, "*/*").body == b"[5]"
    one.close()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    one = client_for(secure, {})
    assert one.get(secure, "*/*", cancelled=lambda: False).body == b"[5]"
    one.close()
