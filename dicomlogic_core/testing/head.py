"""A head CT made from formulas: something worth looking at, with every value known, free of anybody's data.

`attenuation` gives HU on any grid; `write_head` writes three series as Part-10 files: regular, tilted, and one with a
missing slice. Shapes are ellipsoids in LPS mm around the middle of the head; edges are as soft as a pixel is wide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicomlogic_core.testing.head_files import write_series

Array = NDArray[np.float32]

_EDGE_MM = 1.4


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """A shape filled with one value.

    Attributes:
        center: LPS mm.
        axes: semi-axes, mm.
        hu: value inside.
        turn: rotation about the head-foot axis, degrees.
        folds: depth of the furrows in its surface, as a part of the radius.
    """

    center: tuple[float, float, float]
    axes: tuple[float, float, float]
    hu: float
    turn: float = 0.0
    folds: float = 0.0

    def cover(self, x: Array, y: Array, z: Array) -> Array:
        """How much of a voxel at (x, y, z) lies inside, 0 to 1."""
        angle = np.deg2rad(self.turn)
        dx, dy, dz = x - self.center[0], y - self.center[1], z - self.center[2]
        u = (np.cos(angle) * dx + np.sin(angle) * dy) / self.axes[0]
        v = (np.cos(angle) * dy - np.sin(angle) * dx) / self.axes[1]
        w = dz / self.axes[2]
        square = u * u + v * v + w * w
        slope = 2 * np.sqrt((u / self.axes[0]) ** 2 + (v / self.axes[1]) ** 2 + (w / self.axes[2]) ** 2)
        limit: Any = 1.0
        if self.folds:
            around = np.arctan2(dy, dx)
            wave = np.abs(np.sin(11 * around + 2.5 * np.sin(0.11 * dz) + 0.5)) * np.abs(np.cos(0.13 * dz + 2 * around))
            limit = 1.0 - self.folds * (1 - wave) ** 3
        # First-order distance to the surface: value over gradient.
        distance = (square - limit) / np.maximum(slope, 1e-6)
        cover: Array = np.clip(0.5 - distance / _EDGE_MM, 0, 1).astype(np.float32)
        return cover


def _pair(
    center: tuple[float, float, float], axes: tuple[float, float, float], hu: float, turn: float = 0.0
) -> list[Ellipsoid]:
    x, y, z = center
    return [Ellipsoid((x, y, z), axes, hu, turn), Ellipsoid((-x, y, z), axes, hu, -turn)]


# Painted in this order, later over earlier.
HEAD: tuple[Ellipsoid, ...] = (
    Ellipsoid((0, 2, 0), (77, 99, 94), 35),  # scalp
    Ellipsoid((0, 2, 0), (74, 96, 91), -60),  # fat under it
    Ellipsoid((0, 2, 0), (72.5, 94, 89), 1250),  # outer table of the skull
    Ellipsoid((0, 2, 0), (70, 91.5, 86.5), 480),  # diploe
    Ellipsoid((0, 2, 0), (67.5, 89, 84), 1250),  # inner table
    Ellipsoid((0, 2, 0), (65.5, 87, 82), 10),  # fluid around the brain
    Ellipsoid((0, 2, 0), (64, 85.5, 80), 39, 0, 0.30),  # grey matter
    *_pair((29.5, 2, 8), (27, 72, 60), 28, 4),  # white matter
    *_pair((9, -42, 0), (6, 20, 26), 39, 8),  # cortex along the middle
    Ellipsoid((0, -45, 20), (1.4, 38, 58), 12),  # fissure
    Ellipsoid((0, 30, 40), (1.2, 58, 42), 62),  # falx
    *_pair((15, -2, 4), (8, 15, 10), 40, 18),  # thalamus, putamen
    *_pair((25, -8, 4), (5, 18, 12), 41, -12),
    *_pair((9.5, -22, 14), (5, 17, 9), 7, -14),  # lateral ventricles: front horns, bodies, back horns
    *_pair((13, 2, 24), (6, 26, 7), 7, 6),
    *_pair((23, 30, 10), (5, 20, 8), 7, 20),
    Ellipsoid((0, 0, 4), (2.2, 13, 9), 7),  # third ventricle
    Ellipsoid((0, 36, -38), (3.5, 6, 9), 7),  # fourth ventricle
    Ellipsoid((0, 22, 6), (2.4, 3, 2.6), 170),  # calcified pineal gland
    *_pair((21, 24, 13), (2.2, 4, 3), 130),  # calcified plexus
    Ellipsoid((-36, 14, 22), (15, 18, 13), 19, 25),  # swelling around a bleed
    Ellipsoid((-36, 14, 22), (8.5, 11, 7.5), 68, 25),  # the bleed
    Ellipsoid((0, -8, -62), (45, 18, 10), 900),  # skull base
    *_pair((34, 22, -56), (22, 9, 10), 1400, 32),  # petrous bones
    *_pair((46, 34, -60), (9, 10, 12), -350, 20),  # air cells behind the ears
    *_pair((31, -76, -38), (17, 21, 15), -85, -14),  # orbits: fat, eye, lens, nerve
    *_pair((31, -80, -38), (12, 12, 12), 12),
    *_pair((31, -91, -38), (4.2, 1.8, 4.2), 90),
    *_pair((24, -62, -38), (1.6, 12, 1.6), 40, -24),
    Ellipsoid((0, -66, -42), (13, 26, 15), 500),  # nose: bone, then its air
    *_pair((6, -66, -42), (4.2, 22, 12), -930),
    *_pair((12, -88, -14), (8, 3.5, 7), -980, -20),  # frontal sinuses
    Ellipsoid((0, -30, -52), (11, 10, 8), -970),  # sphenoid sinus
    *_pair((27, -66, -68), (12, 15, 12), -970),  # maxillary sinuses
)


def attenuation(size_ijk: tuple[int, int, int], ijk_to_lps: NDArray[np.float64], *, noise_hu: float = 0.0) -> Array:
    """``[k, j, i]`` float32 HU of the head on a grid whose (4, 4) matrix maps (i, j, k, 1) to LPS mm.

    `noise_hu` adds the same normal noise every time.
    """
    values: Array = np.full(size_ijk[::-1], -1000, np.float32)
    for shape in HEAD:
        where = _bounds(shape, size_ijk, ijk_to_lps)
        part = values[where]
        if part.size:
            part += shape.cover(*_points(where, ijk_to_lps)) * (shape.hu - part)
    if noise_hu:
        values += np.random.default_rng(7).normal(0, noise_hu, values.shape).astype(np.float32)
    return values


def _bounds(
    shape: Ellipsoid, size_ijk: tuple[int, int, int], matrix: NDArray[np.float64]
) -> tuple[slice, slice, slice]:
    """Slices [k, j, i] of the box that holds the shape, so that small shapes cost little."""
    inverse = np.linalg.inv(matrix[:3, :3])
    middle = inverse @ (np.array(shape.center) - matrix[:3, 3])
    reach = (max(shape.axes) + 2 * _EDGE_MM) * np.linalg.norm(inverse, axis=1)
    low = np.clip(np.floor(middle - reach), 0, size_ijk).astype(int)
    high = np.clip(np.ceil(middle + reach) + 1, 0, size_ijk).astype(int)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high))
    return k, j, i


def _points(where: tuple[slice, slice, slice], matrix: NDArray[np.float64]) -> Iterator[Array]:
    k, j, i = np.ogrid[where]
    for row in matrix[:3].astype(np.float32):
        yield row[0] * i.astype(np.float32) + row[1] * j.astype(np.float32) + row[2] * k.astype(np.float32) + row[3]


def write_head(folder: Path) -> list[Path]:
    """Write three CT series of the head under `folder`: regular, gantry tilted by 18 degrees, one slice missing.

    The files are the same every time, UIDs included.
    """
    angle = np.deg2rad(18.0)
    regular, tilted = np.eye(4), np.eye(4)
    regular[:3, :3] = np.diag([1.25, 1.25, 3.5])
    regular[:3, 3] = (-119.4, -119.4, -72.0)
    # Rows lean forward while the table moves along z (PS3.3 C.8.2.1.1.2: GantryDetectorTilt): the grid is sheared.
    tilted[:3, :3] = np.array([[1.25, 0, 0], [0, 1.25 * np.cos(angle), 0], [0, -1.25 * np.sin(angle), 5.0]])
    tilted[:3, 3] = (-119.4, -119.4 * np.cos(angle), -55.0 + 119.4 * np.sin(angle))
    coarse = regular.copy()
    coarse[2, 2] = 5.0
    files = write_series(folder / "regular", 1, "Head 3.5", attenuation((192, 192, 46), regular, noise_hu=4), regular)
    files += write_series(
        folder / "tilted", 2, "Head 5.0 tilted", attenuation((192, 192, 28), tilted, noise_hu=3), tilted, tilt=18.0
    )
    lost = attenuation((192, 192, 32), coarse, noise_hu=3)
    return files + write_series(folder / "missing", 3, "Head 5.0 slice lost", lost, coarse, without=(17,))
