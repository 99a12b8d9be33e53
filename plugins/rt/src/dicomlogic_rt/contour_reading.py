"""Contours of one region, whatever is wrong with some of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import Cancelled, Finding, NetworkError, finding
from dicomlogic_rt.elements import integer_of, items_of, number_of, numbers_of, text_of
from dicomlogic_rt.rois import FILLED_TYPES, Contour

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset

Bulk = Callable[[int, int], "NDArray[np.float64]"]
"""(item of ROIContourSequence, item of ContourSequence) -> ContourData that its server keeps apart."""

_OFFSET_MM = 1e-3
_GONE = frozenset({404, 410})  # HTTP status
_OPEN_TYPES = frozenset({"OPEN_PLANAR", "OPEN_NONPLANAR"})


@dataclass(slots=True)
class Trouble:
    """What is wrong with contours of one region, counted, so that a thousand of them make one finding."""

    where: tuple[str, ...]
    counts: Counter[str] = field(default_factory=Counter)

    def findings(self) -> list[Finding]:
        """A finding for each kind of trouble."""
        return [
            finding(code, message.format(n=self.counts[key]), where=self.where)
            for key, (code, message) in _MESSAGES.items()
            if self.counts[key]
        ]


_MESSAGES = {
    "empty": ("rt.contour-short", "{n} contours without points are left out"),
    "short": ("rt.contour-short", "{n} closed contours of fewer than 3 points are kept and bound no area"),
    "count": ("rt.contour-short", "{n} contours have another number of points than NumberOfContourPoints says"),
    "broken": (
        "rt.contour-short",
        "{n} contours with coordinates that are no whole points or no numbers: these left out",
    ),
    "repaired": ("rt.contour-short", "one coordinate is missing in {n} contours: taken from the points beside it"),
    "type": ("rt.contour-short", "{n} contours of no known geometric type are taken for what their points make"),
    "unreadable": ("rt.contour-short", "{n} contours cannot be read and are left out"),
    "offset": ("rt.contour-offset", "{n} contours stand for slabs that do not lie on them; drawn where they are"),
    "open": ("rt.contour-open", "{n} open contours are lines and bound no area"),
}


def read_contours(number: int, region: Dataset, trouble: Trouble, bulk: Bulk | None = None) -> list[Contour]:
    """The contours of item `number` of ROIContourSequence, in order.

    Raises:
        Cancelled: the caller asked to stop.
        NetworkError: a server that keeps contours apart does not answer.
    """
    made = []
    for place, item in enumerate(items_of(region, "ContourSequence")):
        try:
            values = numbers_of(item, "ContourData")
            if not len(values) and bulk is not None and (integer_of(item, "NumberOfContourPoints") or 0) > 0:
                values = bulk(number, place)
            contour = _contour(item, values, trouble)
        except (Cancelled, NetworkError) as error:
            if isinstance(error, NetworkError) and error.status in _GONE:
                trouble.counts["unreadable"] += 1
                continue
            raise  # nothing is wrong with the contour, and asking again may give it
        except Exception:  # one contour must not cost the others, and pydicom raises nearly anything
            trouble.counts["unreadable"] += 1
            continue
        if contour is not None:
            made.append(contour)
    return made


def _contour(item: Dataset, values: NDArray[np.float64], trouble: Trouble) -> Contour | None:
    points = _points(values, trouble)
    told = integer_of(item, "NumberOfContourPoints")
    if told is not None and told != len(points):
        trouble.counts["count"] += 1
    if not len(points):
        trouble.counts["empty"] += 1
        return None
    kind = text_of(item, "ContourGeometricType").upper()
    if kind not in FILLED_TYPES and kind not in _OPEN_TYPES and kind != "POINT":
        trouble.counts["type"] += 1
        kind = "CLOSED_PLANAR" if len(points) >= 3 else "POINT"
    if kind in FILLED_TYPES and len(points) < 3:
        trouble.counts["short"] += 1
    if kind in _OPEN_TYPES:
        trouble.counts["open"] += 1
    images = items_of(item, "ContourImageSequence")
    offset = numbers_of(item, "ContourOffsetVector")
    if offset.shape == (3,) and float(np.abs(offset).max()) > _OFFSET_MM:
        trouble.counts["offset"] += 1
    return Contour(
        points=points,
        geometric_type=kind,
        sop_uid=text_of(images[0], "ReferencedSOPInstanceUID") if images else "",
        sop_class_uid=text_of(images[0], "ReferencedSOPClassUID") if images else "",
        frame=(integer_of(images[0], "ReferencedFrameNumber") or 1) if images else 1,
        slab_thickness_mm=number_of(item, "ContourSlabThickness"),
        offset_vector_mm=(float(offset[0]), float(offset[1]), float(offset[2])) if offset.shape == (3,) else None,
        number=integer_of(item, "ContourNumber"),
    )


def _points(values: NDArray[np.float64], trouble: Trouble) -> NDArray[np.float64]:
    """(n, 3) whole points; a single missing coordinate is put between its neighbours."""
    whole = len(values) - len(values) % 3
    points: NDArray[np.float64] = values[:whole].reshape(-1, 3)
    valid = np.isfinite(points)
    if whole == len(values) and bool(valid.all()):
        return points
    missing = np.argwhere(~valid)
    if whole == len(values) and len(missing) == 1 and len(points) >= 3:
        trouble.counts["repaired"] += 1
        row, axis = missing[0]
        points = points.copy()
        points[row, axis] = (points[row - 1, axis] + points[(row + 1) % len(points), axis]) / 2
        return points
    trouble.counts["broken"] += 1
    kept: NDArray[np.float64] = points[valid.all(axis=1)]
    return kept
