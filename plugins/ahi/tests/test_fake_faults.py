"""Faults of the fake service, by plain sockets: what exactly goes over the wire."""

from __future__ import annotations

import gzip
import http.client
import json
import zlib
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from dicomlogic_ahi.testing import Fault, ImageSet, Server

Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
def send() -> Iterator[Callable[..., Answer]]:
    """``send(server, method, path, body, **changed headers)``: status, headers and body of a signed request."""
    opened: list[http.client.HTTPConnection] = []

    def sent(server: Server, method: str, path: str, body: bytes = b"", **changes: str) -> Answer:
        switches = server.switches
        keys = ReadOnlyCredentials(switches.access_key, switches.secret_key, switches.session_token or None)
        kind = {"Content-Type": "application/json"} if body else {}
        request = AWSRequest(method, server.endpoint + path, data=body, headers=kind)
        botocore.auth.SigV4Auth(keys, "medical-imaging", switches.region).add_auth(request)
        headers = dict(request.headers) | {name.replace("_", "-"): value for name, value in changes.items()}
        connection = http.client.HTTPConnection(urlsplit(server.endpoint).netloc, timeout=5)
        opened.append(connection)
        connection.request(method, path, body=body or None, headers=headers)
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()

    yield sent
    for connection in opened:
        connection.close()


def set_path(image_set: ImageSet, operation: str) -> str:
    return f"/datastore/{image_set.datastore_id}/imageSet/{image_set.image_set_id}/{operation}"


def first_frame(image_set: ImageSet) -> tuple[str, bytes]:
    """Id of a frame, and the body that asks for it."""
    frame_id = next(iter(image_set.frames))
    return frame_id, json.dumps({"imageFrameId": frame_id}).encode()


def test_an_error_befalls_so_many_requests(service, send, ct):
    fault = Fault("error", path="getImageFrame", times=2, value="ThrottlingException", headers={"Retry-After": "1"})
    server = service(ct, faults=[fault])
    frame_id, body = first_frame(ct[0])
    path = set_path(ct[0], "getImageFrame")
    answers = [send(server, "POST", path, body) for _ in range(3)]
    assert [status for status, _, _ in answers] == [429, 429, 200]
    assert answers[0][1]["x-amzn-errortype"] == "ThrottlingException" and answers[0][1]["retry-after"] == "1"
    assert json.loads(answers[0][2]) == {"message": "ThrottlingException was asked for"}
    assert answers[2][2] == ct[0].frames[frame_id].data


def test_a_fault_can_name_a_frame(service, send, ct):
    ids = list(ct[0].frames)
    server = service(ct, faults=[Fault("error", path=ids[3], value="InternalServerException")])
    path = set_path(ct[0], "getImageFrame")
    statuses = [send(server, "POST", path, json.dumps({"imageFrameId": one}).encode())[0] for one in ids[:5]]
    assert statuses == [200, 200, 200, 500, 200]


def test_half_a_stream_has_a_right_length(service, send, ct):
    server = service(ct, faults=[Fault("half", path="getImageFrame")])
    frame_id, body = first_frame(ct[0])
    whole = ct[0].frames[frame_id].data
    status, headers, data = send(server, "POST", set_path(ct[0], "getImageFrame"), body)
    assert status == 200 and int(headers["content-length"]) == len(data) == len(whole) // 2
    assert whole.startswith(data)


def test_a_hole_leaves_length_and_ends_in_place(service, send, ct):
    server = service(ct, faults=[Fault("hole", path="getImageFrame")])
    frame_id, body = first_frame(ct[0])
    whole = ct[0].frames[frame_id].data
    _, _, data = send(server, "POST", set_path(ct[0], "getImageFrame"), body)
    assert len(data) == len(whole) and data[:4] == whole[:4] and data[-2:] == whole[-2:] and data != whole


def test_a_short_body_and_a_dropped_connection(service, send, ct):
    server = service(ct, faults=[Fault("short", value=10, times=1), Fault("drop", times=1)])
    path = set_path(ct[0], "getImageSetMetadata")
    with pytest.raises(http.client.IncompleteRead):
        send(server, "POST", path)
    with pytest.raises(http.client.RemoteDisconnected):
        send(server, "POST", path)
    assert send(server, "POST", path)[0] == 200
    assert [request.fault for request in server.log] == ["short", "drop", ""]


