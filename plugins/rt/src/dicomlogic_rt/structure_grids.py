"""The grid that a structure set is drawn on as a segmentation: that of its images, of a dose, or of a named series."""

from __future__ import annotations

from collections.abc import Sequence

from dicomlogic_core import Geometry, SeriesView, StudyView, UsageError
from dicomlogic_rt.dose_grid import dose_grid
from dicomlogic_rt.dose_headers import DOSE_STORAGE, dose_headers
from dicomlogic_rt.image_sets import image_set


def grid_series(study: StudyView, wanted: str, images: Sequence[str]) -> str:
    """SeriesInstanceUID of the grid `wanted`: ``image`` (the first of `images`), ``dose``, or a UID of the study.

    `images` are series that are here, in this study or another. "" when there is none; loading then says so.
    """
    if wanted == "dose":
        return next((one.series_uid for one in study if one.first("SOPClassUID") == DOSE_STORAGE), "")
    if wanted != "image":
        return wanted if wanted in {*images, *(series.series_uid for series in study)} else ""
    return next(iter(images), "")


def grid_of(series: SeriesView) -> Geometry:
    """The grid of the largest stack of images of a series, or of its first dose; from headers alone.

    Raises:
        GeometryError: it has none.
    """
    if series.first("SOPClassUID") == DOSE_STORAGE:
        headers = dose_headers(series)
        whole = [header for header in headers if header.frames > 1]
        return dose_grid(whole[:1] or headers).geometry
    return image_set(series).geometry


def no_grid(wanted: str, where: str) -> UsageError:
    """The error of a structure set that cannot be drawn."""
    return UsageError(
        f"the study has no grid {wanted} to draw the regions on",
        where=where,
        remedy="index the images, or name a series: grid=dose, grid=SERIES_UID",
    )
