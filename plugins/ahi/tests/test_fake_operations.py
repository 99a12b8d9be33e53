"""The fake service as a real botocore client sees it: operations, paging, criteria, typed errors, signatures."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

from dicomlogic_ahi.testing import Fault, ImageSet, Server

PRIMARY = {"operator": "EQUAL", "values": [{"isPrimary": True}]}


@pytest.fixture
def connect() -> Iterator[Callable[..., Any]]:
    """``connect()``: a botocore client with credentials, endpoint and region of the environment."""
    made = []

    def client(*, prefix: bool = False) -> Any:
        config = Config(inject_host_prefix=prefix, retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=5)
        made.append(botocore.session.Session().create_client("medical-imaging", config=config))
        return made[-1]

    yield client
    for one in made:
        one.close()


def where(image_set: ImageSet) -> dict[str, str]:
    return {"datastoreId": image_set.datastore_id, "imageSetId": image_set.image_set_id}


def found(client: Any, server: Server, *filters: Any, **more: Any) -> list[str]:
    """Ids of a search, all pages of it."""
    criteria = {"searchCriteria": {"filters": list(filters)}} if filters else {}
    pages = client.get_paginator("search_image_sets").paginate(datastoreId=server.datastore, **criteria, **more)
    return [one["imageSetId"] for page in pages for one in page["imageSetsMetadataSummaries"]]


# --- operations ------------------------------------------------------------------------------------------------------


def test_data_stores(service, connect, ct):
    server = service(ct, storage="JPEG_2000_LOSSLESS")
    client = connect()
    (store,) = client.list_datastores()["datastoreSummaries"]
    assert store["datastoreId"] == server.datastore and store["datastoreStatus"] == "ACTIVE"
    assert client.list_datastores(datastoreStatus="DELETED")["datastoreSummaries"] == []
    properties = client.get_datastore(datastoreId=server.datastore)["datastoreProperties"]
    assert properties["losslessStorageFormat"] == "JPEG_2000_LOSSLESS"
    assert properties["createdAt"].tzinfo is not None


def test_search_tells_what_an_image_set_is(service, connect, ct):
    server = service(ct)
    answer = connect().search_image_sets(datastoreId=server.datastore, searchCriteria={"filters": [PRIMARY]})
    (summary,) = answer["imageSetsMetadataSummaries"]
    assert summary["imageSetId"] == ct[0].image_set_id and summary["version"] == 1 and summary["isPrimary"] is True
    assert summary["updatedAt"] == datetime.fromtimestamp(ct[0].updated_at, timezone.utc)
    tags = summary["DICOMTags"]
    study = ct[0].document["Study"]
    assert tags["DICOMStudyInstanceUID"] == study["DICOM"]["StudyInstanceUID"]
    assert [tags["DICOMSeriesInstanceUID"]] == list(study["Series"])
    (series,) = study["Series"].values()
    assert tags["DICOMNumberOfStudyRelatedInstances"] == len(series["Instances"])
    assert answer["sort"] == {"sortField": "updatedAt", "sortOrder": "DESC"}
    assert "nextToken" not in answer


def test_versions_of_an_image_set(service, connect, ct):
    newest = ct[0].updated().updated(workflow="UPDATED")
    service([newest])
    client = connect()
    properties = client.get_image_set(**where(newest))
    assert properties["versionId"] == "3" and properties["imageSetWorkflowStatus"] == "UPDATED"
    assert properties["imageSetState"] == "ACTIVE" and properties["isPrimary"] is True
    assert client.get_image_set(**where(newest), versionId="1")["versionId"] == "1"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_image_set(**where(newest), versionId="4")
    pages = client.get_paginator("list_image_set_versions").paginate(**where(newest), PaginationConfig={"PageSize": 2})
    listed = [[one["versionId"] for one in page["imageSetPropertiesList"]] for page in pages]
    assert listed == [["3", "2"], ["1"]]


@pytest.mark.parametrize(
    ("sent", "encoding", "compressed"), [("gzip", "gzip", True), ("unlabelled", None, True), ("plain", None, False)]
)
def test_metadata(service, connect, ct, sent, encoding, compressed):
    service(ct, metadata=sent)
    answer = connect().get_image_set_metadata(**where(ct[0]))
    blob = answer["imageSetMetadataBlob"].read()
    assert answer["contentType"] == "application/json" and answer.get("contentEncoding") == encoding
    assert json.loads(gzip.decompress(blob) if compressed else blob) == ct[0].document


def test_frames(service, connect, multi_frame):
    service(multi_frame)
    client = connect()
    for frame_id, frame in multi_frame[0].frames.items():
        answer = client.get_image_frame(**where(multi_frame[0]), imageFrameInformation={"imageFrameId": frame_id})
        assert answer["imageFrameBlob"].read() == frame.data
        kind = "image/jph" if frame.syntax.endswith(".202") else "application/octet-stream"
        assert answer["contentType"] == kind


# --- searches --------------------------------------------------------------------------------------------------------


def test_120_image_sets_come_on_three_pages(service, connect, ct):
    server = service(ct[0].copies(120))
    newest_first = sorted(server.image_sets.values(), key=lambda one: -one.updated_at)
    assert found(connect(), server, PRIMARY) == [one.image_set_id for one in newest_first]
    assert server.count("searchImageSets") == 3
    assert len({uid for one in newest_first for uid in one.document["Study"]["Series"]}) == 120


def test_pages_are_as_large_as_asked(service, connect, ct):
    server = service(ct[0].copies(7))
    assert len(found(connect(), server, PaginationConfig={"PageSize": 3})) == 7
    assert [request.query[0] for request in server.log] == [("maxResults", "3")] * 3
    assert server.log[1].query[1][0] == "nextToken"


def test_pages_have_50_entries_at_most(service, connect, ct):
    server = service(ct)
    client = connect()
    with pytest.raises(client.exceptions.ValidationException):
        client.search_image_sets(datastoreId=server.datastore, maxResults=51)


def test_a_token_of_another_service_is_refused(service, connect, ct):
    server = service(ct)
    client = connect()
    with pytest.raises(client.exceptions.ValidationException):
        client.search_image_sets(datastoreId=server.datastore, nextToken="anything")


@pytest.mark.parametrize(
    ("name", "level", "keyword"),
    [
        ("DICOMPatientId", "Patient", "PatientID"),
        ("DICOMStudyId", "Study", "StudyID"),
        ("DICOMStudyInstanceUID", "Study", "StudyInstanceUID"),
    ],
)
def test_filters_by_text(service, connect, ct, name, level, keyword):
    level_block = {**ct[0].document[level], "DICOM": {**ct[0].document[level]["DICOM"], keyword: "wanted *ä"}}
    (wanted,) = ct[0].copies(1)
    wanted = ImageSet(document={**wanted.document, level: level_block})
    server = service([*ct, wanted])
    client = connect()
    assert found(client, server, {"operator": "EQUAL", "values": [{name: "wanted *ä"}]}) == [wanted.image_set_id]
    assert found(client, server, {"operator": "EQUAL", "values": [{name: "wanted"}]}) == []


def test_filters_by_series_date_and_rank(service, connect, ct):
    sets = ct[0].copies(5)
    sets[4] = sets[4].duplicate()
    server = service(sets)
    client = connect()
    (uid,) = sets[2].document["Study"]["Series"]
    by_series = {"operator": "EQUAL", "values": [{"DICOMSeriesInstanceUID": uid}]}
    assert found(client, server, by_series) == [sets[2].image_set_id]
    seconds = [int(one.updated_at) for one in sets]
    between = {"operator": "BETWEEN", "values": [{"updatedAt": seconds[1]}, {"updatedAt": seconds[3]}]}
    # Moments end in .25 s: the upper limit leaves its own second out.
    assert found(client, server, between) == [sets[2].image_set_id, sets[1].image_set_id]
    assert found(client, server, {"operator": "EQUAL", "values": [{"isPrimary": False}]}) == [sets[4].image_set_id]
    date = ct[0].document["Study"]["DICOM"]["StudyDate"]
    days = [{"DICOMStudyDateAndTime": {"DICOMStudyDate": date}}] * 2
    assert len(found(client, server, {"operator": "BETWEEN", "values": days}, PRIMARY)) == 4
    later = [{"DICOMStudyDateAndTime": {"DICOMStudyDate": "29990101"}}] * 2
    assert found(client, server, {"operator": "BETWEEN", "values": later}) == []


def test_order_of_results(service, connect, ct):
    sets = ct[0].copies(3)
    server = service(sets)
    sort = {"sortField": "createdAt", "sortOrder": "ASC"}
    answer = connect().search_image_sets(datastoreId=server.datastore, searchCriteria={"sort": sort})
    assert [one["imageSetId"] for one in answer["imageSetsMetadataSummaries"]] == [one.image_set_id for one in sets]
    assert answer["sort"] == sort


@pytest.mark.parametrize(
    "criteria",
    [
        {"filters": [PRIMARY] * 3},
        {"filters": [{"operator": "EQUAL", "values": [{"isPrimary": True}] * 2}]},
        {"filters": [{"operator": "BETWEEN", "values": [{"DICOMPatientId": "a"}, {"DICOMPatientId": "b"}]}]},
        {"filters": [{"operator": "BETWEEN", "values": [{"createdAt": 1}, {"updatedAt": 2}]}]},
    ],
    ids=["three filters", "two equal values", "between texts", "two members"],
)
def test_criteria_outside_the_model_are_refused(service, connect, ct, criteria):
    server = service(ct)
    client = connect()
    with pytest.raises(client.exceptions.ValidationException):
        client.search_image_sets(datastoreId=server.datastore, searchCriteria=criteria)


def test_a_service_can_take_one_filter_only(service, connect, ct):
    server = service(ct, filters=1)
    client = connect()
    with pytest.raises(client.exceptions.ValidationException):
        found(client, server, PRIMARY, {"operator": "EQUAL", "values": [{"DICOMPatientId": "x"}]})
    assert len(found(client, server, PRIMARY)) == 1


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("ThrottlingException", 429),
        ("ConflictException", 409),
        ("AccessDeniedException", 403),
        ("ValidationException", 400),
        ("InternalServerException", 500),
        ("ResourceNotFoundException", 404),
        ("NotAcceptableException", 406),
        ("BadRequestException", 400),
    ],
)
def test_errors_are_typed(service, connect, ct, name, status):
    server = service(ct, faults=[Fault("error", path="getImageFrame", value=name, headers={"Retry-After": "7"})])
    client = connect()
    with pytest.raises(getattr(client.exceptions, name)) as caught:
        client.get_image_frame(**where(ct[0]), imageFrameInformation={"imageFrameId": "0" * 32})
    response = caught.value.response
    assert response["Error"] == {"Code": name, "Message": f"{name} was asked for"}
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "7"
    assert response["ResponseMetadata"]["RequestId"]
    assert server.log[0].fault == "error"


def test_what_is_not_there(service, connect, ct):
    service(ct)
    client = connect()
    missing = client.exceptions.ResourceNotFoundException
    with pytest.raises(missing):
        client.get_datastore(datastoreId="0" * 32)
    with pytest.raises(missing):
        client.search_image_sets(datastoreId="0" * 32)
    with pytest.raises(missing):
        client.get_image_set_metadata(datastoreId=ct[0].datastore_id, imageSetId="0" * 32)
    with pytest.raises(missing):
        client.get_image_frame(**where(ct[0]), imageFrameInformation={"imageFrameId": "0" * 32})


@pytest.mark.parametrize("wrong", ["short", "A" * 32, "../../etc"])
def test_ids_have_32_digits_or_small_letters(service, connect, ct, wrong):
    service(ct)
    client = connect()
    with pytest.raises(client.exceptions.ValidationException):
        client.get_datastore(datastoreId=wrong)
    with pytest.raises(client.exceptions.ValidationException):
        client.get_image_frame(**where(ct[0]), imageFrameInformation={"imageFrameId": wrong})


def test_a_locked_image_set_conflicts_and_a_deleted_one_is_gone(service, connect, ct):
    locked, deleted = ct[0].copies(2)
    locked, deleted = locked.updated(state="LOCKED", workflow="UPDATING"), deleted.updated(state="DELETED")
    server = service([locked, deleted])
    client = connect()
    with pytest.raises(client.exceptions.ConflictException, match="UPDATING"):
        client.get_image_set_metadata(**where(locked))
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_image_set_metadata(**where(deleted))
    assert client.get_image_set(**where(locked))["imageSetState"] == "LOCKED"
    assert found(client, server) == [locked.image_set_id]
    server.update(locked.updated(state="ACTIVE", workflow="UPDATED"))
    assert client.get_image_set_metadata(**where(locked))["contentType"] == "application/json"


# --- endpoint and credentials ----------------------------------------------------------------------------------------


def test_runtime_operations_need_the_endpoint_without_prefix(service, connect, ct):
    server = service(ct)
    client = connect(prefix=True)
    assert client.list_datastores()["datastoreSummaries"]  # control operations have no prefix
    with pytest.raises(EndpointConnectionError, match=r"http://runtime-127\.0\.0\.1:"):
        client.search_image_sets(datastoreId=server.datastore)


def test_a_wrong_secret_is_denied(service, connect, ct):
    server = service(ct)
    client = connect()
    server.set(secret_key="another")
    with pytest.raises(client.exceptions.AccessDeniedException, match="signature") as caught:
        client.search_image_sets(datastoreId=server.datastore)
    assert "another" not in str(caught.value)
    server.set(refusal="InvalidSignatureException")
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        client.search_image_sets(datastoreId=server.datastore)


def test_session_tokens_are_checked(service, connect, ct, monkeypatch):
    server = service(ct, session_token="token+/=")
    assert connect().list_datastores()
    server.set(expired=True)
    with pytest.raises(ClientError, match="ExpiredTokenException"):
        connect().list_datastores()
    server.set(expired=False, session_token="")
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        connect().list_datastores()
    server.set(session_token="token+/=")
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        connect().list_datastores()


def test_signatures_name_the_region(service, connect, ct, monkeypatch):
    service(ct)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with pytest.raises(ClientError, match="scoped to"):
        connect().list_datastores()


def test_the_secret_is_shown_nowhere(service, ct):
    server = service(ct, session_token="token-canary")
    shown = repr(server) + repr(server.switches) + repr(server.log)
    assert server.switches.secret_key not in shown and "token-canary" not in shown
