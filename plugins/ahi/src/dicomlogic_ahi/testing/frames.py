"""How the service stores pixels: lossless images anew as HTJ2K or JPEG 2000, everything else as it came."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.pixels.utils import iter_pixels

from dicomlogic_ahi.testing.sets import Frame
from dicomlogic_core.testing.server_frames import EXPLICIT_LITTLE_ENDIAN, FrameReader, is_native
from dicomlogic_core.testing.server_store import Instance

if TYPE_CHECKING:
    from numpy.typing import NDArray

HTJ2K = "1.2.840.10008.1.2.4.202"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
_JPEG_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
_LOSSLESS = {
    *_JPEG_LOSSLESS,
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.80",
    JPEG_2000,
    "1.2.840.10008.1.2.4.201",
    HTJ2K,
}
_JPEG = "1.2.840.10008.1.2.4."
_MEDIA_TYPES = {
    HTJ2K: "image/jph",
    **{_JPEG + end: "image/jpeg" for end in ("50", "51", "57", "70")},
    **{_JPEG + end: "image/jls" for end in ("80", "81")},
    **{_JPEG + end: "image/j2c" for end in ("90", "91")},
    _JPEG + "203": "image/jphc",
    _JPEG + "112": "image/jxl",
    **{_JPEG + end: "video/mpeg" for end in ("100", "101")},
    **{_JPEG + end: "video/mp4" for end in ("102", "103", "104", "105", "106")},
    **{_JPEG + end: "video/H256" for end in ("107", "108")},  # the service writes it so
}
_DEEPEST = 16  # bits of a sample; deeper ones (doses) stay native


def media_type(syntax: str) -> str:
    """Content-Type of a frame by its stored transfer syntax."""
    return _MEDIA_TYPES.get(syntax, "application/octet-stream")


def encoder(storage: str) -> tuple[str, Callable[[Any], bytes]] | None:
    """Transfer syntax and encoder of a lossless storage format; None where imagecodecs is not installed."""
    try:
        import imagecodecs
    except ImportError:
        return None
    if storage == "JPEG_2000_LOSSLESS":
        return JPEG_2000, lambda frame: bytes(
            imagecodecs.jpeg2k_encode(frame, level=0, reversible=True, codecformat="j2k")
        )
    return HTJ2K, lambda frame: bytes(
        imagecodecs.htj2k_encode(np.ascontiguousarray(frame), reversible=True, tlm=True, resolutions=5)
    )


def stored_frames(instance: Instance, reader: FrameReader, storage: str) -> list[Frame]:
    """The frames of an instance as the service stores them; none without pixels."""
    if not instance.frames:
        return []
    came = reader.frames(instance)
    syntax = EXPLICIT_LITTLE_ENDIAN if is_native(instance.transfer_syntax) else instance.transfer_syntax
    images = _native(instance, came) if syntax == EXPLICIT_LITTLE_ENDIAN else _decoded(instance)
    if images is None or len(images) != len(came):
        return [_untouched(instance, data, syntax) for data in came]
    encode = encoder(storage)
    if encode and (syntax in _LOSSLESS or syntax == EXPLICIT_LITTLE_ENDIAN) and _fits(images):
        return [_frame(image, encode[1](image), encode[0]) for image in images]
    return [_frame(image, data, syntax) for image, data in zip(images, came)]


def _fits(images: list[NDArray[Any]]) -> bool:
    return all(image.dtype.kind in "iu" and image.dtype.itemsize * 8 <= _DEEPEST for image in images)


def _untouched(instance: Instance, data: bytes, syntax: str) -> Frame:
    """A frame that is not decoded: packed bits, floating point, damaged."""
    if syntax == EXPLICIT_LITTLE_ENDIAN:
        return Frame(data=data, syntax=syntax, size=len(data), checksum=zlib.crc32(data))
    header = instance.header
    samples = int(header.Rows) * int(header.Columns) * int(header.get("SamplesPerPixel", 1))
    return Frame(data=data, syntax=syntax, size=samples * int(header.BitsAllocated) // 8)


def _frame(image: NDArray[Any], data: bytes, syntax: str) -> Frame:
    plain = np.ascontiguousarray(image, image.dtype.newbyteorder("<")).tobytes()
    return Frame(
        data=data,
        syntax=syntax,
        size=len(plain),
        lowest=int(image.min()),
        highest=int(image.max()),
        checksum=zlib.crc32(plain),
    )


def _native(instance: Instance, came: list[bytes]) -> list[NDArray[Any]] | None:
    """Arrays (rows, columns[, samples]) of native frames; None for those that are stored as they are."""
    header = instance.header
    bits, samples = int(header.BitsAllocated), int(header.get("SamplesPerPixel", 1))
    if instance.pixel_keyword != "PixelData" or bits not in (8, 16, 32):
        return None
    dtype = np.dtype(("<i" if header.get("PixelRepresentation") == 1 else "<u") + str(bits // 8))
    rows, columns = int(header.Rows), int(header.Columns)
    if any(len(data) != rows * columns * samples * dtype.itemsize for data in came):
        return None  # cut off, or two pixels that share their chroma samples
    planes = samples > 1 and int(header.get("PlanarConfiguration") or 0) == 1
    if planes and bits <= _DEEPEST:
        return [np.frombuffer(data, dtype).reshape(samples, rows, columns).transpose(1, 2, 0) for data in came]
    shape = (rows, columns) if samples == 1 else (rows, columns, samples)
    return [np.frombuffer(data, dtype).reshape(shape) for data in came]


def _decoded(instance: Instance) -> list[NDArray[Any]] | None:
    """Arrays of compressed frames, colours as the stream has them; None where nothing decodes them."""
    dataset = dcmread(instance.path)
    try:
        if instance.transfer_syntax in _JPEG_LOSSLESS:
            return _lossless_jpeg(dataset, instance.frames)
        return list(iter_pixels(dataset, raw=True))
    except Exception:  # decoders raise nearly anything on damaged data; the service keeps what it cannot read
        return None


def _lossless_jpeg(dataset: Dataset, frames: int) -> list[NDArray[Any]]:
    """pydicom has no decoder for it that may be shipped with other software."""
    import imagecodecs
    from pydicom.encaps import generate_frames

    kind = "i" if dataset.get("PixelRepresentation") == 1 else "u"
    dtype = np.dtype(f"<{kind}{dataset.BitsAllocated // 8}")
    streams = generate_frames(dataset.PixelData, number_of_frames=frames)
    return [np.asarray(imagecodecs.ljpeg_decode(stream)).view(dtype) for stream in streams]
