"""What an Accept header asks for, and which of it can be served."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dicomlogic_core.testing.server_frames import DEFAULT_SYNTAXES


@dataclass(frozen=True, slots=True)
class Wanted:
    """One value of an Accept header: media type, transfer syntax ("" when not said), and whether in multipart."""

    multipart: bool
    media_type: str
    transfer_syntax: str
    quoted: bool = True


_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[^,;]+|[,;]')


def accepted(header: str) -> list[Wanted]:
    """The values of an Accept header (RFC 9110 12.5.1), quotes respected; ``*/*`` when there is none."""
    values: list[list[str]] = [[""]]
    for token in _TOKENS.findall(header or "*/*"):
        if token == ",":
            values.append([""])
        elif token == ";":
            values[-1].append("")
        else:
            values[-1][-1] += token
    return [_wanted(value) for value in values]


def _wanted(value: Sequence[str]) -> Wanted:
    media_type = value[0].strip().lower()
    parameters = {}
    for parameter in value[1:]:
        name, _, text = parameter.partition("=")
        parameters[name.strip().lower()] = text.strip()
    syntax = parameters.get("transfer-syntax", "").strip('"')
    if media_type != "multipart/related":
        return Wanted(media_type == "*/*", media_type, syntax)
    inner = parameters.get("type", "*/*")
    # A server of Orthanc's kind is also sent type="...; transfer-syntax=..." in one pair of quotes.
    inner_type, _, inner_syntax = inner.strip('"').partition(";")
    syntax = syntax or inner_syntax.partition("=")[2].strip()
    return Wanted(True, inner_type.strip().lower(), syntax, inner.startswith('"'))


def choose(wanted: Iterable[Wanted], media_type: str, transfer_syntax: str) -> Wanted | None:
    """The first value that content of this media type and syntax satisfies.

    Silence about the syntax means the default of the type asked for (PS3.18 Tables 8.7.3-2 and -5); for whole objects
    it is taken as "as stored", as dcm4chee does.
    """
    for value in wanted:
        if value.media_type not in ("*/*", media_type, "application/octet-stream"):
            continue
        syntax = value.transfer_syntax or DEFAULT_SYNTAXES.get(value.media_type, "*")
        if syntax in ("*", transfer_syntax):
            return value
    return None
