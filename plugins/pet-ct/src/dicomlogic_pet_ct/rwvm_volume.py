"""The volume that a real world value mapping makes of PET frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomlogic_core import Finding, Loadable, LoadContext, QuantityError, SeriesView, Volume, finding, stack_of
from dicomlogic_pet_ct.image_volume import UPTAKE, scaled_volume
from dicomlogic_pet_ct.norms import VARIANTS
from dicomlogic_pet_ct.reading import shown_header
from dicomlogic_pet_ct.report import codes
from dicomlogic_pet_ct.rwvm import mapping_objects
from dicomlogic_pet_ct.rwvm_embedded import embedded_slopes
from dicomlogic_pet_ct.rwvm_offers import BASIS, INSIDE, OBJECT, QUANTITY, computed_scale
from dicomlogic_pet_ct.rwvm_scale import TOLERANCE
from dicomlogic_pet_ct.texts import FrameTexts

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WINDOW = [3.0, 6.0]  # level and width in g/ml, as PET is read


def mapped_volume(loadable: Loadable, context: LoadContext) -> Volume:
    """The uptake values of a loadable.

    Raises:
        QuantityError: the mapping does not give every frame a positive slope.
        PixelError: pixels are missing, short or cannot be decoded.
    """
    series = context.series(loadable.series_uids[0])
    stack = stack_of(series, np.array(series.frames.rows_of(loadable.frames), dtype=np.int64))
    rows = stack.rows.tolist()
    mapped = _Mapped.of(loadable, series, rows, context)
    volume = scaled_volume(
        stack,
        context,
        scale=dict(zip(rows, mapped.scale.tolist())),
        name=loadable.name,
        unit=VARIANTS[loadable.options[QUANTITY]].unit,
    )
    findings = dict.fromkeys([*loadable.findings, *volume.findings, *mapped.findings])
    return replace(volume, metadata={**volume.metadata, **mapped.said(loadable)}, findings=tuple(findings))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Mapped:
    """The scale of every frame of a volume, read again when it is loaded.

    Attributes:
        slopes: (n,) as the mapping gives them.
        scale: (n,) uptake value per stored value.
        off: largest relative difference from the computed factors; None where there are none.
        header: texts of the attributes that tell when the images were made.
        findings: a difference above the tolerance.
    """

    slopes: NDArray[np.float64]
    scale: NDArray[np.float64]
    off: float | None
    header: Mapping[str, str]
    findings: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, loadable: Loadable, series: SeriesView, rows: list[int], context: LoadContext) -> _Mapped:
        quantity = loadable.options[QUANTITY]
        slopes = _slopes(loadable, series, rows, context)
        rescale = series.frames.numbers("RescaleSlope")[rows]
        scale = slopes * rescale if loadable.options[BASIS] == "rescaled" else slopes
        if not bool((np.isfinite(scale) & (scale > 0)).all()):
            raise QuantityError(
                "a real world value mapping does not give every frame a positive slope",
                code="suv.rwvm-ambiguous",
                where=loadable.id,
                remedy="load the computed uptake values instead",
            )
        header = shown_header(FrameTexts(series, rows))
        computed = computed_scale(series, rows, quantity, context.options)
        if computed is None:
            return cls(slopes=slopes, scale=scale, off=None, header=header)
        off = float(np.abs(scale / (computed * rescale) - 1).max())
        findings = () if off <= TOLERANCE else (_apart(off),)
        return cls(slopes=slopes, scale=scale, off=off, header=header, findings=findings)

    def said(self, loadable: Loadable) -> dict[str, Any]:
        """For the metadata of the volume: a report of the same form as that of computed uptake values."""
        variant = VARIANTS[loadable.options[QUANTITY]]
        report = {
            "quantity": UPTAKE,
            "variant": variant.key,
            "name": variant.label,
            "unit": variant.unit,
            "formula": f"{variant.label} = stored value x slope",
            "stored_values": loadable.explanation,
            "stored_scale": self.scale.tolist(),
            "mapping": loadable.options[OBJECT],
            "read_as": loadable.options[BASIS],
            "off_computed": self.off,
            "inputs": [self._input(variant.unit)],
            "header": dict(self.header),
            "assumptions": [],
            "codes": codes(variant),
            "findings": [one.as_dict() for one in (*loadable.findings, *self.findings)],
        }
        coded = codes(variant)
        shown: dict[str, Any] = {"inverted": True}
        if variant.unit == "g/ml":
            shown["window"] = [_WINDOW]
        codes_of = {"suv": coded, "quantity_code": coded["quantity"], "unit_code": coded["unit"]}
        return {"report": report, **codes_of, **shown}

    def _input(self, unit: str) -> dict[str, Any]:
        """The slopes as the mapping gives them, as an input of the report."""
        slopes = self.slopes.tolist()
        value = slopes[0] if slopes.count(slopes[0]) == len(slopes) else slopes
        tag = "RealWorldValueSlope"
        return {"name": "slope", "tag": tag, "raw": "", "value": value, "unit": unit, "source": "header"}


def _slopes(loadable: Loadable, series: SeriesView, rows: list[int], context: LoadContext) -> NDArray[np.float64]:
    quantity = loadable.options[QUANTITY]
    if loadable.options[OBJECT] == INSIDE:
        return embedded_slopes(series, rows, quantity, context.dataset)
    home = context.series(loadable.references[0].series_uid)
    (one,) = (one for one in mapping_objects(home) if one.ref.sop_uid == loadable.options[OBJECT])
    return one.slopes(series, rows, quantity)


def _apart(off: float) -> Finding:
    return finding(
        "suv.rwvm-ambiguous",
        f"mapped uptake values are up to {off:.2%} from those computed from dose, weight and times",
        remedy="find out which are right; load the computed ones",
    )
