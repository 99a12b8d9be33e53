"""Which loadables exclude each other, and which of them is loaded by default."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from dicomlogic_core.loadable import Loadable
from dicomlogic_core.references import FrameRef


def grouped(loadables: Sequence[Loadable], options: Mapping[str, str]) -> list[Loadable]:
    """The loadables with group and selection set: each group with its selected member first.

    In order of rank each joins the group whose head shares most frames with it, or heads a group of its own when none
    shares any. So two good parts of a series are both selected, and the whole of it stands beside one of them.

    Rank is agreement with `options` (what the user asked for wins), then confidence, fewest findings, adaptor and name;
    it does not depend on the order in which plugins were installed.
    """
    ranked = sorted(loadables, key=lambda loadable: _rank(loadable, options))
    members = _members(ranked)
    appearance = {loadable.id: number for number, loadable in enumerate(loadables)}
    groups = sorted(members.values(), key=lambda group: min(appearance[loadable.id] for loadable in group))
    return [
        replace(loadable, group=group[0].id, selected=number == 0)
        for group in groups
        for number, loadable in enumerate(group)
    ]


def _rank(loadable: Loadable, options: Mapping[str, str]) -> tuple[int, float, int, str, str, str]:
    agreement = sum(options.get(name) == value for name, value in loadable.options.items())
    return -agreement, -loadable.confidence, len(loadable.findings), loadable.adaptor, loadable.name, loadable.id


def _members(ranked: Sequence[Loadable]) -> dict[str, list[Loadable]]:
    """Head's id -> the group, head first."""
    contested = Counter(uid for loadable in ranked for uid in set(loadable.series_uids))
    heads: dict[FrameRef, str] = {}
    groups: dict[str, list[Loadable]] = {}
    for loadable in ranked:
        alone = all(contested[uid] == 1 for uid in loadable.series_uids)
        head = "" if alone else _most_shared(loadable.frames, heads)
        if head:
            groups[head].append(loadable)
            continue
        groups[loadable.id] = [loadable]
        if not alone:
            heads.update(dict.fromkeys(loadable.frames, loadable.id))
    return groups


def _most_shared(frames: Iterable[FrameRef], heads: Mapping[FrameRef, str]) -> str:
    """The head that most frames belong to, of equals the one that ranks first; "" when none does."""
    shared = Counter(heads[frame] for frame in frames if frame in heads)
    return max(shared, key=lambda head: shared[head]) if shared else ""
