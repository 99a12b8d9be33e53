"""What is an image, what it may be without a position, and the columns that say where its frames lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from dicomlogic_core.planes import is_orientation
from dicomlogic_core.series import SeriesView, parse_number
from dicomlogic_core.stacks_nuclear import place_slices

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STORAGE = "1.2.840.10008.5.1.4.1.1."

# Classes whose frames have a place in the patient; without one they cannot be a volume. The numbers are PS3.6 suffixes.
_POSITIONED = frozenset(
    _STORAGE + suffix
    for suffix in (
        [
            "2",
            "2.1",
            "2.2",
            "4",
            "4.1",
            "4.3",
            "4.4",
            "6.2",
            "13.1.1",
            "13.1.2",
            "13.1.3",
            "13.1.4",
            "13.1.5",
            "14.1",
            "14.2",
            "20",
            "30",
            "128",
            "128.1",
            "130",
        ]
    )
)
_SECONDARY_CAPTURE = frozenset(_STORAGE + suffix for suffix in ("7", "7.1", "7.2", "7.3", "7.4"))
_FARTHEST_MM = 1e6
_SHEETS = frozenset(("DOSE_INFO", "RESULTS", "PATIENT_INFO", "SCREEN SAVE"))

# Where a projection's pixel size is looked for, and whether it is the size in the patient.
_SIZES = (("PixelSpacing", True), ("ImagerPixelSpacing", False), ("NominalScannedPixelSpacing", False))


def image_rows(series: SeriesView) -> NDArray[np.int64]:
    """Rows of the frame table that hold images; instances without pixels have no rows there."""
    return np.flatnonzero((plane_columns(series).size > 0).all(axis=1))


def is_positioned(series: SeriesView, row: int) -> bool:
    """True for a frame of a class whose frames need a position (CT, MR, PET, NM, enhanced objects)."""
    instance = int(series.frames.instance[row])
    sop_class = series.text("SOPClassUID")[instance]
    if sop_class:
        return sop_class in _POSITIONED
    return series.text("Modality")[instance] in ("CT", "MR", "PT", "NM")


def is_capture(series: SeriesView, row: int) -> bool:
    """True for screen saves, dose sheets and the like, and for classes that PS3.4 does not have."""
    instance = int(series.frames.instance[row])
    sop_class = series.text("SOPClassUID")[instance] or ""
    values = (series.frames.text("ImageType")[row] or "").upper().split("\\")
    return (
        sop_class in _SECONDARY_CAPTURE
        or bool(sop_class and not sop_class.startswith(_STORAGE))
        or not _SHEETS.isdisjoint(values)
        or values[:2] == ["DERIVED", "SECONDARY"]
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlaneColumns:
    """Where all n frames of a series lie.

    Attributes:
        position: (n, 3) LPS mm, NaN where absent.
        orientation: (n, 6) row and column cosines, NaN where absent.
        pixel_spacing: (n, 2) distance of rows, then of columns, mm; NaN where absent.
        size: (n, 2) rows and columns.
        located: (n,) True where position and orientation are usable.
        invalid: (n,) True where an orientation is present that is none: zero, not orthogonal, not six numbers.
    """

    position: NDArray[np.float64]
    orientation: NDArray[np.float64]
    pixel_spacing: NDArray[np.float64]
    size: NDArray[np.int64]
    located: NDArray[np.bool_]
    invalid: NDArray[np.bool_]


_known: WeakKeyDictionary[SeriesView, PlaneColumns] = WeakKeyDictionary()


def plane_columns(series: SeriesView) -> PlaneColumns:
    """The plane columns of every frame; read once, since every part of a series asks for them."""
    if (known := _known.get(series)) is None:
        known = _known[series] = _read(series)
    return known


def _read(series: SeriesView) -> PlaneColumns:
    frames = series.frames
    position, orientation = frames.position, frames.orientation
    if any(series.items("DetectorInformationSequence")):
        position, orientation = np.array(position), np.array(orientation)
        place_slices(series, position, orientation)
    usable = is_orientation(orientation)
    # NaN compares false, and what is a kilometre away is no place in a patient.
    located = usable & (np.abs(position) < _FARTHEST_MM).all(axis=1)
    invalid = np.zeros(len(frames), dtype=bool)
    if not bool(located.all()):
        given = np.array([bool(text) for text in frames.text("ImageOrientationPatient")], dtype=bool)
        invalid = given & ~usable
    return PlaneColumns(
        position=position,
        orientation=orientation,
        pixel_spacing=frames.numbers("PixelSpacing", 2),
        size=frames.size(),
        located=located,
        invalid=invalid,
    )


def slice_step(series: SeriesView, row: int) -> tuple[float, str]:
    """The step along the normal for a single plane in mm, and where it is from."""
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        value = parse_number(series.frames.text(keyword)[row])
        if np.isfinite(value) and value > 0:
            return value, keyword
    return 1.0, "no tag: 1 mm assumed"


def image_plane_spacing(series: SeriesView, row: int) -> tuple[tuple[float, float], str]:
    """Distance of rows and of columns in mm of an image without a place in the patient, and what is wrong with it.

    The detector's pixel size is divided by the magnification where that is given (PS3.3 C.8.11.7). The text is empty
    when the size is calibrated.
    """
    if (regions := series.items("SequenceOfUltrasoundRegions")[int(series.frames.instance[row])]) is not None:
        return _ultrasound_spacing(regions)
    for keyword, calibrated in _SIZES:
        values = series.frames.numbers(keyword, 2)[row]
        if not (np.isfinite(values).all() and (values > 0).all()):
            continue
        if calibrated:
            return (float(values[0]), float(values[1])), ""
        factor = parse_number(series.frames.text("EstimatedRadiographicMagnificationFactor")[row])
        magnified = keyword == "ImagerPixelSpacing" and np.isfinite(factor) and factor > 0
        values = values / factor if magnified else values
        where = "magnification removed" if magnified else "at the detector or the scanned film"
        return (float(values[0]), float(values[1])), f"pixel size from {keyword}, {where}"
    return (1.0, 1.0), "no pixel size: 1 mm assumed"


def _ultrasound_spacing(regions: Sequence[Mapping[str, Any]]) -> tuple[tuple[float, float], str]:
    """Pixel size of an ultrasound image with one region of tissue or flow in centimetres (PS3.3 C.8.5.5)."""
    if len(regions) != 1:
        return (1.0, 1.0), f"{len(regions)} regions of different scales: 1 mm assumed"
    region = regions[0]
    across, down = (abs(_first_number(region, key)) for key in ("0018602C", "0018602E"))
    two_dimensional = _first_number(region, "00186012") == 1 and _first_number(region, "00186014") in (1, 2)
    centimetres = _first_number(region, "00186024") == 3 and _first_number(region, "00186026") == 3
    if two_dimensional and centimetres and across > 0 and down > 0:
        return (10 * down, 10 * across), ""
    return (1.0, 1.0), "the region is no 2-D image in centimetres: 1 mm assumed"


def _first_number(item: Mapping[str, Any], key: str) -> float:
    values = item.get(key, {}).get("Value") or ("",)
    return parse_number(str(values[0]))


def by_appearance(series: SeriesView, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """`rows` by InstanceNumber, SOPInstanceUID, frame and tile: an order that does not depend on files or servers."""
    frames = series.frames
    number = frames.numbers("InstanceNumber")[rows]
    uids = series.sop_uids
    uid = np.array([uids[instance] for instance in frames.instance[rows].tolist()])
    order = np.lexsort((frames.region[rows], frames.frame[rows], uid, np.where(np.isfinite(number), number, np.inf)))
    return rows[order]
