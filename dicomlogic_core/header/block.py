"""Column blocks: the wanted header values of many instances of one series, small on disk and decoded by column.

A block is a few lines of JSON under zlib. The first line holds everything constant over the instances and says which
line holds which varying column, so that reading three columns of three hundred decodes three lines.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from dicomlogic_core.contracts import TileGrid
from dicomlogic_core.errors import DatabaseError
from dicomlogic_core.header.rows import HeaderRow
from dicomlogic_core.references import InstanceRef, Location

BLOCK_LIMIT = 512 << 20
"""Largest inflated block, in bytes: a bound against damaged or hostile files."""

_LEVEL = 1
_SOP_CLASS = "00080016"
_LOCATION = ("path", "url", "frame_id", "offset", "length", "transfer_syntax", "checksum", "frame_ids", "checksums")


def encode_block(
    keys: Sequence[str], sop_uids: Sequence[str], rows: Sequence[HeaderRow], locations: Sequence[Location]
) -> bytes:
    """One block, not yet compressed; `keys` are those of the `WantedTags` that the rows were read with."""
    varying: dict[str, list[Any]] = {}
    constant: dict[str, Any] = {}

    def column(name: str, values: Sequence[Any]) -> None:
        first = values[0]
        if values.count(first) == len(values):
            if first is not None:
                constant[name] = first
        else:
            varying[name] = list(values)

    for key, values in zip(keys, zip(*[row.texts for row in rows])):
        column(key, values)
    column("frames", [row.frame_count for row in rows])
    for name in ("path", "url", "checksum"):
        column(name, [getattr(location, name) for location in locations])
    column("frame_id", [location.frame_id or None for location in locations])
    column("frame_ids", [list(location.frame_ids) or None for location in locations])
    column("checksums", [list(location.checksums) or None for location in locations])
    # Of a local file only its header knows where the pixel value begins.
    column("offset", [_given(place.offset, row.pixel_offset) for place, row in zip(locations, rows)])
    column("length", [_given(place.length, row.pixel_length) for place, row in zip(locations, rows)])
    column("transfer_syntax", [place.transfer_syntax or row.transfer_syntax for place, row in zip(locations, rows)])
    vendor_keys = {key for row in rows if row.vendor for key in row.vendor}
    for key in sorted(vendor_keys):
        column(key, [(row.vendor or {}).get(key) for row in rows])
    first_line = {
        "source": locations[0].source,
        "constant": constant,
        "varying": list(varying),
        "frame_texts": _sparse(rows, "frames"),
        "items": _sparse(rows, "items"),
        "grids": {number: asdict(row.grid) for number, row in enumerate(rows) if row.grid is not None},
    }
    lines = [first_line, list(sop_uids), *varying.values()]
    return b"\n".join(json.dumps(line, separators=(",", ":")).encode() for line in lines)


def _given(first: int | None, second: int | None) -> int | None:
    return second if first is None else first


def _sparse(rows: Sequence[HeaderRow], attribute: str) -> dict[str, dict[int, Any]]:
    """key -> row -> value, for what only some instances have."""
    found: dict[str, dict[int, Any]] = {}
    for number, row in enumerate(rows):
        for key, value in (getattr(row, attribute) or {}).items():
            found.setdefault(key, {})[number] = value
    return found


def compress(block: bytes) -> bytes:
    """A block as it is stored."""
    return zlib.compress(block, _LEVEL)


def inflate(data: bytes, limit: int = BLOCK_LIMIT) -> bytes:
    """The bytes of a stored block or header batch.

    Raises:
        DatabaseError: damaged, or larger than `limit` (nothing beyond it is ever held).
    """
    machine = zlib.decompressobj()
    try:
        block = machine.decompress(data, limit)
    except zlib.error as error:
        raise _damaged() from error
    if not machine.eof:
        raise _damaged()
    return block


def _damaged() -> DatabaseError:
    return DatabaseError("stored headers are damaged", code="index.header-damaged", remedy="index into a new folder")


class Block:
    """A stored block: inflated and parsed at first use, column by column."""

    def __init__(self, data: bytes, base: str = "") -> None:
        self._data = data
        self.base = base
        self._lines: list[bytes] | None = None
        self._first: dict[str, Any] = {}
        self._columns: dict[str, Sequence[Any]] = {}
        self._uids: list[str] = []
        self._locations: list[tuple[Any, ...]] = []

    def __getstate__(self) -> tuple[bytes, str]:
        return self._data, self.base

    def __setstate__(self, state: tuple[bytes, str]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def _open(self) -> dict[str, Any]:
        if self._lines is None:
            lines = inflate(self._data).split(b"\n")
            try:
                first, uids = json.loads(lines[0]), json.loads(lines[1])
                shapes = [isinstance(first[name], dict) for name in ("constant", "frame_texts", "items", "grids")]
                self._positions = {str(name): number for number, name in enumerate(first["varying"], 2)}
            except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
                raise _damaged() from error
            if not all(shapes) or len(lines) != len(self._positions) + 2 or not _is_list(uids, str):
                raise _damaged()
            self._first, self._uids, self._lines = first, uids, lines
        return self._first

    @property
    def sop_uids(self) -> Sequence[str]:
        """SOPInstanceUIDs in the order of the block."""
        self._open()
        return self._uids

    @property
    def source(self) -> str:
        """Location of the source that the instances came from."""
        return str(self._open()["source"])

    def column(self, name: str) -> Sequence[Any]:
        """The values of a column; all None when it was not kept or nowhere present."""
        if name not in self._columns:
            first = self._open()
            number = self._positions.get(name)
            if number is None or self._lines is None:
                values: Sequence[Any] = [first["constant"].get(name)] * len(self._uids)
            else:
                values = json.loads(self._lines[number])
                if not _is_list(values, object) or len(values) != len(self._uids):
                    raise _damaged()
            self._columns[name] = values
        return self._columns[name]

    def sparse(self, part: str, key: str) -> dict[int, Any]:
        """Row -> value of ``frame_texts`` or ``items``."""
        return {int(row): value for row, value in self._open()[part].get(key, {}).items()}

    def grids(self) -> dict[int, TileGrid]:
        """Row -> vendor tiling."""
        return {int(row): _grid(value) for row, value in self._open()["grids"].items()}

    def folders(self) -> set[str]:
        """The folders of all local files, absolute."""
        found = {folder_of(path) for path in set(self.column("path")) if path is not None}
        return {name if _is_absolute(name) or not self.base else f"{self.base}/{name}" for name in found}

    def location(self, row: int, ref: InstanceRef, series_instances: int = 0) -> Location:
        """Where the instance of a row is."""
        if not self._locations:
            self._locations = list(zip(*map(self.column, (*_LOCATION, "frames", _SOP_CLASS))))
        path, url, frame_id, offset, length, syntax, checksum, frame_ids, checksums, frames, sop_class = (
            self._locations[row]
        )
        if path is not None and self.base and not _is_absolute(path):
            path = f"{self.base}/{path}"
        return Location(
            ref=ref,
            source=self.source,
            path=path,
            url=url,
            frame_id=frame_id or "",
            offset=offset,
            length=length,
            transfer_syntax=syntax or "",
            checksum=checksum,
            frames=frames or 1,
            series_instances=series_instances,
            sop_class=sop_class or "",
            frame_ids=tuple(frame_ids) if isinstance(frame_ids, list) else (),
            checksums=tuple(checksums) if isinstance(checksums, list) else (),
        )


def _is_list(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def folder_of(path: str) -> str:
    """The folder of a path, whatever its separators."""
    return path[: max(path.rfind("/"), path.rfind("\\")) + 1]


def _is_absolute(path: str) -> bool:
    return path[:1] in ("/", "\\") or path[1:2] == ":"


def _grid(value: Mapping[str, Any]) -> TileGrid:
    fields = dict(value)
    fields["positions"] = tuple(tuple(position) for position in fields["positions"])
    fields["orientation"] = tuple(fields["orientation"])
    return TileGrid(**fields)
