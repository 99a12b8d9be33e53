"""DICOM JSON: every form servers send, the same result from every parser, and the same rows as from Part 10."""

from __future__ import annotations

import io
import json
import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest

from dicomlogic_core.errors import DicomLogicError, HeaderError
from dicomlogic_core.header import jsonparse
from dicomlogic_core.header.dicomjson import JsonReader, split, to_dataset
from dicomlogic_core.header.part10 import Part10Reader
from dicomlogic_core.header.rows import NOT_STORED, HeaderRow
from dicomlogic_core.header.syntax import DEEPEST
from dicomlogic_core.header.wanted import wanted_tags

WANTED = wanted_tags()
SLOT = {key: slot for slot, key in enumerate(WANTED.keys)}


def _orjson() -> Callable[[bytes], Any]:
    import orjson

    return orjson.loads


@pytest.fixture(params=["msgspec", "orjson", "json"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each parser in turn, as if the others were not installed."""
    name: str = request.param
    if name != "msgspec":
        monkeypatch.setattr(jsonparse, "_raw_decoders", lambda: None)
    decoders = (_orjson(),) if name == "orjson" else ()
    if name != "msgspec":
        monkeypatch.setattr(jsonparse, "_whole_decoders", lambda: decoders)
    return name


def read(text: str | bytes) -> HeaderRow:
    (row,) = JsonReader(WANTED).rows(text if isinstance(text, bytes) else text.encode("utf-8"))
    assert isinstance(row, HeaderRow), row
    return row


def text_of(elements: str, key: str) -> str | None:
    return read(f"[{{{elements}}}]").texts[SLOT[key]]


@pytest.mark.parametrize(
    ("element", "text"),
    [
        ('"00100010": {"vr": "PN"}', ""),
        ('"00100010": {"vr": "PN", "Value": []}', ""),
        ('"00100010": {"vr": "PN", "Value": [null]}', ""),
        ('"00100010": {"vr": "PN", "Value": [{}]}', ""),
        ('"00100010": {"vr": "PN", "Value": ["Doe^John"]}', "Doe^John"),
        ('"00100010": {"vr": "PN", "Value": [{"Alphabetic": null}]}', ""),
        ('"00100010": {"vr": "PN", "Value": [{"Alphabetic": "A", "Ideographic": "山", "Phonetic": "や"}]}', "A=山=や"),
        ('"00080008": {"vr": "CS", "Value": ["ORIGINAL", null, "X"]}', "ORIGINAL\\\\X"),
        ('"00280030": {"vr": "DS", "Value": [""]}', ""),
        ('"00280030": {"vr": "DS", "Value": [1, 0.78125]}', "1\\0.78125"),
        ('"00280030": {"vr": "DS", "Value": [1.0, -200.0]}', "1\\-200"),
        ('"00280030": {"vr": "DS", "Value": ["40.00", "400"]}', "40.00\\400"),
        ('"00280030": {"vr": "DS", "Value": [0.12345678901234568]}', "0.12345678901234568"),
        ('"00200013": {"vr": "IS", "Value": [12]}', "12"),
        ('"00200013": {"vr": "IS", "Value": [1.0]}', "1"),
        ('"00200013": {"vr": "IS", "Value": ["12"]}', "12"),
        ('"00200013": {"vr": "IS", "Value": [1000000000000000000000000000000]}', "1e+30"),
        ('"00189087": {"vr": "FD", "Value": [null, 1e+9999]}', "\\inf"),
        ('"00189087": {"vr": "FD", "Value": [NaN, -Infinity]}', "nan\\-inf"),
        ('"0008103E": {"vr": "LO", "Value": ["a", "b"]}', "a\\b"),
        ('"0008103E": {"Value": ["no vr"]}', "no vr"),
        ('"0008103E": {"vr": "lo", "Value": [" lower "]}', "lower"),
        ('"0008103E": {"vr": "??", "Value": ["x"]}', "x"),
        ('"0008103E": {"vr": "LO", "Value": null}', ""),
        ('"0008103E": {"vr": "LO", "Value": "alone"}', "alone"),
        ('"0008103e": {"vr": "LO", "Value": ["lower key"]}', "lower key"),
        ('"SeriesDescription": {"vr": "LO", "Value": ["keyword"]}', "keyword"),
        ('"0008,103E": {"vr": "LO", "Value": ["comma"]}', "comma"),
        ('"0008103E": {"vr": "LO", "Value": [12]}', "12"),
        ('"0008103E": {"vr": "LO", "Value": ["both"], "BulkDataURI": "http://x"}', "both"),
        ('"0008103E": {"vr": "LO", "BulkDataURI": "http://x"}', NOT_STORED),
        ('"0008103E": {"vr": "LO", "Value": ["Müller \\u0000\\ud800"]}', "Müller \ufffd"),
        ('"00280010": {"vr": "US", "Value": ["512"]}', "512"),
        ('"00280010": {"vr": "US", "Value": 0}', "0"),
        ('"00280009": {"vr": "AT", "Value": ["00181063"]}', "(0018,1063)"),
        ('"0020000D": {"vr": "UI", "Value": [" 1.2.3 "]}', "1.2.3"),
        ('"00281050": {"vr": "DS", "InlineBinary": "AAA="}', NOT_STORED),
    ],
)
def test_forms_that_servers_send(element: str, text: str, parser: str) -> None:
    row = read(f"[{{{element}}}]")
    found = [value for value in row.texts if value is not None]
    assert found == [text], parser
    assert not row.findings


@pytest.mark.parametrize(
    "element",
    [
        '"00200013": {"vr": "IS", "Value": [1.5]}',
        '"00200013": {"vr": "IS", "Value": ["1A"]}',
        '"0008103E": {"vr": "LO", "Value": [["list"]]}',
        '"0008103E": {"vr": "LO", "Value": [true]}',
        '"0008103E": "no element"',
        '"0008103E": null',
        '"00280009": {"vr": "AT", "Value": ["nonsense"]}',
    ],
)
def test_unusable_element_costs_itself_only(element: str, parser: str) -> None:
    row = read('[{"00080018": {"vr": "UI", "Value": ["1.2"]}, ' + element + "}]")
    assert row.texts[SLOT["00080018"]] == "1.2"
    assert [value for value in row.texts if value is not None] == ["1.2"]
    assert [finding.code for finding in row.findings] == ["header.element"]
    assert "1A" not in row.findings[0].message


def test_answers_of_any_shape(parser: str) -> None:
    reader = JsonReader(WANTED)
    one = b'{"00080018": {"vr": "UI", "Value": ["1.2"]}}'
    assert reader.rows(b"") == reader.rows(b"  \n") == reader.rows(b"[]") == []
    assert reader.rows(one) == reader.rows(b"[" + one + b"]") == reader.rows(b"\xef\xbb\xbf[" + one + b"]")
    mixed = reader.rows(b"[" + one + b', 7, null, "x"]')
    assert [isinstance(entry, HeaderRow) for entry in mixed] == [True, False, False, False]
    assert all(isinstance(entry, DicomLogicError) for entry in mixed[1:])
    for broken in (b"{", b"<html>", b"[{]", b"\xff\xfe"):
        with pytest.raises(HeaderError) as caught:
            reader.rows(broken)
        assert caught.value.code == "header"


def test_invalid_utf8_costs_letters_only(parser: str) -> None:
    row = read(b'[{"0008103E": {"vr": "LO", "Value": ["M\xfcller"]}}]')
    assert row.texts[SLOT["0008103E"]] == "M\ufffdller"


@pytest.mark.parametrize("key", ["", "x", "0008", "NoSuchKeyword", "ZZZZZZZZ", "00081115000811150008"])
def test_keys_that_are_no_tags_are_passed_over(key: str, parser: str) -> None:
    inner = {key: {"vr": "SQ", "Value": [{key: {"Value": ["x"]}}]}, "00200032": {"vr": "DS", "Value": [0, 0, 1]}}
    obj = {
        key: {"Value": ["x"]},
        "00081115": {"vr": "SQ", "Value": [inner]},
        "52009229": {"vr": "SQ", "Value": [inner]},
        "00280010": {"vr": "US", "Value": [4]},
    }
    row = read(json.dumps([obj]))
    assert row.frames == {"00200032": "0\\0\\1"}
    assert row.texts[SLOT["00280010"]] == "4"
    assert not row.findings


def test_endless_nesting_is_refused(parser: str) -> None:
    with pytest.raises(HeaderError) as caught:
        JsonReader(WANTED).rows(b"[" * 200_000)
    assert caught.value.code in ("header.limit", "header")


@pytest.mark.parametrize(("depth", "fits"), [(DEEPEST, True), (DEEPEST + 1, False)])
def test_kept_sequences_at_the_depth_limit_and_above(depth: int, fits: bool) -> None:
    obj: dict[str, Any] = {"0008103E": {"vr": "LO", "Value": ["x"]}}
    for _ in range(depth):
        obj = {"00081115": {"vr": "SQ", "Value": [obj]}}
    (row,) = JsonReader(WANTED).rows(json.dumps([obj]).encode())
    assert isinstance(row, HeaderRow) == fits
    if isinstance(row, DicomLogicError):
        assert row.code == "header.limit"


def test_pixels_by_element_or_by_description() -> None:
    size = (
        '"00280010": {"vr":"US","Value":[4]}, "00280011": {"vr":"US","Value":[4]}, "00280100": {"vr":"US","Value":[16]}'
    )
    uri = '"7FE00010": {"vr": "OW", "BulkDataURI": "bulk"}'
    described = read("[{" + size + "}]")
    assert (described.has_pixels, described.frame_count, described.pixel_key) == (True, 1, "")
    named = read("[{" + uri + "}]")
    assert (named.has_pixels, named.frame_count, named.pixel_key) == (True, 1, "7FE00010")
    assert named.texts[SLOT["7FE00010"]] == NOT_STORED
    assert named.pixel_offset is None and named.pixel_length is None
    several = read("[{" + size + ', "00280008": {"vr":"IS","Value":["7"]}}]')
    assert several.frame_count == 7
    without = read('[{"00080060": {"vr": "CS", "Value": ["SR"]}}]')
    assert (without.has_pixels, without.frame_count) == (False, 0)


def test_transfer_syntax_where_the_server_says_it() -> None:
    assert read('[{"00083002": {"vr": "UI", "Value": ["1.2.840.10008.1.2.4.90"]}}]').transfer_syntax.endswith("4.90")
    assert read('[{"00020010": {"vr": "UI", "Value": ["1.2.840.10008.1.2.1"]}}]').transfer_syntax.endswith("2.1")
    assert read('[{"00083002": {"vr": "UI", "Value": ["1", "2"]}}]').transfer_syntax == ""


def test_private_values_by_creator_in_any_order(parser: str) -> None:
    key = "0019xx0C|SIEMENS MR HEADER"
    value = '"0019420C": {"vr": "IS", "Value": [1000]}'
    creator = '"00190042": {"vr": "LO", "Value": ["SIEMENS MR HEADER "]}'
    assert text_of(value + ", " + creator, key) == text_of(creator + ", " + value, key) == "1000"
    assert text_of(value, key) is None
    assert text_of('"0019100C": {"vr": "IS", "Value": [7]}', key) == "7"
    assert text_of('"00190010": {"vr": "LO", "Value": ["OTHER"]}, "0019100C": {"vr": "IS", "Value": [7]}', key) is None


def test_unknown_vr_is_read_by_the_table(parser: str) -> None:
    creator = '"20010010": {"vr": "LO", "Value": ["Philips Imaging DD 001"]}, '
    key = "2001xx03|Philips Imaging DD 001"
    assert text_of(creator + '"20011003": {"vr": "UN", "InlineBinary": "AABIRA=="}', key) == "800"
    assert text_of(creator + '"20011003": {"vr": "UN", "Value": [800]}', key) == "800"
    assert text_of(creator + '"20011003": {"vr": "UN", "BulkDataURI": "b"}', key) == NOT_STORED


def test_same_bytes_twice_give_the_same_row(parser: str) -> None:
    reader = JsonReader(WANTED)
    data = json.dumps(
        [{"00280030": {"vr": "DS", "Value": [1, 2]}, "0008103E": {"vr": "LO", "Value": ["x", "y"]}}]
    ).encode()
    assert reader.rows(data) == reader.rows(data) == JsonReader(WANTED).rows(data)


def test_split_gives_objects_with_plain_keys(parser: str) -> None:
    assert split(b'{"0008103e": {"vr": "LO"}}') == [{"0008103E": {"vr": "LO"}}]
    assert split(b"") == []
    with pytest.raises(HeaderError):
        split(b"[1]")


# --- the same rows from both forms ---------------------------------------------------------------------------------

# A DS or IS element that pydicom writes as a number has lost its text (F.2.3 allows both): equal as numbers.
# pydicom drops elements it cannot convert, and the mark of an empty last name group.


def _files(shared_data: Path) -> Iterator[Path]:
    for folder in sorted(shared_data.rglob("dicom")):
        if "malformed" not in folder.parts:
            yield from sorted(path for path in folder.iterdir() if path.is_file() and path.stat().st_size < 1_000_000)[
                :5
            ]


def _same_text(mine: str | None, theirs: str | None) -> bool:
    if mine == theirs or (mine or "").rstrip("=") == theirs:
        return True
    if mine is None or theirs is None:
        return False
    pairs = list(zip(mine.split("\\"), theirs.split("\\")))
    try:
        numbers = all(a == b or float(a) == float(b) for a, b in pairs)
    except ValueError:
        return False
    return numbers and mine.count("\\") == theirs.count("\\")


def _same_frames(mine: Any, theirs: Any) -> bool:
    a, b = ([value] if isinstance(value, str) else value for value in (mine, theirs))
    return a is not None and b is not None and len(a) == len(b) and all(map(_same_text, a, b))


@pytest.mark.filterwarnings("ignore")
def test_part10_and_json_of_real_files_give_the_same_rows(shared_data: Path) -> None:
    part10, reader = Part10Reader(WANTED), JsonReader(WANTED)
    compared = 0
    for path in _files(shared_data):
        data = path.read_bytes()
        try:
            row = part10.read(data)
            obj = pydicom.dcmread(io.BytesIO(data)).to_json_dict(
                bulk_data_threshold=1 << 20, bulk_data_element_handler=lambda element: "bulk"
            )
        except (DicomLogicError, pydicom.errors.InvalidDicomError, ValueError, TypeError):
            continue
        (other,) = reader.rows(json.dumps(obj).encode())
        assert isinstance(other, HeaderRow)
        for key, mine, theirs in zip(WANTED.keys, row.texts, other.texts):
            assert _same_text(mine, theirs), (path, key, mine, theirs)
        assert (row.frames is None) == (other.frames is None), path
        for key, value in (row.frames or {}).items():
            assert _same_frames(value, (other.frames or {}).get(key)), (path, key)
        assert (row.items or {}) == (other.items or {}), path
        assert (row.frame_count, row.has_pixels, row.grid) == (other.frame_count, other.has_pixels, other.grid), path
        compared += 1
    assert compared > 100


@pytest.mark.filterwarnings("ignore")
def test_every_parser_gives_the_same_rows(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = []
    for path in list(_files(shared_data))[::3]:
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=True)
            objects.append(
                dataset.to_json_dict(bulk_data_element_handler=lambda element: "bulk", bulk_data_threshold=999)
            )
        except (pydicom.errors.InvalidDicomError, ValueError, TypeError):
            continue
    data = json.dumps(objects).encode()
    with_msgspec = JsonReader(WANTED).rows(data)
    monkeypatch.setattr(jsonparse, "_raw_decoders", lambda: None)
    monkeypatch.setattr(jsonparse, "_whole_decoders", lambda: (_orjson(),))
    with_orjson = JsonReader(WANTED).rows(data)
    monkeypatch.setattr(jsonparse, "_whole_decoders", lambda: ())
    assert with_msgspec == with_orjson == JsonReader(WANTED).rows(data)
    assert len(with_msgspec) > 20


def test_mutated_json_gives_rows_or_typed_errors() -> None:
    chance = random.Random(11)
    element = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "A"}]}, "00280010": {"vr": "US", "Value": [4]}}
    nested = {**element, "00081115": {"vr": "SQ", "Value": [element]}, "52009230": {"vr": "SQ", "Value": [element, {}]}}
    data = json.dumps([nested, {**element, "00189087": {"vr": "FD", "Value": [1.5]}}]).encode()
    reader = JsonReader(WANTED)
    pieces = [b"null", b"[]", b"{}", b'"x"', b"1e999", b"NaN", b"-1", b"true", b'"vr"', b",", b"]", b'"SQ"', b"\xff"]
    for _ in range(3000):
        body = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(body))
            body[place : place + chance.randint(0, 6)] = chance.choice(pieces)
        try:
            rows = reader.rows(bytes(body))
        except DicomLogicError:
            continue
        for row in rows:
            assert isinstance(row, (HeaderRow, DicomLogicError))


# --- Datasets ------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
def test_datasets_equal_pydicoms_where_that_can_read_them(shared_data: Path) -> None:
    compared = 0
    for path in list(_files(shared_data))[::4]:
        try:
            obj = pydicom.dcmread(path, stop_before_pixels=True).to_json_dict()
            theirs = pydicom.Dataset.from_json(obj)
        except (pydicom.errors.InvalidDicomError, ValueError, TypeError):
            continue
        ours = to_dataset(obj)
        for element in theirs:
            assert element.tag.element == 0 or element.VR == "SQ" or ours[element.tag] == element, (path, element)
        compared += 1
    assert compared > 30


def test_long_lists_of_numbers_stay_text_until_asked_for() -> None:
    values = [0.1, -12.5, 1e-7, 3, None] * 100_000  # longer than any text that a column holds
    dataset = to_dataset({"30060050": {"vr": "DS", "Value": values}})
    raw = dataset.get_item(0x30060050)
    assert isinstance(raw, pydicom.dataelem.RawDataElement)
    assert raw.value.split(b"\\")[:5] == [b"0.1", b"-12.5", b"1e-07", b"3", b""]
    assert len(raw.value.split(b"\\")) == len(values)
    few = to_dataset({"30060050": {"vr": "DS", "Value": values[:4] * 20}})
    assert list(few.ContourData) == values[:4] * 20


def test_dataset_survives_what_pydicom_refuses() -> None:
    dataset = to_dataset(
        {
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": None}]},
            "00280030": {"vr": "DS", "Value": [""]},
            "00200013": {"vr": "IS", "Value": ["1A"]},
            "0008103E": {"Value": ["no vr"]},
            "00081030": {"vr": "LO", "Value": None},
            "00080000": {"vr": "UL", "Value": [4]},
            "00189087": {"vr": "FD", "Value": [math.inf]},
            "00080060": {"vr": "CS", "Value": ["CT"], "BulkDataURI": "x"},
            "00281050": "nonsense",
            "00081115": {"vr": "SQ", "Value": [None, {"0020000E": {"vr": "UI", "Value": ["1.2"]}}]},
            "00420011": {"vr": "OB", "InlineBinary": "AAE="},
            "00090010": {"vr": "LO", "Value": ["ACME"]},
            "00280009": {"vr": "AT", "Value": ["00181063"]},
        }
    )
    assert dataset.Modality == "CT"
    assert dataset.SeriesDescription == "no vr"
    assert dataset.DiffusionBValue == math.inf
    assert dataset.ReferencedSeriesSequence[1].SeriesInstanceUID == "1.2"
    assert dataset.EncapsulatedDocument == b"\x00\x01"
    assert dataset.FrameIncrementPointer == 0x00181063
    assert "WindowCenter" not in dataset and "InstanceNumber" not in dataset
    assert str(dataset.PatientName) == ""
