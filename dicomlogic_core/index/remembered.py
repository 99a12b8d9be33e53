"""Findings of indexing, kept in ``dicomlogic.sql`` so that they can be told again when a database is opened later."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from dicomlogic_core.findings import CODES, Finding
from dicomlogic_core.index.store import Store


def remember(connection: sqlite3.Connection, source_id: int, findings: Iterable[Finding]) -> None:
    """Store findings of a source; the same one again changes nothing."""
    connection.executemany(
        "INSERT OR REPLACE INTO finding (source_id, place, code, severity, message, places, remedy)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                source_id,
                item.where[0] if item.where else "",
                item.code,
                item.severity,
                item.message,
                json.dumps(item.where),
                item.remedy,
            )
            for item in findings
        ],
    )


def forget(connection: sqlite3.Connection, source_id: int, places: Iterable[str]) -> None:
    """Drop findings about files that are being read again."""
    if connection.execute("SELECT 1 FROM finding WHERE source_id = ? LIMIT 1", (source_id,)).fetchone():
        connection.executemany(
            "DELETE FROM finding WHERE source_id = ? AND place = ?", ((source_id, place) for place in places)
        )


def remembered(store: Store) -> list[Finding]:
    """The findings of all sources."""
    rows = store.own.rows("SELECT code, severity, message, places, remedy FROM finding")
    return [
        Finding(code=code, severity=severity, message=str(message), where=_places(places), remedy=str(remedy))
        for code, severity, message, places, remedy in rows
        if code in CODES and severity in ("note", "warning", "error")
    ]


def _places(text: object) -> tuple[str, ...]:
    try:
        places = json.loads(str(text))
    except ValueError:
        return ()
    return tuple(map(str, places)) if isinstance(places, list) else ()
