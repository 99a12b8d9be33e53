"""PET from files, the loopback server, a real Orthanc and AWS HealthImaging's fake: the same uptake to the last bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomlogic_core as dl
from dicomlogic_ahi.testing import image_sets_from, serve
from dicomlogic_core.testing import phantom_pet as pet
from dicomlogic_core.testing import phantom_pet_enhanced as enhanced
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.comparison import differences, plain
from dicomlogic_core.testing.phantom_pet_ct import ct_of
from dicomlogic_pet_ct.norms import VARIANTS
from dicomlogic_pet_ct.rwvm_dataset import Mapped, mapping_dataset

REAL = {
    "reference object, BQML": "pet_suv/suv_dro_0_0",
    "reference object, private factor without creator": "pet_suv/suv_dro_2_4",
    "patient, values are SUV": "rt_pet_ct_mr/sts_003",
}
FACTOR = 1000 * pet.WEIGHT_KG / (pet.DOSE_BQ * 2 ** (-pet.UPTAKE_S / pet.HALF_LIFE_S))


def _mapped(images: list[Any], slopes: list[float]) -> list[Any]:
    """The images and an object that maps them."""
    frames = tuple(
        dl.FrameRef(study_uid=one.StudyInstanceUID, series_uid=one.SeriesInstanceUID, sop_uid=one.SOPInstanceUID)
        for one in images
    )
    known = {keyword: str(images[0].get(keyword)) for keyword in ("PatientID", "PatientName")}
    mapped = Mapped(
        frames=frames,
        slopes=tuple(slopes),
        variant=VARIANTS["bw"],
        sop_class=images[0].SOPClassUID,
        signed=True,
        date="20200102",
        time="110000",
        attributes=known,
    )
    return [*images, mapping_dataset(mapped)]


PHANTOMS: dict[str, Callable[[], Any]] = {
    "slopes per slice": pet.pet_series,
    "Philips, by creator": lambda: pet.pet_series(Units="CNTS", private=pet.philips_factors(suv=5e-4, activity=1.7)),
    "Philips, without creator": lambda: pet.pet_series(
        Units="CNTS", private=pet.philips_factors(suv=5e-4, creator=False)
    ),
    "GE, by creator": lambda: pet.pet_series(private=pet.ge_times(scan="20200102104500.00")),
    "GE, without creator": lambda: pet.pet_series(private=pet.ge_times(scan="20200102104500.00", creator=False)),
    "two beds": pet.two_beds,
    "over midnight": lambda: pet.pet_series(
        isotope={"RadiopharmaceuticalStartDateTime": None, "RadiopharmaceuticalStartTime": "235000"},
        SeriesTime="005000",
        AcquisitionTime="005000",
    ),
    "dynamic": pet.dynamic,
    "enhanced": lambda: [enhanced.enhanced_pet()],
    "legacy converted": lambda: [enhanced.legacy_pet()],
    "no weight": lambda: pet.pet_series(PatientWeight=None),
    "mapping of rescaled values": lambda: _mapped(pet.pet_series(PatientWeight=None), [2e-4] * 5),
    "mapping of stored values": lambda: _mapped(pet.pet_series(), [pet.slope(k) * FACTOR for k in range(5)]),
    "mapping inside": lambda: [
        enhanced.enhanced_pet(mappings=lambda n: [enhanced.mapping_item(2e-4 * (n + 1), enhanced.SUV_BW)])
    ],
    "with its CT": lambda: [*(images := pet.pet_series()), *ct_of(images)],
}
Volumes = dict[str, tuple[dl.Volume, ...]]


@pytest.fixture(scope="module", params=[*REAL, *PHANTOMS])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param in REAL:
        data: Path = request.getfixturevalue("shared_data")
        return data / REAL[request.param] / "dicom"
    folder = tmp_path_factory.mktemp("phantom")
    phantoms.write(folder, PHANTOMS[request.param]())
    return folder


@pytest.fixture(scope="module")
def of_files(folder: Path) -> Volumes:
    """What the files give, with which every source is compared."""
    return uptake(folder)


@contextmanager
def _health_imaging(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with serve(image_sets_from(folder)) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield f"ahi://{server.datastore}"


def uptake(location: str | Path) -> Volumes:
    """Name of every loadable of the plugin -> its volumes, of a pair both."""
    found: Volumes = {}
    with dl.open() as session:
        result = session.index(location)
        assert not result.failed
        for loadable in session.examine(all=True):
            if loadable.adaptor.startswith("pet-ct") and loadable.kind != "value-mapping":
                loaded = session.load(loadable)
                volumes = (loaded.pet, loaded.ct) if loadable.kind == "pair" else getattr(loaded, "volumes", (loaded,))
                found[loadable.name] = tuple(volumes)
    return found


def said(volume: dl.Volume) -> Mapping[str, Any]:
    """The report but for texts of numbers, which servers write anew."""
    report = dict(volume.metadata.get("report", {}))
    report["inputs"] = [{key: value for key, value in one.items() if key != "raw"} for one in report.get("inputs", ())]
    report.pop("header", None)
    return report


def check(wanted: Volumes, found: Volumes) -> None:
    assert found.keys() == wanted.keys()
    assert wanted
    for name, volumes in wanted.items():
        for one, other in zip(volumes, found[name], strict=True):
            assert np.asarray(one).tobytes() == np.asarray(other).tobytes(), name
            assert (one.unit, one.quantity) == (other.unit, other.quantity)
            assert list(differences(plain(said(one)), plain(said(other)))) == [], name
            assert [(f.code, f.severity) for f in one.findings] == [(f.code, f.severity) for f in other.findings]


def test_the_loopback_server_gives_the_uptake_of_the_files(
    folder: Path, of_files: Volumes, dicomweb_server: Callable[..., Any]
) -> None:
    check(of_files, uptake(dicomweb_server(folder).url))


def test_orthanc_gives_the_uptake_of_the_files(folder: Path, of_files: Volumes, orthanc: Callable[..., Any]) -> None:
    check(of_files, uptake(orthanc(folder).url))


def test_health_imaging_gives_the_uptake_of_the_files(
    folder: Path, of_files: Volumes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _health_imaging(folder, monkeypatch) as location:
        check(of_files, uptake(location))


def test_the_private_factor_without_creator_is_what_the_reference_object_hangs_on(shared_data: Path) -> None:
    """What the comparisons above are worth: without (7053,1000) there would be no uptake value to compare."""
    found = uptake(shared_data / "pet_suv/suv_dro_2_4/dicom")
    ((volume,),) = (volumes for name, volumes in found.items() if name.endswith("(SUVbw)"))
    assert volume.metadata["report"]["factor"] == 0.0005


def test_one_slice_of_a_lazy_pair_is_one_request(tmp_path: Path, dicomweb_server: Callable[..., Any]) -> None:
    phantoms.write(tmp_path, PHANTOMS["with its CT"]())
    server = dicomweb_server(tmp_path)
    with dl.open() as session:
        session.index(server.url)
        (loadable,) = (one for one in session.examine(all=True) if one.kind == "pair")
        server.log.clear()
        pair = session.load(loadable, lazy=True)
        assert len(server.log) == 0
        assert pair.pet.array[3].any()
        assert len(server.log) == 1
        assert pair.ct.array[5].any()
        assert len(server.log) == 2
        pair.ct_on_pet_grid()
        assert len(server.log) == 3
