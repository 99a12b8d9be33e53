"""Part 10 headers against pydicom over all real files; encodings, cuts, limits, and a short fuzz."""

from __future__ import annotations

import io
import math
import random
import struct
import tracemalloc
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicomlogic_core.errors import DicomLogicError, HeaderError
from dicomlogic_core.header import part10
from dicomlogic_core.header.dicomjson import JsonReader
from dicomlogic_core.header.part10 import Part10Reader, read_dataset
from dicomlogic_core.header.rows import NOT_STORED, HeaderRow, WantedTags
from dicomlogic_core.header.syntax import DEEPEST
from dicomlogic_core.header.wanted import wanted_tags

WANTED = wanted_tags()
SLOT = {key: slot for slot, key in enumerate(WANTED.keys)}
TEXT = ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UI", "UC", "LT", "ST", "UT", "UR")
NUMBER = ("US", "SS", "UL", "SL", "FL", "FD", "SV", "UV")


def value(row: HeaderRow, key: str) -> str | None:
    return row.texts[SLOT[key]]


def small_ct(**changes: Any) -> pydicom.Dataset:
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3.4"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2", "1.2.3"
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PatientName = "Müller^Anna"
    dataset.Modality = "CT"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.PixelSpacing = [0.8, 0.7]
    dataset.Rows = dataset.Columns = 4
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 15, 1, 1
    dataset.PixelPaddingValue = -2000
    reference = pydicom.Dataset()
    reference.SeriesInstanceUID = "1.2.9"
    dataset.ReferencedSeriesSequence = [reference]
    for keyword, new in changes.items():
        setattr(dataset, keyword, new)
    dataset.PixelData = bytes(32)
    dataset["PixelData"].VR = "OW"
    return dataset


