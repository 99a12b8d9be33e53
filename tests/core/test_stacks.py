"""Parts, stacks and ways to load them, on phantoms whose geometry is worked out by hand. Every case is shuffled."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pytest
from pydicom.dataset import Dataset

from dicomlogic_core.contracts import TileGrid
from dicomlogic_core.errors import GeometryError, UsageError
from dicomlogic_core.series import SeriesView
from dicomlogic_core.stacks import Stack, stack_of
from dicomlogic_core.stacks_images import image_rows
from dicomlogic_core.stacks_keys import StackPart, hard_parts
from dicomlogic_core.stacks_modes import as_is_finding, layout_of, mode_of, modes_for, runs_of, stored_order
from dicomlogic_core.stacks_names import default_name, part_name
from dicomlogic_core.stacks_soft import overlap_finding, soft_parts
from dicomlogic_core.testing.phantom_objects import (
    ENHANCED_MR,
    MR_IMAGE,
    Slice,
    colour_slice,
    ct_slice,
    enhanced,
    uid,
)
from dicomlogic_core.testing.phantoms import regular
from dicomlogic_core.testing.views import series_view

Change = Callable[[int, Dataset], None]


def make(slices: Sequence[Slice], change: Change | None = None, *, seed: int = 4) -> SeriesView:
    """A view of CT slices in random order."""
    datasets = [ct_slice(number, one, name="stack") for number, one in enumerate(slices)]
    for number, dataset in enumerate(datasets):
        if change is not None:
            change(number, dataset)
    random.Random(seed).shuffle(datasets)
    return series_view(datasets)


def at(*z: float, **values) -> list[Slice]:
    return [Slice(position=(-10.0, -20.0, float(one)), **values) for one in z]


def whole(view: SeriesView) -> Stack:
    return stack_of(view, image_rows(view))


def turned(radians: float) -> list[Slice]:
    """Slices along z whose planes are turned around x."""
    orientation = (1, 0, 0, 0, math.cos(radians), -math.sin(radians))
    return [Slice(position=one.position, orientation=orientation) for one in regular()]


def parts_of(view: SeriesView) -> list[Stack]:
    return [stack_of(view, part.rows, extra=part.findings) for part in hard_parts(view)]


def codes(stack: Stack) -> list[str]:
    return [found.code for found in stack.findings]


def instance_numbers_of(stack: Stack, part: Stack | StackPart) -> list[int]:
    return [int(stack.series.frames.text("InstanceNumber")[row] or 0) for row in part.rows.tolist()]


def instance_numbers(stack: Stack) -> list[int]:
    return instance_numbers_of(stack, stack)


def setter(**values: Callable[[int], object]) -> Change:
    def change(number: int, dataset: Dataset) -> None:
        for keyword, value in values.items():
            setattr(dataset, keyword, value(number))

    return change


# --- whole stacks ----------------------------------------------------


def test_instance_number_does_not_order_slices():
    view = make(regular(20), setter(InstanceNumber=lambda number: 20 - number))
    stack = whole(view)
    assert stack.regular
    assert instance_numbers(stack) == list(range(20, 0, -1))
    assert stack.findings == ()
    assert stack.confidence == 0.5


def test_every_gap_is_named_with_its_neighbours():
    view = make([one for k, one in enumerate(regular(20)) if k not in (3, 8, 9)])
    stack = whole(view)
    assert codes(stack) == ["geometry.gap", "geometry.gap"]
    first, second = stack.findings
    assert "k = 3" in first.message and "4 mm" in first.message and "step is 2 mm" in first.message
    assert "k = 8 to 9" in second.message and "6 mm" in second.message
    assert second.where == (uid("stack", "instance", 6), uid("stack", "instance", 7))
    assert stack.confidence == 0.45
    layout = layout_of(stack)
    assert layout.missing == (3, 8, 9)
    assert layout.geometry.size_ijk == (24, 32, 20)
    assert layout.positions is None


def test_as_is_tells_where_the_slices_are():
    view = make([one for k, one in enumerate(regular(20)) if k not in range(2, 18)])
    stack = whole(view)
    assert stack.gap_class == "missing"
    layout = layout_of(stack, "as-is")
    assert layout.positions is not None
    assert layout.positions[:, 2].tolist() == [0, 2, 36, 38]
    assert layout.offset_mm == pytest.approx(38 / 3 - 2)
    off = as_is_finding(stack)
    assert off is not None
    assert (off.code, off.severity) == ("geometry.gap", "error")
    assert "12.667 mm apart are up to 10.67 mm from their places" in off.message
    assert "fill" in off.remedy
    assert modes_for(stack) == ("fill", "as-is", "resample")


def test_many_gaps_do_not_make_many_findings():
    stored = [k for k in range(100) if k % 3 != 1]
    stack = whole(make([regular(100)[k] for k in stored]))
    assert stack.gap_class == "missing"
    assert len(stack.findings) == 21
    assert "13 more gaps" in stack.findings[-1].message
    assert layout_of(stack).missing == tuple(k for k in range(98) if k % 3 == 1)


@pytest.mark.parametrize(("percent", "code"), [(0.5, "geometry.spacing-rounding"), (3.0, "geometry.spacing-irregular")])
def test_uneven_steps_are_named(percent, code):
    gaps = [5 * (1 + percent / 100 * sign) for sign in (1, -1, 0.3, 0, -0.4) * 3]
    stack = whole(make(at(*np.cumsum([0, *gaps]))))
    assert codes(stack) == [code]


def test_tilt_and_drift_are_named():
    angle = math.radians(-15)
    tilted = turned(angle)
    stack = whole(make(tilted, setter(GantryDetectorTilt=lambda _: "-18.5")))
    (found,) = stack.findings
    assert (found.code, found.severity) == ("geometry.tilt", "note")
    assert "15.00 deg" in found.message

    slices = regular()
    slices[7] = Slice(position=(-9.95, -20.0, 14.0))
    (found,) = whole(make(slices)).findings
    assert found.code == "geometry.drift"
    assert found.where == (uid("stack", "instance", 7),)


def test_doubles_keep_the_last_instance_number_and_claim_both():
    view = make([*regular(), *at(18.0)])
    stack = whole(view)
    assert codes(stack) == ["geometry.duplicate"]
    assert set(stack.findings[0].where) == {uid("stack", "instance", 9), uid("stack", "instance", 20)}
    assert instance_numbers(stack)[9] == 21
    assert len(stack.rows) == 20
    assert len(stack.claimed) == 21
    assert not stack.regular
    assert stack.confidence == 0.45


def test_half_of_the_positions_twice_is_no_matter_of_copies():
    stack = whole(make([*regular(20), *regular(10)]))
    assert stack.kind == "four-dimensional"
    assert "30 frames at 20 positions, 1 to 2 at each" in stack.findings[0].message


def test_the_step_of_spacing_tags_changes_nothing_but_is_noted():
    stack = whole(make(regular(), setter(SpacingBetweenSlices=lambda _: "-3")))
    assert codes(stack) == ["geometry.spacing-tag"]
    assert layout_of(stack).geometry.spacing_mm == pytest.approx((0.7, 0.8, 2.0))
    # The table's step of a tilted stack is no contradiction.
    angle = math.radians(15)
    tilted = turned(angle)
    assert codes(whole(make(tilted, setter(SpacingBetweenSlices=lambda _: "2")))) == ["geometry.tilt"]


def test_four_dimensional_series_is_no_volume():
    stack = whole(make([*regular(), *regular()]))
    assert stack.kind == "four-dimensional"
    assert codes(stack) == ["series.four-dimensional"]
    assert stack.confidence == 0.2
    assert "40 frames at 20 positions, 2 at each" in stack.findings[0].message
    with pytest.raises(GeometryError) as caught:
        layout_of(stack)
    assert caught.value.code == "series.four-dimensional"
    assert len(stored_order(stack).rows) == 40


# --- what is no stack ----------------------------------------------------


@pytest.mark.parametrize(
    ("orientation", "code"),
    [
        ([0, 0, 0, 0, 0, 0], "geometry.invalid-orientation"),
        ([1, 0, 0, 1, 0, 0], "geometry.invalid-orientation"),
        ([1, 0, 0, 0, 1], "geometry.invalid-orientation"),
        (None, "geometry.missing-position"),
    ],
)
def test_without_orientation_there_is_no_geometry(orientation, code):
    def change(_: int, dataset: Dataset) -> None:
        if orientation is None:
            del dataset.ImageOrientationPatient
        else:
            dataset.ImageOrientationPatient = orientation

    stack = whole(make(regular(5), change))
    assert (stack.kind, stack.confidence) == ("unlocated", 0.2)
    assert codes(stack) == [code]
    with pytest.raises(GeometryError) as caught:
        layout_of(stack)
    assert caught.value.code == code
    matrix = stored_order(stack).geometry.ijk_to_lps
    assert np.isfinite(matrix).all()


def test_multi_frame_ct_without_positions_is_refused():
    def change(_: int, dataset: Dataset) -> None:
        del dataset.ImagePositionPatient, dataset.ImageOrientationPatient
        dataset.NumberOfFrames = 5

    (stack,) = parts_of(make(regular(1), change))
    assert codes(stack) == ["geometry.missing-position"]
    assert len(stack.rows) == 5


@pytest.mark.parametrize(
    ("values", "spacing", "uncalibrated"),
    [
        ({"PixelSpacing": [0.2, 0.3]}, (0.3, 0.2), False),
        ({"ImagerPixelSpacing": [0.2, 0.3]}, (0.3, 0.2), True),
        ({"ImagerPixelSpacing": [0.2, 0.3], "EstimatedRadiographicMagnificationFactor": 2}, (0.15, 0.1), True),
        ({}, (1.0, 1.0), True),
    ],
)
def test_projections_need_no_position(values, spacing, uncalibrated):
    def change(_: int, dataset: Dataset) -> None:
        del dataset.ImagePositionPatient, dataset.ImageOrientationPatient, dataset.PixelSpacing
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
        dataset.Modality = "DX"
        for keyword, value in values.items():
            setattr(dataset, keyword, value)

    (stack,) = parts_of(make(regular(1), change))
    assert stack.kind == "image-plane"
    assert codes(stack)[0] == "geometry.image-plane"
    assert ("geometry.uncalibrated" in codes(stack)) is uncalibrated
    geometry = layout_of(stack).geometry
    assert geometry.spacing_mm[:2] == pytest.approx(spacing)
    assert geometry.directions == pytest.approx(np.eye(3))


def test_screen_saves_are_set_low_unless_they_have_a_place():
    def capture(_: int, dataset: Dataset) -> None:
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"

    def nowhere(number: int, dataset: Dataset) -> None:
        capture(number, dataset)
        del dataset.ImagePositionPatient, dataset.ImageOrientationPatient

    (stack,) = parts_of(make(regular(1), nowhere))
    assert stack.confidence == 0.2
    assert "series.not-image" in codes(stack)
    (stack,) = parts_of(make(regular(20), capture))
    assert stack.regular


# --- hard keys ----------------------------------------------------


def half(number: int) -> bool:
    return number >= 15


@pytest.mark.parametrize(
    ("change", "code", "label"),
    [
        (
            setter(ImageType=lambda n: ["ORIGINAL", "PRIMARY", "LOCALIZER" if half(n) else "AXIAL"]),
            "geometry.localizer",
            "imageType LOCALIZER",
        ),
        (
            setter(PixelSpacing=lambda n: [0.9, 0.9] if half(n) else [0.8, 0.7]),
            "geometry.mixed-pixel-spacing",
            "pixelSpacing 0.9\\0.9",
        ),
        (setter(Rows=lambda n: 16 if half(n) else 32), "geometry.mixed-matrix", "rows 16"),
        (setter(Columns=lambda n: 12 if half(n) else 24), "geometry.mixed-matrix", "columns 12"),
        (
            setter(FrameOfReferenceUID=lambda n: "1.2.3" if half(n) else "1.2.4"),
            "geometry.mixed-frame-of-reference",
            "frameOfReferenceUID 2",
        ),
        (
            setter(ImageOrientationPatient=lambda n: [0, 1, 0, 0, 0, -1] if half(n) else [1, 0, 0, 0, 1, 0]),
            "geometry.mixed-orientation",
            "imageOrientationPatient 2",
        ),
        (
            setter(PhotometricInterpretation=lambda n: "MONOCHROME1" if half(n) else "MONOCHROME2"),
            "series.split",
            "photometricInterpretation MONOCHROME1",
        ),
        (
            setter(SOPClassUID=lambda n: MR_IMAGE if half(n) else "1.2.840.10008.5.1.4.1.1.2"),
            "series.split",
            "sopClassUID 2",
        ),
    ],
)
def test_hard_keys_cut_a_series(change, code, label):
    view = make(regular(20), change)
    larger, smaller = hard_parts(view)
    assert [len(larger.rows), len(smaller.rows)] == [15, 5]
    assert smaller.label == label
    for part in (larger, smaller):
        (found,) = part.findings
        assert found.code == code
        assert set(found.where) == {uid("stack", "instance", number) for number in range(15, 20)}
    assert part_name(view, None, smaller.label).startswith("7: stack - ")
    assert "\\" not in part_name(view, None, smaller.label)


def test_colour_spaces_of_one_object_do_not_cut_it():
    view = make(regular(4), setter(PhotometricInterpretation=lambda n: "RGB" if n % 2 else "YBR_FULL"))
    assert len(hard_parts(view)) == 1


@pytest.mark.parametrize(("radians", "parts", "noted"), [(5e-5, 1, False), (5e-4, 1, True), (5e-3, 2, False)])
def test_orientation_jitter(radians, parts, noted):
    turned = [1, 0, 0, 0, math.cos(radians), math.sin(radians)]
    view = make(regular(20), setter(ImageOrientationPatient=lambda n: turned if half(n) else [1, 0, 0, 0, 1, 0]))
    stacks = parts_of(view)
    assert len(stacks) == parts
    assert ("geometry.orientation-jitter" in codes(stacks[0])) is noted


def test_images_without_place_do_not_spoil_the_others():
    def change(number: int, dataset: Dataset) -> None:
        if number >= 18:
            del dataset.ImagePositionPatient, dataset.ImageOrientationPatient

    located, unlocated = parts_of(make(regular(20), change))
    assert located.regular is True
    assert len(located.rows) == 18
    assert unlocated.confidence == 0.2


# --- soft keys ----------------------------------------------------


BLOCKS = at(*[4 * k for k in range(14)], *[52 + 7 * k for k in range(1, 15)])


def test_two_blocks_by_image_type_not_by_the_number_of_each_rotation():
    """As a real step-and-shoot head CT: AcquisitionNumber changes every second slice, ImageType between the blocks."""
    change = setter(
        ImageType=lambda n: ["ORIGINAL", "PRIMARY", "AXIAL", *([] if n < 14 else ["ADD"])],
        AcquisitionNumber=lambda n: n // 2,
    )
    stack = whole(make(BLOCKS, change))
    assert stack.gap_class == "piecewise"
    first, second = soft_parts(stack)
    assert [len(first.rows), len(second.rows)] == [14, 14]
    assert {first.label, second.label} == {
        "imageType ORIGINAL\\PRIMARY\\AXIAL",
        "imageType ORIGINAL\\PRIMARY\\AXIAL\\ADD",
    }


def test_two_blocks_without_a_key_are_cut_at_the_step():
    stack = whole(make(BLOCKS))
    assert soft_parts(stack) == []
    assert modes_for(stack)[0] == "split"
    assert codes(stack) == ["geometry.spacing-varies"]
    assert "14 slices at 4 mm; 14 slices at 7 mm" in stack.findings[0].message
    assert [len(run.rows) for run in runs_of(stack)] == [14, 14]


def test_interleaved_passes_are_told_apart():
    slices = [*at(*[5.0 * k for k in range(8)]), *at(*[1.3 + 5.0 * k for k in range(8)])]
    stack = whole(make(slices, setter(AcquisitionNumber=lambda n: 1 + n // 8)))
    parts = soft_parts(stack)
    assert [part.label for part in parts] == ["acquisitionNumber 1", "acquisitionNumber 2"]
    overlap = overlap_finding(stack, parts)
    assert overlap is not None
    assert overlap.code == "geometry.overlap"
    assert all(stack_of(stack.series, part.rows).regular for part in parts)


def test_a_uniform_stack_is_never_cut_by_soft_keys():
    stack = whole(make(regular(20), setter(AcquisitionNumber=lambda n: n // 10)))
    assert soft_parts(stack) == []


def test_a_missing_slice_is_never_explained_by_a_soft_key():
    """A real bait: positions 18, 23, 28, 38 with numbers 4, 4, 5, 5 look clean by halves."""
    stack = whole(make(at(18, 23, 28, 38), setter(AcquisitionNumber=lambda n: 4 + n // 2)))
    assert soft_parts(stack) == []
    assert layout_of(stack).missing == (3,)


def test_two_halves_around_a_missing_slice_are_no_two_volumes():
    stack = whole(make(at(0, 2, 4, 8, 10, 12), setter(AcquisitionNumber=lambda n: n // 3)))
    assert soft_parts(stack) == []


def test_pairs_are_no_evidence():
    stack = whole(make(at(0, 1.3, 5, 5.7), setter(AcquisitionNumber=lambda n: n // 2)))
    assert stack.gap_class == "irregular"
    assert soft_parts(stack) == []


def test_phases_are_told_apart_by_two_keys_where_one_is_not_enough():
    slices = [one for _ in range(4) for one in regular(6)]
    change = setter(EchoTime=lambda n: (5, 10)[n // 6 % 2], TriggerTime=lambda n: (0, 400)[n // 12])
    stack = whole(make(slices, change))
    parts = soft_parts(stack)
    assert len(parts) == 4
    assert all(stack_of(stack.series, part.rows).regular for part in parts)


def test_parts_ascend_by_their_number():
    """As an export of several folders: InstanceNumber begins anew in each, UIDs come in any order."""
    slices = [one for _ in range(3) for one in regular(4)]
    change = setter(
        AcquisitionNumber=lambda n: (3, 1, 2)[n // 4],
        InstanceNumber=lambda n: 1 + n % 4,
        SOPInstanceUID=lambda n: f"1.2.{n}",
    )
    parts = soft_parts(whole(make(slices, change)))
    assert [part.label for part in parts] == [f"acquisitionNumber {number}" for number in (1, 2, 3)]


def test_two_passes_with_nothing_but_a_pause_between_them():
    """Every slice has its own time, half a second apart; twelve seconds pass before the second pass."""

    def time(number: int) -> str:
        seconds = 30 + 0.5 * number + (12 if number >= 10 else 0)
        return f"0959{seconds:06.3f}" if seconds < 60 else f"1000{seconds - 60:06.3f}"

    stack = whole(make([*regular(10), *regular(10)], setter(AcquisitionTime=time)))
    parts = soft_parts(stack)
    assert [part.label for part in parts] == ["acquisitionTimeBlock 1", "acquisitionTimeBlock 2"]
    assert instance_numbers_of(stack, parts[0]) == list(range(1, 11))
    steady = whole(make([*regular(10), *regular(10)], setter(AcquisitionTime=lambda n: f"10{n:02d}00")))
    assert soft_parts(steady) == []


# --- multi-frame and tiled objects ----------------------------------------------------


def enhanced_view(slices: Sequence[Slice], *, seed: int | None = 2, **options) -> SeriesView:
    frames = list(slices)
    order = list(range(len(frames)))
    if seed is not None:
        random.Random(seed).shuffle(order)
    picked = {name: [values[k] for k in order] for name, values in options.items()}
    return series_view([enhanced([frames[k] for k in order], name="enhanced", **picked)])


def frame_positions(stack: Stack) -> list[float]:
    return stack.series.frames.position[stack.rows][:, 2].tolist()


def test_frames_of_an_enhanced_object_are_ordered_by_position():
    (stack,) = parts_of(enhanced_view(regular(12)))
    assert stack.regular
    assert frame_positions(stack) == [2.0 * k for k in range(12)]


def test_three_stack_ids_of_one_volume_are_one_volume():
    (stack,) = parts_of(enhanced_view(regular(12), stacks=[str(k // 4) for k in range(12)]))
    assert stack.regular
    assert len(stack.rows) == 12


def test_one_stack_id_over_three_orientations_is_three_stacks():
    sagittal, coronal = (0, 1, 0, 0, 0, -1), (1, 0, 0, 0, 0, -1)
    slices = [
        *regular(4),
        *(Slice(position=(3.0 * k, 0, 0), orientation=sagittal) for k in range(4)),
        *(Slice(position=(0, 3.0 * k, 0), orientation=coronal) for k in range(4)),
    ]
    stacks = parts_of(enhanced_view(slices))
    assert [len(stack.rows) for stack in stacks] == [4, 4, 4]
    assert all(stack.regular for stack in stacks)


def test_one_object_with_two_geometries_is_two_stacks():
    slices = [*regular(6), *(Slice(position=(0, 0, 200.0 + 3 * k), spacing=(0.5, 0.5)) for k in range(4))]
    stacks = parts_of(enhanced_view(slices))
    assert [len(stack.rows) for stack in stacks] == [6, 4]
    assert [stack.pixel_spacing for stack in stacks] == [(0.8, 0.7), (0.5, 0.5)]


def test_an_empty_per_frame_sequence_leaves_a_classic_image():
    def change(_: int, dataset: Dataset) -> None:
        dataset.PerFrameFunctionalGroupsSequence = []
        dataset.SharedFunctionalGroupsSequence = []

    (stack,) = parts_of(make(regular(5), change))
    assert stack.regular
    assert len(stack.rows) == 5


def test_several_enhanced_objects_are_told_apart_by_time_or_by_object():
    objects = [
        enhanced(regular(5), name="fmri", sop_class=ENHANCED_MR, modality="MR", temporal=[time] * 5, number=time)
        for time in (1, 2, 3)
    ]
    parts = soft_parts(whole(series_view(objects)))
    assert [part.label for part in parts] == ["temporalPosition 1", "temporalPosition 2", "temporalPosition 3"]
    for one in objects:
        for item in one.PerFrameFunctionalGroupsSequence:
            del item.FrameContentSequence[0].TemporalPositionIndex
    parts = soft_parts(whole(series_view(objects)))
    assert [part.label for part in parts] == ["instance 1", "instance 2", "instance 3"]


def grid(normal_assumed: bool = False) -> TileGrid:
    return TileGrid(
        tiles=5,
        per_row=3,
        rows=10,
        columns=8,
        positions=tuple((-10.0, -20.0, 3.0 * tile) for tile in range(5)),
        orientation=(1, 0, 0, 0, 1, 0),
        normal_assumed=normal_assumed,
    )


@pytest.mark.parametrize("assumed", [False, True])
def test_tiles_of_a_mosaic_are_slices(assumed):
    view = series_view([ct_slice(0, Slice(position=(99, 99, 99)), name="mosaic")], grids={0: grid(assumed)})
    (stack,) = parts_of(view)
    assert stack.regular
    assert codes(stack) == (["geometry.assumed-normal"] if assumed else [])
    geometry = layout_of(stack).geometry
    assert geometry.size_ijk == (8, 10, 5)
    assert geometry.origin_lps_mm == (-10, -20, 0)
    assert [ref.region for ref in view.frames.refs(stack.rows)] == [1, 2, 3, 4, 5]


def test_vendor_grids_without_tile_positions_are_named_as_such():
    def change(_: int, dataset: Dataset) -> None:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "VFRAME"]
        del dataset.ImagePositionPatient, dataset.ImageOrientationPatient

    assert codes(whole(make(regular(3), change))) == ["geometry.vendor-grid"]


def test_colour_slices_are_a_stack():
    (stack,) = parts_of(series_view([colour_slice(k, one, name="colour") for k, one in enumerate(regular(4))]))
    assert stack.regular


def test_animals_are_noted():
    assert "geometry.quadruped" in codes(
        whole(make(regular(4), setter(AnatomicalOrientationType=lambda _: "QUADRUPED")))
    )


@pytest.mark.parametrize("step", [3.0, -3.0])
def test_nuclear_medicine_slices_follow_the_sign_of_their_spacing(step):
    """PS3.3 C.8.4.11: one position for all frames, and a spacing whose sign is the direction."""
    dataset = ct_slice(0, regular(1)[0], name="nm")
    dataset.SOPClassUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.20", "NM"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    dataset.NumberOfFrames, dataset.SpacingBetweenSlices = 4, step
    dataset.SliceVector = [4, 3, 2, 1]
    detector = Dataset()
    detector.ImagePositionPatient = dataset.ImagePositionPatient
    detector.ImageOrientationPatient = dataset.ImageOrientationPatient
    dataset.DetectorInformationSequence = [detector]
    del dataset.ImagePositionPatient, dataset.ImageOrientationPatient
    (stack,) = parts_of(series_view([dataset]))
    assert stack.regular
    assert stack.planes is not None
    assert stack.planes.positions[:, 2].tolist() == sorted(step * k for k in range(4))
    # Ascending along row x column: frame 4 holds slice 1.
    assert stack.series.frames.frame[stack.rows].tolist() == ([4, 3, 2, 1] if step > 0 else [1, 2, 3, 4])


# --- names and modes ----------------------------------------------------


@pytest.mark.parametrize(
    ("number", "description", "name"),
    [
        (7, "Head", "7: Head"),
        (7, "", "7: Unnamed Series"),
        (None, "Head", "Head"),
        (None, None, "Unnamed Series"),
        (3, "a|b/c\\d*e", "3: a-b-c-d(star)e"),
    ],
)
def test_names_are_slicers(number, description, name):
    dataset = ct_slice(0, regular(1)[0], name="x")
    dataset.SeriesNumber, dataset.SeriesDescription = number, None
    if description is None:
        del dataset.SeriesDescription
    else:
        dataset[0x0008103E].value = description
    assert default_name(series_view([dataset])) == name


def test_unknown_modes_are_refused():
    assert mode_of("as-is") == "as-is"
    assert mode_of(None) == ""
    with pytest.raises(UsageError, match="irregular=stretch"):
        mode_of("stretch")


def test_error_mode_refuses_only_what_is_uneven():
    assert layout_of(whole(make(regular())), "error").geometry.size_ijk[2] == 20
    with pytest.raises(GeometryError):
        layout_of(whole(make(at(0, 2, 6))), "error")


def test_an_order_of_input_changes_nothing():
    slices = [*regular(), *at(18.0), Slice(position=(0, 0, 0), orientation=(0, 1, 0, 0, 0, -1))]

    def answer(seed: int) -> list[tuple[str, Iterable[int], list[str]]]:
        return [
            (part.label, instance_numbers(stack), codes(stack)) for part, stack in _with_parts(make(slices, seed=seed))
        ]

    assert answer(1) == answer(2) == answer(3)


def _with_parts(view: SeriesView) -> list[tuple[StackPart, Stack]]:
    return [(part, stack_of(view, part.rows, extra=part.findings)) for part in hard_parts(view)]
