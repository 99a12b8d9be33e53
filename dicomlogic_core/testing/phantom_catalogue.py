"""Phantoms by modality: series that write their files when they are asked for, most with a known grid.

::

    series = phantoms.ct()
    paths = series.write(folder)  # or series(folder)
    series.geometry.ijk_to_lps    # where every voxel is, by construction
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from dicomlogic_core.geometry import Geometry
from dicomlogic_core.testing import phantom_foreign, phantom_pet, phantom_pet_ct, phantom_plan, phantom_rt
from dicomlogic_core.testing.phantom_objects import (
    ENHANCED_MR,
    Slice,
    colour_slice,
    ct_slice,
    enhanced,
    save,
)
from dicomlogic_core.testing.phantom_sequences import STEP_MM as SEQUENCE_STEP_MM
from dicomlogic_core.testing.phantom_sequences import sequence

Vector = tuple[float, float, float]

_AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
# Rows and columns turned about two axes: no direction lies along an axis of the patient.
_OBLIQUE = (0.8, 0.36, -0.48, 0.0, 0.8, 0.6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phantom:
    """A series, or the series of one study, that writes its files when it is asked for. Call it with a folder.

    Attributes:
        name: tells it apart; also its SeriesDescription.
        make: its datasets, new ones at every call.
        geometry: the grid of the one volume that it holds; None when it holds none, or several.
    """

    name: str
    make: Callable[[], Sequence[Dataset]]
    geometry: Geometry | None = None

    def write(self, folder: Path) -> list[Path]:
        """Write its Part-10 files into a folder, made when it does not exist."""
        folder.mkdir(parents=True, exist_ok=True)
        return [save(dataset, folder / f"{number:04d}.dcm") for number, dataset in enumerate(self.make())]

    def __call__(self, folder: Path) -> list[Path]:
        """As `write`."""
        return self.write(folder)

    def __repr__(self) -> str:
        return f"Phantom({self.name!r})"


def _grid(slices: Sequence[Slice], step: Vector) -> Geometry:
    first = slices[0]
    cosines = np.array(first.orientation, dtype=float).reshape(2, 3)
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1] = cosines[0] * first.spacing[1], cosines[1] * first.spacing[0]
    matrix[:3, 2], matrix[:3, 3] = step, first.position
    return Geometry(size_ijk=(first.size[1], first.size[0], len(slices)), ijk_to_lps=matrix)


def _stack(count: int, step: Vector, orientation: Sequence[float] = _AXIAL) -> list[Slice]:
    first = np.array((-10.0, -20.0, 5.0))
    return [
        Slice(position=(float(p[0]), float(p[1]), float(p[2])), orientation=orientation)
        for p in (first + number * np.array(step) for number in range(count))
    ]


def ct(count: int = 8) -> Phantom:
    """An axial CT, 2 mm from slice to slice; slice k is filled with k - 1024 HU, row 3, column 5 with -24 HU."""
    slices = _stack(count, (0.0, 0.0, 2.0))
    name = f"ct {count}"
    return Phantom(
        name=name,
        make=lambda: [ct_slice(number, one, name=name) for number, one in enumerate(slices)],
        geometry=_grid(slices, (0.0, 0.0, 2.0)),
    )


def oblique_ct(count: int = 6) -> Phantom:
    """As `ct`, none of its directions along an axis of the patient, 1.5 mm along the normal."""
    normal = 1.5 * np.cross(_OBLIQUE[:3], _OBLIQUE[3:])
    step = (float(normal[0]), float(normal[1]), float(normal[2]))
    slices = _stack(count, step, _OBLIQUE)
    return Phantom(
        name="oblique ct",
        make=lambda: [ct_slice(number, one, name="oblique ct") for number, one in enumerate(slices)],
        geometry=_grid(slices, step),
    )


def mr(count: int = 6) -> Phantom:
    """An axial MR of 6 rows and 8 columns, 3 mm from slice to slice; slice k is filled with 100 + k."""
    matrix = np.diag([1.25, 1.5, SEQUENCE_STEP_MM, 1.0])
    matrix[:3, 3] = (-10.0, -20.0, 0.0)
    return Phantom(
        name="mr",
        make=lambda: sequence([{"EchoTime": "10", "RepetitionTime": "500"}], positions=count, name="mr"),
        geometry=Geometry(size_ijk=(8, 6, count), ijk_to_lps=matrix),
    )


def mr_echoes(echoes: int = 3, positions: int = 4) -> Phantom:
    """An MR that repeats its positions for every echo; slice k of echo n is filled with 100 (n + 1) + k."""
    volumes = [{"EchoTime": str(10 * (n + 1)), "EchoNumbers": str(n + 1)} for n in range(echoes)]
    return Phantom(name="mr echoes", make=lambda: sequence(volumes, positions=positions, name="mr echoes"))


def enhanced_ct(count: int = 6) -> Phantom:
    """An enhanced CT of one instance, its frames 2 mm apart; frame k is filled with k - 1024 HU."""
    slices = _stack(count, (0.0, 0.0, 2.0))
    return Phantom(
        name="enhanced ct",
        make=lambda: [enhanced(slices, name="enhanced ct")],
        geometry=_grid(slices, (0.0, 0.0, 2.0)),
    )


def enhanced_mr(count: int = 5) -> Phantom:
    """An enhanced MR of one instance, its frames along y; frame k is filled with k."""
    orientation = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
    slices = _stack(count, (0.0, 2.5, 0.0), orientation)
    return Phantom(
        name="enhanced mr",
        make=lambda: [
            enhanced(slices, name="enhanced mr", sop_class=ENHANCED_MR, modality="MR", rescale=[(1.0, 0.0)] * count)
        ],
        geometry=_grid(slices, (0.0, 2.5, 0.0)),
    )


def colour(count: int = 4) -> Phantom:
    """An MR in colour (RGB), 2 mm from slice to slice."""
    slices = _stack(count, (0.0, 0.0, 2.0))
    return Phantom(
        name="colour",
        make=lambda: [colour_slice(number, one, name="colour") for number, one in enumerate(slices)],
        geometry=_grid(slices, (0.0, 0.0, 2.0)),
    )


def pet(count: int = 5) -> Phantom:
    """A PET of known activity, see `dicomlogic_core.testing.phantom_pet`; its slope differs from slice to slice."""
    rows, columns = phantom_pet.SIZE
    matrix = np.diag([phantom_pet.SPACING_MM[1], phantom_pet.SPACING_MM[0], phantom_pet.STEP_MM, 1.0])
    matrix[:3, 3] = phantom_pet.FIRST_MM
    return Phantom(
        name="pet",
        make=lambda: phantom_pet.pet_series(count, name="pet"),
        geometry=Geometry(size_ijk=(columns, rows, count), ijk_to_lps=matrix),
    )


def pet_ct() -> Phantom:
    """A study of a PET and the CT that lies under it, see `dicomlogic_core.testing.phantom_pet_ct`."""

    def make() -> list[Dataset]:
        series = phantom_pet.pet_series(5, name="pet ct")
        return [*series, *phantom_pet_ct.ct_of(series)]

    return Phantom(name="pet ct", make=make)


def radiotherapy() -> Phantom:
    """A study of a CT with a structure set of one cylinder, a plan of one beam, and a dose that falls off from it."""

    def make() -> list[Dataset]:
        name = "rt"
        slices = _stack(8, (0.0, 0.0, 2.0))
        images = [ct_slice(number, one, name=name) for number, one in enumerate(slices)]
        circles = [phantom_rt.circle(5.0, one.position[2], centre=(-2.0, -8.0)) for one in slices[1:-1]]
        roi = phantom_rt.RoiPhantom(name="cylinder", contours=circles)
        beam = phantom_plan.photon_beam(1, [{"GantryAngle": 0.0}, {"CumulativeMetersetWeight": 1.0}])
        structures = phantom_rt.structure_set([roi], name=name, images=[str(one.SOPInstanceUID) for one in images])
        dose = phantom_rt.dose(
            lambda points: 2.0 * np.exp(-np.square(points).sum(axis=-1) / 800.0),
            size_ijk=(6, 7, 5),
            spacing_mm=(3.0, 3.0, 3.0),
            centre=(-2.0, -8.0, 12.0),
            name=name,
        )
        return [*images, structures, phantom_plan.plan([beam], name=name), dose]

    return Phantom(name="rt", make=make)


def ultrasound() -> Phantom:
    """An ultrasound clip of four frames without a place in the patient."""
    return Phantom(name="us", make=lambda: [phantom_foreign.clip("us", "1.2.840.10008.5.1.4.1.1.3.1", "US")])


def angiography() -> Phantom:
    """An X-ray angiography of four projections."""
    return Phantom(name="xa", make=lambda: [phantom_foreign.clip("xa", "1.2.840.10008.5.1.4.1.1.12.1", "XA")])


def nuclear(count: int = 5) -> Phantom:
    """A reconstructed nuclear-medicine volume in one instance, 4 mm from frame to frame."""
    matrix = np.diag([4.0, 4.0, 4.0, 1.0])
    matrix[:3, 3] = (-16.0, -12.0, 0.0)
    return Phantom(
        name="nm",
        make=lambda: [phantom_foreign.nuclear("nm", count)],
        geometry=Geometry(size_ijk=(8, 6, count), ijk_to_lps=matrix),
    )


def segmentation() -> Phantom:
    """A binary segmentation of one segment, of one bit per pixel."""
    return Phantom(name="seg", make=lambda: [phantom_foreign.segmentation("seg", 3)])


def secondary_capture() -> Phantom:
    """A screenshot in colour, without a place in the patient."""
    return Phantom(name="sc", make=lambda: [phantom_foreign.capture("sc")])


def private_object() -> Phantom:
    """An object of a made-up SOP class without pixels, its values in private elements."""
    return Phantom(name="private", make=lambda: [phantom_foreign.private("private", number) for number in range(2)])


def every_kind() -> list[Phantom]:
    """One phantom of every kind above."""
    return [
        *(ct(), oblique_ct(), mr(), mr_echoes(), enhanced_ct(), enhanced_mr(), colour(), pet()),
        *(pet_ct(), radiotherapy()),
        *(ultrasound(), angiography(), nuclear(), segmentation(), secondary_capture(), private_object()),
    ]
