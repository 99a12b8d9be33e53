"""Private columns in DICOM JSON objects, found by their creator (PS3.5 7.8.1), in whatever order the keys stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dicomlogic_core.header.jsonvalues import element_values

_MOST_KNOWN = 64
_MOST_KEYS = 512
_LONGEST_CREATOR = 64  # LO


class PrivateColumns:
    """The wanted private columns. Safe to share between threads: what is remembered only saves time.

    Attributes:
        groups: groups, four hex digits, in which something is wanted.
    """

    def __init__(self, slots: Mapping[str, int]) -> None:
        self._by_creator: dict[tuple[str, str], dict[str, int]] = {}
        self._usual: dict[str, int] = {}
        for key, slot in slots.items():
            if "|" in key:
                address, creator = key.split("|", 1)
                self._by_creator.setdefault((address[:4], creator), {})[address[6:]] = slot
                self._usual.setdefault(address[:4] + "10" + address[6:], slot)
        self.groups = frozenset(group for group, _ in self._by_creator)
        self._known: dict[tuple[tuple[str, ...], tuple[str, ...]], dict[str, int]] = {}

    def slots(self, keys: Sequence[str], obj: Mapping[str, Any]) -> dict[str, int]:
        """Key of the object -> slot of its column; a block without a creator is read at its usual place.

        Args:
            keys: the object's keys in `groups`.
            obj: the object.
        """
        blocks = [key for key in keys if key[4:6] == "00" and key[6:] >= "10"]
        creators = [_creator(obj[key]) for key in blocks]
        # The instances of a series have the same keys and creators.
        case = (tuple(keys), tuple(creators))
        found = self._known.get(case)
        if found is None:
            found = self._find(keys, {key[:4] + key[6:]: name for key, name in zip(blocks, creators)})
            if len(keys) <= _MOST_KEYS:
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known[case] = found
        return found

    def _find(self, keys: Sequence[str], creators: Mapping[str, str]) -> dict[str, int]:
        found = {}
        for key in keys:
            if key[:6] in creators:
                slot = self._by_creator.get((key[:4], creators[key[:6]]), {}).get(key[6:])
            else:
                slot = self._usual.get(key)
            if slot is not None:
                found[key] = slot
        return found


def _creator(element: Any) -> str:
    values = element_values(element) if isinstance(element, dict) else []
    name = str(values[0]).strip() if values else ""
    return name if len(name) <= _LONGEST_CREATOR else ""


def private_element(obj: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The element of a private column, found by its creator; an empty one when it is absent."""
    address, creator = key.split("|", 1)
    group, element = address[:4], address[6:]
    for block in range(0x10, 0x100):
        if _creator(obj.get(f"{group}00{block:02X}")) == creator:
            found = obj.get(f"{group}{block:02X}{element}")
            return found if isinstance(found, dict) else {}
    return {}
