"""Attribute filters, ``KEYWORD=VALUE``, as PS3.4 C.2.2.2 matches them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from dicomlogic_core.errors import UsageError
from dicomlogic_core.header.rows import HeaderRow, WantedTags
from dicomlogic_core.tags import tag_key, tag_vr

Match = Callable[[str], bool]

# ModalitiesInStudy, SOPClassesInStudy, InstanceAvailability and the NumberOf...Related...: attributes of answers to
# queries (PS3.4 C.3), which the headers of instances do not have.
_QUERY_ONLY = frozenset(
    ["00080061", "00080062", "00080056", "00201200", "00201202", "00201204", "00201206", "00201208", "00201209"]
)


def check_filters(where: Iterable[str], applied: Iterable[str], source: str) -> None:
    """Refuse filters by attributes that headers do not have, except those that the source applies by itself.

    Raises:
        UsageError: naming such a filter, or a name that is no DICOM keyword.
    """
    known = set(map(tag_key, applied))
    for name in where:
        key = tag_key(name)
        if key in _QUERY_ONLY and key not in known:
            raise UsageError(
                f"{source} cannot be filtered by {name}: headers do not have it",
                remedy="filter by Modality, for example",
            )


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

    A column that is not read matches nothing but is compared as an empty text. What only queries have was applied by
    the source, see `check_filters`.
    """

    def __init__(self, wanted: WantedTags, where: Mapping[str, str]) -> None:
        positions = {key: number for number, key in enumerate(wanted.keys)}
        keys = {tag_key(name): value for name, value in where.items()}
        self._tests = [
            (positions.get(key), matcher(key, value)) for key, value in keys.items() if key not in _QUERY_ONLY
        ]

    def matches(self, row: HeaderRow) -> bool:
        """True when every filter matches."""
        return all(match((row.texts[place] if place is not None else None) or "") for place, match in self._tests)
