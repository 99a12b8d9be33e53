"""Doses, plans and structure sets that other studies hold: found while examining, and again while loading."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

import dicomlogic_core as dl
from dicomlogic_core.testing import phantom_plan, phantom_rt, phantoms
from dicomlogic_core.testing.phantom_objects import ct_slice
from dicomlogic_core.testing.phantom_plan import item, photon_beam

Sessions = Callable[..., dl.Session]


def moved(dataset: Dataset, study: str) -> Dataset:
    dataset.StudyInstanceUID = f"1.2.826.{study}"
    return dataset


def parts() -> dict[str, list[Dataset]]:
    """What belongs together, each part in a study of its own."""
    images = [ct_slice(number, one, name="ct") for number, one in enumerate(phantoms.regular(4))]
    square = np.array([(x, y, 2.0) for x, y in ((0, 0), (6, 0), (6, 6), (0, 6))])
    region = phantom_rt.RoiPhantom(name="PTV", contours=[square])
    structures = phantom_rt.structure_set([region], images=[str(one.SOPInstanceUID) for one in images])
    plan = phantom_plan.plan([photon_beam(1, [{}, {}])], structure_set=str(structures.SOPInstanceUID))
    dose = phantom_rt.dose(lambda places: places[..., 0] * 0 + 1, size_ijk=(4, 4, 3), spacing_mm=(2, 2, 2))
    dose.ReferencedRTPlanSequence = Items([item(ReferencedSOPInstanceUID=str(plan.SOPInstanceUID))])
    found = {"images": images, "structures": [structures], "plan": [plan], "dose": [dose]}
    return {what: [moved(one, str(number)) for one in some] for number, (what, some) in enumerate(found.items(), 1)}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_examining_follows_references_into_other_studies(session_of: Sessions, seed: int) -> None:
    datasets = parts()
    session = session_of([one for some in datasets.values() for one in some], seed)
    by_study = {loadable.study_uid[-1]: loadable for loadable in session.examine()}
    images, structures, plan, dose = (by_study[number] for number in "1234")
    assert [ref.series_uid for ref in dose.references] == list(plan.series_uids)
    assert [ref.study_uid for ref in dose.references] == [plan.study_uid]
    assert [ref.series_uid for ref in plan.references] == list(structures.series_uids)
    assert [ref.series_uid for ref in structures.references] == list(images.series_uids)
    assert dose.name.endswith("PHANTOM"), "the label of its plan"
    for loadable in (structures, plan, dose):
        assert "rt.reference-missing" not in {found.code for found in loadable.findings}
    alone = session.examine(dose.study_uid)
    assert [one.references for one in alone] == [dose.references], "also when the others are not asked for"


def test_what_no_study_has_is_told(session_of: Sessions) -> None:
    datasets = parts()
    del datasets["structures"], datasets["images"]
    session = session_of([one for some in datasets.values() for one in some])
    codes = {loadable.study_uid[-1]: [found.code for found in loadable.findings] for loadable in session.examine()}
    assert codes["3"] == ["rt.reference-missing"] and codes["4"] == []


def test_a_later_index_brings_what_was_missing(session_of: Sessions, tmp_path: Path) -> None:
    datasets = parts()
    session = session_of(datasets["dose"])
    (dose,) = session.examine()
    assert [found.code for found in dose.findings] == ["rt.reference-missing"]
    folder = tmp_path / "later"
    phantoms.write(folder, datasets["plan"])
    session.index(folder)
    (dose,) = session.examine(dose.study_uid)
    assert [ref.study_uid[-1] for ref in dose.references] == ["3"] and not dose.findings


def test_regions_are_drawn_on_the_images_of_another_study(session_of: Sessions) -> None:
    session = session_of([one for some in parts().values() for one in some])
    (structures,) = session.examine("1.2.826.2", options={"structures": "segmentation"})
    drawn = session.load(structures)
    (images,) = session.examine("1.2.826.1", all=True)[:1]
    assert drawn.segments[0].name == "PTV" and drawn.mask("PTV").any()
    assert images.series_uids == tuple(ref.series_uid for ref in structures.references)
