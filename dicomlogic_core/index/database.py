"""One SQLite file: guarded opening, reads, and write transactions that wait for other writers."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from dicomlogic_core.errors import DatabaseError

T = TypeVar("T")

BUSY_SECONDS = 5.0
BUSY_RETRIES = 5
_BUSY_PAUSE = 0.05
IN_LIST = 900
"""Values per IN list; SQLite's own limit was 999 for long."""

_VALUE_LIMIT = 256 << 20
_LIMIT_LENGTH = 0  # SQLITE_LIMIT_LENGTH
_MAGIC = b"SQLite format 3\0"


class Database:
    """A connection behind a lock. In memory there can be no second one, and one is enough for files too."""

    def __init__(self, path: Path | None, *, create: bool = False, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self.lock = threading.RLock()
        self.closed = False
        self._connection = self._connect(path, create=create, read_only=read_only)

    def _connect(self, path: Path | None, *, create: bool, read_only: bool) -> sqlite3.Connection:
        mode = "ro" if read_only else "rwc" if create else "rw"
        target = ":memory:" if path is None else f"{path.absolute().as_uri()}?mode={mode}"
        try:
            if path is not None and path.exists() and path.stat().st_size:
                with path.open("rb") as file:
                    if file.read(16) != _MAGIC:
                        raise damaged(path, "it is no SQLite file")
            connection = sqlite3.connect(
                target, uri=path is not None, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        except (sqlite3.Error, OSError) as error:
            raise database_error(error, path) from error
        _harden(connection)
        return connection

    @property
    def where(self) -> str:
        """The file's name for messages."""
        return str(self.path) if self.path else "memory"

    @property
    def name(self) -> str:
        """The file's name without its folder; "" in memory."""
        return self.path.name if self.path else ""

    def stamp(self) -> list[int]:
        """Size and time of the file, by which a change made by others is noticed."""
        if self.path is None:
            return []
        status = self.path.stat()
        return [status.st_size, status.st_mtime_ns]

    def rows(self, sql: str, parameters: Sequence[Any] = (), *, retries: int = BUSY_RETRIES) -> list[tuple[Any, ...]]:
        """All rows of a query, asked again up to `retries` times while another process holds the file.

        Raises:
            DatabaseError: the file cannot be read.
        """
        return self._patiently(lambda: self._connection.execute(sql, parameters).fetchall(), retries)

    def rows_in(self, sql: str, values: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
        """Rows of a query with one ``IN (?)``, asked in lists that any SQLite accepts."""
        wanted = list(values)
        for start in range(0, len(wanted), IN_LIST):
            part = wanted[start : start + IN_LIST]
            yield from self.rows(sql.replace("(?)", f"({','.join('?' * len(part))})"), part)

    def write(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """Run `action` in one transaction: all of it is kept or nothing.

        The whole transaction is tried again when another process holds the file beyond the busy timeout.

        Raises:
            DatabaseError: read-only, locked for too long, damaged, or the disk is full.
        """
        return self._patiently(lambda: self._attempt(action))

    def _patiently(self, action: Callable[[], T], retries: int = BUSY_RETRIES) -> T:
        """Run `action`, again while another process holds the file.

        SQLite gives up at once, without its busy timeout, where waiting could deadlock: while another process changes
        the journal or recovers it. Hence the pauses between the attempts.
        """
        with self.lock:
            for attempt in range(retries + 1):
                try:
                    return action()
                except (sqlite3.Error, UnicodeDecodeError) as error:
                    if attempt == retries or not _is_busy(error):
                        raise database_error(error, self.path) from error
                    time.sleep(_BUSY_PAUSE * 2**attempt)
            raise AssertionError("unreachable")

    def _attempt(self, action: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = action(connection)
            connection.execute("COMMIT")
            return result
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def pragma(self, text: str, *, retries: int = BUSY_RETRIES) -> Any:
        """The first value a pragma answers, None when it answers nothing."""
        rows = self.rows(f"PRAGMA {text}", retries=retries)
        return rows[0][0] if rows else None

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        with self.lock:
            self.closed = True
            self._connection.close()


def _harden(connection: sqlite3.Connection) -> None:
    # A database file is hostile input: nothing in its schema may run, no value may exhaust the memory.
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")
    connection.text_factory = _text
    if hasattr(connection, "setlimit"):  # Python 3.11
        connection.setlimit(_LIMIT_LENGTH, _VALUE_LIMIT)
    if hasattr(connection, "setconfig"):  # Python 3.12
        for name, on in (("DEFENSIVE", True), ("ENABLE_TRIGGER", False), ("ENABLE_VIEW", False)):
            connection.setconfig(getattr(sqlite3, f"SQLITE_DBCONFIG_{name}"), on)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _is_busy(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and ("locked" in str(error) or "busy" in str(error))


def damaged(path: Path | None, reason: str) -> DatabaseError:
    """The error for a file that cannot be used."""
    return DatabaseError(
        f"the database cannot be used: {reason}",
        code="index.damaged",
        where=str(path or ""),
        remedy="index into a new folder, or restore a copy",
    )


def database_error(error: Exception, path: Path | None) -> DatabaseError:
    """The error to raise for what SQLite or the file system said."""
    text = str(error)
    where = str(path or "")
    # Names in a damaged schema may be no text at all, which the sqlite3 module decodes by itself.
    if isinstance(error, UnicodeDecodeError) or "malformed" in text or "not a database" in text:
        return damaged(path, text)
    for sign, message, remedy in (
        ("full", "the disk is full; what was committed before stays", "free some space, then index again"),
        ("readonly", "the database cannot be written", "check the permissions of its folder"),
        ("locked", "another program keeps the database locked", "close it, then try again"),
        ("unable to open", "the database cannot be opened", "check the folder and its permissions"),
    ):
        if sign in text:
            return DatabaseError(message, where=where, remedy=remedy)
    return DatabaseError(f"the database failed: {text}", where=where, remedy="check the disk and the folder")