def encoded(dataset: pydicom.Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    buffer = io.BytesIO()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    dataset["PixelPaddingValue"].VR = "SS"
    if syntax == ExplicitVRBigEndian:
        dataset.save_as(buffer, little_endian=False, implicit_vr=False, enforce_file_format=True)
    else:
        dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def read(data: bytes) -> HeaderRow:
    return Part10Reader(WANTED).read(data)


def real_files(shared_data: Path) -> Iterator[Path]:
    for path in sorted(shared_data.rglob("*")):
        if (
            path.is_file()
            and "derived" not in path.parts
            and path.suffix not in (".gz", ".json", ".md", ".txt", ".nrrd")
        ):
            yield path


def pydicom_text(element: pydicom.DataElement) -> str | list[float] | None:
    """What pydicom reads, in the form texts have; numbers as floats; None where it cannot be compared."""
    if element.VR == "PN" or element.VR not in (*TEXT, *NUMBER):
        return None
    parts = element.value if isinstance(element.value, (list, pydicom.multival.MultiValue)) else [element.value]
    if element.VR in NUMBER:
        return [float(part) for part in parts if part is not None]
    if element.VR in ("DS", "IS"):
        return "\\".join(
            str(getattr(part, "original_string", part) or "").strip() for part in parts if part is not None
        )
    return "\\".join(str(part or "") for part in parts)


@pytest.mark.filterwarnings("ignore")
def test_values_equal_pydicom_over_all_real_files(shared_data: Path) -> None:
    reader = Part10Reader(WANTED)
    files = values = 0
    for path in real_files(shared_data):
        data = path.read_bytes()
        try:
            row = reader.read(data[:8192], lambda size, data=data: data[:size])
            dataset = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
        except (DicomLogicError, pydicom.errors.InvalidDicomError):
            continue
        files += 1
        for key, slot in SLOT.items():
            if "|" in key or key.startswith("7FE0"):
                continue
            tag = int(key, 16)
            text = row.texts[slot]
            if tag not in dataset:
                assert text is None, (path, key)
                continue
            theirs = pydicom_text(dataset[tag])
            if isinstance(theirs, list):
                mine = [float(part) for part in text.split("\\")] if text else []
                assert mine == pytest.approx(theirs, rel=1e-8, nan_ok=True), (path, key)
                values += 1
            elif theirs is not None and text is not None:
                single = dataset[tag].VR in ("LT", "ST", "UT", "UR")
                parts = [theirs] if single else theirs.split("\\")
                mine_parts = [text] if single else text.split("\\")
                assert [part.strip() for part in mine_parts] == [part.strip(" \0") for part in parts], (path, key)
                values += 1
    assert files > 600
    assert values > 35000


@pytest.mark.filterwarnings("ignore")
def test_pixel_place_over_all_real_files(shared_data: Path) -> None:
    reader = Part10Reader(WANTED)
    native = encapsulated = 0
    for path in real_files(shared_data):
        data = path.read_bytes()
        try:
            row = reader.read(data[:8192], lambda size, data=data: data[:size])
            dataset = pydicom.dcmread(io.BytesIO(data))
        except (DicomLogicError, pydicom.errors.InvalidDicomError):
            continue
        if "PixelData" not in dataset and "malformed" in path.parts:
            continue
        if "PixelData" not in dataset:
            assert row.frame_count == 0 or row.pixel_key != "7FE00010", path
            continue
        assert row.has_pixels == (len(dataset.PixelData) > 0), path
        text = str(dataset.get("NumberOfFrames", None) or 1)
        assert row.frame_count == (int(text) if text.isdigit() else 1), path
        if row.pixel_offset is None:
            assert row.transfer_syntax == DeflatedExplicitVRLittleEndian
        elif row.pixel_length is None:
            assert data[row.pixel_offset : row.pixel_offset + 4] == b"\xfe\xff\x00\xe0", path
            encapsulated += 1
        else:
            raw = data[row.pixel_offset : row.pixel_offset + row.pixel_length]
            assert raw == dataset.PixelData[: len(raw)] and len(raw) in (row.pixel_length, len(dataset.PixelData)), path
            native += 1
    assert native > 400
    assert encapsulated > 40


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_every_encoding_gives_the_same_row(syntax: str) -> None:
    plain = read(encoded(small_ct()))
    row = read(encoded(small_ct(), syntax))
    assert row.texts == plain.texts
    assert row.items == plain.items
    assert (row.has_pixels, row.frame_count, row.pixel_key) == (True, 1, "7FE00010")
    assert row.transfer_syntax == syntax
    assert value(row, "00280120") == "-2000"
    assert value(row, "00100010") == "Müller^Anna"


def test_kept_sequences_are_dicom_json() -> None:
    row = read(encoded(small_ct()))
    assert row.items == {"00081115": [{"0020000E": {"vr": "UI", "Value": ["1.2.9"]}}]}
    assert value(row, "00081115") == ""


def test_absent_and_empty_differ() -> None:
    row = read(encoded(small_ct(StudyDescription="", SeriesDescription=None)))
    assert value(row, "00081030") == value(row, "0008103E") == ""
    assert value(row, "00080050") is None


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_without_preamble_or_meta_information(syntax: str) -> None:
    data = encoded(small_ct(), syntax)
    plain = read(data)
    start = 132
    without_preamble = read(data[start:])
    assert without_preamble.texts == plain.texts
    meta = struct.unpack_from("<L", data, 140)[0]
    without_meta = read(data[144 + meta :])
    assert without_meta.texts == plain.texts
    assert without_meta.transfer_syntax == ""


def test_wrong_transfer_syntax_is_seen_through() -> None:
    data = encoded(small_ct(), ImplicitVRLittleEndian)
    lying = data.replace(b"1.2.840.10008.1.2\0", b"1.2.840.10008.1.2.1")[: len(data)]
    plain = read(data)
    explicit_claimed = data.replace(b"UI\x12\x001.2.840.10008.1.2\0", b"UI\x14\x001.2.840.10008.1.2.1\0")
    assert explicit_claimed != data and lying != data
    assert read(explicit_claimed).texts == plain.texts


def test_private_values_are_found_by_creator_in_any_block() -> None:
    for first in (0x10, 0x42):
        dataset = small_ct()
        dataset.add_new((0x0019, first), "LO", "SIEMENS MR HEADER ")
        dataset.add_new((0x0019, first << 8 | 0x0C), "IS", "1000")
        row = read(encoded(dataset))
        assert value(row, "0019xx0C|SIEMENS MR HEADER") == "1000"
        assert value(row, "0019100C") == ("1000" if first == 0x10 else None)


def test_private_block_of_another_creator_is_not_taken() -> None:
    dataset = small_ct()
    dataset.add_new((0x0019, 0x10), "LO", "OTHER")
    dataset.add_new((0x0019, 0x100C), "IS", "7")
    assert value(read(encoded(dataset)), "0019xx0C|SIEMENS MR HEADER") is None


def test_private_block_without_creator_is_read_at_its_usual_place() -> None:
    dataset = small_ct()
    dataset.add_new((0x7053, 0x1000), "DS", "0.0005")
    assert value(read(encoded(dataset)), "7053xx00|Philips PET Private Group") == "0.0005"


def test_unknown_vr_is_read_by_the_table() -> None:
    dataset = small_ct()
    dataset.add_new((0x2001, 0x10), "LO", "Philips Imaging DD 001")
    dataset.add_new((0x2001, 0x1003), "UN", struct.pack("<f", 800.0))
    row = read(encoded(dataset))
    assert value(row, "2001xx03|Philips Imaging DD 001") == "800"


def enhanced() -> pydicom.Dataset:
    def group(**macros: pydicom.Dataset) -> pydicom.Dataset:
        item = pydicom.Dataset()
        for keyword, inner in macros.items():
            setattr(item, keyword, [inner])
        return item

    def plane(z: float) -> pydicom.Dataset:
        item = pydicom.Dataset()
        item.ImagePositionPatient = [0, 0, z]
        return item

    orientation, measures, mapping = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing = [2, 3]
    mapping.RealWorldValueSlope = 2.5
    reference = pydicom.Dataset()
    reference.SOPInstanceUID = "9.9"
    reference.PixelSpacing = [9, 9]
    dataset = small_ct(NumberOfFrames=3)
    dataset.SharedFunctionalGroupsSequence = [
        group(PlaneOrientationSequence=orientation, PixelMeasuresSequence=measures, ReferencedImageSequence=reference)
    ]
    dataset.PerFrameFunctionalGroupsSequence = [
        group(PlanePositionSequence=plane(0), RealWorldValueMappingSequence=mapping),
        group(PlanePositionSequence=plane(1), PixelMeasuresSequence=measures),
        group(PlanePositionSequence=plane(2)),
    ]
    return dataset


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("undefined", [False, True])
def test_functional_groups_become_frame_columns(syntax: str, undefined: bool) -> None:
    dataset = enhanced()
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        dataset[keyword].is_undefined_length = undefined
        for item in dataset[keyword].value:
            item.is_undefined_length_sequence_item = undefined
            for element in item:
                element.is_undefined_length = undefined
    row = read(encoded(dataset, syntax))
    assert row.frame_count == 3
    assert row.frames is not None
    assert row.frames["00200032"] == ["0.0\\0.0\\0.0", "0.0\\0.0\\1.0", "0.0\\0.0\\2.0"]
    assert row.frames["00200037"] == "1.0\\0.0\\0.0\\0.0\\1.0\\0.0"
    assert row.frames["00280030"] == "2.0\\3.0"
    assert row.frames["00409225"] == ["2.5", None, None]
    assert "00080018" not in row.frames


def test_kept_sequences_of_shared_groups() -> None:
    mapping, group = pydicom.Dataset(), pydicom.Dataset()
    mapping.RealWorldValueSlope = 2.5
    group.RealWorldValueMappingSequence = [mapping]
    dataset = small_ct(NumberOfFrames=2, SharedFunctionalGroupsSequence=[group])
    dataset.PerFrameFunctionalGroupsSequence = [pydicom.Dataset(), pydicom.Dataset()]
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        row = read(encoded(dataset, syntax))
        assert row.items is not None and row.frames == {"00409225": "2.5"}
        assert row.items["00409096"] == [{"00409225": {"vr": "FD", "Value": [2.5]}}]
    assert JsonReader(WANTED).row(dataset.to_json_dict()).items == row.items


def test_sequence_of_unknown_vr_is_implicit_inside() -> None:
    item = b"\x20\x00\x0e\x00\x06\0\0\x001.2.9\0"
    value_bytes = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(item)) + item
    data = encoded(small_ct())
    start = data.index(b"\x08\x00\x15\x11SQ")
    end = data.index(b"\x10\x00\x10\x00PN")
    row = read(
        data[:start] + b"\x08\x00\x15\x11UN\0\0" + struct.pack("<L", len(value_bytes)) + value_bytes + data[end:]
    )
    assert row.items == read(data).items


