"""Phantoms: small DICOM series written as files, with every value known, and the thirteen tricky series.

Series named after what they are (`ct`, `mr`, `pet` ...) are `Phantom` objects, which write when they are asked for.
Each other function writes Part-10 files into a folder and returns their paths in the order of writing. UIDs are made
from the texts that name the phantom, so a phantom written twice is the same.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from pydicom.dataset import Dataset

from dicomlogic_core.testing.phantom_catalogue import (
    Phantom,
    angiography,
    colour,
    ct,
    enhanced_ct,
    enhanced_mr,
    every_kind,
    mr,
    mr_echoes,
    nuclear,
    oblique_ct,
    pet,
    pet_ct,
    private_object,
    radiotherapy,
    secondary_capture,
    segmentation,
    ultrasound,
)
from dicomlogic_core.testing.phantom_objects import Slice, ct_slice, save, uid

__all__ = [
    "COLUMNS",
    "MARK",
    "Phantom",
    "ROWS",
    "SPACING",
    "STEP_MM",
    "TILT_DEGREES",
    "TRICKY",
    "angiography",
    "colour",
    "ct",
    "enhanced_ct",
    "enhanced_mr",
    "every_kind",
    "mr",
    "mr_echoes",
    "nuclear",
    "oblique_ct",
    "pet",
    "pet_ct",
    "private_object",
    "radiotherapy",
    "regular",
    "secondary_capture",
    "segmentation",
    "tricky",
    "tricky_series",
    "ultrasound",
    "write",
    "write_ct",
]

ROWS, COLUMNS = 32, 24
SPACING = (0.8, 0.7)  # between rows, between columns, mm
STEP_MM = 2.0
MARK = (3, 5)  # row and column of the pixel that holds 1000
TILT_DEGREES = 15.0

TRICKY = {
    1: "regular",
    2: "reversed order",
    3: "single slice",
    4: "missing slice",
    5: "duplicate position",
    6: "localizer inside",
    7: "mixed PixelSpacing",
    8: "gantry tilt 15 deg",
    9: "two phases",
    10: "two FrameOfReference",
    11: "no IPP, no IOP",
    12: "one file cut",
    13: "slope varies",
}


def write_ct(
    folder: Path,
    slices: Sequence[Slice] | None = None,
    *,
    name: str = "ct",
    shuffle_seed: int | None = None,
    change: Callable[[int, Dataset], None] | None = None,
) -> list[Path]:
    """A CT series; twenty slices 2 mm apart by default, in which slice i holds i and the marked pixel 1000.

    Args:
        folder: made when it does not exist.
        slices: what differs from slice to slice.
        name: tells series apart; also the SeriesDescription.
        shuffle_seed: give files names, and write them, in a random order.
        change: called with number and dataset of every slice before it is written.
    """
    chosen = regular() if slices is None else list(slices)
    datasets = [ct_slice(number, one, name=name) for number, one in enumerate(chosen)]
    for number, dataset in enumerate(datasets):
        if change is not None:
            change(number, dataset)
    return write(folder, datasets, shuffle_seed=shuffle_seed)


def write(folder: Path, datasets: Sequence[Dataset], *, shuffle_seed: int | None = None) -> list[Path]:
    """Write datasets as ``0000.dcm``, ``0001.dcm`` ...; with a seed in a random order."""
    folder.mkdir(parents=True, exist_ok=True)
    ordered = list(datasets)
    if shuffle_seed is not None:
        random.Random(shuffle_seed).shuffle(ordered)
    return [save(dataset, folder / f"{number:04d}.dcm") for number, dataset in enumerate(ordered)]


def regular(count: int = 20, *, step_mm: float = STEP_MM, first_mm: float = 0.0) -> list[Slice]:
    """Axial slices at even steps."""
    return [Slice(position=(-10.0, -20.0, first_mm + step_mm * number)) for number in range(count)]


def tricky(number: int, folder: Path, *, shuffle_seed: int | None = None) -> list[Path]:
    """One of the thirteen series of `TRICKY`, each the regular one with one change."""
    datasets = _CHANGES[number]()
    paths = write(folder, datasets, shuffle_seed=shuffle_seed)
    if number == 12:
        # The file loses bytes after writing: no writer makes such a file.
        cut = next(path for path, dataset in zip(paths, _order(datasets, shuffle_seed)) if dataset.InstanceNumber == 11)
        data = cut.read_bytes()
        cut.write_bytes(data[:-700])
    return paths


def tricky_series(number: int) -> Callable[[Path], list[Path]]:
    """One of the thirteen series as a function that writes it into a folder."""

    def write_tricky(folder: Path) -> list[Path]:
        return tricky(number, folder)

    write_tricky.__name__ = f"tricky {number}: {TRICKY[number]}"
    return write_tricky


def _order(datasets: Sequence[Dataset], seed: int | None) -> list[Dataset]:
    ordered = list(datasets)
    if seed is not None:
        random.Random(seed).shuffle(ordered)
    return ordered


def _series(number: int, slices: Sequence[Slice]) -> list[Dataset]:
    return [ct_slice(index, one, name=f"tricky {number}") for index, one in enumerate(slices)]


def _regular() -> list[Dataset]:
    return _series(1, regular())


def _reversed() -> list[Dataset]:
    positions = [one.position for one in reversed(regular())]
    return _series(2, [Slice(position=position) for position in positions])


def _single() -> list[Dataset]:
    return _series(3, regular(1))


def _missing() -> list[Dataset]:
    datasets = _series(4, regular())
    return datasets[:9] + datasets[10:]


def _duplicate() -> list[Dataset]:
    return _series(5, [*regular(), Slice(position=(-10.0, -20.0, 18.0), value=20)])


def _localizer() -> list[Dataset]:
    coronal = Slice(position=(-10.0, 0.0, 60.0), orientation=(1, 0, 0, 0, 0, -1), spacing=(1.5, 1.5), value=500)
    datasets = _series(6, [*regular(), coronal])
    datasets[-1].ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    return datasets


def _mixed_spacing() -> list[Dataset]:
    slices = regular()
    last = Slice(position=slices[-1].position, spacing=(0.9, 0.9))
    return _series(7, [*slices[:-1], last])


def _tilted() -> list[Dataset]:
    angle = math.radians(TILT_DEGREES)
    orientation = (1.0, 0.0, 0.0, 0.0, math.cos(angle), -math.sin(angle))
    return _series(8, [Slice(position=one.position, orientation=orientation) for one in regular()])


def _two_phases() -> list[Dataset]:
    slices = [Slice(position=one.position, value=base + i) for base in (100, 200) for i, one in enumerate(regular())]
    datasets = _series(9, slices)
    for number, dataset in enumerate(datasets):
        dataset.AcquisitionNumber = 1 + number // 20
    return datasets


def _two_frames_of_reference() -> list[Dataset]:
    datasets = _series(10, regular())
    datasets[-1].FrameOfReferenceUID = uid("tricky 10", "another frame of reference")
    return datasets


def _without_position() -> list[Dataset]:
    datasets = _series(11, regular())
    for dataset in datasets:
        del dataset.ImagePositionPatient, dataset.ImageOrientationPatient
    return datasets


def _cut() -> list[Dataset]:
    return _series(12, regular())


def _slope_varies() -> list[Dataset]:
    datasets = _series(13, regular())
    for number, dataset in enumerate(datasets):
        dataset.RescaleSlope = f"{1 + 0.1 * number:.1f}"
        dataset.RescaleIntercept = "0"
    return datasets


_CHANGES: dict[int, Callable[[], list[Dataset]]] = {
    1: _regular,
    2: _reversed,
    3: _single,
    4: _missing,
    5: _duplicate,
    6: _localizer,
    7: _mixed_spacing,
    8: _tilted,
    9: _two_phases,
    10: _two_frames_of_reference,
    11: _without_position,
    12: _cut,
    13: _slope_varies,
}
