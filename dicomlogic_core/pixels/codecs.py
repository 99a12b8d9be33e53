"""Decoders for compressed frames: imagecodecs when installed, else those that pydicom finds."""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dicomlogic_core.errors import PixelError
from dicomlogic_core.pixels import by_imagecodecs, by_pydicom
from dicomlogic_core.pixels.description import PixelDescription
from dicomlogic_core.pixels.native import Bytes
from dicomlogic_core.pixels.streams import Stream

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
        # Older versions have no HTJ2K at all; some builds lack other parts.
        part = getattr(library, by_imagecodecs.PARTS[stream.kind], None)
        if part is not None and part.available:
            return by_imagecodecs.decode(library, data, stream, description, out)
        return by_pydicom.decode(data, stream, description)
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
