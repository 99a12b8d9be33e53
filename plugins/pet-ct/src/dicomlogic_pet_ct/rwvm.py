"""Real world value mappings as values: what a stored or rescaled value of a frame means (PS3.3 C.7.6.16.2.11)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core import SeriesView

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomlogic_core import InstanceRef

MAPPING_CLASS = "1.2.840.10008.5.1.4.1.1.67"
ACTIVITY = "activity"
_SLICER = re.compile(r"slicer|qiicr", re.IGNORECASE)  # Manufacturer of the objects that 3D Slicer's extension writes
_SUV = re.compile(r"\{suv(\w+)(?:\((\w+)\))?\}", re.IGNORECASE)
# Annotation of the UCUM code and, for the lean body mass, the calculation method -> kind of uptake value.
_KINDS = {"bw": "bw", "bsa": "bsa", "ibw": "ibw", "lbm": "lbm", "lbmjames128": "lbm", "lbmjanma": "lbm-janma"}
_METHODS = {"126411": "lbm-120", "126414": "lbm-janma", "126415": "lbm"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueMapping:
    """One way to read frames: real value = `slope` x value + `intercept`.

    Attributes:
        quantity: a kind of uptake value (``bw``, ``lbm``, ``lbm-janma``, ``lbm-120``, ``bsa``, ``ibw``), ``activity``
            in Bq/ml, or "" for anything else.
        unit: UCUM code as written.
        slope: NaN where a table is given instead.
        intercept: 0 for uptake values.
        frames: SOPInstanceUID -> frame numbers from 1; empty numbers mean all frames of the instance.
        series_uids: series that are mapped as a whole, where no instances are named.
    """

    quantity: str
    unit: str
    slope: float
    intercept: float
    frames: Mapping[str, frozenset[int]]
    series_uids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingObject:
    """What one Real World Value Mapping object says.

    Attributes:
        ref: the object.
        manufacturer: who wrote it.
        label: ContentLabel.
        mappings: in the order of the object.
    """

    ref: InstanceRef
    manufacturer: str
    label: str
    mappings: tuple[ValueMapping, ...]

    @property
    def by_slicer(self) -> bool:
        """True for objects of 3D Slicer's extension, whose slopes are for rescaled values against the standard."""
        return bool(_SLICER.search(self.manufacturer))

    @property
    def quantities(self) -> tuple[str, ...]:
        """The quantities mapped to, each once."""
        return tuple(dict.fromkeys(one.quantity for one in self.mappings if one.quantity))

    def maps(self, series: SeriesView, rows: Sequence[int], quantity: str) -> bool:
        """True when a mapping to a quantity is for any of the frames `rows` of a series, usable or not."""
        return any(True for _ in self._places(series, rows, quantity))

    def slopes(self, series: SeriesView, rows: Sequence[int], quantity: str) -> NDArray[np.float64]:
        """(n,) slopes of frame `rows` of a series; NaN where no line through 0 is given, or several disagree."""
        slopes = np.full(len(rows), nan)
        seen: set[int] = set()
        for place, mapping in self._places(series, rows, quantity):
            slope = mapping.slope if mapping.intercept == 0 else nan
            # A frame that is mapped twice has no meaning unless both say the same.
            slopes[place] = slope if place not in seen or slopes[place] == slope else nan
            seen.add(place)
        return slopes

    def _places(self, series: SeriesView, rows: Sequence[int], quantity: str) -> Iterator[tuple[int, ValueMapping]]:
        """Places in `rows`, each with a mapping to the quantity that is for its frame."""
        instance, number = series.frames.instance, series.frames.frame
        uids = [series.sop_uids[int(instance[row])] for row in rows]
        for mapping in self.mappings:
            if mapping.quantity != quantity:
                continue
            whole = series.series_uid in mapping.series_uids
            for place, (row, uid) in enumerate(zip(rows, uids)):
                numbers = mapping.frames.get(uid)
                if whole or (numbers is not None and (not numbers or int(number[row]) in numbers)):
                    yield place, mapping


def mapping_objects(series: SeriesView) -> list[MappingObject]:
    """The mapping objects of a series; objects of other classes are passed over."""
    found = []
    classes = series.text("SOPClassUID")
    items = series.items("ReferencedImageRealWorldValueMappingSequence")
    makers, labels = series.text("Manufacturer"), series.text("ContentLabel")
    whole = series.items("ReferencedSeriesSequence")
    for row, mapped in enumerate(items):
        if classes[row] != MAPPING_CLASS:
            continue
        series_uids = frozenset(uid for item in whole[row] or () if (uid := _text(item, "0020000E")))
        mappings = tuple(one for item in mapped or () for one in _mappings(item, series_uids))
        found.append(
            MappingObject(
                ref=series.instance(row),
                manufacturer=makers[row] or "",
                label=labels[row] or "",
                mappings=mappings,
            )
        )
    return found


def mappings_of(items: Sequence[Mapping[str, Any]]) -> list[ValueMapping]:
    """The mappings that items of RealWorldValueMappingSequence say, without the frames they are for."""
    return [_mapping(item, {}, frozenset()) for item in items]


def _mappings(item: Mapping[str, Any], series_uids: frozenset[str]) -> list[ValueMapping]:
    frames: dict[str, frozenset[int]] = {}
    for image in _items(item, "00081140"):
        numbers = {int(one) for one in _values(image, "00081160") if str(one).isdecimal()}
        uid = _text(image, "00081155")
        frames[uid] = frames.get(uid, frozenset()) | numbers
    whole = frozenset() if frames else series_uids
    return [_mapping(one, frames, whole) for one in _items(item, "00409096")]


def _mapping(
    item: Mapping[str, Any], frames: Mapping[str, frozenset[int]], series_uids: frozenset[str]
) -> ValueMapping:
    code = next(iter(_items(item, "004008EA")), {})
    unit = _text(code, "00080100") or _text(code, "00080119")
    return ValueMapping(
        quantity=_quantity(unit, item),
        unit=unit,
        slope=_number(item, "00409225", nan),
        intercept=_number(item, "00409224", 0.0),
        frames=frames,
        series_uids=series_uids,
    )


def _quantity(unit: str, item: Mapping[str, Any]) -> str:
    """The kind of uptake value by the unit's annotation, in either order, and by the method where that is finer."""
    if unit.lower() == "bq/ml":
        return ACTIVITY
    annotated = _SUV.search(unit)
    if not annotated:
        return ""
    kind = _KINDS.get("".join(part or "" for part in annotated.groups()).lower(), "")
    if kind != "lbm" or annotated.group(2):
        return kind
    codes = {_text(code, "00080100") for one in _items(item, "00409220") for code in _items(one, "0040A168")}
    return next((known for code, known in _METHODS.items() if code in codes), kind)


def _values(item: Mapping[str, Any], key: str) -> Sequence[Any]:
    element = item.get(key)
    values = element.get("Value", ()) if isinstance(element, Mapping) else ()
    return values if isinstance(values, (list, tuple)) else ()


def _items(item: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    return [one for one in _values(item, key) if isinstance(one, Mapping)]


def _text(item: Mapping[str, Any], key: str) -> str:
    return str(next(iter(_values(item, key)), "")).strip()


def _number(item: Mapping[str, Any], key: str, absent: float) -> float:
    try:
        return float(next(iter(_values(item, key)), absent))
    except (TypeError, ValueError):
        return nan
