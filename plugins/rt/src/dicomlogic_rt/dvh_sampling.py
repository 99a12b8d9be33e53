"""Doses inside a region, weighed by volume: a fine lattice in the planes, thin layers between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import Geometry, Volume, resample_volume, sample_points
from dicomlogic_rt.contour_planes import ContourPlanes
from dicomlogic_rt.dvh_cells import Cells, covered_cells
from dicomlogic_rt.dvh_curves import DvhCurve
from dicomlogic_rt.dvh_regions import Region, Stretch
from dicomlogic_rt.volumes import MM3_PER_CC

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FEWEST_LAYERS = 2
_LATTICE = 1 << 22  # samples at a time
# Powers of the root of x^4 = x + 1: multiples of them fill a cube evenly.
_SEQUENCE = (0.8191725133961645, 0.6710436067037893, 0.5497004779019703)
_PLACES = 1 << 16
_MOSTLY = 0.5  # of a cell covered: it may hold the minimum or maximum


@dataclass(slots=True, kw_only=True)
class Sampled:
    """A histogram of volume by dose while it is made.

    Attributes:
        bin_width: Gy.
        histogram: (bins,) mm3.
        outside_mm3: volume beyond the dose grid.
        moment: sum of dose x mm3.
        minimum, maximum: over the samples mostly inside.
        samples: number of samples with a weight.
        visited: number of samples of the whole lattice.
    """

    bin_width: float
    histogram: NDArray[np.float64]
    outside_mm3: float = 0.0
    moment: float = 0.0
    minimum: float = float("inf")
    maximum: float = float("-inf")
    samples: int = 0
    visited: int = 0

    def add(self, doses: NDArray[np.floating], weights: NDArray[np.float64]) -> None:
        """Count samples (n,): dose (NaN beyond the grid) and mm3."""
        known = ~np.isnan(doses)
        if not known.all():
            self.outside_mm3 += float(weights[~known].sum())
            doses, weights = doses[known], weights[known]
        bins = (doses / self.bin_width).astype(np.int64).clip(0, len(self.histogram) - 1)
        self.histogram += np.bincount(bins, weights, len(self.histogram))
        # No BLAS: its threads cost more than the sum wherever other work runs.
        self.moment += float((doses * weights).sum())
        self.samples += len(doses)

    def curve(self) -> DvhCurve:
        """The cumulative curve up to the first bin without volume above it."""
        filled = np.flatnonzero(self.histogram)
        bins = int(filled[-1]) + 1 if len(filled) else 0
        volumes: NDArray[np.float64] = np.append(np.cumsum(self.histogram[:bins][::-1])[::-1], 0.0) / MM3_PER_CC
        return DvhCurve(doses=np.arange(bins + 1, dtype=np.float64) * self.bin_width, volumes_cc=volumes)

    def seen(self, doses: NDArray[np.floating]) -> None:
        """Let doses (n,) count for minimum and maximum."""
        if len(doses):
            self.minimum = min(self.minimum, float(doses.min()))
            self.maximum = max(self.maximum, float(doses.max()))


def sampled(region: Region, dose: Volume, *, cell_mm: float, bin_width: float) -> Sampled:
    """Sample a region once, with cells of one size and layers about as thick."""
    bins = int(np.nanmax(np.asarray(dose)) / bin_width) + 2
    result = Sampled(bin_width=bin_width, histogram=np.zeros(bins))
    kept: dict[int, Cells] = {}
    for part in region.parts:
        # Neighbouring stretches share a plane; older ones are not needed again.
        kept = {
            number: kept.get(number)
            or covered_cells(region.planes, number, region.areas_mm2[number], cell_mm, region.window_mm)
            for number in (part.lower, part.upper)
        }
        _add_stretch(result, region.planes, dose, part, cells=(kept[part.lower], kept[part.upper]), cell_mm=cell_mm)
    doses, inside = sample_points(dose, surface_points(region.planes, region.parts))
    result.seen(doses[inside])
    return result


def surface_points(planes: ContourPlanes, parts: Sequence[Stretch]) -> NDArray[np.float64]:
    """(n, 3) LPS mm: the vertices of all contours, and of the ends where those lie beyond the planes without a tip."""
    vertices = planes.vertices_lps_mm()
    found = [vertices]
    for part in parts:
        if part.lower == part.upper and not part.tip:
            own = vertices[planes.edge_planes == part.lower]
            w = planes.positions_mm[part.lower]
            found += [own + (end - w) * planes.axes[2] for end in (part.bottom_mm, part.top_mm)]
    return np.concatenate(found)


def _add_stretch(
    result: Sampled, planes: ContourPlanes, dose: Volume, part: Stretch, *, cells: tuple[Cells, Cells], cell_mm: float
) -> None:
    low, high = cells
    row, column = min(low.row, high.row), min(low.column, high.column)
    rows = max(cell.row + cell.shares.shape[0] for cell in cells) - row
    columns = max(cell.column + cell.shares.shape[1] for cell in cells) - column
    below, above = (cell.on(row, column, (rows, columns)).ravel() for cell in cells)
    used = np.flatnonzero(below + above)
    below, above = below[used], above[used]
    layers = max(_FEWEST_LAYERS, int(np.ceil((part.top_mm - part.bottom_mm) / cell_mm - 1e-6)))
    thickness = (part.top_mm - part.bottom_mm) / layers
    height = ((np.arange(layers) + 0.5) / layers)[:, None]
    taper = _taper(height, layers, part.tip)
    outside = ((1 - height) * low.outside_mm2 + height * high.outside_mm2) * taper
    result.outside_mm3 += float(outside.sum()) * thickness
    if not len(used):
        return
    steps = np.array([cell_mm, cell_mm, thickness])
    at_once = max(_FEWEST_LAYERS, _LATTICE // (rows * columns))
    for first in range(0, layers, at_once):
        these = slice(first, min(first + at_once, layers))
        corner = np.array([column * cell_mm, row * cell_mm, part.bottom_mm + thickness * first]) + steps / 2
        lattice = _lattice(dose, planes, corner, steps, (columns, rows, these.stop - first))
        shares = ((1 - height[these]) * below + height[these] * above) * taper[these]
        doses = lattice.reshape(len(lattice), -1)[:, used]
        result.seen(doses[(shares >= _MOSTLY) & ~np.isnan(doses)])
        doses = doses + _scatter(lattice, used, result.samples)
        result.add(doses.ravel(), (shares * steps.prod()).ravel())
        result.visited += lattice.size


def _lattice(
    dose: Volume,
    planes: ContourPlanes,
    corner: NDArray[np.float64],
    steps: NDArray[np.float64],
    size: tuple[int, int, int],
) -> NDArray[np.floating]:
    """``[layer, row, column]`` dose on a grid along the planes, NaN outside; corner and steps are u, v, w in mm."""
    matrix = np.eye(4)
    matrix[:3, :3] = planes.axes.T * steps
    matrix[:3, 3] = corner @ planes.axes
    return np.asarray(resample_volume(dose, Geometry(size_ijk=size, ijk_to_lps=matrix)))


def _scatter(lattice: NDArray[np.floating], used: NDArray[np.intp], number: int) -> NDArray[np.floating]:
    """(layers, used) change of dose from the centre of each cell to a place of its own inside it.

    At their centres all cells across a gradient would have one dose, and the histogram would be a comb.
    """
    layers = len(lattice)
    count = layers * len(used)
    first = number % _PLACES
    change = np.zeros((layers, len(used)), lattice.dtype)
    for axis, places in enumerate(_places()):
        if lattice.shape[axis] > 1:
            slope = np.gradient(lattice, axis=axis).reshape(layers, -1)[:, used]
            np.nan_to_num(slope, copy=False)
            slope *= np.resize(np.roll(places, -first), count).reshape(layers, -1)
            change += slope
    return change


@cache
def _places() -> NDArray[np.float32]:
    """(3, places) -0.5..0.5 across a cell along layers, rows and columns, filling it evenly."""
    places: NDArray[np.float32] = ((np.arange(_PLACES) * np.array(_SEQUENCE)[:, None]) % 1 - 0.5).astype(np.float32)
    return places


def _taper(height: NDArray[np.float64], layers: int, tip: int) -> NDArray[np.float64]:
    """Mean area of a cone in layers at `height` 0..1, 1 at its base; all together are a third. 1 without a `tip`."""
    if not tip:
        return np.ones_like(height)
    left = 1 - height if tip > 0 else height
    low, high = left - 0.5 / layers, left + 0.5 / layers
    mean: NDArray[np.float64] = (high**3 - low**3) / (3 * (high - low))
    return mean
