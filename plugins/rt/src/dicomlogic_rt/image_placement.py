"""Where a portal image or reconstructed radiograph lies: in the room when its plan is there (PS3.3 C.8.8.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import GeometryError, SeriesView, parse_number, parse_numbers
from dicomlogic_rt.beam_frames import gantry_to_patient
from dicomlogic_rt.beams import Beam, ControlPoint

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.481.1"
_UPRIGHT = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)  # rows run along x of the receptor, columns against y
_MOVED = 1e-6
_LARGEST = 1e6  # a kilometre


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageHeader:
    """One RT image; lengths in mm, angles in degrees, NaN or None where absent.

    Attributes:
        plane: RTImagePlane.
        translation: XRayImageReceptorTranslation; `receptor_angle`: XRayImageReceptorAngle.
        orientation: RTImageOrientation, cosines of row and column in the receptor's system.
        spacing: ImagePlanePixelSpacing, distance of rows, then of columns, in the image plane.
        position: RTImagePosition, x and y of the first pixel's centre in the receptor's system.
        sad, sid: distances of source and axis, source and image.
        point: the machine as the image says.
        patient_position: HFS ...; "" when absent.
        beam_number: ReferencedBeamNumber.
    """

    plane: str
    translation: tuple[float, ...]
    receptor_angle: float
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]
    position: tuple[float, ...]
    sad: float
    sid: float
    point: ControlPoint
    patient_position: str
    beam_number: int | None


def image_header(series: SeriesView, row: int) -> ImageHeader:
    """What the header of an instance says about its place."""

    def text(keyword: str) -> str:
        return (series.text(keyword)[row] or "").strip()

    def number(keyword: str) -> float:
        return _sane((parse_number(text(keyword)),))[0]

    def numbers(keyword: str, count: int) -> tuple[float, ...]:
        return _sane(parse_numbers(text(keyword), count))

    def angle(keyword: str) -> float | None:
        value = number(keyword)
        return None if math.isnan(value) else value

    beam = number("ReferencedBeamNumber")
    x, y, z = numbers("IsocenterPosition", 3)
    return ImageHeader(
        plane=text("RTImagePlane"),
        translation=numbers("XRayImageReceptorTranslation", 3),
        receptor_angle=number("XRayImageReceptorAngle"),
        orientation=numbers("RTImageOrientation", 6) if text("RTImageOrientation") else _UPRIGHT,
        spacing=numbers("ImagePlanePixelSpacing", 2),
        position=numbers("RTImagePosition", 2),
        sad=number("RadiationMachineSAD"),
        sid=number("RTImageSID"),
        point=ControlPoint(
            gantry_angle=angle("GantryAngle"),
            gantry_pitch_angle=angle("GantryPitchAngle"),
            couch_angle=angle("PatientSupportAngle"),
            eccentric_angle=angle("TableTopEccentricAngle"),
            table_pitch_angle=angle("TableTopPitchAngle"),
            table_roll_angle=angle("TableTopRollAngle"),
            isocentre_lps_mm=None if math.isnan(x) else (x, y, z),
        ),
        patient_position=text("PatientPosition"),
        beam_number=None if math.isnan(beam) else int(beam),
    )


def _sane(values: tuple[float, ...]) -> tuple[float, ...]:
    """The numbers; all NaN when one is infinite or beyond anything that lengths and angles can be."""
    return values if all(abs(value) <= _LARGEST for value in values) else (math.nan,) * len(values)


def plane_matrix(header: ImageHeader) -> NDArray[np.float64]:
    """(4, 4) from (i, j, k) to mm in the plane of an image that is not placed in the patient.

    z is 0 and the slice 1 mm thick; pixels of unknown size count as 1 mm.
    """
    rows, columns = header.spacing if header.spacing[0] > 0 and header.spacing[1] > 0 else (1.0, 1.0)
    matrix = np.diag([columns, rows, 1.0, 1.0])
    if not math.isnan(header.position[0]):
        # y of the receptor points up, j down.
        matrix[:2, 3] = header.position[0], -header.position[1]
    return matrix


def placed_matrix(header: ImageHeader, beam: Beam | None) -> NDArray[np.float64]:
    """(4, 4) from (i, j, k) to LPS mm: the image at its distance from the source, k away from the source.

    The machine stands as the image says, and as the first control point of `beam` where the image says nothing; the
    isocentre is the beam's, else the image's own.

    Raises:
        GeometryError: ``rt.image-placement``: what is missing, or why the plane is not the receptor's.
    """
    _check(header)
    machine = _machine(header, beam)
    if machine.gantry_pitch_angle:
        raise _not_placed("its gantry is pitched")
    frame = gantry_to_patient(machine, _patient_position(header, beam))
    first, second = np.array(header.orientation[:3]), np.array(header.orientation[3:])
    rows, columns = header.spacing
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1] = first * columns, second * rows
    matrix[:3, 2] = np.cross(first, second)
    matrix[:3, 3] = header.position[0], header.position[1], header.sad - header.sid
    return np.asarray(frame @ matrix)


def _check(header: ImageHeader) -> None:
    if header.plane not in ("NORMAL", ""):
        raise _not_placed(f"its plane is {header.plane[:16]}, not normal to the beam axis")
    moved = [value for value in (*header.translation[:2], header.receptor_angle) if abs(value) > _MOVED]
    if moved:
        raise _not_placed("its receptor is moved or turned")
    for what, value in {
        "RTImageSID": header.sid,
        "RadiationMachineSAD": header.sad,
        "ImagePlanePixelSpacing": min(header.spacing),
        "RTImagePosition": header.position[0],
        "a readable RTImageOrientation": header.orientation[0],
    }.items():
        positive = what in ("RTImagePosition", "a readable RTImageOrientation") or value > 0
        if math.isnan(value) or not positive:
            raise _not_placed(f"it has no {what}")
    first, second = np.array(header.orientation[:3]), np.array(header.orientation[3:])
    if abs(float(first @ second)) > 1e-3 or not np.allclose([first @ first, second @ second], 1, atol=2e-3):
        raise _not_placed("the cosines of RTImageOrientation are not orthogonal units")


def _machine(header: ImageHeader, beam: Beam | None) -> ControlPoint:
    """The machine of the image; each thing it does not say as at the first control point of the beam."""
    own = header.point
    planned = beam.control_points[0] if beam is not None and beam.control_points else ControlPoint()
    isocentres = beam.isocentres_lps_mm if beam is not None else ()
    if len(isocentres) > 1:
        raise _not_placed("its beam has several isocentres")
    isocentre = isocentres[0] if isocentres else own.isocentre_lps_mm
    if isocentre is None:
        raise _not_placed("no isocentre: its plan beam is not here or has none")

    def told(mine: float | None, planned: float | None) -> float | None:
        return planned if mine is None else mine

    return ControlPoint(
        gantry_angle=told(own.gantry_angle, planned.gantry_angle),
        gantry_pitch_angle=told(own.gantry_pitch_angle, planned.gantry_pitch_angle),
        couch_angle=told(own.couch_angle, planned.couch_angle),
        eccentric_angle=told(own.eccentric_angle, planned.eccentric_angle),
        table_pitch_angle=told(own.table_pitch_angle, planned.table_pitch_angle),
        table_roll_angle=told(own.table_roll_angle, planned.table_roll_angle),
        isocentre_lps_mm=isocentre,
    )


def _patient_position(header: ImageHeader, beam: Beam | None) -> str:
    return (beam.patient_position if beam is not None else "") or header.patient_position


def _not_placed(why: str) -> GeometryError:
    return GeometryError(f"the image is not placed in the patient: {why}", code="rt.image-placement")
