"""From rescaled values to Bq/ml, or to the uptake value they already are (PS3.3 C.8.9.1.1.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from dicomlogic_core import Finding, finding
from dicomlogic_pet_ct.inputs import Number, PetInputs, Word, number
from dicomlogic_pet_ct.norms import BY_SUV_TYPE, VARIANTS, Variant
from dicomlogic_pet_ct.severities import has_errors

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KINDS = {"BQML": 1.0, "KBQML": 1000.0}
_USUAL_SUV = (1e-9, 10.0)  # g/ml per unit of a 16-bit image
_USUAL_ACTIVITY = (1e-6, 1e6)  # Bq/ml per unit
_USUAL_SECONDS = (0.01, 14400.0)
_SUV_UNITS = {"GML": "g/ml", "CM2ML": "cm2/ml"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """What rescaled values become.

    Attributes:
        kind: ``activity`` (Bq/ml) or ``suv``.
        scale: (n,) factor of every frame.
        rule: how, for the report.
        variant: which uptake value, for ``suv``.
        vendor_suv: (n,) the scanner's own factors to SUVbw where it gives those to Bq/ml as well.
        inputs: what was used besides Units.
        findings: what is worth knowing.
    """

    kind: Literal["activity", "suv"]
    scale: NDArray[np.float64]
    rule: str
    variant: Variant | None = None
    vendor_suv: NDArray[np.float64] | None = None
    inputs: tuple[Number | Word, ...] = ()
    findings: tuple[Finding, ...] = ()


def calibration(inputs: PetInputs) -> Calibration | tuple[Finding, ...]:
    """What the rescaled values of a series become, or the errors that say why they cannot become anything."""
    errors = _scaling_errors(inputs)
    if errors:
        return errors
    units = inputs.units.value
    if units in _KINDS:
        return Calibration(kind="activity", scale=_constant(inputs, _KINDS[units]), rule=f"Units {units}")
    if units in _SUV_UNITS:
        return _as_suv(inputs)
    if units == "CNTS":
        return _counts(inputs)
    if units == "CPS":
        return _rate(inputs, 1.0, "Units CPS")
    return (_unsupported(f"Units {units or 'absent'} cannot become activity"),)


def _constant(inputs: PetInputs, value: float) -> NDArray[np.float64]:
    return np.full(len(inputs.frames), value)


def _unsupported(message: str) -> Finding:
    return finding("suv.units-unsupported", message, severity="error")


def _scaling_errors(inputs: PetInputs) -> tuple[Finding, ...]:
    """A PET image has a positive slope and no intercept (PS3.3 C.8.9.4)."""
    found: list[Finding] = []
    frames = inputs.frames
    if not len(frames) or not (np.isfinite(frames.slope) & (frames.slope > 0)).all():
        found.append(finding("suv.rescale", "RescaleSlope of a frame is no positive number", severity="error"))
    if not (frames.intercept == 0).all():
        most = frames.intercept[np.argmax(np.abs(frames.intercept))]
        found.append(finding("suv.intercept", f"RescaleIntercept is {most:g}, not 0", severity="error"))
    return tuple(found)


def _as_suv(inputs: PetInputs) -> Calibration | tuple[Finding, ...]:
    units, suv_type = inputs.units.value, inputs.suv_type.value
    assumed = "" if suv_type else ", as SUVType is absent"
    suv_type = suv_type or ("BW" if units == "GML" else "BSA")
    variant = BY_SUV_TYPE.get(suv_type)
    if variant is None or variant.unit != _SUV_UNITS[units]:
        return (_unsupported(f"Units {units} with SUVType {suv_type}"),)
    rule = f"Units {units}: values are {variant.label} already{assumed}"
    return Calibration(kind="suv", scale=_constant(inputs, 1.0), rule=rule, variant=variant, inputs=(inputs.suv_type,))


def _counts(inputs: PetInputs) -> Calibration | tuple[Finding, ...]:
    """Philips' factors (7053,1009) to Bq/ml and (7053,1000) to SUVbw, else counts per second."""
    frames = inputs.frames
    to_activity, to_suv = _usable(frames.philips_activity), _usable(frames.philips_suv)
    philips = (
        _private("SUV scale factor", "7053,1000", frames.philips_suv, "g/ml"),
        _private("activity concentration scale factor", "7053,1009", frames.philips_activity, "Bq/ml"),
    )
    if to_activity is not None:
        return Calibration(
            kind="activity",
            scale=to_activity,
            rule="Units CNTS x (7053,1009) of Philips",
            vendor_suv=to_suv,
            inputs=philips,
            findings=(*_odd("(7053,1009)", to_activity, _USUAL_ACTIVITY), *_odd("(7053,1000)", to_suv, _USUAL_SUV)),
        )
    missing: tuple[Finding, ...] = ()
    if np.isfinite(frames.philips_activity).any() or np.isfinite(frames.philips_suv).any():
        lacking = "(7053,1009)" if to_suv is not None else "(7053,1000) and (7053,1009)"
        missing = (finding("suv.philips-factor", f"{lacking} of Philips is absent, 0 or not in every frame"),)
    if to_suv is not None:
        rule = "Units CNTS x (7053,1000) of Philips: SUVbw"
        doubtful = missing if np.isfinite(frames.philips_activity).any() else ()
        bw, doubtful = VARIANTS["bw"], (*doubtful, *_odd("(7053,1000)", to_suv, _USUAL_SUV))
        return Calibration(kind="suv", scale=to_suv, rule=rule, variant=bw, inputs=philips, findings=doubtful)
    seconds = _usable(frames.duration_s)
    if seconds is None:
        return (*missing, _unsupported("Units CNTS without Philips' factors and without ActualFrameDuration"))
    rate = _rate(inputs, 1.0 / seconds, "Units CNTS / ActualFrameDuration")
    if isinstance(rate, tuple):
        return (*missing, *rate)
    odd = _odd("ActualFrameDuration", seconds, _USUAL_SECONDS, "suv.duration")
    return Calibration(kind="activity", scale=rate.scale, rule=rate.rule, findings=(*missing, *odd))


