"""Attribute filters, ``KEYWORD=VALUE``, as PS3.4 C.2.2.2 matches them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from dicomlogic_core.header.rows import HeaderRow, WantedTags
from dicomlogic_core.tags import tag_key, tag_vr

Match = Callable[[str], bool]


def matcher(key: str, pattern: str) -> Match:
    """What decides whether a text matches: single value, ``*`` and ``?``, list of UIDs, range of dates or times.

    A value with several parts matches when one of them does. Person names ignore case.
    """
    vr = tag_vr(key)
    if vr == "UI":
        uids = frozenset(re.split(r"[\\,]", pattern))
        return lambda text: not uids.isdisjoint(text.split("\\"))
    if vr in ("DA", "TM", "DT") and "-" in pattern:
        first, _, last = pattern.partition("-")
        return lambda text: bool(text) and first <= text and (not last or text[: len(last)] <= last)
    flags = re.IGNORECASE if vr == "PN" else 0
    expression = re.compile("".join(_piece(letter) for letter in pattern) + r"\Z", flags | re.DOTALL)
    return lambda text: any(expression.match(part) is not None for part in (text, *text.split("\\")))


def _piece(letter: str) -> str:
    return {"*": ".*", "?": "."}.get(letter) or re.escape(letter)


class RowFilter:
    """Keeps the header rows that match every filter.

    A column that is not read matches nothing but is compared as an empty text.
    """

    def __init__(self, wanted: WantedTags, where: Mapping[str, str]) -> None:
        positions = {key: number for number, key in enumerate(wanted.keys)}
        self._tests = [(positions.get(tag_key(name)), matcher(tag_key(name), value)) for name, value in where.items()]

    def matches(self, row: HeaderRow) -> bool:
        """True when every filter matches."""
        return all(match((row.texts[place] if place is not None else None) or "") for place, match in self._tests)
