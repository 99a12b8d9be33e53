"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import io
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from dicomlogic_core.errors import WriteError


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """A new, unbuffered file under a temporary name beside `target`; it takes its place when the block ends well.

    After an error, or Ctrl-C, the temporary file is gone and `target` is as it was.

    Raises:
        WriteError: the system refused (full disk, no permission, no such folder, name too long).
    """
    temporary = target.with_name(f".{secrets.token_hex(6)}.part")
    try:
        try:
            with open(temporary, "xb", buffering=0) as file:
                yield cast("BinaryIO", _Whole(file))
            temporary.replace(target)
        finally:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                temporary.unlink()
    except OSError as error:
        full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
        raise WriteError(
            f"could not be written: {error.strerror or error}; nothing was left under this name",
            where=str(target),
            remedy="free some space, then run again" if full else "check the folder and its permissions",
        ) from error


class _Whole(io.RawIOBase):
    """Takes all it is given: of a disk that is nearly full, an unbuffered file takes what fits and says so by a number.

    Whoever passed over that number would leave a short file under its final name.
    """

    def __init__(self, file: io.RawIOBase) -> None:
        super().__init__()
        self._file = file

    def write(self, data: Any) -> int:
        """Write all bytes; their number."""
        left = memoryview(data).cast("B")
        size = len(left)
        while left:
            left = left[self._file.write(left) or 0 :]
        return size

    def writable(self) -> bool:
        """It is for writing."""
        return True

    def seekable(self) -> bool:
        """As the file."""
        return self._file.seekable()

    def seek(self, offset: int, whence: int = 0) -> int:
        """As the file."""
        return self._file.seek(offset, whence)

    def fileno(self) -> int:
        """As the file."""
        return self._file.fileno()
