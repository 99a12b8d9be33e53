"""Multipart bodies (RFC 2387), as the standard has them and as servers and broken connections have been seen to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dicomlogic_core.testing.server_answers import Answer, Part

BOUNDARY = "loopback-0123456789abcdef"


def multipart(parts: Sequence[Part], form: str = "plain", *, chunked: bool = False) -> Answer:
    """A multipart answer in one of the `FORMS`; files stay on disk until they are sent where the form allows it."""
    answer = FORMS[form](parts)
    if chunked:
        answer.length = "chunked"
    return answer


def plain(
    parts: Sequence[Part], *, boundary: str = BOUNDARY, content_type: str | None = None, end: bytes | None = None
) -> Answer:
    """The form of the standard: headers, Content-Length, closing delimiter."""
    delimiter = b"--" + boundary.encode()
    body: list[object] = []
    for part in parts:
        head = [f"Content-Type: {part.content_type}", f"Content-Length: {_size(part)}"]
        if part.location:
            head.append(f"Content-Location: {part.location}")
        body += [delimiter + b"\r\n" + "\r\n".join(head).encode() + b"\r\n\r\n", part.body, b"\r\n"]
    body.append(delimiter + b"--\r\n" if end is None else end)
    if content_type is None:
        content_type = f'multipart/related; type="{parts[0].media_type}"; boundary={boundary}'
    return Answer(media_type=content_type, body=body)  # type: ignore[arg-type]  # bytes and paths


def _size(part: Part) -> int:
    return len(part.body) if isinstance(part.body, bytes) else part.body.stat().st_size


def _quoted(parts: Sequence[Part]) -> Answer:
    return plain(parts, content_type=f'multipart/related; type="{parts[0].media_type}"; boundary="{BOUNDARY}"')


def _static(parts: Sequence[Part]) -> Answer:
    return plain(parts, content_type="multipart/related; type=application/octet-stream", end=f"--{BOUNDARY}".encode())


FORMS: Mapping[str, Callable[[Sequence[Part]], Answer]] = {
    "plain": plain,
    "M2": _quoted,
    "M6+M17": _static,
}
