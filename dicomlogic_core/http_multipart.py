"""Multipart bodies (RFC 2046, PS3.18 8.6.1.2) in the many forms that DICOMweb servers send, whole or as a stream.

However a body is cut into chunks, the same parts come out. Parts are memoryviews over what was read, not copies. A body
that does not end as it should is an error: nothing here is silently short.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from dicomlogic_core.errors import NetworkError
from dicomlogic_core.media_types import MediaType

PART_LIMIT = 4 << 30
"""Largest part, in bytes, that is taken unless the caller says otherwise."""

_HEADER_LIMIT = 16 << 10
_NAME_LIMIT = 256
_FIRST_LINE = re.compile(rb"--([0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?])[ \t]*\r?\n")
_FIELD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+[ \t]*:")
_FIELD_SO_FAR = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]*[ \t]*\Z")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")

_Stage = Literal["sniff", "bare", "preamble", "parts", "closed", "cut"]
_Kind = Literal["line", "close", "end", "more", "payload"]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One part of a body, or a body that is no multipart at all.

    Attributes:
        data: the payload.
        media_type: its Content-Type in lower case without parameters, "" when the server gave none.
        transfer_syntax: UID the server named, "" when none or ``*``.
        location: its Content-Location, "" when none.
    """

    data: memoryview
    media_type: str = ""
    transfer_syntax: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class _Open:
    """A part whose end is being looked for."""

    body: int
    fields: dict[str, str] = field(default_factory=dict)


def split(
    body: bytes | bytearray, content_type: str, *, length_known: bool = True, expected: int | None = None
) -> list[Part]:
    """The parts of a whole body, without copying it.

    `length_known` tells that the body is as long as the server said. Only then, and when there are `expected` parts, a
    last delimiter without its ``--`` passes as the end: static servers write that.

    Raises:
        NetworkError: ``network.truncated``, the end is missing; ``network.parts``, the number is not `expected`.
    """
    splitter = Splitter(content_type, body)
    return list(splitter.finish(length_known=length_known, expected=expected))


