"""The small rooms: evidence about bytes, headers of Part-10 files, the ladder's memory."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate

import dicomlogic_core as dl
from dicomlogic_core.testing import phantoms
from dicomlogic_dicomweb import part10
from dicomlogic_dicomweb.evidence import objection
from dicomlogic_dicomweb.inspection import count, is_partial, single
from dicomlogic_dicomweb.ladder import ANYTHING, AS_STORED, EXPLICIT, INSTANCE, Rung, ladder
from dicomlogic_dicomweb.offers import Memory, Offers

J2K = b"\xff\x4f\xff\x51" + bytes(300) + b"\xff\xd9"
RLE = struct.pack("<16I", 2, 64, 100, *[0] * 13) + bytes(60)


@pytest.mark.parametrize(
    ("data", "native_size", "right"),
    [
        (bytes(1536), 1536, True),
        (bytes(1537), 1536, True),
        (bytes(1535), 1536, False),
        (bytes(1538), 1536, False),
        (b"", 0, False),
        (bytes(10), 0, True),
        (J2K, 1536, True),
        (J2K + b"\0", 1536, True),
        (J2K[:-2], 1536, False),
        (J2K[:150], 0, False),
        (b"\xff\xd8\xff\xe0" + bytes(100), 1536, True),
        (RLE, 1536, True),
        (RLE[:60], 1536, False),
        # A native frame that begins as an RLE header might: the length says what it is.
        (struct.pack("<16I", 1, 64, *[0] * 14) + bytes(1536 - 64), 1536, True),
        (b"\x01\0\0\0" + bytes(1000), 1536, False),
        (b"<html>not a frame</html>", 1536, False),
        (b"\xff\xd8\xff" + bytes(100_000), 100, False),
    ],
)
def test_evidence(data: bytes, native_size: int, right: bool) -> None:
    assert (objection(memoryview(data), native_size) == "") is right


def part10_bytes(dataset: pydicom.Dataset, folder: Path, **options: bool) -> bytes:
    dataset.save_as(folder / "x.dcm", **options)
    return (folder / "x.dcm").read_bytes()


@pytest.fixture
def dataset(tmp_path: Path) -> pydicom.Dataset:
    (path,) = phantoms.write_ct(tmp_path / "ct", phantoms.regular(1))
    return pydicom.dcmread(path)


def test_the_uid_is_that_of_the_data_set(dataset: pydicom.Dataset, tmp_path: Path) -> None:
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.99"
    data = part10_bytes(dataset, tmp_path)
    assert part10.sop_uid(data) == dataset.SOPInstanceUID
    assert part10.transfer_syntax(data) == "1.2.840.10008.1.2.1"


@pytest.mark.parametrize("name", ["ExplVR_BigEnd.dcm", "image_dfl.dcm", "MR_small_implicit.dcm", "JPEG2000.dcm"])
def test_the_uid_of_files_of_others(name: str) -> None:
    path = Path(str(get_testdata_file(name)))
    assert part10.sop_uid(path.read_bytes()) == pydicom.dcmread(path).SOPInstanceUID


@pytest.mark.parametrize("cut", [0, 100, 131, 140, 200, 320])
def test_damaged_files_have_no_uid(dataset: pydicom.Dataset, tmp_path: Path, cut: int) -> None:
    assert part10.sop_uid(part10_bytes(dataset, tmp_path)[:cut]) == ""


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("padding", [False, True])
def test_a_header_ends_at_the_pixels_and_not_at_the_icon(
    dataset: pydicom.Dataset, tmp_path: Path, compressed: bool, padding: bool
) -> None:
    icon = pydicom.Dataset()
    icon.Rows = icon.Columns = 8
    icon.PixelData = encapsulate([bytes(64)]) if compressed else bytes(64)
    icon["PixelData"].VR = "OB"
    dataset.IconImageSequence = [icon]
    if compressed:
        icon["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.90"
        dataset.PixelData = encapsulate([J2K])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    if padding:
        dataset.DataSetTrailingPadding = bytes(500)
    data = part10_bytes(dataset, tmp_path)
    header = part10.header_of(data)
    assert header.endswith(b"\xe0\x7f\x10\x00" + header[-8:]) and data.startswith(header)
    read = pydicom.dcmread(pydicom.filebase.DicomBytesIO(header), stop_before_pixels=True)
    assert read.IconImageSequence[0].Rows == 8 and read.Rows == dataset.Rows


def test_a_file_without_pixels_is_all_header(dataset: pydicom.Dataset, tmp_path: Path) -> None:
    del dataset.PixelData
    data = part10_bytes(dataset, tmp_path)
    assert part10.header_of(memoryview(data)) == data


PLACE = dl.Location(ref=dl.FrameRef(study_uid="1", series_uid="2", sop_uid="3"), source="https://a", sop_class="9")


def order(offers: Offers, place: dl.Location = PLACE) -> list[Rung]:
    return offers.order(place, ladder(place, frozenset()))


def test_what_worked_is_remembered_by_class_and_syntax() -> None:
    offers = Offers()
    offers.worked(PLACE, EXPLICIT)
    assert order(offers)[0] == EXPLICIT
    for other in ("sop_class", "transfer_syntax"):
        assert order(offers, replace(PLACE, **{other: "x"}))[0] == AS_STORED


def test_a_form_that_was_refused_comes_last_for_other_objects() -> None:
    offers = Offers()
    offers.refused(AS_STORED, 406)
    offers.refused(EXPLICIT, 500)  # may be a matter of this object's syntax
    rungs = order(offers)
    assert rungs[-1] == AS_STORED and rungs.index(EXPLICIT) < rungs.index(ANYTHING)


def test_a_server_without_frames_is_asked_for_instances() -> None:
    offers = Offers()
    offers.frames = False
    assert order(offers)[0] == INSTANCE


def test_colours_that_a_server_may_have_changed_are_not_asked_for() -> None:
    rungs = ladder(replace(PLACE, photometric="YBR_FULL_422"), frozenset())
    assert EXPLICIT not in rungs and ANYTHING not in rungs and rungs[0] == AS_STORED


def test_what_is_known_of_a_server_ends_with_its_client() -> None:
    memory = Memory()
    first, second = dl.Client("https://a"), dl.Client("https://a")
    memory.meet("https://a", first).series = False
    assert memory.meet("https://a", second) is memory.recall("https://a")
    assert not memory.recall("https://a").series and memory.recall("https://b").series
    first.close()
    assert memory.recall("https://a").series
    memory.meet("https://a", second).lists = False
    assert not memory.recall("https://a").lists
    second.close()


def test_numbers_that_numpy_reads_are_little_endian() -> None:
    from dicomlogic_dicomweb.bulk import _values

    assert _values("FL", np.array([1.5, -2], "<f4").tobytes() + b"\0") == [1.5, -2.0]


CT = "1.2.840.10008.5.1.4.1.1.2"


@pytest.mark.parametrize(
    ("header", "partial"),
    [
        ({"00080016": [CT], "00080018": ["1"], "00280010": [32]}, False),
        ({"00080016": [CT], "00080018": ["1"]}, True),
        ({"00080018": ["1"], "00280010": [32]}, True),
        ({"00080016": ["1.2.840.10008.5.1.4.1.1.66"], "00080018": ["1"]}, False),  # raw data has no rows
        # The same keys inside a sequence neither make up for missing ones nor cast doubt on those that are there.
        ({"00080018": ["1"], "00081140": [{"00080016": [CT]}]}, True),
        ({"00080016": [CT], "00080018": ["1"], "00280010": [32], "00081140": [{"00080018": ["2"]}]}, False),
    ],
)
def test_partial_metadata(header: dict[str, list[object]], partial: bool) -> None:
    def form(obj: dict[str, list[object]]) -> dict[str, object]:
        return {
            key: {"vr": "SQ", "Value": [form(item) for item in values if isinstance(item, dict)]}
            if any(isinstance(item, dict) for item in values)
            else {"vr": "UI", "Value": values}
            for key, values in obj.items()
        }

    body = json.dumps([form(header)]).encode()
    assert is_partial(body, "") is partial
    assert count([body], 1, "") == 1


@pytest.mark.parametrize("body", [b'[{"a": 1}]', b' {"a": 1}\n', b'\xef\xbb\xbf[ {"a": 1} ]'])
def test_an_answer_for_one_instance_is_an_object(body: bytes) -> None:
    assert json.loads(single(body)) == {"a": 1}
