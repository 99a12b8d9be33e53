"""Decoding with imagecodecs, whose decoders write into a given place and free the interpreter lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core.errors import PixelError
from dicomlogic_core.pixels.description import PixelDescription
from dicomlogic_core.pixels.native import Bytes
from dicomlogic_core.pixels.streams import Kind, Stream, colour_after

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARTS: dict[Kind, str] = {
    "rle": "DICOMRLE",
    "jpeg": "JPEG8",
    "jpeg-lossless": "JPEG8",
    "jpeg-ls": "JPEGLS",
    "jpeg2000": "JPEG2K",
    "htj2k": "HTJ2K",
}
"""Codec -> the part of imagecodecs it needs."""


def decode(
    library: Any, data: Bytes, stream: Stream, description: PixelDescription, out: NDArray[Any] | None
) -> tuple[NDArray[Any], str]:
    """Samples and their colour space; see `codecs.decode_stream`. Raises whatever the decoder raises."""
    space = description.photometric
    if stream.kind == "rle":
        return _rle(library, data, description, out), space
    target = None
    if out is not None and out.dtype.itemsize == stream.itemsize:
        target = out.view(_dtype(stream))
    if stream.kind == "htj2k":
        return _htj2k(library, data, stream, description, target), colour_after(stream.kind, space)
    if stream.kind == "jpeg":
        options, space = _jpeg_colours(stream, description)
        return library.jpeg8_decode(data, out=target, **options), space
    decoder: Callable[..., Any] = {
        "jpeg-lossless": library.jpeg8_decode,
        "jpeg-ls": library.jpegls_decode,
        "jpeg2000": library.jpeg2k_decode,
    }[stream.kind]
    return decoder(data, out=target), colour_after(stream.kind, space)


def _dtype(stream: Stream) -> np.dtype[Any]:
    return np.dtype(f"{'i' if stream.signed else 'u'}{stream.itemsize}")


def _jpeg_colours(stream: Stream, description: PixelDescription) -> tuple[dict[str, str], str]:
    if description.samples == 1:
        return {}, description.photometric
    transformed = description.photometric != "RGB" if stream.transformed is None else stream.transformed
    return {"colorspace": "ycbcr" if transformed else "rgb", "outcolorspace": "rgb"}, "RGB"


def _rle(library: Any, data: Bytes, description: PixelDescription, out: NDArray[Any] | None) -> NDArray[Any]:
    dtype = description.dtype
    if out is None or description.samples > 1 or out.dtype.itemsize != dtype.itemsize:
        out = np.empty((description.samples, description.rows, description.columns), dtype)
    decoded = library.dicomrle_decode(data, f"u{dtype.itemsize}", out=out.reshape(-1).view(np.uint8))
    if len(decoded) != out.nbytes:
        raise PixelError(
            f"{len(decoded)} bytes after decoding, {out.nbytes} expected",
            code="pixels.decode-failed",
            remedy="fetch it again; the frame may be damaged",
        )
    if description.samples == 1:
        return out.reshape(description.shape)
    return np.ascontiguousarray(out.transpose(1, 2, 0))


def _htj2k(
    library: Any, data: Bytes, stream: Stream, description: PixelDescription, target: NDArray[Any] | None
) -> NDArray[Any]:
    """HTJ2K, decoded again by another decoder when the first may have stopped halfway.

    The fast decoder drops errors that it meets between lines and leaves the lines from there on at zero. A last line of
    zeros is therefore not believed before the decoder that does raise has seen the frame.
    """
    if target is None:
        target = np.empty(description.shape, _dtype(stream))
    values: NDArray[Any] = library.htj2k_decode(data, out=target)
    if values[-1].reshape(description.columns, -1).any(axis=0).all():
        return values
    again: NDArray[Any] = library.jpeg2k_decode(data, out=target)
    return again
