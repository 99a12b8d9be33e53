"""Frames in fragments: with and without offset table, spread, padded, cut; the layouts come from pydicom."""

from __future__ import annotations

import random
import struct

import pytest
from pydicom.encaps import encapsulate, encapsulate_extended

from dicomlogic_core.errors import PixelError
from dicomlogic_core.pixels.encapsulated import frame_fragments

JPEG_LIKE = [b"\xff\xd8\xff" + bytes([n]) * (20 + 7 * n) + b"\xff\xd9" for n in range(1, 5)]


def frames_of(value: bytes, frames: int, prefix: bytes = b"") -> list[bytes]:
    """The frames that our table finds in an encapsulated value which begins after `prefix`."""
    data = prefix + value
    table = frame_fragments(lambda offset, size: data[offset : offset + size], len(prefix), len(data), frames)
    return [b"".join(data[offset : offset + length] for offset, length in parts) for parts in table]


def padded(frames: list[bytes]) -> list[bytes]:
    return [frame + b"\0" * (len(frame) % 2) for frame in frames]


@pytest.mark.parametrize("has_bot", [True, False])
@pytest.mark.parametrize("fragments", [1, 2, 5])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_frames_are_found_again(count: int, fragments: int, has_bot: bool) -> None:
    value = encapsulate(JPEG_LIKE[:count], fragments_per_frame=fragments, has_bot=has_bot)
    assert frames_of(value, count, b"header") == padded(JPEG_LIKE[:count])


def test_frames_with_an_extended_offset_table() -> None:
    value, _, _ = encapsulate_extended(JPEG_LIKE)
    assert frames_of(value, 4) == padded(JPEG_LIKE)


def test_missing_delimiter_and_trailing_elements_are_no_fragments() -> None:
    value = encapsulate(JPEG_LIKE[:2], has_bot=False)
    delimiter, trailing = b"\xfe\xff\xdd\xe0\0\0\0\0", b"\xfc\xff\xfc\xff\0\0\0\0"
    for end in (b"", delimiter, delimiter + trailing, trailing, b"\0", b"\xfe\xff"):
        assert frames_of(value + end, 2) == padded(JPEG_LIKE[:2])


def test_offset_table_that_is_wrong_is_not_trusted() -> None:
    value = bytearray(encapsulate(JPEG_LIKE[:2], fragments_per_frame=3))
    struct.pack_into("<I", value, 12, 4)  # into the middle of a fragment
    assert frames_of(bytes(value), 2) == padded(JPEG_LIKE[:2])


def test_fragments_that_do_not_make_the_frames_are_an_error() -> None:
    value = encapsulate([b"\1" * 64], fragments_per_frame=3, has_bot=False)
    with pytest.raises(PixelError) as caught:
        frames_of(value, 2)
    assert caught.value.code == "pixels.missing"


@pytest.mark.parametrize("has_bot", [True, False])
def test_frames_that_the_header_does_not_count_are_not_dropped(has_bot: bool) -> None:
    with pytest.raises(PixelError, match="holds 4 frames") as caught:
        frames_of(encapsulate(JPEG_LIKE, has_bot=has_bot), 1)
    assert caught.value.code == "pixels.invalid-header"


def test_run_length_frames_that_the_header_does_not_count_are_told_by_the_offset_table() -> None:
    with pytest.raises(PixelError, match="holds 3 frames"):
        frames_of(encapsulate([b"\1" * 64] * 3), 1)


@pytest.mark.parametrize("value", [b"", b"\0" * 64, b"\xfe\xff\x00\xe0\0\0\0\0"])
def test_what_is_not_encapsulated_is_refused(value: bytes) -> None:
    with pytest.raises(PixelError):
        frames_of(value, 1)


def test_a_fragment_beyond_the_end_keeps_its_claimed_length() -> None:
    """So that its reader notices that bytes are missing."""
    value = encapsulate([b"\1" * 100], has_bot=False)
    table = frame_fragments(lambda offset, size: value[:60][offset : offset + size], 0, 60, 1)
    assert table == [[(16, 100)]]


def test_damaged_items_end_in_an_error_or_in_fragments() -> None:
    value = encapsulate(JPEG_LIKE, fragments_per_frame=2)
    chance = random.Random(1)
    for _ in range(500):
        broken = bytearray(value)
        for _ in range(chance.randint(1, 4)):
            broken[chance.randrange(len(broken))] = chance.choice((0, 0xFE, 0xFF, chance.randrange(256)))
        try:
            found = frames_of(bytes(broken), 4)
        except PixelError:
            continue
        assert len(found) == 4


def test_endless_items_are_refused() -> None:
    item = b"\xfe\xff\x00\xe0\0\0\0\0"
    with pytest.raises(PixelError, match="fragments"):
        frame_fragments(lambda offset, size: item, 0, 1 << 40, 1)
