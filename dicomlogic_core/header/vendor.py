"""Vendor header layouts: Siemens mosaics and UIH grids as tiles. Nothing else in the core knows a vendor."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from dicomlogic_core.contracts import TileGrid
from dicomlogic_core.findings import Finding, finding
from dicomlogic_core.header.csa import csa_values, protocol_slices

CSA_IMAGE = "0029xx10|SIEMENS CSA HEADER"
CSA_SERIES = "0029xx20|SIEMENS CSA HEADER"
UIH_FRAMES = "0065xx51|Image Private Header"
_MOSAIC_COUNT = "0019xx0A|SIEMENS MR HEADER"
_MOSAIC_MATRIX = "0051xx0B|SIEMENS MR HEADER"
_UIH_COUNT = "0065xx50|Image Private Header"

_CSA_NAMES = frozenset(("NumberOfImagesInMosaic", "SliceNormalVector"))
_MOST_TILES = 4096

Vector = tuple[float, float, float]


class VendorHeader(NamedTuple):
    """What a layout may ask of a header, the same for Part 10 and DICOM JSON.

    Attributes:
        text: column key -> text, None when absent.
        raw: key of `RAW_KEYS` -> bytes of the value, b"" when absent.
        items: key of `RAW_KEYS` -> items of the sequence as DICOM JSON objects.
    """

    text: Callable[[str], str | None]
    raw: Callable[[str], bytes]
    items: Callable[[str], Sequence[Mapping[str, Any]]]


class Plane(NamedTuple):
    """The plane of the whole tiled image: cosines, spacing (row, column) in mm, size in pixels."""

    row: Vector
    column: Vector
    spacing: tuple[float, float]
    rows: int
    columns: int

    @property
    def orientation(self) -> tuple[float, float, float, float, float, float]:
        """Row then column cosines."""
        return (*self.row, *self.column)


def _numbers(text: str | None, count: int) -> tuple[float, ...] | None:
    try:
        values = tuple(float(part) for part in (text or "").split("\\"))
    except ValueError:
        return None
    return values if len(values) == count and all(map(math.isfinite, values)) else None


def _integer(text: str | None) -> int:
    try:
        return int(float(text or "0"))
    except (ValueError, OverflowError):
        return 0


def _plane(header: VendorHeader) -> Plane | None:
    cosines = _numbers(header.text("00200037"), 6)
    spacing = _numbers(header.text("00280030"), 2)
    rows, columns = _integer(header.text("00280010")), _integer(header.text("00280011"))
    if cosines is None or spacing is None or rows <= 0 or columns <= 0:
        return None
    return Plane(
        (cosines[0], cosines[1], cosines[2]),
        (cosines[3], cosines[4], cosines[5]),
        (spacing[0], spacing[1]),
        rows,
        columns,
    )


def _cut(plane: Plane, tiles: int, square: bool) -> tuple[int, int, int] | None:
    """(tiles per row, rows, columns of a tile); None when the image cannot be cut evenly."""
    if not 1 < tiles <= _MOST_TILES:
        return None
    across = math.ceil(math.sqrt(tiles))
    down = across if square else math.ceil(tiles / across)
    if plane.columns % across or plane.rows % down:
        return None
    return across, plane.rows // down, plane.columns // across


def _siemens_mosaic(header: VendorHeader) -> TileGrid | str:
    plane = _plane(header)
    corner = _numbers(header.text("00200032"), 3)
    if plane is None or corner is None:
        return "position, orientation, pixel spacing or size is missing"
    values = csa_values(header.raw(CSA_IMAGE), _CSA_NAMES)
    planned, normals = protocol_slices(header.raw(CSA_SERIES))
    if len(normals) > 1:
        return f"the planned slices have {len(normals)} directions"
    tiles = (
        _integer(header.text(_MOSAIC_COUNT))
        or _integer("".join(values.get("NumberOfImagesInMosaic", ())[:1]))
        or planned
        or _tiles_of_matrix(header.text(_MOSAIC_MATRIX), plane)
    )
    cut = _cut(plane, tiles, square=True)
    step = (_numbers(header.text("00180088"), 1) or _numbers(header.text("00180050"), 1) or (0.0,))[0]
    if cut is None or step == 0:
        return f"{tiles} tiles in {plane.columns} x {plane.rows} pixels, {step:g} mm apart"
    across, rows, columns = cut
    normal = _numbers("\\".join(values.get("SliceNormalVector", ())), 3)
    direction = normal or _cross(plane.row, plane.column)
    # PixelSpacing is (between rows, between columns); the position is that of the whole image's first pixel.
    right = plane.spacing[1] * (plane.columns - columns) / 2
    down = plane.spacing[0] * (plane.rows - rows) / 2
    first = tuple(corner[axis] + plane.row[axis] * right + plane.column[axis] * down for axis in range(3))
    positions = tuple(
        (
            first[0] + tile * step * direction[0],
            first[1] + tile * step * direction[1],
            first[2] + tile * step * direction[2],
        )
        for tile in range(tiles)
    )
    return TileGrid(
        tiles=tiles,
        per_row=across,
        rows=rows,
        columns=columns,
        positions=positions,
        orientation=plane.orientation,
        normal_assumed=normal is None,
    )


def _tiles_of_matrix(text: str | None, plane: Plane) -> int:
    """All tiles the image can hold, from ``64p*64`` or ``64*64``; the last may be empty (dcm2niix 337)."""
    sizes = [int(size) for size in re.findall(r"\d{1,5}", text or "")]
    if len(sizes) != 2 or 0 in sizes:
        return 0
    return (plane.rows // sizes[0]) * (plane.columns // sizes[1])


def _cross(a: Vector, b: Vector) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _uih_grid(header: VendorHeader) -> TileGrid | str:
    plane = _plane(header)
    items = header.items(UIH_FRAMES)
    if plane is None or not items:
        return "orientation, pixel spacing, size or the sequence of frames is missing"
    positions = []
    for item in items:
        values = item.get("00200032", {}).get("Value", ())
        position = _numbers("\\".join(map(str, values)), 3)
        if position is None:
            return "a frame has no position"
        positions.append((position[0], position[1], position[2]))
    tiles = _integer(header.text(_UIH_COUNT)) or len(positions)
    cut = _cut(plane, tiles, square=False)
    if cut is None or tiles != len(positions):
        return f"{tiles} tiles, {len(positions)} positions, {plane.columns} x {plane.rows} pixels"
    across, rows, columns = cut
    return TileGrid(
        tiles=tiles,
        per_row=across,
        rows=rows,
        columns=columns,
        positions=tuple(positions),
        orientation=plane.orientation,
    )


class Layout(NamedTuple):
    """A vendor's way to put several slices into one image."""

    name: str
    mark: str
    keys: tuple[str, ...]
    read: Callable[[VendorHeader], TileGrid | str]


