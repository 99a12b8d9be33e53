"""Uptake values against references that others computed: digital reference objects, real headers, a patient's PET."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

import dicomlogic_core as dl
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.phantom_pet import pet_slice, philips_factors, position_of, stored

_INSIDE_ISOTOPE = (
    "RadionuclideTotalDose",
    "RadionuclideHalfLife",
    "RadiopharmaceuticalStartTime",
    "RadiopharmaceuticalStartDateTime",
)
_HEADERS = (
    "PHILIPS_BQML",
    "PHILIPS_CNTS_AND_BQML_SUV",
    "PHILIPS_CNTS_AND_SUV",
    "SIEMENS",
    "GE_MEDICAL_AND_BQML",
    "BQML_AC_DT_lessThan_S_DT_SIEMENS",
    "CPS_AND_BQML_AC_DT_-_S_DT",
    "RADIOPHARM_DATETIME_UNDEFINED",
)


@pytest.fixture
def session() -> Iterator[dl.Session]:
    with dl.open() as opened:
        yield opened


def of_pet_ct(session: dl.Session) -> dict[str, dl.Loadable]:
    """Loadables of the plugin by the option that makes them."""
    return {one.options["suv"]: one for one in session.examine(all=True) if one.adaptor == "pet-ct"}


def header_files(folder: Path, headers: list[Mapping[str, Any]]) -> None:
    """Instances with the attributes of the headers, and without those that they lack."""
    datasets = []
    absent = dict.fromkeys(("PatientSize", "StudyTime", "SeriesType", "CountsSource"))
    for number, header in enumerate(headers):
        values = {
            key: value for key, value in header.items() if key not in (*_INSIDE_ISOTOPE, "PhilipsPETPrivateGroup")
        }
        isotope = {key: header.get(key) for key in _INSIDE_ISOTOPE}
        isotope = {key: value.strip() if isinstance(value, str) else value for key, value in isotope.items()}
        private = header["PhilipsPETPrivateGroup"]
        # Slopes of 1, so that the value of a pixel is the factor times what is stored.
        all_values = {**absent, **values, "RescaleSlope": "1", "SeriesTime": header["SeriesTime"]}
        dataset = pet_slice(number, name="header", position=position_of(number), isotope=isotope, values=all_values)
        philips_factors(
            suv=float(private["SUVScaleFactor"]) if "SUVScaleFactor" in private else None,
            activity=float(private["ActivityConcentrationScaleFactor"])
            if "ActivityConcentrationScaleFactor" in private
            else None,
        )(dataset, number)
        datasets.append(dataset)
    phantoms.write(folder, datasets, shuffle_seed=1)


@pytest.mark.parametrize("name", _HEADERS)
def test_factors_of_real_headers(name: str, session: dl.Session, shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "pet_suv" / "suv_metadata_json"
    expected = json.loads((folder / "expected.json").read_text())["suvbw_factor_of_first_instance"][name]
    header_files(tmp_path, json.loads((folder / f"{name}-instances.json").read_text()))
    session.index(tmp_path)
    loadable = of_pet_ct(session)["bw"]
    assert loadable.selected
    volume = session.load(loadable)
    report = volume.metadata["report"]
    factor = report["factor"]
    assert (factor if isinstance(factor, float) else factor[0]) == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(np.asarray(volume)[0, 0, 0], stored(0) * expected, rtol=1e-6)


def test_both_factors_of_philips_are_reported(session: dl.Session, shared_data: Path, tmp_path: Path) -> None:
    """The factor to uptake is used, as the one to activity gives the same within 0.06 %."""
    headers = shared_data / "pet_suv" / "suv_metadata_json" / "PHILIPS_CNTS_AND_BQML_SUV-instances.json"
    header_files(tmp_path, json.loads(headers.read_text()))
    session.index(tmp_path)
    loadables = of_pet_ct(session)
    report = session.load(loadables["bw"]).metadata["report"]
    private = {one["tag"].partition(" ")[0]: one for one in report["inputs"] if one["source"] == "private"}
    assert private["7053,1000"]["value"] == 0.000551
    assert private["7053,1009"]["value"] == 1.602563
    (assumed,) = report["assumptions"]
    assert "0.056%" in assumed
    activity = session.load(loadables["activity"])
    np.testing.assert_allclose(np.asarray(activity)[0, 0, 0], stored(0) * 1.602563, rtol=1e-6)


@pytest.mark.parametrize("name", ["suv_dro_0_0", "suv_dro_2_4"])
def test_digital_reference_objects(name: str, session: dl.Session, shared_data: Path) -> None:
    folder = shared_data / "pet_suv" / name
    expected = json.loads((folder / "expected.json").read_text())["suv_in_mask"]
    session.index(folder / "dicom" / "PT")
    loadable = of_pet_ct(session)["bw"]
    assert loadable.selected
    volume = session.load(loadable)
    assert volume.unit == "g/ml" and volume.array.dtype == np.float32
    mask = resliced(folder / "ref" / "DRO_mask.nii.gz", volume)
    inside = np.asarray(volume)[mask]
    found = {"min": inside.min(), "median": np.median(inside), "max": inside.max()}
    assert found == pytest.approx(expected, rel=2e-6)


def test_a_patients_uptake_equals_the_reference(session: dl.Session, shared_data: Path) -> None:
    """Stored as uptake already: the volume must be what the headers' rescaling gives, bit for bit."""
    case = shared_data / "rt_pet_ct_mr" / "sts_003"
    session.index(case / "dicom" / "PET")
    loadable = of_pet_ct(session)["bw"]
    assert loadable.selected
    volume = session.load(loadable)
    assert volume.unit == "g/ml"
    (path,) = (case / "ref").glob("*PET*image*.nii.gz")
    reference = nibabel.load(path)
    found = volume.to_nibabel()
    np.testing.assert_allclose(reference.affine, found.affine, atol=1e-4)
    values = np.asarray(reference.dataobj, dtype=np.float32)
    np.testing.assert_allclose(np.asarray(found.dataobj), values, rtol=2e-7)


def resliced(path: Path, volume: dl.Volume) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """A mask on the same grid, whichever way its axes run, as [k, j, i]."""
    image = nibabel.as_closest_canonical(nibabel.load(path))
    ours = nibabel.as_closest_canonical(volume.to_nibabel())
    np.testing.assert_allclose(image.affine, ours.affine, atol=1e-3)
    flips = np.sign(np.diag(volume.geometry.ijk_to_ras)[:3])
    mask = np.asarray(image.dataobj) > 0
    for axis, flip in enumerate(flips):
        mask = mask if flip > 0 else np.flip(mask, axis)
    return mask.transpose(2, 1, 0)
