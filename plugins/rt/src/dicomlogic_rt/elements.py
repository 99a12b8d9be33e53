"""Values of pydicom data sets, read raw: quick for long lists of numbers, and silent about what is malformed.

A `Dataset` of a file keeps the bytes of an element until it is asked for; one made of DICOM JSON holds values.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.charset import decode_bytes, default_encoding
from pydicom.tag import Tag

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset

_ENDS = " \0\t\r\n"


def _raw(dataset: Dataset, keyword: str) -> Any:
    """The value as it is held: bytes, text, a list, or None when the element is absent."""
    element = dataset.get_item(Tag(keyword))
    return None if element is None else element.value


def is_told(dataset: Dataset, keyword: str) -> bool:
    """True when an element that holds numbers is there and not empty, readable or not."""
    value = _raw(dataset, keyword)
    if isinstance(value, bytes) and value.isspace():
        return False
    return value is not None and (isinstance(value, (int, float)) or len(value) > 0)


def items_of(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; none when it is absent, empty or unreadable."""
    tag = Tag(keyword)
    if tag not in dataset:
        return []
    try:
        value = dataset[tag].value
        return [item for item in value or () if hasattr(item, "get_item")]
    except Exception:  # pydicom raises nearly anything on broken bytes, and one sequence must not cost the others
        return []


def text_of(dataset: Dataset, keyword: str) -> str:
    """The text of an element, several values joined by a backslash; "" when it is absent."""
    value = _raw(dataset, keyword)
    if value is None:
        return ""
    if isinstance(value, bytes):
        if value.isascii() and b"\x1b" not in value:
            return value.decode("ascii").strip(_ENDS)
        return decode_bytes(value, _encodings(dataset), set()).strip(_ENDS)
    if isinstance(value, str) or not isinstance(value, Iterable):
        return str(value).strip(_ENDS)
    return "\\".join(str(one) for one in value).strip(_ENDS)


def _encodings(dataset: Dataset) -> list[str]:
    found = dataset.original_character_set
    return [str(found or default_encoding)] if isinstance(found, str) or not found else [str(one) for one in found]


def numbers_of(dataset: Dataset, keyword: str) -> NDArray[np.float64]:
    """(n,) float64 values of a DS or IS element; NaN for a value that is empty or no number."""
    value = _raw(dataset, keyword)
    if value is None or value in (b"", ""):
        return np.empty(0)
    if isinstance(value, bytes):
        return parse_decimals(value)
    values = [value] if isinstance(value, (str, float, int)) else list(value)
    return np.array([_number(one) for one in values], dtype=np.float64)


def parse_decimals(raw: bytes) -> NDArray[np.float64]:
    """(n,) float64 of decimal strings joined by backslashes; NaN for a value that is empty or no number."""
    raw = raw.rstrip(b" \0")
    if not raw:
        return np.empty(0)
    parts = raw.split(b"\\")
    try:
        return np.fromiter(map(float, parts), dtype=np.float64, count=len(parts))
    except ValueError:
        return np.array([_number(part) for part in parts], dtype=np.float64)


def _number(value: Any) -> float:
    try:
        return float(value.strip(b" \0") if isinstance(value, bytes) else value)
    except (TypeError, ValueError):
        return float("nan")


def number_of(dataset: Dataset, keyword: str) -> float | None:
    """The first value as a finite number; None when it is none."""
    values = numbers_of(dataset, keyword)
    return float(values[0]) if len(values) and np.isfinite(values[0]) else None


def integer_of(dataset: Dataset, keyword: str) -> int | None:
    """The first value as an integer; None when it is none."""
    value = number_of(dataset, keyword)
    return int(value) if value is not None and value == int(value) else None
