"""Uptake values by real world value mappings: what a study offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from dicomlogic_core import Finding, Loadable, SeriesRef, SeriesView, StudyView, default_name
from dicomlogic_pet_ct.factors import SuvFactors, suv_factors
from dicomlogic_pet_ct.norms import VARIANTS
from dicomlogic_pet_ct.offers import part_inputs
from dicomlogic_pet_ct.pair_match import Located, pet_volumes
from dicomlogic_pet_ct.parts import part_of
from dicomlogic_pet_ct.rwvm import MappingObject, mapping_objects
from dicomlogic_pet_ct.rwvm_embedded import embedded_quantities
from dicomlogic_pet_ct.rwvm_object import ValueMappings
from dicomlogic_pet_ct.rwvm_scale import mapped_scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAME = "pet-ct-rwvm"
OBJECT, QUANTITY, BASIS = "rwvm", "rwvm-quantity", "rwvm-basis"
INSIDE = "inside"
"""Value of the option ``rwvm`` for mappings in the images themselves."""
_CONFIDENCE, _OBJECT_CONFIDENCE = 1.0, 0.9


def offers(study: StudyView) -> Iterator[Loadable]:
    """Per PET volume and mapping to an uptake value one loadable, unless its slope is ambiguous; and each mapping
    object by itself, with the findings of what it could not be used for.
    """
    objects = [(series, one) for series in study for one in mapping_objects(series)]
    troubles: dict[str, list[Finding]] = {}
    for series in study:
        for pet in pet_volumes(series):
            for home, one in objects:
                for offer in _by_object(pet, home, one, study):
                    if isinstance(offer, Finding):
                        troubles.setdefault(one.ref.sop_uid, []).append(offer)
                    else:
                        yield offer
            yield from _inside(pet)
    for home, one in objects:
        yield _itself(home, one, tuple(troubles.get(one.ref.sop_uid, ())))


def _by_object(pet: Located, home: SeriesView, one: MappingObject, study: StudyView) -> Iterator[Loadable | Finding]:
    rows = pet.stack.rows.tolist()
    rescale = pet.series.frames.numbers("RescaleSlope")[rows]
    for quantity in one.quantities:
        if quantity not in VARIANTS or not one.maps(pet.series, rows, quantity):
            continue
        slopes = one.slopes(pet.series, rows, quantity)
        computed = computed_scale(pet.series, rows, quantity, study.options)
        scale = mapped_scale(slopes, rescale, computed, by_slicer=one.by_slicer, where=(one.ref.sop_uid,))
        if isinstance(scale, Finding):
            yield scale
            continue
        reference = SeriesRef(study_uid=home.study_uid, series_uid=home.series_uid)
        options = {OBJECT: one.ref.sop_uid, QUANTITY: quantity, BASIS: scale.basis}
        why = f"by a real world value mapping, read as one of {scale.basis} values: {scale.why}"
        yield _offer(pet, options, why, (reference,))


def _inside(pet: Located) -> Iterator[Loadable]:
    rows = pet.stack.rows.tolist()
    for quantity in embedded_quantities(pet.series, rows):
        if quantity in VARIANTS:
            why = "by the real world value mapping inside the images, which is of stored values"
            yield _offer(pet, {OBJECT: INSIDE, QUANTITY: quantity, BASIS: "stored"}, why, ())


def _offer(pet: Located, options: Mapping[str, str], why: str, references: tuple[SeriesRef, ...]) -> Loadable:
    row = int(pet.stack.rows[0])
    return Loadable(
        adaptor=NAME,
        kind="volume",
        name=f"{default_name(pet.series, row)} ({VARIANTS[options[QUANTITY]].label} RWVM)",
        study_uid=pet.series.study_uid,
        series_uids=(pet.series.series_uid,),
        frames=pet.series.frames.refs(pet.stack.claimed),
        references=references,
        confidence=_CONFIDENCE,
        findings=pet.stack.findings,
        explanation=why,
        options=options,
    )


def _itself(home: SeriesView, one: MappingObject, findings: tuple[Finding, ...]) -> Loadable:
    return Loadable(
        adaptor=NAME,
        kind=ValueMappings.kind,
        name=f"{default_name(home)} [{one.label}]" if one.label else default_name(home),
        study_uid=home.study_uid,
        series_uids=(home.series_uid,),
        frames=(one.ref.whole,),
        confidence=_OBJECT_CONFIDENCE,
        findings=findings,
        explanation="real world value mappings as an object",
    )


def computed_scale(
    series: SeriesView, rows: list[int], quantity: str, options: Mapping[str, str]
) -> NDArray[np.float64] | None:
    """(n,) uptake value per rescaled value from dose, weight and times; None where that cannot be had."""
    part = part_of(series, np.array(rows, dtype=np.int64))
    if part is None or part.axis is not None:
        return None
    factors = suv_factors(part_inputs(part, options), quantity)
    return factors.scale if isinstance(factors, SuvFactors) else None
