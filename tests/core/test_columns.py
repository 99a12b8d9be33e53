"""Column blocks give back what went in, stay small, and refuse what is damaged or too large."""

from __future__ import annotations

import json
import pickle
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomlogic_core.contracts import TileGrid
from dicomlogic_core.errors import DatabaseError
from dicomlogic_core.header.block import Block, compress, encode_block, inflate
from dicomlogic_core.header.columns import Place, SeriesColumns
from dicomlogic_core.header.rows import HeaderRow
from dicomlogic_core.references import InstanceRef, Location
from dicomlogic_core.series import SeriesView

KEYS = ("00080060", "00200013", "00200032", "0019xx0C|SIEMENS MR HEADER")
NO_REF = InstanceRef(study_uid="", series_uid="", sop_uid="")
GRID = TileGrid(tiles=2, per_row=2, rows=4, columns=5, positions=((0, 0, 0), (0, 0, 2)), orientation=(1, 0, 0, 0, 1, 0))


def _row(number: int, **values: object) -> HeaderRow:
    texts = ["MR", str(number), f"0\\0\\{number}", None]
    return HeaderRow(**{"texts": texts, "frame_count": 1, "has_pixels": True, **values})  # type: ignore[arg-type]


def _columns(rows: list[HeaderRow], keys: tuple[str, ...] = KEYS, **location: object) -> SeriesColumns:
    locations = [
        Location(ref=NO_REF, source="/data", path=f"/data/{number}", **location)  # type: ignore[arg-type]
        for number in range(len(rows))
    ]
    uids = [f"1.{number}" for number in range(len(rows))]
    block = Block(compress(encode_block(keys, uids, rows, locations)))
    return SeriesColumns("1.2", "1.2.3", [block], [Place(0, number) for number in range(len(rows))])


texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]))


@settings(deadline=None)
@given(st.lists(st.lists(texts, min_size=4, max_size=4), min_size=1, max_size=9))
def test_any_texts_come_back_as_they_were(table: list[list[str | None]]) -> None:
    columns = _columns([_row(0, texts=values) for values in table])
    for number, key in enumerate(KEYS):
        assert list(columns.text(key)) == [values[number] for values in table]
    travelled = pickle.loads(pickle.dumps(columns))
    assert [list(travelled.text(key)) for key in KEYS] == [list(columns.text(key)) for key in KEYS]


def test_a_column_that_was_not_kept_is_none_for_every_instance() -> None:
    assert _columns([_row(1), _row(2)]).text("00180050") == [None, None]


def test_frames_items_grids_and_vendor_values_belong_to_their_instance() -> None:
    item = {"0020000E": {"vr": "UI", "Value": ["1.9"]}}
    columns = _columns(
        [
            _row(1),
            _row(2, frames={"00200032": ["a", None, "c"], "00280030": "1\\1"}, frame_count=3),
            _row(3, items={"00081115": [item]}, grid=GRID, vendor={"vendor:csa.b": "1000"}),
        ]
    )
    assert columns.frame_text("00200032") == {1: ["a", None, "c"]}
    assert columns.frame_text("00280030") == {1: "1\\1"}
    assert columns.frame_text("00180050") == {}
    assert columns.items("00081115") == [None, None, [item]]
    assert columns.grids == {2: GRID}
    assert columns.text("vendor:csa.b") == [None, None, "1000"]
    assert list(columns.frame_counts) == [1, 3, 1]
    assert len(SeriesView(columns).frames) == 1 + 3 + 2  # the mosaic has two tiles


def test_the_pixel_value_is_found_by_the_header_unless_the_source_knows_better() -> None:
    row = _row(1, pixel_offset=1000, pixel_length=200, transfer_syntax="1.2.840.10008.1.2.1")
    (place,) = _columns([row]).locations(0)
    assert (place.offset, place.length, place.transfer_syntax) == (1000, 200, "1.2.840.10008.1.2.1")
    (place,) = _columns([row], offset=7, transfer_syntax="1.2.840.10008.1.2.4.90", checksum=5).locations(0)
    assert (place.offset, place.length, place.transfer_syntax, place.checksum) == (7, 200, "1.2.840.10008.1.2.4.90", 5)