LAYOUTS = (
    Layout("Siemens mosaic", "MOSAIC", (CSA_IMAGE, CSA_SERIES), _siemens_mosaic),
    Layout("UIH grid", "VFRAME", (UIH_FRAMES,), _uih_grid),
)
"""Layouts by the value of ImageType that marks them."""

RAW_KEYS = frozenset(key for layout in LAYOUTS for key in layout.keys)
"""Private elements the layouts need besides the columns."""


def layout_of(image_type: str | None) -> Layout | None:
    """The layout an ImageType names; None for nearly every image."""
    if not image_type or not any(layout.mark in image_type for layout in LAYOUTS):
        return None
    return next((layout for layout in LAYOUTS if layout.mark in image_type.split("\\")), None)


def grid_keys(header: Mapping[str, Any]) -> frozenset[str]:
    """The private columns that tell the tiles of an image, given its DICOM JSON object; empty for nearly every image.

    A source whose headers have addresses in place of binary values resolves these, else tiles are guessed at.
    """
    image_type = header.get("00080008", {}).get("Value") or ()
    layout = layout_of("\\".join(str(value or "") for value in image_type))
    return frozenset(layout.keys if layout else ())


def read_grid(layout: Layout, header: VendorHeader) -> tuple[TileGrid | None, Finding | None]:
    """The tiles of an image, or the reason why they cannot be told."""
    grid = layout.read(header)
    if isinstance(grid, str):
        return None, finding("geometry.vendor-grid", f"{layout.name}: {grid}")
    return grid, None
