"""Jobs: small, without handles, and the same result wherever they run."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

import dicomlogic_core as dl
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.fakes import fake_plugin
from dicomlogic_core.testing.server import serve


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    phantoms.write_ct(folder / "plain", name="plain")
    phantoms.tricky(4, folder / "gap")
    phantoms.tricky(8, folder / "tilt")
    return folder


@pytest.fixture
def session(data: Path) -> Iterator[dl.Session]:
    with dl.open() as opened:
        opened.index(data)
        yield opened


class Elsewhere(Executor):
    """Another machine: all that arrives is what pickle carries."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        carried, arguments = pickle.loads(pickle.dumps((function, args)))
        future.set_result(pickle.loads(pickle.dumps(carried(*arguments, **kwargs))))
        return future


def digests(results: Any) -> dict[str, list[str]]:
    found = {}
    for result in results:
        assert result.error is None, result.error
        found[result.loadable.id] = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in result.paths]
    return found


def test_every_executor_gives_the_same_files(session: dl.Session, tmp_path: Path) -> None:
    loadables = session.examine()
    expected = digests(dl.run_jobs(dl.make_jobs(session, loadables, tmp_path / "here")))
    assert len(expected) == len(loadables) == 3
    with ThreadPoolExecutor(3) as threads:
        assert digests(dl.run_jobs(dl.make_jobs(session, loadables, tmp_path / "t"), threads)) == expected
    # Spawned, as on Windows and macOS: nothing of this process is inherited.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        assert digests(dl.run_jobs(dl.make_jobs(session, loadables, tmp_path / "p"), processes)) == expected
    assert digests(dl.run_jobs(dl.make_jobs(session, loadables, tmp_path / "e"), Elsewhere())) == expected


def test_a_job_outlives_its_database(data: Path, tmp_path: Path) -> None:
    with dl.open(tmp_path / "db") as session:
        session.index(data)
        jobs = dl.make_jobs(session, session.examine(), tmp_path / "out")
    carried = [pickle.dumps(job) for job in jobs]
    for file in (tmp_path / "db").rglob("*.sql*"):
        file.unlink()
    for one in carried:
        assert dl.run_job(pickle.loads(one)).error is None


def test_a_job_is_small_and_holds_no_secret(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_TOKEN", "canary-secret-value")
    with serve(data / "plain", auth="bearer:canary-secret-value") as server, dl.open() as session:
        session.index(server.url, options={"auth": "env:CANARY_TOKEN"})
        (job,) = dl.make_jobs(session, session.examine(), tmp_path)
        carried = pickle.dumps(job)
        assert b"canary-secret-value" not in carried
        assert b"env:CANARY_TOKEN" in carried
        assert len(carried) < 60_000
        # The reference is enough to log in again.
        assert dl.run_job(pickle.loads(carried)).error is None


def test_one_failure_costs_its_own_job(data: Path, tmp_path: Path) -> None:
    phantoms.write_ct(tmp_path / "data" / "a", name="a")
    lost = phantoms.write_ct(tmp_path / "data" / "b", name="b")
    with dl.open() as session:
        session.index(tmp_path / "data")
        lost[5].unlink()
        results = list(dl.run_jobs(dl.make_jobs(session, session.examine(), tmp_path / "out")))
    assert [result.error is None for result in results].count(False) == 1
    (row,) = next(result for result in results if result.error is not None).as_dicts()
    assert set(row) == {"loadable", "error"}
    assert set(row["error"]) == {"code", "message"}
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_a_worker_that_dies_is_a_failure_of_its_job(session: dl.Session, tmp_path: Path) -> None:
    class Dying(Executor):
        def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_exception(MemoryError("no memory left"))
            return future

    results = list(dl.run_jobs(dl.make_jobs(session, session.examine(), tmp_path), Dying()))
    assert {result.error.code for result in results if result.error} == {"job.lost"}
    assert len(results) == 3


def test_cancel_stops_jobs(session: dl.Session, tmp_path: Path) -> None:
    jobs = dl.make_jobs(session, session.examine(), tmp_path, portable=False)
    results = list(dl.run_jobs(jobs, session=session, cancel=lambda: True))
    assert {type(result.error) for result in results} == {dl.Cancelled}
    assert not list(tmp_path.iterdir())


def test_objects_of_a_host_run_on_threads_only(data: Path, tmp_path: Path) -> None:
    manager = dl.PluginManager()
    provider = manager.registry.provider("adaptor", "scalar-volume")
    worker = manager.registry.worker("adaptor", "scalar-volume")

    class Renamed:
        def examine(self, series: Any, study: Any) -> Any:
            for one in worker.examine(series, study):
                yield dataclasses.replace(one, adaptor="host", id="")

        def load(self, loadable: Any, context: Any) -> Any:
            return worker.load(loadable, context)

    class Host:
        @dl.hookimpl
        def dicomlogic_adaptors(self) -> Any:
            yield dl.AdaptorProvider(name="host", label="", factory=Renamed, tags=provider.tags)

        @dl.hookimpl
        def dicomlogic_amend_loadables(self, study: Any, loadables: list[dl.Loadable]) -> None:
            loadables[:] = [one for one in loadables if one.adaptor == "host"]

    manager.register(Host(), name="host")
    with dl.open(manager=manager) as session:
        session.index(data / "plain")
        loadables = session.examine()
        assert [one.adaptor for one in loadables] == ["host"]
        with pytest.raises(dl.UsageError, match="host was registered as an object"):
            dl.make_jobs(session, loadables, tmp_path)
        jobs = dl.make_jobs(session, loadables, tmp_path, portable=False)
        with ThreadPoolExecutor(2) as threads:
            (result,) = dl.run_jobs(jobs, threads, session=session)
    assert result.error is None
    assert result.paths


class SegmentsOnly:
    def write(self, obj: Any, path: Path, options: Mapping[str, str]) -> Sequence[Path]:
        raise AssertionError("never asked")


def test_a_format_that_takes_no_volumes_fails_the_volumes_alone(data: Path, tmp_path: Path) -> None:
    writer = dl.WriterProvider(
        name="segments", label="", factory=SegmentsOnly, format="segments", accepts=frozenset({"segmentation"})
    )
    manager = dl.PluginManager(environ={})
    manager.register(fake_plugin(writer))
    with dl.open(manager=manager) as session:
        session.index(data / "plain")
        jobs = dl.make_jobs(session, session.examine(), tmp_path, format="segments", portable=False)
        (result,) = dl.run_jobs(jobs, session=session)
    assert isinstance(result.error, dl.UsageError) and "volume as segments" in str(result.error)
