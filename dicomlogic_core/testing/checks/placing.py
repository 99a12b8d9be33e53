"""Checks of where adaptors put what they load: slices, and the pixels in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from dicomlogic_core.loadable import Loadable
from dicomlogic_core.testing.checks.adaptor_subject import AdaptorSubject, Case
from dicomlogic_core.testing.checks.outcome import Check, NotApplicable, require

_TOLERANCE_MM = 0.01
_INTERPOLATED = "geometry.resampled"


def every_slice_lies_in_its_place(subject: AdaptorSubject) -> None:
    """The grid puts the first voxel of slice k at the ImagePositionPatient of the frame it came from, within 0.01 mm.

    Rows and columns run along ImageOrientationPatient, PixelSpacing apart. Slices off the grid say so in
    ``metadata["slice_positions_lps_mm"]``; interpolated volumes carry ``geometry.resampled``.
    Contract: `Volume` in dicomlogic_core.objects; docs/explanation/coordinates.md.
    """
    looked = False
    for case, loadable, volume in subject.volumes():
        if _is_interpolated(volume):
            continue
        for k, ref in enumerate(volume.provenance):
            if ref is not None:
                looked |= _lies_right(case, volume, k, ref, f"slice {k} of {loadable.name!r} of {case.name}")
    if not looked:
        raise NotApplicable("no volume has slices with a place in the patient")


def provenance_covers_every_slice(subject: AdaptorSubject) -> None:
    """Every slice names the frame it came from, one that the loadable claims; exactly the filled ones name none.

    Contract: `Volume.provenance` and `Volume.missing` in dicomlogic_core.objects.
    """
    for case, loadable, volume in subject.volumes():
        what = f"{loadable.name!r} of {case.name}"
        count = volume.array.shape[0]
        require(len(volume.provenance) == count, f"{what}: {len(volume.provenance)} origins for {count} slices")
        filled = tuple(k for k, ref in enumerate(volume.provenance) if ref is None)
        require(filled == tuple(volume.missing), f"{what}: slices {filled} have no origin, missing is {volume.missing}")
        foreign = {ref for ref in volume.provenance if ref is not None} - set(loadable.frames)
        require(not foreign, f"{what} holds frames that the loadable does not claim: {sorted(map(str, foreign))[:1]}")


def every_pixel_comes_to_its_voxel(subject: AdaptorSubject) -> None:
    """When one stored pixel of a frame is another, one voxel is: in the slice that names the frame, row and column.

    It is tried on one uncompressed frame of every volume whose rows and columns are those of its frames.
    Contract: `Volume.array` and `Volume.provenance` in dicomlogic_core.objects; docs/explanation/coordinates.md.
    """
    looked = False
    for case, loadable, made in subject.objects:
        for number, volume in enumerate(_volumes(made)):
            if not _is_interpolated(volume):
                looked |= _comes_right(subject, case, loadable, number, volume)
    if not looked:
        raise NotApplicable("no volume has frames of which a pixel can be changed")


PLACING: tuple[Check, ...] = (
    every_slice_lies_in_its_place,
    provenance_covers_every_slice,
    every_pixel_comes_to_its_voxel,
)


def _volumes(made: Any) -> list[Any]:
    return [one for one in getattr(made, "volumes", (made,)) if hasattr(one, "array") and hasattr(one, "provenance")]


def _is_interpolated(volume: Any) -> bool:
    return any(one.code == _INTERPOLATED for one in volume.findings)


def _lies_right(case: Case, volume: Any, k: int, ref: Any, what: str) -> bool:
    series = case.study.by_uid(ref.series_uid)
    row = series.frames.rows_of([ref])[0]
    wanted = series.frames.position[row]
    own = ref.frame == 1 or int(series.frames.instance[row]) in series.columns.frame_text("00200032")
    if not own or not np.isfinite(wanted).all():
        return False  # of a dose only the first frame has its position in the header
    matrix = volume.geometry.ijk_to_lps
    off_grid = volume.metadata.get("slice_positions_lps_mm")
    got = np.array(off_grid[k]) if off_grid else matrix[:3, 3] + k * matrix[:3, 2]
    distance = float(np.linalg.norm(got - wanted))
    require(distance <= _TOLERANCE_MM, f"{what} lies {distance:.3f} mm off its ImagePositionPatient")
    spacing, cosines = series.frames.numbers("PixelSpacing", 2)[row], series.frames.orientation[row]
    if np.isfinite(spacing).all() and np.isfinite(cosines).all():
        # PixelSpacing is the distance between rows first (PS3.3 10.7.1.3).
        columns = np.stack([cosines[:3] * spacing[1], cosines[3:] * spacing[0]], axis=1)
        off = float(np.abs(matrix[:3, :2] - columns).max())
        require(off <= _TOLERANCE_MM, f"{what}: rows and columns of the grid are off by {off:.3f} mm per voxel")
    return True


def _comes_right(subject: AdaptorSubject, case: Case, loadable: Loadable, number: int, volume: Any) -> bool:
    """Change a pixel of a frame in its file, load again, and compare; False where that cannot be done."""
    before = np.asarray(volume)
    k = len(volume.provenance) // 3  # not the middle, which stays where it is when slices are turned round
    ref = volume.provenance[k] if k < len(before) else None
    if ref is None or ref.region:
        return False
    series = case.study.by_uid(ref.series_uid)
    row = int(series.frames.instance[series.frames.rows_of([ref])[0]])
    paths = [Path(location.path) for location in series.locations(row) if location.path]
    j, i = before.shape[1] // 3, before.shape[2] // 4
    changed = _with_another_pixel(paths[0], ref.frame, before.shape[1:], (j, i)) if paths else b""
    if not changed:
        return False
    kept = paths[0].read_bytes()
    try:
        paths[0].write_bytes(changed)
        after = np.asarray(_volumes(subject.load(case, loadable)[0])[number])
    finally:
        paths[0].write_bytes(kept)
    same = (before == after) | ((before != before) & (after != after))
    places = [tuple(place) for place in np.argwhere(~same).tolist()]
    wrong = [place for place in places if place != (k, j, i)]
    require(
        not wrong,
        f"{loadable.name!r} of {case.name}: row {j}, column {i} of the frame that slice {k} names is voxel "
        f"{wrong[:1]} [k, j, i]" + (f", and changes {len(places)} voxels" if len(places) > 1 else ""),
    )
    return bool(places)


def _with_another_pixel(path: Path, frame: int, shape: tuple[int, ...], place: tuple[int, int]) -> bytes:
    """The file with a bit of one stored value turned; nothing where that would not be another value of this frame."""
    dataset = pydicom.dcmread(path)
    syntax = dataset.file_meta.TransferSyntaxUID
    plain = syntax.is_little_endian and not syntax.is_deflated and not syntax.is_compressed
    size = (dataset.get("Rows"), dataset.get("Columns"))
    if not plain or size != shape or dataset.get("SamplesPerPixel") != 1 or "PixelData" not in dataset:
        return b""
    width = dataset.BitsAllocated // 8
    data = bytearray(path.read_bytes())
    begin = data.rfind(dataset.PixelData)
    bit = dataset.HighBit + 1 - dataset.BitsStored + dataset.BitsStored // 2  # a change that rounding does not hide
    at = begin + (((frame - 1) * size[0] + place[0]) * size[1] + place[1]) * width + bit // 8
    if width == 0 or begin < 0 or at >= begin + len(dataset.PixelData):
        return b""
    data[at] ^= 1 << bit % 8
    return bytes(data)
