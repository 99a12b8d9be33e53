"""The worker: plans of a series, and the values of one."""

from __future__ import annotations

from collections.abc import Iterable

from dicomlogic_core import InstanceRef, Loadable, LoadContext, SeriesView, StudyView, clean_name
from dicomlogic_rt.links import links_to, referenced_uids
from dicomlogic_rt.plan import Plan
from dicomlogic_rt.plan_reading import read_plan

NAME = "rt-plan"
PLAN_CLASSES = frozenset(f"1.2.840.10008.5.1.4.1.1.481.{end}" for end in ("5", "8"))
_REFERENCES = {
    "structure set": "ReferencedStructureSetSequence",
    "dose": "ReferencedDoseSequence",
    "plan": "ReferencedRTPlanSequence",
}


class PlanAdaptor:
    """Turns RT Plan and RT Ion Plan instances into plans."""

    def examine(self, series: SeriesView, study: StudyView) -> Iterable[Loadable]:
        """One loadable per instance."""
        classes = series.text("SOPClassUID")
        return [_loadable(series, row, study) for row in range(len(series)) if classes[row] in PLAN_CLASSES]

    def load(self, loadable: Loadable, context: LoadContext) -> Plan:
        """The plan of a loadable.

        Raises:
            HeaderError, PixelError: the instance could not be had.
        """
        frame = loadable.frames[0]
        ref = InstanceRef(study_uid=frame.study_uid, series_uid=frame.series_uid, sop_uid=frame.sop_uid)
        return read_plan(context.dataset(ref), name=loadable.name, findings=loadable.findings)


def _loadable(series: SeriesView, row: int, study: StudyView) -> Loadable:
    named = {what: referenced_uids(series.items(keyword)[row] or ()) for what, keyword in _REFERENCES.items()}
    links = links_to(study, named, where=series.sop_uids[row])
    return Loadable(
        adaptor=NAME,
        kind="plan",
        name=plan_name(series, row),
        study_uid=series.study_uid,
        series_uids=(series.series_uid,),
        frames=(series.instance(row).whole,),
        references=tuple(ref for ref in links.series if ref.series_uid != series.series_uid),
        confidence=1.0,
        findings=links.findings,
        explanation="by its SOP class",
    )


def plan_name(series: SeriesView, row: int) -> str:
    """As 3D Slicer: ``7: RTPLAN: <label> (<name>)``; the same label and name once, only one of them alone."""
    number, label, name = (
        (series.text(keyword)[row] or "").strip() for keyword in ("SeriesNumber", "RTPlanLabel", "RTPlanName")
    )
    both = f"{label} ({name})" if label and name and label != name else label or name
    return clean_name(": ".join(word for word in (number, "RTPLAN", both) if word))
