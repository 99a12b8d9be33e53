"""Decoders for compressed frames: imagecodecs when installed, since it is fast and frees the interpreter lock.

Else those that pydicom finds, each asked for by name. gdcm is never used: it can abort the interpreter on damaged data.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core.errors import PixelError
from dicomlogic_core.pixels.description import PixelDescription
from dicomlogic_core.pixels.native import Bytes
from dicomlogic_core.pixels.streams import Kind, Stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

_JPEG = "1.2.840.10008.1.2.4."

# kind -> syntax by which pydicom knows the decoder, its plugins in the order they are tried
_PYDICOM: dict[Kind, tuple[str, tuple[str, ...]]] = {
    "rle": ("1.2.840.10008.1.2.5", ("pylibjpeg", "pydicom")),
    "jpeg": (_JPEG + "51", ("pylibjpeg", "pillow")),
    "jpeg-lossless": (_JPEG + "57", ("pylibjpeg",)),
    "jpeg-ls": (_JPEG + "81", ("pyjpegls", "pylibjpeg")),
    "jpeg2000": (_JPEG + "91", ("pylibjpeg", "pillow")),
    "htj2k": (_JPEG + "203", ("pylibjpeg",)),
}
# kind -> the part of imagecodecs that must be there
_PARTS: dict[Kind, str] = {
    "rle": "DICOMRLE",
    "jpeg": "JPEG8",
    "jpeg-lossless": "JPEG8",
    "jpeg-ls": "JPEGLS",
    "jpeg2000": "JPEG2K",
    "htj2k": "HTJ2K",
}


def decode_stream(
    data: Bytes, stream: Stream, description: PixelDescription, out: NDArray[Any] | None = None
) -> tuple[NDArray[Any], str]:
    """Samples of a compressed frame, of the stream's own type, and their colour space.

    The shape is ``[j, i]`` or, interleaved, ``[j, i, c]``; it is not checked here. When `out` is contiguous and its
    items have the right size the samples may be decoded straight into it.

    Raises:
        PixelError: ``pixels.unsupported-syntax`` or ``pixels.decode-failed``.
    """
    library = imagecodecs()
    try:
        if library is not None and getattr(library, _PARTS[stream.kind]).available:
            return _by_imagecodecs(library, data, stream, description, out)
        return _by_pydicom(data, stream, description)
    except PixelError:
        raise
    except Exception as error:  # decoders raise anything; a damaged frame must cost nothing else
        raise PixelError(
            f"the {stream.kind} decoder failed: {str(error)[:200]}",
            code="pixels.decode-failed",
            remedy="fetch it again; the frame may be damaged",
        ) from error


@lru_cache(maxsize=1)
def imagecodecs() -> Any:
    """The imagecodecs package, or None when it is not installed."""
    try:
        return importlib.import_module("imagecodecs")
    except ImportError:
        return None


def _by_imagecodecs(
    library: Any, data: Bytes, stream: Stream, description: PixelDescription, out: NDArray[Any] | None
) -> tuple[NDArray[Any], str]:
    space = description.photometric
    if stream.kind == "rle":
        return _rle(library, data, description, out), space
    target = None
    if out is not None and out.dtype.itemsize == stream.itemsize:
        # Colour is unsigned whatever the stream says (PS3.3 C.7.6.3.1.1).
        target = out.view(f"{'i' if stream.signed else 'u'}{stream.itemsize}")
    if stream.kind == "jpeg":
        options, space = _jpeg_colours(stream, description)
        return library.jpeg8_decode(data, out=target, **options), space
    decoder: Callable[..., Any] = {
        "jpeg-lossless": library.jpeg8_decode,
        "jpeg-ls": library.jpegls_decode,
        "jpeg2000": library.jpeg2k_decode,
        "htj2k": library.htj2k_decode,
    }[stream.kind]
    return decoder(data, out=target), _after_wavelets(stream.kind, space)


def _after_wavelets(kind: Kind, space: str) -> str:
    """JPEG 2000 decoders undo the component transforms RCT and ICT by themselves."""
    return "RGB" if kind in ("jpeg2000", "htj2k") and space in ("YBR_RCT", "YBR_ICT") else space


def _jpeg_colours(stream: Stream, description: PixelDescription) -> tuple[dict[str, str], str]:
    if description.samples == 1:
        return {}, description.photometric
    transformed = description.photometric != "RGB" if stream.transformed is None else stream.transformed
    return {"colorspace": "ycbcr" if transformed else "rgb", "outcolorspace": "rgb"}, "RGB"


def _rle(library: Any, data: Bytes, description: PixelDescription, out: NDArray[Any] | None) -> NDArray[Any]:
    dtype = description.dtype
    if out is None or description.samples > 1 or out.dtype.itemsize != dtype.itemsize:
        out = np.empty((description.samples, description.rows, description.columns), dtype)
    library.dicomrle_decode(data, f"u{dtype.itemsize}", out=out.reshape(-1).view(np.uint8))
    if description.samples == 1:
        return out.reshape(description.shape)
    return np.ascontiguousarray(out.transpose(1, 2, 0))


def _by_pydicom(data: Bytes, stream: Stream, description: PixelDescription) -> tuple[NDArray[Any], str]:
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder

    syntax, wanted = _PYDICOM[stream.kind]
    decoder = get_decoder(syntax)
    plugins = [name for name in wanted if name in decoder.available_plugins]
    if not plugins:
        raise unsupported(stream.kind)
    bits = description.bits_allocated if stream.kind == "rle" else stream.bits
    options: dict[str, Any] = {
        "rows": description.rows,
        "columns": description.columns,
        "samples_per_pixel": description.samples,
        "bits_allocated": 8 if bits <= 8 else 16 if bits <= 16 else 32,
        "bits_stored": bits,
        "pixel_representation": int(stream.signed),
        "photometric_interpretation": description.photometric,
        "planar_configuration": 0,
        "number_of_frames": 1,
        "pixel_keyword": "PixelData",
    }
    failure: Exception | None = None
    for plugin in plugins:
        try:
            array, _ = decoder.as_array(
                encapsulate([bytes(data)]), index=0, raw=True, validate=False, decoding_plugin=plugin, **options
            )
        except Exception as error:  # the next decoder may manage; the last one's failure is reported
            failure = error
        else:
            return array, _pydicom_space(stream, description)
    assert failure is not None
    raise failure


def _pydicom_space(stream: Stream, description: PixelDescription) -> str:
    """Colour space of what pydicom gives with ``raw=True``."""
    if stream.kind != "jpeg" or description.samples == 1:
        return _after_wavelets(stream.kind, description.photometric)
    # Pillow undoes the transform only when an Adobe marker tells of it.
    if stream.adobe or stream.transformed is False:
        return "RGB"
    return "YBR_FULL" if stream.transformed or description.photometric != "RGB" else "RGB"


def unsupported(name: str) -> PixelError:
    """The error for a codec that is not installed."""
    return PixelError(
        f"no decoder for {name} is installed",
        code="pixels.unsupported-syntax",
        remedy="pip install imagecodecs",
    )