def test_empty_per_frame_sequence_makes_no_frames() -> None:
    row = read(encoded(small_ct(PerFrameFunctionalGroupsSequence=[])))
    assert row.frames is None and row.frame_count == 1


def test_file_is_read_on_as_far_as_needed() -> None:
    dataset = small_ct(ImageComments="x" * 10000, RescaleSlope="1")
    data = encoded(dataset)
    asked = []

    def more(size: int) -> bytes:
        asked.append(size)
        return data[:size]

    row = Part10Reader(WANTED).read(data[:512], more)
    assert row.texts == read(data).texts
    assert row.pixel_offset == len(data) - 32
    assert len(asked) <= 3


@pytest.mark.parametrize("cut", [600, 700, 900])
def test_cut_header_keeps_what_came_before(cut: int) -> None:
    data = encoded(small_ct(ImageComments="x" * 800))
    row = read(data[: data.index(b"x" * 800) + cut - 500])
    assert [finding.code for finding in row.findings] == ["file.truncated"]
    assert value(row, "00080018") == "1.2.3.4"
    assert value(row, "00204000") is None
    assert not row.has_pixels


def test_every_cut_of_a_file_is_a_row_or_a_typed_error() -> None:
    data = encoded(enhanced())
    for cut in range(len(data)):
        try:
            row = read(data[:cut])
        except HeaderError as error:
            assert error.code in ("file.not-dicom", "file.truncated")
        else:
            assert row.pixel_offset is None or cut >= row.pixel_offset


