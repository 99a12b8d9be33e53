"""Outlines of what jaws and leaves leave open, at the isocentre plane."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import GeometryError
from dicomlogic_rt.beam_frames import collimator_to_patient
from dicomlogic_rt.beams import Beam, ControlPoint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Outline = NDArray[np.float64]

_OPEN_MM = 1e-6
# From below, from above, left edge, right edge.
_Strip = tuple[float, float, float, float]


def aperture_outlines(beam: Beam, point: ControlPoint) -> list[Outline]:
    """Closed outlines (n, 2) of the opening, x and y in mm of the beam limiting device; none when it is shut.

    Leaves of several sets that move along one axis (double layers) are intersected, and so are jaws. Rounded leaf ends,
    blocks and the thickness of devices are not considered.

    Raises:
        GeometryError: ``rt.plan-missing``: no opening of any device, or leaves without their boundaries; leaves along
            both axes.
    """
    leaves = [device for device in beam.devices if device.type.upper().startswith("MLC")]
    if len({device.along_x for device in leaves}) > 1:
        raise GeometryError("leaves move along both axes", code="rt.plan-missing", remedy="use the openings themselves")
    along_x = not leaves or leaves[0].along_x
    across, along = (point.jaws_y(), point.jaws_x()) if along_x else (point.jaws_x(), point.jaws_y())
    banks = [_bank(beam, point, device.type) for device in leaves]
    if not banks and (across is None or along is None):
        raise _missing("openings of jaws or leaves")
    edges = _edges(banks, across)
    strips = [strip for pair in pairwise(edges) if (strip := _strip(banks, along, *pair)) is not None]
    outlines = [_outline(group) for group in _joined(strips)]
    return [outline if along_x else outline[::-1, ::-1] for outline in outlines]


def aperture_lps_mm(beam: Beam, point: ControlPoint) -> list[Outline]:
    """The outlines (n, 3) in LPS mm, in the plane through the isocentre.

    Raises:
        GeometryError: as `aperture_outlines` and `collimator_to_patient`.
    """
    frame = collimator_to_patient(point, beam.patient_position)
    return [outline @ frame[:3, :2].T + frame[:3, 3] for outline in aperture_outlines(beam, point)]


_Bank = tuple["NDArray[np.float64]", "NDArray[np.float64]", "NDArray[np.float64]"]


def _bank(beam: Beam, point: ControlPoint, type: str) -> _Bank:
    """Boundaries (n + 1,), and both ends (n,) of the leaf pairs."""
    opening = point.opening(type)
    device = next(one for one in beam.devices if one.type == type)
    if opening is None:
        raise _missing(f"positions of {type[:8]}")
    if len(device.boundaries_mm) != len(opening.first) + 1:
        raise _missing(f"the {len(opening.first) + 1} boundaries of {type[:8]}")
    return np.array(device.boundaries_mm), np.array(opening.first), np.array(opening.second)


def _edges(banks: list[_Bank], across: tuple[float, float] | None) -> list[float]:
    """Ascending coordinates across the movement of the leaves, between which every opening is a rectangle."""
    low = max([float(bounds[0]) for bounds, _, _ in banks] + ([across[0]] if across else []))
    high = min([float(bounds[-1]) for bounds, _, _ in banks] + ([across[1]] if across else []))
    inner = {float(edge) for bounds, _, _ in banks for edge in bounds if low < edge < high}
    return sorted({low, high, *inner}) if low < high else []


def _strip(banks: list[_Bank], along: tuple[float, float] | None, low: float, high: float) -> _Strip | None:
    """The opening between two edges; None when it is shut."""
    left, right = along if along is not None else (-np.inf, np.inf)
    for bounds, first, second in banks:
        pair = int(np.searchsorted(bounds, (low + high) / 2)) - 1
        left, right = max(left, float(first[pair])), min(right, float(second[pair]))
    return (low, high, left, right) if right - left > _OPEN_MM else None


def _joined(strips: list[_Strip]) -> list[list[_Strip]]:
    """Strips that touch each other along a piece of an edge, together."""
    groups: list[list[_Strip]] = []
    for strip in strips:
        before = groups[-1][-1] if groups else None
        touches = before is not None and before[1] == strip[0] and min(before[3], strip[3]) - max(before[2], strip[2])
        if touches and touches > _OPEN_MM:
            groups[-1].append(strip)
        else:
            groups.append([strip])
    return groups


def _outline(strips: list[_Strip]) -> Outline:
    """Counter-clockwise: up along the right edges, down along the left ones."""
    corners = [(right, y) for low, high, _, right in strips for y in (low, high)]
    corners += [(left, y) for low, high, left, _ in reversed(strips) for y in (high, low)]
    outline = np.array(corners)
    return np.asarray(outline[np.abs(outline - np.roll(outline, 1, axis=0)).max(axis=1) > _OPEN_MM])


def _missing(what: str) -> GeometryError:
    return GeometryError(
        f"the plan does not give {what}", code="rt.plan-missing", remedy="none: nothing is put in its place"
    )
