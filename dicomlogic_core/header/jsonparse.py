"""DICOM JSON bytes to objects, by the fastest parser that is installed and accepts them.

msgspec is asked for the elements as raw bytes: most elements of a series are equal, so that most need not be parsed at
all. msgspec and orjson refuse NaN, infinite numbers and lone surrogates, which servers do send: then the standard
library's parser reads the same text, with the same result.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from dicomlogic_core.errors import HeaderError
from dicomlogic_core.tags import KEYWORDS

_HEX = frozenset("0123456789ABCDEF")
_SEEN: set[str] = set()  # keys known to be canonical: checking 130 keys one by one would double the time
_MOST_SEEN = 50_000


@cache
def _raw_decoder() -> Callable[[bytes], Any] | None:
    try:
        import msgspec
    except ImportError:
        return None
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
    return decode


@cache
def _whole_decoders() -> tuple[Callable[[bytes], Any], ...]:
    found: list[Callable[[bytes], Any]] = []
    try:
        import orjson

        found.append(orjson.loads)
    except ImportError:
        pass
    try:
        import msgspec

        found.append(msgspec.json.decode)
    except ImportError:
        pass
    return tuple(found[:1])


@contextmanager
def no_collection() -> Iterator[None]:
    """Without the cyclic collector, which takes a third of the time of parsing and finds nothing in fresh JSON."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class RawObject(Mapping[str, Any]):
    """A DICOM JSON object whose elements are parsed when they are looked at.

    Attributes:
        raw: key -> bytes-like JSON of the element.
    """

    __slots__ = ("raw",)

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw

    def __getitem__(self, key: str) -> Any:
        return parse(bytes(self.raw[key]))

    def get(self, key: str, default: Any = None) -> Any:
        """The parsed element, or `default`."""
        raw = self.raw.get(key)
        return default if raw is None else parse(bytes(raw))

    def __contains__(self, key: object) -> bool:
        return key in self.raw

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)


def raw_objects(data: bytes) -> list[RawObject] | None:
    """The objects of an array, unparsed; None when msgspec is missing or refuses the text."""
    decode = _raw_decoder()
    if decode is None:
        return None
    try:
        return [RawObject(entry) for entry in decode(data)]
    except (ValueError, RecursionError):
        return None


def parse(data: bytes) -> Any:
    """JSON bytes to objects.

    Raises:
        HeaderError: no JSON; nested more deeply than any DICOM object (``header.limit``).
    """
    for decode in _whole_decoders():
        try:
            return decode(data)
        except (ValueError, RecursionError):
            continue
    try:
        return json.loads(data.decode("utf-8-sig", "replace"))
    except RecursionError as error:
        raise HeaderError("JSON nested too deeply", code="header.limit") from error
    except ValueError as error:
        raise HeaderError(f"no JSON: {type(error).__name__}", code="header") from error


def split(data: bytes) -> list[dict[str, Any]]:
    """The objects of a metadata answer: one object, an array of them, or nothing.

    Raises:
        HeaderError: no JSON, or JSON that is no object.
    """
    if not data.strip():
        return []
    with no_collection():
        parsed = parse(data)
    objects = parsed if isinstance(parsed, list) else [parsed]
    return [dict(canonical(entry)) for entry in objects]


def canonical(entry: Any) -> Mapping[str, Any]:
    """The object with eight upper-case digits as keys; keywords and commas are accepted.

    Raises:
        HeaderError: something other than an object.
    """
    if not isinstance(entry, (dict, RawObject)):
        raise HeaderError(f"{type(entry).__name__} where a DICOM object belongs")
    if _SEEN.issuperset(entry):
        return entry
    for key in entry:
        if canonical_key(key) != key:
            return {canonical_key(key): element for key, element in entry.items()}
    if len(_SEEN) < _MOST_SEEN:
        _SEEN.update(entry)
    return entry


def canonical_key(key: str) -> str:
    """Eight upper-case digits for a tag in any spelling or a keyword."""
    digits = key.replace(",", "").strip("() ").upper()
    if len(digits) == 8 and _HEX.issuperset(digits):
        return digits
    return KEYWORDS.get(key, key)
