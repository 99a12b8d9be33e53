"""Frames out of whole instances: Part-10 streams in memory, as servers send them for an instance or a series."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from dicomlogic_core.contracts import FetchResult
from dicomlogic_core.errors import DicomLogicError, PixelError
from dicomlogic_core.header.part10 import Part10Reader, read_dataset
from dicomlogic_core.header.rows import WantedTags
from dicomlogic_core.pixels.description import PixelDescription
from dicomlogic_core.pixels.encapsulated import frame_fragments
from dicomlogic_core.pixels.native import Bytes
from dicomlogic_core.pixels.syntaxes import BIG_ENDIAN, encapsulated
from dicomlogic_core.references import FrameRef

if TYPE_CHECKING:
    from pydicom import Dataset

_HEAD = 8192
_PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_SOP_UID = WantedTags.of(("00080018",))

Describe = Callable[[FrameRef], PixelDescription]


class _Readers(threading.local):
    """A header reader learns from what it reads, so every thread has its own."""

    def __init__(self) -> None:
        self.reader = Part10Reader(_SOP_UID)


_readers = _Readers()


def is_part10(data: Bytes | None) -> bool:
    """True for a Part-10 stream (PS3.10 7.1)."""
    return data is not None and len(data) > 132 and bytes(data[128:132]) == b"DICM"


def read_instance(data: Bytes) -> Dataset:
    """The dataset of a Part-10 stream in memory.

    Raises:
        HeaderError: it cannot be read.
    """
    return read_dataset(bytes(data))


def split_instance(
    result: FetchResult, refs: Iterable[FrameRef], describe: Describe, frames: int
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


def _frames(result: FetchResult, refs: Iterable[FrameRef], describe: Describe, frames: int) -> Iterator[FetchResult]:
    if result.data is None:
        raise PixelError("no data came", code="pixels.missing", remedy="fetch it again")
    table: list[list[tuple[int, int]]] | None = None
    view, syntax = memoryview(b""), ""
    for ref in refs:
        if not syntax:
            view, syntax = _pixel_value(result.data, ref, describe(ref))
            if encapsulated(syntax):
                table = frame_fragments(_reading(view), 0, len(view), frames)
        if table is not None:
            parts = [view[offset : offset + length] for offset, length in table[ref.frame - 1]]
            yield FetchResult(ref=ref, data=parts[0] if len(parts) == 1 else b"".join(parts), transfer_syntax=syntax)
        else:
            offset, length, _ = describe(ref).span(ref.frame)
            yield FetchResult(ref=ref, data=view[offset : offset + length], transfer_syntax=syntax)


def _reading(view: memoryview) -> Callable[[int, int], bytes]:
    return lambda offset, size: bytes(view[offset : offset + size])


def _pixel_value(data: Bytes, ref: FrameRef, description: PixelDescription) -> tuple[memoryview, str]:
    """The pixel value inside an instance, and its transfer syntax."""
    view = memoryview(data)
    row = _readers.reader.read(bytes(view[:_HEAD]), lambda size: bytes(view[:size]))
    if row.texts[0] != ref.sop_uid:
        raise PixelError("another instance came", code="pixels.missing", where=ref.sop_uid, remedy="fetch it again")
    syntax = row.transfer_syntax or "1.2.840.10008.1.2"
    swapped = syntax == BIG_ENDIAN and description.bits_allocated <= 8
    if row.pixel_offset is None or swapped:
        return _value_by_pydicom(data, swapped), syntax
    end = len(view) if row.pixel_length is None else row.pixel_offset + row.pixel_length
    return view[row.pixel_offset : end], syntax


def _value_by_pydicom(data: Bytes, swapped: bool) -> memoryview:
    dataset = read_dataset(bytes(data))
    element = next((dataset[keyword] for keyword in _PIXEL_KEYWORDS if keyword in dataset), None)
    if element is None or not element.value:
        raise PixelError("the instance has no pixel data", code="pixels.missing", remedy="check the source")
    value = bytes(element.value)
    if swapped and element.VR == "OW":
        # Two 8-bit samples are one big endian word (PS3.5 8.1.1).
        words = bytearray(value)
        words[0::2], words[1::2] = value[1::2], value[0::2]
        value = bytes(words)
    return memoryview(value)
