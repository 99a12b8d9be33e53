"""The part of the conformance kit that needs nothing from the author of a plugin: ``dicomlogic plugins check``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from dicomlogic_core.offers import Kind
from dicomlogic_core.testing.checks.adaptor_subject import AdaptorSubject
from dicomlogic_core.testing.checks.common import COMMON
from dicomlogic_core.testing.checks.examining import EXAMINING
from dicomlogic_core.testing.checks.fetchers import FETCHERS
from dicomlogic_core.testing.checks.loading import LOADING
from dicomlogic_core.testing.checks.outcome import Check, Outcome, outcome_of
from dicomlogic_core.testing.checks.placing import PLACING
from dicomlogic_core.testing.checks.service_subject import ServiceSubject
from dicomlogic_core.testing.checks.sources import SOURCES
from dicomlogic_core.testing.checks.subject import Subject
from dicomlogic_core.testing.checks.writer_subject import WriterSubject
from dicomlogic_core.testing.checks.writers import WRITERS

CHECKS: dict[Kind, tuple[Check, ...]] = {
    "source": (*COMMON, *SOURCES),
    "fetcher": (*COMMON, *FETCHERS),
    "adaptor": (*COMMON, *EXAMINING, *LOADING, *PLACING),
    "writer": (*COMMON, *WRITERS),
}
"""Every check, by the kind of provider it is for."""


def run_offline(workers: Iterable[str], on_progress: Callable[[int, int, str], None] | None = None) -> list[Outcome]:
    """Run the kit on installed providers, given as ``kind:name``, with the kit's own phantoms and samples.

    What needs a service, a reader or series of the author's is told as not applicable.
    """
    wanted = list(workers)
    total = sum(len(CHECKS[_kind(worker)]) for worker in wanted)
    outcomes: list[Outcome] = []
    for worker in wanted:
        for outcome in _run(worker):
            outcomes.append(outcome)
            if on_progress is not None:
                on_progress(len(outcomes), total, "checks")
    return outcomes


def _run(worker: str) -> Iterator[Outcome]:
    kind, name = _kind(worker), worker.partition(":")[2]
    subject = _subject(kind, name)
    try:
        for check in CHECKS[kind]:
            yield outcome_of(check, subject, worker)
    finally:
        subject.close()


def _kind(worker: str) -> Kind:
    kind = worker.partition(":")[0]
    return next(known for known in CHECKS if known == kind)


def _subject(kind: Kind, name: str) -> Subject:
    if kind == "adaptor":
        return AdaptorSubject(name, lenient=True)
    if kind == "writer":
        return WriterSubject(name, lenient=True)
    return ServiceSubject(kind, name)
