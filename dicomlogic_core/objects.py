"""What loading gives: arrays with geometry, unit and provenance. Values never change after they are made."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from dicomlogic_core.findings import Finding, merged
from dicomlogic_core.frame_array import FrameArray
from dicomlogic_core.geometry import Geometry
from dicomlogic_core.references import FrameRef

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _imported(library: str) -> Any:
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise ImportError(f"this needs {library}: pip install {library}", name=library) from error


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Volume:
    """A 3-D image in the patient.

    Attributes:
        array: ``[k, j, i]`` or ``[k, j, i, c]`` (slice, row, column, component), C order, native byte order, read-only;
            a `FrameArray` when loaded lazily.
        geometry: its grid; ``geometry.ijk_to_lps`` maps (i, j, k, 1) to LPS mm.
        quantity: what the values are, e.g. ``CT attenuation``; "" when unknown.
        unit: UCUM code of the values (``[hnsf'U]``, ``Bq/ml``, ``g/ml``, ``Gy``, ``1``); "" when unknown.
        frame_of_reference_uid: "" when absent.
        provenance: for every k the frame it came from; None for a filled slice.
        missing: indices k of filled slices.
        metadata: JSON-able. ``window``: list of [center, width] presets in `unit`; ``common``: keyword -> text of
            attributes equal in all slices; ``varying``: keyword -> one text per k; ``slice_positions_lps_mm``:
            [x, y, z] per k when they are off the grid; ``padding``: value; ``report``: a mapping, shown as a table and
            written beside the image; ``quantity_code``, ``unit_code``: ``value``, ``scheme`` and ``meaning`` of a code;
            others by the adaptor.
        findings: what examining and loading found.
        name: the loadable's name.
    """

    kind: ClassVar[str] = "volume"

    array: NDArray[Any] | FrameArray
    geometry: Geometry
    quantity: str = ""
    unit: str = ""
    frame_of_reference_uid: str = ""
    provenance: tuple[FrameRef | None, ...] = ()
    missing: tuple[int, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        size_i, size_j, size_k = self.geometry.size_ijk
        if self.array.shape[:3] != (size_k, size_j, size_i):
            raise ValueError(f"array {self.array.shape} does not fit size_ijk {self.geometry.size_ijk}")
        if isinstance(self.array, np.ndarray):
            self.array.setflags(write=False)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if isinstance(self.array, FrameArray):
            return self.array.__array__(dtype, copy)
        if dtype is None or np.dtype(dtype) == self.array.dtype:
            return self.array.copy() if copy else self.array
        if copy is False:
            raise ValueError(f"{self.array.dtype} cannot become {np.dtype(dtype)} without a copy")
        return self.array.astype(dtype)

    @property
    def lazy(self) -> bool:
        """True when frames are still fetched on demand."""
        return isinstance(self.array, FrameArray)

    def fetch(self) -> Volume:
        """The same volume with every frame in memory, and with the findings that fetching made."""
        if not isinstance(self.array, FrameArray):
            return self
        array = self.array.fetch()
        return replace(self, array=array, findings=merged(self.findings, self.array.findings))

    def valid_mask(self) -> NDArray[np.bool_]:
        """``[k, j, i]`` False in filled slices."""
        mask = np.ones(self.array.shape[:3], dtype=bool)
        mask[list(self.missing)] = False
        return mask

    def to_sitk(self) -> Any:
        """A SimpleITK image with the same grid; shear is kept in its direction matrix.

        Raises:
            ImportError: SimpleITK is not installed (``pip install SimpleITK``).
        """
        sitk = _imported("SimpleITK")

        array = np.asarray(self)
        image = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
        image.SetSpacing(self.geometry.spacing_mm)
        image.SetOrigin(self.geometry.origin_lps_mm)
        image.SetDirection(self.geometry.directions.ravel().tolist())
        return image

    def to_nibabel(self) -> Any:
        """A nibabel NIfTI-1 image in RAS, axes i, j, k.

        Raises:
            ImportError: nibabel is not installed (``pip install nibabel``).
        """
        nibabel = _imported("nibabel")

        array = np.asarray(self)
        axes = (2, 1, 0, 3) if array.ndim == 4 else (2, 1, 0)
        return nibabel.Nifti1Image(array.transpose(axes), self.geometry.ijk_to_ras)

    def __repr__(self) -> str:
        i, j, k = self.geometry.spacing_mm
        return (
            f"Volume(shape[k, j, i]={self.array.shape}, dtype={self.array.dtype}, unit={self.unit!r}, "
            f"spacing_mm=({i:.4g}, {j:.4g}, {k:.4g}), findings={len(self.findings)})"
        )

    def _repr_html_(self) -> str:
        from dicomlogic_core.faces import volume_html  # drawn only in notebooks

        return volume_html(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """An axis beyond space: one value per volume.

    Attributes:
        name: what varies, e.g. ``EchoTime``; ``b-value`` and ``gradient`` for diffusion.
        tag: DICOM tag as GGGGEEEE, "" if none.
        unit: UCUM code (``ms``, ``s/mm2``), "" if none.
        values: numbers, texts, or for gradients unit vectors (x, y, z) in LPS; (0, 0, 0) or None where there is none.
    """

    name: str
    tag: str
    unit: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VolumeSequence:
    """Volumes of one geometry along one or more axes; every axis has one value per volume.

    ``len(sequence)`` is the number of volumes, ``sequence[n]`` one of them; iterating gives all. A sequence loaded
    lazily holds lazy volumes: ``sequence[3].array[5]`` costs one frame.

    Attributes:
        volumes: in order of the axes, at least one.
        axes: several when the data has them (b-value x gradient), each with ``len(volumes)`` values; the first varies
            slowest, or is the one to label by.
        name: the loadable's name.
        findings: what examining and loading found.
    """

    kind: ClassVar[str] = "sequence"

    volumes: tuple[Volume, ...]
    axes: tuple[Axis, ...]
    name: str = ""
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        if not self.volumes:
            raise ValueError("a sequence has at least one volume")
        for axis in self.axes:
            if len(axis.values) != len(self.volumes):
                raise ValueError(f"axis {axis.name} has {len(axis.values)} values for {len(self.volumes)} volumes")

    def __len__(self) -> int:
        return len(self.volumes)

    def __getitem__(self, number: int) -> Volume:
        return self.volumes[number]

    def __iter__(self) -> Iterator[Volume]:
        return iter(self.volumes)

    def axis(self, name: str) -> Axis:
        """The axis of a name or tag.

        Raises:
            KeyError: there is none; says which there are.
        """
        for axis in self.axes:
            if name in (axis.name, axis.tag):
                return axis
        raise KeyError(f"no axis {name}; there are {', '.join(axis.name for axis in self.axes) or 'none'}")

    @property
    def geometry(self) -> Geometry:
        """The grid of the first volume, which is that of all unless `uniform` is False."""
        return self.volumes[0].geometry

    @property
    def uniform(self) -> bool:
        """True when all volumes have one grid (origin and axes within 0.001 mm) and as many components."""
        first = self.volumes[0]
        return all(
            volume.array.shape == first.array.shape
            and np.allclose(volume.geometry.ijk_to_lps, first.geometry.ijk_to_lps, rtol=0, atol=1e-3)
            for volume in self.volumes
        )

    @property
    def lazy(self) -> bool:
        """True when frames of any volume are still fetched on demand."""
        return any(volume.lazy for volume in self.volumes)

    def fetch(self) -> VolumeSequence:
        """The same sequence with every frame in memory."""
        return replace(self, volumes=tuple(volume.fetch() for volume in self.volumes)) if self.lazy else self

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """``[n, k, j, i]`` or ``[n, k, j, i, c]``, n counting volumes; a new array.

        Raises:
            ValueError: the volumes differ in shape, or no copy is allowed.
        """
        if copy is False:
            raise ValueError("volumes are separate arrays and must be copied into one; ask with copy=None")
        return np.stack([np.asarray(volume) for volume in self.volumes]).astype(dtype or self.dtype, copy=False)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that holds the values of all volumes."""
        return np.result_type(*(volume.array.dtype for volume in self.volumes))

    def to_nibabel(self) -> Any:
        """A nibabel NIfTI-1 image in RAS, axes i, j, k, n.

        Raises:
            ImportError: nibabel is not installed (``pip install nibabel``).
            ValueError: the volumes differ in shape.
        """
        nibabel: Any = importlib.import_module("nibabel")

        array = np.asarray(self)
        axes = (3, 2, 1, 0, 4) if array.ndim == 5 else (3, 2, 1, 0)
        return nibabel.Nifti1Image(array.transpose(axes), self.geometry.ijk_to_ras)

    def __repr__(self) -> str:
        axes = ", ".join(axis.name for axis in self.axes)
        return (
            f"VolumeSequence({len(self)} volumes, shape[k, j, i]={self.volumes[0].array.shape}, dtype={self.dtype}, "
            f"axes=({axes}), findings={len(self.findings)})"
        )

    def _repr_html_(self) -> str:
        from dicomlogic_core.faces import sequence_html  # drawn only in notebooks

        return sequence_html(self)