def test_documents_can_lack_or_falsify(service, send, ct):
    server = service(ct, stored_syntax=False, checksums=False, metadata="plain")
    _, headers, data = send(server, "POST", set_path(ct[0], "getImageSetMetadata"))
    assert "content-encoding" not in headers
    (series,) = json.loads(data)["Study"]["Series"].values()
    for uid, instance in series["Instances"].items():
        assert "StoredTransferSyntaxUID" not in instance
        (frame,) = instance["ImageFrames"]
        (entry,) = frame["PixelDataChecksumFromBaseToFullResolution"]
        assert entry["Checksum"] != ct[0].frames[frame["ID"]].checksum, uid
    server.set(stored_syntax=True, checksums=True, metadata="gzip")
    _, headers, data = send(server, "POST", set_path(ct[0], "getImageSetMetadata"))
    assert headers["content-encoding"] == "gzip" and json.loads(gzip.decompress(data)) == ct[0].document


def test_frames_can_be_labelled_otherwise(service, send, ct):
    server = service(ct, frame_type="image/j2c")
    _, body = first_frame(ct[0])
    assert send(server, "POST", set_path(ct[0], "getImageFrame"), body)[1]["content-type"] == "image/j2c"


def test_one_request_can_meet_other_switches(service, send, ct):
    server = service(ct, faults=[Fault("switch", times=1, value={"metadata": "plain"})])
    path = set_path(ct[0], "getImageSetMetadata")
    bodies = [send(server, "POST", path)[2] for _ in range(2)]
    assert [body[:2] for body in bodies] == [b"{" + bodies[0][1:2], b"\x1f\x8b"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "name"),
    [
        ("GET", "/datastore/{set}", b"", 404, "ResourceNotFoundException"),
        ("POST", "/datastore", b"", 404, "UnknownOperationException"),
        ("GET", "/datastore/{store}/imageSet/{set}/getImageSet", b"", 404, "UnknownOperationException"),
        ("POST", "/datastore/{store}/searchImageSets", b"[", 400, "ValidationException"),
        ("POST", "/datastore/{store}/searchImageSets", b'{"filter":[]}', 400, "ValidationException"),
        ("POST", "/datastore/{store}/searchImageSets?maxResults=0", b"", 400, "ValidationException"),
        ("POST", "/datastore/{store}/imageSet/{set}/getImageFrame", b"", 400, "ValidationException"),
        (
            "POST",
            "/datastore/{store}/imageSet/{set}/getImageFrame",
            b'{"imageFrameInformation":{"imageFrameId":"00000000000000000000000000000000"}}',
            400,
            "ValidationException",
        ),
        ("POST", "/datastore/{store}/imageSet/{set}/getImageSetMetadata?version=x", b"", 400, "ValidationException"),
    ],
)
def test_requests_outside_the_model(service, send, ct, method, path, body, status, name):
    server = service(ct)
    filled = path.format(store=ct[0].datastore_id, set=ct[0].image_set_id)
    found, headers, data = send(server, method, filled, body)
    assert (found, headers["x-amzn-errortype"]) == (status, name)
    assert set(json.loads(data)) == {"message"} and headers["x-amzn-requestid"]


@pytest.mark.parametrize(
    "changes",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer x"},
        {"X_Amz_Date": "20150830T123600Z"},
        {"X_Amz_Date": "yesterday"},
        {"X_Amz_Security_Token": "unsigned"},
        {"Content_Type": "text/plain"},
    ],
    ids=["none", "bearer", "old", "no date", "token added", "type changed"],
)
def test_what_is_signed_cannot_be_changed(service, send, ct, changes):
    server = service(ct)
    _, body = first_frame(ct[0])
    status, _, data = send(server, "POST", set_path(ct[0], "getImageFrame"), body, **changes)
    assert status == 403 and server.switches.secret_key.encode() not in data
    server.set(signatures=False)
    assert send(server, "POST", set_path(ct[0], "getImageFrame"), body, **changes)[0] == 200


def test_documents_are_sent_as_the_same_bytes_every_time(service, send, ct):
    server = service(ct)
    path = set_path(ct[0], "getImageSetMetadata")
    assert len({zlib.crc32(send(server, "POST", path)[2]) for _ in range(3)}) == 1