@pytest.mark.parametrize("data", [b"", bytes(200), b"plain text " * 40, b"\x1f\x8b" + bytes(300), b"<html>" * 50])
def test_other_files_are_not_dicom(data: bytes) -> None:
    with pytest.raises(HeaderError) as caught:
        read(data)
    assert caught.value.code == "file.not-dicom"


def test_dicomdir_is_named(shared_data: Path) -> None:
    for path in (shared_data / "other_modalities/dicomdir_pydicom/dicom").glob("DICOMDIR*"):
        with pytest.raises(HeaderError) as caught:
            read(path.read_bytes())
        assert caught.value.code == "file.dicomdir"


def test_executable_preamble_is_a_finding() -> None:
    data = encoded(small_ct())
    row = read(b"MZ" + data[2:])
    assert [finding.code for finding in row.findings] == ["file.preamble-executable"]


def test_one_bad_element_costs_only_itself() -> None:
    data = encoded(small_ct())
    rows = data.index(b"\x28\x00\x10\x00US")
    broken = data[: rows + 6] + b"\x03\x00abc" + data[rows + 10 :]
    row = read(broken)
    assert [finding.code for finding in row.findings] == ["header.element"]
    assert value(row, "00280010") is None
    assert value(row, "00280011") == "4"


def nested(depth: int, *, undefined: bool = True) -> bytes:
    """Explicit data set in which (0008,1140) holds itself `depth` times."""
    head = b"\x08\x00\x40\x11SQ\0\0"
    if undefined:
        start = head + b"\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
        end = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
        return start * depth + end * depth
    value = b""
    for _ in range(depth):
        item = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(value)) + value
        value = head + struct.pack("<L", len(item)) + item
    return value


def with_element(element: bytes) -> bytes:
    data = encoded(small_ct())
    place = data.index(b"\x08\x00\x60\x00CS")
    return data[:place] + element + data[place:]


@pytest.mark.parametrize("undefined", [True, False])
def test_sequences_at_the_depth_limit_and_above(undefined: bool) -> None:
    assert value(read(with_element(nested(DEEPEST, undefined=undefined))), "00080060") == "CT"
    with pytest.raises(HeaderError) as caught:
        read(with_element(nested(DEEPEST + 1, undefined=undefined)))
    assert caught.value.code == "header.limit"


