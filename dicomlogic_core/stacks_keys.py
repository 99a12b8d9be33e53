"""Hard keys: values of which one array never holds two. A series is cut into parts by them, and the reason is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core.findings import Finding, finding
from dicomlogic_core.series import SeriesView
from dicomlogic_core.stacks_images import PlaneColumns, by_appearance, image_rows, plane_columns
from dicomlogic_core.stacks_names import value_label

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SAME_ORIENTATION = 1e-3  # radians, of the row and of the column vector
_SAME_SPACING = 1e-3  # relative
_MOST_NAMED = 20  # instances named by one finding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StackPart:
    """Frames that may lie in one array.

    Attributes:
        rows: (n,) rows of the frame table.
        label: what tells the part from the others in a name; "" when the series is not cut.
        findings: why the series was cut.
    """

    rows: NDArray[np.int64]
    label: str = ""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Key:
    """A key that varies: a code per frame, its name, and the finding that reports the cut."""

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


def hard_parts(series: SeriesView, rows: NDArray[np.int64] | None = None) -> list[StackPart]:
    """The images of a series, or `rows` of them, cut by the hard keys, largest part first; empty without images."""
    if rows is None:
        rows = image_rows(series)
    if not len(rows):
        return []
    columns = plane_columns(series)
    keys = list(_varying_keys(series, rows, columns))
    if not keys:
        return [StackPart(rows=rows)]
    rows = by_appearance(series, rows)
    keys = list(_varying_keys(series, rows, columns))
    used, codes = _refining(keys)
    parts = [
        StackPart(
            rows=rows[codes == number],
            label=_label(used, np.flatnonzero(codes == number)),
            findings=_findings(series, used, rows, codes == number),
        )
        for number in range(int(codes.max()) + 1)
    ]
    return sorted(parts, key=lambda part: -len(part.rows))


def _varying_keys(series: SeriesView, rows: NDArray[np.int64], columns: PlaneColumns) -> Iterator[_Key]:
    """Keys with more than one value in `rows`, the ones that explain most first."""
    frames = series.frames
    whole = len(rows) == len(frames) and bool((rows[1:] > rows[:-1]).all())

    def texts(tag: str) -> list[str | None]:
        column = frames.text(tag)
        return column if whole else [column[row] for row in rows.tolist()]

    def mapped(tag: str, kind: Callable[[str], str]) -> list[str | None]:
        values = texts(tag)
        return values if codes_of(values) is None else [kind(value or "") for value in values]

    def text_key(
        tag: str, name: str, code: str, values: list[str | None], *, enumerated: bool = False
    ) -> Iterator[_Key]:
        if (codes := codes_of(values)) is not None:
            yield _Key(
                name=name,
                code=code,
                codes=codes,
                value=lambda number: values[int(np.argmax(codes == number))] or f"no {tag}",
                enumerated=enumerated,
            )

    def array_key(
        values: NDArray[np.float64], codes: NDArray[np.int64] | None, name: str, code: str, *, enumerated: bool = False
    ) -> Iterator[_Key]:
        if codes is not None:
            yield _Key(
                name=name,
                code=code,
                codes=codes,
                value=lambda number: _numbers(values[int(np.argmax(codes == number))]),
                enumerated=enumerated,
            )

    roles = mapped("ImageType", _role)
    yield from text_key("ImageType", "imageType", "geometry.localizer", roles)
    yield from text_key("SOPClassUID", "sopClassUID", "series.split", texts("SOPClassUID"), enumerated=True)
    if not bool(columns.located[rows].all()):
        located: list[str | None] = [
            "located" if flag else "without position" for flag in columns.located[rows].tolist()
        ]
        yield from text_key("position", "geometry", "series.split", located)
    yield from text_key(
        "FrameOfReferenceUID",
        "frameOfReferenceUID",
        "geometry.mixed-frame-of-reference",
        texts("FrameOfReferenceUID"),
        enumerated=True,
    )
    orientation = columns.orientation[rows]
    yield from array_key(
        orientation,
        orientation_clusters(orientation),
        "imageOrientationPatient",
        "geometry.mixed-orientation",
        enumerated=True,
    )
    size = columns.size[rows]
    for name, column in (("rows", 0), ("columns", 1)):
        if bool((size[:, column] != size[0, column]).any()):
            numbers: list[str | None] = [str(number) for number in size[:, column].tolist()]
            yield from text_key(name, name, "geometry.mixed-matrix", numbers)
    kinds = mapped("PhotometricInterpretation", _pixel_kind)
    yield from text_key("PhotometricInterpretation", "photometricInterpretation", "series.split", kinds)
    spacing = columns.pixel_spacing[rows]
    yield from array_key(spacing, cluster(spacing, _near_spacing), "pixelSpacing", "geometry.mixed-pixel-spacing")


def _role(image_type: str) -> str:
    """LOCALIZER for a localizer's ImageType, "" for everything else."""
    return "LOCALIZER" if "LOCALIZER" in image_type.upper().split("\\")[2:] else ""


def _pixel_kind(photometric: str) -> str:
    """MONOCHROME1, MONOCHROME2, PALETTE COLOR or colour: YBR and RGB frames of one object become RGB."""
    name = photometric.upper()
    return name if name.startswith(("MONO", "PALETTE")) or not name else "colour"


def _numbers(values: NDArray[np.float64]) -> str:
    return "\\".join(f"{value:g}" for value in values.tolist())


def _refining(keys: list[_Key]) -> tuple[list[_Key], NDArray[np.int64]]:
    """The keys that cut further than those before them, and the number of the part of each frame."""
    used: list[_Key] = []
    codes = np.zeros(len(keys[0].codes), dtype=np.int64)
    for key in keys:
        finer = codes_of(list(zip(codes.tolist(), key.codes.tolist())))
        if finer is not None and int(finer.max()) > int(codes.max()):
            used.append(key)
            codes = finer
    return used, codes


def _label(keys: list[_Key], members: NDArray[np.int64]) -> str:
    """The part's values of the keys that cut the series, as in a sub-series name."""
    words = []
    for key in keys:
        number = int(key.codes[members[0]])
        # Codes count in order of appearance, since the frames were put into that order before.
        value = str(number + 1) if key.enumerated else key.value(number)
        if key.code == "geometry.localizer":
            value = value if value == "LOCALIZER" else ""
        words.append(value_label(key.name, value) if value else "")
    return " - ".join(word for word in words if word)


def _findings(
    series: SeriesView, keys: list[_Key], rows: NDArray[np.int64], inside: NDArray[np.bool_]
) -> tuple[Finding, ...]:
    """One finding per key that cut the series, with its values and the instances of the part or, if fewer, the rest."""
    smaller = inside if 2 * int(inside.sum()) <= len(rows) else ~inside
    uids = dict.fromkeys(series.sop_uids[instance] for instance in series.frames.instance[rows[smaller]].tolist())
    where = tuple(uids)[:_MOST_NAMED]
    found = []
    for key in keys:
        numbers, counts = np.unique(key.codes, return_counts=True)
        values = ", ".join(
            f"{key.value(int(number)) or 'other'} ({count} frames)" for number, count in zip(numbers, counts.tolist())
        )
        found.append(finding(key.code, f"{key.name} differs inside one series: {values}", where=where))
    return tuple(found)
