"""Histograms stored with a dose, in the forms of PS3.3 C.8.8.4."""

from __future__ import annotations

import json

import pytest
from pydicom.dataset import Dataset

from dicomlogic_rt.stored_dvhs import stored_dvhs


def item(**values) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def stored(**changes) -> Dataset:
    values = {
        "DVHType": "CUMULATIVE",
        "DoseUnits": "GY",
        "DVHDoseScaling": "2",
        "DVHVolumeUnits": "CM3",
        "DVHNumberOfBins": 3,
        "DVHData": ["5", "10", "5", "10", "5", "4"],
        "DVHReferencedROISequence": [item(ReferencedROINumber=5, DVHROIContributionType="INCLUDED")],
        **changes,
    }
    return item(DVHSequence=[item(**{key: value for key, value in values.items() if value is not None})])


def test_cumulative():
    (found,) = stored_dvhs(stored(DVHMeanDose="17.5"))
    assert found.roi_numbers == (5,)
    assert found.curve.doses.tolist() == [0, 10, 20, 30]
    assert found.curve.volumes_cc.tolist() == [10, 10, 4, 0]
    assert (found.unit, found.volume_unit, found.mean, found.maximum) == ("Gy", "cm3", 17.5, None)
    json.dumps(found.as_dict(), allow_nan=False)


def test_differential_is_summed_up():
    (found,) = stored_dvhs(stored(DVHType="DIFFERENTIAL", DVHData=["5", "0", "5", "6", "5", "4"]))
    assert found.curve.volumes_cc.tolist() == [10, 10, 4, 0]
    assert found.stored_as == "DIFFERENTIAL"


def test_percent_and_relative():
    (found,) = stored_dvhs(stored(DVHVolumeUnits="PERCENT", DoseUnits="RELATIVE"))
    assert (found.unit, found.volume_unit) == ("1", "%")


def test_regions_taken_off():
    both = [item(ReferencedROINumber=5), item(ReferencedROINumber=6, DVHROIContributionType="EXCLUDED"), item()]
    (found,) = stored_dvhs(stored(DVHReferencedROISequence=both))
    assert (found.roi_numbers, found.excluded) == ((5,), (6,))


@pytest.mark.parametrize(
    "changes",
    [{"DVHData": None}, {"DVHData": ["1", "2", "3"]}, {"DVHVolumeUnits": "PER_U"}, {"DVHData": []}],
)
def test_what_cannot_be_used_costs_only_itself(changes):
    both = item(DVHSequence=[*stored(**changes).DVHSequence, *stored().DVHSequence])
    assert len(stored_dvhs(both)) == 1


def test_none_stored():
    assert stored_dvhs(Dataset()) == ()
