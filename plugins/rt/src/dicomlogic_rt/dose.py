"""Doses as volumes: stored values times DoseGridScaling on the grid of the planes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from dicomlogic_core import (
    Finding,
    FrameRef,
    LoadContext,
    PixelError,
    SeriesView,
    UsageError,
    Volume,
    finding,
)
from dicomlogic_rt.dose_grid import dose_grid
from dicomlogic_rt.dose_headers import DoseHeader
from dicomlogic_rt.dose_metadata import dose_metadata, unit_of
from dicomlogic_rt.dose_planes import interpolated

_QUANTITIES = {"EFFECTIVE": "biologically effective dose", "ERROR": "dose difference"}


def dose_volume(
    series: SeriesView, headers: Sequence[DoseHeader], context: LoadContext, *, name: str, findings: Sequence[Finding]
) -> Volume:
    """The dose of one instance, or of several that hold single planes of it.

    float32 (float64 for 32 bits stored), in Gy; unit ``1`` for relative doses. `findings` are those of examining.

    Raises:
        GeometryError: see `dose_grid`.
        PixelError: ``rt.dose-no-scaling``, or pixels that could not be had.
        UsageError: an option ``scaling`` that is no positive number.
    """
    grid = dose_grid(headers)
    scales = scalings(headers, context.options)
    planes = [
        (FrameRef(study_uid=series.study_uid, series_uid=series.series_uid, sop_uid=header.sop_uid, frame=n + 1), scale)
        for header, scale in zip(headers, scales)
        for n in range(header.frames)
    ]
    ordered = [planes[number] for number in grid.order]
    refs = [ref for ref, _ in ordered]
    array = interpolated(context.stack(refs, scale=[scale for _, scale in ordered]), grid.places)
    nearest = np.rint(grid.places).astype(int).tolist()
    return Volume(
        array=array,
        geometry=grid.geometry,
        quantity=_QUANTITIES.get(headers[0].kind, "absorbed dose"),
        unit=unit_of(headers[0]),
        frame_of_reference_uid=headers[0].frame_of_reference_uid,
        provenance=tuple(refs[k] for k in nearest),
        metadata=dose_metadata(series, headers, scales, interpolated=grid.interpolated),
        findings=_findings(findings, [*dose_findings(headers, context.options), *grid.findings]),
        name=name,
    )


def scalings(headers: Sequence[DoseHeader], options: Mapping[str, str]) -> list[float]:
    """Gy (or parts) per stored value of every instance; the option ``scaling`` stands in for what is absent only."""
    given = options.get("scaling", "")
    try:
        stand_in = float(given) if given else math.nan
    except ValueError:
        stand_in = 0.0
    if given and not (stand_in > 0 and math.isfinite(stand_in)):
        raise UsageError(f"scaling={given} is no positive number", remedy="give Gy per stored value, scaling=1e-4")
    scales = [stand_in if math.isnan(header.scaling) else header.scaling for header in headers]
    for header, scale in zip(headers, scales):
        if math.isnan(scale):
            raise PixelError(
                "DoseGridScaling is absent or not positive: stored values cannot become dose",
                code="rt.dose-no-scaling",
                where=header.sop_uid,
                remedy="give Gy per stored value by option scaling=...",
            )
    return scales


def _findings(examined: Sequence[Finding], loaded: Sequence[Finding]) -> tuple[Finding, ...]:
    """All of them; what examining said about the scaling gives way, since an option may have mended it."""
    kept = [found for found in examined if found.code != "rt.dose-no-scaling"]
    return tuple(dict.fromkeys((*kept, *loaded)))


def dose_findings(headers: Sequence[DoseHeader], options: Mapping[str, str]) -> list[Finding]:
    """What is worth knowing about scaling, units and sign before loading."""
    first, where = headers[0], tuple(header.sop_uid for header in headers)
    found = []
    if any(math.isnan(header.scaling) for header in headers):
        message = "DoseGridScaling is absent or not positive"
        if given := options.get("scaling"):
            message = f"{message}; {given} was given instead"
            found.append(finding("rt.dose-no-scaling", message, where=where, severity="warning", remedy="verify"))
        else:
            found.append(finding("rt.dose-no-scaling", message, where=where))
    if first.units != "GY":
        what = "doses are relative" if first.units == "RELATIVE" else f"DoseUnits is {first.units[:16] or 'absent'}"
        found.append(finding("rt.dose-units", f"{what}: values are not Gy", where=where))
    if first.signed and first.kind != "ERROR":
        message = f"values are signed, DoseType is {first.kind or 'absent'}; they are read as signed"
        found.append(finding("rt.dose-signed", message, where=where))
    return found
