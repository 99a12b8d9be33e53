"""Pictures of volumes as PNG, without another library: montages of slices, a thumbnail of three planes.

Pictures are for looking at, not for measuring: pixels are scaled to squares, values to 256 grey levels.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from dicomlogic_core.errors import WriteError
from dicomlogic_core.files import replacing
from dicomlogic_core.glyphs import draw_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomlogic_core.frame_array import FrameArray
    from dicomlogic_core.objects import Volume, VolumeSequence

    Picture = NDArray[np.uint8]

_TILE = 192
_FILLED = (255, 140, 0)  # frame colour of slices that were filled in, so that nobody takes them for data
_HU_WINDOW = (40.0, 400.0)


def png(picture: Picture) -> bytes:
    """``[row, column]`` grey or ``[row, column, 3]`` RGB, 8 bits, as a PNG file (ISO/IEC 15948)."""
    height, width = picture.shape[:2]
    colour_type = 0 if picture.ndim == 2 else 2
    lines = np.zeros((height, width * (1 if picture.ndim == 2 else 3) + 1), np.uint8)  # first byte: filter "none"
    lines[:, 1:] = picture.reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_montage(shown: Volume | VolumeSequence, path: Path, *, slices: int = 20) -> Path:
    """Write a montage of up to `slices` slices; of what is lazy only the frames shown are fetched.

    Raises:
        WriteError: the file cannot be written.
    """
    volumes: tuple[Volume, ...] | None = getattr(shown, "volumes", None)
    if volumes is None:
        picture = montage(cast("Volume", shown), slices=slices)
    else:
        picture = sequence_montage(volumes, slices=slices)
    data = png(picture)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"the folder cannot be made: {error.strerror or error}", where=str(path.parent), remedy="name another one"
        ) from error
    with replacing(path) as file:
        file.write(data)
    return path


def montage(volume: Volume, *, slices: int = 20) -> Picture:
    """RGB ``[row, column, 3]``: slices evenly spread over k, each with its number; filled ones in an orange frame."""
    count = volume.array.shape[0]
    shown = _spread(count, slices, volume.missing)
    across, down, _ = volume.geometry.spacing_mm
    small = np.stack([scaled(frame, down, across) for frame in np.asarray(volume.array[shown])])
    tiles = [_labelled(tile, k, k in volume.missing) for k, tile in zip(shown, to_rgb(small, volume))]
    columns = min(len(tiles), math.ceil(math.sqrt(len(tiles) * 1.2)))
    height, width = tiles[0].shape[:2]
    picture = np.zeros((math.ceil(len(tiles) / columns) * (height + 2), columns * (width + 2), 3), np.uint8)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        picture[row * (height + 2) :, column * (width + 2) :][:height, :width] = tile
    return picture


def sequence_montage(volumes: Sequence[Volume], *, slices: int = 20) -> Picture:
    """RGB ``[row, column, 3]``: a row per volume, evenly spread over the sequence; tiles carry the volume's number.

    Volumes of few slices share a row. Every volume has a window of its own: those of one sequence may be of different
    kinds (magnitude and phase).
    """
    rows = max(1, min(5, len(volumes), slices))
    tiles = max(1, slices // rows)
    room = max(1, tiles // max(volume.array.shape[0] for volume in volumes))
    beside = min(room, math.ceil(len(volumes) / rows))
    numbers = _spread(len(volumes), rows * beside, ())
    parts = [_line(volumes[number], number, tiles // beside) for number in numbers]
    height, width = (max(part.shape[axis] for part in parts) for axis in (0, 1))
    rows = math.ceil(len(parts) / beside)
    picture = np.zeros((rows * height, min(beside, len(parts)) * width, 3), np.uint8)
    for place, part in enumerate(parts):
        row, column = divmod(place, beside)
        picture[row * height :, column * width :][: part.shape[0], : part.shape[1]] = part
    return picture


def _line(volume: Volume, number: int, slices: int) -> Picture:
    """Up to `slices` slices of a volume side by side."""
    count = volume.array.shape[0]
    # Middles of equal parts: the first and last slice often show nothing.
    shown = sorted({int((place + 0.5) * count / min(slices, count)) for place in range(min(slices, count))})
    across, down, _ = volume.geometry.spacing_mm
    small = np.stack([scaled(frame, down, across) for frame in np.asarray(volume.array[shown])])
    tiles = [_labelled(tile, number, k in volume.missing) for k, tile in zip(shown, to_rgb(small, volume))]
    return np.concatenate([np.pad(tile, ((0, 2), (0, 2), (0, 0))) for tile in tiles], axis=1)


def _spread(count: int, slices: int, wanted: Sequence[int]) -> list[int]:
    """Up to `slices` indices below `count`, evenly spread; those `wanted` take the place of a neighbour."""
    spread = np.linspace(0, count - 1, min(slices, count)).round().astype(int)
    for k in wanted[: slices // 2]:
        spread[np.abs(spread - k).argmin()] = k
    return sorted(set(spread.tolist()))


def thumbnail(volume: Volume, *, size: int = 128) -> Picture | None:
    """The three middle planes side by side, RGB; of a lazy volume the middle frame held; None when none is held."""
    array = volume.array
    i, j, k = volume.geometry.spacing_mm
    if volume.lazy:
        lazy = cast("FrameArray", array)
        held = lazy.held_indices
        if not held:
            return None
        frame = lazy.frames([held[len(held) // 2]])[0]
        return _shown(frame, j, i, size, volume)
    voxels = np.asarray(array)
    middle = [length // 2 for length in voxels.shape[:3]]
    # k ascends towards the head in axial series: turned round, the head is up.
    planes = [
        (voxels[middle[0]], j, i),
        (voxels[::-1, middle[1]], k, i),
        (voxels[::-1, :, middle[2]], k, j),
    ]
    pictures = [_shown(plane, down, across, size, volume) for plane, down, across in planes]
    height = max(picture.shape[0] for picture in pictures)
    padded = [np.pad(one, ((0, height - one.shape[0]), (0, 2), (0, 0))) for one in pictures]
    return np.concatenate(padded, axis=1)


def _shown(plane: NDArray[Any], down_mm: float, across_mm: float, size: int, volume: Volume) -> Picture:
    return cast("Picture", to_rgb(scaled(plane, down_mm, across_mm, size)[None], volume)[0])


def to_rgb(frames: NDArray[np.float32], volume: Volume) -> Picture:
    """Frames ``[n, row, column(, component)]`` as 8 bit RGB: colour bytes as they are, other values by a window."""
    if frames.ndim == 4 and volume.array.dtype == np.uint8 and frames.shape[3] >= 3:
        return cast("Picture", np.rint(frames[..., :3]).astype(np.uint8))
    values = frames if frames.ndim == 3 else frames.mean(axis=3)
    low, high = _window(values, volume)
    levels = np.nan_to_num(np.clip((values - low) * (255.0 / max(high - low, 1e-12)), 0, 255))
    if volume.metadata.get("common", {}).get("PhotometricInterpretation") == "MONOCHROME1":
        levels = 255 - levels  # PS3.3 C.7.6.3.1.2: the lowest value is white
    return cast("Picture", np.repeat(np.rint(levels).astype(np.uint8)[..., None], 3, axis=3))


def _window(values: NDArray[np.float32], volume: Volume) -> tuple[float, float]:
    presets: Sequence[Any] = volume.metadata.get("window") or ()
    if presets and float(presets[0][1]) > 0:
        center, width = float(presets[0][0]), float(presets[0][1])
    elif volume.unit == "[hnsf'U]":
        center, width = _HU_WINDOW
    else:
        known = values[np.isfinite(values)]
        if not known.size:
            return 0.0, 1.0
        low, high = np.percentile(known, (1, 99))
        return float(low), float(high) if high > low else float(low) + 1.0
    return center - width / 2, center + width / 2


def scaled(frame: NDArray[Any], down_mm: float, across_mm: float, size: int = _TILE) -> NDArray[np.float32]:
    """A frame ``[row, column(, component)]`` with square pixels, its longer side `size` pixels; block means, bilinear.

    `down_mm` and `across_mm` are the distances between rows and between columns.
    """
    rows, columns = frame.shape[:2]
    extent = max(rows * down_mm, columns * across_mm)
    height = max(1, round(size * rows * down_mm / extent))
    width = max(1, round(size * columns * across_mm / extent))
    with np.errstate(invalid="ignore"):  # infinite values are shown as if unknown
        blocks = _block_mean(frame.astype(np.float32), max(1, rows // height), max(1, columns // width))
        picture = _bilinear(_bilinear(blocks, height, 0), width, 1)
    return picture if frame.ndim == 3 else picture[..., 0]


def _block_mean(picture: NDArray[np.float32], down: int, across: int) -> NDArray[np.float32]:
    rows, columns = picture.shape[0] // down, picture.shape[1] // across
    blocks = picture[: rows * down, : columns * across].reshape(rows, down, columns, across, -1)
    return cast("NDArray[np.float32]", blocks.mean(axis=(1, 3)))


def _bilinear(picture: NDArray[np.float32], size: int, axis: int) -> NDArray[np.float32]:
    length = picture.shape[axis]
    place = np.clip((np.arange(size) + 0.5) * length / size - 0.5, 0, length - 1)
    lower = place.astype(int)
    upper = np.minimum(lower + 1, length - 1)
    weight = (place - lower).astype(np.float32).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
    return cast("NDArray[np.float32]", picture.take(lower, axis) * (1 - weight) + picture.take(upper, axis) * weight)


def _labelled(tile: Picture, number: int, filled: bool) -> Picture:
    tile = tile.copy()
    if filled:
        for edge in (tile[:2], tile[-2:], tile[:, :2], tile[:, -2:]):
            edge[:] = _FILLED
    draw_number(tile, number, 4, 4, _FILLED if filled else (150, 200, 255))
    return tile
