"""Loadables: what an adaptor offers to make of a study, before any pixel is read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from dicomlogic_core.findings import Finding
from dicomlogic_core.references import FrameRef, SeriesRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Loadable:
    """One thing that can be loaded from a study. Picklable, small, without handles.

    Attributes:
        adaptor: name of the provider that made it and will load it.
        kind: what loading gives: ``volume``, ``sequence``, ``segmentation``, ``structure-set``, ``plan``,
            ``registration`` ... Objects say the same by an attribute ``kind`` of their class.
        name: as 3D Slicer names it; never holds patient data.
        study_uid: its study.
        series_uids: series it takes frames from, in order.
        frames: the frames it claims, in order of the object made (k ascending for a volume). An instance without pixels
            (a plan, a structure set, a registration) is claimed as a whole by its frame 0, which
            ``series.instance(row).whole`` gives: so two plans of one series are two loadables with ids of their own,
            both are selected, and neither counts as left out.
        references: series it uses without claiming them (the CT of a PET, the images of a structure set), also of
            other studies and those that are not indexed. Loading can read the indexed ones.
        confidence: 0..1 on the scale of the documentation; 0.5 is a plain scalar volume.
        findings: what is worth knowing before loading.
        explanation: which rule gave the confidence and what was rejected.
        options: adaptor options that make this variant (``{"irregular": "fill"}``); values are text.
        group: exclusive group, set by the core only; loadables that claim a common frame share one.
        selected: True for the one of its group that is loaded by default, set by the core only.
        id: stable across processes and installs; made from adaptor, kind, frames and options.
    """

    adaptor: str
    kind: str
    name: str
    study_uid: str
    series_uids: tuple[str, ...]
    frames: tuple[FrameRef, ...]
    references: tuple[SeriesRef, ...] = ()
    confidence: float = 0.5
    findings: tuple[Finding, ...] = ()
    explanation: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    selected: bool = False
    id: str = ""

    def __post_init__(self) -> None:
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence {self.confidence} of {self.name!r} is outside 0..1")
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))
        if not self.id:
            object.__setattr__(self, "id", self._digest())

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for part in (
            self.adaptor,
            self.kind,
            *self.series_uids,
            *(f"{k}={v}" for k, v in sorted(self.options.items())),
        ):
            digest.update(part.encode() + b"\0")
        for frame in self.frames:
            digest.update(f"{frame.sop_uid}/{frame.frame}/{frame.region}\0".encode())
        if not self.frames:
            # What claims nothing can be told apart by its name only.
            digest.update(self.name.encode())
        return digest.hexdigest()[:16]

    @property
    def instances(self) -> int:
        """Number of instances it claims."""
        return len({frame.sop_uid for frame in self.frames})

    @property
    def frame_count(self) -> int:
        """Number of frames with pixels it claims."""
        return sum(frame.frame > 0 for frame in self.frames)

    def __reduce__(self) -> tuple[object, ...]:
        # A mapping proxy cannot be pickled; the constructor wraps the dict again.
        return _rebuild, (
            {
                name: dict(self.options) if name == "options" else getattr(self, name)
                for name in self.__dataclass_fields__
            },
        )

    def as_dict(self) -> dict[str, object]:
        """The JSON shape of the command line."""
        return {
            "id": self.id,
            "adaptor": self.adaptor,
            "kind": self.kind,
            "name": self.name,
            "study_uid": self.study_uid,
            "series_uids": list(self.series_uids),
            "instances": self.instances,
            "frames": self.frame_count,
            "confidence": self.confidence,
            "selected": self.selected,
            "group": self.group,
            "explanation": self.explanation,
            "options": dict(self.options),
            "findings": [finding.as_dict() for finding in self.findings],
        }


class Loadables(list[Loadable]):
    """A list of loadables that shows itself as a table in notebooks."""

    def _repr_html_(self) -> str:
        from dicomlogic_core.faces import loadables_html  # drawn only in notebooks

        return loadables_html(self)


def _rebuild(values: dict[str, object]) -> Loadable:
    return Loadable(**values)  # type: ignore[arg-type]  # the dict is made from the fields themselves
