"""Functional groups of DICOM JSON objects as texts (PS3.3 C.7.6.16)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dicomlogic_core.header.groups import NOT_INSIDE, REFERENCES
from dicomlogic_core.header.jsonparse import canonical
from dicomlogic_core.header.jsonprivate import PrivateColumns
from dicomlogic_core.header.jsontexts import JsonTexts
from dicomlogic_core.header.jsonvalues import element_values, element_vr
from dicomlogic_core.header.syntax import DEEPEST

_ODD = frozenset("13579BDF")


class JsonGroups:
    """Reads functional groups for one set of columns."""

    def __init__(self, keys: tuple[str, ...], vrs: list[str], texts: JsonTexts, private: PrivateColumns) -> None:
        self._keys = keys
        self._slots = {key: slot for slot, key in enumerate(keys)}
        self._vrs = vrs
        self._texts = texts
        self._private = private

    def texts(self, element: Any) -> list[dict[str, str]]:
        """Per item the wanted texts, those of nested macro sequences included; an outer value wins over an inner."""
        if not isinstance(element, dict):
            return []
        groups = []
        for item in element_values(element):
            texts: dict[str, str] = {}
            if isinstance(item, dict):
                self._collect(item, texts, 1, private=False)
            groups.append(texts)
        return groups

    def _collect(self, item: Mapping[str, Any], texts: dict[str, str], depth: int, *, private: bool) -> None:
        """Add the texts of a group or macro; of a private macro only private columns."""
        item = canonical(item)
        nested: list[tuple[Mapping[str, Any], bool]] = []
        of_creators: list[str] = []
        for key, element in item.items():
            if not isinstance(element, dict):
                continue
            if key[:4] in self._private.groups:
                of_creators.append(key)
            slot = self._slots.get(key)
            if slot is not None and not private:
                self._take(key, slot, element, texts)
            if (element.get("vr") or element_vr(key, element)) == "SQ" and key not in REFERENCES and depth < DEEPEST:
                values = element_values(element)
                if values and isinstance(values[0], dict):
                    nested.append((values[0], private or key[3:4] in _ODD))
        if of_creators:
            for key, slot in self._private.slots(of_creators, item).items():
                self._take(key, slot, item[key], texts)
        for inner, inner_private in nested:
            self._collect(inner, texts, depth + 1, private=inner_private)

    def _take(self, key: str, slot: int, element: Mapping[str, Any], texts: dict[str, str]) -> None:
        column = self._keys[slot]
        if column in texts or column in NOT_INSIDE or element.get("vr") == "SQ":
            return
        text = self._texts.quick(element)
        if text is None:
            try:
                text = self._texts.text(key, element, self._vrs[slot])
            except (ValueError, TypeError, OverflowError):
                return
        texts[column] = text
