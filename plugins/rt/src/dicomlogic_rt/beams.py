"""Beams of a plan: limiting devices and control points (PS3.3 C.8.8.14)."""

from __future__ import annotations

from dataclasses import dataclass

from dicomlogic_rt.ion import IonHead, IonSettings

Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitingDevice:
    """Jaws or leaves of a beam.

    Attributes:
        type: X, ASYMX, Y, ASYMY (jaws), MLCX or MLCY (leaves); leaves of MLCX move along x. Machines with two layers of
            leaves add a number: MLCX1, MLCX2.
        pairs: number of leaf or jaw pairs.
        boundaries_mm: (pairs + 1) edges of the leaves at the isocentre plane, across their movement.
        source_distance_mm: from the source to the device, or None.
        isocentre_distance_mm: from the isocentre to the device, which ion plans give instead, or None.
    """

    type: str = ""
    pairs: int | None = None
    boundaries_mm: tuple[float, ...] = ()
    source_distance_mm: float | None = None
    isocentre_distance_mm: float | None = None

    @property
    def along_x(self) -> bool:
        """True when its parts move along x of the IEC beam limiting device system, else along y."""
        return self.type.upper().rstrip("0123456789").endswith("X")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Where the pairs of a device are, at the isocentre plane, mm: `first` is the bank at negative coordinates."""

    type: str
    first: tuple[float, ...]
    second: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPoint:
    """The machine at one point of a beam; what the plan leaves out is as at the point before it, else None.

    Attributes:
        index: ControlPointIndex.
        meterset_weight: cumulative.
        energy: nominal, MV or MeV (per nucleon for ions).
        dose_rate: DoseRateSet, in the beam's dosimeter unit per minute.
        gantry_angle, gantry_rotation: degrees; CW, CC or NONE from this point to the next. The rotations below alike.
        gantry_pitch_angle: degrees.
        collimator_angle, collimator_rotation: of the beam limiting device.
        couch_angle, couch_rotation: of the patient support.
        eccentric_angle: of the table top.
        table_pitch_angle, table_roll_angle: of the table top.
        table_vertical_mm, table_longitudinal_mm, table_lateral_mm: of the table top, IEC.
        isocentre_lps_mm: in the patient.
        source_to_surface_mm: along the beam axis.
        openings: of jaws and leaves, one for each device.
        ion: head and spots of ion beams.
    """

    index: int | None = None
    meterset_weight: float | None = None
    energy: float | None = None
    dose_rate: float | None = None
    gantry_angle: float | None = None
    gantry_rotation: str = ""
    gantry_pitch_angle: float | None = None
    collimator_angle: float | None = None
    collimator_rotation: str = ""
    couch_angle: float | None = None
    couch_rotation: str = ""
    eccentric_angle: float | None = None
    table_pitch_angle: float | None = None
    table_roll_angle: float | None = None
    table_vertical_mm: float | None = None
    table_longitudinal_mm: float | None = None
    table_lateral_mm: float | None = None
    isocentre_lps_mm: Point | None = None
    source_to_surface_mm: float | None = None
    openings: tuple[Opening, ...] = ()
    ion: IonSettings | None = None

    def opening(self, type: str) -> Opening | None:
        """The opening of a device; None when the plan has none."""
        return next((one for one in self.openings if one.type == type), None)

    def jaws_x(self) -> tuple[float, float] | None:
        """Both edges of the X or ASYMX jaws, mm; None without such jaws."""
        return self._jaws("X", "ASYMX")

    def jaws_y(self) -> tuple[float, float] | None:
        """Both edges of the Y or ASYMY jaws, mm; None without such jaws."""
        return self._jaws("Y", "ASYMY")

    def _jaws(self, *types: str) -> tuple[float, float] | None:
        found = next((one for type in types if (one := self.opening(type)) is not None), None)
        return None if found is None or not found.first else (found.first[0], found.second[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Beam:
    """A treatment or set-up beam.

    Attributes:
        number, name, description: as in the plan.
        type: STATIC or DYNAMIC.
        delivery: TreatmentDeliveryType: TREATMENT, SETUP ...
        radiation: PHOTON, ELECTRON, NEUTRON, PROTON, ION.
        machine: name of the treatment machine.
        dosimeter_unit: MU, MINUTE or NP.
        sad_mm: source-axis distance; for ions see `IonHead.virtual_sad_mm`.
        patient_position: HFS, FFP ... of the patient setup it names; "" when it names none.
        final_meterset_weight: cumulative weight at the last control point.
        wedges, compensators, boli, blocks: how many; None when not told.
        devices: jaws and leaves.
        control_points: by index.
        ion: the head of ion beams.
    """

    number: int | None = None
    name: str = ""
    description: str = ""
    type: str = ""
    delivery: str = ""
    radiation: str = ""
    machine: str = ""
    dosimeter_unit: str = ""
    sad_mm: float | None = None
    patient_position: str = ""
    final_meterset_weight: float | None = None
    wedges: int | None = None
    compensators: int | None = None
    boli: int | None = None
    blocks: int | None = None
    devices: tuple[LimitingDevice, ...] = ()
    control_points: tuple[ControlPoint, ...] = ()
    ion: IonHead | None = None

    @property
    def is_static(self) -> bool:
        """True for two control points of a STATIC beam, between which nothing moves."""
        return self.type == "STATIC" and len(self.control_points) == 2

    @property
    def isocentres_lps_mm(self) -> tuple[Point, ...]:
        """Every isocentre of its control points, once each."""
        points = [point.isocentre_lps_mm for point in self.control_points]
        return tuple(dict.fromkeys(point for point in points if point is not None))
