"""From a loadable to its volume or sequence: one request for the pixels, a factor per frame, a report per volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core import (
    Finding,
    FrameArray,
    FrameRef,
    GeometryError,
    Layout,
    Loadable,
    LoadContext,
    Volume,
    VolumeSequence,
    as_is_finding,
    is_true,
    quantity_of,
    stack_metadata,
)
from dicomlogic_pet_ct.factors import SuvFactors, SuvRefusal, activity_factors, suv_factors
from dicomlogic_pet_ct.inputs import PetInputs
from dicomlogic_pet_ct.offers import ACTIVITY, STORED, part_inputs
from dicomlogic_pet_ct.parts import PetPart, part_of
from dicomlogic_pet_ct.report import ACTIVITY_UNIT, activity_report, stored_report, suv_report, uptake_factors
from dicomlogic_pet_ct.severities import about
from dicomlogic_pet_ct.units import Calibration

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WINDOWS = {"FDG": [3.0, 6.0], "FLT": [2.0, 4.0]}  # level and width in g/ml, as PET is read
_WINDOW = [3.0, 6.0]


def make(loadable: Loadable, context: LoadContext) -> Volume | VolumeSequence:
    """The object of a loadable.

    Raises:
        QuantityError: an input that the values hang on is missing or contradicts another; names it and the option.
        GeometryError: the frames are no longer the stack that was examined.
    """
    series = context.series(loadable.series_uids[0])
    part = part_of(series, np.array(series.frames.rows_of(loadable.frames), dtype=np.int64))
    if part is None:
        raise GeometryError(
            "the frames are no volume any more", where=series.series_uid, remedy="examine the series again"
        )
    inputs = part_inputs(part, context.options)
    made = _factors(inputs, loadable.options.get("suv", ""), series.series_uid)
    layout = part.layout(context.options.get("irregular", ""))
    maker = _Maker(loadable=loadable, context=context, part=part, layout=layout, inputs=inputs, made=made)
    refs = part.refs(layout)
    arrays = maker.arrays(refs)
    volumes = tuple(maker.volume(number, array, refs[number]) for number, array in enumerate(arrays))
    if part.axis is None:
        return volumes[0]
    findings = tuple(dict.fromkeys(found for volume in volumes for found in volume.findings))
    return VolumeSequence(volumes=volumes, axes=(part.axis,), name=loadable.name, findings=findings)


def _factors(inputs: PetInputs, key: str, where: str) -> SuvFactors | Calibration | None:
    """The factors of what is loaded; None for the rescaled values themselves."""
    if key == STORED:
        return None
    made = activity_factors(inputs) if key == ACTIVITY else suv_factors(inputs, key)
    if isinstance(made, SuvRefusal):
        raise made.error(where)
    return made


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Maker:
    """Makes the volumes of one loadable."""

    loadable: Loadable
    context: LoadContext
    part: PetPart
    layout: Layout
    inputs: PetInputs
    made: SuvFactors | Calibration | None

    def arrays(self, wanted: Sequence[Sequence[FrameRef | None]]) -> list[NDArray[Any] | FrameArray]:
        """The pixels of every volume, asked for at once."""
        frames = [ref for refs in wanted for ref in refs]
        if self.made is None:
            array = self.context.stack(frames, real=True)
        else:
            known = self.part.stack.series.frames.refs(self.part.rows)
            factors = dict(zip(known, (self.inputs.frames.slope * self.made.scale).tolist()))
            scale = [1.0 if ref is None else factors[ref] for ref in frames]
            array = self.context.stack(frames, scale=scale, real=True)
        size = len(self.layout.rows)
        return [
            array.part(first, size) if isinstance(array, FrameArray) else array[first : first + size]
            for first in range(0, len(frames), size)
        ]

    def volume(self, number: int, array: NDArray[Any] | FrameArray, refs: Sequence[FrameRef | None]) -> Volume:
        """One volume."""
        stack, layout = self.part.placed(number, self.layout)
        findings = self._findings()
        metadata = stack_metadata(stack, layout, show_phi=is_true(self.context.options, "show_phi"))
        size = len(self.part.members[number])
        metadata |= self._meaning(slice(number * size, (number + 1) * size), findings)
        if self.context.padding is not None:
            metadata["padding"] = self.context.padding
        quantity, unit = self._quantity()
        first = int(self.part.members[number][0])
        return Volume(
            array=array,
            geometry=layout.geometry,
            quantity=quantity,
            unit=unit,
            frame_of_reference_uid=stack.series.frames.text("FrameOfReferenceUID")[first] or "",
            provenance=tuple(refs),
            missing=layout.missing,
            metadata=metadata,
            findings=findings,
            name=self.loadable.name,
        )

    def _quantity(self) -> tuple[str, str]:
        if isinstance(self.made, SuvFactors):
            return self.made.variant.code[1], self.made.unit
        if self.made is not None:
            return "activity concentration", "Bq/ml"
        stored = quantity_of(self.part.stack.series, self.part.rows)
        return stored.name, stored.unit

    def _findings(self) -> tuple[Finding, ...]:
        more = [] if self.made is None else about(self.made.findings, self.part.stack.series.series_uid)
        if self.layout.positions is not None and (off := as_is_finding(self.part.stack)):
            more.append(off)
        return tuple(dict.fromkeys([*self.loadable.findings, *more]))

    def _meaning(self, frames: slice, findings: tuple[Finding, ...]) -> dict[str, Any]:
        """What the values are: the report, codes and factors that can be read without this plugin, the window."""
        shown: dict[str, Any] = {"inverted": True}  # activity is shown dark on white
        if self.made is None:
            return {**shown, "report": stored_report(self.inputs, findings)}
        if isinstance(self.made, Calibration):
            report = activity_report(self.inputs, self.made, frames, findings)
            factors = uptake_factors(self.inputs, self.made, frames)
            return {**shown, "report": report, "unit_code": ACTIVITY_UNIT, "suv": {"factors": factors}}
        report = suv_report(self.inputs, self.made, frames, findings)
        coded = report["codes"]
        if self.made.unit == "g/ml":
            shown["window"] = [_WINDOWS.get(self.inputs.tracer, _WINDOW)]
        said = {"variant": self.made.variant.key, "factor": report["factor"], **coded}
        return {**shown, "report": report, "suv": said, "quantity_code": coded["quantity"], "unit_code": coded["unit"]}
