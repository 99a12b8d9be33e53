"""The three files of a database folder (or of memory), opened and closed together."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import uuid
from datetime import datetime, timezone
from pathlib import Path

from dicomlogic_core.errors import DatabaseError
from dicomlogic_core.findings import Finding, finding
from dicomlogic_core.index import checks, schema
from dicomlogic_core.index.database import Database, database_error
from dicomlogic_core.index.journal import leave_wal, use_best_journal


class Store:
    """An open database: `main` (ctkDICOM.sql), `cache` (ctkDICOMTagCache.sql) and `own` (dicomlogic.sql).

    Attributes:
        folder: where the files are; None in memory.
        findings: what was noticed while opening.
    """

    def __init__(self, folder: Path | None, main: Database, cache: Database, own: Database) -> None:
        self.folder = folder
        self.main = main
        self.cache = cache
        self.own = own
        self.findings: list[Finding] = []

    @property
    def read_only(self) -> bool:
        """True when nothing may be written."""
        return self.main.read_only

    @classmethod
    def open(cls, folder: str | Path | None, create: bool = True, read_only: bool = False) -> Store:
        """Open the database in `folder`; without a folder a new one in memory.

        Args:
            folder: where the three files are.
            create: make the folder and what is missing in it.
            read_only: write nothing, not even an index.

        Raises:
            DatabaseError: there is none, or it is of another version, foreign or damaged; the message says what to do.
        """
        checks.check_sqlite()
        place = None if folder is None else Path(folder)
        if place is not None:
            _check_folder(place, create=create and not read_only)
        opened: list[Database] = []
        try:
            for name in (schema.MAIN_FILE, schema.CACHE_FILE, schema.OWN_FILE):
                path = None if place is None else place / name
                if read_only and path is not None and name != schema.MAIN_FILE and not path.exists():
                    path = None  # made by CTK alone: what we would add is empty
                opened.append(
                    Database(path, create=path is not None and create, read_only=read_only and path is not None)
                )
            store = cls(place, *opened)
            store._prepare()
            return store
        except BaseException:
            for database in opened:
                database.close()
            raise

    def _prepare(self) -> None:
        works = True
        for database, prepare, check in (
            (self.main, _make_main, checks.check_main),
            (self.cache, _make_cache, checks.check_cache),
            (self.own, _make_own, checks.check_own),
        ):
            if _is_empty(database):
                if database.read_only:
                    raise DatabaseError(
                        "this database is empty", where=database.where, remedy="index something into it first"
                    )
                use_best_journal(database)
                database.write(lambda connection, prepare=prepare: prepare(connection))  # type: ignore[misc]
            check(database)
        self._check_whole()
        if not self.main.read_only:
            journals = [use_best_journal(database) for database in self._files()]
            works = all(journals)
            self.main.write(lambda connection: connection.execute(schema.URL_INDEX))
            self.own.rows("PRAGMA foreign_keys=ON")
        if not works:
            self.findings.append(
                finding(
                    "index.journal-fallback",
                    "write-ahead logging does not work in this folder",
                    where=(str(self.folder),),
                )
            )

    def _files(self) -> tuple[Database, Database, Database]:
        return self.main, self.cache, self.own

    def _check_whole(self) -> None:
        """Look for damage in files that were touched by others, or not closed, since we closed them."""
        stamps = _stamps(self.own)
        for database in self._files():
            # Our own file cannot vouch for itself to the byte; that it was closed is enough.
            if not stamps or (database is not self.own and stamps.get(database.name) != database.stamp()):
                checks.check_whole(database)
        if stamps and not self.own.read_only:
            self.own.write(lambda connection: connection.execute("DELETE FROM meta WHERE key = 'closed'"))

    def close(self) -> None:
        """Merge the logs and close the files; safe to call twice."""
        if self.main.closed:
            return
        for database in (self.main, self.cache):
            leave_wal(database)
        if not self.own.read_only and self.folder is not None:
            stamps = json.dumps({database.name: database.stamp() for database in (self.main, self.cache)})
            with contextlib.suppress(DatabaseError):  # a full disk: the files are checked at the next opening instead
                self.own.write(
                    lambda connection: connection.execute("INSERT OR REPLACE INTO meta VALUES ('closed', ?)", (stamps,))
                )
        leave_wal(self.own)
        for database in self._files():
            database.close()


def _stamps(own: Database) -> dict[str, list[int]]:
    """What the files were like when we closed them; empty when we did not."""
    try:
        stamps = json.loads(own.rows("SELECT value FROM meta WHERE key = 'closed'")[0][0])
    except (DatabaseError, IndexError, ValueError):
        return {}
    return stamps if isinstance(stamps, dict) else {}


def _check_folder(folder: Path, *, create: bool) -> None:
    exists = (folder / schema.MAIN_FILE).is_file()
    if exists:
        return
    if not create:
        raise DatabaseError(
            "there is no database in this folder", where=str(folder), remedy="index something into it first"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise database_error(error, folder) from error


def _is_empty(database: Database) -> bool:
    return not database.rows("SELECT 1 FROM sqlite_master LIMIT 1")


def _has_tables(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is not None


# Two processes may create a folder at once: whoever gets the lock second finds the tables and adds nothing.


def _make_main(connection: sqlite3.Connection) -> None:
    if _has_tables(connection):
        return
    for statement in schema.main_statements():
        connection.execute(statement)
    connection.execute("INSERT INTO SchemaInfo VALUES (?)", (schema.SCHEMA_VERSION,))
    connection.executemany("INSERT INTO ColumnDisplayProperties VALUES (?, ?, ?, ?, ?, ?)", schema.display_rows())


def _make_cache(connection: sqlite3.Connection) -> None:
    if not _has_tables(connection):
        connection.execute(schema.CACHE_TABLE)


def _make_own(connection: sqlite3.Connection) -> None:
    if _has_tables(connection):
        return
    for statement in schema.OWN_STATEMENTS:
        connection.execute(statement)
    created = datetime.now(timezone.utc).isoformat(timespec="seconds")
    connection.executemany("INSERT INTO meta VALUES (?, ?)", [("id", str(uuid.uuid4())), ("created", created)])
