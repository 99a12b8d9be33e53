"""Every fault does what it says, seen by plain HTTP clients; the other requests are left alone."""

from __future__ import annotations

import http.client
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from dicomweb_client import DICOMwebClient
from pydicom import dcmread
from pydicom.data import get_testdata_file

from dicomlogic_core.testing.server import Fault, Server, serve
from dicomlogic_core.testing.server_faults import KINDS
from dicomlogic_core.testing.server_multipart import FORMS

RTDOSE = Path(str(get_testdata_file("rtdose.dcm")))
FRAME_BYTES = 10 * 10 * 4
MULTIPART = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with serve(RTDOSE) as server:
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    running.set(faults=(), multipart="plain", paging="full", page_order="stable", page_repeat=False, page_maximum=0)
    running.log.clear()
    return running


@pytest.fixture
def frame_url(server: Server) -> str:
    dataset = dcmread(RTDOSE)
    return (
        f"{server.url}/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
        f"/instances/{dataset.SOPInstanceUID}/frames/1"
    )


def _get(url: str, accept: str = "application/octet-stream", **options: Any) -> requests.Response:
    return requests.get(url, headers={"Accept": accept}, **{"timeout": 10, **options})


def _wire(url: str) -> tuple[http.client.HTTPResponse, bytes]:
    """Answer and body as they came over the wire, without any repair by a library."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("GET", parts.path, headers={"Accept": "application/octet-stream"})
        response = connection.getresponse()
        try:
            return response, response.read()
        except http.client.IncompleteRead as error:
            return response, error.partial
    finally:
        connection.close()


def test_a_fault_befalls_its_path_as_often_as_it_says(server: Server, frame_url: str) -> None:
    server.set(faults=[Fault("status", path="/frames/", times=2, value=503, headers={"Retry-After": "7"})])
    assert _get(f"{server.url}/studies", "*/*").status_code == 200
    answers = [_get(frame_url) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert [record.fault for record in server.log] == ["", "status", "status", ""]
    assert [record.status for record in server.log] == [200, 503, 503, 200]


def test_a_fault_may_concern_the_query(server: Server) -> None:
    server.set(faults=[Fault("status", path="offset=5", value=500)])
    assert _get(f"{server.url}/studies?offset=0", "*/*").status_code == 200
    assert _get(f"{server.url}/studies?offset=5", "*/*").status_code == 500


def test_login_page(server: Server, frame_url: str) -> None:
    server.set(faults=[Fault("login")])
    answer = _get(frame_url)
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")


def test_redirect(server: Server, frame_url: str) -> None:
    server.set(faults=[Fault("redirect", times=1, value=f"{server.url}/studies")])
    assert _get(frame_url, "*/*").json()[0]["00080061"]["Value"] == ["RTDOSE"]
    server.set(faults=[Fault("redirect", value=f"{server.url}/studies")])
    with pytest.raises(requests.TooManyRedirects):
        _get(frame_url)


@pytest.mark.parametrize(("kind", "seconds"), [("drop", None), ("hang", 0.2)])
def test_the_connection_is_closed_without_an_answer(
    server: Server, frame_url: str, kind: str, seconds: float | None
) -> None:
    server.set(faults=[Fault(kind, value=seconds)])
    with pytest.raises(requests.ConnectionError):
        _get(frame_url)
    assert server.log[-1].status == 0


def test_a_hanging_server_can_be_closed() -> None:
    start = time.monotonic()
    with serve(RTDOSE, faults=(Fault("hang", value=60),)) as server, pytest.raises(requests.ReadTimeout):
        _get(f"{server.url}/studies", timeout=(5, 0.2))
    assert time.monotonic() - start < 30  # not the 60 s of the fault


def test_slow_and_drip(server: Server, frame_url: str) -> None:
    for fault in (Fault("slow", value=0.2), Fault("drip", value=0.05)):
        server.set(faults=[fault])
        start = time.monotonic()
        assert len(_get(frame_url).content) == FRAME_BYTES
        assert time.monotonic() - start > 0.15  # 0.2 s, or 400 bytes of 64 each 0.05 s


def test_short_body(server: Server, frame_url: str) -> None:
    server.set(faults=[Fault("short", value=10)])
    response, body = _wire(frame_url)
    assert int(response.headers["Content-Length"]) == FRAME_BYTES and len(body) == FRAME_BYTES - 10


def test_without_content_length(server: Server, frame_url: str) -> None:
    whole = _wire(frame_url)[1]
    for fault, wanted in ((Fault("close"), whole), (Fault("cut", value=10), whole[:-10])):
        server.set(faults=[fault])
        response, body = _wire(frame_url)
        assert "Content-Length" not in response.headers and body == wanted


def test_compressed_bodies(server: Server, frame_url: str) -> None:
    whole = _wire(frame_url)[1]
    server.set(faults=[Fault("gzip")])
    response, body = _wire(frame_url)
    assert response.headers["Content-Encoding"] == "gzip" and zlib.decompress(body, 31) == whole
    server.set(faults=[Fault("bomb", value=10_000_000)])
    _, body = _wire(frame_url)
    assert len(body) < 100_000 and len(zlib.decompress(body, 31)) == 10_000_000


def test_garbage(server: Server) -> None:
    server.set(faults=[Fault("garbage")])
    with pytest.raises(requests.JSONDecodeError):
        _get(f"{server.url}/studies", "*/*").json()


def test_switched_for_some_requests(server: Server, frame_url: str) -> None:
    server.set(faults=[Fault("switch", times=1, value={"frames": False})])
    assert [_get(frame_url).status_code for _ in range(2)] == [404, 200]


def test_every_kind_is_tested() -> None:
    """A new kind needs a test here."""
    tested = Path(__file__).read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f'"{kind}"' not in tested] == []


# --- searching ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """30 instances of one series."""
    folder = tmp_path_factory.mktemp("many")
    dataset = dcmread(str(get_testdata_file("CT_small.dcm")))
    for number in range(30):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
        dataset.save_as(folder / f"{number:02}.dcm")
    with serve(folder) as server:
        yield server


def _found(server: Server, query: str = "") -> tuple[requests.Response, list[str]]:
    response = _get(f"{server.url}/instances{query}", "*/*")
    return response, [result["00080018"]["Value"][0] for result in response.json()]


@pytest.mark.parametrize(
    ("switches", "query", "count", "warned", "status"),
    [
        ({}, "", 30, False, 200),
        ({}, "?limit=12", 12, False, 200),
        ({"page_maximum": 12}, "?limit=20", 12, True, 200),
        ({"page_maximum": 12, "page_notice": "206"}, "", 12, False, 206),
        ({"page_maximum": 12, "page_notice": ""}, "?limit=20", 12, False, 200),
        ({"page_maximum": 12}, "?offset=24", 6, False, 200),
        ({"paging": "no-offset"}, "?limit=12&offset=24", 12, False, 200),
        ({"paging": "none"}, "?limit=12&offset=24", 30, False, 200),
        ({"page_repeat": True}, "?limit=3", 6, False, 200),
    ],
    ids=str,
)
def test_pages(many: Server, switches: dict[str, Any], query: str, count: int, warned: bool, status: int) -> None:
    before = many.switches
    many.set(**switches)
    try:
        response, found = _found(many, query)
    finally:
        many.switches = before
    assert (len(found), "Warning" in response.headers, response.status_code) == (count, warned, status)


def test_turning_order(many: Server) -> None:
    before = many.switches
    many.set(page_order="turning")
    try:
        answers = [_found(many)[1] for _ in range(3)]
    finally:
        many.switches = before
    assert len({answer[0] for answer in answers}) == 3
    assert {frozenset(answer) for answer in answers} == {frozenset(answers[0])}


@pytest.mark.parametrize(("empty", "status", "body"), [("204", 204, b""), ("[]", 200, b"[]"), ("body", 200, b"")])
def test_nothing_found(server: Server, empty: str, status: int, body: bytes) -> None:
    server.set(empty=empty)
    answer = _get(f"{server.url}/studies?PatientID=none", "*/*")
    assert (answer.status_code, answer.content) == (status, body)


# --- bodies of several parts -------------------------------------------------------------------------------------


def _body(server: Server, frame_url: str, form: str, numbers: str = "1,2,3") -> requests.Response:
    server.set(multipart=form)
    return _get(frame_url[:-1] + numbers, MULTIPART)


@pytest.mark.parametrize("form", ["plain", "M1", "M2", "M4", "M14", "M16", "M29", "M35"])
def test_forms_that_a_client_of_others_reads(server: Server, frame_url: str, form: str) -> None:
    server.set(multipart=form)
    dataset = dcmread(RTDOSE)
    uids = dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID
    found = DICOMwebClient(server.url).retrieve_instance_frames(
        *uids, [1, 2, 3], media_types=(("application/octet-stream", "*"),)
    )
    wanted = [dataset.pixel_array[n].tobytes() for n in range(3)]
    assert found == (wanted[::-1] if form == "M35" else wanted)


@pytest.mark.parametrize(
    ("form", "holds"),
    [
        ("M6", lambda answer: "boundary" not in answer.headers["Content-Type"] and answer.content[:2] == b"--"),
        ("M6+M17", lambda answer: not answer.content.endswith(b"--")),
        ("M7", lambda answer: len(answer.content) == FRAME_BYTES and "related" in answer.headers["Content-Type"]),
        ("M8", lambda answer: answer.headers["Content-Type"] == "application/octet-stream"),
        ("M11", lambda answer: "Content-Type" not in answer.headers),
        ("M12", lambda answer: not answer.content.startswith(b"--")),
        ("M13", lambda answer: b"\r\n" not in answer.content),
        ("M15", lambda answer: len(answer.content) < 3 * FRAME_BYTES),
        ("M19", lambda answer: answer.content.endswith(b"--\r\n") and b"Content-Type" not in answer.content),
        ("M21", lambda answer: not answer.content.rstrip().endswith(b"--") and len(answer.content) > 3 * FRAME_BYTES),
        ("M22", lambda answer: answer.content.count(b"Content-Type") == 3),
        ("M28", lambda answer: answer.content.count(b"image/jpeg") == 3),
        ("M31", lambda answer: answer.content.count(b"Content-Length: 1\r\n") == 3),
        ("M34", lambda answer: answer.headers["Content-Encoding"] == "gzip"),
        ("M36-fewer", lambda answer: answer.content.count(b"Content-Type") == 2),
        ("M36-more", lambda answer: answer.content.count(b"Content-Type") == 4),
        ("M36-twice", lambda answer: answer.content.count(b"/frames/1\r\n") == 2),
        ("unlabelled", lambda answer: b"Content-Location" not in answer.content),
        ("half", lambda answer: b"Content-Length: 200\r\n" in answer.content),
        ("byte-short", lambda answer: b"Content-Length: 399\r\n" in answer.content),
        ("byte-long", lambda answer: b"Content-Length: 401\r\n" in answer.content),
    ],
)
def test_forms_deviate_as_they_say(
    server: Server, frame_url: str, form: str, holds: Callable[[requests.Response], bool]
) -> None:
    assert holds(_body(server, frame_url, form))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_can_be_sent_for_frames_and_files(server: Server, frame_url: str, form: str) -> None:
    assert _body(server, frame_url, form, "1").status_code == 200
    accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
    assert _get(frame_url.partition("/frames")[0], accept).status_code == 200
