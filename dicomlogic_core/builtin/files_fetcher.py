"""Frames of local Part-10 files, read straight into their place where that is possible."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from dicomlogic_core import (
    BulkRef,
    DicomLogicError,
    FetchContext,
    FetchResult,
    FrameRef,
    HeaderError,
    InstanceRef,
    Location,
    PixelError,
    frame_fragments,
)

_BATCH = 16
_SHARES = 8  # batches that even a small series is cut into, so that threads end at about the same time
_LITTLE = 1 << 20  # bytes: reading them takes less time than starting threads
_HEAD = 1024  # the file meta information, which names the instance, is mostly shorter
_TABLES = 16
_VECTORS = 256  # buffers per call; every system allows at least so many

_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_SMALL = 65536
_LARGE = 1 << 30  # within what every system reads with one call

_pread: Callable[[int, int, int], bytes] | None = getattr(os, "pread", None)
_preadv: Callable[[int, Sequence[memoryview], int], int] | None = getattr(os, "preadv", None)


class LocalFile:
    """A file open for reading at offsets; with one system call for several buffers where the system has it."""

    def __init__(self, path: str) -> None:
        self._number = os.open(path, _FLAGS)

    def __enter__(self) -> LocalFile:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._number)

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return os.fstat(self._number).st_size

    def read(self, offset: int, size: int) -> bytes:
        """`size` bytes, fewer only at the end of the file."""
        if size > _SMALL:
            size = max(0, min(size, self.size - offset))  # what a file cannot hold is not allocated
        if size <= _LARGE and _pread is not None:
            return _pread(self._number, size, offset)
        view = memoryview(bytearray(size))
        return bytes(view[: self.read_into(offset, [view])])

    def read_into(self, offset: int, views: Sequence[memoryview]) -> int:
        """Fill buffers one after the other; the number of bytes read, fewer than wanted only at the end of the file."""
        wanted = sum([view.nbytes for view in views])
        done = _preadv(self._number, views, offset) if _preadv is not None else 0
        return done if done == wanted else self._read_rest(offset, views, done)

    def _read_rest(self, offset: int, views: Sequence[memoryview], done: int) -> int:
        """What one call left over: systems limit a single read to 2 GiB, and some have no reading at offsets."""
        start = 0
        with io.FileIO(self._number, closefd=False) as file:
            file.seek(offset + done)
            for view in views:
                while start <= done < start + view.nbytes:
                    count = file.readinto(view[done - start :])
                    if not count:
                        return done
                    done += count
                start += view.nbytes
        return done


class FilesFetcher:
    """Meets `Fetcher` for locations with a path."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tables: dict[tuple[str, int, int], list[list[tuple[int, int]]]] = {}

    def plan(self, locations: Sequence[Location]) -> Sequence[Sequence[Location]]:
        """Up to 16 frames per batch, those of one file together; fewer when that leaves a thread without work.

        Little native data, such as most doses, is one batch.
        """
        by_path: dict[str, list[Location]] = {}
        for location in locations:
            by_path.setdefault(location.path or "", []).append(location)
        ordered = [location for group in by_path.values() for location in group]
        size = max(1, min(_BATCH, len(ordered) // _SHARES))
        if all(map(_is_native, ordered)) and sum(location.length or 0 for location in ordered) <= _LITTLE:
            size = max(1, len(ordered))
        return [ordered[start : start + size] for start in range(0, len(ordered), size)]

    def fetch(self, batch: Sequence[Location], context: FetchContext) -> Iterator[FetchResult]:
        """One result per location; a file that vanished or was replaced gives error values for what was in it."""
        for path, group in groupby(batch, key=lambda location: location.path or ""):
            locations = list(group)
            try:
                with LocalFile(path) as file:
                    for location in {location.ref.sop_uid: location for location in locations}.values():
                        _check_identity(file, location, path)
                    yield from self._fetch_file(file, path, locations, context)
            except OSError as error:
                yield from _failures(locations, _unreadable(path, error))
            except DicomLogicError as error:
                yield from _failures(locations, error)

    def _fetch_file(
        self, file: LocalFile, path: str, locations: Sequence[Location], context: FetchContext
    ) -> Iterator[FetchResult]:
        native: list[Location] = []
        others: list[Location] = []
        for location in locations:
            (native if _is_native(location) else others).append(location)
        yield from _read_native(file, native, context)
        for location in others:
            try:
                data = self._read_other(file, path, location)
                yield FetchResult(ref=location.ref, data=data, transfer_syntax=location.transfer_syntax)
            except DicomLogicError as error:
                yield FetchResult(ref=location.ref, error=error)

    def _read_other(self, file: LocalFile, path: str, location: Location) -> bytes | memoryview:
        ref = location.ref
        if isinstance(ref, InstanceRef):
            return file.read(0, file.size)
        if isinstance(ref, BulkRef):
            return _bulk_value(file, ref)
        if location.offset is None:
            raise PixelError("where its pixel data is was not indexed", code="pixels.missing", remedy="index it again")
        if location.frames == 1:
            # One call for all of it, then no copy: mostly there is nothing behind the only frame.
            data = memoryview(file.read(location.offset, file.size))
            parts = frame_fragments(lambda offset, size: bytes(data[offset : offset + size]), 0, len(data), 1)[0]
            pieces: list[memoryview | bytes] = [data[offset : offset + length] for offset, length in parts]
        else:
            parts = self._table(file, path, location.offset, location.frames)[ref.frame - 1]
            pieces = [file.read(offset, length) for offset, length in parts]
        if any(len(piece) < length for piece, (_, length) in zip(pieces, parts)):
            raise PixelError("the file ends inside the frame", code="pixels.short", where=path, remedy="copy it again")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _table(self, file: LocalFile, path: str, offset: int, frames: int) -> list[list[tuple[int, int]]]:
        """Fragments of every frame of a multi-frame file, remembered for the next batch."""
        key = (path, file.size, offset)
        with self._lock:
            table = self._tables.get(key)
        if table is None:
            table = frame_fragments(file.read, offset, file.size, frames)
            with self._lock:
                if len(self._tables) >= _TABLES:
                    self._tables.pop(next(iter(self._tables)))
                self._tables[key] = table
        return table


def _is_native(location: Location) -> bool:
    return isinstance(location.ref, FrameRef) and location.offset is not None and location.length is not None


def _read_native(file: LocalFile, locations: Sequence[Location], context: FetchContext) -> Iterator[FetchResult]:
    """Runs of frames that lie one behind the other are read with one call, each into its own place."""
    start = 0
    while start < len(locations):
        first = locations[start].offset or 0
        views: list[memoryview] = []
        end = first
        for location in locations[start : start + _VECTORS]:
            if location.offset != end:
                break
            length = location.length or 0
            view = context.buffer(location.ref, length)
            if view is None:  # what a file cannot hold is not allocated
                view = memoryview(bytearray(max(0, min(length, file.size - end))))
            views.append(view)
            end += length
        left = file.read_into(first, views)
        for location, view in zip(locations[start:], views):
            part = view if left >= view.nbytes else view[: max(0, left)]
            left -= view.nbytes
            yield FetchResult(ref=location.ref, data=part, transfer_syntax=location.transfer_syntax)
        start += len(views)


def _check_identity(file: LocalFile, location: Location, path: str) -> None:
    """Refuse a file that is no longer the instance that was indexed: its UID must be in front of the pixel data."""
    uid = location.ref.sop_uid.encode("latin-1", "replace")  # as damaged UIDs were decoded
    if _names(file.read(0, _HEAD), uid):
        return
    size = file.size if location.offset is None else location.offset
    if location.transfer_syntax != _DEFLATED and not _names(file.read(0, size), uid):
        raise PixelError(
            "the file no longer holds the instance that was indexed",
            code="file.changed",
            where=path,
            remedy="index its folder again",
        )


def _names(head: bytes, uid: bytes) -> bool:
    found = head.find(uid)
    while found >= 0:
        # A longer UID that begins like this one is another one.
        after = head[found + len(uid) : found + len(uid) + 1]
        if not (after.isdigit() or after == b"."):
            return True
        found = head.find(uid, found + 1)
    return False


def _bulk_value(file: LocalFile, ref: BulkRef) -> bytes:
    """The bytes of a value as they are in the file."""
    import pydicom

    *path, last = ref.path
    try:
        dataset = pydicom.dcmread(io.BytesIO(file.read(0, file.size)), force=True)
        for tag, item in zip(path[::2], path[1::2]):
            dataset = dataset[int(str(tag), 16)].value[int(item)]
        value = dataset.get_item(int(str(last), 16)).value
    except Exception as error:  # pydicom raises anything on damaged files
        raise HeaderError(
            f"no value at {'/'.join(map(str, ref.path))}", where=ref.sop_uid, remedy="index it again"
        ) from error
    if not isinstance(value, (bytes, bytearray)):
        raise HeaderError(f"{'/'.join(map(str, ref.path))} is no single value", where=ref.sop_uid)
    return bytes(value)


def _failures(locations: Sequence[Location], error: DicomLogicError) -> Iterator[FetchResult]:
    for location in locations:
        yield FetchResult(ref=location.ref, error=error)


def _unreadable(path: str, error: OSError) -> PixelError:
    if isinstance(error, FileNotFoundError):
        return PixelError(
            "the file is gone",
            code="pixels.missing",
            where=path,
            remedy="put it back, or index the folder it was moved to",
        )
    return PixelError(
        f"the file cannot be read: {error.strerror}", code="file.unreadable", where=path, remedy="check its permissions"
    )


_DEFLATED = "1.2.840.10008.1.2.1.99"
