"""Fields and keys of a ``.seq.nrrd`` file: volumes one after the other, the list axis last, as 3D Slicer reads them.

Slicer's index has one value per volume. Where the data has several axes (echo x time) the index holds texts that name
the value on each of them, and the keys ``DICOMLogic.axis.NAME`` hold every axis as it is.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np

from dicomlogic_core import Axis, FrameRef, Volume, VolumeSequence
from dicomlogic_core.builtin.nrrd_header import attribute_keys, origin_keys, volume_fields

# What is said of each volume, by the names it has in a file of one volume.
_OF_ITEMS = ("DICOM.instanceUIDs", "DICOM.instanceNumbers", "DICOMLogic.frames", "DICOMLogic.missingSlices")
_OF_ITEMS_THAT_DIFFER = ("DICOMLogic.quantity", "DICOMLogic.unit", "DICOMLogic.slicePositionsLpsMm")
# What separates values, and what encodes it; Slicer does not decode letters beyond ASCII.
_URL_ENCODED = re.compile(r"[ %]")
_NOTHING = "none"
# Slicer's sequences always call the list axis 3, also where components make it the fifth.
_LIST_AXIS = "axis 3"


@dataclass(frozen=True, slots=True)
class SequenceIndex:
    """What Slicer calls the index of a sequence: its name, unit, type (numeric or text) and a label per volume."""

    name: str
    unit: str
    type: str
    labels: tuple[str, ...]


def sequence_index(sequence: VolumeSequence) -> SequenceIndex:
    """The first axis where its numbers ascend; otherwise texts of all axes that vary."""
    axes = [axis for axis in sequence.axes if len(set(axis.values)) > 1] or list(sequence.axes[:1])
    if not axes:
        return SequenceIndex("frame", "", "numeric", tuple(str(number) for number in range(len(sequence))))
    first = axes[0]
    if _ascends(first.values):
        return SequenceIndex(first.name, first.unit, "numeric", tuple(value_text(value) for value in first.values))
    labels = [_label(axes, number) for number in range(len(sequence))]
    unit = first.unit if len(axes) == 1 else ""
    return SequenceIndex(";".join(axis.name for axis in axes), unit, "text", _distinct(labels))


def _ascends(values: Sequence[Any]) -> bool:
    # Slicer sorts a numeric index and keeps one volume per value.
    numbers = [value for value in values if _is_number(value) and math.isfinite(value)]
    return len(numbers) == len(values) and numbers == sorted(set(numbers))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _label(axes: Sequence[Axis], number: int) -> str:
    if len(axes) == 1:
        return value_text(axes[0].values[number])
    return ";".join(f"{axis.name}={value_text(axis.values[number])}" for axis in axes)


def _distinct(labels: Sequence[str]) -> tuple[str, ...]:
    met: dict[str, int] = {}
    unlike = []
    for label in labels:
        met[label] = met.get(label, 0) + 1
        unlike.append(label if met[label] == 1 else f"{label};repetition={met[label]}")
    return tuple(unlike)


def value_text(value: Any) -> str:
    """A value of an axis as text: numbers as short as they come back equal, vectors with blanks between."""
    if value is None:
        return _NOTHING
    if _is_number(value):
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    if isinstance(value, (tuple, list, np.ndarray)):
        return " ".join(f"{float(one):.6g}" for one in value)
    text = "".join(letter if letter.isprintable() else " " for letter in str(value))
    return " ".join(text.split()) or _NOTHING


def sequence_fields(sequence: VolumeSequence, encoding: str) -> dict[str, Any]:
    """Fields of the grid of all volumes, with the list axis behind them."""
    index = sequence_index(sequence)
    fields = volume_fields(sequence.volumes[0], encoding)
    before = len(fields["kinds"])
    return {
        **fields,
        "kinds": [*fields["kinds"], "list"],
        "space directions": np.vstack([fields["space directions"], np.full(3, np.nan)]),
        "labels": [*[""] * before, _one_line(index.name)],
        "units": [*[""] * before, _one_line(index.unit)],
    }


def _one_line(text: str) -> str:
    # Fields are quoted and not escaped.
    return "".join(letter if letter.isprintable() and letter.isascii() else "_" for letter in text.replace('"', "'"))


def sequence_keys(sequence: VolumeSequence, *, show_phi: bool = False) -> dict[str, str]:
    """Keys of the index, of every axis, of what all volumes have in common and of where each came from."""
    index = sequence_index(sequence)
    keys = {
        f"{_LIST_AXIS} index type": index.type,
        f"{_LIST_AXIS} index values": " ".join(map(_encoded, index.labels)),
        "DataNodeClassName": _node_class(sequence.volumes[0]),
    }
    return keys | _multivolume_keys(sequence, index) | common_keys(sequence, show_phi=show_phi) | _item_keys(sequence)


def _encoded(label: str) -> str:
    return _URL_ENCODED.sub(lambda match: quote(match[0]), label)


def _node_class(volume: Volume) -> str:
    return "vtkMRMLVectorVolumeNode" if len(volume.array.shape) == 4 else "vtkMRMLScalarVolumeNode"


def common_keys(sequence: VolumeSequence, *, show_phi: bool = False) -> dict[str, str]:
    """What is said of the sequence as a whole: keys of one volume as far as all agree, and the axes."""
    agreed = _agreed([origin_keys(volume) for volume in sequence.volumes])
    keys = {key: value for key, value in agreed.items() if key not in _OF_ITEMS}
    refs = [ref for volume in sequence.volumes for ref in volume.provenance if ref is not None]
    keys |= _uid_keys(refs)
    findings = [*sequence.findings, *(finding for volume in sequence.volumes for finding in volume.findings)]
    if findings:
        keys["DICOMLogic.findings"] = " ".join(dict.fromkeys(finding.code for finding in findings))
    for key, text in attribute_keys(_agreed_attributes(sequence), show_phi=show_phi).items():
        keys.setdefault(key, text)
    return keys | {f"DICOMLogic.axis.{axis.name}": json.dumps(axis_record(axis)) for axis in sequence.axes}


def _agreed(each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What has the same value in all."""
    first, *others = each
    return {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}


