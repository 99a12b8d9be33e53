"""What a dose volume says of itself: unit, type, plan, and the attributes that a writer keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dicomlogic_core import SeriesView
from dicomlogic_rt.dose_headers import DoseHeader

_KEYWORDS = (
    *("Modality", "SeriesNumber", "SeriesDescription", "StudyDescription", "Manufacturer", "ManufacturerModelName"),
    *("SoftwareVersions", "PatientPosition", "DoseUnits", "DoseType", "DoseSummationType"),
)
_GRAY = {"value": "Gy", "scheme": "UCUM", "meaning": "gray"}


def unit_of(header: DoseHeader) -> str:
    """UCUM code of the values; "" when DoseUnits is absent or unknown."""
    return {"GY": "Gy", "RELATIVE": "1"}.get(header.units, "")


def dose_metadata(
    series: SeriesView, headers: Sequence[DoseHeader], scales: Sequence[float], *, interpolated: bool
) -> dict[str, Any]:
    """JSON-able: ``dose``, which is the report too, attributes ``common`` to all slices, and the code of the unit."""
    first = headers[0]
    dose = {
        "units": first.units,
        "type": first.kind,
        "summation_type": first.summation,
        "tissue_heterogeneity_correction": list(first.corrections),
        "normalisation_point_lps_mm": None if first.normalisation_point is None else list(first.normalisation_point),
        "scaling": scales[0] if len(set(scales)) == 1 else list(scales),
        "plans": [part.as_dict() for part in dict.fromkeys(part for header in headers for part in header.plans)],
        "structure_set_uids": list(dict.fromkeys(uid for header in headers for uid in header.structure_sets)),
        "sop_uids": [header.sop_uid for header in headers],
        "interpolated": interpolated,
    }
    common = {keyword: text for keyword in _KEYWORDS if (text := series.text(keyword)[first.row])}
    code = {"unit_code": _GRAY} if unit_of(first) == "Gy" else {}
    return {"dose": dose, "report": dose, "common": common, **code}
