"""Frames out of whole instances: a Part-10 stream in memory, as servers send it when asked for an instance or a series."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from dicomlogic_core.contracts import FetchResult
from dicomlogic_core.errors import DicomLogicError, PixelError
from dicomlogic_core.pixels.description import PixelDescription
from dicomlogic_core.pixels.encapsulated import frame_fragments
from dicomlogic_core.pixels.native import Bytes
from dicomlogic_core.pixels.syntaxes import encapsulated
from dicomlogic_core.references import FrameRef

if TYPE_CHECKING:
    from pydicom import Dataset

_PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def is_part10(data: Bytes | None) -> bool:
    """True for a Part-10 stream (PS3.10 7.1)."""
    return data is not None and len(data) > 132 and bytes(data[128:132]) == b"DICM"


def read_instance(data: Bytes) -> Dataset:
    """The dataset of a Part-10 stream in memory.

    Raises:
        PixelError: ``pixels.decode-failed``: it cannot be read.
    """
    from pydicom import dcmread

    try:
        return dcmread(io.BytesIO(data), force=True)
    except Exception as error:  # pydicom raises anything on damaged data
        raise PixelError(
            f"the instance cannot be read: {error}"[:200], code="pixels.decode-failed", remedy="fetch it again"
        ) from error


def split_instance(
    result: FetchResult, refs: Iterable[FrameRef], describe: Callable[[FrameRef], PixelDescription], frames: int
) -> Iterator[FetchResult]:
    """Results for frames of an instance, from a result that holds all of it, or failed."""
    error = result.error
    if error is None:
        try:
            yield from _frames(result, refs, describe, frames)
            return
        except DicomLogicError as problem:
            error = problem
    for ref in refs:
        yield FetchResult(ref=ref, error=error, retryable=result.retryable)


def _frames(
    result: FetchResult, refs: Iterable[FrameRef], describe: Callable[[FrameRef], PixelDescription], frames: int
) -> Iterator[FetchResult]:
    assert result.data is not None
    dataset = read_instance(result.data)
    syntax = str(getattr(dataset.file_meta, "TransferSyntaxUID", "")) if hasattr(dataset, "file_meta") else ""
    value = next((dataset[keyword].value for keyword in _PIXEL_KEYWORDS if keyword in dataset), None)
    if not value:
        raise PixelError("the instance has no pixel data", code="pixels.missing", remedy="check the source")
    view = memoryview(value)
    if encapsulated(syntax):
        table = frame_fragments(lambda offset, size: bytes(view[offset : offset + size]), 0, len(view), frames)
        for ref in refs:
            parts = [view[offset : offset + length] for offset, length in table[ref.frame - 1]]
            yield FetchResult(ref=ref, data=parts[0] if len(parts) == 1 else b"".join(parts), transfer_syntax=syntax)
        return
    for ref in refs:
        offset, length, _ = describe(ref).span(ref.frame)
        yield FetchResult(ref=ref, data=view[offset : offset + length], transfer_syntax=syntax)
