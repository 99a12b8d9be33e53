"""Objects to write: volumes and sequences with every value, place and text known. Made anew at every call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dicomlogic_core.errors import PixelError
from dicomlogic_core.findings import Finding
from dicomlogic_core.frame_array import FrameArray
from dicomlogic_core.geometry import Geometry
from dicomlogic_core.objects import Axis, Volume, VolumeSequence
from dicomlogic_core.references import FrameRef
from dicomlogic_core.segmentation import Segment, Segmentation
from dicomlogic_core.testing.phantom_objects import uid

PATIENT = "CANARY^NAME"
"""The patient's name in the metadata of every sample."""

_SIZE = (7, 6, 5)  # i, j, k
_COSINES = np.array([[0.8, 0.36, -0.48], [0.0, 0.8, 0.6], [0.6, -0.48, 0.64]]).T


def grid(*, oblique: bool = False) -> Geometry:
    """7 x 6 x 5 voxels of 0.7 x 0.8 x 2 mm."""
    matrix = np.eye(4)
    matrix[:3, :3] = (_COSINES if oblique else np.eye(3)) * (0.7, 0.8, 2.0)
    matrix[:3, 3] = (-10.5, 20.25, 1 / 3)
    return Geometry(size_ijk=_SIZE, ijk_to_lps=matrix)


def volume(
    dtype: str = "int16", *, oblique: bool = False, components: int = 0, step: float = 1, name: str = "sample"
) -> Volume:
    """A volume whose voxels count up from -40, or from 0 when unsigned, `step` apart."""
    shape = (*_SIZE[::-1], components) if components else _SIZE[::-1]
    values = np.arange(int(np.prod(shape))).reshape(shape) % 200
    array = (values * step - (0 if np.dtype(dtype).kind == "u" else 40)).astype(dtype)
    return Volume(
        array=array,
        geometry=grid(oblique=oblique),
        quantity="CT attenuation",
        unit="[hnsf'U]",
        frame_of_reference_uid=uid("sample", "frame of reference"),
        provenance=_origins(),
        metadata={
            "common": {"Modality": "CT", "PatientName": PATIENT, "SeriesDescription": "größer : = \\ \n zwei"},
            "varying": {"InstanceNumber": [str(k + 1) for k in range(_SIZE[2])]},
            "window": [[40.0, 400.0]],
        },
        name=name,
    )


def _origins() -> tuple[FrameRef, ...]:
    study, series = uid("sample", "study"), uid("sample", "series")
    return tuple(
        FrameRef(study_uid=study, series_uid=series, sop_uid=uid("sample", "instance", k)) for k in range(_SIZE[2])
    )


def lazy_volume(*, failing: bool = False) -> Volume:
    """The volume with its frames fetched on demand; a failing one cannot get its fourth."""
    whole = volume()
    array = np.asarray(whole)

    def load(wanted: Any) -> Any:
        if failing and 3 in wanted:
            raise PixelError("the fourth frame is gone", code="pixels.missing", remedy="fetch it again")
        return array[list(wanted)]

    lazy = FrameArray(array.shape, array.dtype, load)
    return Volume(
        array=lazy,
        geometry=whole.geometry,
        quantity=whole.quantity,
        unit=whole.unit,
        frame_of_reference_uid=whole.frame_of_reference_uid,
        provenance=whole.provenance,
        metadata=whole.metadata,
        name=whole.name,
    )


def large_volume() -> Volume:
    """A volume of noise, 512 KiB of it, which no compression makes small."""
    array = np.random.default_rng(3).integers(0, 1 << 16, (32, 64, 128), dtype=np.uint16)
    return Volume(array=array, geometry=Geometry(size_ijk=(128, 64, 32), ijk_to_lps=np.eye(4)), name="large")


def segmentation() -> Segmentation:
    """Two segments that overlap, in two layers."""
    layers = np.zeros((2, *_SIZE[::-1]), np.uint8)
    layers[0, :, 1:4, 1:5], layers[1, 1:3, 2:5, 2:6] = 1, 1
    return Segmentation(
        layers=layers,
        geometry=grid(),
        segments=(
            Segment(id="outer", name="Outer, größer", colour=(1.0, 0.5, 0.0)),
            Segment(id="inner", name="Inner", colour=(0.0, 0.5, 1.0), layer=1),
        ),
        name="sample segmentation",
        frame_of_reference_uid=uid("sample", "frame of reference"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An object that is no image, as plans and reports are: it can say itself as JSON."""

    kind: ClassVar[str] = "record"

    name: str = "sample record"
    findings: tuple[Finding, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """What it holds."""
        return {"kind": self.kind, "name": self.name, "numbers": [1, 2.5], "text": "größer", "findings": []}


def volume_sequence(count: int = 3) -> VolumeSequence:
    """Volumes along EchoTime, 10 ms apart."""
    return VolumeSequence(
        volumes=tuple(volume(name=f"sample {number}") for number in range(count)),
        axes=(Axis(name="EchoTime", tag="00180081", unit="ms", values=tuple(10.0 * (n + 1) for n in range(count))),),
        name="sample sequence",
    )
