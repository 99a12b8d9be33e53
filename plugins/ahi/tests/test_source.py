"""Indexing data stores: paging, filters, copies, what changed, locked sets, refusals, and that no secret turns up."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dicomlogic_core as dl
from dicomlogic_ahi.testing import Fault, ImageSet, Server
from dicomlogic_core.cli.main import main

Start = Callable[..., Server]
METADATA, SEARCH, STORE = "getImageSetMetadata", "searchImageSets", r"/datastore/\w+$"
SLICES = 5  # of the CT


def index(session: dl.Session, server: Server, **given: Any) -> Any:
    return session.index(f"ahi://{server.datastore}", **given)


def url_of(server: Server, one: ImageSet) -> str:
    return f"ahi://{server.datastore}/{one.image_set_id}"


def changed_document(one: ImageSet, keyword: str, value: Any) -> dict[str, Any]:
    document = json.loads(json.dumps(one.document))
    for series in document["Study"]["Series"].values():
        for instance in series["Instances"].values():
            instance["DICOM"][keyword] = value
    return document


def test_all_pages_are_read(session: dl.Session, service: Start, ct) -> None:
    server = service(ct[0].copies(120))
    result = index(session, server)
    assert (result.series, result.instances, result.failed) == (120, 120 * SLICES, ())
    assert server.count(SEARCH) == 3 and server.count(METADATA) == 120


def test_urls_have_seven_fields_and_hold_the_first_frame(session: dl.Session, service: Start, ct) -> None:
    server = service(ct)
    index(session, server)
    rows = session.list("instance")
    assert len(rows) == SLICES
    for row in rows:
        fields = row["RetrieveURL"].split("/")
        assert len(fields) == 7 and fields[0] == "ahi:" and fields[2:4] == [server.datastore, ct[0].image_set_id]
        assert fields[6] in ct[0].frames


def test_a_second_run_asks_for_what_changed_only(session: dl.Session, service: Start, ct) -> None:
    sets = ct[0].copies(5)
    server = service(sets)
    index(session, server)
    server.log.clear()
    result = index(session, server)
    assert (server.count(METADATA), server.count(SEARCH)) == (0, 1)
    assert (result.instances, result.skipped) == (0, 5 * SLICES)

    server.update(sets[3].updated(document=changed_document(sets[3], "ImageComments", "corrected")))
    server.log.clear()
    result = index(session, server)
    assert [request.path for request in server.log if METADATA in request.path] == [
        f"/datastore/{server.datastore}/imageSet/{sets[3].image_set_id}/{METADATA}"
    ]
    assert (result.instances, result.skipped) == (SLICES, 4 * SLICES)


def test_what_a_filter_left_out_is_read_when_it_is_gone(session: dl.Session, service: Start, ct) -> None:
    server = service(ct)
    assert index(session, server, where={"InstanceNumber": "3"}).instances == 1
    assert index(session, server).instances == SLICES - 1


@pytest.mark.parametrize("keyword", ["PatientID", "StudyInstanceUID", "SeriesInstanceUID", "StudyDate"])
@pytest.mark.parametrize("filters", [1, 2])
def test_filters_reach_the_service(session: dl.Session, service: Start, ct, keyword: str, filters: int) -> None:
    sets = ct[0].copies(3)
    for number, one in enumerate(sets):
        level = one.document["Patient" if keyword == "PatientID" else "Study"]["DICOM"]
        if keyword != "SeriesInstanceUID":
            level[keyword] = {"StudyDate": f"2024010{number + 1}"}.get(keyword, f"1.2.{number}")
    wanted = sets[1].document
    value = (
        next(iter(wanted["Study"]["Series"]))
        if keyword == "SeriesInstanceUID"
        else {**wanted["Patient"]["DICOM"], **wanted["Study"]["DICOM"]}[keyword]
    )
    copy = sets[1].duplicate()
    server = service([*sets, copy], filters=filters)
    result = index(session, server, where={keyword: value})
    assert (result.series, result.instances) == (1, SLICES)
    # A service that takes one filter only is told of the attribute, and primary ones are picked here.
    assert server.count(METADATA) == 1


@pytest.mark.parametrize("pattern", ["20240101-20240102", "-20240102", "20240101-"])
def test_ranges_of_dates_reach_the_service(session: dl.Session, service: Start, ct, pattern: str) -> None:
    sets = ct[0].copies(3)
    for number, one in enumerate(sets):
        one.document["Study"]["DICOM"] |= {"StudyDate": f"2024010{number + 1}", "StudyInstanceUID": f"1.2.{number}"}
    server = service(sets)
    expected = 3 if pattern.endswith("-") else 2
    assert index(session, server, where={"StudyDate": pattern}).series == expected
    assert server.count(METADATA) == expected


def test_other_filters_are_applied_here(session: dl.Session, service: Start, ct) -> None:
    server = service(ct[0].copies(2))
    assert index(session, server, where={"PatientID": "no*body"}).instances == 0
    assert index(session, server, where={"Modality": "CT"}).instances == 2 * SLICES


# --- copies ----------------------------------------------------------------------------------------------------------


def test_copies_are_left_out_unless_asked_for(session: dl.Session, service: Start, ct) -> None:
    server = service([ct[0].duplicate(), *ct])
    result = index(session, server)
    assert (result.instances, server.count(METADATA)) == (SLICES, 1)
    result = index(session, server, options={"all": "true"})
    told = [finding for finding in result.findings if finding.code == "source.duplicate"]
    assert len(told) == 1 and ct[0].image_set_id in told[0].message and "primary" in told[0].message
    assert told[0].where[0] == url_of(server, ct[0].duplicate())
    rows = session.list("instance")
    assert len(rows) == SLICES and all(ct[0].image_set_id in row["RetrieveURL"] for row in rows)
    server.log.clear()
    index(session, server, options={"all": "true"})
    assert server.count(METADATA) == 0


def test_a_copy_alone_is_indexed_by_its_name(session: dl.Session, service: Start, ct) -> None:
    copy = ct[0].duplicate()
    server = service([*ct, copy])
    result = session.index(url_of(server, copy))
    assert result.instances == SLICES and server.count(SEARCH) == 0
    assert all(copy.image_set_id in row["RetrieveURL"] for row in session.list("instance"))


# --- what goes wrong -------------------------------------------------------------------------------------------------


def test_a_locked_set_is_read_at_the_end(session: dl.Session, service: Start, ct) -> None:
    sets = ct[0].copies(3)
    fault = Fault("error", path=f"{sets[0].image_set_id}/{METADATA}", times=6, value="ConflictException")
    server = service(sets, faults=(fault,))
    result = index(session, server, options={"attempts": "5"})
    assert (result.instances, result.failed) == (3 * SLICES, ())
    asked = [request.path.split("/")[-2] for request in server.log if METADATA in request.path]
    assert asked[-1] == sets[0].image_set_id


def test_a_set_that_stays_locked_is_reported_and_read_next_time(session: dl.Session, service: Start, ct) -> None:
    sets = ct[0].copies(2)
    fault = Fault("error", path=f"{sets[0].image_set_id}/{METADATA}", value="ConflictException")
    server = service(sets, faults=(fault,))
    result = index(session, server, options={"attempts": "2"})
    assert result.instances == SLICES
    assert [(one["location"], one["code"]) for one in result.as_dict()["failed"]] == [
        (url_of(server, sets[0]), "network.busy")
    ]
    server.set(faults=())
    assert index(session, server).instances == SLICES


@pytest.mark.parametrize(
    "fault",
    [
        Fault("error", path=METADATA, times=3, value="ThrottlingException", headers={"Retry-After": "0"}),
        Fault("error", path=METADATA, times=2, value="InternalServerException"),
        Fault("error", path=SEARCH, times=1, value="ThrottlingException"),
        Fault("drop", path=METADATA, times=1),
        Fault("short", path=METADATA, times=1),
        Fault("short", path=SEARCH, times=1),
    ],
    ids=str,
)
def test_what_passes_is_asked_again(session: dl.Session, service: Start, ct, fault: Fault) -> None:
    server = service(ct, faults=(fault,))
    result = index(session, server)
    assert (result.instances, result.failed) == (SLICES, ())


def test_retry_after_is_waited_for(session: dl.Session, service: Start, ct) -> None:
    fault = Fault("error", path=METADATA, times=1, value="ThrottlingException", headers={"Retry-After": "1"})
    server = service(ct, faults=(fault,))
    index(session, server)
    first, second = (request.time for request in server.log if METADATA in request.path)
    assert second - first >= 1.0


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("AccessDeniedException", "network.forbidden"),
        ("ResourceNotFoundException", "network.not-found"),
        ("ServiceQuotaExceededException", "network"),
        ("InternalServerException", "network"),
    ],
)
def test_a_set_that_cannot_be_read_costs_itself_only(
    session: dl.Session, service: Start, ct, name: str, code: str
) -> None:
    sets = ct[0].copies(3)
    fault = Fault("error", path=f"{sets[1].image_set_id}/{METADATA}", value=name)
    server = service(sets, faults=(fault,))
    result = index(session, server, options={"attempts": "2"})
    assert result.instances == 2 * SLICES
    assert [(one["location"], one["code"]) for one in result.as_dict()["failed"]] == [(url_of(server, sets[1]), code)]
    assert name in result.as_dict()["failed"][0]["message"]


def test_garbage_is_no_metadata(session: dl.Session, service: Start, ct) -> None:
    server = service(ct, faults=(Fault("garbage", path=METADATA),))
    result = index(session, server, options={"attempts": "1"})
    assert result.instances == 0 and len(result.failed) == 1


def test_search_that_is_denied_ends_the_scan(session: dl.Session, service: Start, ct) -> None:
    server = service(ct, faults=(Fault("error", path=SEARCH, value="AccessDeniedException"),))
    with pytest.raises(dl.NetworkError) as caught:
        index(session, server)
    assert caught.value.code == "network.forbidden" and "SearchImageSets" in caught.value.remedy


def test_properties_of_the_store_need_not_be_allowed(session: dl.Session, service: Start, ct) -> None:
    server = service(ct, faults=(Fault("error", path=STORE, value="AccessDeniedException"),))
    assert index(session, server).instances == SLICES


def test_an_unknown_store_says_so(session: dl.Session, service: Start, ct) -> None:
    service(ct)
    with pytest.raises(dl.NetworkError) as caught:
        session.index("ahi://" + "0" * 32)
    assert caught.value.code == "network.not-found" and "region" in caught.value.remedy


def test_without_a_store_those_there_are_are_named(session: dl.Session, service: Start, ct) -> None:
    server = service(ct)
    with pytest.raises(dl.UsageError, match=server.datastore):
        session.index("ahi://")


@pytest.mark.parametrize("location", ["ahi://short", f"ahi://{'d' * 32}/{'e' * 32}/1.2/1.3", f"ahi://{'d' * 32}/.."])
def test_other_locations_are_refused_without_a_request(session: dl.Session, service: Start, ct, location: str) -> None:
    server = service(ct)
    with pytest.raises(dl.UsageError):
        session.index(location)
    assert not server.log


def test_unknown_options_are_refused(session: dl.Session, service: Start, ct) -> None:
    server = service(ct)
    with pytest.raises(dl.UsageError, match="auth"):
        index(session, server, options={"auth": "env:X"})


@pytest.mark.parametrize("form", ["gzip", "unlabelled", "plain"])
def test_metadata_may_be_compressed_or_not(session: dl.Session, service: Start, ct, form: str) -> None:
    server = service(ct, metadata=form)
    assert index(session, server).instances == SLICES


def test_unknown_keywords_cost_themselves_and_are_told_once(session: dl.Session, service: Start, ct) -> None:
    sets = [one.updated(document=changed_document(one, "NoSuchKeyword", "x")) for one in ct[0].copies(2)]
    server = service(sets)
    result = index(session, server)
    assert result.instances == 2 * SLICES
    assert [one.message for one in result.findings if one.code == "header.element"] == [
        "the metadata names an element 'NoSuchKeyword', which the data dictionary does not have"
    ]


# --- credentials -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusal", "code"),
    [("InvalidSignatureException", "network.unauthorized"), ("AccessDeniedException", "network.forbidden")],
)
def test_a_wrong_secret_is_refused(session: dl.Session, service: Start, ct, monkeypatch, refusal, code) -> None:
    server = service(ct, refusal=refusal)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "something else")
    with pytest.raises(dl.NetworkError) as caught:
        index(session, server)
    assert (caught.value.code, caught.value.status) == (code, 403)
    assert caught.value.attempts == 1 and "credentials" in str(caught.value)


def test_a_session_token_is_signed(session: dl.Session, service: Start, ct) -> None:
    server = service(ct, session_token="a-token/of+some==kind")
    assert index(session, server).instances == SLICES


def test_an_expired_token_says_so(session: dl.Session, service: Start, ct) -> None:
    server = service(ct, expired=True)
    with pytest.raises(dl.NetworkError) as caught:
        index(session, server)
    assert caught.value.code == "network.unauthorized" and "log in again" in caught.value.remedy


def test_without_credentials_it_says_what_to_set(session: dl.Session, service: Start, ct, monkeypatch) -> None:
    server = service(ct)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(dl.SourceError, match="AWS_ACCESS_KEY_ID"):
        index(session, server)
    assert not server.log


def test_the_command_line_says_what_to_set_and_ends_with_3(ct, monkeypatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert main(["index", "ahi://" + "d" * 32, "--db", str(tmp_path / "db")]) == 3
    told = "".join(capsys.readouterr())
    assert "AWS_ACCESS_KEY_ID" in told and "Traceback" not in told


def test_without_a_region_it_says_what_to_set(session: dl.Session, service: Start, ct, monkeypatch) -> None:
    server = service(ct)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    with pytest.raises(dl.SourceError, match="region"):
        index(session, server)
    result = index(session, server, options={"region": server.switches.region, "endpoint": server.endpoint})
    assert result.instances == SLICES


def test_a_profile_gives_credentials_and_region(
    session: dl.Session, service: Start, ct, monkeypatch, tmp_path: Path
) -> None:
    server = service(ct)
    given = server.switches
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    (tmp_path / "config").write_text(f"[profile lab]\nregion = {given.region}\n")
    (tmp_path / "credentials").write_text(
        f"[lab]\naws_access_key_id = {given.access_key}\naws_secret_access_key = {given.secret_key}\n"
    )
    assert index(session, server, options={"profile": "lab"}).instances == SLICES
    with pytest.raises(dl.SourceError, match="profile"):
        index(session, server, options={"profile": "none-such"})


def test_secrets_turn_up_nowhere(tmp_path: Path, session: dl.Session, service: Start, ct, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    secret, token = "CANARY/secret+key", "CANARY-token"
    server = service(ct, secret_key=secret, session_token=token)
    result = index(session, server)
    assert result.instances == SLICES
    texts = [repr(result), repr(result.as_dict())]
    client = session.clients.http(f"ahi://{server.datastore}")
    texts += [repr(client), repr(client._runtime), repr(client._runtime._credentials), repr(session.clients.named)]
    with pytest.raises(TypeError):
        pickle.dumps(client._runtime._credentials)
    server.set(secret_key="other", session_token="other")
    (one,) = session.examine()[:1] or [None]
    for act in (lambda: index(session, server), lambda: session.load(one) if one else index(session, server)):
        with pytest.raises(dl.DicomLogicError) as caught:
            act()
        error = caught.value
        texts += [str(error), repr(error), repr(pickle.loads(pickle.dumps(error)))]
        texts += traceback.format_exception(type(error), error, error.__traceback__)
    session.close()
    texts += [record.getMessage() for record in caplog.records]
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert files and not any(b"CANARY" in data for data in files)
    assert not [text for text in texts if "CANARY" in text]


def test_a_run_that_was_cancelled_goes_on_where_it_was(session: dl.Session, service: Start, ct) -> None:
    server = service(ct[0].copies(30))
    seen: list[int] = []

    def cancel() -> bool:
        return bool(seen) and seen[-1] >= 5 * SLICES

    with pytest.raises(dl.Cancelled):
        index(session, server, cancel=cancel, on_progress=lambda done, total, what: seen.append(done))
    server.log.clear()
    result = index(session, server)
    assert result.skipped > 0 and result.instances + result.skipped == 30 * SLICES
    assert server.count(METADATA) == 30 - result.skipped // SLICES


def test_half_a_surrogate_pair_costs_itself(session: dl.Session, service: Start, ct, monkeypatch) -> None:
    server = service(ct)
    data = json.dumps(changed_document(ct[0], "ImageComments", "a\ud800b")).encode()
    monkeypatch.setattr("dicomlogic_ahi.service.Service.metadata", lambda *given: data)
    assert index(session, server).instances == SLICES
