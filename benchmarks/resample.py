"""Volumes on other grids: speed against SimpleITK, on grids with parallel axes and on any others.

Parallel axes, and those that lean like a tilted gantry's, are interpolated one after the other, which SimpleITK does
not do. Turned grids need eight values per voxel: there arrays cost more than a compiled loop. Both sides use all
processors; SimpleITK ignores a number of threads set on the filter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import dicomlogic_core as dl
from benchmarks.common import Row, seconds

OUTSIDE = -2000


def rows(*, quick: bool) -> list[Row]:
    """The table's rows."""
    volume = source(60 if quick else 200)
    repeats = 3 if quick else 5
    return [
        _row(volume, name, geometry, kernel, target, repeats)
        for name, (geometry, target) in grids().items()
        for kernel in ("linear", "nearest")
    ]


def source(count: int) -> dl.Volume:
    """A CT of `count` slices of noise."""
    array = np.random.default_rng(7).integers(-1000, 1000, (count, 512, 512)).astype(np.int16)
    return dl.Volume(array=array, geometry=grid((512, 512, count), (0.9, 0.9, 3.0), (-230, -230, -90)))


def grid(size: Any, spacing: Any, origin: Any, *, degrees: float = 0.0, lean: float = 0.0) -> dl.Geometry:
    """A grid turned about x and z, or whose slices move by `lean` mm along y from one to the next."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    about_z = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    matrix = np.eye(4)
    matrix[:3, :3] = about_z @ about_x @ np.diag(spacing)
    matrix[1, 2] += lean
    matrix[:3, 3] = origin
    return dl.Geometry(size_ijk=size, ijk_to_lps=matrix)


def grids() -> dict[str, tuple[dl.Geometry, float]]:
    """Name -> grid of the result and the ratio to reach."""
    return {
        "on a PET": (grid((168, 168, 60), (4.07, 4.07, 3.3), (-340, -340, -100)), 1.2),
        "on a finer grid": (grid((512, 512, 60), (0.7, 0.7, 2.0), (-190, -180, -80)), 4.0),
        "on a turned grid": (grid((300, 300, 60), (0.9, 0.9, 3.0), (-190, -180, -80), degrees=15), 0.5),
        "on a leaning grid": (grid((300, 300, 60), (0.9, 0.9, 3.0), (-190, -180, -80), lean=0.7), 1.0),
    }


def _row(volume: dl.Volume, name: str, geometry: dl.Geometry, kernel: Any, target: float, repeats: int) -> Row:
    voxels = math.prod(geometry.size_ijk) / 1e6
    ours = partial(dl.resample_volume, volume, geometry, kernel=kernel, outside=OUTSIDE)
    peer = _by_simpleitk(volume, geometry, kernel)
    if peer is None:
        took, theirs, note = seconds(ours, repeats=repeats)[0], 0.0, "SimpleITK is not installed"
    else:
        took, other = seconds(ours, peer, repeats=repeats)
        theirs, note = voxels / other, ""
    stage = f"CT {name}, {kernel}"
    return Row(
        stage=stage,
        ours=voxels / took,
        peer="SimpleITK",
        theirs=theirs,
        target=target,
        unit="Mvoxel/s",
        note=note,
    )


def _by_simpleitk(volume: dl.Volume, geometry: dl.Geometry, kernel: str) -> Callable[[], Any] | None:
    try:
        import SimpleITK
    except ImportError:
        return None
    image = volume.to_sitk()
    resample = SimpleITK.ResampleImageFilter()
    resample.SetSize(geometry.size_ijk)
    resample.SetOutputOrigin(geometry.origin_lps_mm)
    resample.SetOutputSpacing(geometry.spacing_mm)
    resample.SetOutputDirection(geometry.directions.ravel().tolist())
    resample.SetDefaultPixelValue(OUTSIDE)
    resample.SetInterpolator(SimpleITK.sitkLinear if kernel == "linear" else SimpleITK.sitkNearestNeighbor)
    if kernel == "linear":
        resample.SetOutputPixelType(SimpleITK.sitkFloat32)
    return lambda: resample.Execute(image)
