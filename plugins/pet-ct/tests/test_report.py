"""The account that every result carries: complete, JSON-able, in the export, without a name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import dicomlogic_core as dl
from dicomlogic_core.testing import phantom_pet as pet

Sessions = Callable[..., dl.Session]


def volumes(session: dl.Session) -> dict[str, dl.Volume]:
    return {one.options["suv"]: session.load(one) for one in session.examine(all=True) if one.adaptor == "pet-ct"}


def test_a_report_holds_all_that_the_value_hangs_on(session_of: Sessions) -> None:
    report = volumes(session_of(pet.pet_series()))["lbm"].metadata["report"]
    assert report["formula"].startswith("SUVlbm = activity x exp(ln 2 / half-life")
    inputs = {one["name"]: one for one in report["inputs"]}
    expected = {
        "units": ("Units", "BQML", "BQML", "", "header"),
        "decay correction": ("DecayCorrection", "START", "START", "", "header"),
        "dose": ("RadionuclideTotalDose", "370000000", 370e6, "Bq", "header"),
        "half-life": ("RadionuclideHalfLife", "6588", 6588.0, "s", "header"),
        "injection time": ("RadiopharmaceuticalStartDateTime", "20200102100000", "2020-01-02 10:00:00", "", "header"),
        "weight": ("PatientWeight", "70", 70.0, "kg", "header"),
        "height": ("PatientSize", "1.75", 1.75, "m", "header"),
        "sex": ("PatientSex", "M", "M", "", "header"),
    }
    found = {
        name: (one["tag"], one["raw"].removesuffix(".0"), one["value"], one["unit"], one["source"])
        for name, one in inputs.items()
    }
    assert found == expected
    assert report["reference_time"]["first"] == "2020-01-02 11:00:00"
    assert report["reference_time"]["rule"] == "SeriesTime, not later than the first acquisition"
    assert report["injection_time"] == "2020-01-02 10:00:00"
    assert report["uptake_minutes"] == [60.0]
    assert report["codes"]["unit"]["value"] == "g/ml{SUVlbm(James128)}"
    assert report["header"]["AcquisitionTime"] == "110000"


def test_every_result_has_one_that_is_json(session_of: Sessions) -> None:
    found = volumes(session_of(pet.pet_series()))
    assert len(found) == 6
    for volume in found.values():
        text = json.dumps(volume.metadata["report"], allow_nan=False)
        assert json.loads(text) == volume.metadata["report"]
    nothing = volumes(session_of(pet.pet_series(name="nothing", Units="PROPCNTS")))
    assert json.dumps(nothing["stored"].metadata["report"], allow_nan=False)


def test_it_never_names_the_patient(session_of: Sessions) -> None:
    named = {"PatientName": "CANARY^NAME", "PatientID": "CANARY-ID", "PatientBirthDate": "19111111"}
    for volume in volumes(session_of(pet.pet_series(**named))).values():
        text = json.dumps(dict(volume.metadata), default=str) + volume._repr_html_()
        assert "CANARY" not in text
        assert "19111111" not in text


def test_it_is_written_beside_the_volume_and_shown_in_a_notebook(session_of: Sessions, tmp_path: Path) -> None:
    session = session_of(pet.pet_series(isotope={"RadiopharmaceuticalStartDateTime": "20190102100000"}))
    volume = volumes(session)["bw"]
    paths = session.write(volume, tmp_path)
    (path,) = [one for one in paths if str(one).endswith(".report.json")]
    written = json.loads(Path(path).read_text())
    assert written == volume.metadata["report"]
    assert "suv.date-repaired" in {one["code"] for one in written["findings"]}
    assert "RadiopharmaceuticalStartDateTime" in volume._repr_html_()


def test_an_activity_volume_tells_the_factors_to_every_kind_of_uptake(session_of: Sessions) -> None:
    """As plain numbers, so that who has no plugin can multiply: by slice where beds differ."""
    found = volumes(session_of(pet.two_beds()))
    factors = found["activity"].metadata["suv"]["factors"]
    for key in ("bw", "lbm", "lbm-janma", "bsa", "ibw"):
        assert len(factors[key]) == 6
        made = np.asarray(found["activity"], dtype=np.float64) * np.array(factors[key])[:, None, None]
        np.testing.assert_allclose(made, np.asarray(found[key]), rtol=1e-6)
    assert found["bw"].metadata["suv"]["factor"] == factors["bw"]


def test_uptake_minutes_are_told_where_they_do_not_count(session_of: Sessions) -> None:
    """Values corrected to the injection, or stored as uptake: minutes until the acquisition."""
    for number, values in enumerate(({"DecayCorrection": "ADMIN"}, {"Units": "GML", "SUVType": "BW"})):
        report = volumes(session_of(pet.pet_series(name=f"minutes {number}", **values)))["bw"].metadata["report"]
        assert report["uptake_minutes"] == [60.0]
        assert report["decay_factor"] == 1.0


@pytest.mark.parametrize(("tracer", "window"), [("FDG", [3.0, 6.0]), ("FLT", [2.0, 4.0]), ("PSMA-1007", [3.0, 6.0])])
def test_how_it_is_shown(tracer: str, window: list[float], session_of: Sessions) -> None:
    found = volumes(session_of(pet.pet_series(isotope={"Radiopharmaceutical": tracer})))
    assert found["bw"].metadata["window"] == [window]
    assert found["bw"].metadata["inverted"] is True
    assert found["activity"].metadata["window"] != [window]
