"""What an existing database must be before anything is read from it or written to it."""

from __future__ import annotations

import functools
import sqlite3

from dicomlogic_core.errors import DatabaseError
from dicomlogic_core.index.database import Database, damaged
from dicomlogic_core.index.schema import CACHE_TABLE, OWN_VERSION, SCHEMA_VERSION, TABLES, main_statements

SQLITE_FLOOR = (3, 37, 0)


def check_sqlite() -> None:
    """Refuse a SQLite library that lacks what the own file needs."""
    if sqlite3.sqlite_version_info < SQLITE_FLOOR:
        raise DatabaseError(
            f"SQLite {sqlite3.sqlite_version} is too old, 3.37 is needed",
            remedy="use a newer Python, or pip install pysqlite3-binary",
        )


def check_main(database: Database) -> None:
    """Refuse another schema version, triggers, views and tables that are not CTK's.

    Raises:
        DatabaseError: with the version found and what to do about it.
    """
    refuse_active(database)
    if not database.rows("PRAGMA table_xinfo(SchemaInfo)"):
        names = [row[0] for row in database.rows("SELECT name FROM sqlite_master WHERE type='table'")]
        if names:
            raise _foreign(database, f"table SchemaInfo is missing beside {', '.join(map(str, names[:5]))}")
    versions = [str(row[0]) for row in database.rows("SELECT Version FROM SchemaInfo LIMIT 2")]
    if versions != [SCHEMA_VERSION]:
        raise DatabaseError(
            f"this database has schema version {' and '.join(versions) or 'none'}, {SCHEMA_VERSION} is needed",
            code="index.schema-version",
            where=database.where,
            remedy="let 3D Slicer 5.8 or newer update it, or index into a new folder",
        )
    for table in TABLES:
        if _columns(database, table) != _expected()[table]:
            raise _foreign(database, f"the columns of table {table} are not those of ctkDICOM {SCHEMA_VERSION}")


def check_cache(database: Database) -> None:
    """Refuse a tag cache that is not one."""
    refuse_active(database)
    found = [(name, hidden) for _, name, _, _, _, _, hidden in database.rows("PRAGMA table_xinfo(TagCache)")]
    if found != [("SOPInstanceUID", 0), ("Tag", 0), ("Value", 0)]:
        raise _foreign(database, "the tag cache has other columns than ctkDICOM's")


def check_own(database: Database) -> None:
    """Refuse a file of a newer version of this package."""
    refuse_active(database)
    version = int(database.pragma("user_version") or 0)
    if version != OWN_VERSION:
        raise DatabaseError(
            f"{database.where} was written by another version of DICOMLogic (format {version}, known: {OWN_VERSION})",
            code="index.schema-version",
            where=database.where,
            remedy="pip install --upgrade dicomlogic-core, or index into a new folder",
        )


def refuse_active(database: Database) -> None:
    """Refuse triggers and views: the only parts of a file that would run."""
    found = database.rows("SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view') LIMIT 3")
    if found:
        raise _foreign(database, f"it holds {', '.join(f'the {kind} {name}' for kind, name in found)}")


def check_whole(database: Database) -> None:
    """Refuse a damaged file, before anything is built on it."""
    answer = database.pragma("quick_check(1)")
    if answer != "ok":
        raise damaged(database.path, str(answer)[:200])


def _foreign(database: Database, reason: str) -> DatabaseError:
    return DatabaseError(
        f"this is no plain ctkDICOM database: {reason}",
        code="index.schema-foreign",
        where=database.where,
        remedy="index into a new folder",
    )


_Column = tuple[str, str, int, int, int]


def _columns(database: Database, table: str) -> list[_Column]:
    """Name, declared type, NOT NULL, place in the key, hidden or generated."""
    return [
        (str(name), str(kind).upper(), required, key, hidden)
        for _, name, kind, required, _, key, hidden in database.rows(f"PRAGMA table_xinfo({table})")
    ]


@functools.cache
def _expected() -> dict[str, list[_Column]]:
    model = Database(None)
    try:
        for statement in [*main_statements(), CACHE_TABLE]:
            model.rows(statement)
        return {table: _columns(model, table) for table in TABLES}
    finally:
        model.close()
