"""Uptake values of a volume as a Real World Value Mapping object, so that others need not compute them again."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from dicomlogic_core import FrameRef, Volume, WriteError, replacing
from dicomlogic_pet_ct.norms import VARIANTS, Variant
from dicomlogic_pet_ct.rwvm_dataset import Mapped, mapping_dataset

_SUFFIX = ".rwvm.dcm"


class RwvmWriter:
    """Writes the factors of an uptake value volume as DICOM; the voxels stay in the images that it refers to."""

    def write(self, obj: Any, path: Path, options: Mapping[str, str]) -> Sequence[Path]:
        """Write ``PATH.rwvm.dcm``; see `write_rwvm`.

        Raises:
            WriteError: the object is no uptake value volume of this plugin; the disk is full.
        """
        return [write_rwvm(obj, path.with_name(path.name + _SUFFIX))]


def write_rwvm(volume: Volume, path: Path) -> Path:
    """Write the mapping from the stored values of the images of `volume` to its uptake values; returns `path`.

    As the standard has it slopes are for stored values (PS3.3 C.7.6.16.2.11), one item per distinct slope with the
    frames it is for. Patient and study are named as far as the volume knows them: load it with ``show_phi=true`` for an
    object that archives put beside its images. A lazy volume is not fetched.

    Raises:
        WriteError: the volume holds no uptake values, or they are not those of its frames any more; the disk is full.
    """
    data = io.BytesIO()
    mapping_dataset(_mapped(volume)).save_as(data, enforce_file_format=True)
    with replacing(path) as file:
        file.write(data.getvalue())
    return path


def _mapped(volume: Any) -> Mapped:
    suv = volume.metadata.get("suv") if isinstance(volume, Volume) else None
    if not isinstance(suv, Mapping) or not suv.get("stored_scale"):
        raise WriteError(
            "only uptake values can be written as a real world value mapping",
            remedy="load a volume whose name ends with (SUVbw) or another kind of SUV",
        )
    slopes = [float(value) for value in suv["stored_scale"]]
    pairs = [(ref, slope) for ref, slope in zip(volume.provenance, slopes) if ref is not None]
    if len(slopes) != len(volume.provenance) or not all(isfinite(slope) and slope > 0 for _, slope in pairs):
        raise WriteError("slices and factors do not belong together", remedy="write the volume as it was loaded")
    common = volume.metadata.get("common", {})
    return Mapped(
        frames=_frames(pairs),
        slopes=tuple(slope for _, slope in pairs),
        variant=_variant(str(suv.get("type", ""))),
        sop_class=_one(common, "SOPClassUID"),
        bits=int(_one(common, "BitsStored")),
        signed=_one(common, "PixelRepresentation") == "1",
        attributes=common,
    )


def _frames(pairs: Sequence[tuple[FrameRef, float]]) -> tuple[FrameRef, ...]:
    if not pairs:
        raise WriteError("the volume does not say which images it is from", remedy="write it as it was loaded")
    return tuple(ref for ref, _ in pairs)


def _variant(key: str) -> Variant:
    if key not in VARIANTS:
        raise WriteError(f"there is no code for uptake values of kind {key!r}", remedy=f"known: {', '.join(VARIANTS)}")
    return VARIANTS[key]


def _one(common: Mapping[str, str], keyword: str) -> str:
    if not common.get(keyword):
        raise WriteError(
            f"images that differ in {keyword}, or do not say it, cannot share a mapping",
            remedy="load the parts of the series",
        )
    return common[keyword]
