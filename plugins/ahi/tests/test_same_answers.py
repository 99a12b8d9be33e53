"""What this plugin reads from the service, a real botocore client reads too: every operation, every error."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import dicomlogic_core as dl
from dicomlogic_ahi.connection import connect
from dicomlogic_ahi.service import Service
from dicomlogic_ahi.testing import Fault, ImageSet, Server

Start = Callable[..., Server]
LIMIT = 1 << 24


@pytest.fixture
def clients() -> Iterator[Callable[[Server], tuple[Any, Service]]]:
    """``clients(server)``: botocore's client and ours, both configured by the environment."""
    made: list[Any] = []

    def both(server: Server) -> tuple[Any, Service]:
        config = Config(inject_host_prefix=False, retries={"total_max_attempts": 1})
        theirs = botocore.session.Session().create_client("medical-imaging", config=config)
        ours = connect(f"ahi://{server.datastore}", {"attempts": "1"})
        made.extend((theirs, ours))
        return theirs, ours

    yield both
    for one in made:
        one.close()


def told(answer: Any) -> Any:
    """An answer of botocore as the JSON it was made of: without its own additions, moments as epoch seconds."""
    if isinstance(answer, dict):
        return {name: told(value) for name, value in answer.items() if name != "ResponseMetadata"}
    if isinstance(answer, list):
        return [told(value) for value in answer]
    return answer.timestamp() if hasattr(answer, "timestamp") else answer


def where(image_set: ImageSet) -> dict[str, str]:
    return {"datastoreId": image_set.datastore_id, "imageSetId": image_set.image_set_id}


def test_data_stores(service: Start, clients, ct) -> None:
    server = service(ct)
    theirs, ours = clients(server)
    assert ours.datastores() == told(theirs.list_datastores())["datastoreSummaries"] != []
    properties = told(theirs.get_datastore(datastoreId=server.datastore))["datastoreProperties"]
    assert ours.datastore(server.datastore) == properties


@pytest.mark.parametrize(
    "value",
    [
        {"DICOMPatientId": "a b*c~d/é+ü"},
        {"DICOMStudyInstanceUID": "1.2.3"},
        {"isPrimary": True},
        {"createdAt": 1_700_000_003},
        {"DICOMStudyDateAndTime": {"DICOMStudyDate": "20240101", "DICOMStudyTime": "101112"}},
    ],
)
def test_searches(service: Start, clients, ct, value: dict[str, Any]) -> None:
    sets = ct[0].copies(60)
    patient = {"DICOM": {**ct[0].document["Patient"]["DICOM"], "PatientID": "a b*c~d/é+ü"}}
    sets[7] = sets[7].updated(document={**sets[7].document, "Patient": patient})
    server = service(sets)
    theirs, ours = clients(server)
    criteria = {"filters": [{"operator": "EQUAL", "values": [value]}]}
    pages = theirs.get_paginator("search_image_sets").paginate(datastoreId=server.datastore, searchCriteria=criteria)
    expected = [one for page in pages for one in told(page)["imageSetsMetadataSummaries"]]
    server.log.clear()
    assert list(ours.search(server.datastore, criteria)) == expected
    assert server.count("searchImageSets") == -(-max(len(expected), 1) // 50)


def test_image_sets_and_frames(service: Start, clients, multi_frame) -> None:
    newest = multi_frame[0].updated(workflow="UPDATED")
    server = service([newest])
    theirs, ours = clients(server)
    assert ours.image_set(server.datastore, newest.image_set_id) == told(theirs.get_image_set(**where(newest)))
    blob = theirs.get_image_set_metadata(**where(newest), versionId="1")["imageSetMetadataBlob"].read()
    assert json.loads(ours.metadata(server.datastore, newest.image_set_id, "1")) == json.loads(gzip.decompress(blob))
    for frame_id in newest.frames:
        answer = theirs.get_image_frame(**where(newest), imageFrameInformation={"imageFrameId": frame_id})
        found = ours.frame(server.datastore, newest.image_set_id, frame_id, limit=LIMIT)
        assert (bytes(found.body), found.content_type) == (answer["imageFrameBlob"].read(), answer["contentType"])


def test_requests_are_signed_alike(service: Start, clients, ct) -> None:
    """The same headers are signed, and the same ones are there to be signed."""
    server = service(ct, session_token="token/+=")
    theirs, ours = clients(server)
    frame_id = next(iter(ct[0].frames))
    theirs.get_image_frame(**where(ct[0]), imageFrameInformation={"imageFrameId": frame_id})
    ours.frame(server.datastore, ct[0].image_set_id, frame_id, limit=LIMIT)
    first, second = server.log
    assert first.path == second.path and json.loads(first.body) == json.loads(second.body)
    signed = [request.headers["authorization"].split("SignedHeaders=")[1].split(",")[0] for request in server.log]
    assert signed == ["content-type;host;x-amz-date;x-amz-security-token"] * 2
    assert first.headers["accept-encoding"] == second.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "name",
    ["ThrottlingException", "AccessDeniedException", "ConflictException", "ResourceNotFoundException"],
)
def test_errors_are_the_same_ones(service: Start, clients, ct, name: str) -> None:
    server = service(ct, faults=(Fault("error", value=name),))
    theirs, ours = clients(server)
    with pytest.raises(ClientError) as expected:
        theirs.get_image_set(**where(ct[0]))
    with pytest.raises(dl.NetworkError, match=name) as found:
        ours.image_set(server.datastore, ct[0].image_set_id)
    response = expected.value.response
    assert response["Error"]["Code"] == name
    assert found.value.status == response["ResponseMetadata"]["HTTPStatusCode"]


def test_both_are_refused_with_a_wrong_secret(service: Start, clients, ct) -> None:
    server = service(ct)
    theirs, ours = clients(server)
    server.set(secret_key="another")
    with pytest.raises(theirs.exceptions.AccessDeniedException):
        theirs.get_datastore(datastoreId=server.datastore)
    with pytest.raises(dl.NetworkError) as found:
        ours.datastore(server.datastore)
    assert found.value.status == 403
