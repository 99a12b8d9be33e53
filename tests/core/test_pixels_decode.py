"""Frames of every syntax: equal to raw, to pydicom, or refused; never reshaped, never half."""

from __future__ import annotations

import contextlib
import random
import struct
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydicom.pixels.encoders import RLELosslessEncoder

from dicomlogic_core.errors import PixelError
from dicomlogic_core.pixels import codecs
from dicomlogic_core.pixels.decode import decode_frame
from dicomlogic_core.pixels.description import PixelDescription
from dicomlogic_core.pixels.streams import sniff

imagecodecs = pytest.importorskip("imagecodecs")
if not hasattr(imagecodecs, "htj2k_encode"):
    pytest.skip("this imagecodecs is too old to encode the images of these tests", allow_module_level=True)

ELE = "1.2.840.10008.1.2.1"
BIG = "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4."
RLE = "1.2.840.10008.1.2.5"

Array = np.ndarray[Any, Any]


def described(array: Array, **changes: Any) -> PixelDescription:
    """The description of an array as it is stored."""
    bits = array.dtype.itemsize * 8
    values: dict[str, Any] = {
        "rows": array.shape[0],
        "columns": array.shape[1],
        "samples": array.shape[2] if array.ndim == 3 else 1,
        "bits_allocated": bits,
        "bits_stored": bits,
        "high_bit": bits - 1,
        "signed": array.dtype.kind == "i",
        "photometric": "RGB" if array.ndim == 3 else "MONOCHROME2",
    }
    values.update(changes)
    if "bits_stored" in changes:
        values.setdefault("high_bit", 0)
        values["high_bit"] = changes.get("high_bit", changes["bits_stored"] - 1)
    return PixelDescription(**values)


def image(kind: str, shape: tuple[int, ...] = (37, 53)) -> Array:
    """A smooth image with noise that uses the whole range of its kind, e.g. ``u12``, ``i16`` or ``rgb``."""
    rng = np.random.default_rng(sum(map(ord, kind)))
    j, i = np.mgrid[: shape[0], : shape[1]]
    wave = (np.sin(j / 5) + np.cos(i / 7)) / 4 + 0.5 + rng.normal(0, 0.02, shape[:2])
    wave[0, 0], wave[-1, -1] = 0, 1
    if kind == "rgb":
        return np.stack([np.clip(np.roll(wave, 9 * c, 0) * 255, 0, 255) for c in range(3)], axis=2).astype(np.uint8)
    bits = int(kind[1:])
    low = -(1 << (bits - 1)) if kind[0] == "i" else 0
    values = np.clip(wave, 0, 1) * ((1 << bits) - 1) + low
    return values.astype(f"{kind[0]}{1 if bits <= 8 else 2}")


def encode_rle(array: Array) -> bytes:
    samples = array.shape[2] if array.ndim == 3 else 1
    return RLELosslessEncoder.encode(
        array.tobytes(),
        encoding_plugin="pydicom",
        rows=array.shape[0],
        columns=array.shape[1],
        samples_per_pixel=samples,
        bits_allocated=array.dtype.itemsize * 8,
        bits_stored=array.dtype.itemsize * 8,
        pixel_representation=int(array.dtype.kind == "i"),
        photometric_interpretation="RGB" if samples > 1 else "MONOCHROME2",
        planar_configuration=0,
        number_of_frames=1,
    )


def _unsigned(array: Array) -> Array:
    return array.view(f"u{array.dtype.itemsize}")


def encode_jpeg_lossless(array: Array) -> bytes:
    bits = max(8, int(_unsigned(array).max()).bit_length())
    return imagecodecs.jpeg8_encode(_unsigned(array), lossless=True, predictor=1, bitspersample=bits)


ENCODERS: dict[str, tuple[str, Callable[[Array], bytes]]] = {
    "RLE": (RLE, encode_rle),
    "JPEG Lossless": (JPEG + "70", encode_jpeg_lossless),
    "JPEG-LS": (JPEG + "80", lambda a: imagecodecs.jpegls_encode(_unsigned(a))),
    "JPEG 2000": (JPEG + "90", lambda a: imagecodecs.jpeg2k_encode(a, level=0, codecformat="j2k", reversible=True)),
    "JP2 container": (JPEG + "90", lambda a: imagecodecs.jpeg2k_encode(a, level=0, codecformat="jp2", reversible=True)),
    "HTJ2K": (JPEG + "201", lambda a: imagecodecs.htj2k_encode(a, reversible=True)),
}
KINDS = ("u8", "i8", "u12", "u16", "i16", "rgb")
# Nothing that pydicom may be given decodes lossless JPEG without a restrictive licence.
DECODED = [
    (name, library)
    for name in ENCODERS
    for library in ("imagecodecs", "pydicom")
    if (name, library) != ("JPEG Lossless", "pydicom")
]
both_libraries = pytest.mark.parametrize(("name", "library"), DECODED, indirect=["library"])


