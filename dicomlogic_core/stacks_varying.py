"""The values of which one array never holds two, as far as they vary in a series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core.series import SeriesView
from dicomlogic_core.stacks_images import PlaneColumns

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SAME_ORIENTATION = 1e-3  # radians, of the row and of the column vector
_SAME_SPACING = 1e-3  # relative


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HardKey:
    """A key that varies.

    Attributes:
        name: as in the names of sub-series.
        code: of the finding that reports the cut.
        codes: (n,) number of each frame's value, in order of appearance.
        value: the text of a number, for names and findings.
        enumerated: names hold the number, since the value is long.
    """

    name: str
    code: str
    codes: NDArray[np.int64]
    value: Callable[[int], str]
    enumerated: bool = False


def codes_of(values: Sequence[object]) -> NDArray[np.int64] | None:
    """A number per entry, the same for equal ones; None when all are equal."""
    if values.count(values[0]) == len(values):
        return None
    known: dict[object, int] = {}
    return np.array([known.setdefault(value, len(known)) for value in values], dtype=np.int64)


def cluster(
    values: NDArray[np.float64], near: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]
) -> NDArray[np.int64] | None:
    """A number per row of `values`, the same for rows near the first of their cluster; None when all are one.

    Rows of NaN are near nothing and make one cluster of their own.
    """
    codes = np.full(len(values), -1, dtype=np.int64)
    codes[np.isnan(values).any(axis=1)] = 0
    count = 1 if bool((codes == 0).any()) else 0
    while (left := np.flatnonzero(codes < 0)).size:
        codes[left[near(values[left], values[left[0]])]] = count
        count += 1
    return codes if count > 1 else None


def _near_orientation(values: NDArray[np.float64], one: NDArray[np.float64]) -> NDArray[np.bool_]:
    difference = values - one
    # The chord of so small an angle is the angle, and needs no arc cosine near 1.
    rows = np.linalg.norm(difference[:, :3], axis=1) <= _SAME_ORIENTATION
    columns = np.linalg.norm(difference[:, 3:], axis=1) <= _SAME_ORIENTATION
    return np.asarray(rows & columns)


def _near_spacing(values: NDArray[np.float64], one: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((np.abs(values - one) <= _SAME_SPACING * np.abs(one)).all(axis=1))


def orientation_clusters(orientation: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """A number per row of cosines (n, 6), the same within 1e-3 rad; None when all are one."""
    return cluster(orientation, _near_orientation)


def varying_keys(series: SeriesView, rows: NDArray[np.int64], columns: PlaneColumns) -> list[HardKey]:
    """The hard keys with more than one value in `rows`, the ones that explain most first."""
    read = _Reader(series, rows)
    orientation, spacing, size = columns.orientation[rows], columns.pixel_spacing[rows], columns.size[rows]
    candidates = [
        read.key("imageType", "geometry.localizer", read.texts("ImageType", _role)),
        read.key("sopClassUID", "series.split", read.texts("SOPClassUID"), enumerated=True),
        read.key("geometry", "series.split", _located(columns.located[rows])),
        read.key(
            "frameOfReferenceUID",
            "geometry.mixed-frame-of-reference",
            read.texts("FrameOfReferenceUID"),
            enumerated=True,
        ),
        _array_key(
            "imageOrientationPatient",
            "geometry.mixed-orientation",
            orientation,
            orientation_clusters(orientation),
            enumerated=True,
        ),
        read.key("rows", "geometry.mixed-matrix", _sizes(size[:, 0])),
        read.key("columns", "geometry.mixed-matrix", _sizes(size[:, 1])),
        read.key("photometricInterpretation", "series.split", read.texts("PhotometricInterpretation", _pixel_kind)),
        _array_key("pixelSpacing", "geometry.mixed-pixel-spacing", spacing, cluster(spacing, _near_spacing)),
    ]
    return [key for key in candidates if key is not None]


class _Reader:
    """Columns of some rows of a series."""

    def __init__(self, series: SeriesView, rows: NDArray[np.int64]) -> None:
        self._frames = series.frames
        self._rows = rows.tolist()
        self._whole = self._rows == list(range(len(self._frames)))

    def texts(self, tag: str, kind: Callable[[str], str] | None = None) -> Sequence[str | None]:
        """The texts of a column, or what `kind` makes of them; all equal ones are not looked at further."""
        column = self._frames.text(tag)
        values = column if self._whole else [column[row] for row in self._rows]
        if kind is None or values.count(values[0]) == len(values):
            return values
        return [kind(value or "") for value in values]

    def key(self, name: str, code: str, values: Sequence[str | None], *, enumerated: bool = False) -> HardKey | None:
        """The key of a column of texts; None when they are all equal."""
        codes = codes_of(values)
        if codes is None:
            return None
        return HardKey(
            name=name,
            code=code,
            codes=codes,
            value=lambda number: values[int(np.argmax(codes == number))] or f"no {name}",
            enumerated=enumerated,
        )


def _array_key(
    name: str,
    code: str,
    values: NDArray[np.float64],
    codes: NDArray[np.int64] | None,
    *,
    enumerated: bool = False,
) -> HardKey | None:
    if codes is None:
        return None
    return HardKey(
        name=name,
        code=code,
        codes=codes,
        value=lambda number: _numbers(values[int(np.argmax(codes == number))]),
        enumerated=enumerated,
    )


def _located(flags: NDArray[np.bool_]) -> list[str | None]:
    return [None] if bool(flags.all()) else ["located" if flag else "without position" for flag in flags.tolist()]


def _sizes(numbers: NDArray[np.int64]) -> list[str | None]:
    return [None] if bool((numbers == numbers[0]).all()) else [str(number) for number in numbers.tolist()]


def _role(image_type: str) -> str:
    """LOCALIZER for a localizer's ImageType, one word for everything else."""
    return "LOCALIZER" if "LOCALIZER" in image_type.upper().split("\\")[2:] else "others"


def _pixel_kind(photometric: str) -> str:
    """MONOCHROME1, MONOCHROME2, PALETTE COLOR or colour: YBR and RGB frames of one object become RGB."""
    name = photometric.upper()
    return name if name.startswith(("MONO", "PALETTE")) or not name else "colour"


def _numbers(values: NDArray[np.float64]) -> str:
    return "\\".join(f"{value:g}" for value in values.tolist())
