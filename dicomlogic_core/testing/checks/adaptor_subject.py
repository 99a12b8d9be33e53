"""The subject of checks of adaptors: series on disk, indexed, and what the adaptor makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dicomlogic_core.errors import DicomLogicError
from dicomlogic_core.examine import examine_study
from dicomlogic_core.findings import Finding
from dicomlogic_core.loadable import Loadable
from dicomlogic_core.loading import load
from dicomlogic_core.series import SeriesView, StudyView
from dicomlogic_core.session import Session
from dicomlogic_core.testing.checks.outcome import NotApplicable, described, require
from dicomlogic_core.testing.checks.subject import Subject
from dicomlogic_core.testing.checks.watch import WatchedRegistry
from dicomlogic_core.testing.phantom_catalogue import every_kind

Series = Callable[[Path], Any]
"""Writes DICOM files into a folder: a `Phantom`, or a function of the author's."""

_MAY_REFUSE = 0.2


def may_refuse(loadable: Loadable) -> bool:
    """Whether a loadable says itself that loading may refuse: by an error finding, or by the scale of confidence."""
    return loadable.confidence <= _MAY_REFUSE or any(one.severity == "error" for one in loadable.findings)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One study on disk.

    Attributes:
        name: of the phantom or function that wrote it.
        folder: with its files.
        session: that indexed it.
        views: its series that pass the provider's filters; of other cases none do.
    """

    name: str
    folder: Path
    session: Session
    study: StudyView
    views: tuple[SeriesView, ...]


class AdaptorSubject(Subject):
    """An adaptor with series to try it on.

    Args:
        series: what to try it on; by default every phantom of the kit that passes the provider's filters.
        options: the ``-o`` options in effect, text.
        lenient: when the kit has no series that the adaptor makes something of, there is nothing to check.
    """

    def __init__(
        self,
        provider_name: str,
        *,
        plugin: Any = None,
        series: Sequence[Series] = (),
        options: Mapping[str, str] | None = None,
        lenient: bool = False,
    ) -> None:
        super().__init__("adaptor", provider_name, plugin=plugin)
        self._series = tuple(series)
        self._lenient = lenient
        self.options = dict(options or {})

    # --- cases ---------------------------------------------------------------------------------------------------

    @cached_property
    def cases(self) -> list[Case]:
        """Studies with series that the adaptor is asked about.

        Raises:
            Broken: none of the series passes the provider's filters.
        """
        made = [case for one in self._series for case in self.cases_of(one)] if self._series else self.catalogue
        fitting = [case for case in made if case.views]
        unfit = [case.name for case in made if not case.views]
        if not fitting and self._lenient:
            raise NotApplicable("the kit has no series that this adaptor is asked about; its own tests may name some")
        require(
            fitting,
            f"{self.provider_name} is never asked about {', '.join(unfit)}: check sop_classes, modalities and requires "
            "of its provider, or name series it is made for",
        )
        if self._series:
            require(not unfit, f"{self.provider_name} is never asked about {', '.join(unfit)}, which its tests name")
        return fitting

    @cached_property
    def catalogue(self) -> list[Case]:
        """The kit's phantoms of every kind."""
        return [case for phantom in every_kind() for case in self.cases_of(phantom)]

    def cases_of(self, series: Series) -> list[Case]:
        """Write and index a series anew: one case per study."""
        folder = self.new_folder()
        series(folder)
        session: Session = self.kept(Session(manager=self.manager))
        session.index(folder)
        studies = [session.study(uid) for uid in (row["StudyInstanceUID"] for row in session.list("study"))]
        name = getattr(series, "name", "") or getattr(series, "__name__", "") or repr(series)
        require(studies, f"{name} wrote no DICOM file that can be indexed")
        return [
            Case(
                name=name,
                folder=folder,
                session=session,
                study=study.with_options(self.options),
                views=tuple(view for view in study if self._is_asked(view)),
            )
            for study in studies
        ]

    def _is_asked(self, view: SeriesView) -> bool:
        return any(one.name == self.provider_name for one in self.manager.registry.adaptors_for(view))

    # --- what the adaptor says and makes -----------------------------------------------------------------------------

    def examined(
        self, worker: Any, case: Case, study: StudyView | None = None, views: Iterable[SeriesView] | None = None
    ) -> list[Loadable]:
        """What a worker offers of a case, or of changed views of it."""
        study = case.study if study is None else study
        if hasattr(worker, "examine_study"):
            return list(worker.examine_study(study))
        return [one for view in (case.views if views is None else views) for one in worker.examine(view, study)]

    @cached_property
    def examined_cases(self) -> list[tuple[Case, list[Loadable]]]:
        """Case and all that the plugin offers of it, by one worker each, as the core groups and selects it.

        Raises:
            Broken: examine raises.
        """
        found = []
        for case in self.cases:
            with self.listening():
                examination = examine_study(
                    case.study, self.manager.registry, options=self.options, manager=self.manager
                )
            failed = [one.message for one in examination.findings if one.code == "plugin.failed"]
            require(not failed, f"examining {case.name}: {'; '.join(failed)}")
            found.append((case, list(examination.loadables)))
        return found

    @cached_property
    def offers(self) -> list[tuple[Case, list[Loadable]]]:
        """Case and what this adaptor offers of it.

        Raises:
            Broken: nothing is offered of any case, or examine raises.
        """
        offers = [
            (case, [one for one in loadables if one.adaptor == self.provider_name])
            for case, loadables in self.examined_cases
        ]
        names = ", ".join(case.name for case in self.cases)
        if self._lenient and not any(mine for _, mine in offers):
            raise NotApplicable(f"it makes nothing of the kit's series ({names}); its own tests may name some")
        require(any(mine for _, mine in offers), f"nothing is offered of {names}: name series it makes something of")
        return offers

    def load(
        self, case: Case, loadable: Loadable, *, lazy: bool = False, cancel: Callable[[], bool] | None = None
    ) -> tuple[Any, WatchedRegistry]:
        """The object of a loadable, and what was fetched for it."""
        watched: Any = WatchedRegistry(self.manager.registry)
        with self.listening():
            made = load(
                loadable,
                case.study,
                watched,
                lazy=lazy,
                options=self.options,
                http=case.session.clients.http,
                cancel=cancel,
            )
        return made, watched

    @cached_property
    def objects(self) -> list[tuple[Case, Loadable, Any]]:
        """Every loadable that does not refuse to be loaded as it may, with its object.

        Raises:
            Broken: one cannot be loaded.
        """
        objects = []
        for case, loadables in self.offers:
            for loadable in loadables:
                try:
                    objects.append((case, loadable, self.load(case, loadable)[0]))
                except Exception as error:
                    what = f"{loadable.name!r} of {case.name}"
                    require(may_refuse(loadable), f"{what} is offered as if it could be loaded: {described(error)}")
                    require(isinstance(error, DicomLogicError), f"{what} is refused by {described(error)}")
                    require(getattr(error, "remedy", ""), f"{what} is refused without a remedy: {error}")
        require(objects, "nothing of what is offered can be loaded")
        return objects

    def exercise(self) -> list[Finding]:
        """Examine and load everything; all findings of it."""
        found = [one for _, loadables in self.offers for loadable in loadables for one in loadable.findings]
        for _, _, made in self.objects:
            found += list(getattr(made, "findings", ()))
        return found

    def volumes(self) -> list[tuple[Case, Loadable, Any]]:
        """Every volume that was loaded, alone or in a sequence.

        Raises:
            NotApplicable: there is none.
        """
        found = [
            (case, loadable, volume)
            for case, loadable, made in self.objects
            for volume in getattr(made, "volumes", (made,))
            if hasattr(volume, "array") and hasattr(volume, "geometry")
        ]
        if not found:
            raise NotApplicable("nothing that was loaded is a volume")
        return found
