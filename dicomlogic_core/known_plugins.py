"""Which distribution handles what, so that a missing plugin can be named. Data only; nothing of it is imported.

SOP class UIDs are those of PS3.6 table A-1.
"""

from __future__ import annotations

_STORAGE = "1.2.840.10008.5.1.4.1.1."

# distribution -> what people call the objects -> the ends of their SOP class UIDs
_BY_DISTRIBUTION: dict[str, dict[str, str]] = {
    "dicomlogic-scalar-volume": {
        "computed radiography image": "1",
        "digital X-ray image": "1.1 1.1.1 1.3 1.3.1",
        "digital mammography image": "1.2 1.2.1",
        "CT image": "2",
        "enhanced CT image": "2.1 2.2",
        "ultrasound image": "3.1 6.1",
        "enhanced ultrasound volume": "6.2",
        "MR image": "4",
        "enhanced MR image": "4.1 4.3 4.4",
        "secondary capture image": "7 7.1 7.2 7.3 7.4",
        "X-ray angiographic image": "12.1 12.1.1 13.1.1",
        "X-ray radiofluoroscopic image": "12.2 12.2.1",
        "X-ray craniofacial image": "13.1.2",
        "breast tomosynthesis image": "13.1.3 13.1.4 13.1.5",
        "optical coherence tomography image": "14.1 14.2 77.1.5.4",
        "nuclear medicine image": "20",
        "parametric map": "30",
        "endoscopic image": "77.1.1 77.1.1.1",
        "microscopic image": "77.1.2 77.1.2.1 77.1.3",
        "photographic image": "77.1.4 77.1.4.1 77.1.5.1 77.1.5.2",
        "PET image": "128",
        "enhanced PET image": "128.1 130",
    },
    "dicomlogic-rt": {
        "RTIMAGE": "481.1",
        "RTDOSE": "481.2",
        "RTSTRUCT": "481.3",
        "RTPLAN": "481.5 481.8",
        "spatial registration": "66.1 66.3",
        "spatial fiducials": "66.2",
    },
    "dicomlogic-pet-ct": {
        "real world value mapping": "67",
    },
    "dicomlogic-seg": {
        "SEG": "66.4 66.7",
    },
}

# SOP class UID -> what people call its objects, and the distribution
_OBJECTS: dict[str, tuple[str, str]] = {
    _STORAGE + end: (label, distribution)
    for distribution, objects in _BY_DISTRIBUTION.items()
    for label, ends in objects.items()
    for end in ends.split()
}

_SCHEMES: dict[str, str] = {
    "http": "dicomlogic-dicomweb",
    "https": "dicomlogic-dicomweb",
    "dicomweb": "dicomlogic-dicomweb",
    "dicomweb+http": "dicomlogic-dicomweb",
    "dicomweb+https": "dicomlogic-dicomweb",
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
