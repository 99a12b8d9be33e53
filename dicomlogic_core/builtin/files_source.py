"""The ``files`` source: DICOM files in folders, or single files, in an order that never depends on the file system."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from dicomlogic_core import (
    Failure,
    HeaderBatch,
    InstanceRef,
    Location,
    Query,
    SourceError,
    Unchanged,
    WorkContext,
    finding,
)

HEAD_BYTES = 8192
BATCH_FILES = 256

_NO_REF = InstanceRef(study_uid="", series_uid="", sop_uid="")
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0)  # Windows would translate line ends
# First bytes of programs: Windows, ELF, Mach-O in its byte orders, scripts (CVE-2019-11687).
_MAGIC = ("4d5a", "7f454c46", "feedface", "feedfacf", "cefaedfe", "cffaedfe", "cafebabe", "2321")
_EXECUTABLE = tuple(map(bytes.fromhex, _MAGIC))


class FilesSource:
    """Walks folders and yields the beginning of every file; whether it is DICOM is decided by the header reader."""

    def scan(
        self, query: Query, known: Callable[[str], str | None], context: WorkContext
    ) -> Iterator[HeaderBatch | Failure | Unchanged]:
        """One pass in code-point order of the relative path.

        Keys are absolute paths, versions ``size:mtime_ns``. A DICOMDIR is read like any other file, so that
        the files it lists are found even where it is wrong.

        Raises:
            SourceError: the folder or file does not exist or cannot be listed.
        """
        start = local_path(query.location)
        root = os.path.abspath(start)  # noqa: PTH100 resolve() would follow links
        if not os.path.exists(root):
            raise SourceError("there is no such file or folder", code="source", where=start, remedy="check the path")
        batch = _Batch(root if Path(root).is_dir() else os.path.dirname(root))
        unchanged = 0
        for found in _walk(root):
            if isinstance(found, Failure):
                yield found
                continue
            path, version = found
            if known(path) == version:
                unchanged += 1
                if unchanged == BATCH_FILES * 4:
                    yield Unchanged(count=unchanged)
                    unchanged = 0
                continue
            try:
                head = read_start(path, HEAD_BYTES)
            except OSError as error:
                yield _unreadable(path, error, version)
                continue
            if head.startswith(_EXECUTABLE) and head[128:132] == b"DICM":
                context.report(finding("file.preamble-executable", "the preamble looks like a program", where=(path,)))
            batch.add(path, version, head)
            if len(batch.paths) == BATCH_FILES:
                yield batch.take()
        if batch.paths:
            yield batch.take()
        if unchanged:
            yield Unchanged(count=unchanged)


@dataclass(slots=True)
class _Batch:
    """Heads collected so far."""

    source: str
    paths: list[str] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def add(self, path: str, version: str, head: bytes) -> None:
        self.paths.append(path)
        self.sizes.append(int(version.partition(":")[0]))
        self.versions.append(version)
        self.heads.append(head)

    def take(self) -> HeaderBatch:
        paths, versions, heads, sizes = self.paths, self.versions, self.heads, self.sizes
        self.paths, self.versions, self.heads, self.sizes = [], [], [], []

        def more(index: int, size: int) -> bytes:
            whole = sizes[index] <= len(heads[index])
            return heads[index] if whole else read_start(paths[index], size)

        return HeaderBatch(
            form="part10",
            headers=heads,
            locations=[Location(ref=_NO_REF, source=self.source, path=path) for path in paths],
            more=more,
            versions=versions,
            keys=paths,
            sizes=sizes,
        )


def local_path(location: str) -> str:
    """The path of a folder, file or ``file:`` URL as the user named it."""
    if location.lower().startswith("file:"):
        parts = urlsplit(location)
        host = f"//{parts.netloc}" if parts.netloc not in ("", "localhost") else ""
        return url2pathname(host + parts.path)
    return str(Path(location).expanduser())


def read_start(path: str, size: int) -> bytes:
    """The first `size` bytes of a file, fewer only at its end.

    Raises:
        OSError: the file cannot be opened or read.
    """
    descriptor = os.open(path, _OPEN_FLAGS)
    try:
        data = os.read(descriptor, size)
        # A short answer is the end of the file nearly always; network file systems may deliver in pieces.
        while len(data) < size and (piece := os.read(descriptor, size - len(data))):
            data += piece
        return data
    finally:
        os.close(descriptor)


def _walk(root: str) -> Iterator[tuple[str, str] | Failure]:
    """Path and version of every file below `root` (or of `root`), each folder once also when links make a loop."""
    if not Path(root).is_dir():
        try:
            yield root, _version(os.stat(root))
        except OSError as error:
            yield _unreadable(root, error)
        return
    visited: set[tuple[int, int]] = set()
    pending = [root]
    while pending:
        path = pending.pop()
        if not path.endswith(os.sep) and path != root:
            if (found := _file(path)) is not None:
                yield found
            continue
        try:
            status = os.stat(path)
            if (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                listed = [(entry, _is_folder(entry)) for entry in entries]
        except OSError as error:
            yield _unreadable(path.rstrip(os.sep) or path, error)
            continue
        if not any(is_folder for _, is_folder in listed):
            # The usual leaf folder: the entry's own stat saves building and splitting paths.
            for entry, _ in sorted(listed, key=lambda item: item[0].name):
                if (found := _file(entry)) is not None:
                    yield found
            continue
        # A folder's name is compared with its separator: that is the code-point order of relative paths.
        names = [entry.path + os.sep if is_folder else entry.path for entry, is_folder in listed]
        pending.extend(sorted(names, reverse=True, key=lambda name: name.replace(os.sep, "/")))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: told as a file that cannot be read, its neighbours go on
        return False


def _file(entry: str | os.DirEntry[str]) -> tuple[str, str] | Failure | None:
    """Path and version of a regular file; None for devices and pipes, which would block."""
    path = entry if isinstance(entry, str) else entry.path
    try:
        status = os.stat(path) if isinstance(entry, str) else entry.stat()
    except OSError as error:
        return _unreadable(path, error)
    return (path, _version(status)) if stat.S_ISREG(status.st_mode) else None


def _version(status: os.stat_result) -> str:
    return f"{status.st_size}:{status.st_mtime_ns}"


def _unreadable(path: str, error: OSError, version: str = "") -> Failure:
    reason = error.strerror or type(error).__name__
    problem = SourceError(
        f"could not be read: {reason}",
        code="file.unreadable",
        where=path,
        remedy="check its permissions, then index again",
    )
    return Failure(location=path, error=problem, key=path, version=version)
