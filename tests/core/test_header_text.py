"""Texts of values: CTK's own results are the reference (golden rows and its tag cache of real files)."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomlogic_core.errors import DicomLogicError
from dicomlogic_core.header.charset import text_decoder
from dicomlogic_core.header.part10 import Part10Reader
from dicomlogic_core.header.rows import NOT_STORED, WantedTags
from dicomlogic_core.header.text import LONGEST_TEXT, json_text, raw_text

# What the real ctkDICOMDatabase stored for one file that held these values (database page, section 6).
GOLDEN = [
    ("CS", " ORIGINAL\\PRIMARY\\ \\AXIAL ", "ORIGINAL\\PRIMARY\\\\AXIAL"),
    ("LO", "  two  blanks  ", "two  blanks"),
    ("ST", "  st lead\\back  ", "  st lead\\back"),
    ("PN", "  Dr^House^^^ ", "  Dr^House^^^"),
    ("UC", "  uc\\two ", "  uc\\two"),
    ("DS", " 3.0 ", "3.0"),
    ("DS", "1.0\\\\3.0", "1.0\\\\3.0"),
    ("DS", "+1.50E+01", "+1.50E+01"),
    ("DS", "    ", ""),
    ("IS", " +07 ", "+07"),
    ("LT", "  a\r\nb  ", "  a\r\nb"),
    ("UI", "1.2.3\0", "1.2.3"),
]
NUMBERS = [
    ("SS", struct.pack("<hh", -5, 7), "-5\\7"),
    ("US", struct.pack("<H", 65535), "65535"),
    ("SV", struct.pack("<q", -(2**63)), str(-(2**63))),
    ("FL", struct.pack("<ff", 0.1, 1e10), "0.100000001\\1e+10"),
    ("FD", struct.pack("<ddd", 0.1, 1 / 3, 1000.0), "0.1\\0.3333333333333333\\1000"),
    ("AT", struct.pack("<HHHH", 0x18, 0x1063, 0x54, 0xA0FF), "(0018,1063)\\(0054,a0ff)"),
]
LATIN = text_decoder(b"ISO_IR 100").decode


@pytest.mark.parametrize(("vr", "value", "text"), GOLDEN)
def test_golden_texts_from_part10(vr: str, value: str, text: str) -> None:
    assert raw_text(vr.encode(), value.encode("latin-1"), LATIN) == text


@pytest.mark.parametrize(("vr", "raw", "text"), NUMBERS)
def test_golden_numbers_from_part10(vr: str, raw: bytes, text: str) -> None:
    assert raw_text(vr.encode(), raw, LATIN) == text


def test_big_endian_numbers() -> None:
    assert raw_text(b"US", b"\x01\x02", LATIN, ">") == "258"


@pytest.mark.parametrize(("vr", "value", "text"), [row for row in GOLDEN if row[0] not in ("ST", "LT")])
def test_golden_texts_from_json(vr: str, value: str, text: str) -> None:
    parts: list[Any] = [{"Alphabetic": value}] if vr == "PN" else [part or None for part in value.split("\\")]
    assert json_text(vr, parts) == text


@pytest.mark.parametrize(
    ("vr", "values", "text"),
    [
        ("DS", [1, 0.78125, -200.0, None], "1\\0.78125\\-200\\"),
        ("DS", ["40.00"], "40.00"),
        ("DS", [math.inf, -math.inf, math.nan], "inf\\-inf\\nan"),
        ("IS", [12, 1.0, "12"], "12\\1\\12"),
        ("US", ["512"], "512"),
        ("FL", [0.10000000149011612], "0.100000001"),
        ("FL", [0.1], "0.100000001"),
        ("FD", [1000.0], "1000"),
        ("LO", [12], "12"),
        ("LO", ["a\\b"], "a\\b"),
        ("CS", ["ORIGINAL", None, "X"], "ORIGINAL\\\\X"),
        ("PN", [{"Ideographic": "山田^太郎"}], "=山田^太郎"),
        ("PN", [{}, None, {"Alphabetic": None}, "Doe^John"], "\\\\\\Doe^John"),
        ("AT", ["00181063"], "(0018,1063)"),
        ("SV", ["-9223372036854775808"], "-9223372036854775808"),
        ("SQ", [{}], ""),
        ("OB", [1], NOT_STORED),
    ],
)
def test_json_values(vr: str, values: list[Any], text: str) -> None:
    assert json_text(vr, values) == text


@pytest.mark.parametrize(
    ("vr", "values"),
    [("IS", ["1A"]), ("IS", [1.5]), ("US", [True]), ("PN", [7]), ("LO", [["x"]]), ("AT", ["zz"]), ("AT", [7])],
)
def test_unusable_json_values_are_refused(vr: str, values: list[Any]) -> None:
    with pytest.raises(ValueError):
        json_text(vr, values)


@pytest.mark.parametrize("vr", ["US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT"])
@pytest.mark.parametrize("size", [1, 3, 5, 7, 9])
def test_half_a_number_is_refused(vr: str, size: int) -> None:
    with pytest.raises(ValueError, match=f"{size} bytes"):
        raw_text(vr.encode(), bytes(size), LATIN)


def test_very_long_text_is_only_marked() -> None:
    assert raw_text(b"UT", b"x" * LONGEST_TEXT, LATIN) == "x" * LONGEST_TEXT
    assert raw_text(b"UT", b"x" * (LONGEST_TEXT + 1), LATIN) == NOT_STORED


def test_bytes_never_become_text() -> None:
    for vr in (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN"):
        assert raw_text(vr, b"\x01\x02", LATIN) == NOT_STORED
        assert raw_text(vr, b"", LATIN) == ""


@given(st.floats(width=32, allow_nan=False))
def test_single_precision_text_reads_back_from_both_forms(value: float) -> None:
    text = raw_text(b"FL", struct.pack("<f", value), LATIN)
    assert text == json_text("FL", [value])
    assert struct.pack("<f", float(text)) == struct.pack("<f", value)


@given(st.floats(allow_nan=False))
def test_double_precision_text_reads_back_from_both_forms(value: float) -> None:
    text = raw_text(b"FD", struct.pack("<d", value), LATIN)
    assert text == json_text("FD", [value])
    assert float(text) == value


@given(st.text())
def test_any_json_text_can_be_stored(value: str) -> None:
    text = json_text("LO", [value])
    assert "\0" not in text
    text.encode("utf-8")


def test_lone_surrogates_and_nuls_are_replaced() -> None:
    assert json_text("LO", ["a\ud800b\0c"]) == "a\ufffdbc"


def test_texts_equal_the_tag_cache_of_the_real_ctk(shared_data: Path) -> None:
    reference = json.loads((shared_data / "reference/ctk_database.json").read_text(encoding="utf-8"))
    tags = {tag.replace(",", "").upper() for name in ("precache", "generator_tags") for tag in reference[name]}
    wanted = WantedTags.of(tags)
    reader = Part10Reader(wanted)
    compared = 0
    for case in reference["cases"]:
        passed_over = {name if isinstance(name, str) else name["file"] for name in case.get("not_stored", ())}
        deviations = {(uid, tag.replace(",", "").upper()) for uid, tag, _ in case.get("deviations", ())}
        texts = {}
        for name in set(case["files"]) - passed_over:
            row = reader.read((shared_data / case["case"] / name).read_bytes())
            named = dict(zip(wanted.keys, row.texts))
            texts[named["00080018"]] = named
        for uid, tag, value in case["tag_cache"]:
            key = tag.replace(",", "").upper()
            # CTK writes ISO_IR 100 where the character set is absent or its first value is empty.
            if uid not in texts or (uid, key) in deviations or (key, value) == ("00080005", "ISO_IR 100"):
                continue
            assert (texts[uid][key] or "__TAG_NOT_IN_INSTANCE__") == value, (case["case"], uid, tag)
            compared += 1
    assert compared > 15000


def test_files_ctk_refused_are_no_surprise(shared_data: Path) -> None:
    """A file that CTK rejects gives a row or one of our errors, never anything else."""
    reader = Part10Reader(WantedTags.of(["00080018"]))
    for path in sorted((shared_data / "malformed").rglob("*")):
        if path.is_file():
            try:
                reader.read(path.read_bytes())
            except DicomLogicError as error:
                assert error.code.startswith(("file.", "header"))
