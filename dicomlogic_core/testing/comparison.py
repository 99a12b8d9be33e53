"""What a source leads to, to be compared: database rows, loadables and volumes, without times and places.

::

    wanted, found = study_of(folder, tmp_path / "a"), study_of(server.url, tmp_path / "b")
    assert list(differences(wanted.rows, found.rows)) == []
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dicomlogic_core as dl

_TIMES = {"InsertTimestamp", "DisplayedFieldsUpdatedTimestamp"}
_PLACES = {"Filename", "URL"}
_KEYS = {
    "Patients": "PatientID",
    "Studies": "StudyInstanceUID",
    "Series": "SeriesInstanceUID",
    "Images": "SOPInstanceUID",
}


@dataclass(frozen=True)
class Found:
    """What a database holds and gives.

    Attributes:
        rows: table -> key -> column -> value.
        tags: (SOPInstanceUID, tag) -> cached value.
        loadables: id -> loadable as `examine` shows it.
        volumes: id -> volumes of every selected loadable (one, or those of a sequence), or the code of the refusal.
    """

    rows: dict[str, dict[Any, dict[str, Any]]]
    tags: dict[tuple[str, str], str | None]
    loadables: dict[str, dict[str, Any]]
    volumes: dict[str, tuple[dl.Volume, ...] | str]


def study_of(location: str | Path, folder: Path, options: Mapping[str, str] | None = None) -> Found:
    """Index a location into a database in `folder`, examine it and load what is selected."""
    with dl.open(folder) as session:
        result = session.index(location, options=options)
        assert not result.failed and result.instances > 0, result.failed
        loadables = session.examine(all=True)
        volumes = {loadable.id: _load(session, loadable) for loadable in loadables if loadable.selected}
    shown = {loadable.id: loadable.as_dict() for loadable in loadables}
    return Found(database_rows(folder), cached_tags(folder), shown, volumes)


def _load(session: dl.Session, loadable: dl.Loadable) -> tuple[dl.Volume, ...] | str:
    """The volumes, or the code of the refusal: series that are no single volume are refused from everywhere."""
    try:
        loaded = session.load(loadable)
    except dl.GeometryError as error:
        return error.code
    return tuple(loaded.volumes) if isinstance(loaded, dl.VolumeSequence) else (loaded,)


def database_rows(folder: Path) -> dict[str, dict[Any, dict[str, Any]]]:
    """The rows of CTK's tables."""
    found: dict[str, dict[Any, dict[str, Any]]] = {}
    connection = sqlite3.connect(folder / "ctkDICOM.sql")
    connection.row_factory = sqlite3.Row
    try:
        for table, key in _KEYS.items():
            found[table] = {
                row[key]: {name: row[name] for name in row.keys() if name not in _TIMES | _PLACES}  # noqa: SIM118
                for row in connection.execute(f"SELECT * FROM {table}")
            }
    finally:
        connection.close()
    for row in found["Patients"].values():
        row.pop("UID")  # numbered in the order of arrival
    for row in found["Studies"].values():
        row.pop("PatientsUID")
    return found


def cached_tags(folder: Path) -> dict[tuple[str, str], str | None]:
    """CTK's tag cache."""
    connection = sqlite3.connect(folder / "ctkDICOMTagCache.sql")
    try:
        return {(uid, tag): value for uid, tag, value in connection.execute("SELECT * FROM TagCache")}
    finally:
        connection.close()


def differences(wanted: Any, found: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """(path, wanted, found) of every difference of two nested dicts."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in sorted(wanted.keys() | found.keys(), key=str):
            yield from differences(wanted.get(key), found.get(key), (*where, key))
    elif wanted != found:
        yield where, wanted, found


def plain(metadata: Any) -> Any:
    """Metadata as nested dicts, lists by position, so that differences are told one by one."""
    if isinstance(metadata, Mapping):
        return {key: plain(value) for key, value in metadata.items()}
    if isinstance(metadata, (list, tuple)):
        return {number: plain(value) for number, value in enumerate(metadata)}
    return metadata
