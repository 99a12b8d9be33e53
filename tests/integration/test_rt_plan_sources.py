"""Ion plans, brachytherapy, RT images and beam doses: servers give what the files give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import dicomlogic_core as dl
from dicomlogic_core.testing import phantom_plan, phantom_rt, phantoms
from dicomlogic_core.testing.phantom_plan import item

FIRST = {
    "GantryAngle": 33.5,
    "BeamLimitingDeviceAngle": 12,
    "PatientSupportAngle": 350,
    "TableTopPitchAngle": 1.5,
    "TableTopRollAngle": -0.75,
    "NominalBeamEnergy": 150.5,
    "IsocenterPosition": [1.25, -2.5, 3],
}


def study(folder: Path) -> Path:
    spots = {"ScanSpotPositionMap": [-5.0, 2.5, 10.0, 0.5], "ScanSpotMetersetWeights": [0.25, 0.75]}
    shifter = item(ReferencedRangeShifterNumber=1, RangeShifterSetting="IN", IsocenterToRangeShifterDistance=320.5)
    ion = phantom_plan.ion_beam(
        1,
        [{**FIRST, **spots, "SnoutPosition": 400.0, "RangeShifterSettingsSequence": [shifter]}, {}],
        RangeShifterSequence=[item(RangeShifterNumber=1, RangeShifterID="RS30", RangeShifterType="BINARY")],
        RadiationChargeState=1,
    )
    points = [
        item(ControlPointIndex=0, CumulativeTimeWeight=0, ControlPoint3DPosition=[1, 2, 3]),
        item(ControlPointIndex=1, CumulativeTimeWeight=100, ControlPointOrientation=[0.0, 0.0, 1.0]),
    ]
    channel = item(
        ChannelNumber=1, ChannelTotalTime=60, FinalCumulativeTimeWeight=100, BrachyControlPointSequence=points
    )
    photon = phantom_plan.plan([phantom_plan.photon_beam(beam, [FIRST, {}]) for beam in (1, 2)], number=1, label="X")
    brachy = phantom_plan.brachy_plan([item(ApplicationSetupNumber=1, ChannelSequence=[channel])])
    brachy.SOPInstanceUID = brachy.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.UID("1.2.3.4")
    image = phantom_plan.rt_image(plan=phantom_plan.plan_uid("ct", 1), GantryAngle=33.5, RTImageSID=1432.1)
    doses = [_beam_dose(beam) for beam in (1, 2)]
    phantoms.write(folder, [phantom_plan.plan([ion], ion=True), photon, brachy, image, *doses], shuffle_seed=1)
    return folder


def _beam_dose(beam: int) -> pydicom.Dataset:
    dataset = phantom_rt.dose(
        lambda points: beam + np.abs(points).sum(axis=-1), size_ijk=(5, 4, 3), spacing_mm=(2.5, 2.5, 3.0)
    )
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.UID(f"1.2.3.5.{beam}")
    dataset.DoseSummationType = "BEAM"
    group = item(ReferencedFractionGroupNumber=1, ReferencedBeamSequence=[item(ReferencedBeamNumber=beam)])
    plan = item(ReferencedSOPInstanceUID=phantom_plan.plan_uid("ct", 1), ReferencedFractionGroupSequence=[group])
    dataset.ReferencedRTPlanSequence = pydicom.Sequence([plan])
    return dataset


def objects(location: Path | str) -> dict[str, Any]:
    with dl.open() as session:
        session.index(location)
        return {one.id: (one.as_dict(), session.load(one)) for one in session.examine(all=True)}


@pytest.mark.parametrize("server", ["dicomweb_server", "orthanc"])
def test_servers_give_what_the_files_give(server: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder = study(tmp_path / "study")
    start: Callable[..., Any] = request.getfixturevalue(server)
    wanted, found = objects(folder), objects(start(folder).url)
    assert wanted.keys() == found.keys()
    assert len(wanted) == 7  # three plans, an image, two doses and their sum
    for id, (told, one) in wanted.items():
        other_told, other = found[id]
        assert told == other_told
        if isinstance(one, dl.Volume):
            assert np.array_equal(np.asarray(one), np.asarray(other))
            assert np.allclose(one.geometry.ijk_to_lps, other.geometry.ijk_to_lps, atol=1e-9)
            assert one.metadata == other.metadata
        else:
            assert one.as_dict() == other.as_dict()


def test_jobs_give_what_the_session_gives(tmp_path: Path) -> None:
    """A job has the columns of what it needs only: the plan of an image, the doses of a sum."""
    with dl.open() as session:
        session.index(study(tmp_path / "study"))
        loadables = session.examine(all=True)
        results = list(dl.run_jobs(dl.make_jobs(session, loadables, tmp_path / "out", format="auto")))
    assert [result.error for result in results] == [None] * 7
    suffixes = sorted("".join(Path(path).suffixes[-1:]) for result in results for path in result.paths)
    assert suffixes.count(".nrrd") == 4
    assert suffixes.count(".json") >= 3
    image = next(result for result in results if result.loadable.adaptor == "rt-image")
    assert "rt.image-placement" not in [found.code for found in image.findings]
