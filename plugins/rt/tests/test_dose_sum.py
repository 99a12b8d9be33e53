"""Sums of doses, and which doses are offered and selected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID

import dicomlogic_core as dl
from dicomlogic_core.testing import phantom_plan, phantom_rt
from dicomlogic_core.testing.phantom_plan import item
from dicomlogic_rt.dose_sum import sum_doses

Sessions = Callable[..., dl.Session]


def beam_dose(beam: int, *, gy: float | None = None, summation: str = "BEAM", **values: Any) -> Dataset:
    """`gy` everywhere, as many as the beam's number by default."""
    chosen: dict[str, Any] = {"size_ijk": (6, 5, 4), "spacing_mm": (3.0, 3.0, 3.0)}
    amount = float(beam if gy is None else gy)
    dataset = phantom_rt.dose(lambda points: np.full(points.shape[:-1], amount), **(chosen | values))
    uid = dataset.SOPInstanceUID
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(f"{uid}.{beam}")
    dataset.SeriesInstanceUID += f".{beam % 2}"  # some systems make a series of each, some one of all
    dataset.DoseSummationType = summation
    group = item(ReferencedFractionGroupNumber=1, ReferencedBeamSequence=[item(ReferencedBeamNumber=beam)])
    plan = item(ReferencedSOPInstanceUID=phantom_plan.plan_uid())
    if summation == "BEAM":
        plan.ReferencedFractionGroupSequence = pydicom.Sequence([group])
    dataset.ReferencedRTPlanSequence = pydicom.Sequence([plan])
    return dataset


def plan_of(*beams: int) -> Dataset:
    return phantom_plan.plan([phantom_plan.photon_beam(beam, [{}, {}]) for beam in beams], label="P1")


def doses(session: dl.Session, *, all: bool = False) -> list[dl.Loadable]:
    return [loadable for loadable in session.examine(all=all) if loadable.adaptor == "rt-dose"]


def test_all_beams_of_a_fraction_group_are_added_up(session_of: Sessions) -> None:
    session = session_of([plan_of(1, 2, 4), *map(beam_dose, (1, 2, 4))])
    whole = next(one for one in doses(session) if one.options.get("sum"))
    assert whole.name == "7: RTDOSE: dose: P1: sum of 3 beams"
    assert len(whole.series_uids) == 2
    assert len(doses(session, all=True)) == 4
    volume = session.load(whole)
    assert np.allclose(np.asarray(volume), 7, atol=1e-4)
    assert [part["beams"] for part in volume.metadata["dose"]["plans"]] == [[1], [2], [4]]
    assert len(volume.metadata["dose"]["summed"]) == 3


def test_a_missing_beam_prevents_the_sum(session_of: Sessions) -> None:
    session = session_of([plan_of(1, 2, 4), beam_dose(1), beam_dose(4)])
    offered = doses(session, all=True)
    assert [one.options.get("sum") for one in offered] == [None, None]
    for one in offered:
        (found,) = [found for found in one.findings if found.code == "rt.dose-sum"]
        assert "1 of 3 beams are absent (2)" in found.message


def test_set_up_beams_have_no_dose_to_wait_for(session_of: Sessions) -> None:
    plan = plan_of(1, 2, 3)
    group = plan.FractionGroupSequence[0].ReferencedBeamSequence[2]
    del group.BeamDose, group.BeamMeterset
    session = session_of([plan, beam_dose(1), beam_dose(2)])
    assert any(one.options.get("sum") for one in doses(session))


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (beam_dose(1, gy=3), "several doses"),
        (beam_dose(2, name="ct"), "differ in units"),
    ],
    ids=["doubled", "units"],
)
def test_doses_that_do_not_fit_are_not_added_up(second: Dataset, why: str, session_of: Sessions) -> None:
    if why == "differ in units":
        second.DoseUnits = "RELATIVE"
    else:
        second.SOPInstanceUID += ".9"
        second.file_meta.MediaStorageSOPInstanceUID = second.SOPInstanceUID
    session = session_of([plan_of(1, 2), beam_dose(1), beam_dose(2) if "several" in why else second, second])
    offered = doses(session, all=True)
    assert not any(one.options.get("sum") for one in offered)
    assert any(why in found.message for one in offered for found in one.findings)


def test_the_plan_dose_comes_before_those_of_beams(session_of: Sessions) -> None:
    session = session_of([plan_of(1, 2), beam_dose(1), beam_dose(2), beam_dose(9, summation="PLAN")])
    offered = doses(session, all=True)
    assert not any(one.options.get("sum") for one in offered)
    assert [(one.explanation.split()[0], one.confidence) for one in offered] == [
        ("PLAN", 1.0),
        ("BEAM", 0.9),
        ("BEAM", 0.9),
    ]
    assert offered[0].name.endswith(": P1")
    assert {ref.series_uid for ref in offered[0].references} == {plan_of(1).SeriesInstanceUID}


def volume_of(value: float, *, shift: Sequence[float] = (0, 0, 0), **told: Any) -> dl.Volume:
    matrix = np.diag([2.0, 2.0, 2.0, 1.0])
    matrix[:3, 3] = shift
    dose = {"units": "GY", "type": "PHYSICAL", "summation_type": "PLAN", "plans": [], "sop_uids": [str(value)], **told}
    return dl.Volume(
        array=np.full((4, 4, 4), value, np.float32),
        geometry=dl.Geometry(size_ijk=(4, 4, 4), ijk_to_lps=matrix),
        unit="Gy",
        frame_of_reference_uid=told.get("frame", "1.2"),
        metadata={"dose": dose},
    )


def test_other_grids_are_interpolated_and_what_is_outside_is_told() -> None:
    total = sum_doses([volume_of(1), volume_of(2, shift=(4, 0, 0))])
    array = np.asarray(total)
    assert array[0, 0].tolist() == [1, 1, 3, 3]
    messages = [found.message for found in total.findings if found.code == "rt.dose-sum"]
    assert len(messages) == 2
    assert "does not cover 50 %" in messages[0]
    assert "50 % of dose 2, up to 2 Gy, is beyond" in messages[1]
    assert not sum_doses([volume_of(1), volume_of(2)]).findings


@pytest.mark.parametrize(
    "other",
    [{"units": "RELATIVE"}, {"type": "EFFECTIVE"}, {"summation_type": "BEAM"}, {"frame": "1.3"}, {"frame": ""}],
)
def test_only_what_is_alike_is_summed(other: dict[str, Any]) -> None:
    with pytest.raises(dl.UsageError, match="cannot be added up") as caught:
        sum_doses([volume_of(1), volume_of(2, **other)])
    assert caught.value.code == "rt.dose-sum"


def test_a_sum_needs_doses() -> None:
    with pytest.raises(dl.UsageError):
        sum_doses([volume_of(1)])
    image = dl.Volume(array=np.zeros((4, 4, 4)), geometry=volume_of(1).geometry)
    with pytest.raises(dl.UsageError, match="dose volumes only"):
        sum_doses([volume_of(1), image])
