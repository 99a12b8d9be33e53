"""A Real World Value Mapping object that 3D Slicer's extension wrote, read beside images of the series it is for."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import dicomlogic_core as dl
from dicomlogic_core.testing import phantom_pet as pet
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.phantom_pet_enhanced import enhanced_pet

SLOPE = 0.000375125


@pytest.fixture
def mapping(shared_data: Path) -> Path:
    return shared_data / "seg_pm_sr" / "dcmqi" / "dicom" / "sr-example" / "rwvm.dcm"


def images_for(mapping: Path, folder: Path, **values: str | None) -> None:
    """Made-up slices with the UIDs of those that the object names."""
    header = pydicom.dcmread(mapping)
    (series,) = header.ReferencedSeriesSequence
    images = pet.pet_series(
        len(series.ReferencedInstanceSequence), each=lambda k: {"RescaleSlope": f"{1 + k % 5}"}, **values
    )
    for image, named in zip(images, series.ReferencedInstanceSequence):
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = named.ReferencedSOPInstanceUID
        image.SeriesInstanceUID = series.SeriesInstanceUID
        image.StudyInstanceUID = header.StudyInstanceUID
        image.PatientID, image.PatientName = header.PatientID, header.PatientName
    phantoms.write(folder, images)


def test_the_object_says_what_it_maps(mapping: Path) -> None:
    with dl.open() as session:
        session.index(mapping)
        (loadable,) = session.examine()
        said = session.load(loadable).as_dict()
    assert said["manufacturer"] == "https://github.com/QIICR/Slicer-SUVFactorCalculator"
    (mapped,) = said["mappings"]
    assert (mapped["quantity"], mapped["unit"], mapped["slope"], mapped["intercept"]) == (
        "bw",
        "{SUVbw}g/ml",
        SLOPE,
        0.0,
    )
    assert len(mapped["images"]) == 191


def test_its_slope_is_for_rescaled_values(mapping: Path, tmp_path: Path) -> None:
    """Nothing can be computed here, and the slopes of the images differ: one slope for all is that of Slicer."""
    images_for(mapping, tmp_path, PatientWeight=None)
    with dl.open() as session:
        session.index(tmp_path)
        session.index(mapping)
        (loadable,) = session.examine(modality="PT")
        assert loadable.options["rwvm-basis"] == "rescaled"
        values = np.asarray(session.load(loadable))[:, 0, 0]
    wanted = [pet.stored(k) * (1 + k % 5) * SLOPE for k in range(len(values))]
    np.testing.assert_allclose(values, wanted, rtol=1e-6)


def test_it_is_not_used_where_dose_and_weight_say_otherwise(mapping: Path, tmp_path: Path) -> None:
    images_for(mapping, tmp_path)
    with dl.open() as session:
        session.index(tmp_path)
        session.index(mapping)
        (loadable,) = session.examine(modality="PT")
        assert loadable.name.endswith("(SUVbw)")
        (itself,) = session.examine(modality="RWV")
        assert "suv.rwvm-ambiguous" in {found.code for found in itself.findings}


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed (Debian: dicom3tools)")
@pytest.mark.parametrize("make", [pet.pet_series, lambda: [enhanced_pet()]], ids=["slices", "enhanced"])
def test_an_independent_validator_finds_no_error_in_what_is_written(tmp_path: Path, make: Callable[[], Any]) -> None:
    phantoms.write(tmp_path / "pet", make())
    with dl.open() as session:
        session.index(tmp_path / "pet")
        (loadable,) = session.examine()
        (path,) = session.write(session.load(loadable, options={"show_phi": "true"}), tmp_path / "out", format="rwvm")
    run = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, text=True, check=False)
    said = run.stdout + run.stderr
    assert "RealWorldValueMapping" in said
    assert [line for line in said.splitlines() if line.startswith("Error")] == []
