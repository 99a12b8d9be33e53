"""Multipart bodies (RFC 2387), as the standard has them and as servers and broken connections have been seen to.

Delimiters and line ends inside the payload are no form of their own: choose pixels that hold them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from dicomlogic_core.testing.server_answers import Answer, Part, Piece, compress

BOUNDARY = "loopback-0123456789abcdef"
_TYPE = "Content-Type: {type}; transfer-syntax={syntax}"
_LENGTH = "Content-Length: {length}"
_LOCATION = "Content-Location: {location}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a body of several parts is written; the texts may hold ``{type} {syntax} {length} {location} {boundary}``.

    Attributes:
        content_type: of the whole answer; "" sends none.
        heads: header lines of each part.
        line: end of a line.
        before: what precedes the first delimiter.
        after_delimiter: blanks at the end of delimiter lines.
        end: what follows the last part.
        bare: True sends the first part's bytes alone, without any delimiter.
        cut: bytes missing at the end; the Content-Length of the answer fits what is sent.
        change: what happens to the parts before.
        length: as in `Answer`.
        gzip: True compresses the body.
    """

    content_type: str = 'multipart/related; type="{type}"; boundary={boundary}'
    boundary: str = BOUNDARY
    heads: tuple[str, ...] = (_TYPE, _LENGTH, _LOCATION)
    line: str = "\r\n"
    before: str = ""
    after_delimiter: str = ""
    end: str = "--{boundary}--\r\n"
    bare: bool = False
    cut: int = 0
    change: Callable[[Sequence[Part]], Sequence[Part]] = list
    length: str = "declared"
    gzip: bool = False


def multipart(parts: Sequence[Part], form: str = "plain", *, chunked: bool = False) -> Answer:
    """A multipart answer in one of the `FORMS`; files are read when they are sent, where the form allows it.

    Raises:
        KeyError: no such form.
    """
    wanted = FORMS[form]
    names = _names(parts[0], wanted)
    changed = wanted.change(parts)
    body = [changed[0].body] if wanted.bare else _written(changed, wanted)
    answer = Answer(media_type=wanted.content_type.format_map(names), body=body, length=wanted.length)
    if wanted.cut:
        answer.body = [answer.data()[: -wanted.cut]]
    if wanted.gzip:
        compress(answer)
    if chunked:
        answer.length = "chunked"
    return answer


def _written(parts: Sequence[Part], form: Form) -> list[Piece]:
    delimiter = f"--{form.boundary}{form.after_delimiter}{form.line}"
    body: list[Piece] = [form.before.encode()]
    for part in parts:
        names = _names(part, form)
        heads = [head.format_map(names) for head in form.heads if head != _LOCATION or part.location]
        if not part.transfer_syntax:
            heads = [head.partition("; transfer-syntax=")[0] for head in heads]
        text = "".join(f"{head}{form.line}" for head in heads)
        body += [f"{delimiter}{text}{form.line}".encode(), part.body, form.line.encode()]
    return [*body, form.end.format(boundary=form.boundary).encode()]


def _names(part: Part, form: Form) -> dict[str, object]:
    return {
        "type": part.media_type,
        "syntax": part.transfer_syntax,
        "location": part.location,
        "length": len(part.body) if isinstance(part.body, bytes) else part.body.stat().st_size,
        "boundary": form.boundary,
    }


def _all(change: Callable[[bytes], bytes]) -> Callable[[Sequence[Part]], Sequence[Part]]:
    return lambda parts: [replace(part, body=change(part.data)) for part in parts]


# Numbered by variant, with what deviates after a hyphen; a comment names a server that sends it.
_RELATED = 'multipart/related; type="{type}"'
FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "plain": Form(),
        "M1": Form(content_type='multipart/related; type="{type}; transfer-syntax={syntax}"; boundary={boundary}'),
        "M2": Form(content_type=_RELATED + '; boundary="{boundary}"'),  # tiny_pacs
        "M3": Form(),  # Orthanc
        "M4": Form(content_type='multipart/related; boundary={boundary}; type="{type}"'),
        "M5": Form(content_type=_RELATED + '; boundary="{boundary}"', boundary="a=b:c/d"),
        "M6": Form(content_type="multipart/related; type={type}"),
        "M6+M17": Form(content_type="multipart/related; type=application/octet-stream", end="--{boundary}"),  # static
        "M7": Form(content_type="multipart/related; type={type}", bare=True),
        "M8": Form(content_type="application/octet-stream", bare=True),  # Azure
        "M9": Form(content_type="image/jp2", bare=True),
        "M10": Form(content_type="application/dicom; transfer-syntax={syntax}", bare=True),  # tiny_pacs
        "M11": Form(content_type=""),
        "M12": Form(before="This is a message in several parts.\r\n"),
        "M13": Form(line="\n", end="--{boundary}--\n"),
        "M14": Form(heads=()),
        "M15": Form(change=_all(lambda data: b"")),
        "M16": Form(end="--{boundary}--"),
        "M17": Form(end="--{boundary}"),  # the static file creator
        "M18": Form(after_delimiter=" \t"),
        "M19": Form(change=lambda parts: []),
        "M21": Form(end=""),  # a dropped connection
        "M22": Form(end="", cut=100),
        "M25": Form(heads=('Content-Type: {type}; transfer-syntax="{syntax}"', _LENGTH)),
        "M26": Form(heads=("Content-Type: {type};transfer-syntax={syntax}", _LENGTH)),
        "M27": Form(heads=("Content-Type: {type}; transfer-syntax=*", _LENGTH)),
        "M28": Form(heads=("Content-Type: image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50", _LENGTH)),
        "M29": Form(length="chunked"),
        "M29-close": Form(length="close"),
        "M30": Form(end="--{boundary}--\r\nThis text belongs to no part.\r\n"),
        "M31": Form(heads=(_TYPE, "Content-Length: 1")),
        "M31-long": Form(heads=(_TYPE, "Content-Length: 1{length}")),
        "M31-negative": Form(heads=(_TYPE, "Content-Length: -{length}")),
        "M31-text": Form(heads=(_TYPE, "Content-Length: many")),
        "M33": Form(
            content_type='Multipart/Related; TYPE="{type}"; BOUNDARY={boundary}',
            heads=("CONTENT-TYPE: {type};\r\n transfer-syntax={syntax}", "content-length: {length}"),
        ),
        "M34": Form(gzip=True),
        "M35": Form(change=lambda parts: list(reversed(parts))),
        "M36-fewer": Form(change=lambda parts: parts[:-1]),
        "M36-more": Form(change=lambda parts: [*parts, parts[-1]], heads=(_TYPE, _LENGTH)),
        "M36-twice": Form(change=lambda parts: [*parts[:-1], parts[0]]),
        "unlabelled": Form(heads=(_TYPE, _LENGTH)),
        "half": Form(change=_all(lambda data: data[: len(data) // 2])),
        "byte-short": Form(change=_all(lambda data: data[:-1])),
        "byte-long": Form(change=_all(lambda data: data + b"\0")),
        "two-bytes-long": Form(change=_all(lambda data: data + b"\0\0")),
    }
)
