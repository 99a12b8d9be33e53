"""Dose-volume histograms that a planning system stored with the dose (PS3.3 C.8.8.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from dicomlogic_rt.dvh_curves import DvhCurve

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredDvh:
    """One item of DVHSequence.

    Attributes:
        roi_numbers: regions that are added up, by ReferencedROINumber.
        excluded: regions that are taken off (DVHROIContributionType EXCLUDED).
        curve: cumulative; a stored differential one is summed up. Volumes are percent when `volume_unit` says so.
        stored_as: DVHType: ``CUMULATIVE``, ``DIFFERENTIAL`` or ``NATURAL``.
        unit: ``Gy``, or ``1`` for relative doses.
        volume_unit: ``cm3`` or ``%``.
        minimum, mean, maximum: DVHMinimumDose and so on as stored, None when absent. Systems are known to store them in
            percent of a prescription beside a curve in Gy.
    """

    kind: ClassVar[str] = "dvh"

    roi_numbers: tuple[int, ...]
    excluded: tuple[int, ...] = ()
    curve: DvhCurve
    stored_as: str
    unit: str
    volume_unit: str
    minimum: float | None = None
    mean: float | None = None
    maximum: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "kind": self.kind,
            "roi_numbers": list(self.roi_numbers),
            "excluded": list(self.excluded),
            "stored_as": self.stored_as,
            "unit": self.unit,
            "volume_unit": self.volume_unit,
            "minimum": self.minimum,
            "mean": self.mean,
            "maximum": self.maximum,
            "doses": self.curve.doses.tolist(),
            "volumes": self.curve.volumes_cc.tolist(),
        }


def stored_dvhs(dataset: Dataset) -> tuple[StoredDvh, ...]:
    """The histograms in an RTDOSE data set, but those without usable data or of another measure (PER_U)."""
    found = []
    for item in dataset.get("DVHSequence") or ():
        curve = _curve(item)
        if curve is not None:
            found.append(_stored(item, curve))
    return tuple(found)


def _stored(item: Dataset, curve: DvhCurve) -> StoredDvh:
    roles: dict[bool, list[int]] = {True: [], False: []}
    for one in item.get("DVHReferencedROISequence") or ():
        number = one.get("ReferencedROINumber")
        if number is not None:
            roles[one.get("DVHROIContributionType") != "EXCLUDED"].append(int(number))
    return StoredDvh(
        roi_numbers=tuple(roles[True]),
        excluded=tuple(roles[False]),
        curve=curve,
        stored_as=str(item.get("DVHType", "")),
        unit="1" if item.get("DoseUnits") == "RELATIVE" else "Gy",
        volume_unit="%" if item.get("DVHVolumeUnits") == "PERCENT" else "cm3",
        minimum=_number(item.get("DVHMinimumDose")),
        mean=_number(item.get("DVHMeanDose")),
        maximum=_number(item.get("DVHMaximumDose")),
    )


def _curve(item: Dataset) -> DvhCurve | None:
    """DVHData holds pairs of bin width and volume; widths add up to doses, times DVHDoseScaling."""
    values = item.get("DVHData")
    scaling = _number(item.get("DVHDoseScaling", 1))
    if values is None or scaling is None or item.get("DVHVolumeUnits") == "PER_U":
        return None
    pairs = _pairs(values)
    if pairs is None:
        return None
    edges = np.concatenate([[0.0], np.cumsum(pairs[:, 0])]) * scaling
    if item.get("DVHType") == "CUMULATIVE":
        # The volume of a bin receives at least the dose at which the bin begins.
        return DvhCurve(doses=edges, volumes_cc=np.append(pairs[:, 1], 0.0))
    return DvhCurve(doses=edges, volumes_cc=np.append(np.cumsum(pairs[::-1, 1])[::-1], 0.0))


def _pairs(values: Any) -> NDArray[np.float64] | None:
    try:
        numbers = np.array([float(value) for value in values])
    except (TypeError, ValueError):
        return None
    if len(numbers) < 2 or len(numbers) % 2 or not np.isfinite(numbers).all():
        return None
    return numbers.reshape(-1, 2)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None
