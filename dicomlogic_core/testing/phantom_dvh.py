"""Solids in doses whose dose-volume histograms are known in closed form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core.testing.phantom_rt import circle, cone, cylinder, keyhole, plane_positions, sphere

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MIDDLE_GY, _GRADIENT = 40.0, 0.5  # Gy, Gy/mm
_PEAK_GY = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDvh:
    """A solid at the origin, a dose, and what the histogram is.

    Attributes:
        name: of solid and dose.
        contours: (spacing mm, phase) -> contours on planes across z.
        areas_mm2: z (n,) -> area of the solid's cut there.
        true_cc: volume of the solid.
        dose: Gy at (..., 3) mm.
        share: doses (n,) Gy -> share of the volume that receives at least that, 0..1.
        bottom_mm, top_mm: extent in z.
    """

    name: str
    contours: Callable[[float, float], list[NDArray[np.float64]]]
    areas_mm2: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    true_cc: float
    dose: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    share: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    bottom_mm: float
    top_mm: float

    def convention_cc(self, spacing_mm: float, phase: float, *, end_cap: str) -> float:
        """Volume by the sum over planes: ``full`` slabs, ``half`` slabs at the ends, or those with a ``cone``."""
        areas = self.areas_mm2(plane_positions(self.bottom_mm, self.top_mm, spacing_mm, phase=phase))
        ends = {"full": 0.0, "half": 0.5, "cone": 1 / 3}[end_cap] * (areas[0] + areas[-1])
        return float(spacing_mm * (areas.sum() - ends)) / 1000


def known_dvhs(radius_mm: float = 20.0) -> list[KnownDvh]:
    """Sphere, cylinder, cone and rings in linear and Gaussian doses; all sizes follow the radius."""
    return [
        *(
            _sphere(radius_mm, f"sphere, linear along {'xyz'[axis]}", linear(axis), _ball_cap(radius_mm))
            for axis in (0, 2)
        ),
        _sphere(radius_mm, "sphere, Gaussian", gaussian(radius_mm, (0, 1, 2)), _inner(radius_mm, 3)),
        _cylinder(radius_mm, "cylinder, linear along x", linear(0), _disc_cap(radius_mm)),
        _cylinder(radius_mm, "cylinder, linear along z", linear(2), _even(1.5 * radius_mm)),
        _cone(radius_mm),
        *(_ring(radius_mm, as_keyhole) for as_keyhole in (False, True)),
    ]


def linear(axis: int) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """40 Gy at the origin, 0.5 Gy more with every mm along an axis."""
    return lambda points: _MIDDLE_GY + _GRADIENT * points[..., axis]


def gaussian(sigma_mm: float, axes: tuple[int, ...]) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """60 Gy at the origin, falling with the distance along `axes`."""
    return lambda points: _PEAK_GY * np.exp(-(points[..., list(axes)] ** 2).sum(axis=-1) / (2 * sigma_mm**2))


def _radius_of(doses: NDArray[np.float64], sigma_mm: float) -> NDArray[np.float64]:
    radius: NDArray[np.float64] = sigma_mm * np.sqrt(2 * np.log(_PEAK_GY / doses.clip(1e-9, _PEAK_GY)))
    return radius


def _inner(radius: float, power: int) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    return lambda doses: (_radius_of(doses, radius) / radius).clip(0, 1) ** power


def _distance(doses: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    """From the middle along the gradient, -1..1 across the solid."""
    along: NDArray[np.float64] = ((doses - _MIDDLE_GY) / _GRADIENT / reach).clip(-1, 1)
    return along


def _ball_cap(radius: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    return lambda doses: (1 - _distance(doses, radius)) ** 2 * (2 + _distance(doses, radius)) / 4


def _disc_cap(radius: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    def share(doses: NDArray[np.float64]) -> NDArray[np.float64]:
        t = _distance(doses, radius)
        part: NDArray[np.float64] = (np.arccos(t) - t * np.sqrt(1 - t**2)) / np.pi
        return part

    return share


def _even(reach: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    return lambda doses: (1 - _distance(doses, reach)) / 2


def _sphere(
    radius: float,
    name: str,
    dose: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    share: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> KnownDvh:
    return KnownDvh(
        name=name,
        contours=lambda spacing, phase: sphere(radius, spacing, phase=phase),
        areas_mm2=lambda z: np.pi * (radius**2 - z**2),
        true_cc=4 / 3 * np.pi * radius**3 / 1000,
        dose=dose,
        share=share,
        bottom_mm=-radius,
        top_mm=radius,
    )


def _cylinder(
    radius: float,
    name: str,
    dose: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    share: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> KnownDvh:
    height = 3 * radius
    return KnownDvh(
        name=name,
        contours=lambda spacing, phase: cylinder(radius, height, spacing, phase=phase),
        areas_mm2=lambda z: np.full(len(z), np.pi * radius**2),
        true_cc=np.pi * radius**2 * height / 1000,
        dose=dose,
        share=share,
        bottom_mm=-height / 2,
        top_mm=height / 2,
    )


def _cone(radius: float) -> KnownDvh:
    height = 3 * radius
    return KnownDvh(
        name="cone, linear along z",
        contours=lambda spacing, phase: cone(radius, height, spacing, phase=phase),
        areas_mm2=lambda z: np.pi * (radius * (0.5 - z / height)) ** 2,
        true_cc=np.pi * radius**2 * height / 3000,
        dose=linear(2),
        share=lambda doses: ((1 - _distance(doses, height / 2)) / 2) ** 3,
        bottom_mm=-height / 2,
        top_mm=height / 2,
    )


def _ring(radius: float, as_keyhole: bool) -> KnownDvh:
    height, hole = 3 * radius, radius / 2

    def contours(spacing: float, phase: float) -> list[NDArray[np.float64]]:
        made: list[NDArray[np.float64]] = []
        for z in plane_positions(-height / 2, height / 2, spacing, phase=phase).tolist():
            pair = [circle(radius, z), circle(hole, z)]
            made += [keyhole(*pair)] if as_keyhole else pair
        return made

    return KnownDvh(
        name=f"ring as {'keyhole' if as_keyhole else 'nested contours'}, Gaussian",
        contours=contours,
        areas_mm2=lambda z: np.full(len(z), np.pi * (radius**2 - hole**2)),
        true_cc=np.pi * (radius**2 - hole**2) * height / 1000,
        dose=gaussian(radius, (0, 1)),
        share=lambda doses: (_radius_of(doses, radius).clip(hole, radius) ** 2 - hole**2) / (radius**2 - hole**2),
        bottom_mm=-height / 2,
        top_mm=height / 2,
    )
