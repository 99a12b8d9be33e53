"""Functional groups (PS3.3 C.7.6.16): the wanted texts of shared and per-frame items as frame columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

NOT_INSIDE = frozenset(
    (
        "00080016",
        "00080018",
        "00100010",
        "00100020",
        "0020000D",
        "0020000E",
        "00080005",
        "00280008",
        "00280010",
        "00280011",
    )
)
"""Columns of the object itself: the same attribute inside a functional group means another object."""

REFERENCES = frozenset(("00081140", "00089124", "00082112", "00081115", "00081250", "00400555", "00409092"))
"""Sequences that describe other objects; nothing inside them is a value of the frame."""

UNASSIGNED_SHARED = "00209170"
"""Inside the shared group of legacy converted objects: what their images had at the top level (C.7.6.16.2.25)."""

OF_THE_FIRST_FRAME = frozenset(("00409096",))
"""Sequences kept from the first frame's group where neither the object nor the shared group has them: they tell what
the values are, which every frame has to say (C.7.6.16.2.11)."""

Group = Mapping[str, str]
"""Texts of one functional-groups item by column key."""


def frame_columns(shared: Group, frames: Sequence[Group], frame_count: int) -> dict[str, str | Sequence[str | None]]:
    """Key -> one text for all frames, or one per frame (None where neither the frame nor the shared group has it).

    A per-frame value wins over a shared one. An empty per-frame sequence is as good as none.
    """
    columns: dict[str, str | Sequence[str | None]] = dict(shared)
    count = frame_count or len(frames)
    frames = frames[:count]
    keys = {key for group in frames for key in group}
    for key in keys:
        common = shared.get(key)
        texts = [group.get(key, common) for group in frames]
        texts += [common] * (count - len(texts))
        first = texts[0]
        columns[key] = first if first is not None and texts.count(first) == count else texts
    return columns
