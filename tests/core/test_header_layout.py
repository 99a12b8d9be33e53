"""The learned layout gives exactly what the walk gives, for any file, in any order."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicomlogic_core.errors import DicomLogicError, HeaderError
from dicomlogic_core.header import layout
from dicomlogic_core.header.part10 import Part10Reader
from dicomlogic_core.header.rows import HeaderRow
from dicomlogic_core.header.walk import Walk
from dicomlogic_core.header.wanted import wanted_tags

WANTED = wanted_tags()


def slice_file(
    number: int,
    syntax: str = ExplicitVRLittleEndian,
    change: Callable[[pydicom.Dataset], Any] = lambda dataset: None,
    series: str = "1.2.3",
) -> bytes:
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = f"1.2.3.{number}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2", series
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PatientName = "Müller^Anna"
    dataset.Modality = "CT"
    dataset.InstanceNumber = str(number)
    dataset.ImagePositionPatient = ["-10", "-20", f"{number * 1.5:g}"]
    dataset.WindowCenter = ["40"] * (1 + number % 2)
    dataset.Rows = dataset.Columns = 4
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 15, 0, 1
    reference = pydicom.Dataset()
    reference.ReferencedSOPInstanceUID = f"1.2.9.{number // 3}"
    dataset.ReferencedImageSequence = [reference]
    dataset.add_new((0x0019, 0x10), "LO", "SIEMENS MR HEADER")
    dataset.add_new((0x0019, 0x100C), "IS", str(number % 4))
    change(dataset)
    dataset.PixelData = bytes(32)
    dataset["PixelData"].VR = "OW"
    buffer = io.BytesIO()
    big = syntax == ExplicitVRBigEndian
    arguments: dict[str, Any] = {"little_endian": False, "implicit_vr": False} if big else {}
    dataset.save_as(buffer, enforce_file_format=True, **arguments)
    return buffer.getvalue()


class Counter:
    """Counts walks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        run = Walk.run

        def counted(walk: Walk, data: bytes) -> int:
            self.count += 1
            return run(walk, data)

        monkeypatch.setattr(Walk, "run", counted)


def walked(data: bytes) -> HeaderRow | str:
    return outcome(Part10Reader(WANTED, learn=False), data)


def outcome(reader: Part10Reader, data: bytes) -> HeaderRow | str:
    try:
        return reader.read(data)
    except HeaderError as error:
        return error.code


def test_big_endian_series_is_walked() -> None:
    reader = Part10Reader(WANTED)
    for number in range(6):
        data = slice_file(number, ExplicitVRBigEndian)
        assert reader.read(data) == walked(data)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("undefined", [False, True])
