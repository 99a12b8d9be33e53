"""How the fake makes metadata documents of files."""

from __future__ import annotations

import json

from pydicom import Dataset

from dicomlogic_ahi.testing import image_sets_from
from dicomlogic_core.testing import phantoms


def test_documents_are_the_same_every_time(tmp_path):
    phantoms.write_ct(tmp_path / "a", shuffle_seed=1)
    phantoms.write_ct(tmp_path / "b", shuffle_seed=2)
    first, second = image_sets_from(tmp_path / "a"), image_sets_from(tmp_path / "b")
    assert [json.dumps(one.document) for one in first] == [json.dumps(one.document) for one in second]
    assert [list(one.frames) for one in first] == [list(one.frames) for one in second]


def test_elements_that_differ_stay_with_the_instances(tmp_path):
    def change(number: int, dataset: Dataset) -> None:
        dataset.SeriesTime = f"12000{number % 2}"
        if number:
            dataset.StationName = "one has none"

    phantoms.write_ct(tmp_path, change=change)
    (one,) = image_sets_from(tmp_path)
    (series,) = one.document["Study"]["Series"].values()
    assert "SeriesTime" not in series["DICOM"] and "StationName" not in series["DICOM"]
    times = [instance["DICOM"]["SeriesTime"] for instance in series["Instances"].values()]
    assert sorted(times) == ["120000"] * 10 + ["120001"] * 10
    assert sum("StationName" in instance["DICOM"] for instance in series["Instances"].values()) == 19
