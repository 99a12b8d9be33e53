"""Frames of a stored file, as DICOMweb sends them: native little endian, or one codestream per frame."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames

from dicomlogic_core.testing.server_json import raw_value
from dicomlogic_core.testing.server_store import Instance

EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_NATIVE = {"", "1.2.840.10008.1.2", EXPLICIT_LITTLE_ENDIAN, "1.2.840.10008.1.2.1.99", _BIG_ENDIAN}
_JPEG = "1.2.840.10008.1.2.4."

# PS3.18 Table 8.7.3-2 and -5: media type of each stored syntax.
MEDIA_TYPES = {
    **{_JPEG + suffix: "image/jpeg" for suffix in ("50", "51", "57", "70")},
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    **{_JPEG + suffix: "image/jls" for suffix in ("80", "81")},
    **{_JPEG + suffix: "image/jp2" for suffix in ("90", "91")},
    **{_JPEG + suffix: "image/jpx" for suffix in ("92", "93")},
    **{_JPEG + suffix: "image/jphc" for suffix in ("201", "202", "203")},
}
DEFAULT_SYNTAXES = {
    "application/octet-stream": EXPLICIT_LITTLE_ENDIAN,
    "image/jpeg": _JPEG + "70",
    "image/dicom-rle": "1.2.840.10008.1.2.5",
    "image/jls": _JPEG + "80",
    "image/jp2": _JPEG + "90",
    "image/jpx": _JPEG + "92",
    "image/jphc": _JPEG + "201",
}


def is_native(syntax: str) -> bool:
    """True when the pixels of a file in this syntax are not compressed."""
    return syntax in _NATIVE


def sent_as(instance: Instance) -> tuple[str, str]:
    """Media type and transfer syntax of an instance's frames."""
    if is_native(instance.transfer_syntax):
        return "application/octet-stream", EXPLICIT_LITTLE_ENDIAN
    return MEDIA_TYPES.get(instance.transfer_syntax, "application/octet-stream"), instance.transfer_syntax


class FrameReader:
    """Cuts files into frames; the frames of the file read last are kept, for one request per frame."""

    def __init__(self, kept: int = 4) -> None:
        self._kept = kept
        self._cut: OrderedDict[tuple[str, int], list[bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def frames(self, instance: Instance) -> list[bytes]:
        """All frames of an instance.

        Raises:
            FileNotFoundError: the file has gone since the server started.
        """
        key = (str(instance.path), instance.path.stat().st_mtime_ns)
        with self._lock:
            if key in self._cut:
                return self._cut[key]
        frames = _cut(instance)
        with self._lock:
            self._cut[key] = frames
            while len(self._cut) > self._kept:
                self._cut.popitem(last=False)
        return frames


def _cut(instance: Instance) -> list[bytes]:
    dataset = dcmread(instance.path)
    value = raw_value(dataset.get_item(instance.pixel_keyword))
    if is_native(instance.transfer_syntax):
        return _native(instance, value)
    return list(generate_frames(value, number_of_frames=instance.frames, **_offsets(dataset)))


def _offsets(dataset: Dataset) -> dict[str, Any]:
    """The extended offset table, where the file has one (PS3.3 C.7.6.3.1.8)."""
    if "ExtendedOffsetTable" not in dataset:
        return {}
    return {"extended_offsets": (dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths)}


def _native(instance: Instance, value: bytes) -> list[bytes]:
    header = instance.header
    bits = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}.get(instance.pixel_keyword, int(header.BitsAllocated))
    samples = int(header.Rows) * int(header.Columns) * int(header.get("SamplesPerPixel", 1))
    if bits == 1:
        return _packed(value, samples, instance.frames)
    if instance.transfer_syntax == _BIG_ENDIAN and bits > 8:
        width = bits // 8
        whole = value[: len(value) // width * width]
        value = np.frombuffer(whole, f">u{width}").astype(f"<u{width}").tobytes()
    length = samples * bits // 8
    if str(header.get("PhotometricInterpretation")) == "YBR_FULL_422":
        length = length * 2 // 3  # two pixels share their chroma samples (PS3.3 C.7.6.3.1.2)
    return [value[n * length : (n + 1) * length] for n in range(instance.frames)]


def _packed(value: bytes, pixels: int, frames: int) -> list[bytes]:
    """Frames of one bit per pixel: packed over the whole object (PS3.5 8.1.1), here one byte-aligned value each."""
    bits = np.unpackbits(np.frombuffer(value, np.uint8), bitorder="little")
    return [np.packbits(bits[n * pixels : (n + 1) * pixels], bitorder="little").tobytes() for n in range(frames)]
