"""The worker that offers PET with its CT as one object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from dicomlogic_core import (
    Finding,
    GeometryError,
    Loadable,
    LoadContext,
    SeriesRef,
    StudyView,
    Volume,
    default_name,
    finding,
    part_name,
)
from dicomlogic_pet_ct.image_volume import image_volume
from dicomlogic_pet_ct.offers import offers
from dicomlogic_pet_ct.pair import PetCt
from dicomlogic_pet_ct.pair_match import (
    CT_CLASSES,
    Located,
    Match,
    coverage,
    ct_volumes,
    matches,
    pet_volumes,
    referring,
)
from dicomlogic_pet_ct.volumes import make

NAME = "pet-ct-pair"
KIND = "pair"
_OF_PET = frozenset(("pet-ct", "pet-ct-rwvm"))
_STEP_DOWN = 0.05
_CONFIDENCE = 0.3  # below any volume of the PET: a pair is loaded when it is asked for
OPTION = "pair"


class PetCtPairAdaptor:
    """Finds the CT of every PET volume of a study and loads both.

    The CT is one of the same frame of reference that reaches at least 90 % of the PET's slices. Of several the one that
    a structure set, a segmentation or the PET itself refers to is taken, then the one whose description or kernel
    speaks of attenuation correction, then the one that covers most of the PET.
    """

    def examine_study(self, study: StudyView) -> Iterable[Loadable]:
        """One loadable per PET volume and CT that fits it; the best CT first and with the higher confidence.

        Nothing with the option ``selection=slicer``: 3D Slicer has no such objects.
        """
        if study.options.get("selection") == "slicer":
            return
        cts = [ct for series in study for ct in ct_volumes(series)]
        for series in study:
            for pet in pet_volumes(series) if cts else ():
                yield from _offers(pet, matches(pet, cts, study), study)

    def load(self, loadable: Loadable, context: LoadContext) -> PetCt:
        """Both volumes, lazy or not as the caller asked.

        Raises:
            QuantityError: the kind of uptake value asked for by option cannot be had.
            PixelError: pixels are missing, short or cannot be decoded.
            GeometryError: one of them is no volume any more.
        """
        pet = _pet(loadable, context)
        ct = _ct(loadable, pet, context)
        return PetCt(
            pet=pet,
            ct=ct,
            name=loadable.name,
            references=loadable.references[1:],
            findings=tuple(dict.fromkeys([*loadable.findings, *pet.findings, *ct.findings])),
        )


def without_ct(study: StudyView, loadables: list[Loadable]) -> list[Loadable]:
    """The loadables, those of PET volumes with a note where the study's CTs do not belong to them."""
    if not any(CT_CLASSES & set(series.text("SOPClassUID")) for series in study):
        return loadables
    paired = {uid for one in loadables if one.adaptor == NAME for uid in one.series_uids}
    alone = {
        series.series_uid: _no_ct(series.series_uid)
        for series in study
        if series.series_uid not in paired and any(True for _ in pet_volumes(series))
    }
    return [
        replace(one, findings=(*one.findings, alone[one.series_uids[0]]))
        if one.adaptor in _OF_PET and one.kind == "volume" and one.series_uids[0] in alone
        else one
        for one in loadables
    ]


def _no_ct(series_uid: str) -> Finding:
    return finding(
        "petct.no-ct", "no CT of the PET's frame of reference reaches 90 % of its slices", where=(series_uid,)
    )


def _offers(pet: Located, fitting: list[Match], study: StudyView) -> Iterator[Loadable]:
    row = int(pet.stack.rows[0])
    best = {match.ct.series.series_uid: match for match in reversed(fitting)}
    for number, match in enumerate(match for match in fitting if best[match.ct.series.series_uid] is match):
        ct = match.ct
        reference = SeriesRef(study_uid=ct.series.study_uid, series_uid=ct.series.series_uid)
        yield Loadable(
            adaptor=NAME,
            kind=KIND,
            name=f"{part_name(pet.series, row, '')} with {default_name(ct.series, int(ct.stack.rows[0]))}",
            study_uid=study.study_uid,
            series_uids=(pet.series.series_uid,),
            frames=pet.series.frames.refs(pet.stack.claimed),
            references=(reference, *referring(study, pet.series, ct.series)),
            confidence=_CONFIDENCE - (_STEP_DOWN if number else 0.0),
            findings=tuple(dict.fromkeys([*pet.stack.findings, *ct.stack.findings])),
            explanation=_explanation(match, len(best)),
            options={OPTION: ct.series.series_uid},
        )


def _explanation(match: Match, count: int) -> str:
    words = [f"reaches {match.extent:.0%} of the PET's slices and {match.share:.0%} of its voxels"]
    if match.referenced:
        words.append(f"{len(match.referenced)} series refer to it")
    if match.hint:
        words.append(f"its description says {match.hint.removeprefix('-')!r}")
    if count > 1:
        words.append(f"one of {count} that fit")
    return "; ".join(words)


def _pet(loadable: Loadable, context: LoadContext) -> Volume:
    """What is loaded of the PET alone: the kind of uptake value that is asked for, or the best that can be had."""
    series = context.series(loadable.series_uids[0])
    claimed = set(loadable.frames)
    alone = [one for one in offers(series, context.options) if one.kind == "volume" and set(one.frames) == claimed]
    if not alone:
        raise _changed(series.series_uid)
    wanted = context.options.get("suv")
    best = max(alone, key=lambda one: (one.options["suv"] == wanted, one.confidence))
    made = make(best, context)
    assert isinstance(made, Volume)
    return made


def _ct(loadable: Loadable, pet: Volume, context: LoadContext) -> Volume:
    """The volume of the CT series that covers most of the PET."""
    series = context.series(loadable.options[OPTION])
    best = max(ct_volumes(series), key=lambda ct: coverage(pet.geometry, ct.geometry), default=None)
    if best is None:
        raise _changed(series.series_uid)
    return image_volume(best.stack, context, name=default_name(series, int(best.stack.rows[0])))


def _changed(series_uid: str) -> GeometryError:
    return GeometryError("the series makes no volume any more", where=series_uid, remedy="examine the study again")
