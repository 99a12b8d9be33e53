"""NRRD files as values: what `NrrdWriter` writes comes back, and so does what 3D Slicer and others write."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dicomlogic_core import FrameRef, Geometry, Segmentation, Volume, VolumeSequence, keyword_of
from dicomlogic_core.builtin.nrrd_axes import sequence_axes
from dicomlogic_core.builtin.nrrd_data import read_file
from dicomlogic_core.builtin.nrrd_fields import NrrdHeader, whole_number
from dicomlogic_core.builtin.nrrd_segments import segments_of

# Signs of x, y and z that lead from a space to LPS.
_SPACES = {
    "left-posterior-superior": (1.0, 1.0, 1.0),
    "lps": (1.0, 1.0, 1.0),
    "right-anterior-superior": (-1.0, -1.0, 1.0),
    "ras": (-1.0, -1.0, 1.0),
    "left-anterior-superior": (1.0, -1.0, 1.0),
    "las": (1.0, -1.0, 1.0),
}
_PARALLEL = 1e-6  # volume of a voxel, as a part of what it would be with axes at right angles
_ATTRIBUTE = re.compile(r"DICOM_([0-9A-F]{4})_([0-9A-F]{4})_\w+")
# In metadata -> key, and numbers in a row of what it lists.
_LISTS = {"window": ("DICOMLogic.window", 2), "slice_positions_lps_mm": ("DICOMLogic.slicePositionsLpsMm", 3)}
_OF_UIDS = frozenset(["StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"])


def read_nrrd(path: str | Path) -> Volume | VolumeSequence | Segmentation:
    """Read a ``.nrrd``, ``.seq.nrrd`` or ``.seg.nrrd`` file.

    Values, grid, unit, axes, segments and the instances they came from are as written; codes of findings are in
    ``metadata["findings"]``, since a file has no more of them. A left-handed grid is turned round, so that k ascends
    along row x column; the voxels stay where they are. Voxels in another file are read from below the same folder only.

    Raises:
        HeaderError: it is no such file, or lies nowhere in the patient.
        PixelError: the voxels exceed the memory, are short or cannot be inflated.
    """
    target = Path(path)
    header, array = read_file(target)
    name = target.name.removesuffix(".nrrd").removesuffix(".seq").removesuffix(".seg").removesuffix(".nhdr")
    directions = _directions(header, array.ndim)
    if any(key.startswith("Segmentation_") or key == "Segment0_ID" for key in header.keys):
        return _segmentation(header, array, directions, name)
    listed = _list_axis(header, directions)
    if listed is None:
        return _volume(header, array, directions, name)
    return _sequence(header, array, directions, listed, name)


def _directions(header: NrrdHeader, count: int) -> list[tuple[float, float, float] | None]:
    """The direction of every axis, the fastest first.

    Raises:
        HeaderError: three axes of space are not told.
    """
    found = header.vectors("space directions")
    if len(found) != count or sum(vector is not None for vector in found) != 3:
        raise header.refuse("its axes of space are not told", "name a file with space directions of three axes")
    return found


def _list_axis(header: NrrdHeader, directions: list[tuple[float, float, float] | None]) -> int | None:
    """The axis along which volumes follow each other; None when there is none."""
    kinds = header.fields.get("kinds", "").split()
    free = [axis for axis, vector in enumerate(directions) if vector is None]
    named = [axis for axis in free if axis < len(kinds) and kinds[axis] == "list"]
    if not named and free and (free[-1] == len(directions) - 1 or "MultiVolume.NumberOfFrames" in header.keys):
        named = free[-1:]  # older files call it a vector
    if len(free) - len(named) > 1:
        raise header.refuse("it has more axes than volumes and components")
    return named[0] if named else None


def _geometry(
    header: NrrdHeader, directions: list[tuple[float, float, float] | None], size_ijk: tuple[int, int, int]
) -> tuple[Geometry, bool]:
    """The grid in LPS, and whether k had to be turned round to make it right-handed."""
    space = header.fields.get("space", "").strip().lower()
    origin = header.vectors("space origin")
    if space not in _SPACES or len(origin) != 1 or origin[0] is None:
        raise header.refuse(
            f"the space {space[:40] or 'none'} or its origin is not known", "name a file in LPS, RAS or LAS"
        )
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([vector for vector in directions if vector is not None]).T
    matrix[:3, 3] = origin[0]
    matrix[:3] *= np.array(_SPACES[space])[:, None]
    axes = matrix[:3, :3]
    determinant = np.linalg.det(axes)
    if not abs(determinant) > _PARALLEL * np.prod(np.linalg.norm(axes, axis=0)):
        raise header.refuse("two axes of its grid are parallel")
    if determinant < 0:
        matrix[:3, 3] += matrix[:3, 2] * (size_ijk[2] - 1)
        matrix[:3, 2] *= -1
    return Geometry(size_ijk=size_ijk, ijk_to_lps=matrix), bool(determinant < 0)


def _volume(
    header: NrrdHeader, array: np.ndarray[Any, Any], directions: list[tuple[float, float, float] | None], name: str
) -> Volume:
    """A volume whose array has the axes of the file reversed, components wherever they are."""
    free = [len(directions) - 1 - axis for axis, vector in enumerate(directions) if vector is None]
    array = np.moveaxis(array, free, [-1] * len(free)) if free else array
    size_k, size_j, size_i = array.shape[:3]
    geometry, turned = _geometry(header, directions, (size_i, size_j, size_k))
    if turned:
        array = array[::-1]
    volume = Volume(array=np.ascontiguousarray(array), geometry=geometry, name=name, **_described(header))
    return _from_instances(volume, header.keys, turned=turned)


def _described(header: NrrdHeader) -> dict[str, Any]:
    keys = header.keys
    metadata: dict[str, Any] = {}
    common = {}
    for key, text in keys.items():
        if (match := _ATTRIBUTE.fullmatch(key)) and (keyword := keyword_of(match[1] + match[2])) not in _OF_UIDS:
            common[keyword] = text
    if common:
        metadata["common"] = common
    for name, (key, length) in _LISTS.items():
        if value := _rows(keys.get(key, ""), length):
            metadata[name] = value
    if codes := keys.get("DICOMLogic.findings", "").split():
        metadata["findings"] = codes
    return {
        "quantity": keys.get("DICOMLogic.quantity", ""),
        "unit": keys.get("DICOMLogic.unit", ""),
        "frame_of_reference_uid": keys.get("DICOM_0020_0052_FrameOfReferenceUID", ""),
        "metadata": metadata,
    }


def _rows(text: str, length: int) -> list[list[float]]:
    """The rows of numbers that JSON lists; none when it is anything else, which is then nothing of ours."""
    try:
        found = np.array(json.loads(text) if text else [], np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return []
    rows: list[list[float]] = found.tolist() if found.ndim == 2 and found.shape[1] == length else []
    return rows if np.isfinite(found).all() else []


def _from_instances(volume: Volume, keys: Mapping[str, str], *, turned: bool) -> Volume:
    """The volume with its slices' instances, where as many are told as there are slices."""
    count = volume.array.shape[0]
    told = {whole_number(text) for text in keys.get("DICOMLogic.missingSlices", "").split()}
    missing = sorted(k for k in told if k is not None and k < count)
    uids = keys.get("DICOM.instanceUIDs", "").split()
    frames = [part.split("/") for part in keys.get("DICOMLogic.frames", "").split()]
    if len(uids) == 1 and frames:
        uids = uids * len(frames)  # frames of one instance, which is named once
    study, series = (keys.get(f"DICOM_0020_000{end}InstanceUID", "").split() for end in ("D_Study", "E_Series"))
    if len(uids) + len(missing) != count or len(study) != 1 or len(series) != 1:
        return replace(volume, missing=tuple(missing))
    numbers = [[whole_number(one) for one in part] for part in frames] or [[1]] * len(uids)
    if len(numbers) != len(uids) or not all(map(all, numbers)):
        return replace(volume, missing=tuple(missing))
    refs = iter(
        FrameRef(study_uid=study[0], series_uid=series[0], sop_uid=uid, frame=frame or 1, region=region or 0)
        for uid, (frame, region, *_) in zip(uids, ((*place, 0) for place in numbers))
    )
    provenance = [None if k in missing else next(refs) for k in range(count)]
    if turned:
        provenance.reverse()
        missing = [count - 1 - k for k in reversed(missing)]
    return replace(volume, provenance=tuple(provenance), missing=tuple(missing))


