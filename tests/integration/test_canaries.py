"""A secret and a patient's name that must not turn up: all that a run over a guarded server leaves is searched."""

from __future__ import annotations

import gzip
import logging
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

import dicomlogic_core as dl
from dicomlogic_core.cli.main import main
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.server import Fault, Server

SECRET = "canary-token-8d1f"
PATIENT = "CANARYNAME"
PATIENT_ID = "CANARY-4711"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    def change(number: int, dataset: Any) -> None:
        dataset.PatientName = f"{PATIENT}^Ada"
        dataset.PatientID = PATIENT_ID

    for name in ("one", "two"):
        phantoms.write_ct(tmp_path / "dicom" / name, phantoms.regular(6), name=name, change=change)
    return tmp_path / "dicom"


@pytest.fixture
def server(folder: Path, dicomweb_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("CANARY_TOKEN", SECRET)
    return dicomweb_server(folder, auth=f"bearer:{SECRET}")


def _contents(path: Path) -> bytes:
    """The bytes of a file, with whatever is compressed in it unpacked as well."""
    data = path.read_bytes()
    unpacked = [data]
    for start in [n for n in range(len(data) - 1) if data[n] == 0x78 and data[n + 1] in (0x01, 0x5E, 0x9C, 0xDA)]:
        try:
            unpacked.append(zlib.decompressobj().decompress(data[start:]))
        except zlib.error:
            continue
    start = data.find(b"\x1f\x8b\x08")
    if start >= 0:
        unpacked.append(gzip.decompress(data[start:]))
    return b"\0".join(unpacked)


def _run(server: Server, database: Path, out: Path) -> None:
    """A user's day: everything once, some of it failing."""
    db, auth = ["--db", str(database)], ["-o", "auth=env:CANARY_TOKEN"]
    assert main(["index", server.url, *db, *auth]) == 0
    assert main(["index", server.url, *db]) == 3  # without the token
    assert main(["examine", *db]) == 0
    assert main(["export", *db, "--to", str(out), "--jobs", "2", "--source", server.url, *auth]) == 0
    assert main(["export", *db, "--to", str(out)]) == 1  # without the token
    with dl.open(database, read_only=True) as session:
        uid = session.examine()[0].series_uids[0]
    assert main(["preview", uid, *db, "--to", str(out / "a.png"), "--source", server.url, *auth]) == 0
    server.set(faults=[Fault("garbage")])
    assert main(["index", server.url, *db, *auth]) == 3
    server.set(faults=[Fault("redirect", value="http://127.0.0.2/")])
    assert main(["index", server.url, *db, *auth]) == 3
    server.set(faults=[])


def test_no_secret_and_no_patient_turn_up(
    server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    database, out = tmp_path / "db", tmp_path / "out"
    _run(server, database, out)
    said = "".join(capfd.readouterr()) + caplog.text
    files = [path for place in (database, out) for path in place.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".sql", ".nrrd", ".png"}
    assert any(PATIENT.encode() in _contents(path) for path in files)  # the search finds what is there
    for path in files:
        contents = _contents(path)
        assert SECRET.encode() not in contents, path
        if path.suffix != ".sql":  # the database is where a patient's name belongs
            assert PATIENT.encode() not in contents and PATIENT_ID.encode() not in contents, path
    for canary in (SECRET, PATIENT, PATIENT_ID):
        assert canary not in said
        assert not any(canary in str(path.relative_to(tmp_path)) for path in files)


def test_the_name_is_shown_where_it_was_asked_for(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = ["--db", str(tmp_path / "db")]
    main(["index", server.url, *db, "-o", "auth=env:CANARY_TOKEN"])
    capsys.readouterr()
    assert main(["list", *db]) == 0
    assert PATIENT in capsys.readouterr().out


def test_jobs_in_other_processes_use_the_reference_not_the_secret(server: Server, tmp_path: Path) -> None:
    with dl.open(sources=[{"location": server.url, "auth": "env:CANARY_TOKEN"}]) as session:
        session.index(server.url)
        jobs = dl.make_jobs(session, session.examine(), tmp_path / "out")
    assert SECRET not in repr(jobs)
    server.log.clear()
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        results = list(dl.run_jobs(jobs, pool))
    assert [result.error for result in results] == [None, None]
    assert len(list((tmp_path / "out").glob("*.nrrd"))) == 2
    assert {record.headers.get("authorization") for record in server.log} == {f"Bearer {SECRET}"}
