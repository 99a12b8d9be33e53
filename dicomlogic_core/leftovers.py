"""What no loadable uses: told with the loadables of its series, or of the study; nothing is left out silently."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dicomlogic_core.findings import Finding, finding
from dicomlogic_core.known_plugins import object_name

if TYPE_CHECKING:
    from dicomlogic_core.loadable import Loadable
    from dicomlogic_core.registry import Registry
    from dicomlogic_core.series import SeriesView, StudyView

_MOST_NAMED = 20  # instances named by one finding


def with_left_out(study: StudyView, loadables: Sequence[Loadable]) -> list[Loadable]:
    """The loadables, each with a finding when instances of its series are in none of them."""
    claimed: dict[str, set[str]] = {}
    for loadable in loadables:
        for frame in loadable.frames:
            claimed.setdefault(frame.series_uid, set()).add(frame.sop_uid)
    told = {
        series.series_uid: found
        for series in study
        if series.series_uid in claimed
        for found in _left_out(series, claimed[series.series_uid])
    }
    if not told:
        return list(loadables)
    return [
        replace(loadable, findings=(*loadable.findings, *(told[uid] for uid in loadable.series_uids if uid in told)))
        for loadable in loadables
    ]


def _left_out(series: SeriesView, used: set[str]) -> Iterator[Finding]:
    rest = [number for number, uid in enumerate(series.sop_uids) if uid not in used]
    if rest:
        reason = _reason(series, rest)
        message = f"{len(rest)} of {len(series)} instances are in no loadable: {reason}"
        yield finding("series.left-out", message, where=tuple(series.sop_uids[number] for number in rest[:_MOST_NAMED]))


def _reason(series: SeriesView, instances: Iterable[int]) -> str:
    counts = series.columns.frame_counts
    return "no adaptor offers them" if any(counts[number] for number in instances) else "they have no pixels"


def nothing_offered(study: StudyView, registry: Registry, loadables: Iterable[Loadable]) -> Iterator[Finding]:
    """A finding per SOP class of which nothing is made, naming the distribution that would make something of it."""
    offered = {uid for loadable in loadables for uid in loadable.series_uids}
    by_class: dict[str, list[SeriesView]] = {}
    for series in study:
        if series.series_uid not in offered:
            for sop_class in dict.fromkeys(text for text in series.text("SOPClassUID") if text):
                by_class.setdefault(sop_class, []).append(series)
    for sop_class, group in by_class.items():
        where = tuple(series.series_uid for series in group)
        if distribution := registry.missing_plugin(sop_class):
            yield finding(
                "plugin.missing",
                f"{object_name(sop_class)} needs {distribution}",
                where=where,
                remedy=registry.why_missing(distribution),
            )
        elif refused := [series for series in group if registry.adaptors_for(series)]:
            reasons = dict.fromkeys(_reason(series, range(len(series))) for series in refused)
            yield finding(
                "series.left-out", f"nothing is made of {object_name(sop_class)}: {', '.join(reasons)}", where=where
            )
        else:
            message = f"nothing is made of objects of class {object_name(sop_class)}"
            yield finding("series.left-out", message, where=where, severity="note", remedy="")
