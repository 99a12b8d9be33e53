"""What the header of an RTDOSE says, by column (RT Dose module, PS3.3 C.8.8.3)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core import SeriesView, parse_number, parse_numbers
from dicomlogic_rt.links import Item, integer_of, items_in, referenced_uids

if TYPE_CHECKING:
    from numpy.typing import NDArray

DOSE_STORAGE = "1.2.840.10008.5.1.4.1.1.481.2"
OFFSETS_KEY = "3004000C"
_SMALLEST = 1e-20  # Gy per stored value


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPart:
    """What of a plan a dose belongs to; numbers are empty where the dose names none.

    Attributes:
        plan_uid: SOPInstanceUID of the plan.
        fraction_groups: FractionGroupNumbers.
        beams: BeamNumbers, in order.
    """

    plan_uid: str
    fraction_groups: tuple[int, ...] = ()
    beams: tuple[int, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "plan_uid": self.plan_uid,
            "fraction_groups": list(self.fraction_groups),
            "beams": list(self.beams),
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseHeader:
    """One RTDOSE instance.

    Attributes:
        row: of the instance in its series.
        sop_uid: SOPInstanceUID.
        frames: number of planes stored.
        size: rows and columns; -1 where unreadable.
        position: (3,) ImagePositionPatient, LPS mm; NaN where absent.
        orientation: (6,) ImageOrientationPatient; NaN where absent.
        pixel_spacing: (2,) distance of rows, then of columns, mm; NaN where absent.
        thickness: SliceThickness, mm; NaN where absent.
        offsets: (n,) GridFrameOffsetVector, mm; empty where absent or unreadable.
        by_offsets: FrameIncrementPointer names the offsets.
        scaling: DoseGridScaling; NaN where absent or unusable.
        units, kind, summation: DoseUnits, DoseType and DoseSummationType; "" where absent.
        corrections: TissueHeterogeneityCorrection.
        normalisation_point: NormalizationPoint, LPS mm, or None.
        frame_of_reference_uid: "" where absent.
        plans: what of which plans it belongs to.
        structure_sets: SOPInstanceUIDs it refers to.
        signed: stored values are signed.
    """

    row: int
    sop_uid: str
    frames: int
    size: tuple[int, int]
    position: NDArray[np.float64]
    orientation: NDArray[np.float64]
    pixel_spacing: NDArray[np.float64]
    thickness: float
    offsets: NDArray[np.float64]
    by_offsets: bool
    scaling: float
    units: str = ""
    kind: str = ""
    summation: str = ""
    corrections: tuple[str, ...] = ()
    normalisation_point: tuple[float, ...] | None = None
    frame_of_reference_uid: str = ""
    plans: tuple[PlanPart, ...] = ()
    structure_sets: tuple[str, ...] = ()
    signed: bool = field(default=False)

    @property
    def plan_uids(self) -> tuple[str, ...]:
        """SOPInstanceUIDs of the plans, each once."""
        return tuple(dict.fromkeys(part.plan_uid for part in self.plans))

    @property
    def nature(self) -> tuple[Any, ...]:
        """What must be equal in doses that are put together or added up."""
        return self.units, self.kind, self.summation, self.frame_of_reference_uid


def dose_headers(series: SeriesView) -> list[DoseHeader]:
    """The RTDOSE instances of a series that have pixels, in the order of the index."""
    classes = series.text("SOPClassUID")
    counts = series.columns.frame_counts
    return [_header(series, row) for row in range(len(series)) if classes[row] == DOSE_STORAGE and counts[row]]


def _header(series: SeriesView, row: int) -> DoseHeader:
    def text(keyword: str) -> str:
        return (series.text(keyword)[row] or "").strip()

    point = parse_numbers(text("NormalizationPoint"), 3)
    size = [parse_number(text(keyword)) for keyword in ("Rows", "Columns")]
    pointers = text("FrameIncrementPointer").upper().replace("(", "").replace(")", "").replace(",", "")
    return DoseHeader(
        row=row,
        sop_uid=series.sop_uids[row],
        frames=series.columns.frame_counts[row],
        size=(_whole(size[0]), _whole(size[1])),
        position=np.array(parse_numbers(text("ImagePositionPatient"), 3)),
        orientation=np.array(parse_numbers(text("ImageOrientationPatient"), 6)),
        pixel_spacing=np.array(parse_numbers(text("PixelSpacing"), 2)),
        thickness=parse_number(text("SliceThickness")),
        offsets=_offsets(text("GridFrameOffsetVector")),
        by_offsets=OFFSETS_KEY in pointers.split("\\"),
        scaling=_usable(parse_number(text("DoseGridScaling"))),
        units=text("DoseUnits").upper(),
        kind=text("DoseType").upper(),
        summation=text("DoseSummationType").upper(),
        corrections=tuple(word for word in text("TissueHeterogeneityCorrection").split("\\") if word),
        normalisation_point=None if math.isnan(point[0]) else point,
        frame_of_reference_uid=text("FrameOfReferenceUID"),
        plans=tuple(_plan_parts(series.items("ReferencedRTPlanSequence")[row] or ())),
        structure_sets=referenced_uids(series.items("ReferencedStructureSetSequence")[row] or ()),
        signed=text("PixelRepresentation") == "1",
    )


def _whole(number: float) -> int:
    return int(number) if 0 < number < 65536 else -1


def _usable(scaling: float) -> float:
    """NaN for what would make every dose zero, infinite or negative in single precision."""
    return scaling if _SMALLEST <= scaling <= 1 / _SMALLEST else math.nan


def _offsets(text: str) -> NDArray[np.float64]:
    values = np.array([parse_number(part) for part in text.split("\\")] if text else [], dtype=np.float64)
    return values if bool(np.isfinite(values).all()) else np.empty(0)


def _plan_parts(items: Iterable[Item]) -> Iterator[PlanPart]:
    for item in items:
        for uid in referenced_uids([item]):
            groups = items_in(item, "ReferencedFractionGroupSequence")
            beams = [
                integer_of(beam, "ReferencedBeamNumber")
                for group in groups
                for beam in items_in(group, "ReferencedBeamSequence")
            ]
            numbers = [integer_of(group, "ReferencedFractionGroupNumber") for group in groups]
            yield PlanPart(
                plan_uid=uid,
                fraction_groups=tuple(dict.fromkeys(number for number in numbers if number is not None)),
                beams=tuple(dict.fromkeys(number for number in beams if number is not None)),
            )
