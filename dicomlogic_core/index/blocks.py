"""Column blocks and raw headers in ``dicomlogic.sql``."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dicomlogic_core.errors import DatabaseError
from dicomlogic_core.header.block import Block, compress, encode_block, inflate
from dicomlogic_core.header.rows import HeaderRow, WantedTags
from dicomlogic_core.index.store import Store
from dicomlogic_core.references import Location


@dataclass(slots=True)
class Part:
    """The instances of one series that go into one block."""

    series_uid: str
    study_uid: str
    sop_uids: list[str]
    rows: list[HeaderRow]
    locations: list[Location]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block as found in the database."""

    id: int
    source_id: int
    columns: frozenset[str]
    complete: bool
    block: Block


ITEMS = "[]"
"""Ending of the names of kept sequences, which the same key without it may have a text column beside."""


def column_names(wanted: WantedTags) -> tuple[str, ...]:
    """What a block holds when it was read with these tags: text columns and kept sequences."""
    return (*wanted.keys, *sorted(key + ITEMS for key in wanted.items))


def parse_names(text: object) -> frozenset[str]:
    """The column names of a stored list; none when it is damaged, so that everything counts as not kept."""
    try:
        names = json.loads(str(text))
    except ValueError:
        return frozenset()
    return frozenset(map(str, names)) if isinstance(names, list) else frozenset()


def keyset(connection: sqlite3.Connection, names: Sequence[str]) -> int:
    """The number under which a list of column names is stored."""
    text = json.dumps(list(names), separators=(",", ":"))
    connection.execute("INSERT INTO keyset (keys) VALUES (?) ON CONFLICT (keys) DO NOTHING", (text,))
    return int(connection.execute("SELECT id FROM keyset WHERE keys = ?", (text,)).fetchone()[0])


def series_ids(connection: sqlite3.Connection, parts: Iterable[Part]) -> tuple[dict[str, int], set[str]]:
    """Numbers of the series of `parts`, and which of them were known before."""
    known: set[str] = set()
    numbers: dict[str, int] = {}
    for part in parts:
        found = connection.execute("SELECT id FROM series WHERE series_uid = ?", (part.series_uid,)).fetchone()
        if found:
            known.add(part.series_uid)
            numbers[part.series_uid] = found[0]
        else:
            cursor = connection.execute(
                "INSERT INTO series (series_uid, study_uid) VALUES (?, ?)", (part.series_uid, part.study_uid)
            )
            numbers[part.series_uid] = int(cursor.lastrowid or 0)
    return numbers, known


def write_part(
    connection: sqlite3.Connection, part: Part, wanted: WantedTags, *, series_id: int, source_id: int, keyset_id: int
) -> int:
    """Store one block; returns its number."""
    body = compress(encode_block(wanted.keys, part.sop_uids, part.rows, part.locations))
    cursor = connection.execute(
        "INSERT INTO block (series_id, source_id, keyset_id, instances, complete, digest, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (series_id, source_id, keyset_id, len(part.rows), int(part.complete), hashlib.sha256(body).digest(), body),
    )
    return int(cursor.lastrowid or 0)


def write_raw(connection: sqlite3.Connection, data: bytes, *, series_id: int, source_id: int) -> None:
    """Store the headers of a server as they came."""
    body = compress(data)
    connection.execute(
        "INSERT INTO raw (series_id, source_id, digest, body) VALUES (?, ?, ?, ?)",
        (series_id, source_id, hashlib.sha256(body).digest(), body),
    )


def drop_superseded(connection: sqlite3.Connection, series_id: int, source_id: int) -> None:
    """Remove blocks of a source whose every instance came again later, and raw headers when no older block is left."""
    found = connection.execute(
        "SELECT id, digest, body FROM block WHERE series_id = ? AND source_id = ? ORDER BY id DESC",
        (series_id, source_id),
    ).fetchall()
    newer: set[str] = set()
    gone = []
    for number, digest, body in found:
        try:
            uids = checked(digest, body).sop_uids
        except DatabaseError:
            uids = ()  # damaged, and read again now
        if newer.issuperset(uids):
            gone.append((number,))
        newer.update(uids)
    connection.executemany("DELETE FROM block WHERE id = ?", gone)
    if gone and len(gone) == len(found) - 1:
        connection.execute("DELETE FROM raw WHERE series_id = ? AND source_id = ?", (series_id, source_id))


def checked(digest: bytes, body: bytes, base: str = "", where: str = "") -> Block:
    """A block whose bytes are those that were written.

    Raises:
        DatabaseError: they are not.
    """
    check_digest(digest, body, where)
    return Block(body, base)


def check_digest(digest: object, body: object, where: str) -> None:
    """Refuse bytes that are not those that were written.

    Raises:
        DatabaseError: they are not.
    """
    if not isinstance(body, bytes) or hashlib.sha256(body).digest() != digest:
        raise DatabaseError(
            "stored headers are damaged", code="index.header-damaged", where=where, remedy="index into a new folder"
        )


def read_series(store: Store, series_uid: str) -> tuple[list[StoredBlock], list[DatabaseError]]:
    """The blocks of a series in the order they were written, and an error for each that is damaged."""
    base = "" if store.folder is None else store.folder.absolute().as_posix()
    found: list[StoredBlock] = []
    errors: list[DatabaseError] = []
    for number, source_id, keys, complete, digest, body in store.own.rows(
        "SELECT block.id, block.source_id, keyset.keys, block.complete, block.digest, block.body FROM block"
        " JOIN series ON series.id = block.series_id JOIN keyset ON keyset.id = block.keyset_id"
        " WHERE series.series_uid = ? ORDER BY block.id",
        (series_uid,),
    ):
        try:
            block = checked(digest, body, base, series_uid)
            _ = block.sop_uids
        except DatabaseError as error:
            error.where = series_uid
            errors.append(error)
            continue
        found.append(StoredBlock(number, source_id, parse_names(keys), bool(complete), block))
    return found, errors


def raw_headers(store: Store, series_uid: str) -> list[bytes]:
    """The headers of a series as its servers sent them: texts in the DICOM JSON model, newest first.

    Raises:
        DatabaseError: damaged.
    """
    found = store.own.rows(
        "SELECT raw.digest, raw.body FROM raw JOIN series ON series.id = raw.series_id"
        " WHERE series.series_uid = ? ORDER BY raw.id DESC",
        (series_uid,),
    )
    texts = []
    for digest, body in found:
        check_digest(digest, body, series_uid)
        texts.append(inflate(body))
    return texts


def same_header(keys: Sequence[str], stored: StoredBlock, row: int, new: HeaderRow) -> bool:
    """True when the columns that both kept are equal."""
    kept = stored.columns
    return all(stored.block.column(key)[row] == text for key, text in zip(keys, new.texts) if key in kept)


def places_of(blocks: Sequence[StoredBlock]) -> Mapping[str, list[tuple[int, int]]]:
    """SOPInstanceUID -> (number in `blocks`, row) of every block that has it, oldest first."""
    places: dict[str, list[tuple[int, int]]] = {}
    for number, stored in enumerate(blocks):
        for row, uid in enumerate(stored.block.sop_uids):
            places.setdefault(uid, []).append((number, row))
    return places
