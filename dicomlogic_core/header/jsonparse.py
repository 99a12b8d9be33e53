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
_BLANKS = frozenset(" \t\r\n")


@cache
def _raw_decoders() -> tuple[Callable[[bytes], Any], Callable[[Any], Any]] | None:
    """msgspec's decoders of an array and of an object, whose parts stay bytes."""
    try:
        import msgspec
    except ImportError:
        return None
    array, entry = msgspec.json.Decoder(list[msgspec.Raw]), msgspec.json.Decoder(dict[str, msgspec.Raw])
    return array.decode, entry.decode


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


def entries(data: bytes) -> Iterator[Any]:
    """The entries of an answer, one after the other: objects, `RawObject` where msgspec is installed, or rubbish.

    One at a time, since the parsed form takes ten times the memory of the text.

    Raises:
        HeaderError: no JSON, which may show after some entries; nested too deeply (``header.limit``).
    """
    decoders = _raw_decoders()
    if decoders is not None:
        try:
            parts = decoders[0](data)
        except (ValueError, RecursionError):
            parts = None
        if parts is not None:
            for part in parts:
                yield _raw_entry(part, decoders[1])
            return
    for decode in _whole_decoders():
        try:
            parsed = decode(data)
        except (ValueError, RecursionError):
            continue
        yield from parsed if isinstance(parsed, list) else [parsed]
        return
    try:
        yield from _streamed(data.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError) as error:
        raise _refused(error) from error


def _raw_entry(part: Any, decode: Callable[[Any], Any]) -> Any:
    try:
        return RawObject(decode(part))
    except (ValueError, RecursionError):
        return parse(bytes(part))


def _streamed(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    pos = _after_blanks(text, 0)
    if text[pos : pos + 1] != "[":
        entry, pos = decoder.raw_decode(text, pos)
        yield entry
    else:
        pos = _after_blanks(text, pos + 1)
        while text[pos : pos + 1] != "]":
            entry, pos = decoder.raw_decode(text, pos)
            yield entry
            pos = _after_blanks(text, pos)
            if text[pos : pos + 1] == ",":
                pos = _after_blanks(text, pos + 1)
                if text[pos : pos + 1] == "]":
                    raise ValueError("a comma before the end")
            elif text[pos : pos + 1] != "]":
                raise ValueError("an array without end")
        pos += 1
    if _after_blanks(text, pos) != len(text):
        raise ValueError("more after the end")


def _after_blanks(text: str, pos: int) -> int:
    while text[pos : pos + 1] in _BLANKS:
        pos += 1
    return pos


def _refused(error: Exception) -> HeaderError:
    if isinstance(error, RecursionError):
        return HeaderError("JSON nested too deeply", code="header.limit")
    return HeaderError(f"no JSON: {type(error).__name__}", code="header")


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
    except (ValueError, RecursionError) as error:
        raise _refused(error) from error


def parse_json(data: bytes) -> Any:
    """Any JSON document, by the fastest parser there is and without the cyclic collector; for plugins.

    Raises:
        HeaderError: no JSON; nested too deeply (``header.limit``).
    """
    with no_collection():
        return parse(data)


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