class Splitter:
    """Splits a body that comes in chunks: `feed` them, then `finish`; both give the parts that became complete."""

    def __init__(self, content_type: str, body: bytes | bytearray = b"", *, part_limit: int = PART_LIMIT) -> None:
        self._type = MediaType.parse(content_type)
        self._data = body
        self._part_limit = part_limit
        self._position = 0  # everything before is done with
        self._searched = 0  # no delimiter begins before
        self._open: _Open | None = None
        self._newline = b"\r\n"
        self._count = 0
        self._bare_end = False
        boundary = self._type.parameters.get("boundary", "").rstrip() if self._type.multipart else ""
        self._mark = b"--" + boundary.encode("latin-1", "replace")
        self._stage: _Stage = "preamble" if boundary else "sniff"
        if self._type.name and not self._type.multipart:
            self._stage = "bare"

    def feed(self, chunk: bytes | bytearray) -> Iterator[Part]:
        """Take the next bytes of the body.

        Raises:
            NetworkError: ``network.too-large``, a part exceeds the limit.
        """
        if self._stage == "closed":
            return  # text after the closing delimiter (RFC 2046's epilogue)
        # Parts given out are views of the old buffer, which therefore must not grow or shrink any more.
        rest = bytearray(memoryview(self._data)[self._position :]) if self._position else self._data
        self._data = rest if isinstance(rest, bytearray) else bytearray(rest)
        self._data += chunk
        self._searched = max(0, self._searched - self._position)
        if self._open is not None:
            self._open = _Open(self._open.body - self._position, self._open.fields)
        self._position = 0
        yield from self._ready(final=False)
        if len(self._data) - self._position > self._part_limit + _HEADER_LIMIT:
            raise NetworkError("a part of the answer exceeds its limit", code="network.too-large")

    def finish(self, *, length_known: bool, expected: int | None = None) -> Iterator[Part]:
        """The body is over; see `split` for the arguments and errors."""
        yield from self._ready(final=True)
        ended = self._stage == "closed" or (self._bare_end and length_known and self._count == expected)
        if not ended:
            raise NetworkError(
                f"the answer ended early, after {self._count} complete parts", code="network.truncated", retryable=True
            )
        if expected is not None and self._count != expected:
            raise NetworkError(
                f"the server sent {self._count} parts where {expected} were asked", code="network.parts", retryable=True
            )

    def _ready(self, *, final: bool) -> Iterator[Part]:
        if self._stage == "sniff":
            self._sniff(final)
        if self._stage == "preamble":
            self._preamble(final)
        while self._stage == "parts" and (part := self._next_part(final)) is not None:
            self._count += 1
            yield part
        if self._stage == "bare" and final:
            self._stage, self._count = "closed", 1
            # Of a multipart type without any boundary the type parameter is the best there is.
            named = self._type if not self._type.multipart else MediaType.parse(self._type.parameters.get("type", ""))
            yield Part(memoryview(self._data), named.name, self._type.transfer_syntax or named.transfer_syntax)

    def _sniff(self, final: bool) -> None:
        """No boundary was named: the first line is one, when it looks like one (static servers); else a bare body."""
        if match := _FIRST_LINE.match(self._data):
            self._mark = b"--" + match[1]
            self._stage = "preamble"
        elif final or len(self._data) > 80 or not b"--".startswith(bytes(self._data[:2])):
            self._stage = "bare"

    def _preamble(self, final: bool) -> None:
        """Find the first delimiter: at the very beginning or at the beginning of a line."""
        while (found := self._data.find(self._mark, self._searched)) >= 0:
            if found == 0 or self._data[found - 1] == 0x0A:
                kind, after = self._behind(found + len(self._mark), final)
                if kind == "more":
                    self._searched = found
                    return
                if kind != "payload":
                    # The line ends of a body are all alike; a payload may hold the other kind.
                    self._newline = b"\n" if self._data[after - 2 : after - 1] != b"\r" and kind == "line" else b"\r\n"
                    self._pass_delimiter(kind, after)
                    return
            self._searched = found + 1
        self._searched = max(0, len(self._data) - len(self._mark) + 1, self._searched)

    def _behind(self, at: int, final: bool) -> tuple[_Kind, int]:
        """What stands behind ``--boundary``, and where the next line begins."""
        rest = bytes(self._data[at : at + 2])
        if rest == b"--":
            return "close", at + 2
        if rest == b"-" and not final:
            return "more", at
        while bytes(self._data[at : at + 1]) in {b" ", b"\t"}:
            at += 1
        rest = bytes(self._data[at : at + 2])
        if rest[:1] == b"\n":
            return "line", at + 1
        if rest == b"\r\n":
            return "line", at + 2
        if rest in {b"", b"\r"}:
            return ("end", len(self._data)) if final else ("more", at)
        return "payload", at

    def _pass_delimiter(self, kind: _Kind, after: int) -> None:
        self._stage = "parts" if kind == "line" else "closed" if kind == "close" else "cut"
        self._bare_end = kind == "end"
        self._position = self._searched = after

    def _next_part(self, final: bool) -> Part | None:
        if self._open is None:
            self._open = self._headers(self._position, final)
            if self._open is None:
                return None
            # The blank line behind the headers may be the line end before the delimiter: an empty part.
            self._searched = self._open.body - len(self._newline)
        body, fields = self._open.body, self._open.fields
        found = self._end(body, fields.get("content-length", ""), final)
        if found is None:
            # A bare delimiter line with nothing behind it is the end that static servers write.
            self._bare_end = final and body == len(self._data) and not fields
            return None
        end, kind, after = found
        named = MediaType.parse(fields.get("content-type", ""))
        data = memoryview(self._data)[body : max(body, end)]
        self._open = None
        self._pass_delimiter(kind, after)
        return Part(data, named.name, named.transfer_syntax, fields.get("content-location", ""))

    def _headers(self, begin: int, final: bool) -> _Open | None:
        """The header fields at `begin`, where there are any; None when more bytes are needed to tell."""
        data = self._data
        head = bytes(data[begin : begin + _NAME_LIMIT])
        if head[:1] == b"\n" or head[:2] == b"\r\n":
            return _Open(begin + head.index(b"\n") + 1)
        if not _FIELD.match(head):
            undecided = head in {b"", b"\r"} or (_FIELD_SO_FAR.match(head) and len(head) < _NAME_LIMIT)
            return None if undecided and not final else _Open(begin)
        window = bytes(data[begin : begin + _HEADER_LIMIT])
        if blank := _BLANK_LINE.search(window):
            return _Open(begin + blank.end(), _fields(window[: blank.start()]))
        return None if len(window) < _HEADER_LIMIT and not final else _Open(begin)

    def _end(self, body: int, length: str, final: bool) -> tuple[int, _Kind, int] | None:
        """Where the payload ends, what its delimiter is, and what follows; None when that has not come yet."""
        data, line = self._data, self._newline + self._mark
        if length.isascii() and length.isdigit() and len(length) < 16 and int(length) <= self._part_limit:
            end = body + int(length)
            # A payload may hold the delimiter, so the length counts, but only if a delimiter really follows there.
            if data[end : end + len(line)] == line:
                kind, after = self._behind(end + len(line), final)
                if kind != "payload":
                    return None if kind == "more" else (end, kind, after)
            elif len(data) < end + len(line) and not final:
                return None
        while (found := data.find(line, self._searched)) >= 0:
            kind, after = self._behind(found + len(line), final)
            if kind == "more":
                self._searched = found
                return None
            if kind != "payload":
                return found, kind, after
            self._searched = found + 1
        self._searched = max(self._searched, len(data) - len(line) + 1)
        return None


def _fields(block: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in _FOLD.sub(b" ", block).splitlines():
        name, _, value = line.decode("latin-1").partition(":")
        fields.setdefault(name.strip().lower(), value.strip())
    return fields
