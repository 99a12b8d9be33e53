"""Axes of a sequence from the keys of its file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from dicomlogic_core import Axis
from dicomlogic_core.builtin.nrrd_fields import NrrdHeader

_OWN = "DICOMLogic.axis."


def sequence_axes(header: NrrdHeader, listed: int, count: int) -> tuple[Axis, ...]:
    """The axes as they were written, or the one that Slicer's index tells.

    Raises:
        ValueError: an axis has not one value per volume.
    """
    own = [_own(key.removeprefix(_OWN), text) for key, text in header.keys.items() if key.startswith(_OWN)]
    axes = tuple(axis for axis in own if axis is not None and len(axis.values) == count)
    if axes:
        return axes
    indexed = _indexed(header, listed, count)
    if indexed is not None and len(indexed.values) != count:
        raise ValueError(f"{len(indexed.values)} index values for {count} volumes")
    return () if indexed is None else (indexed,)


def _own(name: str, text: str) -> Axis | None:
    try:
        told = json.loads(text)
        values = tuple(tuple(one) if isinstance(one, list) else one for one in told["values"])
        return Axis(name=name, tag=str(told["tag"]), unit=str(told["unit"]), values=values)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _indexed(header: NrrdHeader, listed: int, count: int) -> Axis | None:
    """The index of a Slicer sequence, or the frame labels of an older multi-volume file."""
    keys = header.keys
    # Slicer calls a list axis 3 wherever components move it to.
    start = next((start for start in (f"axis {listed}", "axis 3", "axis 0") if f"{start} index values" in keys), "")
    if start:
        texts = [unquote(text) for text in keys[f"{start} index values"].split()]
        numeric = keys.get(f"{start} index type", "numeric") == "numeric"
        name, unit = (_quoted(header, field, listed) for field in ("labels", "units"))
    elif "MultiVolume.FrameLabels" in keys:
        texts, numeric = keys["MultiVolume.FrameLabels"].split(","), True
        name = keys.get("MultiVolume.FrameIdentifyingDICOMTagName", "")
        unit = keys.get("MultiVolume.FrameIdentifyingDICOMTagUnits", "")
    else:
        return None
    return Axis(name=name or "frame", tag="", unit=unit, values=_values(texts) if numeric else tuple(texts))


def _quoted(header: NrrdHeader, field: str, axis: int) -> str:
    texts = header.quoted(field)
    return texts[axis] if axis < len(texts) else ""


def _values(texts: Sequence[str]) -> tuple[Any, ...]:
    try:
        return tuple(float(text) for text in texts)
    except ValueError:
        return tuple(texts)
