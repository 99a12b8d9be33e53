"""Listings are followed to their end, whatever a server makes of limit, offset and filters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dicomlogic_core as dl
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.server import Fault, Server
from dicomlogic_dicomweb import qido

STUDIES = 30
Serve = Callable[..., Server]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty studies of one slice; PatientID and StudyInstanceUID differ."""
    folder = tmp_path_factory.mktemp("archive")
    for number in range(STUDIES):

        def change(_: int, dataset: Any, number: int = number) -> None:
            dataset.PatientID = f"P{number % 3}"

        phantoms.write_ct(folder / str(number), phantoms.regular(1), name=f"study {number}", change=change)
    return folder


def studies(web: Any, items: list[Any]) -> set[str]:
    return {web.value(header, "StudyInstanceUID") for header in web.headers(items)}


@pytest.mark.parametrize(
    "switches",
    [
        pytest.param({}, id="as the standard says"),
        pytest.param({"page_maximum": 12, "page_notice": ""}, id="cut at 12 in silence"),
        pytest.param({"page_maximum": 15, "page_notice": ""}, id="cut at half in silence"),
        pytest.param({"page_maximum": 7, "page_notice": "warning"}, id="cut with a warning"),
        pytest.param({"page_maximum": 7, "page_notice": "206"}, id="cut with 206"),
        pytest.param({"paging": "no-offset"}, id="offset ignored"),
        pytest.param({"paging": "none"}, id="limit and offset ignored"),
        pytest.param({"page_repeat": True}, id="everything twice"),
        pytest.param({"empty": "[]"}, id="empty list"),
        pytest.param({"empty": "body"}, id="empty body"),
        pytest.param({"wrapped": False}, id="one object instead of a list"),
        pytest.param({"unknown_fields": "refuse"}, id="strict"),
        pytest.param({"metadata_order": "reversed"}, id="reversed"),
    ],
)
def test_every_study_is_found_once(web: Any, archive: Path, dicomweb_server: Serve, switches: dict[str, Any]) -> None:
    server = dicomweb_server(archive, **switches)
    items = web.scan(server.url)
    assert len(items) == STUDIES and len(studies(web, items)) == STUDIES
    assert web.codes == []


def test_small_pages_come_to_the_same(web: Any, archive: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(archive)
    web.options = {"page": "4"}
    assert len(studies(web, web.scan(server.url))) == STUDIES
    offsets = [dict(record.query)["offset"] for record in server.log if record.path.endswith("/studies")]
    assert offsets == [str(offset) for offset in range(0, 30, 4)]


def test_pages_without_end_are_given_up_with_a_finding(
    web: Any, archive: Path, dicomweb_server: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qido, "MOST_PAGES", 3)
    web.options = {"page": "4"}
    assert len(web.scan(dicomweb_server(archive).url)) == 12
    assert web.codes == ["source.paging"]


@pytest.mark.parametrize("switches", [{}, {"filters": False}, {"unknown_fields": "refuse"}])
@pytest.mark.parametrize(("where", "count"), [({"PatientID": "P1"}, 10), ({"PatientID": "nobody"}, 0)])
def test_filters_hold_whether_the_server_applies_them_or_not(
    web: Any, archive: Path, dicomweb_server: Serve, switches: dict[str, Any], where: dict[str, str], count: int
) -> None:
    items = web.scan(dicomweb_server(archive, **switches).url, **where)
    assert [web.value(header, "PatientID") for header in web.headers(items)] == [where["PatientID"]] * count


def test_a_filter_that_is_refused_is_left_out_once_and_applied_here(
    web: Any, archive: Path, dicomweb_server: Serve
) -> None:
    server = dicomweb_server(archive, faults=[Fault("status", path="PatientID=", value=400)])
    items = web.scan(server.url, PatientID="P1")
    assert len(items) == 10
    assert [record.status for record in server.log if record.path.endswith("/studies")] == [400, 200, 204]


def test_one_study_is_listed_by_its_uid(web: Any, archive: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(archive)
    uid = sorted(studies(web, web.scan(server.url)))[3]
    server.log.clear()
    assert studies(web, web.scan(f"{server.url}/studies/{uid}")) == {uid}
    assert server.count(r"/studies$") == 0


def test_values_are_encoded_without_plus_signs(web: Any, archive: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(archive)
    web.scan(server.url, PatientName="Müller Hans*&x=1")
    assert "PatientName=M%C3%BCller%20Hans%2A%26x%3D1&" in server.log[0].query_text


@pytest.mark.parametrize(
    ("status", "code"), [(401, "network.unauthorized"), (403, "network.forbidden"), (413, "network.too-large")]
)
def test_a_service_that_cannot_be_listed_is_one_error(
    web: Any, archive: Path, dicomweb_server: Serve, status: int, code: str
) -> None:
    server = dicomweb_server(archive, faults=[Fault("status", value=status)])
    with pytest.raises(dl.NetworkError) as caught:
        web.scan(server.url)
    assert caught.value.code == code and len(server.log) == 1


@pytest.mark.parametrize(("kind", "code"), [("login", "network.login-page"), ("garbage", "network.not-json")])
def test_something_else_than_a_listing_is_one_error(
    web: Any, archive: Path, dicomweb_server: Serve, kind: str, code: str
) -> None:
    with pytest.raises(dl.NetworkError) as caught:
        web.scan(dicomweb_server(archive, faults=[Fault(kind)]).url)
    assert caught.value.code == code
