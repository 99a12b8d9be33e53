"""Which distribution handles what, so that a missing plugin can be named. Data only; nothing of it is imported.

SOP class UIDs are those of PS3.6 table A-1.
"""

from __future__ import annotations

_STORAGE = "1.2.840.10008.5.1.4.1.1."

# distribution -> what people call the objects, and the ends of their SOP class UIDs
_BY_DISTRIBUTION: dict[str, dict[str, str]] = {
    "dicomlogic-scalar-volume": {
        "1": "computed radiography image",
        "1.1": "digital X-ray image",
        "1.1.1": "digital X-ray image",
        "1.2": "digital mammography image",
        "1.2.1": "digital mammography image",
        "2": "CT image",
        "2.1": "enhanced CT image",
        "2.2": "legacy converted enhanced CT image",
        "3.1": "ultrasound multi-frame image",
        "4": "MR image",
        "4.1": "enhanced MR image",
        "4.3": "enhanced MR colour image",
        "4.4": "legacy converted enhanced MR image",
        "6.1": "ultrasound image",
        "6.2": "enhanced ultrasound volume",
        "7": "secondary capture image",
        "7.1": "multi-frame single bit secondary capture image",
        "7.2": "multi-frame grayscale byte secondary capture image",
        "7.3": "multi-frame grayscale word secondary capture image",
        "7.4": "multi-frame true color secondary capture image",
        "12.1": "X-ray angiographic image",
        "12.1.1": "enhanced X-ray angiographic image",
        "12.2": "X-ray radiofluoroscopic image",
        "13.1.1": "X-ray 3D angiographic image",
        "13.1.3": "breast tomosynthesis image",
        "20": "nuclear medicine image",
        "30": "parametric map",
        "128": "PET image",
        "128.1": "legacy converted enhanced PET image",
        "130": "enhanced PET image",
        "481.1": "RT image",
    },
    "dicomlogic-rt": {
        "481.2": "RTDOSE",
        "481.3": "RTSTRUCT",
        "481.5": "RTPLAN",
        "481.8": "RT ion plan",
    },
    "dicomlogic-seg": {
        "66.4": "SEG",
        "66.7": "label map SEG",
    },
}

_OBJECTS: dict[str, tuple[str, str]] = {
    _STORAGE + end: (label, distribution)
    for distribution, labels in _BY_DISTRIBUTION.items()
    for end, label in labels.items()
}

_SCHEMES: dict[str, str] = {
    "http": "dicomlogic-dicomweb",
    "https": "dicomlogic-dicomweb",
    "ahi": "dicomlogic-ahi",
}


def distribution_for_object(sop_class: str) -> str:
    """The distribution that handles a SOP class, "" when none is known."""
    return _OBJECTS.get(sop_class, ("", ""))[1]


def object_name(sop_class: str) -> str:
    """What people call objects of a SOP class; the UID when it is not in the table."""
    return _OBJECTS.get(sop_class, (sop_class, ""))[0]


def distribution_for_scheme(scheme: str) -> str:
    """The distribution that handles a URL scheme, "" when none is known."""
    return _SCHEMES.get(scheme, "")
