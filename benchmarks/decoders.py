"""Compressed series to volumes, against the bare decoder on every core and against a whole converter."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmread
from pydicom.encaps import get_frame
from pydicom.pixels.encoders import RLELosslessEncoder

import dicomlogic_core as dl
from benchmarks.common import Row, seconds
from benchmarks.volume import SIZE, dcm2niix, images, simpleitk, write_series

_JPEG = "1.2.840.10008.1.2.4."


@dataclass(frozen=True)
class Codec:
    """A syntax: how the phantom is encoded, the fastest bare decoder, slices and the share of its speed to reach."""

    name: str
    syntax: str
    encode: Callable[[np.ndarray[Any, Any]], bytes]
    decode: Callable[[bytes, np.ndarray[Any, Any]], Any]
    slices: int
    target: float


def rows(*, quick: bool) -> list[Row]:
    """The table's rows."""
    try:
        import imagecodecs
    except ImportError:
        print("imagecodecs is not installed: no rows", file=sys.stderr)
        return []
    found: list[Row] = []
    for codec in _codecs(imagecodecs):
        with tempfile.TemporaryDirectory() as name:
            count = max(8, codec.slices // 8) if quick else codec.slices
            folder = Path(name) / "series"
            paths = write_series(folder, images(count), syntax=codec.syntax, encode=codec.encode)
            found += _rows(codec, paths, repeats=2 if quick else 3)
    return found


def _codecs(library: Any) -> list[Codec]:
    return [
        Codec("RLE", "1.2.840.10008.1.2.5", _rle, _decode_rle(library), 200, 0.45),
        Codec(
            "HTJ2K",
            _JPEG + "201",
            lambda image: library.htj2k_encode(image, reversible=True),
            lambda data, out: library.htj2k_decode(data, out=out),
            200,
            0.7,
        ),
        Codec(
            "JPEG lossless",
            _JPEG + "70",
            lambda image: library.jpeg8_encode(image, lossless=True, predictor=1, bitspersample=12),
            lambda data, out: library.jpeg8_decode(data, out=out),
            200,
            0.65,
        ),
        Codec(
            "JPEG-LS",
            _JPEG + "80",
            library.jpegls_encode,
            lambda data, out: library.jpegls_decode(data, out=out),
            100,
            0.65,
        ),
        Codec(
            "JPEG 2000",
            _JPEG + "90",
            lambda image: library.jpeg2k_encode(image, level=0, codecformat="j2k", reversible=True),
            lambda data, out: library.jpeg2k_decode(data, out=out),
            24,
            0.9,
        ),
    ]


def _rle(image: np.ndarray[Any, Any]) -> bytes:
    return RLELosslessEncoder.encode(
        image.tobytes(),
        rows=SIZE,
        columns=SIZE,
        samples_per_pixel=1,
        bits_allocated=16,
        bits_stored=12,
        pixel_representation=0,
        photometric_interpretation="MONOCHROME2",
        number_of_frames=1,
    )


def _decode_rle(library: Any) -> Callable[[bytes, np.ndarray[Any, Any]], Any]:
    return lambda data, out: library.dicomrle_decode(data, "u2", out=out.reshape(-1).view(np.uint8))


def _rows(codec: Codec, paths: list[Path], repeats: int) -> list[Row]:
    megabytes = len(paths) * SIZE * SIZE * 2 / 1e6
    frames = [get_frame(dcmread(path).PixelData, 0, number_of_frames=1) for path in paths]
    cores = os.cpu_count() or 1

    def bare() -> Any:
        array = np.empty((len(frames), SIZE, SIZE), np.uint16)
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(codec.decode, frames, array))
        return array

    peers: dict[str, tuple[Callable[[], Any], float]] = {f"bare decoder, {cores} threads": (bare, codec.target)}
    if (reader := simpleitk(paths)) is not None:
        peers["SimpleITK"] = (reader, 1)
    if (converter := dcm2niix(paths[0].parent)) is not None and codec.name != "HTJ2K":
        peers["dcm2niix, whole program"] = (converter, 1)
    with dl.open() as session:
        session.index(paths[0].parent)
        (loadable,) = session.examine()
        assert np.array_equal(session.load(loadable).array, images(len(paths)).astype(np.int16) - 1024)
        times = seconds(lambda: session.load(loadable), *(run for run, _ in peers.values()), repeats=repeats)
    ours, *theirs = (megabytes / time for time in times)
    return [
        Row(stage=f"series {codec.name}", ours=ours, peer=peer, theirs=speed, target=target, unit="MB/s")
        for (peer, (_, target)), speed in zip(peers.items(), theirs)
    ]
