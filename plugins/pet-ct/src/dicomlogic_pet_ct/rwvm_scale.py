"""Whether a mapped slope is for stored values, as the standard says, or for rescaled ones, as 3D Slicer writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from dicomlogic_core import Finding, finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 0.01
"""Relative difference up to which a mapped and a computed factor are the same."""
_EQUAL = 1e-4  # relative; slopes are decimal texts of limited length
_RANGE = (1e-15, 1e15)

Basis = Literal["stored", "rescaled"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MappedScale:
    """What a mapping makes of frames.

    Attributes:
        scale: (n,) real world value per stored value.
        basis: what the slopes were read as.
        why: what decided it.
        off: largest relative difference from the computed factors; None where nothing could be computed.
    """

    scale: NDArray[np.float64]
    basis: Basis
    why: str
    off: float | None = None


def mapped_scale(
    slopes: NDArray[np.float64],
    rescale: NDArray[np.float64],
    computed: NDArray[np.float64] | None,
    *,
    by_slicer: bool = False,
    where: tuple[str, ...] = (),
) -> MappedScale | Finding:
    """Read the slopes of frames as those of stored or of rescaled values; the finding ``suv.rwvm-ambiguous`` when
    neither can be told.

    The factors computed from dose, weight and times decide. Without them: where rescale slopes differ from frame to
    frame, slopes in proportion to them are for stored values and equal ones for rescaled values; where they do not
    differ, slopes that 3D Slicer wrote are for rescaled values.

    Args:
        slopes: (n,) of the mapping.
        rescale: (n,) RescaleSlope.
        computed: (n,) uptake value per rescaled value.
        by_slicer: the mapping object was written by 3D Slicer's extension.
        where: the mapping object, for the finding.
    """
    if not len(slopes) or not (_usable(slopes) and _usable(rescale)):
        return _ambiguous("not every frame has one positive slope", where)
    scales: dict[Basis, NDArray[np.float64]] = {"stored": slopes, "rescaled": slopes * rescale}
    if computed is not None:
        return _compared(scales, computed, rescale, where)
    if bool((np.abs(rescale - 1) <= _EQUAL).all()):
        return MappedScale(scale=scales["stored"], basis="stored", why="stored and rescaled values are the same")
    if not _constant(rescale):
        if _constant(slopes / rescale):
            why = "slopes follow the rescale slopes from frame to frame"
            return MappedScale(scale=scales["stored"], basis="stored", why=why)
        if _constant(slopes):
            why = "one slope while the rescale slopes differ from frame to frame"
            return MappedScale(scale=scales["rescaled"], basis="rescaled", why=why)
    elif by_slicer:
        return MappedScale(scale=scales["rescaled"], basis="rescaled", why="written by 3D Slicer's extension")
    return _ambiguous("nothing tells whether its slope is for stored or for rescaled values", where)


def _compared(
    scales: dict[Basis, NDArray[np.float64]],
    computed: NDArray[np.float64],
    rescale: NDArray[np.float64],
    where: tuple[str, ...],
) -> MappedScale | Finding:
    with np.errstate(all="ignore"):  # computed factors may be absurd: then nothing agrees with them
        off = {basis: float(np.abs(scale / (computed * rescale) - 1).max()) for basis, scale in scales.items()}
    # Of two that fit, as where the rescale slope is 1, the standard's reading.
    basis: Basis = "stored" if off["stored"] <= max(off["rescaled"], TOLERANCE) else "rescaled"
    if not off[basis] <= TOLERANCE:
        told = f"as one for stored values it is {off['stored']:.2%} from the computed factor, as one for rescaled "
        return _ambiguous(f"{told}values {off['rescaled']:.2%}", where)
    why = f"agrees with the computed factor within {off[basis]:.2g}"
    return MappedScale(scale=scales[basis], basis=basis, why=why, off=off[basis])


def _usable(values: NDArray[np.float64]) -> bool:
    """True for positive numbers whose products are numbers, also in single precision."""
    low, high = _RANGE
    return bool(((values > low) & (values < high)).all())


def _constant(values: NDArray[np.float64]) -> bool:
    return bool(np.ptp(values) <= _EQUAL * np.abs(values).max())


def _ambiguous(why: str, where: tuple[str, ...]) -> Finding:
    return finding("suv.rwvm-ambiguous", f"a real world value mapping is not used: {why}", where=where)