def _rate(inputs: PetInputs, scale: float | NDArray[np.float64], start: str) -> Calibration | tuple[Finding, ...]:
    """Counts per second: calibrated ones per voxel, others by the factor that calibrates them."""
    frames = inputs.frames
    if has_errors(inputs.findings):  # what is corrected may be among that which differs
        return tuple(one for one in inputs.findings if one.severity == "error")
    if "DCAL" in inputs.corrected:
        volume = _usable(frames.voxel_ml)
        if volume is None:
            return (_unsupported(f"{start} with DCAL, but the volume of a voxel is unknown"),)
        return Calibration(kind="activity", scale=scale / volume, rule=f"{start} / ml of a voxel (DCAL)")
    factor = _usable(frames.calibration)
    if factor is None:
        return (_unsupported(f"{start} without DCAL in CorrectedImage and without DoseCalibrationFactor"),)
    return Calibration(kind="activity", scale=scale * factor, rule=f"{start} x DoseCalibrationFactor")


def _private(name: str, tag: str, values: NDArray[np.float64], unit: str) -> Number:
    """A factor of the report: its value in the first frame."""
    return number(name, f"{tag} [Philips PET Private Group]", float(values[0]), unit, source="private")


def _odd(
    name: str, values: NDArray[np.float64] | None, usual: tuple[float, float], code: str = "suv.philips-factor"
) -> tuple[Finding, ...]:
    """A warning when a value lies far outside what occurs."""
    if values is None or (values.min() >= usual[0] and values.max() <= usual[1]):
        return ()
    return (
        finding(code, f"{name} of {values.min():.4g} to {values.max():.4g}, usual is {usual[0]:g} to {usual[1]:g}"),
    )


def _usable(values: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The values when each is a positive number."""
    return values if bool((np.isfinite(values) & (values > 0)).all()) else None
