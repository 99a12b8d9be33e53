"""Masks of 20 regions on 512 x 512 x 200 against OpenCV's polygon fill, one slice at a time as rt-utils uses it.

Contours are generated in LPS millimetres; both sides start from them. OpenCV fills whole pixels, so its volumes are too
large: ours are compared with the number of voxel centres inside and the exact areas.
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.common import Row, seconds

_SPACING = (0.977, 0.977, 2.5)
_ORIGIN = (-249.6, -251.3, -180.0)


def contours(size_ijk: tuple[int, int, int], count: int) -> list[list[np.ndarray]]:
    """Wavy stacks of closed contours: per region a list of (n, 3) LPS mm, one per slice."""
    random = np.random.default_rng(20)
    columns, rows, slices = size_ijk
    regions = []
    for _ in range(count):
        radius = random.uniform(0.015, 0.16) * columns
        planes = int(random.integers(slices // 10, slices * 3 // 4))
        first = int(random.integers(0, slices - planes))
        centre = random.uniform(0.3, 0.7, 2) * (columns, rows)
        angle = 2 * np.pi * np.arange(int(random.integers(60, 300)))
        angle = angle / len(angle)
        regions.append([])
        for plane in range(planes):
            size = radius * (0.3 + 0.7 * np.sin(np.pi * (plane + 0.5) / planes))
            away = size * (1 + 0.1 * np.sin(3 * angle + 0.1 * plane) + 0.05 * np.cos(7 * angle))
            x, y = centre[0] + away * np.cos(angle), centre[1] + away * np.sin(angle)
            index = np.stack([x, y, np.full(len(angle), float(first + plane))], axis=1)
            regions[-1].append(index * _SPACING + _ORIGIN)
    return regions


def rows(*, quick: bool) -> list[Row]:
    """Voxels of masks per second: ours, and OpenCV's."""
    try:
        import cv2
    except ImportError:
        print("opencv-python-headless is not installed: no rows", file=sys.stderr)
        return []
    from dicomlogic_core import Geometry
    from dicomlogic_rt.rasterise import rasterise
    from dicomlogic_rt.rois import Contour, Roi
    from dicomlogic_rt.volumes import volume_cc

    size, count = ((64, 64, 20), 4) if quick else ((512, 512, 200), 20)
    matrix = np.diag([*_SPACING, 1.0])
    matrix[:3, 3] = _ORIGIN
    geometry = Geometry(size_ijk=size, ijk_to_lps=matrix)
    regions = contours(size, count)
    rois = [
        Roi(number=number, name=f"{number}", contours=tuple(Contour(points=one) for one in region))
        for number, region in enumerate(regions, 1)
    ]
    spacing, origin = np.array(_SPACING), np.array(_ORIGIN)

    def ours() -> list[np.ndarray]:
        return [rasterise(roi, geometry).array for roi in rois]

    def opencv() -> list[np.ndarray]:
        masks = []
        for region in regions:
            mask = np.zeros(size[::-1], np.uint8)
            for points in region:
                k = round((points[0, 2] - origin[2]) / spacing[2])
                pixels = np.rint((points[:, :2] - origin[:2]) / spacing[:2]).astype(np.int32)
                cv2.fillPoly(mask[k], [pixels], 1)
            masks.append(mask)
        return masks

    voxel_cc = float(np.prod(_SPACING)) / 1000
    exact = np.array([volume_cc(roi, end_cap="full").cc for roi in rois])
    errors = [100 * (sum(int(mask.sum()) for mask in made()) * voxel_cc / exact.sum() - 1) for made in (ours, opencv)]
    mine, theirs = seconds(ours, opencv, repeats=5)
    voxels = float(np.prod(size)) * count / 1e6
    note = f"{sum(map(len, regions))} contours; volume error {errors[0]:+.3f} %, OpenCV {errors[1]:+.2f} %"
    return [
        Row(
            stage="masks",
            ours=voxels / mine,
            peer="OpenCV",
            theirs=voxels / theirs,
            target=0.7,
            unit="Mvoxel/s",
            note=note,
        )
    ]