def test_series_is_read_without_walking(syntax: str, undefined: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def undefine(dataset: pydicom.Dataset) -> None:
        dataset["ReferencedImageSequence"].is_undefined_length = undefined

    files = [slice_file(number, syntax, undefine) for number in range(40)]
    expected = [walked(data) for data in files]
    counter = Counter(monkeypatch)
    reader = Part10Reader(WANTED)
    assert [reader.read(data) for data in files] == expected
    assert counter.count < 10


def test_other_structure_is_walked_and_right() -> None:
    def odd(dataset: pydicom.Dataset) -> None:
        dataset.SliceThickness = "2"

    reader = Part10Reader(WANTED)
    for number in range(30):
        data = slice_file(number, change=odd if number % 3 == 0 else lambda dataset: None)
        assert reader.read(data) == walked(data)


def test_sequences_of_unknown_vr_are_walked() -> None:
    """Inside UN everything is implicit: ``CS`` is part of a length there, which would lead another reader astray."""
    reader = Part10Reader(WANTED)
    for number in range(12):
        data = slice_file(number)
        place = data.index(b"\x08\x00\x60\x00CS")
        inner = b"\x08\x00\x60\x00" + (0x5343 if number % 2 else 6).to_bytes(4, "little")
        inner += b"\x01" * (0x5343 if number % 2 else 6)
        item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + inner + b"\xfe\xff\x0d\xe0\0\0\0\0"
        unknown = b"\x08\x00\x51\x00UN\0\0\xff\xff\xff\xff" + item + b"\xfe\xff\xdd\xe0\0\0\0\0"
        changed = data[:place] + unknown + data[place:]
        row = reader.read(changed)
        assert row == walked(changed)
        assert row.texts == reader.read(data).texts


def test_interleaved_series_keep_their_layouts(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [slice_file(number, series=f"1.2.3.{number % 3}") for number in range(60)]
    expected = [walked(data) for data in files]
    counter = Counter(monkeypatch)
    reader = Part10Reader(WANTED)
    assert [reader.read(data) for data in files] == expected
    assert counter.count < 30


@pytest.mark.parametrize(
    ("tag", "vr", "values"),
    [
        (0x00080005, "CS", ["ISO_IR 100", "ISO_IR 192"]),
        (0x00280103, "US", [0, 1]),
        (0x00190010, "LO", ["SIEMENS MR HEADER", "SOMEONE ELSE 1.0"]),
        (0x00280008, "IS", ["1", "3"]),
        (0x00080008, "CS", ["ORIGINAL\\PRIMARY", "ORIGINAL\\MOSAIC"]),
        (0x00280010, "US", [4, 8]),
    ],
)
def test_elements_that_decide_how_others_are_read(tag: int, vr: str, values: list[Any]) -> None:
    reader = Part10Reader(WANTED)
    for number in range(20):

        def change(dataset: pydicom.Dataset, number: int = number) -> None:
            dataset.add_new(tag, vr, values[number % 2])
            dataset.add_new(0x00280120, "US", 65000)

        data = slice_file(number, ImplicitVRLittleEndian, change)
        assert reader.read(data) == walked(data)


def test_longer_header_than_the_head_is_asked_for_once() -> None:
    def long_comment(dataset: pydicom.Dataset) -> None:
        dataset.ImageComments = "x" * 9000

    reader = Part10Reader(WANTED)
    for number in range(10):
        data = slice_file(number, change=long_comment)
        asked: list[int] = []

        def more(size: int, data: bytes = data, asked: list[int] = asked) -> bytes:
            asked.append(size)
            return data[:size]

        assert reader.read(data[:4096], more) == walked(data)
        assert len(asked) <= (3 if number < 4 else 1)


def test_random_edits_never_give_another_row_than_the_walk() -> None:
    chance = random.Random(3)
    files = [slice_file(number) for number in range(12)]
    reader = Part10Reader(WANTED)
    for data in files:
        reader.read(data)
    for _ in range(3000):
        body = bytearray(chance.choice(files))
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(body) - 40)
            kind = chance.random()
            if kind < 0.6:
                body[place] = chance.randrange(256)
            elif kind < 0.8:
                del body[place : place + chance.randint(1, 20)]
            else:
                body[place:place] = body[place : place + chance.randint(1, 20)]
        assert outcome(reader, bytes(body)) == walked(bytes(body))


@pytest.mark.filterwarnings("ignore")
def test_real_series_in_any_order_equal_the_walk(shared_data: Path) -> None:
    chance = random.Random(5)
    paths = [
        path
        for path in sorted(shared_data.rglob("dicom/*"))
        if path.is_file() and path.stat().st_size < 2_000_000 and path.suffix != ".json"
    ]
    shuffled = chance.sample(paths, len(paths))
    for order in (paths, shuffled):
        learning, walking = Part10Reader(WANTED), Part10Reader(WANTED, learn=False)
        for path in order:
            data = path.read_bytes()
            try:
                expected: Any = walking.read(data)
            except DicomLogicError as error:
                expected = error.code
            assert outcome(learning, data) == expected, path


def test_layouts_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Part10Reader(WANTED)
    for number in range(60):
        reader.read(slice_file(number, series=f"1.2.3.{number // 2}"))
    layouts = reader._layouts
    assert isinstance(layouts, layout.Layouts)
    assert len(layouts._layouts) <= 4
    assert len(layouts._samples) <= 4
