"""Loadable in, object out: the context an adaptor loads with, and `load` itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dicomlogic_core.errors import DicomLogicError, HeaderError, PixelError
from dicomlogic_core.findings import Finding, merged
from dicomlogic_core.frame_array import FrameArray
from dicomlogic_core.frames import FrameFetch
from dicomlogic_core.instances import read_instance
from dicomlogic_core.objects import Volume
from dicomlogic_core.pixels.known import pixel_findings
from dicomlogic_core.pixels.planning import plan_stack
from dicomlogic_core.references import BulkRef, FrameRef, InstanceRef, Location, Ref
from dicomlogic_core.transfer import Request, raise_failures, transfer
from dicomlogic_core.work import OnProgress, Work

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset

    from dicomlogic_core.loadable import Loadable
    from dicomlogic_core.registry import Registry
    from dicomlogic_core.series import SeriesView, StudyView


def load(
    loadable: Loadable,
    study: StudyView,
    registry: Registry,
    *,
    lazy: bool = False,
    options: Mapping[str, str] | None = None,
    http: Callable[[str], Any] | None = None,
    on_progress: OnProgress | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Any:
    """Make the object of a loadable with the adaptor that offered it.

    Options of the loadable (the variant it is) win over those given.

    Raises:
        DicomLogicError: what the adaptor, the fetcher or the decoder refused.
        PluginError: the adaptor raised something else.
    """
    provider = registry.provider("adaptor", loadable.adaptor)
    adaptor = registry.worker("adaptor", provider.name)
    context = Loading(
        study,
        registry,
        lazy=lazy,
        options={**(options or {}), **loadable.options},
        http=http,
        on_progress=on_progress,
        cancel=cancel,
    )
    try:
        loaded = adaptor.load(loadable, context)
    except DicomLogicError:
        raise
    except Exception as error:  # a plugin's failure is told as such
        where = loadable.series_uids[0] if loadable.series_uids else loadable.study_uid
        raise registry.error("adaptor", provider.name, "load", error, where=where) from error
    if isinstance(loaded, Volume) and context.padding is not None and "padding" not in loaded.metadata:
        loaded = dataclasses.replace(loaded, metadata={**loaded.metadata, "padding": context.padding})
    return _with_findings(loaded, context.findings)


def _with_findings(loaded: Any, findings: Sequence[Finding]) -> Any:
    """The object with what loading found besides; objects without findings are left alone."""
    known = getattr(loaded, "findings", None)
    if not isinstance(known, tuple) or not dataclasses.is_dataclass(loaded) or isinstance(loaded, type):
        return loaded
    return dataclasses.replace(loaded, findings=merged(known, findings))


class Loading(Work):
    """Meets `LoadContext`.

    Attributes:
        padding: output value that stands for no data in what was stacked last; None when there is none.
    """

    def __init__(
        self,
        study: StudyView,
        registry: Registry,
        *,
        lazy: bool = False,
        options: Mapping[str, str] | None = None,
        http: Callable[[str], Any] | None = None,
        on_progress: OnProgress | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__(options=options, on_progress=on_progress, cancel=cancel, http=http)
        self._study = study
        self._registry = registry
        self._lazy = lazy
        self.padding: float | None = None

    def series(self, series_uid: str) -> SeriesView:
        """A series of the study, or one of another study that the loadable refers to.

        Raises:
            KeyError: there is no such series.
        """
        return self._study.by_uid(series_uid)

    def stack(
        self,
        frames: Sequence[FrameRef | None],
        *,
        scale: Sequence[float] | None = None,
        offset: Sequence[float] | None = None,
        real: bool = False,
    ) -> NDArray[Any] | FrameArray:
        """Pixels of frames, see `LoadContext.stack`."""
        for uid in dict.fromkeys(ref.series_uid for ref in frames if ref is not None):
            for one in pixel_findings(self.series(uid), [ref for ref in frames if ref is not None]):
                if one.severity != "error":  # what is an error is raised, with more to say
                    self.report(one)
        plan = plan_stack(frames, self.series, self._pixel_dataset, scale=scale, offset=offset, real=real)
        self.padding = plan.padding
        fetch = FrameFetch(plan, self._instance, self._registry, self)
        if self._lazy:
            return FrameArray(plan.shape, plan.dtype, fetch.array, found=lambda: self.findings)
        return fetch.array(range(len(frames)))

    def bulk(self, ref: BulkRef) -> bytes:
        """The bytes of a bulk value."""
        return bytes(self._one(ref, self._locations(ref.sop_uid)))

    def dataset(self, ref: InstanceRef) -> Dataset:
        """The whole header of an instance."""
        series, row = self._instance(ref.sop_uid)
        try:
            return series.dataset(row)
        except HeaderError:
            # A job has the columns only.
            return self._pixel_dataset(ref, True)

    def _pixel_dataset(self, ref: InstanceRef, whole: bool) -> Dataset:
        """The header, or the instance itself."""
        return read_instance(self._one(ref, self._locations(ref.sop_uid))) if whole else self.dataset(ref)

    def _instance(self, sop_uid: str) -> tuple[SeriesView, int]:
        found = self._study.instance(sop_uid)
        if found is None:
            raise PixelError(
                "the study has no such instance", code="pixels.missing", where=sop_uid, remedy="index it again"
            )
        return found

    def _locations(self, sop_uid: str) -> tuple[Location, ...]:
        series, row = self._instance(sop_uid)
        return series.locations(row)

    def _one(self, ref: Ref, locations: Sequence[Location]) -> Any:
        """The bytes of one reference, from the first location that gives them."""
        got: list[Any] = []
        failed: Mapping[Ref, DicomLogicError] = {}
        for location in locations:
            request = Request(dataclasses.replace(location, ref=ref), (ref,))
            failed = transfer([request], self._registry, self, lambda result: got.append(result.data), what="values")
            if got:
                return got[0]
        raise_failures(failed, 1)
        raise PixelError("no location is known", code="pixels.missing", where=ref.sop_uid, remedy="index it again")
