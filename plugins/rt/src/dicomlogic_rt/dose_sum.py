"""Sums of doses: only of what may be summed, on the grid of the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from dicomlogic_core import Finding, UsageError, Volume, finding, resample_volume

_SAME = ("units", "type", "summation_type")
_SAME_MM = 1e-3
_HALF = 0.5 + 1e-6  # voxels are boxes, as for resampling


def sum_doses(volumes: Sequence[Volume], *, name: str = "") -> Volume:
    """The sum of doses of equal units, type, summation type and frame of reference.

    Others are interpolated trilinearly on the grid of the first, as float64; outside its own grid a dose counts as 0,
    which is told by ``rt.dose-sum`` when it happens inside the grid of the first, and so is dose beyond that grid.

    Args:
        volumes: dose volumes with ``metadata["dose"]``, at least two.
        name: of the sum.

    Raises:
        UsageError: fewer than two; no doses; doses that may not be added up, with what differs.
    """
    _check(volumes)
    first = volumes[0].fetch()
    total = np.array(first.array, dtype=np.float64)
    findings = [found for volume in volumes for found in volume.findings]
    for number, volume in enumerate(volumes[1:], 2):
        fetched = volume.fetch()
        if _same_grid(first, fetched):
            total += np.asarray(fetched.array)
            continue
        resampled = resample_volume(fetched, first.geometry, kernel="linear", outside=0.0)
        total += np.asarray(resampled.array)
        findings.extend(_about_extent(first, fetched, number))
    kind = np.result_type(*(volume.array.dtype for volume in volumes))
    dose = {**first.metadata["dose"], "summed": [volume.metadata["dose"] for volume in volumes]}
    dose["sop_uids"] = [uid for volume in volumes for uid in volume.metadata["dose"]["sop_uids"]]
    dose["plans"] = _once(part for volume in volumes for part in volume.metadata["dose"]["plans"])
    return Volume(
        array=total.astype(kind),
        geometry=first.geometry,
        quantity=first.quantity,
        unit=first.unit,
        frame_of_reference_uid=first.frame_of_reference_uid,
        provenance=first.provenance,
        metadata={**first.metadata, "dose": dose, "report": dose},
        findings=tuple(dict.fromkeys(findings)),
        name=name or first.name,
    )


def _check(volumes: Sequence[Volume]) -> None:
    if len(volumes) < 2:
        raise UsageError("a sum needs two doses at least", remedy="give more doses")
    if any("dose" not in volume.metadata for volume in volumes):
        raise UsageError("a sum is made of dose volumes only", remedy="load them with the adaptor rt-dose")
    differing = [word for word in _SAME if len({volume.metadata["dose"][word] for volume in volumes}) > 1]
    frames = {volume.frame_of_reference_uid for volume in volumes}
    if len(frames) > 1 or "" in frames:
        differing.append("frame of reference")
    if differing:
        words = ", ".join(word.replace("_", " ") for word in differing)
        raise UsageError(
            f"doses that differ in {words} cannot be added up", code="rt.dose-sum", remedy="choose doses of one kind"
        )


def _same_grid(one: Volume, other: Volume) -> bool:
    """True when no voxel of the grids is further apart than a thousandth of a millimetre."""
    if one.geometry.size_ijk != other.geometry.size_ijk:
        return False
    return bool(np.abs(one.geometry.corners_lps_mm() - other.geometry.corners_lps_mm()).max() <= _SAME_MM)


def _about_extent(first: Volume, other: Volume, number: int) -> Iterator[Finding]:
    """Told when the grid of the first reaches beyond the other one, or the other way round."""
    outside = _share_outside(first, other)
    if outside:
        message = f"dose {number} does not cover {100 * outside:.3g} % of the grid of the sum, where it counts as 0"
        yield finding("rt.dose-sum", message)
    if beyond := _share_outside(other, first):
        largest = float(np.asarray(other.array)[_outside(other, first)].max())
        what = f"{100 * beyond:.3g} % of dose {number}, up to {largest:.4g} {other.unit or 'units'},"
        message = f"{what} is beyond the grid of the sum and not in it"
        yield finding("rt.dose-sum", message)


def _share_outside(one: Volume, other: Volume) -> float:
    return float(_outside(one, other).mean())


def _outside(one: Volume, other: Volume) -> Any:
    """``[k, j, i]`` True for voxel centres of `one` that are in no voxel of `other`."""
    to_other = np.linalg.inv(other.geometry.ijk_to_lps) @ one.geometry.ijk_to_lps
    size_i, size_j, size_k = one.geometry.size_ijk
    outside = np.zeros((size_k, size_j, size_i), dtype=bool)
    i, j, k = np.arange(size_i), np.arange(size_j)[:, None], np.arange(size_k)[:, None, None]
    for axis, size in enumerate(other.geometry.size_ijk):
        a, b, c, d = to_other[axis]
        place = a * i + b * j + c * k + d
        outside |= (place < -_HALF) | (place > size - 1 + _HALF)
    return outside


def _once(parts: Any) -> list[Any]:
    found: list[Any] = []
    for part in parts:
        if part not in found:
            found.append(part)
    return found
