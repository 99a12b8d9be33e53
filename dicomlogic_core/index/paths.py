"""File names in the database: relative inside its folder, absolute elsewhere, always with forward slashes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from dicomlogic_core.findings import Finding, finding


def is_inside(path: str, folder: str) -> bool:
    """True when `path` lies in `folder`, by components: ``/x/db2`` is not inside ``/x/db``. Both absolute, ``/``."""
    fold = _fold(folder).rstrip("/")
    return _fold(path) == fold or _fold(path).startswith(fold + "/")


def _fold(path: str) -> str:
    return path.lower() if os.name == "nt" else path


def stored_name(path: str, folder: str | None) -> str:
    """The Filename column for an absolute path; `folder` is the database folder with forward slashes."""
    name = path.replace(os.sep, "/") if os.sep != "/" else path
    if folder is not None and is_inside(name, folder):
        return name[len(folder.rstrip("/")) + 1 :]
    return name


def absolute_name(name: str, folder: str | None) -> str:
    """The absolute path of a Filename column; "" for none."""
    if not name or folder is None or is_absolute(name):
        return name
    return f"{folder.rstrip('/')}/{name}"


def is_absolute(name: str) -> bool:
    """True for an absolute path of any system."""
    return name[:1] in ("/", "\\") or name[1:2] == ":"


def folder_name(folder: Path | None) -> str | None:
    """The database folder as an absolute path with forward slashes."""
    return None if folder is None else folder.absolute().as_posix()


def is_allowed(path: str, roots: Sequence[str]) -> bool:
    """True for a path in one of the folders that the database names; a database file is not trusted to say more."""
    name = path.replace("\\", "/") if os.name == "nt" or path.startswith("\\\\") else path
    if ".." in name.split("/"):
        return False
    return any(is_inside(name, root) for root in roots)


def placement(source: str, folder: str | None) -> list[Finding]:
    """What is awkward about where a source's files and the database are."""
    if folder is None or "://" in source:
        return []
    if is_inside(source, folder) or is_inside(folder, source):
        return [
            finding(
                "index.data-inside",
                "the data and the database share a folder; Slicer may delete originals",
                where=(source,),
            )
        ]
    if _fold(source).startswith(_fold(folder)):
        return [
            finding(
                "index.folder-prefix",
                "the source folder's name begins like the database folder's; CTK stores wrong names for such files",
                where=(source, folder),
            )
        ]
    return []