def test_every_frame_keeps_its_own_id_and_checksum() -> None:
    several = _columns([_row(1), _row(2)], frame_ids=("a", "b", "c"), checksums=(1, None, 3), url="x://y/z")
    one = _columns([_row(1)], frame_id="a", checksum=7, url="x://y/z")
    for columns in (several, pickle.loads(pickle.dumps(several))):
        (location,) = columns.locations(1)
        assert [location.frame_id_of(frame) for frame in (1, 2, 3, 4)] == ["a", "b", "c", ""]
        assert [location.checksum_of(frame) for frame in (1, 2, 3, 4)] == [1, None, 3, None]
    (location,) = one.locations(0)
    assert (location.frame_ids, location.frame_id_of(1), location.frame_id_of(2)) == ((), "a", "")
    assert (location.checksum_of(1), location.checksum_of(2)) == (7, None)


def test_files_come_before_urls_and_refused_folders_never() -> None:
    rows = [_row(1)]
    web = Location(ref=NO_REF, source="https://host/dw", url="https://host/dw/studies/1/series/2/instances/1.0")
    blocks = [
        Block(compress(encode_block(KEYS, ["1.0"], rows, [web]))),
        Block(compress(encode_block(KEYS, ["1.0"], rows, [Location(ref=NO_REF, source="/d", path="/d/a/b.dcm")]))),
    ]
    columns = SeriesColumns("1", "2", blocks, [Place(0, 0)], others={0: [Place(1, 0)]})
    assert [place.scheme for place in columns.locations(0)] == ["file", "https"]
    columns = SeriesColumns("1", "2", blocks, [Place(0, 0)], others={0: [Place(1, 0)]}, refused=frozenset({"/d/a/"}))
    assert [place.scheme for place in columns.locations(0)] == ["https"]


def test_a_file_inside_the_database_folder_moves_with_it() -> None:
    block = compress(encode_block(KEYS, ["1.0"], [_row(1)], [Location(ref=NO_REF, source="/old", path="dicom/a.dcm")]))
    (place,) = SeriesColumns("1", "2", [Block(block, base="/new")], [Place(0, 0)]).locations(0)
    assert place.path == "/new/dicom/a.dcm"


def test_equal_columns_cost_nothing_per_instance() -> None:
    def size(count: int) -> int:
        rows = [_row(1) for _ in range(count)]
        locations = [Location(ref=NO_REF, source="/d", path="/d/x")] * count
        return len(encode_block(KEYS, ["1"] * count, rows, locations))

    # Only the list of UIDs grows: four bytes each here.
    assert size(1000) - size(500) == 500 * 4


def test_a_bomb_is_refused_before_it_is_inflated() -> None:
    bomb = zlib.compress(bytes(50 << 20))
    with pytest.raises(DatabaseError) as caught:
        inflate(bomb, limit=1 << 20)
    assert caught.value.code == "index.header-damaged"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no zlib",
        zlib.compress(b"no json"),
        zlib.compress(b"{}\n[]"),
        zlib.compress(json.dumps([1]).encode()),
        zlib.compress(b'{"constant":[],"frame_texts":{},"items":{},"grids":{},"varying":[]}\n[]'),
        zlib.compress(b'{"constant":{},"frame_texts":{},"items":{},"grids":{},"varying":["a"]}\n[]'),
        zlib.compress(b'{"constant":{},"frame_texts":{},"items":{},"grids":{},"varying":[]}\n[1]'),
        zlib.compress(b"[" * 100_000 + b"\n[]"),
    ],
)
def test_a_damaged_block_gives_one_clear_error(data: bytes) -> None:
    with pytest.raises(DatabaseError) as caught:
        _ = Block(data).sop_uids
    assert caught.value.code == "index.header-damaged"
    assert "index into a new folder" in str(caught.value)


def test_a_column_of_another_length_is_damage() -> None:
    line = b'{"constant":{},"frame_texts":{},"items":{},"grids":{},"varying":["00080060"]}\n["1.0","1.1"]\n["MR"]'
    with pytest.raises(DatabaseError):
        Block(zlib.compress(line)).column("00080060")
