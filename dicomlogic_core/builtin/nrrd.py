"""Volumes, sequences of volumes and segmentations as NRRD files: `NrrdWriter`.

Voxels are streamed from the arrays, by zlib at level 1, or by isal on several threads when it is installed: pynrrd's
own level 9 makes files 4 % smaller at a fortieth of the speed.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from dicomlogic_core import FrameArray, Segmentation, UsageError, Volume, VolumeSequence, WriteError, is_true, replacing
from dicomlogic_core.builtin.json_writer import write_json
from dicomlogic_core.builtin.nrrd_diffusion import diffusion_of, dwi_fields, dwi_keys, fsl_texts
from dicomlogic_core.builtin.nrrd_header import header_bytes, provenance_keys, volume_fields
from dicomlogic_core.builtin.nrrd_segmentation import (
    segmentation_fields,
    segmentation_keys,
    segmentation_shape,
    segmentation_voxels,
)
from dicomlogic_core.builtin.nrrd_sequence import manifest, sequence_fields, sequence_keys

_PIECE = 4 << 20
_ENCODINGS = ("gzip", "raw")
_FORMS = ("sequence", "dwi")


class NrrdWriter:
    """Writes volumes, sequences and segmentations as NRRD files in LPS.

    A `Volume` becomes one ``.nrrd`` file, a `VolumeSequence` one ``.seq.nrrd``, a `Segmentation` one ``.seg.nrrd``.

    Options: ``encoding`` (``gzip`` or ``raw``), ``show_phi`` (``true``: also attributes that identify the patient),
    ``as`` (``dwi``: sequences with b-values as a diffusion-weighted ``.nrrd`` with ``.bval`` and ``.bvec``).
    """

    def write(self, obj: Any, path: Path, options: Mapping[str, str]) -> Sequence[Path]:
        """Write to `path` with the suffix added; frames of lazy volumes are fetched, of a sequence volume by volume.

        A sequence whose volumes differ in grid or components becomes one ``.nrrd`` per volume and a ``.json`` that
        lists them with their axis values. What a volume has in ``metadata["report"]`` goes to a ``.report.json``.

        Raises:
            UsageError: an unknown option value.
            WriteError: the object is no volume, the disk is full or the folder cannot be written.
            PixelError, NetworkError: a lazy volume's frames could not be had.
        """
        encoding = _choice(options, "encoding", _ENCODINGS)
        form = _choice(options, "as", _FORMS)
        show_phi = is_true(options, "show_phi")
        if isinstance(obj, Volume):
            return [_write_volume(obj, path, encoding, show_phi=show_phi), *_write_report(obj, path)]
        if isinstance(obj, Segmentation):
            return [_write_segmentation(obj, path, encoding)]
        if not isinstance(obj, VolumeSequence):
            raise WriteError(f"a {type(obj).__name__} cannot be written as .nrrd", remedy="load a volume")
        if not obj.uniform:
            return _write_separately(obj, path, encoding, show_phi=show_phi)
        if form == "dwi" and diffusion_of(obj) is not None:
            return _write_diffusion(obj, path, encoding, show_phi=show_phi)
        return [_write_sequence(obj, path, encoding, show_phi=show_phi)]


def _choice(options: Mapping[str, str], name: str, known: Sequence[str]) -> str:
    """The value of an option, the first of those known by default."""
    value = options.get(name, known[0])
    if value not in known:
        raise UsageError(f"{name}={value} is not known", remedy=f"use one of {', '.join(known)}")
    return value


def _write_volume(volume: Volume, path: Path, encoding: str, *, show_phi: bool) -> Path:
    volume = volume.fetch()
    array = np.asarray(volume)
    dtype = _stored_type(array.dtype)
    header = header_bytes(
        array.shape, dtype, volume_fields(volume, encoding), provenance_keys(volume, show_phi=show_phi)
    )
    return _write_file(_with_suffix(path, ".nrrd"), header, [_storable(array, dtype)], encoding)


def _write_report(volume: Volume, path: Path) -> list[Path]:
    report = volume.metadata.get("report")
    return [write_json(_with_suffix(path, ".report.json"), report)] if isinstance(report, Mapping) else []


def _write_segmentation(segmentation: Segmentation, path: Path, encoding: str) -> Path:
    dtype = _stored_type(segmentation.layers.dtype)
    shape = segmentation_shape(segmentation)
    header = header_bytes(shape, dtype, segmentation_fields(segmentation, encoding), segmentation_keys(segmentation))
    voxels = (_storable(part, dtype) for part in segmentation_voxels(segmentation))
    return _write_file(_with_suffix(path, ".seg.nrrd"), header, voxels, encoding)


def _write_sequence(sequence: VolumeSequence, path: Path, encoding: str, *, show_phi: bool) -> Path:
    dtype = _stored_type(sequence.dtype)
    shape = (len(sequence), *sequence.volumes[0].array.shape)
    keys = sequence_keys(sequence, show_phi=show_phi)
    header = header_bytes(shape, dtype, sequence_fields(sequence, encoding), keys)
    return _write_file(_with_suffix(path, ".seq.nrrd"), header, _voxels(sequence, dtype), encoding)


def _write_diffusion(sequence: VolumeSequence, path: Path, encoding: str, *, show_phi: bool) -> list[Path]:
    diffusion = diffusion_of(sequence)
    assert diffusion is not None
    dtype = _stored_type(sequence.dtype)
    shape = (len(sequence), *sequence.volumes[0].array.shape)
    keys = dwi_keys(sequence, diffusion, show_phi=show_phi)
    header = header_bytes(shape, dtype, dwi_fields(sequence, encoding), keys)
    written = [_write_file(_with_suffix(path, ".nrrd"), header, _voxels(sequence, dtype), encoding)]
    for suffix, text in fsl_texts(diffusion, sequence.geometry).items():
        written.append(_write_text(_with_suffix(path, suffix), text))
    return written


def _write_separately(sequence: VolumeSequence, path: Path, encoding: str, *, show_phi: bool) -> list[Path]:
    written = [
        _write_volume(volume, _with_suffix(path, f"-{number:04d}"), encoding, show_phi=show_phi)
        for number, volume in enumerate(sequence.volumes)
    ]
    listed = manifest(sequence, [one.name for one in written])
    return [*written, _write_text(_with_suffix(path, ".json"), listed)]


def _with_suffix(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _voxels(sequence: VolumeSequence, dtype: np.dtype[Any]) -> Iterator[np.ndarray[Any, Any]]:
    """The arrays of the volumes one after the other; those of lazy volumes are let go when they are written."""
    for volume in sequence.volumes:
        array = volume.array.read() if isinstance(volume.array, FrameArray) else volume.array
        yield _storable(array, dtype)


def _write_file(target: Path, header: bytes, arrays: Iterable[np.ndarray[Any, Any]], encoding: str) -> Path:
    with replacing(target) as file:
        file.write(header)
        _write_voxels(file, arrays, encoding)
    return target


def _write_text(target: Path, text: str) -> Path:
    with replacing(target) as file:
        file.write(text.encode("utf-8"))
    return target


def _stored_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type that NRRD has for values of a type: no booleans, no half floats."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype == np.float16:
        return np.dtype(np.float32)
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise WriteError(f"NRRD has no type for {dtype}", remedy="convert the array first")
    return dtype


def _storable(array: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    return np.ascontiguousarray(array, dtype)


def _write_voxels(file: BinaryIO, arrays: Iterable[np.ndarray[Any, Any]], encoding: str) -> None:
    if encoding == "raw":
        for array in arrays:
            _write_all(file, _bytes(array))
        return
    with _gzip_stream(file) as stream:
        for array in arrays:
            voxels = _bytes(array)
            for start in range(0, len(voxels), _PIECE):
                stream.write(voxels[start : start + _PIECE])


def _bytes(array: np.ndarray[Any, Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _write_all(file: BinaryIO, piece: memoryview) -> None:
    # An unbuffered file may take less than it is given.
    while piece:
        piece = piece[file.write(piece) :]


class _ZlibStream:
    """A single gzip member without a date, by the standard library."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._compressor = zlib.compressobj(1, zlib.DEFLATED, 31)

    def __enter__(self) -> _ZlibStream:
        return self

    def write(self, piece: memoryview) -> None:
        _write_all(self._file, memoryview(self._compressor.compress(piece)))

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if kind is None:
            _write_all(self._file, memoryview(self._compressor.flush()))


def _gzip_stream(file: BinaryIO) -> Any:
    try:
        from isal import igzip_threaded  # an optional extra that only adds speed
    except ImportError:
        return _ZlibStream(file)
    # One member only (pynrrd stops after the first); the bytes do not depend on the number of threads.
    open_stream: Any = igzip_threaded.open
    return open_stream(file, "wb", compresslevel=3, threads=min(4, os.cpu_count() or 1))