@pytest.fixture(params=["imagecodecs", "pydicom"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both families of decoders, whatever is installed."""
    if request.param == "pydicom":
        monkeypatch.setattr(codecs, "imagecodecs", lambda: None)
    return str(request.param)


@pytest.mark.parametrize("kind", KINDS)
@both_libraries
def test_compressed_equals_raw(name: str, kind: str, library: str) -> None:
    syntax, encode = ENCODERS[name]
    for shape in ((37, 53), (3, 3), (1, 64)):
        array = image(kind, shape)
        bits = {"u12": 12}.get(kind, array.dtype.itemsize * 8)
        description = described(array, bits_stored=bits)
        data = encode(array)
        padded = data + b"\0" if len(data) % 2 else data  # as encapsulation pads
        for given in (data, padded, memoryview(bytearray(data))):
            found = decode_frame(given, description, syntax)
            assert found.dtype == array.dtype
            np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("name", ENCODERS)
def test_decoding_into_a_place_gives_the_same(name: str) -> None:
    syntax, encode = ENCODERS[name]
    array = image("u12")
    place = np.full((3, *array.shape), 7, np.uint16)
    found = decode_frame(encode(array), described(array, bits_stored=12), syntax, out=place[1])
    np.testing.assert_array_equal(found, array)
    if np.shares_memory(found, place):
        np.testing.assert_array_equal(place[1], array)
    assert (place[[0, 2]] == 7).all()


@both_libraries
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_cut_stream_is_an_error_not_half_an_image(name: str, share: float, library: str) -> None:
    syntax, encode = ENCODERS[name]
    data = encode(image("u12", (64, 64)))
    with pytest.raises(PixelError) as caught:
        decode_frame(data[: int(len(data) * share)], described(image("u12", (64, 64)), bits_stored=12), syntax)
    assert caught.value.code in ("pixels.short", "pixels.decode-failed")
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("name", "other"),
    [
        (name, other)
        for name in ENCODERS
        for other in [(48, 32), (33, 48), (31, 48), (64, 48)]
        # An RLE frame says how many samples it has, but not their shape.
        if (name, other) != ("RLE", (48, 32))
    ],
)
def test_stream_of_another_size_is_refused(name: str, other: tuple[int, int]) -> None:
    """Also when the number of samples is the same, so that a reshape would hide it."""
    syntax, encode = ENCODERS[name]
    with pytest.raises(PixelError) as caught:
        decode_frame(encode(image("u12", (32, 48))), described(image("u12", other), bits_stored=12), syntax)
    assert caught.value.code == "pixels.decode-failed"


@pytest.mark.parametrize("kind", ["u12", "u16", "rgb"])
@pytest.mark.parametrize("name", ["HTJ2K", "JPEG 2000"])
def test_stream_with_a_hole_is_short_before_it_is_decoded(name: str, kind: str) -> None:
    """Its end marker is there; the lengths of its tile-parts tell."""
    array = image(kind, (64, 64))
    syntax, encode = ENCODERS[name]
    data = encode(array)
    half = len(data) // 2
    with pytest.raises(PixelError) as caught:
        decode_frame(data[:half] + data[half + len(data) // 4 :], described(array), syntax)
    assert caught.value.code == "pixels.short"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", ["u12", "u16"])
def test_htj2k_frame_that_its_decoder_gives_up_is_an_error_though_it_says_nothing(kind: str) -> None:
    array = image(kind, (64, 64)) | 1  # no sample is zero
    data = bytearray(ENCODERS["HTJ2K"][1](array))
    half = len(data) // 2
    data[half : half + 200] = b"\0" * 200
    with contextlib.suppress(imagecodecs.Htj2kError):  # imagecodecs says it itself from 2026.10 on
        assert not imagecodecs.htj2k_decode(bytes(data))[-1].any(), "not given up"
    with pytest.raises(PixelError):
        decode_frame(bytes(data), described(array), JPEG + "201")


def test_htj2k_is_left_to_others_where_imagecodecs_is_too_old_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    older = {name: getattr(imagecodecs, name) for name in dir(imagecodecs) if "htj2k" not in name.lower()}
    monkeypatch.setattr(codecs, "imagecodecs", lambda: SimpleNamespace(**older))
    array = image("u16", (64, 64))
    found = decode_frame(ENCODERS["HTJ2K"][1](array), described(array), JPEG + "201")
    np.testing.assert_array_equal(found, array)


def test_htj2k_frame_with_a_black_last_line_is_right() -> None:
    array = image("u12", (64, 64))
    array[-5:] = 0
    found = decode_frame(ENCODERS["HTJ2K"][1](array), described(array, bits_stored=12), JPEG + "201")
    np.testing.assert_array_equal(found, array)


def test_sixteen_bits_do_not_fit_eight() -> None:
    array = image("u16")
    with pytest.raises(PixelError, match="16 bits per sample"):
        decode_frame(ENCODERS["JPEG-LS"][1](array), described(array.astype(np.uint8)), JPEG + "80")


def test_colour_stream_for_grey_header_is_refused() -> None:
    with pytest.raises(PixelError, match="samples"):
        decode_frame(ENCODERS["JPEG 2000"][1](image("rgb")), described(image("u8")), JPEG + "90")


def test_eight_bit_stream_in_sixteen_allocated() -> None:
    array = image("u8")
    found = decode_frame(ENCODERS["JPEG-LS"][1](array), described(array.astype(np.uint16), bits_stored=8), JPEG + "80")
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("name", ["RLE", "JPEG Lossless", "JPEG-LS"])
def test_twelve_bit_signs_are_extended(name: str) -> None:
    """Unsigned streams carry two's complement of BitsStored bits; PixelRepresentation tells."""
    signed = image("i12")
    stored = signed.view(np.uint16) & 0x0FFF
    syntax, encode = ENCODERS[name]
    found = decode_frame(encode(stored), described(signed, bits_stored=12), syntax)
    np.testing.assert_array_equal(found, signed)


def test_compressed_size_limit() -> None:
    array = image("u8", (16, 16))
    data = ENCODERS["JPEG-LS"][1](array)
    limit = 4 * array.nbytes + 65536
    padded = data + b"\0" * (limit - len(data))
    np.testing.assert_array_equal(decode_frame(padded, described(array), JPEG + "80"), array)
    with pytest.raises(PixelError, match="compressed bytes"):
        decode_frame(padded + b"\0", described(array), JPEG + "80")


def test_bytes_win_over_the_declared_syntax() -> None:
    array = image("u12")
    description = described(array, bits_stored=12)
    data = ENCODERS["HTJ2K"][1](array)
    for syntax in (ELE, "", JPEG + "90", RLE):
        np.testing.assert_array_equal(decode_frame(data, description, syntax), array)
    # Native bytes under a compressed label: decompressed by a server that kept the label.
    np.testing.assert_array_equal(decode_frame(array.tobytes(), description, JPEG + "90"), array)


def test_native_frame_may_look_like_a_stream() -> None:
    array = np.zeros((16, 16), np.uint8)
    array[0, :4] = 0xFF, 0x4F, 0xFF, 0x51
    np.testing.assert_array_equal(decode_frame(array.tobytes(), described(array), ELE), array)


@pytest.mark.parametrize("extra", [-2, -1, 2, 100])
def test_native_frame_of_another_length_is_refused(extra: int) -> None:
    array = image("u16", (8, 8))
    data = array.tobytes()
    data = data[:extra] if extra < 0 else data + b"\0" * extra
    with pytest.raises(PixelError) as caught:
        decode_frame(data, described(array), ELE)
    assert caught.value.code == ("pixels.short" if extra < 0 else "pixels.decode-failed")
    assert str(len(data)) in str(caught.value)


def test_one_byte_of_padding_is_allowed() -> None:
    array = image("u8", (3, 3))
    np.testing.assert_array_equal(decode_frame(array.tobytes() + b"\0", described(array), ELE), array)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
@pytest.mark.parametrize("syntax", [ELE, BIG])
def test_native_types(dtype: str, syntax: str) -> None:
    array = np.arange(-15, 15).reshape(5, 6).astype(dtype)
    real = {"f4": "float", "f8": "double"}.get(dtype, "")
    stored = array.astype(array.dtype.newbyteorder(">" if syntax == BIG else "<"))
    found = decode_frame(stored.tobytes(), described(array, real=real, signed=dtype[0] == "i"), syntax)
    assert found.dtype == array.dtype and found.dtype.isnative
    np.testing.assert_array_equal(found, array)


def test_one_bit_frames_run_on_across_bytes() -> None:
    rng = np.random.default_rng(3)
    frames = rng.integers(0, 2, (5, 7, 9)).astype(np.uint8)  # 63 bits per frame
    packed = np.packbits(frames.reshape(-1), bitorder="little").tobytes()
    description = described(frames[0], bits_allocated=1, bits_stored=1)
    for number in range(1, 6):
        offset, length, first_bit = description.span(number)
        found = decode_frame(packed[offset : offset + length], description, ELE, first_bit=first_bit)
        np.testing.assert_array_equal(found, frames[number - 1])


def test_twelve_bits_packed_two_in_three_bytes() -> None:
    values = np.array([[0x123, 0xABC, 0xFFF], [0x000, 0x801, 0x456]], np.uint16)
    bits = 0
    for number, value in enumerate(values.ravel()):
        bits |= int(value) << (12 * number)
    description = described(values, bits_allocated=12, bits_stored=12)
    np.testing.assert_array_equal(decode_frame(bits.to_bytes(9, "little"), description, ELE), values)


def test_bits_above_high_bit_are_masked_and_told() -> None:
    array = image("u12")
    overlaid = array | np.uint16(0x3000)
    notes: list[str] = []
    found = decode_frame(overlaid.tobytes(), described(array, bits_stored=12), ELE, note=notes.append)
    np.testing.assert_array_equal(found, array)
    assert notes == ["pixels.overlay-bits"]
    notes.clear()
    decode_frame(array.tobytes(), described(array, bits_stored=12), ELE, note=notes.append)
    assert not notes


def test_stored_bits_below_high_bit_are_shifted_down() -> None:
    array = image("u12")
    found = decode_frame((array << 4).tobytes(), described(array, bits_stored=12, high_bit=15), ELE)
    np.testing.assert_array_equal(found, array)


def test_planes_become_interleaved() -> None:
    array = image("rgb", (4, 6))
    planes = np.ascontiguousarray(array.transpose(2, 0, 1))
    np.testing.assert_array_equal(decode_frame(planes.tobytes(), described(array, planar=True), ELE), array)


def _ycbcr(rgb: Array) -> Array:
    """PS3.3 C.7.6.3.1.2, as written there."""
    r, g, b = (rgb[..., c].astype(float) for c in range(3))
    y = 0.299 * r + 0.587 * g + 0.114 * b
    cb = -0.168736 * r - 0.331264 * g + 0.5 * b + 128
    cr = 0.5 * r - 0.418688 * g - 0.081312 * b + 128
    return np.clip(np.rint(np.stack([y, cb, cr], axis=-1)), 0, 255).astype(np.uint8)


def test_ybr_full_becomes_rgb() -> None:
    rgb = image("rgb")
    found = decode_frame(_ycbcr(rgb).tobytes(), described(rgb, photometric="YBR_FULL"), ELE)
    assert np.abs(found.astype(int) - rgb).max() <= 2  # rounding there and back


def test_native_ybr_full_422() -> None:
    rgb = np.repeat(image("rgb", (6, 4)), 2, axis=1)  # pairs of columns are equal: subsampling loses nothing
    full = _ycbcr(rgb)
    packed = np.empty((6, 4, 4), np.uint8)
    packed[..., :2] = full[..., 0].reshape(6, 4, 2)
    packed[..., 2:] = full[:, ::2, 1:]
    found = decode_frame(packed.tobytes(), described(rgb, photometric="YBR_FULL_422"), ELE)
    assert np.abs(found.astype(int) - rgb).max() <= 2


@pytest.mark.parametrize("header", ["RGB", "YBR_FULL_422", "YBR_FULL"])
@pytest.mark.parametrize("stored", ["ycbcr", "rgb"])
def test_jpeg_colour_follows_the_stream_not_the_header(header: str, stored: str, library: str) -> None:
    rgb = image("rgb", (32, 32))
    data = imagecodecs.jpeg8_encode(rgb, level=98, colorspace="rgb", outcolorspace=stored, subsampling="444")
    notes: list[str] = []
    found = decode_frame(data, described(rgb, photometric=header), JPEG + "50", note=notes.append)
    assert np.abs(found.astype(int) - rgb).mean() < 2
    assert notes == (["pixels.photometric"] if (header == "RGB") != (stored == "rgb") else [])


def test_jpeg_extended_of_twelve_bits() -> None:
    array = image("u12", (64, 64))
    data = imagecodecs.jpeg8_encode(array, level=95, bitspersample=12)
    found = decode_frame(data, described(array, bits_stored=12), JPEG + "51")
    assert found.dtype == np.uint16
    assert np.abs(found.astype(int) - array).mean() < 30


def test_near_lossless_jpeg_ls_stays_within_its_bound() -> None:
    array = image("u12", (64, 64))
    found = decode_frame(imagecodecs.jpegls_encode(array, level=3), described(array, bits_stored=12), JPEG + "81")
    assert 0 < np.abs(found.astype(int) - array).max() <= 3


def test_syntax_without_decoder_names_itself() -> None:
    with pytest.raises(PixelError, match=r"JPEG XL.*1\.2\.840\.10008\.1\.2\.4\.110") as caught:
        decode_frame(b"\xff\x0a" + b"\1" * 30, described(image("u8")), JPEG + "110")
    assert caught.value.code == "pixels.unsupported-syntax"


def test_missing_decoder_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    data = ENCODERS["JPEG Lossless"][1](image("u12"))
    monkeypatch.setattr(codecs, "imagecodecs", lambda: None)
    with pytest.raises(PixelError, match="pip install imagecodecs") as caught:
        decode_frame(data, described(image("u12"), bits_stored=12), JPEG + "70")
    assert caught.value.code == "pixels.unsupported-syntax"


def test_streams_say_what_they_are() -> None:
    array = image("u12", (20, 30))
    kinds = {name: sniff(encode(array)) for name, (_, encode) in ENCODERS.items()}
    assert {name: stream.kind for name, stream in kinds.items() if stream} == {
        "RLE": "rle",
        "JPEG Lossless": "jpeg-lossless",
        "JPEG-LS": "jpeg-ls",
        "JPEG 2000": "jpeg2000",
        "JP2 container": "jpeg2000",
        "HTJ2K": "htj2k",
    }
    for name, stream in kinds.items():
        assert stream is not None and stream.complete
        if name != "RLE":
            assert (stream.rows, stream.columns, stream.samples) == (20, 30, 1)
            assert stream.bits in (12, 16) and not stream.signed


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", ENCODERS)
def test_damaged_streams_end_in_an_error_or_a_frame(name: str) -> None:
    """The short form of fuzzing: never a crash, a hang, another exception or another shape."""
    syntax, encode = ENCODERS[name]
    array = image("u12", (24, 24))
    description = described(array, bits_stored=12)
    data = encode(array)
    chance = random.Random(name)
    for _ in range(150):
        broken = bytearray(data)
        for _ in range(chance.randint(1, 6)):
            broken[chance.randrange(len(broken))] = chance.choice((0, 0xFF, chance.randrange(256)))
        try:
            found = decode_frame(bytes(broken), description, syntax)
        except PixelError:
            continue
        assert found.shape == array.shape and found.dtype == array.dtype


def test_stream_that_claims_a_huge_image_is_refused_before_decoding() -> None:
    data = bytearray(ENCODERS["JPEG 2000"][1](image("u12", (24, 24))))
    for place in (8, 24):  # the image and its one tile
        struct.pack_into(">II", data, place, 2**31, 2**31)
    with pytest.raises(PixelError, match="the header says"):
        decode_frame(bytes(data), described(image("u12", (24, 24)), bits_stored=12), JPEG + "90")


def test_tile_size_of_zero_never_reaches_a_decoder() -> None:
    """One decoder divides by it, which ends the process."""
    array = image("u12", (24, 24))
    for place in (24, 28):
        data = bytearray(ENCODERS["HTJ2K"][1](array))
        struct.pack_into(">I", data, place, 0)
        with pytest.raises(PixelError):
            decode_frame(bytes(data), described(array, bits_stored=12), JPEG + "201")


def test_lossy_overshoot_ends_at_the_range() -> None:
    array = np.full((16, 16), 4094, np.uint16)
    array[::2] = 4095
    data = imagecodecs.jpegls_encode(array + np.uint16(3))  # what a lossy decoder may give
    found = decode_frame(data, described(array, bits_stored=12), JPEG + "81")
    assert found.min() == found.max() == 4095


def test_rle_with_the_wrong_number_of_segments() -> None:
    data = encode_rle(image("u8"))
    with pytest.raises(PixelError, match="RLE segments"):
        decode_frame(data, described(image("u16")), RLE)