def test_fifty_thousand_nested_sequences_end_at_once() -> None:
    with pytest.raises(HeaderError) as caught:
        read(with_element(nested(50_000)))
    assert caught.value.code == "header.limit"


def test_header_size_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(small_ct(ImageComments="x" * 5000))
    place = data.index(b"\xe0\x7f\x10\x00OW") + 12
    monkeypatch.setattr(part10, "LARGEST_HEADER", place)
    assert Part10Reader(WANTED).read(data[:1000], lambda size: data[:size]).has_pixels
    monkeypatch.setattr(part10, "LARGEST_HEADER", 2000)
    with pytest.raises(HeaderError) as caught:
        Part10Reader(WANTED).read(data[:1000], lambda size: data[:size])
    assert caught.value.code == "header.limit"


def test_length_of_gigabytes_reads_no_more_than_the_limit() -> None:
    data = with_element(b"\x08\x00\x41\x00OB\0\0\xfe\xff\xff\xff")
    asked = []

    def more(size: int) -> bytes:
        asked.append(size)
        return data[:size]

    with pytest.raises(HeaderError) as caught:
        Part10Reader(WANTED).read(data[:400], more)
    assert caught.value.code == "file.truncated"
    assert max(asked) <= part10.LARGEST_HEADER + 10_000


def deflated(data_set: bytes) -> bytes:
    data = encoded(small_ct(), DeflatedExplicitVRLittleEndian)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return data[: 144 + struct.unpack_from("<L", data, 140)[0]] + packer.compress(data_set) + packer.flush()


