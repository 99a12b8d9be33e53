"""Uptake values of a volume as a Real World Value Mapping object, so that others need not compute them again."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any

from dicomlogic_core import Volume, WriteError, parse_number, replacing
from dicomlogic_pet_ct.norms import VARIANTS
from dicomlogic_pet_ct.rwvm_dataset import Mapped, mapping_dataset

_SUFFIX = ".rwvm.dcm"
_DATE, _TIME = re.compile(r"\d{8}"), re.compile(r"\d{6}")


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
    report = volume.metadata.get("report") if isinstance(volume, Volume) else None
    variant = VARIANTS.get(str(report.get("variant"))) if isinstance(report, Mapping) else None
    if report is None or variant is None:
        raise WriteError(
            "only uptake values can be written as a real world value mapping",
            remedy="load a volume whose name ends with (SUVbw) or another kind of SUV",
        )
    frames = tuple(ref for ref in volume.provenance if ref is not None)
    slopes = _slopes(volume, report)
    if not frames or len(slopes) != len(frames) or not all(isfinite(slope) and slope > 0 for slope in slopes):
        raise WriteError("slices and factors do not belong together", remedy="write the volume as it was loaded")
    common = volume.metadata.get("common", {})
    date, time = _moment(report.get("header", {}))
    return Mapped(
        frames=frames,
        slopes=slopes,
        variant=variant,
        sop_class=_one(common, "SOPClassUID"),
        bits=int(_one(common, "BitsStored")),
        signed=_one(common, "PixelRepresentation") == "1",
        date=date,
        time=time,
        attributes=common,
    )


def _moment(header: Mapping[str, str]) -> tuple[str, str]:
    """Date and time of the images, not of writing: what is written twice is one object. That of now where they are
    not known, as there must be one (PS3.3 C.11.14).
    """
    dates = (
        header.get("SeriesDate", ""),
        header.get("AcquisitionDate", ""),
        header.get("FrameAcquisitionDateTime", ""),
    )
    date = next((found.group() for text in dates if (found := _DATE.match(text))), "")
    if not date:
        now = datetime.now()
        return now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    times = (header.get("SeriesTime", ""), header.get("AcquisitionTime", ""))
    return date, next((found.group() for text in times if (found := _TIME.match(text))), "000000")


def _slopes(volume: Volume, report: Mapping[str, Any]) -> tuple[float, ...]:
    """Uptake value per stored value of every slice that is there; empty when the volume does not tell."""
    if "stored_scale" in report:
        return tuple(float(value) for value in report["stored_scale"])
    count = sum(ref is not None for ref in volume.provenance)
    factor = report.get("factor")
    factors = factor if isinstance(factor, list) else [factor] * count
    common = volume.metadata.get("common", {}).get("RescaleSlope")
    varying = volume.metadata.get("varying", {}).get("RescaleSlope") or [common] * len(volume.provenance)
    rescale = [parse_number(text) for ref, text in zip(volume.provenance, varying) if ref is not None]
    if len(factors) != len(rescale) or None in factors:
        return ()
    return tuple(slope * float(its) for slope, its in zip(rescale, factors))


def _one(common: Mapping[str, str], keyword: str) -> str:
    if not common.get(keyword):
        raise WriteError(
            f"images that differ in {keyword}, or do not say it, cannot share a mapping",
            remedy="load the parts of the series",
        )
    return common[keyword]
