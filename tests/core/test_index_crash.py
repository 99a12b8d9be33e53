"""Runs that are killed, that fail half way, and that meet: nothing committed is lost, nothing is half there."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

import dicomlogic_core as dl
from dicomlogic_core.errors import DatabaseError
from dicomlogic_core.index import ingest, schema, steps
from dicomlogic_core.index.result import IndexResult
from dicomlogic_core.index.store import Store
from dicomlogic_core.testing.phantoms import write_ct

SERIES, SLICES = 12, 20

# Small batches, so that a short run writes often.
PROGRAM = """
import sys
from dicomlogic_core.index import ingest
ingest.BATCH_INSTANCES = 50
import dicomlogic_core as dl
print("ready", flush=True)
with dl.open(sys.argv[2]) as session:
    session.index(sys.argv[1])
print("done", flush=True)
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve series of twenty slices."""
    folder = tmp_path_factory.mktemp("data")
    for number in range(SERIES):
        write_ct(folder / f"s{number:02d}", name=f"crash {number}")
    return folder


def _counts(folder: Path) -> dict[str, int]:
    with closing(sqlite3.connect(folder / schema.MAIN_FILE)) as connection:
        assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT SeriesInstanceUID, count(*) FROM Images GROUP BY 1").fetchall()
        orphans = connection.execute(
            "SELECT count(*) FROM Images WHERE SeriesInstanceUID NOT IN (SELECT SeriesInstanceUID FROM Series)"
        ).fetchall()
        assert orphans == [(0,)]
    return dict(rows)


def _without_tags(folder: Path) -> int:
    with closing(sqlite3.connect(folder / schema.MAIN_FILE)) as connection:
        connection.execute("ATTACH ? AS cache", (str(folder / schema.CACHE_FILE),))
        sql = "SELECT count(*) FROM Images WHERE SOPInstanceUID NOT IN (SELECT SOPInstanceUID FROM cache.TagCache)"
        return int(connection.execute(sql).fetchone()[0])


def _listing(folder: Path) -> list[tuple[object, ...]]:
    with dl.open(folder) as session:
        rows = session.list("instance")
        return [(row["SOPInstanceUID"], row["path"], row["InstanceNumber"]) for row in rows]


def _index(data: Path, folder: Path) -> IndexResult:
    with dl.open(folder) as session:
        return session.index(data)


@pytest.mark.parametrize("step", ["write_tags", "write_rows", "write_marks"])
def test_a_run_that_ends_between_two_steps_is_completed_by_the_next(
    step: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH_INSTANCES", 100)
    _index(data, tmp_path / "whole")
    real = getattr(steps.Steps, step)
    calls = 0

    def fail(self: steps.Steps, batch: steps.Batch) -> object:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise DatabaseError("the power failed")
        return real(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(steps.Steps, step, fail)
        with pytest.raises(DatabaseError, match="power"):
            _index(data, tmp_path / "db")
    assert _without_tags(tmp_path / "db") == 0
    assert set(_counts(tmp_path / "db").values()) <= {SLICES}
    _index(data, tmp_path / "db")
    assert _without_tags(tmp_path / "db") == 0
    assert _counts(tmp_path / "db") == _counts(tmp_path / "whole")
    assert _listing(tmp_path / "db") == _listing(tmp_path / "whole")
    with closing(sqlite3.connect(tmp_path / "db" / schema.OWN_FILE)) as connection:
        # What the broken run left without rows was replaced.
        assert connection.execute("SELECT sum(instances) FROM block").fetchone() == (SERIES * SLICES,)


def _kill_and_resume(data: Path, folder: Path, delays: list[float]) -> None:
    for delay in delays:
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(data), str(folder)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(delay)
            process.kill()
            process.stdout.read()
        if (folder / schema.MAIN_FILE).exists():
            Store.open(folder).close()
            assert set(_counts(folder).values()) <= {SLICES}
            assert _without_tags(folder) == 0


@pytest.mark.parametrize("count", [6, pytest.param(100, marks=pytest.mark.long)])
def test_a_killed_run_leaves_whole_series_and_the_next_one_goes_on(count: int, data: Path, tmp_path: Path) -> None:
    dice = random.Random(count)
    started = time.monotonic()
    _index(data, tmp_path / "whole")
    usual = time.monotonic() - started
    for number in range(max(1, count // 6)):
        folder = tmp_path / f"db{number}"
        _kill_and_resume(data, folder, [dice.uniform(0, usual) for _ in range(6)])
        _index(data, folder)
        assert _counts(folder) == _counts(tmp_path / "whole")
        assert sorted(_listing(folder)) == sorted(_listing(tmp_path / "whole"))


def test_two_processes_may_index_one_folder_at_once(data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(data), str(tmp_path / "db")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0], answers
    assert set(_counts(tmp_path / "db").values()) == {SLICES}
    with dl.open(tmp_path / "db") as session:
        assert len(session.list("patient")) == len({row["PatientID"] for row in session.list("patient")})


def test_others_read_while_one_writes(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BATCH_INSTANCES", 20)
    folder = tmp_path / "db"
    Store.open(folder).close()
    stop = threading.Event()
    seen: list[int] = []
    errors: list[Exception] = []

    def read() -> None:
        # A connection of its own, as another process would have.
        with closing(sqlite3.connect(folder / schema.MAIN_FILE, timeout=5)) as connection:
            while not stop.is_set():
                try:
                    seen.append(connection.execute("SELECT count(*) FROM Images").fetchone()[0])
                except sqlite3.Error as error:
                    errors.append(error)
                time.sleep(0.001)

    threads = [threading.Thread(target=read) for _ in range(4)]
    with dl.open(folder) as session:
        for thread in threads:
            thread.start()
        session.index(data)
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert any(0 < count < SERIES * SLICES for count in seen)  # committed batches are visible before the end


def test_an_interrupt_keeps_what_was_written(data: Path, tmp_path: Path) -> None:
    if not hasattr(signal, "raise_signal") or os.name == "nt":
        pytest.skip("needs POSIX signals")
    # A shell starts background jobs with interrupts ignored; the command line's own handler is the default one.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with dl.open(tmp_path / "db") as session:
        try:
            with pytest.raises(KeyboardInterrupt):
                session.index(data, on_progress=lambda done, total, what: signal.raise_signal(signal.SIGINT))
        finally:
            signal.signal(signal.SIGINT, before)
        with pytest.raises(dl.Cancelled):
            session.index(data, cancel=lambda: True)
        result = session.index(data)
        assert result.instances + result.skipped == SERIES * SLICES
    assert set(_counts(tmp_path / "db").values()) == {SLICES}
