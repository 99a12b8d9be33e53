"""Displayed fields: what CTK's generator would put into the columns its browser shows."""

from __future__ import annotations

from collections.abc import Iterable

UNNAMED = {"RTPLAN": "Unnamed RT Plan", "RTSTRUCT": "Unnamed RT Structure Set", "RTIMAGE": "Unnamed RT Image"}
# Modality -> the attributes that name the object, the first non-empty one counts.
RT_NAMES = {
    "RTPLAN": ("300A0003", "300A0002"),
    "RTSTRUCT": ("30060004", "30060002"),
    "RTIMAGE": ("30020003", "30020002"),
}


def merge(old: str | None, new: str | None) -> str | None:
    """Append ``', ' + new`` unless the new text is contained already; a placeholder counts as nothing."""
    if not new:
        return old
    if not old or old in UNNAMED.values():
        return new
    return old if new in old or new in UNNAMED.values() else f"{old}, {new}"


def merge_all(old: str | None, texts: Iterable[str | None]) -> str | None:
    """`merge` over several texts in order."""
    for text in texts:
        old = merge(old, text)
    return old


def rt_name(modality: str, names: Iterable[str | None]) -> str | None:
    """How an RT object is called; None for other modalities."""
    if modality not in UNNAMED:
        return None
    return next((name for name in names if name), UNNAMED[modality])


def displayed_name(name: str) -> str:
    """``Last, First Middle, Suffix (Prefix)`` of the first group that is not empty (PS3.5 6.2, PN)."""
    group = next((part for part in name.split("=") if part.strip("^ ")), "")
    last, first, middle, prefix, suffix = (group.split("^", 4) + [""] * 5)[:5]
    text = last
    if first or middle:
        text += ","
    for part in (first, middle):
        if part:
            text += f" {part}"
    if suffix:
        text += f", {suffix}"
    if prefix:
        text += f" ({prefix})"
    return text.strip(" ,")
