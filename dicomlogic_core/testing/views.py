"""Header views made with pydicom, without an index: for tests of adaptors, and to check the index against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from dicomlogic_core.contracts import TileGrid
from dicomlogic_core.references import InstanceRef, Location
from dicomlogic_core.series import SeriesView, StudyView

_SHARED, _PER_FRAME = 0x52009229, 0x52009230
_PIXELS = (0x7FE00010, 0x7FE00008, 0x7FE00009)


def _text(element: pydicom.DataElement | None) -> str | None:
    if element is None or element.VR == "SQ":
        return None
    if element.VR in ("OB", "OW", "UN", "OF", "OD", "OL", "OV"):
        return "__VALUE_IS_NOT_STORED__"
    value = element.value
    if value is None:
        return ""
    values = list(value) if isinstance(value, (MultiValue, list, tuple)) else [value]
    return "\\".join(f"{int(v):08X}" if element.VR == "AT" else str(v).strip() for v in values)


def _find(dataset: Dataset, key: str) -> pydicom.DataElement | None:
    """The element of a column key: by tag, or by group, creator and element (``0019xx0C|CREATOR``)."""
    if key.startswith("vendor:"):
        return None
    if "|" not in key:
        tag = int(key, 16)
        # Indexing, not get: the latter gives None for an element that cannot be converted.
        return dataset[tag] if tag in dataset else None  # noqa: SIM401
    place, creator = key.split("|")
    group, element = int(place[:4], 16), int(place[6:8], 16)
    for block in range(0x10, 0x100):
        named = dataset.get((group, block))
        if named is not None and str(named.value).strip() == creator:
            found: pydicom.DataElement | None = dataset.get((group, block << 8 | element))
            return found
    return None


def _find_inside(items: Iterable[Dataset], key: str) -> pydicom.DataElement | None:
    """The element in a functional group item or in the sequences right inside it."""
    for item in items:
        found = _find(item, key)
        if found is not None and found.VR != "SQ":
            return found
        for element in item:
            if element.VR == "SQ" and (found := _find_inside(element.value, key)) is not None:
                return found
    return None


class DatasetColumns:
    """Meets `Columns` over the pydicom datasets of one series."""

    def __init__(
        self, datasets: Sequence[Dataset], *, grids: Mapping[int, TileGrid] | None = None, paths: Sequence[str] = ()
    ) -> None:
        self._datasets = list(datasets)
        self._paths = list(paths)
        self.study_uid = str(datasets[0].get("StudyInstanceUID", ""))
        self.series_uid = str(datasets[0].get("SeriesInstanceUID", ""))
        self.sop_uids = [str(dataset.SOPInstanceUID) for dataset in datasets]
        self.frame_counts = [_frame_count(dataset) for dataset in datasets]
        self.grids: Mapping[int, TileGrid] = dict(grids or {})
        self.missing_keys: frozenset[str] = frozenset()

    def text(self, key: str) -> list[str | None]:
        """Per instance the text at the top level."""
        return [_text(_find(dataset, key)) for dataset in self._datasets]

    def frame_text(self, key: str) -> dict[int, str | Sequence[str | None]]:
        """Per enhanced instance the text in its functional groups."""
        found: dict[int, str | Sequence[str | None]] = {}
        for row, dataset in enumerate(self._datasets):
            shared = _text(_find_inside(dataset[_SHARED].value, key)) if _SHARED in dataset else None
            items = dataset[_PER_FRAME].value if _PER_FRAME in dataset else ()
            texts = [_text(_find_inside([item], key)) for item in items]
            if any(text is not None for text in texts):
                found[row] = [shared if text is None else text for text in texts]
            elif shared is not None:
                found[row] = shared
        return found

    def items(self, key: str) -> list[list[dict[str, Any]] | None]:
        """Per instance the items of a sequence as DICOM JSON."""
        return [
            [item.to_json_dict() for item in element.value] if (element := _find(dataset, key)) is not None else None
            for dataset in self._datasets
        ]

    def locations(self, row: int) -> tuple[Location, ...]:
        """The file, when the datasets were read from one."""
        if not self._paths:
            return ()
        ref = InstanceRef(study_uid=self.study_uid, series_uid=self.series_uid, sop_uid=self.sop_uids[row])
        return (Location(ref=ref, path=self._paths[row]),)


def _frame_count(dataset: Dataset) -> int:
    has_pixels = any(tag in dataset for tag in _PIXELS) or all(
        keyword in dataset for keyword in ("Rows", "Columns", "BitsAllocated")
    )
    return int(dataset.get("NumberOfFrames", None) or 1) if has_pixels else 0


def series_view(datasets: Sequence[Dataset], *, grids: Mapping[int, TileGrid] | None = None) -> SeriesView:
    """The view of one series, its instances in the given order."""
    return SeriesView(DatasetColumns(datasets, grids=grids))


def study_view(datasets: Iterable[Dataset], *, options: Mapping[str, str] | None = None) -> StudyView:
    """The view of one study; series in the order they first appear."""
    by_series: dict[str, list[Dataset]] = {}
    for dataset in datasets:
        by_series.setdefault(str(dataset.get("SeriesInstanceUID", "")), []).append(dataset)
    views = [series_view(members) for members in by_series.values()]
    return StudyView(views[0].study_uid, views, options=options)


def read_headers(folder: Path) -> list[Dataset]:
    """Headers of the DICOM files below a folder, in the order of their names; other files are passed over."""
    datasets: list[Dataset] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=True)
        except pydicom.errors.InvalidDicomError:
            continue
        if "SOPInstanceUID" in dataset:
            datasets.append(dataset)
    return datasets
