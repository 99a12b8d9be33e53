"""pydicom Datasets from DICOM JSON, for callers that ask for the whole header of an instance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dicomlogic_core.header.jsonvalues import BYTES_VRS, element_values, element_vr, inline_bytes
from dicomlogic_core.header.syntax import DEEPEST
from dicomlogic_core.header.text import JSON_VRS, json_text

if TYPE_CHECKING:
    from pydicom import Dataset

_INTEGERS = frozenset(("US", "SS", "UL", "SL", "UV", "SV"))
_FEW_NUMBERS = 48  # more, such as contours, stay text until asked for: pydicom makes an object of every number
_ONE_TEXT = frozenset(("ST", "LT", "UT", "UR"))


def dataset_of(obj: Mapping[str, Any], depth: int = 0) -> Dataset:
    """A Dataset of a DICOM JSON object whose keys are eight hex digits.

    An element that cannot be converted is left out; bulk data that is only referred to becomes an empty value.
    """
    from pydicom import DataElement, Dataset, config
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import BaseTag

    dataset = Dataset()
    for key, element in obj.items():
        if not isinstance(element, dict) or key.endswith("0000"):
            continue
        try:
            vr = element_vr(key, element)
            tag = BaseTag(int(key, 16))
            if vr == "DS" and len(values := element_values(element)) > _FEW_NUMBERS:
                text = "\\".join(["" if one is None else JSON_VRS[vr](one) for one in values]).encode("latin-1")
                dataset[tag] = RawDataElement(tag, vr, len(text), text, 0, False, True)
                continue
            dataset.add(DataElement(tag, vr, _value(vr, element, depth), validation_mode=config.IGNORE))
        except (ValueError, TypeError, OverflowError, KeyError, AttributeError):
            continue
    return dataset


def _value(vr: str, element: Mapping[str, Any], depth: int) -> Any:
    from pydicom.dataelem import empty_value_for_VR

    values = element_values(element)
    if vr == "SQ":
        if depth >= DEEPEST:
            return []
        return [dataset_of(value if isinstance(value, dict) else {}, depth + 1) for value in values]
    if vr in BYTES_VRS:
        return inline_bytes(element) or b""
    if not values:
        return empty_value_for_VR(vr)
    if vr in ("FL", "FD"):
        numbers = [float("nan") if value is None else float(value) for value in values]
        return numbers[0] if len(numbers) == 1 else numbers
    text = json_text(vr, values)
    if not text:
        return empty_value_for_VR(vr)
    if vr in _ONE_TEXT:
        return text
    parts = [_NUMBERS[vr](part) if vr in _NUMBERS else part for part in text.split("\\")]
    return parts[0] if len(parts) == 1 else parts


def _tag(part: str) -> int:
    return int(part.strip("()").replace(",", ""), 16)


_NUMBERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(_INTEGERS, int),
    "AT": _tag,
}
