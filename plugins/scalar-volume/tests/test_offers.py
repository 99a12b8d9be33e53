"""What a series offers: names, confidences, alternatives, and Slicer's own selection."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable

import pytest
from pydicom.dataset import Dataset

from dicomlogic_core import Loadable, UsageError
from dicomlogic_core.testing.phantom_objects import Slice, ct_slice
from dicomlogic_core.testing.phantoms import regular
from dicomlogic_core.testing.views import study_view
from dicomlogic_scalar_volume.adaptor import ScalarVolumeAdaptor


def offer(
    slices: list[Slice], change: Callable[[int, Dataset], None] | None = None, *, seed: int = 1, **options: str
) -> list[Loadable]:
    datasets = [ct_slice(number, one, name="Head") for number, one in enumerate(slices)]
    for number, dataset in enumerate(datasets):
        if change is not None:
            change(number, dataset)
    random.Random(seed).shuffle(datasets)
    study = study_view(datasets, options=options)
    return [one for series in study for one in ScalarVolumeAdaptor().examine(series, study)]


def at(*z: float) -> list[Slice]:
    return [Slice(position=(-10.0, -20.0, float(one))) for one in z]


def summary(loadables: list[Loadable]) -> list[tuple[str, int, float]]:
    return [(one.name, len(one.frames), one.confidence) for one in loadables]


def two_types(number: int, dataset: Dataset) -> None:
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", *([] if number < 14 else ["ADD"])]
    dataset.AcquisitionNumber = number // 2


BLOCKS = at(*[4 * k for k in range(14)], *[52 + 7 * k for k in range(1, 15)])


# --- our own ------------------------------------------------------


def test_a_uniform_stack_is_offered_whole_whatever_its_acquisition_numbers():
    def change(number: int, dataset: Dataset) -> None:
        dataset.AcquisitionNumber = 1 + number // 10

    assert summary(offer(regular(20), change)) == [
        ("7: Head", 20, 0.5),
        ("7: Head - acquisitionNumber 1", 10, 0.45),
        ("7: Head - acquisitionNumber 2", 10, 0.45),
    ]


def test_clean_parts_come_before_the_undivided_stack():
    found = offer(BLOCKS, two_types)
    assert sorted(summary(found)[:2]) == [
        ("7: Head - imageType ORIGINAL-PRIMARY-AXIAL", 14, 0.5),
        ("7: Head - imageType ORIGINAL-PRIMARY-AXIAL-ADD", 14, 0.5),
    ]
    assert summary(found)[2:4] == [("7: Head", 28, 0.45), ("7: Head (resampled)", 28, 0.4)]
    # What is left are Slicer's pairs by AcquisitionNumber: two planes are no evidence of anything.
    assert {(len(one.frames), one.confidence) for one in found[4:]} == {(2, 0.35)}


def test_without_a_key_the_runs_come_first():
    assert summary(offer(BLOCKS)) == [
        ("7: Head - run 1", 14, 0.45),
        ("7: Head - run 2", 14, 0.45),
        ("7: Head (as is)", 28, 0.4),
        ("7: Head (resampled)", 28, 0.4),
    ]


def test_baits_stay_below_the_stack_with_its_hole():
    """Positions 18, 23, 28, 38 and numbers 4, 4, 5, 5: two pairs that look clean, and one slice missing."""

    def change(number: int, dataset: Dataset) -> None:
        dataset.AcquisitionNumber = 4 + number // 2

    found = offer(at(18, 23, 28, 38), change)
    assert found[0].options["irregular"] == "fill"
    assert found[0].confidence == 0.45
    assert all(one.confidence < 0.45 for one in found[1:])


@pytest.mark.parametrize("mode", ["split", "error"])
def test_a_mode_that_is_asked_for_is_offered_too(mode):
    slices = [one for k, one in enumerate(regular(20)) if k != 9]
    found = [one for one in offer(slices, irregular=mode) if one.options.get("irregular") == mode]
    assert [len(one.frames) for one in found] == ([9, 10] if mode == "split" else [19])


@pytest.mark.parametrize("mode", ["fill", "split"])
def test_a_mode_that_does_not_fit_is_not_offered(mode):
    """Steps that are no multiples cannot be filled, and no runs cannot be split."""
    found = offer(at(0, 2, 5, 6, 11, 12.4), irregular=mode)
    assert [one.options["irregular"] for one in found] == ["as-is", "resample"]


def test_unknown_modes_are_refused():
    with pytest.raises(UsageError, match="irregular=stretch"):
        offer(at(0, 2, 6), irregular="stretch")


def test_projections_are_one_each():
    def change(_: int, dataset: Dataset) -> None:
        dataset.SOPClassUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.1", "CR"
        del dataset.ImagePositionPatient, dataset.ImageOrientationPatient

    assert summary(offer(regular(2), change)) == [
        ("7: Head - instanceNumber 1", 1, 0.5),
        ("7: Head - instanceNumber 2", 1, 0.5),
    ]


def test_derived_images_come_below_the_originals_of_their_series():
    def change(number: int, dataset: Dataset) -> None:
        if number >= 10:
            dataset.ImageType = ["DERIVED", "SECONDARY", "MPR"]
            dataset.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
            dataset.ImagePositionPatient = [2.0 * number, 0, 0]

    original, derived = offer(regular(20), change)
    assert (original.confidence, derived.confidence) == (0.5, 0.45)
    assert "series.derived" in {found.code for found in derived.findings}


@pytest.mark.parametrize("end", ["481.1", "481.2", "66.4", "66.7"])
def test_values_that_need_their_own_plugin_are_not_touched(end):
    def change(_: int, dataset: Dataset) -> None:
        dataset.SOPClassUID = f"1.2.840.10008.5.1.4.1.1.{end}"

    assert offer(regular(3), change) == []


def test_loadables_are_small_stable_and_explained():
    found = offer(BLOCKS, two_types)
    again = offer(BLOCKS, two_types, seed=9)
    assert [one.as_dict() for one in found] == [one.as_dict() for one in again]
    assert all(one.explanation for one in found)
    assert len({one.id for one in found}) == len(found)
    assert pickle.loads(pickle.dumps(found[0])) == found[0]
    assert all(len(set(one.frames)) == len(one.frames) for one in found)


# --- Slicer's ---------------------------------------------------------


def slicer(slices: list[Slice], change: Callable[[int, Dataset], None] | None = None) -> dict[str, float]:
    return {one.name: one.confidence for one in offer(slices, change, selection="slicer")}


def test_slicer_prefers_the_whole_without_a_warning():
    def change(number: int, dataset: Dataset) -> None:
        dataset.AcquisitionNumber = 1 + number // 10

    assert slicer(regular(20), change) == {
        "7: Head": 0.5,
        "7: Head - acquisitionNumber 1": 0.45,
        "7: Head - acquisitionNumber 2": 0.45,
    }


def test_slicer_prefers_what_is_left_without_a_localizer():
    def change(number: int, dataset: Dataset) -> None:
        if number == 20:
            dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]

    assert slicer([*regular(20), *at(99)], change) == {
        "7: Head": 0.45,
        "7: Head - imageType ORIGINAL-PRIMARY-AXIAL": 0.5,
        "7: Head - imageType ORIGINAL-PRIMARY-LOCALIZER": 0.45,
    }


def test_slicer_prefers_one_kind_of_clean_sub_series():
    def change(number: int, dataset: Dataset) -> None:
        dataset.AcquisitionNumber = 4 + number // 2

    assert slicer(at(18, 23, 28, 38), change) == {
        "7: Head": 0.45,
        "7: Head - acquisitionNumber 4": 0.5,
        "7: Head - acquisitionNumber 5": 0.5,
    }


def test_slicer_falls_back_to_the_whole_with_two_kinds():
    found = slicer(BLOCKS, two_types)
    assert found["7: Head"] == 0.5
    assert set(found.values()) == {0.5, 0.45}
    assert [name for name, confidence in found.items() if confidence == 0.5] == ["7: Head"]
