"""Contours of a structure set of 8 MB into arrays, against pydicom's values, as rt-utils and others read them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np

from benchmarks.common import Row, seconds


def structure_set(*, rois: int, planes: int, points: int) -> bytes:
    """A file with `rois` regions of `planes` contours of `points` points."""
    from dicomlogic_rt.rois import Contour, Roi
    from dicomlogic_rt.structure_writing import structure_dataset
    from dicomlogic_rt.structures import StructureSet

    random = np.random.default_rng(6)
    made = [
        Roi(
            number=number,
            name=f"region {number}",
            contours=tuple(Contour(points=np.round(random.normal(size=(points, 3)) * 100, 2)) for _ in range(planes)),
        )
        for number in range(1, rois + 1)
    ]
    dataset = structure_dataset(StructureSet(rois=tuple(made), frames_of_reference=("1.2.3",)))
    file = BytesIO()
    dataset.save_as(file, implicit_vr=True, little_endian=True)
    return file.getvalue()


def by_pydicom(data: bytes) -> list[Any]:
    """One array per contour by the attribute, which is how the peers read."""
    import pydicom

    dataset = pydicom.dcmread(BytesIO(data), force=True)
    return [
        np.array(contour.ContourData).reshape(-1, 3)
        for region in dataset.ROIContourSequence
        for contour in region.ContourSequence
    ]


def rows(*, quick: bool) -> list[Row]:
    """Megabytes of file per second: ours, pydicom's."""
    import pydicom

    from dicomlogic_rt.structure_reading import read_structures

    size = {"rois": 4, "planes": 10, "points": 50} if quick else {"rois": 20, "planes": 100, "points": 200}
    data = structure_set(**size)

    def ours() -> list[Any]:
        structures = read_structures(pydicom.dcmread(BytesIO(data), force=True))
        return [contour.points for roi in structures for contour in roi.contours]

    assert all(np.array_equal(one, other) for one, other in zip(ours(), by_pydicom(data), strict=True))
    first, second = seconds(ours, lambda: by_pydicom(data), repeats=1 if quick else 3)
    megabytes = len(data) / 1e6
    return [
        Row(
            stage="structure set to arrays",
            ours=megabytes / first,
            peer="pydicom, by attribute",
            theirs=megabytes / second,
            target=4.0,
            unit="MB/s",
            note=f"{size['rois']} regions of {size['planes']} contours of {size['points']} points; {megabytes:.1f} MB",
        )
    ]
