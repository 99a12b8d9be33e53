"""Dose-volume histograms: `dvh` samples a dose inside a region until its numbers settle."""

from __future__ import annotations

import math

import numpy as np

from dicomlogic_core import Finding, UsageError, Volume, finding
from dicomlogic_rt.dvh_regions import Region, region_of
from dicomlogic_rt.dvh_results import Dvh
from dicomlogic_rt.dvh_sampling import Sampled, sampled
from dicomlogic_rt.rois import Roi
from dicomlogic_rt.volumes import END_CAPS, MM3_PER_CC, EndCap

_BIN_WIDTH, _FEWEST_BINS, _USUAL_BINS = 0.01, 1000, 100_000
_MOST_BINS = 10_000_000
_FIRST_SAMPLES = 100_000
_MOST_VISITED = 60_000_000
_PER_HALVING = 8
_SMALLEST_MM, _LARGEST_MM = 0.05, 2.0
_WATCHED = (98, 95, 90, 80, 70, 60, 50, 40, 30, 20, 10, 5, 2)  # D values that must settle
_ROUNDING = 1e-6


def dvh(
    roi: Roi,
    dose: Volume,
    *,
    end_cap: EndCap = "half",
    bin_width_gy: float | None = None,
    settle_percent: float = 0.1,
    largest_gap: float = 1.5,
) -> Dvh:
    """The dose-volume histogram of a region.

    Between two planes the areas of both are mixed by distance, so that the volume is that of `volume_cc` to rounding.
    Every sample weighs what it covers of the region and takes the trilinear dose at its centre. Cells are halved until
    neither the mean nor any D value (D98 to D2) moves by more than `settle_percent` of the maximum.

    Args:
        dose: in Gy, or relative.
        end_cap: how the ends count, see `volume_cc`.
        bin_width_gy: of the histogram, in the dose's unit; D and V values are interpolated within bins. By default
            0.01, and never more than a thousandth of the largest dose, so that relative doses are resolved as well,
            nor less than a hundred-thousandth of it.
        largest_gap: in spacings: larger gaps between planes are empty, unless they repeat.

    Raises:
        UsageError: negative, infinite or no doses, an unknown convention, or a bin width that is not positive or too
            small.
    """
    if end_cap not in END_CAPS:
        raise UsageError(f"end_cap {end_cap!r} is unknown", remedy=f"one of {', '.join(END_CAPS)}")
    if bin_width_gy is not None and not bin_width_gy > 0:
        raise UsageError(f"bin_width_gy {bin_width_gy} is not positive", remedy="give a width in Gy, such as 0.01")
    dose = dose.fetch()
    lowest, highest = _extremes(dose)
    if lowest < 0:
        raise UsageError("the dose has negative values; a histogram counts doses from 0", remedy="give another dose")
    bin_width = bin_width_gy or _bin_width(highest)
    if highest / bin_width > _MOST_BINS:
        raise UsageError(
            f"doses up to {highest:.4g} make too many bins of {bin_width:.4g}", remedy="give a larger bin_width_gy"
        )
    region = region_of(roi, dose, end_cap, largest_gap)
    if region.volume_cc > 0:
        found, cell_mm, movement = _settled(region, dose, bin_width, settle_percent)
    else:
        found, cell_mm, movement = Sampled(bin_width=bin_width, histogram=np.zeros(1)), math.nan, math.nan
    inside_mm3 = float(found.histogram.sum())
    return Dvh(
        name=roi.name,
        roi_number=roi.number,
        curve=found.curve(),
        unit=dose.unit,
        volume_cc=region.volume_cc,
        end_cap=end_cap,
        minimum=found.minimum if inside_mm3 else math.nan,
        mean=found.moment / inside_mm3 if inside_mm3 else math.nan,
        maximum=found.maximum if inside_mm3 else math.nan,
        outside_cc=found.outside_mm3 / MM3_PER_CC,
        cell_mm=cell_mm,
        samples=found.samples,
        movement_percent=movement,
        findings=(*region.findings, *_elsewhere(roi, dose), *_outside(roi, region, found)),
    )


def _extremes(dose: Volume) -> tuple[float, float]:
    """The lowest and the highest dose; NaN stands for no dose at all."""
    known = np.asarray(dose)
    known = known[~np.isnan(known)]
    if not known.size or not np.isfinite(known).all():
        raise UsageError("the dose has no values, or infinite ones", remedy="give another dose")
    return float(known.min()), float(known.max())


def _bin_width(maximum: float) -> float:
    if maximum <= 0:
        return _BIN_WIDTH
    return max(min(_BIN_WIDTH, maximum / _FEWEST_BINS), maximum / _USUAL_BINS)


def _settled(region: Region, dose: Volume, bin_width: float, settle_percent: float) -> tuple[Sampled, float, float]:
    """The finest sampling, the size of its cells, and how far its numbers moved from the one before."""
    volume_mm3 = region.volume_cc * MM3_PER_CC
    smallest = max(_SMALLEST_MM, region.smallest_cell_mm)
    cell_mm = max(min((volume_mm3 / _FIRST_SAMPLES) ** (1 / 3), _LARGEST_MM), smallest)
    found = sampled(region, dose, cell_mm=cell_mm, bin_width=bin_width)
    movement = math.nan
    while found.samples and found.visited * _PER_HALVING <= _MOST_VISITED and cell_mm / 2 >= smallest:
        before, cell_mm = found, cell_mm / 2
        found = sampled(region, dose, cell_mm=cell_mm, bin_width=bin_width)
        movement = _movement(before, found)
        if movement <= settle_percent:
            break
    return found, cell_mm, movement


def _movement(before: Sampled, after: Sampled) -> float:
    """Largest change of the D values and the mean, percent of the maximum."""
    curves = before.curve(), after.curve()
    moved = [abs(curves[0].d(percent) - curves[1].d(percent)) for percent in _WATCHED]
    means = [one.moment / max(float(one.histogram.sum()), 1e-300) for one in (before, after)]
    largest = max(*moved, abs(means[0] - means[1]))
    return 100 * largest / after.maximum if after.maximum > 0 else 0.0


def _elsewhere(roi: Roi, dose: Volume) -> list[Finding]:
    if roi.frame_of_reference_uid in ("", dose.frame_of_reference_uid) or not dose.frame_of_reference_uid:
        return []
    message = "the region and the dose lie in different frames of reference, and are laid upon each other as they are"
    return [finding("rt.multiple-frames-of-reference", message, where=(f"ROI {roi.number}",))]


def _outside(roi: Roi, region: Region, found: Sampled) -> list[Finding]:
    share = found.outside_mm3 / MM3_PER_CC / region.volume_cc if region.volume_cc > 0 else 0.0
    if share < _ROUNDING:
        return []
    message = f"{100 * share:.3g} % of {region.volume_cc:.4g} cc lie outside the dose; the histogram is of the rest"
    return [finding("rt.dvh-outside-grid", message, where=(f"ROI {roi.number}",))]
