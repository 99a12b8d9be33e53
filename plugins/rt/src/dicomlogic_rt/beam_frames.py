"""Where the machine is in the patient: 4x4 matrices of beams (IEC 61217) to LPS millimetres.

Every system has its origin at the isocentre here; that of the beam limiting device too, which IEC puts at the source.
So jaws and leaves are at z = 0 as plans give them, and the source is at z = SAD. All are right-handed:

- fixed: z up, y towards the gantry, x to the right of someone who faces it;
- gantry: fixed turned about y by the gantry angle, then about its own x by the pitch (PS3.3 C.8.8.25.6.5), so that z
  points to the source;
- collimator (beam limiting device): gantry turned about z by the collimator angle;
- table top: fixed turned about z by the couch angle and the eccentric angle, then about x (pitch) and y (roll);
- patient: LPS; PatientPosition says how it lies on the table top.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import GeometryError
from dicomlogic_rt.beams import Beam, ControlPoint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

_LEFT, _POSTERIOR, _HEAD = np.eye(3)
# Patient position -> what is up, and what points to the gantry.
_LYING = {
    "HFS": (-_POSTERIOR, _HEAD),
    "HFP": (_POSTERIOR, _HEAD),
    "HFDL": (-_LEFT, _HEAD),
    "HFDR": (_LEFT, _HEAD),
    "FFS": (-_POSTERIOR, -_HEAD),
    "FFP": (_POSTERIOR, -_HEAD),
    "FFDL": (-_LEFT, -_HEAD),
    "FFDR": (_LEFT, -_HEAD),
}


def table_to_patient(patient_position: str) -> Matrix:
    """(3, 3) whose columns are x, y and z of the table top in LPS.

    Raises:
        GeometryError: a position that is unknown or not lying (SITTING).
    """
    lying = _LYING.get(patient_position.upper())
    if lying is None:
        raise GeometryError(
            f"patient position {patient_position[:16]!r} gives no direction",
            code="rt.plan-missing",
            remedy=f"known are {', '.join(_LYING)}",
        )
    up, to_gantry = lying
    return np.stack([np.cross(to_gantry, up), to_gantry, up], axis=1)


def fixed_to_patient(point: ControlPoint, patient_position: str) -> Matrix:
    """(4, 4) from the fixed system to LPS mm.

    Raises:
        GeometryError: ``rt.plan-missing``: no isocentre, couch angle or known patient position.
    """
    if point.isocentre_lps_mm is None:
        raise _missing("an isocentre")
    couch = _angle(point.couch_angle, "a couch angle")
    table = (
        _about("z", couch + (point.eccentric_angle or 0.0))
        @ _about("x", point.table_pitch_angle or 0.0)
        @ _about("y", point.table_roll_angle or 0.0)
    )
    return _placed(table_to_patient(patient_position) @ table.T, point.isocentre_lps_mm)


def gantry_to_patient(point: ControlPoint, patient_position: str) -> Matrix:
    """(4, 4) from the gantry system to LPS mm.

    Raises:
        GeometryError: as `fixed_to_patient`; no gantry angle.
    """
    turned = fixed_to_patient(point, patient_position)
    gantry = _about("y", _angle(point.gantry_angle, "a gantry angle")) @ _about("x", point.gantry_pitch_angle or 0.0)
    turned[:3, :3] = turned[:3, :3] @ gantry
    return turned


def collimator_to_patient(point: ControlPoint, patient_position: str) -> Matrix:
    """(4, 4) from the system of the beam limiting device to LPS mm.

    Raises:
        GeometryError: as `gantry_to_patient`; no collimator angle.
    """
    turned = gantry_to_patient(point, patient_position)
    turned[:3, :3] = turned[:3, :3] @ _about("z", _angle(point.collimator_angle, "a collimator angle"))
    return turned


def source_lps_mm(beam: Beam, point: ControlPoint) -> Matrix:
    """(3,) LPS mm of the source: SAD along z of the gantry.

    Raises:
        GeometryError: as `gantry_to_patient`; no source-axis distance, or different ones in x and y (scanned ions).
    """
    distance = beam.sad_mm
    if beam.ion is not None and beam.ion.virtual_sad_mm is not None:
        x, y = beam.ion.virtual_sad_mm
        distance = x if x == y else None
    if distance is None:
        raise _missing("one source-axis distance")
    frame = gantry_to_patient(point, beam.patient_position)
    return np.asarray(frame[:3, 3] + distance * frame[:3, 2])


def beam_frames(beam: Beam) -> list[Matrix | None]:
    """`collimator_to_patient` of every control point; None where the plan leaves out what it takes."""
    return [_or_none(point, beam.patient_position) for point in beam.control_points]


def _or_none(point: ControlPoint, patient_position: str) -> Matrix | None:
    try:
        return collimator_to_patient(point, patient_position)
    except GeometryError:
        return None


def _about(axis: str, degrees: float) -> Matrix:
    """(3, 3) right-handed rotation; exact for multiples of 90 degrees."""
    quarters, rest = divmod(degrees, 90.0)
    if rest:
        cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    else:
        cosine, sine = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[int(quarters) % 4]
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = cosine
    matrix[first, second], matrix[second, first] = -sine, sine
    return matrix


def _placed(rotation: Matrix, origin: tuple[float, float, float]) -> Matrix:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = origin
    return matrix


def _angle(value: float | None, what: str) -> float:
    if value is None:
        raise _missing(what)
    return value


def _missing(what: str) -> GeometryError:
    return GeometryError(
        f"the plan does not give {what}", code="rt.plan-missing", remedy="none: nothing is put in its place"
    )
