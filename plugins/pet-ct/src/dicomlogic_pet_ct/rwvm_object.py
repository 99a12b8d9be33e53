"""What loading a Real World Value Mapping object gives."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any, ClassVar

from dicomlogic_core import Finding
from dicomlogic_pet_ct.rwvm import MappingObject, ValueMapping


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueMappings:
    """The mappings of one object, as it says them.

    Attributes:
        name: the loadable's name.
        object: the object.
        findings: what it could not be used for.
    """

    kind: ClassVar[str] = "value-mapping"
    name: str
    object: MappingObject
    findings: tuple[Finding, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "kind": self.kind,
            "name": self.name,
            "sop_instance_uid": self.object.ref.sop_uid,
            "label": self.object.label,
            "manufacturer": self.object.manufacturer,
            "mappings": [_as_dict(one) for one in self.object.mappings],
            "findings": [one.as_dict() for one in self.findings],
        }


def _as_dict(one: ValueMapping) -> dict[str, Any]:
    return {
        "quantity": one.quantity,
        "unit": one.unit,
        "slope": one.slope if isfinite(one.slope) else None,
        "intercept": one.intercept if isfinite(one.intercept) else None,
        "images": {uid: sorted(numbers) for uid, numbers in one.frames.items()},
        "series_uids": sorted(one.series_uids),
    }
