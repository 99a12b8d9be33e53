"""Reading DICOM JSON metadata into all columns of the index and storing it, against Dataset.from_json."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.common import Row, seconds
from benchmarks.headers import write_series
from dicomlogic_core.header import jsonparse
from dicomlogic_core.header.dicomjson import JsonReader
from dicomlogic_core.header.wanted import wanted_tags


def rows(*, quick: bool) -> list[Row]:
    """The table's rows."""
    count = 100 if quick else 500
    data = _answer(count)
    few = _answer(count // 5)
    reader = JsonReader(wanted_tags())
    candidates: dict[str, Callable[[], Any]] = {
        "stdlib json": lambda: _ours(reader, data, _stdlib_only),
        "orjson": lambda: _ours(reader, data, _without_msgspec),
        "msgspec": lambda: _ours(reader, data, _everything),
    }
    times = seconds(*candidates.values(), lambda: _with_pydicom(few), repeats=3 if quick else 5)
    theirs = count // 5 / times[-1]
    targets = {"stdlib json": 15, "orjson": 15, "msgspec": 40}
    return [
        Row(
            stage=f"DICOM JSON read and stored, {name}",
            ours=count / time,
            peer="Dataset.from_json",
            theirs=theirs,
            target=targets[name],
            unit="instances/s",
            note=f"{len(data) // count} bytes each",
        )
        for name, time in zip(candidates, times)
    ]


def _answer(count: int) -> bytes:
    import pydicom

    with tempfile.TemporaryDirectory() as folder:
        paths = write_series(Path(folder), count)
        return json.dumps([pydicom.dcmread(path, stop_before_pixels=True).to_json_dict() for path in paths]).encode()


@contextmanager
def _everything() -> Iterator[None]:
    yield


@contextmanager
def _without_msgspec() -> Iterator[None]:
    found = jsonparse._raw_decoders
    jsonparse._raw_decoders = lambda: None  # type: ignore[assignment]
    try:
        yield
    finally:
        jsonparse._raw_decoders = found


@contextmanager
def _stdlib_only() -> Iterator[None]:
    found = jsonparse._whole_decoders
    jsonparse._whole_decoders = lambda: ()  # type: ignore[assignment]
    try:
        with _without_msgspec():
            yield
    finally:
        jsonparse._whole_decoders = found


def _ours(reader: JsonReader, data: bytes, only: Callable[[], Any]) -> None:
    with only():
        texts = [row.texts for row in reader.rows(data)]  # type: ignore[union-attr]
    _store(texts)


def _with_pydicom(data: bytes) -> None:
    import pydicom

    keys = [int(key, 16) for key in wanted_tags().keys if "|" not in key]
    found = []
    for obj in json.loads(data):
        dataset = pydicom.Dataset.from_json(obj)
        found.append([str(dataset[key].value) if key in dataset else None for key in keys])
    _store(found)


def _store(texts: list[list[str | None]]) -> None:
    """One row per instance with the columns that hold something, as both sides can have it."""
    there = [number for number, column in enumerate(zip(*texts)) if any(column)]
    texts = [[row[number] for number in there] for row in texts]
    with sqlite3.connect(":memory:") as connection:
        columns = ", ".join(f"c{number}" for number in range(len(texts[0])))
        connection.execute(f"create table headers ({columns})")
        connection.executemany(f"insert into headers values ({', '.join('?' * len(texts[0]))})", texts)
    connection.close()
