"""Servers that fail: each failure is a clear error or finding, told once, and costs nothing but itself."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

import dicomlogic_core as dl
from dicomlogic_core import http_retry
from dicomlogic_core.cli.main import main
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.server import Fault, Server

SLICES = 12


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two series, ``a`` and ``b``, of twelve slices each."""
    for name in ("a", "b"):
        phantoms.write_ct(tmp_path / "dicom" / name, phantoms.regular(SLICES), name=name)
    return tmp_path / "dicom"


@pytest.fixture
def server(folder: Path, dicomweb_server: Callable[..., Server]) -> Server:
    return dicomweb_server(folder)


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between attempts a twentieth as long; what a server asks for is waited for all the same."""
    monkeypatch.setattr(http_retry, "_FIRST_WAIT_S", 0.01)


@pytest.fixture
def session() -> Iterator[dl.Session]:
    with dl.open() as opened:
        yield opened


def _series_uid(folder: Path, name: str) -> str:
    return str(dcmread(folder / name / "0000.dcm").SeriesInstanceUID)


def _run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, Any, str]:
    """Exit code, records on stdout and text on stderr."""
    code = main([*argv, "--json"])
    captured = capsys.readouterr()
    return code, json.loads(captured.out) if captured.out.strip() else None, captured.err


def _codes(findings: Any) -> list[str]:
    return sorted(finding["code"] for finding in findings)


# --- the whole server --------------------------------------------------------------------------------------------


def _closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_server_that_is_down(session: dl.Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"http://127.0.0.1:{_closed_port()}/dicom-web"
    with pytest.raises(dl.NetworkError) as caught:
        session.index(url)
    assert caught.value.code == "network.unavailable"
    assert url in str(caught.value) and caught.value.remedy
    code, record, _ = _run(capsys, "index", url, "--db", str(tmp_path / "db"))
    assert code == 3 and [row["code"] for row in record["failed"]] == ["network.unavailable"]


def test_a_server_that_is_down_costs_the_folder_beside_it_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"http://127.0.0.1:{_closed_port()}/dicom-web"
    code, record, _ = _run(capsys, "index", url, str(folder), "--db", str(tmp_path / "db"))
    assert code == 3 and record["instances"] == 2 * SLICES and len(record["failed"]) == 1


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        (Fault("status", value=401), "network.unauthorized"),
        (Fault("login"), "network.login-page"),
        (Fault("status", value=404), "network.not-found"),
        (Fault("status", value=503, headers={"Retry-After": "86400"}), ""),
        (Fault("short", value=20), "network.truncated"),
        (Fault("garbage"), ""),
    ],
    ids=lambda value: value.kind + str(value.value or "") if isinstance(value, Fault) else "",
)
def test_a_server_that_cannot_be_listed(
    session: dl.Session, server: Server, tmp_path: Path, fault: Fault, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server.set(faults=[fault])
    with pytest.raises(dl.SourceError) as caught:
        session.index(server.url)
    assert not wanted or caught.value.code == wanted
    assert "127.0.0.1" in str(caught.value) and caught.value.code.startswith("network")
    code, record, _ = _run(capsys, "index", server.url, "--db", str(tmp_path / "db"))
    assert code == 3 and len(record["failed"]) == 1 and record["instances"] == 0
    server.set(faults=[])
    assert session.index(server.url).instances == 2 * SLICES


def test_a_wrong_password_is_named_and_not_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.set(auth="bearer:right")
    monkeypatch.setenv("BAD_TOKEN", "wrong-and-secret")
    with dl.open() as session, pytest.raises(dl.NetworkError) as caught:
        session.index(server.url, options={"auth": "env:BAD_TOKEN"})
    assert caught.value.status == 401 and "wrong-and-secret" not in str(caught.value)
    assert {record.headers.get("authorization") for record in server.log} == {"Bearer wrong-and-secret"}


def test_retry_after_is_waited_for_and_asked_once(session: dl.Session, server: Server) -> None:
    server.set(faults=[Fault("status", path="/studies\\b", times=1, value=503, headers={"Retry-After": "1"})])
    assert session.index(server.url).instances == 2 * SLICES
    first, second = server.log[:2]
    assert (first.status, second.status, first.path) == (503, 200, second.path)
    assert second.time - first.time >= 1.0


def test_an_endless_503_ends_after_five_attempts(session: dl.Session, server: Server) -> None:
    server.set(faults=[Fault("status", value=503)])
    with pytest.raises(dl.NetworkError) as caught:
        session.index(server.url)
    assert (caught.value.status, caught.value.attempts, len(server.log)) == (503, 5, 5)


def test_a_long_retry_after_fails_at_once(session: dl.Session, server: Server) -> None:
    server.set(faults=[Fault("status", value=429, headers={"Retry-After": "86400"})])
    with pytest.raises(dl.NetworkError):
        session.index(server.url)
    assert len(server.log) == 1


def test_a_redirect_to_another_origin_carries_nothing_there(
    folder: Path, server: Server, dicomweb_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = dicomweb_server(folder)
    server.set(faults=[Fault("redirect", value=f"{other.url}/studies")])
    monkeypatch.setenv("A_TOKEN", "secret-token")
    with dl.open() as session, pytest.raises(dl.NetworkError) as caught:
        session.index(server.url, options={"auth": "env:A_TOKEN"})
    assert caught.value.code == "network.refused" and caught.value.remedy
    assert other.log == []


def test_a_redirect_in_a_circle_ends(session: dl.Session, server: Server) -> None:
    server.set(faults=[Fault("redirect", value=f"{server.url}/studies")])
    with pytest.raises(dl.NetworkError):
        session.index(server.url)
    assert len(server.log) <= 6  # five hops


# --- one series of it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", value=403),
        Fault("login"),
        Fault("garbage"),
        Fault("short", value=50),
        Fault("gzip"),
        Fault("drop"),
    ],
    ids=lambda fault: fault.kind,
)
def test_a_series_whose_headers_fail_costs_the_other_nothing(
    session: dl.Session, folder: Path, server: Server, fault: Fault, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = _series_uid(folder, "b")
    server.set(faults=[Fault(fault.kind, path=bad, value=fault.value)])
    result = session.index(server.url)
    if fault.kind == "gzip":  # not a failure: the body says how it is compressed
        assert result.instances == 2 * SLICES
        return
    assert result.instances == SLICES
    assert len(result.failed) == 1 and bad in str(result.failed[0])
    code, record, _ = _run(capsys, "index", server.url, "--db", str(tmp_path / "db"))
    assert code == 1 and record["instances"] == SLICES and len(record["failed"]) == 1
    # Run again when the server is well: what is there is skipped, the rest is added.
    server.set(faults=[])
    code, record, _ = _run(capsys, "index", server.url, "--db", str(tmp_path / "db"))
    assert (code, record["instances"], record["skipped"]) == (0, SLICES, SLICES)


def test_a_short_series_is_told_and_completed_later(session: dl.Session, folder: Path, server: Server) -> None:
    server.set(faults=[Fault("switch", path=_series_uid(folder, "b"), value={"metadata_missing": 2})])
    result = session.index(server.url)
    assert result.instances == 2 * SLICES - 2
    told = [finding for finding in result.findings if finding.code == "source.incomplete"]
    assert len(told) == 1 and _series_uid(folder, "b") in told[0].where
    server.set(faults=[])
    assert session.index(server.url).instances >= 2
    assert len(session.list("instance")) == 2 * SLICES


# --- pixels ------------------------------------------------------------------------------------------------------


def _loadables(session: dl.Session, folder: Path, server: Server) -> dict[str, dl.Loadable]:
    session.index(server.url)
    by_series = {loadable.series_uids[0]: loadable for loadable in session.examine()}
    return {name: by_series[_series_uid(folder, name)] for name in ("a", "b")}


def _arrays(folder: Path) -> np.ndarray[Any, Any]:
    with dl.open() as local:
        local.index(folder / "a")
        return np.asarray(local.load(local.examine()[0]))


@pytest.mark.parametrize("objects", [True, False], ids=["series", "frames"])
def test_an_instance_that_vanished_after_indexing(
    folder: Path,
    tmp_path: Path,
    dicomweb_server: Callable[..., Server],
    objects: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = dicomweb_server(folder, objects=objects)
    database = str(tmp_path / "db")
    _run(capsys, "index", server.url, "--db", database)
    gone = folder / "a" / "0005.dcm"
    uid = str(dcmread(gone).SOPInstanceUID)
    gone.unlink()
    code, rows, _ = _run(capsys, "export", "--db", database, "--to", str(tmp_path / "out"))
    assert code == 1
    (failed,) = [row for row in rows if "error" in row]
    assert uid in failed["error"]["message"] and failed["error"]["code"]
    (written,) = [row for row in rows if "path" in row]
    assert written["series_uids"] == [_series_uid(folder, "b")]
    with dl.open(database) as session:
        loadable = next(each for each in session.examine() if each.series_uids[0] == _series_uid(folder, "a"))
        lazy = session.load(loadable, lazy=True)
        k = next(k for k, frame in enumerate(loadable.frames) if frame.sop_uid == uid)
        with pytest.raises(dl.DicomLogicError, match=uid):
            lazy.array[k]
        assert lazy.array[k - 1].shape == lazy.array.shape[1:]  # the neighbours are there


@pytest.mark.parametrize("form", ["byte-short", "half", "two-bytes-long", "M15"])
def test_a_frame_of_the_wrong_size(
    session: dl.Session, folder: Path, dicomweb_server: Callable[..., Server], form: str
) -> None:
    server = dicomweb_server(folder, objects=False)
    loadables = _loadables(session, folder, server)
    uid = loadables["a"].frames[4].sop_uid
    # Whatever form the client asks for next, its pixels are wrong.
    server.set(faults=[Fault("switch", path=rf"/{uid}/", value={"multipart": form, "single_part": 406})])
    with pytest.raises(dl.DicomLogicError) as caught:
        session.load(loadables["a"])
    assert uid in str(caught.value) and caught.value.code.startswith(("pixels", "network"))
    assert np.asarray(session.load(loadables["b"])).shape[0] == SLICES


@pytest.mark.parametrize("form", ["M21", "M22", "M19", "M36-twice"])
def test_a_spoilt_series_body(session: dl.Session, folder: Path, server: Server, form: str) -> None:
    """What came whole is used; the missing is fetched again, alone or with the series."""
    loadables = _loadables(session, folder, server)
    server.set(faults=[Fault("switch", path=r"/series/[0-9.]+$", value={"multipart": form})])
    np.testing.assert_array_equal(np.asarray(session.load(loadables["a"])), _arrays(folder))


def test_a_series_body_without_one_part(session: dl.Session, folder: Path, server: Server) -> None:
    loadables = _loadables(session, folder, server)
    server.set(faults=[Fault("switch", path=r"/series/[0-9.]+$", value={"multipart": "M36-fewer"})])
    server.log.clear()
    np.testing.assert_array_equal(np.asarray(session.load(loadables["a"])), _arrays(folder))
    assert len(server.log) <= 4  # the series, perhaps again, and the one frame that was missing


def test_a_cut_frame_body_is_fetched_again(
    session: dl.Session, folder: Path, dicomweb_server: Callable[..., Server]
) -> None:
    server = dicomweb_server(folder, objects=False)
    loadables = _loadables(session, folder, server)
    uid = loadables["a"].frames[4].sop_uid
    for fault in (Fault("short", path=uid, times=1, value=10), Fault("cut", path=uid, times=1, value=10)):
        server.set(faults=[fault])
        server.log.clear()
        np.testing.assert_array_equal(np.asarray(session.load(loadables["a"])), _arrays(folder))
        assert server.count(rf"/{uid}/frames") == 2


def test_a_frame_that_always_fails_costs_at_most_ten_requests(
    session: dl.Session, folder: Path, dicomweb_server: Callable[..., Server]
) -> None:
    server = dicomweb_server(folder, objects=False)
    loadables = _loadables(session, folder, server)
    uid = loadables["a"].frames[4].sop_uid
    server.set(faults=[Fault("drop", path=uid)])
    server.log.clear()
    with pytest.raises(dl.DicomLogicError, match=uid):
        session.load(loadables["a"])
    assert server.count(rf"/{uid}/") <= 10


def test_a_frame_behind_a_login_page(session: dl.Session, folder: Path, dicomweb_server: Callable[..., Server]) -> None:
    server = dicomweb_server(folder, objects=False)
    loadables = _loadables(session, folder, server)
    server.set(faults=[Fault("login", path="/frames/")])
    with pytest.raises(dl.DicomLogicError) as caught:
        session.load(loadables["a"])
    assert caught.value.code == "network.login-page"


def test_a_server_that_goes_away_after_indexing(
    folder: Path, tmp_path: Path, dicomweb_server: Callable[..., Server], capsys: pytest.CaptureFixture[str]
) -> None:
    server = dicomweb_server(folder)
    database = str(tmp_path / "db")
    assert _run(capsys, "index", server.url, "--db", database)[0] == 0
    server.close()
    code, rows, _ = _run(capsys, "export", "--db", database, "--to", str(tmp_path / "out"))
    assert code == 1 and [row["error"]["code"] for row in rows] == ["network.unavailable"] * 2
    assert not list((tmp_path / "out").glob("*.nrrd"))
