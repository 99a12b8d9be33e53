"""Decoding with the packages that pydicom finds (pylibjpeg, pyjpegls, Pillow), each asked for by name, never gdcm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicomlogic_core.errors import PixelError
from dicomlogic_core.pixels.description import PixelDescription
from dicomlogic_core.pixels.native import Bytes
from dicomlogic_core.pixels.streams import Kind, Stream, colour_after

if TYPE_CHECKING:
    from numpy.typing import NDArray

_JPEG = "1.2.840.10008.1.2.4."

# codec -> syntax by which pydicom knows the decoder, its plugins in the order they are tried
_DECODERS: dict[Kind, tuple[str, tuple[str, ...]]] = {
    "rle": ("1.2.840.10008.1.2.5", ("pylibjpeg", "pydicom")),
    "jpeg": (_JPEG + "51", ("pylibjpeg", "pillow")),
    "jpeg-lossless": (_JPEG + "57", ("pylibjpeg",)),
    "jpeg-ls": (_JPEG + "81", ("pyjpegls", "pylibjpeg")),
    "jpeg2000": (_JPEG + "91", ("pylibjpeg", "pillow")),
    "htj2k": (_JPEG + "203", ("pylibjpeg",)),
}


def decode(data: Bytes, stream: Stream, description: PixelDescription) -> tuple[NDArray[Any], str]:
    """Samples and their colour space; see `codecs.decode_stream`. Raises whatever the last decoder raised.

    Raises:
        PixelError: ``pixels.unsupported-syntax``: no package for this codec is installed.
    """
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder

    syntax, wanted = _DECODERS[stream.kind]
    decoder = get_decoder(syntax)
    plugins = [name for name in wanted if name in decoder.available_plugins]
    if not plugins:
        raise PixelError(
            f"no decoder for {stream.kind} is installed",
            code="pixels.unsupported-syntax",
            remedy="pip install imagecodecs",
        )
    options = _options(stream, description)
    failure: Exception | None = None
    for plugin in plugins:
        try:
            array, _ = decoder.as_array(
                encapsulate([bytes(data)]), index=0, raw=True, validate=False, decoding_plugin=plugin, **options
            )
        except Exception as error:  # the next decoder may manage; the last one's failure is reported
            failure = error
        else:
            return array, _space(stream, description)
    assert failure is not None
    raise failure


def _options(stream: Stream, description: PixelDescription) -> dict[str, Any]:
    """What the stream says of itself, not the header: pydicom would correct, or warn of, what differs."""
    bits = description.bits_allocated if stream.kind == "rle" else stream.bits
    photometric = description.photometric
    if stream.transformed is not None:
        photometric = "YBR_FULL" if stream.transformed else "RGB"
    return {
        "rows": description.rows,
        "columns": description.columns,
        "samples_per_pixel": description.samples,
        "bits_allocated": 8 if bits <= 8 else 16 if bits <= 16 else 32,
        "bits_stored": bits,
        "pixel_representation": int(stream.signed),
        "photometric_interpretation": photometric,
        "planar_configuration": 0,
        "number_of_frames": 1,
        "pixel_keyword": "PixelData",
    }


def _space(stream: Stream, description: PixelDescription) -> str:
    """Colour space of what pydicom gives with ``raw=True``."""
    if stream.kind != "jpeg" or description.samples == 1:
        return colour_after(stream.kind, description.photometric)
    # Pillow undoes the transform only when an Adobe marker tells of it.
    if stream.adobe or stream.transformed is False:
        return "RGB"
    return "YBR_FULL" if stream.transformed or description.photometric != "RGB" else "RGB"
