"""The journal: write-ahead logging where it works, so that others read while one writes, else a rollback journal."""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path

from dicomlogic_core.errors import DatabaseError
from dicomlogic_core.index.database import Database

# Shared memory of write-ahead logging does not work across these (Google Drive in Colab is a FUSE mount).
PROBE_SECONDS = 4.0
_NETWORK = ("nfs", "cifs", "smb", "9p", "vboxsf", "fuse", "afs", "ncpfs")


def use_best_journal(database: Database) -> bool:
    """Choose the journal of a file that will be written; False when only a rollback journal works."""
    database.pragma("synchronous=NORMAL")
    path = database.path
    if path is None:
        return True
    works = not is_network(path) and _wal_works(database, path)
    if not works and database.pragma("journal_mode") != "delete":
        database.pragma("journal_mode=DELETE")
    return works


def _wal_works(database: Database, path: Path) -> bool:
    try:
        if database.pragma("journal_mode=WAL") != "wal":
            return False
        # The answer alone is no proof: only a second connection shows that shared memory works here.
        version = database.pragma("schema_version")
        second = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=PROBE_SECONDS)
        try:
            return bool(second.execute("PRAGMA schema_version").fetchone()[0] == version)
        finally:
            second.close()
    except (sqlite3.Error, DatabaseError):
        return False


def leave_wal(database: Database) -> None:
    """Merge the log into the file, so that a copy of the folder is complete and Slicer notices the change.

    While another connection is open that is refused; its own close will do it.
    """
    if database.path is None or database.read_only:
        return
    try:
        database.pragma("busy_timeout=100")  # a reader elsewhere must not hold up the end of a program
        database.pragma("wal_checkpoint(TRUNCATE)", retries=0)
        database.pragma("journal_mode=DELETE", retries=0)
    except DatabaseError:
        return


def show(database: Database) -> None:
    """Bring what was committed into the file itself: Slicer watches the file and sees nothing of the log."""
    if database.path is not None:
        database.pragma("wal_checkpoint(PASSIVE)")


def is_network(path: Path) -> bool:
    """True on a network or FUSE mount, as far as the system tells."""
    if sys.platform == "win32":
        return str(path.absolute()).startswith("\\\\")
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    place = os.path.realpath(path)
    best, kind = "", ""
    for line in lines:
        _, mount, name, *_ = line.split(" ")
        mount = mount.replace("\\040", " ")
        inside = mount in ("/", place) or place.startswith(mount + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, name
    return kind.startswith(_NETWORK)
