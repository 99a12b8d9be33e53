"""Character sets: the person names of the standard (PS3.5 annexes H to K) and of the collection's files."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

from dicomlogic_core.header.charset import text_decoder
from dicomlogic_core.header.part10 import Part10Reader
from dicomlogic_core.header.rows import WantedTags

# Bytes as the annexes print them.
ANNEX = [
    (None, b"M\xfcller", "Müller"),
    (b"", b"M\xfcller", "Müller"),
    (b"ISO_IR 6", b"Mueller", "Mueller"),
    (b"ISO_IR 100", b"Buc^J\xe9r\xf4me", "Buc^Jérôme"),
    (b"ISO_IR 101", b"Wa\xb3\xeasa", "Wałęsa"),
    (b"ISO_IR 109", b"Ant\xb1nju", "Antħnju"),
    (b"ISO_IR 110", b"v\xe0rds", "vārds"),
    (b"ISO_IR 144", b"\xbb\xee\xda\x63\x65\xdc\xd1\xe3\xe0\xd3", "Люкceмбург"),
    (b"ISO_IR 127", b"\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", "قباني^لنزار"),
    (b"ISO_IR 126", b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος"),
    (b"ISO_IR 138", b"\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה"),
    (b"ISO_IR 148", b"\xc7avu\xfeo\xf0lu", "Çavuşoğlu"),
    (b"ISO_IR 166", b"\xa1\xa2", "กข"),
    (b"ISO_IR 13", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
    (b"ISO_IR 192", "Wang^XiaoDong=王^小東=".encode(), "Wang^XiaoDong=王^小東="),
    (b"GB18030", "Wang^XiaoDong=王^小东=".encode("gb18030"), "Wang^XiaoDong=王^小东="),
    (
        b"\\ISO 2022 IR 87",
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    (
        b"ISO 2022 IR 13\\ISO 2022 IR 87",
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ),
    (
        b"\\ISO 2022 IR 149",
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    (b"\\ISO 2022 IR 58", b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=", "Zhang^XiaoDong=张^小东="),
    (b"ISO 2022 IR 100\\ISO 2022 IR 144", b"J\xe9r\xf4me=\x1b-L\xbb\xee\xda^J\xe9", "Jérôme=Люк^Jé"),
]


@pytest.mark.parametrize(("terms", "raw", "text"), ANNEX)
def test_names_of_the_standard(terms: bytes | None, raw: bytes, text: str) -> None:
    decoder = text_decoder(terms)
    assert decoder.known
    assert decoder.decode(raw) == text


@pytest.mark.parametrize("term", [b"ISO-IR 100", b"ISO_IR_100", b"iso_ir 100", b"ISO 2022 IR 100", b" ISO_IR 100 "])
def test_common_misspellings(term: bytes) -> None:
    assert text_decoder(term).decode(b"\xe9") == "é"


@pytest.mark.parametrize("term", [b"ISO_IR 999", b"KLINGON", b"ISO_IR 99999999", b"ISO_IR 100\\NONSENSE"])
def test_unknown_sets_are_told(term: bytes) -> None:
    assert not text_decoder(term).known


def test_unknown_set_gives_question_marks() -> None:
    assert text_decoder(b"KLINGON").decode(b"M\xfcl\xe9 x") == "M?l? x"


def test_broken_bytes_never_raise() -> None:
    for terms in (b"ISO_IR 192", b"GB18030", b"ISO_IR 13", b"\\ISO 2022 IR 87", b"\\ISO 2022 IR 149"):
        decode = text_decoder(terms).decode
        for raw in (b"\xff\xfe\x80", b"\x1b$B\x7f", b"\x1b", b"\x1b$)C\xff", b"a\x1b(Zb", b"\x1b$B;"):
            assert isinstance(decode(raw), str)


def test_names_of_real_files_equal_pydicom(shared_data: Path) -> None:
    reader = Part10Reader(WantedTags.of(["00100010"]))
    compared = 0
    for path in sorted((shared_data / "charset/pydicom_charsets/dicom").iterdir()):
        dataset = pydicom.dcmread(path)
        (text,) = reader.read(path.read_bytes()).texts
        name = str(dataset.PatientName) if "PatientName" in dataset else None
        assert (text and text.rstrip("=")) == name, path.name  # pydicom drops the mark of an empty last group
        compared += 1
    assert compared > 12
