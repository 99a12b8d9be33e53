"""b-values and gradients by vendor, gradients as unit vectors in the patient frame (LPS)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dicomlogic_core import SeriesView, parse_numbers
from dicomlogic_multi_volume.candidates import (
    B_VALUE,
    GE_B_VALUE,
    GE_GRADIENT,
    PHILIPS_GRADIENT,
    SIEMENS_GRADIENT,
    UIH_GRADIENT,
    Tag,
)

_NO_WEIGHT = 0.1  # s/mm2; less is none
_LONGEST = 1.1  # a longer "unit" vector stands for no direction
_SHORTEST = 1e-3
_NUMBER = r"\s*([-+]?\d*\.?\d+)\s*"
_COMMENT = re.compile(rf"\s*b\s*=\s*\d*\.?\d+\s*\({_NUMBER},{_NUMBER},{_NUMBER}\)")
_GE_OFFSET = 100_000  # GE adds multiples of it to b


def b_values(tag: Tag, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """b in s/mm2 as read from `tag`; what is too small to weight anything is 0."""
    if tag is GE_B_VALUE:
        numbers = np.mod(numbers, _GE_OFFSET)
    return np.where(np.abs(numbers) < _NO_WEIGHT, 0.0, numbers)


def gradients(series: SeriesView, rows: Sequence[int]) -> tuple[Tag, NDArray[np.float64]] | None:
    """The element gradients were read from, and (n, 3) unit vectors in LPS, 0 where there is none; None without any."""
    for tag in ("DiffusionGradientOrientation", SIEMENS_GRADIENT, UIH_GRADIENT):
        texts = series.frames.text(tag)
        if any(texts[row] for row in rows):
            vectors = np.array([parse_numbers(texts[row], 3) for row in rows])
            return tag, _units(_from_image_axes(series, rows, vectors) if tag is UIH_GRADIENT else vectors)
    for tags in (PHILIPS_GRADIENT, GE_GRADIENT):
        parts = [series.frames.numbers(tag)[list(rows)] for tag in tags]
        if all(np.isfinite(part).any() for part in parts):
            vectors = np.stack(parts, axis=1)
            return tags[0], _units(_from_gradient_coils(series, rows, vectors) if tags is GE_GRADIENT else vectors)
    return _canon(series, rows)


def _canon(series: SeriesView, rows: Sequence[int]) -> tuple[Tag, NDArray[np.float64]] | None:
    """Canon's gradients along the image axes; single-frame images have them in a comment: ``b=1000(0.4,0.0,0.9)``."""
    texts = series.frames.text("ImageComments")
    found = [_COMMENT.match(texts[row] or "") for row in rows]
    if not any(found):
        return None
    vectors = np.array([[float(part) for part in match.groups()] if match else [0.0] * 3 for match in found])
    return "ImageComments", _units(_from_image_axes(series, rows, vectors))


def _units(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    vectors = np.nan_to_num(vectors)
    length = np.linalg.norm(vectors, axis=1)
    real = (length > _SHORTEST) & (length <= _LONGEST)
    return np.asarray(np.where(real[:, None], vectors / np.where(real, length, 1.0)[:, None], 0.0))


def _from_image_axes(series: SeriesView, rows: Sequence[int], vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Vectors along row, column and row x column, as UIH and Canon store them, in the patient frame."""
    orientation = series.frames.orientation[list(rows)]
    across, down = orientation[:, :3], orientation[:, 3:]
    x, y, z = (vectors[:, axis : axis + 1] for axis in range(3))
    return np.asarray(x * across + y * down + z * np.cross(across, down))


def _from_gradient_coils(series: SeriesView, rows: Sequence[int], vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """GE's vectors, along the directions of readout, phase and slice, in the patient frame.

    Which of row and column was read out follows from InPlanePhaseEncodingDirection; the slice component points against
    row x column. Known to be right for head first supine only.
    """
    orientation = series.frames.orientation[list(rows)]
    across, down = orientation[:, :3], orientation[:, 3:]
    normal = np.cross(across, down)
    texts = series.frames.text("InPlanePhaseEncodingDirection")
    by_row = np.array([(texts[row] or "").upper().startswith("ROW") for row in rows])[:, None]
    x, y, z = (vectors[:, axis : axis + 1] for axis in range(3))
    return np.asarray(np.where(by_row, y * across - x * down, x * across + y * down) - z * normal)


def isotropic(series: SeriesView, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) True for frames derived from several gradients (trace, ADC) that stand among frames of single ones.

    All False where nothing has a gradient: then the trace is all there is.
    """
    picked = rows.tolist()
    none = np.zeros(len(picked), dtype=bool)
    if not any(any(series.frames.text(tag)) for tag in B_VALUE.tags):
        return none
    kinds, types = series.frames.text("DiffusionDirectionality"), series.frames.text("ImageType")
    frame_types = series.frames.text("FrameType")
    derived = np.array(
        [
            kinds[row] == "ISOTROPIC" or not _MAPS.isdisjoint(f"{types[row]}\\{frame_types[row]}".upper().split("\\"))
            for row in picked
        ]
    )
    if not derived.any() or derived.all():
        return none
    found = gradients(series, picked)
    directed = found is not None and bool(found[1][~derived].any())
    return derived if directed else none


_MAPS = frozenset(("ADC", "TRACEW", "TRACE", "FA", "EADC", "EXP", "ISO"))
