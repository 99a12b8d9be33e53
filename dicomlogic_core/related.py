"""Which loadables belong together by their references: a plan, its structure set, the images of that, their dose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from dicomlogic_core.loadable import Loadable


def gathered(
    study_uids: Iterable[str], examine: Callable[[str], Sequence[Loadable]], study_of: Callable[[str], str]
) -> Iterator[Loadable]:
    """Loadables of studies, and of the studies of series that these refer to, and so on; each study once.

    Args:
        study_uids: where to begin.
        examine: gives the selected loadables of a study.
        study_of: gives the study of a series; "" when it is not known.
    """
    known = dict.fromkeys(study_uids)
    waiting = list(known)
    while waiting:
        found = examine(waiting.pop(0))
        yield from found
        named = {study_of(ref.series_uid) for loadable in found for ref in loadable.references}
        further = sorted(named - known.keys() - {""})
        known.update(dict.fromkeys(further))
        waiting += further


def connected(start: Loadable, loadables: Iterable[Loadable]) -> list[Loadable]:
    """Those that `start` refers to or that refer to it, then those connected with these; alternatives of it are not.

    References name series: of several plans in one series all count.
    """
    rest = {one.id: one for one in loadables if one.id != start.id and (not start.group or one.group != start.group)}
    reached: list[Loadable] = []
    edge = [start]
    while edge:
        near = [one for one in rest.values() if any(_refer(one, other) or _refer(other, one) for other in edge)]
        for one in near:
            del rest[one.id]
        reached += near
        edge = near
    return reached


def _refer(one: Loadable, other: Loadable) -> bool:
    return any(ref.series_uid in other.series_uids for ref in one.references)