def test_deflated_data_is_inflated_no_further_than_the_pixels() -> None:
    plain = encoded(small_ct())
    data_set = plain[144 + struct.unpack_from("<L", plain, 140)[0] :]
    bomb = deflated(data_set + bytes(200 << 20))
    tracemalloc.start()
    row = read(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert row.texts == read(plain).texts
    assert peak < 5 << 20


@pytest.mark.parametrize("filling", [bytes(64 << 20), b"\x08\x00\x60\x00CS\x02\x00CT" * (1 << 20)])
def test_deflate_bomb_inside_the_header_stops_at_a_limit(filling: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part10, "LARGEST_HEADER", 32 << 20)
    with pytest.raises(HeaderError) as caught:
        read(deflated(filling))
    assert caught.value.code == "header.limit"


def test_damaged_deflated_data_is_a_typed_error() -> None:
    data = deflated(b"")
    with pytest.raises(HeaderError) as caught:
        read(data[: 144 + struct.unpack_from("<L", data, 140)[0]] + b"\xff" * 40)
    assert caught.value.code == "header"


def test_a_run_of_zeros_is_no_data_set() -> None:
    data = encoded(small_ct())
    start = data[: data.index(b"\x08\x00\x05\x00CS")]
    with pytest.raises(HeaderError) as caught:
        read(start + b"\x08\x00\x05\x00CS\0\0" + bytes(1 << 20))
    assert caught.value.code == "header.limit"


def test_wanted_elements_repeated_without_end() -> None:
    element = b"\x08\x00\x60\x00CS\x02\x00CT"
    assert value(read(with_element(element * 1000)), "00080060") == "CT"
    with pytest.raises(HeaderError) as caught:
        read(with_element(element * 200_000))
    assert caught.value.code == "header.limit"


def test_long_header_is_read_in_few_pieces() -> None:
    private = b"".join(
        b"\x09\x00" + struct.pack("<H", 0x1000 + number) + b"UN\0\0\0\1\0\0" + bytes(256) for number in range(4000)
    )
    data = with_element(private)
    asked: list[int] = []

    def more(size: int) -> bytes:
        asked.append(size)
        return data[:size]

    assert Part10Reader(WANTED).read(data[:8192], more).has_pixels
    assert len(asked) < 12


def test_absurd_frame_counts_make_no_frames() -> None:
    row = read(encoded(small_ct(NumberOfFrames=2**31 - 1)))
    assert row.frame_count == 0
    assert [finding.code for finding in row.findings] == ["header.limit"]


def test_repeated_uses_of_one_reader_do_not_mix_character_sets() -> None:
    reader = Part10Reader(WANTED)
    latin = encoded(small_ct())
    unicode = encoded(small_ct(SpecificCharacterSet="ISO_IR 192"))
    for data in (latin, unicode, latin, unicode):
        assert value(reader.read(data), "00100010") == "Müller^Anna"
    unknown = reader.read(latin.replace(b"ISO_IR 100", b"ISO_IR 999"))
    assert value(unknown, "00100010") == "M?ller^Anna"
    assert [finding.code for finding in unknown.findings] == ["header.charset"]


def test_pixel_value_is_only_marked() -> None:
    assert value(read(encoded(small_ct())), "7FE00010") == NOT_STORED


def test_dataset_of_a_file_and_of_rubbish() -> None:
    assert read_dataset(encoded(small_ct())).PatientName == "Müller^Anna"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(HeaderError):
            read_dataset(with_element(nested(2000)))


# --- fuzz ----------------------------------------------------------------------------------------------------------

PATTERNS = [
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\xff\xff\xff\x7f",
    b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff",
    b"\xfe\xff\x00\xe0\xff\xff\xff\xff",
    b"\x08\x00\x40\x11UN\0\0\xff\xff\xff\xff",
    b"\xfe\xff\xdd\xe0\0\0\0\0",
    b"\x08\x00\x41\x00OB\0\0\xff\xff\xff\x7f",
]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """1 to 16 edits, most of them near the start."""
    body = bytearray(data)
    for _ in range(chance.randint(1, 16)):
        if not body:
            break
        place = chance.randrange(min(len(body), 3000) if chance.random() < 0.85 else len(body))
        kind = chance.random()
        if kind < 0.35:
            body[place] = chance.randrange(256)
        elif kind < 0.60:
            pattern = chance.choice(PATTERNS)
            body[place : place + len(pattern)] = pattern
        elif kind < 0.72:
            del body[place : place + chance.randint(1, 63)]
        elif kind < 0.84:
            body[place:place] = body[place : place + chance.randint(1, 199)]
        elif kind < 0.92:
            del body[place:]
        else:
            body[place] ^= 1 << chance.randrange(8)
    return bytes(body)


def fuzz(seeds: list[bytes], count: int) -> None:
    chance = random.Random(7)
    reader = Part10Reader(WANTED)
    for number in range(count):
        data = mutated(seeds[number % len(seeds)], chance)
        try:
            row = reader.read(data[:4096], lambda size, data=data: data[:size])
        except DicomLogicError as error:
            assert error.code.startswith(("file.", "header"))
            continue
        assert len(row.texts) == len(WANTED.keys)
        for text in row.texts:
            if text is not None:
                text.encode("utf-8", "strict")
        assert row.frame_count >= 0
        if row.grid is not None:
            assert all(math.isfinite(axis) for position in row.grid.positions for axis in position)


def seeds(shared_data: Path) -> list[bytes]:
    folders = ("malformed/pydicom/dicom", "other_modalities/pydicom_misc/dicom", "rt/pydicom_rt_small/dicom")
    made = [encoded(small_ct()), encoded(enhanced()), encoded(enhanced(), ImplicitVRLittleEndian)]
    real = [path for folder in folders for path in sorted((shared_data / folder).iterdir())]
    mosaic = sorted((shared_data / "mr_mosaic/siemens_skyra_epi_pe_ap/dicom").iterdir())[0]
    return made + [path.read_bytes() for path in [*real, mosaic] if path.stat().st_size < 200_000]


def test_mutated_files_give_rows_or_typed_errors(shared_data: Path) -> None:
    fuzz(seeds(shared_data), 2000)


@pytest.mark.long
def test_many_mutated_files_give_rows_or_typed_errors(shared_data: Path) -> None:
    fuzz(seeds(shared_data), 100_000)


def test_wanted_tags_may_be_few() -> None:
    row = Part10Reader(WantedTags.of(["00100010"])).read(encoded(small_ct()))
    assert row.texts == ["Müller^Anna"]
    assert row.has_pixels and row.frame_count == 1
