"""One picklable job per loadable: it runs anywhere, without the database, on any `concurrent.futures.Executor`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dicomlogic_core.errors import DicomLogicError, UsageError
from dicomlogic_core.findings import Finding
from dicomlogic_core.loadable import Loadable

if TYPE_CHECKING:
    from dicomlogic_core.contracts import Columns
    from dicomlogic_core.providers import WriterProvider
    from dicomlogic_core.registry import Registry
    from dicomlogic_core.session import Session


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Job:
    """Load one loadable and write it.

    Attributes:
        loadable: what to load.
        columns: headers and locations of the series it needs.
        sources: locations named by the user and their options; secrets in them are references.
        folder: where to write.
        format: of the writer.
        options: of adaptor and writer.
    """

    loadable: Loadable
    columns: tuple[Columns, ...]
    sources: Mapping[str, Mapping[str, str]]
    folder: str
    format: str = "auto"
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """What became of a job: files and findings, or the error that ended it."""

    loadable: Loadable
    paths: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    error: DicomLogicError | None = None

    def as_dicts(self) -> list[dict[str, Any]]:
        """The JSON shape of the command line: one row per file written, or one for the failure."""
        if self.error is not None:
            return [{"loadable": self.loadable.id, "error": {"code": self.error.code, "message": str(self.error)}}]
        return [
            {
                "loadable": self.loadable.id,
                "adaptor": self.loadable.adaptor,
                "kind": self.loadable.kind,
                "name": self.loadable.name,
                "path": path,
                "series_uids": list(self.loadable.series_uids),
                "findings": [finding.as_dict() for finding in self.findings],
            }
            for path in self.paths
        ]


def make_jobs(
    session: Session,
    loadables: Sequence[Loadable],
    folder: str | Path,
    *,
    format: str = "auto",
    options: Mapping[str, str] | None = None,
    portable: bool = True,
) -> list[Job]:
    """One job per loadable, with all it needs. Jobs for threads of this process (see `run_jobs`) need not be portable.

    Raises:
        UsageError: the format is unknown; or, for portable jobs, an adaptor or writer was registered at run time as an
            object, which cannot travel.
    """
    registry = session.manager.registry
    if format not in {getattr(provider, "format", "") for provider in registry.providers("writer")}:
        registry.for_format(format, "volume")  # what nobody writes ends all, not every job
    jobs = []
    for loadable in loadables:
        for provider in (registry.provider("adaptor", loadable.adaptor), *_writer(registry, format, loadable.kind)):
            if portable and not isinstance(provider.factory, str):
                raise UsageError(
                    f"{provider.name} was registered as an object and cannot run outside this process",
                    remedy="make the jobs with portable=False and run them on threads with the session",
                )
        jobs.append(
            Job(
                loadable=loadable,
                columns=tuple(series.columns for series in session.series_of(loadable)),
                sources={base: dict(given) for base, given in session.clients.named.items()},
                folder=str(folder),
                format=format,
                options=dict(options or {}),
            )
        )
    return jobs


def _writer(registry: Registry, format: str, kind: str) -> list[WriterProvider]:
    """The writer of a kind; none where the format does not take it, which is the failure of that job alone."""
    try:
        return [registry.for_format(format, kind)]
    except UsageError:
        return []


def run_job(job: Job, session: Session | None = None, cancel: Callable[[], bool] | None = None) -> JobResult:
    """Run a job where it is; failures made on purpose become the result's error.

    With a `session` its plugins and connections are used; without one, those of this process, made anew.
    """
    from dicomlogic_core.clients import Clients
    from dicomlogic_core.loading import load
    from dicomlogic_core.manager import default_manager
    from dicomlogic_core.series import SeriesView, StudyView
    from dicomlogic_core.writing import write_object

    manager = session.manager if session is not None else default_manager()
    clients = session.clients if session is not None else Clients(manager, job.sources)
    uid = job.loadable.study_uid
    own, others = ([SeriesView(one) for one in job.columns if (one.study_uid == uid) is here] for here in (True, False))
    study = StudyView(uid, own, others=others)
    try:
        loaded = load(job.loadable, study, manager.registry, options=job.options, http=clients.http, cancel=cancel)
        paths = write_object(manager.registry, loaded, job.folder, format=job.format, options=job.options)
    except DicomLogicError as error:
        return JobResult(loadable=job.loadable, error=error)
    finally:
        if session is None:
            clients.close()
    return JobResult(
        loadable=job.loadable,
        paths=tuple(str(path) for path in paths),
        findings=tuple(getattr(loaded, "findings", job.loadable.findings)),
    )


def run_jobs(
    jobs: Sequence[Job],
    executor: Executor | None = None,
    *,
    session: Session | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Iterator[JobResult]:
    """Results as they come; one after the other here, or on the given executor.

    Args:
        jobs: what to do.
        executor: any; threads or none when `session` or `cancel` is given, since these cannot travel.
        session: whose plugins and connections to use, e.g. those a host registered at run time.
        cancel: asked while frames are fetched; jobs that were stopped have a `Cancelled` error.
    """
    if executor is None:
        for job in jobs:
            yield run_job(job, session, cancel)
        return
    local = () if session is None and cancel is None else (session, cancel)
    futures = {executor.submit(run_job, job, *local): job for job in jobs}
    try:
        for future in as_completed(futures):
            yield _outcome(future, futures[future])
    finally:
        for future in futures:
            future.cancel()


def _outcome(future: Future[JobResult], job: Job) -> JobResult:
    try:
        return future.result()
    except Exception as error:  # a worker that died (killed, out of memory) costs its own job only
        lost = DicomLogicError(
            f"the job ended without a result: {type(error).__name__} {error}",
            code="job.lost",
            remedy="run it again, with fewer jobs at a time if memory ran out",
        )
        return JobResult(loadable=job.loadable, error=lost)
