"""Secret references: each form resolves, none shows, and mistakes are told without repeating the secret."""

from __future__ import annotations

import pickle
import sys
import types
from pathlib import Path

import pytest

from dicomlogic_core import UsageError
from dicomlogic_core.auth import Credentials, resolve

BASE = "https://pacs.example.org/dicom-web"
SECRET = "hush-0451"


def test_env(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACS_TOKEN", SECRET)
    assert resolve("env:PACS_TOKEN") == SECRET


def test_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(SECRET + "\n")
    assert resolve(f"file:{tmp_path / 'token'}") == SECRET


def test_command() -> None:
    assert resolve(f'cmd:"{sys.executable}" -c "print({SECRET!r})"') == SECRET


def test_callable() -> None:
    assert resolve(lambda: SECRET) == SECRET


def test_keyring_and_colab_where_there_are_any(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = types.ModuleType("keyring")
    keyring.get_password = lambda service, user: SECRET if (service, user) == ("my/pacs", "alice") else None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    assert resolve("keyring:my/pacs/alice") == SECRET
    userdata = types.ModuleType("google.colab.userdata")
    userdata.get = {"TOKEN": SECRET}.get  # type: ignore[attr-defined]
    for name in ("google", "google.colab"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "google.colab.userdata", userdata)
    assert resolve("colab:TOKEN") == SECRET


def raising() -> str:
    raise RuntimeError(SECRET)


@pytest.mark.parametrize(
    "reference",
    [
        SECRET,
        "Bearer " + SECRET,
        "unknown:" + SECRET,
        "env:DICOMLOGIC_NOT_SET",
        "file:/nonexistent/dicomlogic",
        "keyring:service/user",
        "colab:NAME",
        f'cmd:"{sys.executable}" -c "raise SystemExit({SECRET!r})"',
        f"cmd:dicomlogic-no-such-program {SECRET}",
        "cmd:'unbalanced",
        raising,
        lambda: None,
    ],
)
def test_what_gives_no_secret_is_told_without_showing_any(reference: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "keyring", raising=False)
    with pytest.raises(UsageError) as caught:
        resolve(reference, BASE)  # type: ignore[arg-type]
    error = caught.value
    assert error.code == "usage.secret" and error.remedy
    assert SECRET not in str(error) and SECRET not in repr(error)


class Headers:
    def __init__(self) -> None:
        self.headers: dict[str, str] = {}


def sent(**options: object) -> dict[str, str]:
    request = Headers()
    credentials = Credentials.from_options(BASE, {name.replace("__", "."): value for name, value in options.items()})
    assert credentials(request) is request
    return request.headers


def test_what_is_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("T", SECRET)
    assert sent() == {}
    assert sent(auth="env:T") == {"Authorization": f"Bearer {SECRET}"}
    assert sent(user="alice", password="env:T") == sent(user="alice", auth="env:T")
    assert sent(user="alice", password="env:T")["Authorization"].startswith("Basic ")
    assert sent(**{"header__X-Api-Key": "env:T"}) == {"X-Api-Key": SECRET}
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine pacs.example.org login bob password {SECRET}\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert sent(auth="netrc")["Authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    "options",
    [{"auth": SECRET}, {"user": "a", "password": SECRET}, {"header.X-Key": SECRET}, {"password": "env:T"}],
)
def test_secrets_and_contradictions_are_refused_at_once(options: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        Credentials.from_options(BASE, options)
    assert SECRET not in str(caught.value)


def test_a_secret_that_would_break_the_headers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError) as caught:
        Credentials(BASE, bearer=lambda: SECRET + "\r\nX-Evil: 1")(Headers())
    assert SECRET not in str(caught.value)


def test_only_the_first_of_those_refused_together_refreshes() -> None:
    tokens = iter(["one", "two", "three"])
    credentials = Credentials(BASE, bearer=lambda: next(tokens))
    first = Headers()
    credentials(first)
    generation = credentials.generation
    for _ in range(5):
        credentials.refresh(generation)
    second = Headers()
    credentials(second)
    assert (first.headers["Authorization"], second.headers["Authorization"]) == ("Bearer one", "Bearer two")


def test_credentials_neither_show_nor_travel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T", SECRET)
    credentials = Credentials.from_options(BASE, {"auth": "env:T"})
    credentials(Headers())
    assert SECRET not in repr(credentials)
    with pytest.raises(TypeError):
        pickle.dumps(credentials)