def _agreed_attributes(sequence: VolumeSequence) -> dict[str, Any]:
    return _agreed([volume.metadata.get("common", {}) for volume in sequence.volumes])


def _uid_keys(refs: Sequence[FrameRef]) -> dict[str, str]:
    if not refs:
        return {}
    # A sequence may be made of several series.
    return {
        "DICOM_0020_000D_StudyInstanceUID": " ".join(dict.fromkeys(ref.study_uid for ref in refs)),
        "DICOM_0020_000E_SeriesInstanceUID": " ".join(dict.fromkeys(ref.series_uid for ref in refs)),
    }


def axis_record(axis: Axis) -> dict[str, Any]:
    """An axis as JSON holds it."""
    return {"tag": axis.tag, "unit": axis.unit, "values": [_plain(value) for value in axis.values]}


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list, np.ndarray)):
        return [_plain(one) for one in value]
    if not _is_number(value):
        return value
    number = value.item() if isinstance(value, np.generic) else value
    return number if math.isfinite(number) else None


def _item_keys(sequence: VolumeSequence) -> dict[str, str]:
    each = [origin_keys(volume) for volume in sequence.volumes]
    if any("DICOMLogic.frames" in keys for keys in each):
        # Of one film every volume says which frame it is, also the first.
        each = [{"DICOMLogic.frames": _ones(volume), **keys} for volume, keys in zip(sequence.volumes, each)]
    differ = [key for key in _OF_ITEMS_THAT_DIFFER if len({keys.get(key) for keys in each}) > 1]
    # ITK sorts keys as texts: numbers need one width.
    width = max(4, len(str(len(sequence) - 1)))
    return {
        f"{_LIST_AXIS} item {number:0{width}d} {key}": keys[key]
        for number, keys in enumerate(each)
        for key in (*_OF_ITEMS, *differ)
        if key in keys
    }


def _ones(volume: Volume) -> str:
    return " ".join("1" for ref in volume.provenance if ref is not None)


def _multivolume_keys(sequence: VolumeSequence, index: SequenceIndex) -> dict[str, str]:
    """What Slicer's older MultiVolume module calls them; its labels are separated by commas."""
    keys = {
        "MultiVolume.FrameLabels": ",".join(label.replace(",", " ") for label in index.labels),
        "MultiVolume.NumberOfFrames": str(len(sequence)),
        "MultiVolume.FrameIdentifyingDICOMTagName": index.name,
        "MultiVolume.FrameIdentifyingDICOMTagUnits": index.unit,
    }
    agreed = _agreed_attributes(sequence)
    for keyword in ("EchoTime", "RepetitionTime", "FlipAngle"):
        if text := agreed.get(keyword):
            keys[f"MultiVolume.DICOM.{keyword}"] = str(text)
    return keys


def manifest(sequence: VolumeSequence, files: Sequence[str]) -> str:
    """JSON that lists the files of a sequence whose volumes need one each, with the values of its axes."""
    listed = {
        "name": sequence.name,
        "files": list(files),
        "axes": [{"name": axis.name, **axis_record(axis)} for axis in sequence.axes],
    }
    return json.dumps(listed, indent=1, ensure_ascii=False) + "\n"
