"""Elements of image-set metadata, keyword -> value, to elements of DICOM JSON (PS3.18 F.2), as text.

The service writes a list where the dictionary's VM is not 1 and a lone value elsewhere; both are taken in both places.
Decimal and integer strings keep their text. Equal elements are converted once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping
from typing import Any

from dicomlogic_core import DicomLogicError, tag_key, tag_vr

_BINARY = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
_ONE_TEXT = frozenset(("LT", "ST", "UR", "UT"))
_HEX = frozenset("0123456789ABCDEFabcdef")
_META_GROUP = "0002"  # of the file that was imported: what is stored now is said elsewhere
_MOST_REMEMBERED = 4096
_MOST_FORMS = 64
_DEEPEST = 64

# US or SS by PixelRepresentation (PS3.3 C.7.6.3, C.7.5.1), and not by the value.
_SIGNED = frozenset(("00280106", "00280107", "00280108", "00280109", "00280120", "00280121"))
_LUT_DATA = "00283006"  # US or OW

Vrs = Mapping[str, str]


class Elements:
    """Converts elements and remembers them. Safe for threads: what is remembered only saves time."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._memos: dict[Any, dict[str, dict[Any, str]]] = {}
        self.unknown: set[str] = set()

    def fill(self, texts: MutableMapping[str, str], block: Mapping[str, Any], vrs: Vrs, *, signed: bool) -> None:
        """Put the elements of a level into `texts`: keyword -> ``"ggggeeee":{...}``, "" for what is left out.

        `vrs` has those of private elements; keywords the dictionary lacks are collected in `unknown`.
        """
        memos = self._memos_for(vrs, signed=signed)
        for keyword, value in block.items():
            memo = memos.get(keyword)
            if memo is None:
                memo = memos[keyword] = {}
            try:
                known = tuple(value) if type(value) is list else value
                text = memo.get(known)
            except TypeError:  # items of a sequence; to spell them out takes a tenth of the time of converting them
                known = repr(value)
                text = memo.get(known)
            if text is None:
                if len(memo) >= _MOST_REMEMBERED:
                    memo.clear()
                text = memo[known] = self._text(keyword, value, vrs, signed=signed)
            texts[keyword] = text

    def _memos_for(self, vrs: Vrs, *, signed: bool) -> dict[str, dict[Any, str]]:
        """What was converted under the same VRs and sign: keyword -> value -> text."""
        under = (frozenset(vrs.items()), signed)
        memos = self._memos.get(under)
        if memos is None:
            if len(self._memos) >= _MOST_FORMS:
                self._memos.clear()
            memos = self._memos[under] = {}
        return memos

    def _text(self, keyword: str, value: Any, vrs: Vrs, *, signed: bool) -> str:
        key = self._key(keyword)
        if not key or key[:4] == _META_GROUP:
            return ""
        element = self._element(key, value, vrs, signed=signed)
        return f'"{key}":{json.dumps(element, ensure_ascii=False, separators=(",", ":"))}'

    def _key(self, keyword: str) -> str:
        """The tag of a keyword, looked up once; "" when there is none."""
        key = self._keys.get(keyword)
        if key is None:
            key = self._keys[keyword] = _tag(keyword)
            if not key:
                self.unknown.add(keyword)
        return key

    def _element(self, key: str, value: Any, vrs: Vrs, *, signed: bool, depth: int = 0) -> dict[str, Any]:
        values = value if isinstance(value, list) else [value]
        vr = _vr(key, values, vrs, signed=signed)
        if vr == "SQ":
            items = [self._item(item, vrs, signed=signed, depth=depth + 1) for item in values if item is not None]
            return {"vr": vr, "Value": items} if items else {"vr": vr}
        if all(one is None or one == "" for one in values):
            return {"vr": vr}
        if vr in _BINARY and isinstance(values[0], str) and (vr != "UN" or key in vrs):
            return {"vr": vr, "InlineBinary": values[0]}
        # What is in sequences has no VR there; a reader that wants a private element knows its own.
        if isinstance(value, str) and "\\" in value and vr not in _ONE_TEXT:
            values = value.split("\\")  # more values than the dictionary allows
        return {"vr": vr, "Value": [_value(vr, one) for one in values]}

    def _item(self, item: Any, vrs: Vrs, *, signed: bool, depth: int) -> dict[str, Any]:
        if not isinstance(item, dict) or depth > _DEEPEST:
            return {}
        found = ((self._key(keyword), value) for keyword, value in item.items())
        return {key: self._element(key, value, vrs, signed=signed, depth=depth) for key, value in found if key}


def _tag(keyword: str) -> str:
    if len(keyword) == 8 and _HEX.issuperset(keyword):
        return keyword.upper()
    try:
        key = tag_key(keyword)
    except DicomLogicError:
        return ""
    return key if len(key) == 8 and _HEX.issuperset(key) else ""


def _vr(key: str, values: list[Any], vrs: Vrs, *, signed: bool) -> str:
    if any(isinstance(one, dict) for one in values):
        return "SQ"
    if int(key[3], 16) % 2:
        given = vrs.get(key)
        # Private creators are texts (PS3.5 7.8.1), also where the service does not say so.
        return given[:2] if given else "LO" if key[4:6] == "00" else "UN"
    vr = tag_vr(key)
    if vr == "US" and signed and key in _SIGNED:
        return "SS"
    return "OW" if key == _LUT_DATA and any(isinstance(one, str) for one in values) else vr


def _value(vr: str, value: Any) -> Any:
    if value is None or value == "":
        return None
    if vr == "PN" and isinstance(value, str):
        names = zip(("Alphabetic", "Ideographic", "Phonetic"), value.split("="))
        return {group: name for group, name in names if name}
    if vr == "AT" and isinstance(value, str):
        return value.strip("()").replace(",", "").upper()
    return value