def _sequence(
    header: NrrdHeader,
    array: np.ndarray[Any, Any],
    directions: list[tuple[float, float, float] | None],
    listed: int,
    name: str,
) -> VolumeSequence:
    array = np.moveaxis(array, len(directions) - 1 - listed, 0)
    others = [*directions[:listed], *directions[listed + 1 :]]
    each = [_item_header(header, number) for number in range(len(array))]
    volumes = tuple(_volume(one, part, others, name) for one, part in zip(each, array))
    try:
        axes = sequence_axes(header, listed, len(volumes))
    except ValueError as error:
        raise header.refuse(str(error)) from error
    return VolumeSequence(volumes=volumes, axes=axes, name=name)


def _item_header(header: NrrdHeader, number: int) -> NrrdHeader:
    """The header as it would be of one volume of a sequence: what is said of all, and of this one."""
    item = re.compile(rf"axis \d+ item 0*{number} (.+)")
    own = {match[1]: text for key, text in header.keys.items() if (match := item.fullmatch(key))}
    shared = {key: text for key, text in header.keys.items() if not key.startswith("axis ")}
    return replace(header, keys={**shared, **own})


def _segmentation(
    header: NrrdHeader, array: np.ndarray[Any, Any], directions: list[tuple[float, float, float] | None], name: str
) -> Segmentation:
    free = [axis for axis, vector in enumerate(directions) if vector is None]
    layers = np.moveaxis(array, len(directions) - 1 - free[0], 0) if free else array[None]
    if layers.dtype.kind != "u":
        if layers.dtype.kind != "i" or layers.min() < 0:
            raise header.refuse("its labels are no unsigned integers")
        layers = layers.astype(f"u{layers.dtype.itemsize}")
    size_k, size_j, size_i = layers.shape[1:]
    geometry, turned = _geometry(header, directions, (size_i, size_j, size_k))
    if turned:
        layers = layers[:, ::-1]
    keys = header.keys
    metadata: dict[str, Any] = {}
    if uids := keys.get("DICOM.instanceUIDs", "").split():
        metadata["source_instance_uids"] = uids
    if codes := keys.get("DICOMLogic.findings", "").split():
        metadata["findings"] = codes
    try:
        return Segmentation(
            layers=np.ascontiguousarray(layers),
            geometry=geometry,
            segments=segments_of(keys),
            name=name,
            metadata=metadata,
            frame_of_reference_uid=keys.get("DICOM_0020_0052_FrameOfReferenceUID", ""),
        )
    except ValueError as error:
        raise header.refuse(f"its segments contradict its layers: {error}") from error
