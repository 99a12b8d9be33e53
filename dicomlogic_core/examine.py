"""Study in, ranked and selected loadables out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from dicomlogic_core.errors import DicomLogicError, PluginError, UsageError
from dicomlogic_core.findings import Finding, finding, finding_from_error
from dicomlogic_core.groups import grouped
from dicomlogic_core.leftovers import nothing_offered, with_left_out
from dicomlogic_core.loadable import Loadable
from dicomlogic_core.tags import keyword_of

if TYPE_CHECKING:
    from dicomlogic_core.manager import PluginManager
    from dicomlogic_core.providers import AdaptorProvider
    from dicomlogic_core.registry import Registry
    from dicomlogic_core.series import SeriesView, StudyView

_MOST_NAMED = 5  # columns named by a finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What a study offers.

    Attributes:
        loadables: best first inside each group; groups in order of the series.
        findings: what concerns the study as a whole: failed or missing plugins, columns that were not kept.
    """

    loadables: tuple[Loadable, ...]
    findings: tuple[Finding, ...] = ()


def examine_study(
    study: StudyView, registry: Registry, *, options: Mapping[str, str] | None = None, manager: PluginManager
) -> Examination:
    """Ask every adaptor that may handle a series of the study; a failing one costs the others nothing.

    The result does not depend on the order in which plugins were installed.

    Raises:
        UsageError: an option that an adaptor does not understand.
    """
    given = dict(options or {})
    study = study.with_options(given)
    found: list[Loadable] = []
    findings: list[Finding] = []
    whole: dict[str, AdaptorProvider] = {}
    for series in study:
        findings.extend(_not_kept(series))
        for provider in registry.adaptors_for(series):
            worker = _worker(registry, provider, findings)
            if hasattr(worker, "examine_study"):
                whole.setdefault(provider.name, provider)
            elif worker is not None:
                found.extend(
                    _asked(registry, provider, series.series_uid, findings, partial(worker.examine, series, study))
                )
    for provider in whole.values():
        worker = _worker(registry, provider, findings)
        found.extend(_asked(registry, provider, study.study_uid, findings, partial(worker.examine_study, study)))
    amended, problems = manager.amend(study, with_left_out(study, _once(found)))
    findings.extend(problems)
    findings.extend(nothing_offered(study, registry, [*found, *amended]))
    return Examination(loadables=tuple(grouped(amended, given)), findings=tuple(dict.fromkeys(findings)))


def _worker(registry: Registry, provider: AdaptorProvider, findings: list[Finding]) -> Any:
    try:
        return registry.worker("adaptor", provider.name)
    except PluginError as error:
        findings.append(_failed(error))
        return None


def _asked(
    registry: Registry,
    provider: AdaptorProvider,
    where: str,
    findings: list[Finding],
    examine: Callable[[], Iterable[Loadable]],
) -> Iterable[Loadable]:
    """What an adaptor offers; its failure becomes a finding, and what it offered before is dropped with it."""
    try:
        return [_checked(provider, loadable) for loadable in examine()]
    except UsageError:
        raise  # an option that cannot be meant is the user's to correct, for every series alike
    except DicomLogicError as error:
        findings.append(finding_from_error(error))
    except Exception as error:
        findings.append(_failed(registry.error("adaptor", provider.name, "examine", error, where=where)))
    return []


def _failed(error: PluginError) -> Finding:
    return finding("plugin.failed", error.message, where=(error.where,) if error.where else (), remedy=error.remedy)


def _checked(provider: AdaptorProvider, loadable: Any) -> Loadable:
    if not isinstance(loadable, Loadable):
        raise TypeError(f"examine gave {type(loadable).__name__} where a Loadable was expected")
    if loadable.adaptor != provider.name:
        raise ValueError(f"a loadable says that it is of adaptor {loadable.adaptor!r}")
    if not loadable.series_uids:
        raise ValueError(f"the loadable {loadable.name!r} names no series")
    return loadable


def _once(loadables: Iterable[Loadable]) -> list[Loadable]:
    """Each id once: what is made of the same frames in the same way is one thing."""
    return list({loadable.id: loadable for loadable in reversed(list(loadables))}.values())[::-1]


def _not_kept(series: SeriesView) -> Iterator[Finding]:
    missing = series.columns.missing_keys
    if missing:
        names = ", ".join(sorted(map(keyword_of, missing))[:_MOST_NAMED])
        message = f"plugins read columns that were not kept: {names}"
        yield finding("index.again", message, where=(series.series_uid,))
