"""PET in space and time: what is a volume, what a sequence, what neither, and what loading costs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pydicom.dataset import Dataset

import dicomlogic_core as dl
from dicomlogic_core.testing import phantom_pet as pet
from dicomlogic_core.testing.phantom_objects import uid
from dicomlogic_core.testing.phantom_pet_enhanced import enhanced_pet
from dicomlogic_core.testing.views import study_view
from dicomlogic_pet_ct.adaptor import PetCtAdaptor

Sessions = Callable[..., dl.Session]
FACTOR = 1000 * pet.WEIGHT_KG / pet.DOSE_BQ * 2 ** (pet.UPTAKE_S / pet.HALF_LIFE_S)


def offered(session: dl.Session, kind: str = "bw", **options: str) -> list[dl.Loadable]:
    found = session.examine(all=True, options=options)
    return [one for one in found if one.adaptor == "pet-ct" and one.options["suv"] == kind]


def expected(places: list[int]) -> np.ndarray:
    return np.array([pet.activity(place) * FACTOR for place in places])


def column(volume: dl.Volume) -> np.ndarray:
    return np.asarray(volume)[:, 0, 0]


@pytest.mark.parametrize("seed", range(3))
def test_slices_lie_by_position_whatever_their_order(seed: int, session_of: Sessions) -> None:
    session = session_of(pet.pet_series(backwards=True), seed)
    (loadable,) = offered(session)
    volume = session.load(loadable)
    np.testing.assert_allclose(column(volume), expected([0, 1, 2, 3, 4]), rtol=1e-6)
    np.testing.assert_allclose(np.asarray(volume)[:, 1, 2], 2 * expected([0, 1, 2, 3, 4]), rtol=1e-6)
    np.testing.assert_allclose(volume.geometry.spacing_mm, (5.0, 4.0, 3.0))
    np.testing.assert_allclose(volume.geometry.origin_lps_mm, pet.FIRST_MM)


def test_one_slice_of_a_lazy_volume_costs_one_frame(session_of: Sessions) -> None:
    session = session_of(pet.two_beds())
    (loadable,) = offered(session)
    lazy, whole = session.load(loadable, lazy=True), session.load(loadable)
    assert lazy.array.held == 0
    np.testing.assert_array_equal(lazy.array[4], np.asarray(whole)[4])
    assert lazy.array.held == 1
    np.testing.assert_array_equal(np.asarray(lazy.fetch()), np.asarray(whole))


def test_a_missing_slice_is_filled_and_the_factors_stay_with_their_slices(session_of: Sessions) -> None:
    session = session_of([one for number, one in enumerate(pet.two_beds()) if number != 2])
    (loadable,) = offered(session)
    assert loadable.selected
    volume = session.load(loadable)
    assert volume.missing == (2,)
    own = 2 ** (200 / pet.HALF_LIFE_S)
    values = expected([0, 1, 2, 3, 4, 5]) * [1, 1, np.nan, own, own, own]
    np.testing.assert_allclose(column(volume), values, rtol=1e-6)
    assert {"geometry.gap"} <= {one.code for one in volume.findings}
    dense = session.load(loadable, options={"irregular": "as-is"})
    np.testing.assert_allclose(column(dense), values[np.isfinite(values)], rtol=1e-6)
    (asked,) = offered(session, irregular="as-is")
    assert asked.selected and asked.options["irregular"] == "as-is"


def test_runs_of_different_steps_are_volumes_of_their_own(session_of: Sessions) -> None:
    datasets = pet.pet_series(8)
    for number, dataset in enumerate(datasets[4:]):
        dataset.ImagePositionPatient = [*pet.FIRST_MM[:2], pet.FIRST_MM[2] + 9 + 5 * (number + 1)]
    found = offered(session_of(datasets))
    assert sorted(len(one.frames) for one in found) == [4, 4]


@pytest.mark.parametrize("seed", range(3))
def test_a_dynamic_series_is_a_sequence(seed: int, session_of: Sessions) -> None:
    session = session_of(pet.dynamic(), seed)
    (loadable,) = offered(session)
    assert (loadable.kind, loadable.confidence) == ("sequence", 0.6)
    sequence = session.load(loadable)
    assert isinstance(sequence, dl.VolumeSequence)
    assert [axis.name for axis in sequence.axes] == ["FrameReferenceTime"]
    np.testing.assert_allclose(
        sequence.axes[0].values, [1000 * (s + pet.average_time(d)) for s, d in ((0, 60), (60, 120), (180, 300))]
    )
    for number, volume in enumerate(sequence):
        np.testing.assert_allclose(column(volume), expected([number * 4 + place for place in range(4)]), rtol=1e-6)
        assert volume.metadata["report"]["factor"] == pytest.approx(FACTOR)
        assert {ref.sop_uid for ref in volume.provenance if ref} <= {ref.sop_uid for ref in loadable.frames}
    (activity,) = offered(session, "activity")
    np.testing.assert_allclose(np.asarray(session.load(activity)) * FACTOR, np.asarray(sequence), rtol=1e-6)


def test_frames_that_are_not_corrected_have_factors_of_their_own(session_of: Sessions) -> None:
    session = session_of(pet.dynamic(DecayCorrection="NONE", CorrectedImage=["ATTN"]))
    (loadable,) = offered(session)
    starts = [(0, 60), (60, 120), (180, 300)]
    for volume, (start, duration) in zip(session.load(loadable), starts):
        uptake = pet.UPTAKE_S + start + pet.average_time(duration)
        factor = 1000 * pet.WEIGHT_KG / pet.DOSE_BQ * 2 ** (uptake / pet.HALF_LIFE_S)
        assert volume.metadata["report"]["factor"] == pytest.approx(factor, rel=1e-9)
        assert volume.metadata["report"]["uptake_minutes"] == pytest.approx([uptake / 60], abs=1e-3)


def test_an_injection_during_a_dynamic_scan_is_no_error(session_of: Sessions) -> None:
    isotope = {"RadiopharmaceuticalStartDateTime": "20200102110030", "RadiopharmaceuticalStartTime": "110030"}
    session = session_of(pet.dynamic(isotope=isotope, DecayCorrection="NONE", CorrectedImage=["ATTN"]))
    (loadable,) = offered(session)
    found = {one.code: one.severity for one in loadable.findings}
    assert found.get("suv.injection-after-scan", "warning") == "warning"
    assert len(session.load(loadable)) == 3


def test_a_gated_series_is_a_sequence_by_gate(session_of: Sessions) -> None:
    session = session_of(pet.gated())
    (loadable,) = offered(session)
    sequence = session.load(loadable)
    assert sequence.axes[0].name == "TriggerTime"
    assert sequence.axes[0].values == (0.0, 300.0, 600.0)
    for number, volume in enumerate(sequence):
        np.testing.assert_allclose(column(volume), expected([number * 4 + place for place in range(4)]), rtol=1e-6)


def test_an_enhanced_object_of_several_times(session_of: Sessions) -> None:
    session = session_of([enhanced_pet(times=(0.0, 120.0, 600.0))])
    (loadable,) = offered(session)
    sequence = session.load(loadable)
    assert sequence.axes[0].values == (0.0, 120000.0, 600000.0)
    for number, volume in enumerate(sequence):
        np.testing.assert_allclose(column(volume), expected([number * 5 + place for place in range(5)]), rtol=1e-6)


def _mip(dataset: Dataset) -> None:
    dataset.ImageType = ["DERIVED", "SECONDARY", "MIP"]


def _reprojection(dataset: Dataset) -> None:
    dataset.SeriesType = ["STATIC", "REPROJECTION"]


def _placeless(dataset: Dataset) -> None:
    del dataset.ImagePositionPatient


@pytest.mark.parametrize("change", [_mip, _reprojection, _placeless])
def test_what_is_no_distribution_of_activity_is_left_to_others(
    change: Callable[[Dataset], None], session_of: Sessions
) -> None:
    datasets = pet.pet_series()
    for dataset in datasets:
        change(dataset)
    assert not [one for one in session_of(datasets).examine(all=True) if one.adaptor == "pet-ct"]


def test_a_projection_among_slices_is_no_slice(session_of: Sessions) -> None:
    datasets = pet.pet_series()
    _mip(datasets[4])
    session = session_of(datasets)
    (loadable,) = offered(session)
    assert loadable.selected
    np.testing.assert_allclose(column(session.load(loadable)), expected([0, 1, 2, 3]), rtol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_images_without_attenuation_correction_are_no_second_time(seed: int, session_of: Sessions) -> None:
    """Some scanners store both reconstructions in one series: uptake is of the corrected ones."""
    corrected = pet.pet_series(4)
    others = pet.pet_series(4, CorrectedImage=["NORM", "DECY"], RescaleSlope="9")
    for number, dataset in enumerate(others):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid("not corrected", str(number))
        dataset.InstanceNumber = 5 + number
    session = session_of([*corrected, *others], seed)
    found = [one for one in session.examine() if one.adaptor == "pet-ct"]
    assert [one.name for one in found] == ["7: pet - AC (SUVbw)", "7: pet - NAC (activity)"]
    np.testing.assert_allclose(column(session.load(found[0])), expected([0, 1, 2, 3]), rtol=1e-6)
    assert "suv.not-attenuation-corrected" in {one.code for one in found[1].findings}
    assert len(session.examine()) == 2


def test_a_slice_without_attenuation_correction_is_not_left_out(session_of: Sessions) -> None:
    datasets = pet.pet_series()
    datasets[2].CorrectedImage = ["NORM", "DECY"]
    (loadable,) = session_of(datasets).examine()
    assert len(loadable.frames) == 5
    assert loadable.options["suv"] == "activity"


def test_derived_images_in_uptake_units_are_ours(session_of: Sessions) -> None:
    session = session_of(pet.pet_series(ImageType=["DERIVED", "SECONDARY"], Units="GML", SUVType="BW"))
    assert offered(session)[0].selected


def test_nothing_is_offered_when_slicers_choice_is_asked_for() -> None:
    study = study_view(pet.pet_series(), options={"selection": "slicer"})
    assert list(PetCtAdaptor().examine(next(iter(study)), study)) == []
    study = study.with_options({})
    assert len(list(PetCtAdaptor().examine(next(iter(study)), study))) == 6


def test_a_kind_that_does_not_exist_is_refused(session_of: Sessions) -> None:
    session = session_of(pet.pet_series())
    assert session.examine(options={"suv": "lbm"})[0].options["suv"] == "lbm"
    with pytest.raises(dl.UsageError, match="suv=lean"):
        session.examine(options={"suv": "lean"})
