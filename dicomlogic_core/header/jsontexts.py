"""Elements of DICOM JSON to texts, remembering what was converted before."""

from __future__ import annotations

from typing import Any

from dicomlogic_core.header.charset import text_decoder
from dicomlogic_core.header.jsonvalues import element_vr, inline_bytes
from dicomlogic_core.header.rows import NOT_STORED
from dicomlogic_core.header.text import JSON_VRS, NUMBER_TEXTS, json_text, raw_text

MOST_REMEMBERED = 2048
LONGEST_REMEMBERED = 512


class JsonTexts:
    """Texts of elements. Safe to share between threads: what is remembered only saves time."""

    def __init__(self) -> None:
        self._memos: dict[str, dict[str | tuple[str, ...], str]] = {vr: {} for vr in JSON_VRS}

    def quick(self, element: Any) -> str | None:
        """The text in the common cases (texts met before, plain numbers, no value); None for anything else."""
        try:
            vr = element["vr"]
            memo = self._memos[vr]
            values = element.get("Value")
            if not values:
                return "" if len(element) == 1 else None
            first = values[0]
            if type(first) is str:
                return memo.get(first if len(values) == 1 else tuple(values))
            if len(values) == 1:
                return NUMBER_TEXTS[vr, type(first)](first)
            return "\\".join([NUMBER_TEXTS[vr, type(value)](value) for value in values])
        except (KeyError, TypeError, AttributeError):
            return None

    def text(self, key: str, element: Any, known: str) -> str:
        """The text of any element; `known` is the VR of the column.

        Raises:
            ValueError, TypeError, OverflowError: a value of unusable form.
        """
        if not isinstance(element, dict):
            raise ValueError(f"{type(element).__name__} where an element belongs")
        values = element.get("Value")
        if values is not None and values != []:
            vr = element_vr(key, element, known)
            values = values if isinstance(values, list) else [values]
            text = json_text(vr, values)
            if vr in self._memos and all(type(value) is str for value in values):
                self._remember(vr, values[0] if len(values) == 1 else tuple(values), text)
            return text
        if known != "UN" and element.get("vr") == "UN" and "InlineBinary" in element:
            return raw_text(known.encode("ascii"), inline_bytes(element) or b"", text_decoder(None).decode)
        if element.get("BulkDataURI") or element.get("InlineBinary"):
            return NOT_STORED
        return ""

    def _remember(self, vr: str, value: str | tuple[str, ...], text: str) -> None:
        memo = self._memos[vr]
        if len(text) <= LONGEST_REMEMBERED:
            if len(memo) >= MOST_REMEMBERED:
                memo.clear()
            memo[value] = text
