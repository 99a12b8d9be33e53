"""Clients: credentials only for what was named, one client per source, a host asked once per origin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from dicomlogic_core import FetcherProvider, PluginError, UsageError
from dicomlogic_core.clients import Clients
from dicomlogic_core.testing.fakes import closed_manager, fake_plugin


class Host:
    """Stands for the plugin manager: all that clients want of it is a host's session."""

    def __init__(self, session: requests.Session | None = None) -> None:
        self.asked: list[tuple[str, str]] = []
        self.session = session

    def http_session(self, origin: str, purpose: str) -> requests.Session | None:
        self.asked.append((origin, purpose))
        return self.session


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def clients(host: Host, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    monkeypatch.setenv("T", "t")
    made = Clients(host)  # type: ignore[arg-type]
    yield made
    made.close()


def headers(client: object) -> dict[str, str]:
    request = SimpleNamespace(headers={})
    client._credentials(request)  # type: ignore[attr-defined]
    return request.headers


def test_below_a_named_source_its_credentials_are_used(clients: Clients) -> None:
    clients.name("https://host/dicom-web", {"auth": "env:T"})
    for url in ("https://host/dicom-web", "https://HOST:443/dicom-web/studies/1/series/2/instances/3/frames/4"):
        assert headers(clients.http(url)) == {"Authorization": "Bearer t"}


@pytest.mark.parametrize(
    "url", ["https://host/other", "https://host/dicom-web2", "http://host/dicom-web", "https://host:8443/dicom-web"]
)
def test_anywhere_else_nothing_is_sent(clients: Clients, url: str) -> None:
    clients.name("https://host/dicom-web", {"auth": "env:T"})
    assert headers(clients.http(url)) == {}


def test_a_study_names_its_service(clients: Clients) -> None:
    clients.name("https://host/dicom-web/studies/1.2/series/3", {"auth": "env:T"})
    assert headers(clients.http("https://host/dicom-web/studies/9.9"))
    assert list(clients.named) == ["https://host/dicom-web"]


def test_the_longest_base_wins(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("U", "u")
    clients.name("https://host", {"auth": "env:T"})
    clients.name("https://host/inner", {"auth": "env:U"})
    assert headers(clients.http("https://host/inner/studies/1"))["Authorization"] == "Bearer u"
    assert headers(clients.http("https://host/else/studies/1"))["Authorization"] == "Bearer t"


def test_naming_later_replaces_a_client_that_was_anonymous(clients: Clients) -> None:
    before = clients.http("https://host/dicom-web/studies/1")
    clients.name("https://host/dicom-web", {"auth": "env:T"})
    assert clients.http("https://host/dicom-web/studies/1") is not before
    assert headers(clients.http("https://host/dicom-web/studies/1"))


def test_naming_without_options_keeps_what_was_named(clients: Clients) -> None:
    clients.name("https://host/dicom-web", {"auth": "env:T"})
    clients.name("https://host/dicom-web/", {})
    assert headers(clients.http("https://host/dicom-web"))


def test_one_client_per_source_and_one_question_per_origin(clients: Clients, host: Host) -> None:
    clients.name("https://host/dicom-web", {})
    found = {id(clients.http(f"https://host/dicom-web/studies/{number}")) for number in range(1, 20)}
    assert len(found) == 1 and host.asked == [("https://host", "dicomweb")]


def test_labels(clients: Clients) -> None:
    clients.name("https://host/dicom-web", {"label": "pacs", "auth": "env:T"})
    assert headers(clients.http("dicomweb://pacs/studies/1"))


def test_a_plugins_own_kind_of_web_service_is_talked_to_as_any_other(clients: Clients, host: Host) -> None:
    clients.name("imagebox+https://host/root", {"auth": "env:T"})
    client = clients.http("imagebox+https://HOST/root/series/1")
    assert client.base == "https://host/root"
    assert headers(client) == {"Authorization": "Bearer t"}
    assert host.asked == [("https://host", "dicomweb")]
    assert headers(clients.http("imagebox+https://host/elsewhere")) == {}
    with pytest.raises(UsageError, match="password"):
        clients.http("imagebox+https://user:secret@host/root")


def test_folders_are_named_too_and_need_no_client(clients: Clients) -> None:
    clients.name("/data/folder", {})
    clients.name(r"C:\data", {})
    assert list(clients.named) == ["/data/folder", r"C:\data"]


def test_what_is_named_holds_references_not_secrets(clients: Clients) -> None:
    clients.name("https://host/dicom-web", {"auth": "env:T"})
    clients.http("https://host/dicom-web")
    assert clients.named == {"https://host/dicom-web": {"auth": "env:T"}}


def test_a_password_in_the_url_is_refused(clients: Clients) -> None:
    with pytest.raises(UsageError) as caught:
        clients.name("https://user:secret@host/dicom-web", {})
    assert "secret" not in str(caught.value)


# --- schemes with clients of their own -------------------------------------------------------------------------------


class Made:
    def __init__(self, location: str, options: Mapping[str, Any]) -> None:
        self.location, self.options, self.closed = location, dict(options), False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def own() -> Iterator[Clients]:
    """Clients that know a fetcher for ``own`` that makes its clients, and one for ``broken`` that fails at it."""

    def fail(location: str, options: Mapping[str, Any]) -> Any:
        raise KeyError(location)

    def fetcher(scheme: str, client: Any) -> FetcherProvider:
        return FetcherProvider(name=scheme, label="", factory=Made, schemes=(scheme,), client=client)

    made = Clients(closed_manager(fake_plugin(fetcher("own", Made), fetcher("broken", fail))))
    yield made
    made.close()


def test_a_fetcher_makes_the_clients_of_its_scheme(own: Clients) -> None:
    own.name("own://store", {"region": "here"})
    client = own.http("own://store/set/frame")
    assert isinstance(client, Made) and (client.location, client.options) == ("own://store", {"region": "here"})
    assert own.http("own://store/other") is client
    elsewhere = own.http("own://elsewhere/set")
    assert (elsewhere.location, elsewhere.options) == ("own://elsewhere", {})  # type: ignore[attr-defined]
    own.close()
    assert client.closed


def test_a_client_that_cannot_be_made_is_its_plugins_failure(own: Clients) -> None:
    with pytest.raises(PluginError) as caught:
        own.http("broken://store")
    assert caught.value.stage == "create"
