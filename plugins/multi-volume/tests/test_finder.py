"""Which axis is found, on series made to have one: counts, labels, order, and what is left out."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset

import dicomlogic_core as dl
from dicomlogic_core.testing.phantom_objects import ENHANCED_MR, Slice, enhanced
from dicomlogic_core.testing.phantom_sequences import sequence, voxel
from dicomlogic_core.testing.views import study_view
from dicomlogic_multi_volume.adaptor import MultiVolumeAdaptor


def offered(datasets) -> list[dl.Loadable]:
    """The loadables of one series, best first."""
    study = study_view(datasets)
    (series,) = study
    return list(MultiVolumeAdaptor().examine(series, study))


def values(session_of, datasets, seed=0) -> tuple[dl.VolumeSequence, dl.Loadable]:
    """The selected sequence, checked against how the phantom was made: every voxel where it belongs."""
    session = session_of(datasets, seed)
    (loadable,) = session.examine()
    loaded = session.load(loadable)
    assert isinstance(loaded, dl.VolumeSequence)
    return loaded, loadable


def check_voxels(loaded: dl.VolumeSequence, order) -> None:
    """Volume n of the sequence is volume ``order[n]`` of the phantom, positions ascending."""
    assert len(loaded.volumes) == len(order)
    for volume, made in zip(loaded.volumes, order):
        found = np.asarray(volume.array)[:, 0, 0].tolist()
        assert found == [voxel(made, position) for position in range(len(found))]


def codes(loadable) -> set[str]:
    return {found.code for found in loadable.findings}


def test_trigger_times_give_frames_in_milliseconds(session_of):
    volumes = [{"TriggerTime": time, "CardiacNumberOfImages": 5} for time in (800, 0, 200, 600, 400)]
    loaded, loadable = values(session_of, sequence(volumes, positions=10, name="desc"))
    (axis,) = loaded.axes
    assert (axis.name, axis.tag, axis.unit) == ("TriggerTime", "00181060", "ms")
    assert axis.values == (0, 200, 400, 600, 800)
    check_voxels(loaded, [1, 2, 4, 3, 0])
    assert loadable.confidence == 1.0
    assert loadable.name == "7: MR desc - 5 frames Volume Sequence by TriggerTime"


def test_times_of_interleaved_slices_count_by_their_order(session_of):
    """Odd slices are measured after even ones: no two positions share a time; labels are the earliest of a volume."""

    def each(volume, position):
        seconds = 10 * volume + (position // 2 if position % 2 == 0 else 5 + position // 2)
        return {"AcquisitionTime": f"1200{seconds:02d}"}

    loaded, loadable = values(session_of, sequence([{}, {}, {}], positions=5, each=each))
    (axis,) = loaded.axes
    assert (axis.name, axis.unit, axis.values) == ("AcquisitionTime", "ms", (0.0, 10000.0, 20000.0))
    assert "axis.rank" in codes(loadable)
    check_voxels(loaded, [0, 1, 2])


@pytest.mark.parametrize("dated", [False, True])
def test_midnight(session_of, dated):
    times = ["235900", "235930", "000000", "000030"]
    days = ["20200101", "20200101", "20200102", "20200102"]
    volumes = [
        {"AcquisitionTime": time, **({"AcquisitionDate": day} if dated else {})} for time, day in zip(times, days)
    ]
    loaded, loadable = values(session_of, sequence(volumes))
    assert loaded.axes[0].values == (0.0, 30000.0, 60000.0, 90000.0)
    assert ("axis.midnight" in codes(loadable)) is not dated
    check_voxels(loaded, [0, 1, 2, 3])


def test_b_values_and_gradients_are_joint_axes(session_of):
    """b alone does not tell the frames apart: three weights of six directions, and one without weight."""
    rng = np.random.default_rng(1)
    directions = rng.normal(size=(6, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    volumes = [{"DiffusionBValue": 0.0}]
    volumes += [
        {"DiffusionBValue": float(b), "DiffusionGradientOrientation": vector.tolist()}
        for b in (500, 1000, 2000)
        for vector in directions
    ]
    loaded, loadable = values(session_of, sequence(volumes))
    weights, gradients = loaded.axes
    assert (weights.name, weights.unit) == ("b-value", "s/mm2")
    assert weights.values == (0, *[500] * 6, *[1000] * 6, *[2000] * 6)
    assert gradients.name == "gradient"
    assert gradients.values[0] == (0, 0, 0)
    np.testing.assert_allclose(gradients.values[1:], np.tile(directions, (3, 1)), atol=1e-6)
    assert len(loaded.volumes) == 19
    assert loadable.confidence == 1.0
    check_voxels(loaded, range(19))


def test_repeated_unweighted_volumes_are_kept_apart(session_of):
    volumes = [{"DiffusionBValue": 0.0}] * 3 + [
        {"DiffusionBValue": 1000.0, "DiffusionGradientOrientation": vector} for vector in ([1, 0, 0], [0, 1, 0])
    ]
    loaded, _ = values(session_of, sequence(volumes))
    assert loaded.axis("b-value").values == (0, 0, 0, 1000, 1000)
    check_voxels(loaded, range(5))


def test_echo_by_time_has_two_axes(session_of):
    volumes = [
        {"EchoTime": echo, "AcquisitionTime": f"1200{second:02d}"} for second in (0, 2, 4) for echo in (30.0, 10.0)
    ]
    loaded, _ = values(session_of, sequence(volumes))
    assert [axis.name for axis in loaded.axes] == ["EchoTime", "AcquisitionTime"]
    assert loaded.axes[0].values == (10, 10, 10, 30, 30, 30)
    assert loaded.axes[1].values == (0, 2000, 4000) * 2
    check_voxels(loaded, [1, 3, 5, 0, 2, 4])


def test_echoes_measured_one_after_the_other_have_repetitions(session_of):
    """Every frame has a time of its own, so no combination with echoes is complete: repetitions are ordered by time."""
    volumes = [
        {"EchoTime": echo, "AcquisitionTime": f"1200{second + delay:02d}"}
        for second in (0, 10, 20)
        for delay, echo in enumerate((10.0, 30.0))
    ]
    loaded, _ = values(session_of, sequence(volumes))
    assert loaded.axis("EchoTime").values == (10, 10, 10, 30, 30, 30)
    assert loaded.axis("AcquisitionTime").values == (0, 10000, 20000, 1000, 11000, 21000)
    check_voxels(loaded, [0, 2, 4, 1, 3, 5])


def test_scaling_and_window_are_never_an_axis():
    volumes = [
        {"RescaleSlope": 1 + k, "RescaleIntercept": 0, "WindowCenter": 10 * k, "WindowWidth": 5} for k in range(4)
    ]
    found = offered(sequence(volumes))
    assert [one.options["axis"] for one in found] == ["InstanceNumber"]


def test_instance_numbers_are_the_last_resort_and_say_so(session_of):
    loaded, loadable = values(session_of, sequence([{"RepetitionTime": 2500}] * 4))
    assert loaded.axes[0].name == "Time"
    assert loaded.axes[0].values == (0, 2500, 5000, 7500)
    assert loadable.confidence == 0.6
    assert "axis.from-instance-number" in codes(loadable)
    check_voxels(loaded, range(4))


def test_instance_numbers_position_by_position(session_of):
    loaded, loadable = values(session_of, sequence([{}] * 4, by_position=True))
    assert loaded.axes[0].values == (1, 2, 3, 4)
    assert loadable.confidence == 0.6
    check_voxels(loaded, range(4))


def test_an_incomplete_last_volume_is_reported_and_the_others_kept(session_of):
    volumes = [{"AcquisitionTime": f"1200{2 * k:02d}"} for k in range(5)]
    datasets = sequence(volumes, positions=6)[:-3]
    loaded, loadable = values(session_of, datasets)
    check_voxels(loaded, range(4))
    assert loadable.confidence == 0.4
    (found,) = [one for one in loadable.findings if one.code == "axis.incomplete"]
    assert "4 complete volumes" in found.message
    assert "3 of 27 frames" in found.message
    assert set(found.where) == {dataset.SOPInstanceUID for dataset in datasets[24:]}
    assert {ref.sop_uid for ref in loadable.frames} == {dataset.SOPInstanceUID for dataset in datasets}


def test_an_aborted_series_without_times(session_of):
    loaded, loadable = values(session_of, sequence([{}] * 4, positions=6)[:-2])
    check_voxels(loaded, range(3))
    assert loadable.confidence == 0.4


def test_magnitude_and_phase_in_one_series_are_components(session_of):
    volumes = [
        {"ImageType": ["ORIGINAL", "PRIMARY", kind, "ND"], "AcquisitionTime": f"1200{second:02d}"}
        for second in (0, 5)
        for kind in "PM"
    ]
    loaded, _ = values(session_of, sequence(volumes))
    assert loaded.axis("component").values == ("magnitude", "magnitude", "phase", "phase")
    check_voxels(loaded, [1, 3, 0, 2])


def test_mixed_matrices_are_two_sequences(session_of):
    times = [{"AcquisitionTime": f"1200{second:02d}"} for second in (0, 5)]
    datasets = sequence(times, name="a") + sequence(times, name="b", size=(6, 10))
    for dataset in datasets[8:]:
        dataset.StudyInstanceUID = datasets[0].StudyInstanceUID
        dataset.SeriesInstanceUID = datasets[0].SeriesInstanceUID
        dataset.FrameOfReferenceUID = datasets[0].FrameOfReferenceUID
    with session_of(datasets) as session:
        found = session.examine()
        loaded = [session.load(one) for one in found]
    assert [one.kind for one in found] == ["sequence", "sequence"]
    assert sorted(one.volumes[0].array.shape[2] for one in loaded) == [8, 10]
    assert all("geometry.mixed-matrix" in codes(one) for one in found)


def test_trigger_time_zero_is_no_axis():
    volumes = [{"TriggerTime": 0, "EchoTime": echo} for echo in (5, 10)]
    assert offered(sequence(volumes))[0].options == {"axis": "EchoTime"}


def test_trigger_time_without_a_heart_ranks_behind_the_clock():
    volumes = [{"TriggerTime": 100 * k, "AcquisitionTime": f"1200{k:02d}"} for k in range(3)]
    assert [one.options["axis"] for one in offered(sequence(volumes))] == [
        "AcquisitionTime",
        "TriggerTime",
        "InstanceNumber",
    ]
    for volume in volumes:
        volume["CardiacNumberOfImages"] = 3
    assert offered(sequence(volumes))[0].options == {"axis": "TriggerTime"}


def test_temporal_position_alone_is_trusted_a_little_less():
    best = offered(sequence([{"TemporalPositionIdentifier": k} for k in (1, 2, 3)]))[0]
    assert (best.options["axis"], best.confidence) == ("TemporalPositionIdentifier", 0.9)


def test_rivals_are_named_and_can_be_chosen(session_of):
    """Echo order and time order differ: one is chosen, the other is an alternative in the same group."""
    volumes = [{"EchoTime": echo, "AcquisitionTime": f"1200{k:02d}"} for k, echo in enumerate((30.0, 10.0, 20.0))]
    session = session_of(sequence(volumes))
    every = session.examine(all=True)
    assert len({one.group for one in every}) == 1
    assert [one.options.get("axis") for one in every if one.selected] == ["EchoTime"]
    (note,) = [found for found in every[0].findings if found.code == "axis.ambiguous"]
    assert "AcquisitionTime" in note.message
    (other,) = session.examine(options={"axis": "AcquisitionTime"})
    check_voxels(session.load(other), [0, 1, 2])


def test_pet_frames_by_reference_time(session_of):
    volumes = [
        {"FrameReferenceTime": time, "ActualFrameDuration": 2 * time, "AcquisitionTime": "120000", "Modality": "PT"}
        for time in (500.0, 2000.0, 7500.0)
    ]
    loaded, _ = values(session_of, sequence(volumes))
    assert (loaded.axes[0].name, loaded.axes[0].values) == ("FrameReferenceTime", (500, 2000, 7500))


def test_trace_images_of_a_diffusion_series_are_a_volume_of_their_own(session_of):
    weighted = [
        {"DiffusionBValue": 1000.0, "DiffusionGradientOrientation": vector, "DiffusionDirectionality": "DIRECTIONAL"}
        for vector in ([1, 0, 0], [0, 1, 0], [0, 0, 1])
    ]
    trace = {"DiffusionBValue": 1000.0, "DiffusionDirectionality": "ISOTROPIC"}
    plain = {"DiffusionBValue": 0.0, "DiffusionDirectionality": "NONE"}
    session = session_of(sequence([plain, *weighted, trace]))
    found = {one.kind: one for one in session.examine()}
    assert set(found) == {"sequence", "volume"}
    check_voxels(session.load(found["sequence"]), range(4))
    assert np.asarray(session.load(found["volume"]).array)[:, 0, 0].tolist() == [voxel(4, k) for k in range(4)]
    assert "dwi.derived-excluded" in codes(found["sequence"])
    assert "series.derived" in codes(found["volume"])


def test_a_plain_volume_is_left_alone():
    assert offered(sequence([{"EchoTime": 5}])) == []


def test_frames_without_a_b_value_are_set_apart(session_of):
    """A map without any b-value among the weighted volumes: its own volume, with the reason."""
    weighted = [
        {"DiffusionBValue": 1000.0 * k, "DiffusionGradientOrientation": vector}
        for k, vector in enumerate(([0, 0, 0], [1, 0, 0], [0, 1, 0]))
    ]
    session = session_of(sequence([*weighted, {}]))
    found = {one.kind: one for one in session.examine()}
    assert set(found) == {"sequence", "volume"}
    check_voxels(session.load(found["sequence"]), range(3))
    assert np.asarray(session.load(found["volume"]).array)[:, 0, 0].tolist() == [voxel(3, k) for k in range(4)]
    assert all("axis.mixed-definition" in codes(one) for one in found.values())


def test_a_lost_file_in_the_middle_moves_no_other_frame(session_of):
    """Without times: sorting by InstanceNumber would move every later frame of one position into the wrong volume."""
    datasets = sequence([{}] * 5, positions=4)
    lost = datasets.pop(9)
    loaded, loadable = values(session_of, datasets)
    check_voxels(loaded, [0, 1, 3, 4])
    assert loadable.confidence == 0.4
    (found,) = [one for one in loadable.findings if one.code == "axis.incomplete"]
    assert "3 of 4" in found.message
    assert lost.SOPInstanceUID not in found.where


def test_lost_files_of_every_volume_give_no_sequence():
    datasets = [one for number, one in enumerate(sequence([{}] * 4, positions=4)) if number % 5 != 1]
    assert offered(datasets) == []


def test_uneven_intervals_are_named():
    volumes = [{"AcquisitionTime": time} for time in ("120000", "120002", "120007")]
    best = offered(sequence(volumes))[0]
    (note,) = [one for one in best.findings if one.code == "axis.irregular-step"]
    assert "2000" in note.message
    assert "5000" in note.message


def test_a_repetition_time_that_contradicts_the_clock_is_named():
    volumes = [{"AcquisitionTime": f"1200{3 * k:02d}", "RepetitionTime": 2500} for k in range(4)]
    assert "axis.irregular-step" in codes(offered(sequence(volumes))[0])
    for volume in volumes:
        volume["RepetitionTime"] = 3000
    assert "axis.irregular-step" not in codes(offered(sequence(volumes))[0])


def test_pet_durations_are_told_beside_the_times(session_of):
    volumes = [
        {"FrameReferenceTime": time, "ActualFrameDuration": duration, "Modality": "PT"}
        for time, duration in ((500.0, 1000), (2000.0, 2000), (6000.0, 6000))
    ]
    loaded, loadable = values(session_of, sequence(volumes))
    assert loadable.options == {"axis": "FrameReferenceTime"}
    assert loaded.axis("ActualFrameDuration").values == (1000, 2000, 6000)


def test_what_was_rejected_is_explained():
    volumes = [
        {"DiffusionBValue": 1000.0, "DiffusionGradientOrientation": vector} for vector in ([1, 0, 0], [0, 1, 0])
    ] + [{"DiffusionBValue": 0.0}]
    assert "b-value alone has 2 values" in offered(sequence(volumes))[0].explanation


def enhanced_of(frames, *, pointers=(), values=()):
    """An enhanced MR object with a frame per (value, position); dimension indices as given."""
    slices = [Slice(position=(0, 0, 2.0 * k), value=value) for value, k in frames]
    one = enhanced(slices, name="enhanced", sop_class=ENHANCED_MR, modality="MR")
    items = []
    for pointer in pointers:
        items.append(Dataset())
        items[-1].DimensionIndexPointer = pointer
    one.DimensionIndexSequence = items
    for frame, index in zip(one.PerFrameFunctionalGroupsSequence, values):
        frame.FrameContentSequence[0].DimensionIndexValues = index
    return one


def test_a_dimension_that_only_the_object_knows(session_of):
    frames = [(100 * v + k, k) for k in range(3) for v in (2, 1)]
    indices = [[k + 1, v] for k in range(3) for v in (2, 1)]
    one = enhanced_of(frames, pointers=(0x00209057, 0x00189098), values=indices)
    loaded, loadable = values(session_of, [one])
    assert loaded.axes[0].values == (1, 2)
    assert loaded.axes[0].name == "index of TransmitterFrequency"
    assert (np.asarray(loaded.volumes[0].array)[:, 0, 0] + 1024).tolist() == [100, 101, 102]
    assert loadable.confidence == 1.0


def test_frames_of_one_object_that_nothing_tells_apart_keep_their_order(session_of):
    frames = [(100 * v + k, k) for v in (1, 2) for k in range(3)]
    one = enhanced_of(frames)
    loaded, loadable = values(session_of, [one])
    assert (np.asarray(loaded.volumes[1].array)[:, 0, 0] + 1024).tolist() == [200, 201, 202]
    assert loadable.confidence == 0.6


PRIVATE = {
    "Siemens": [(0x0019, "SIEMENS MR HEADER", 0x0C, "IS"), (0x0019, "SIEMENS MR HEADER", 0x0E, "FD")],
    "Philips": [(0x2001, "Philips Imaging DD 001", 0x03, "FL"), (0x2005, "Philips MR Imaging DD 001", 0xB0, "FL")],
    "UIH": [(0x0065, "Image Private Header", 0x09, "FD"), (0x0065, "Image Private Header", 0x37, "FD")],
    "GE": [(0x0043, "GEMS_PARM_01", 0x39, "IS"), (0x0019, "GEMS_ACQU_01", 0xBB, "DS")],
}


@pytest.mark.parametrize("vendor", PRIVATE)
@pytest.mark.parametrize("block", [0x10, 0x11])
def test_private_diffusion_elements_in_any_block(session_of, vendor, block):
    """b-value and gradient of four vendors, found by creator wherever an archive moved them."""
    (group, creator, element, vr), (other_group, other_creator, first, other_vr) = PRIVATE[vendor]
    vectors = [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.6, 0.8)]
    weights = [0, 1000, 1000, 2000]

    def put(dataset, group, creator, element, vr, value):
        dataset.add_new((group, block), "LO", creator)
        dataset.add_new((group, block << 8 | element), vr, value)

    def private(dataset, volume, position):
        b = weights[volume]
        put(dataset, group, creator, element, vr, [b + 1_000_000, 8, 0, 0] if vendor == "GE" else b)
        vector = vectors[volume]
        if vendor in ("Siemens", "UIH"):
            if volume:
                put(dataset, other_group, other_creator, first, other_vr, list(vector))
            return
        for axis, value in enumerate(vector):
            put(dataset, other_group, other_creator, first + axis, other_vr, value)

    loaded, _ = values(session_of, sequence([{}] * 4, private=private))
    assert loaded.axis("b-value").values == pytest.approx(weights)
    found = np.array(loaded.axis("gradient").values)
    expected = np.array(vectors)
    if vendor == "GE":
        expected = expected * (1, 1, -1)  # axial: the slice component points the other way
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_canon_gradients_are_read_from_comments(session_of):
    """Along the image axes: an oblique plane turns them into the patient."""
    cosines = [0.0, 1.0, 0.0, 0.0, 0.0, -1.0]
    comments = ["", "b=1000(0.600,0.000,0.800)", "b=1000(0.000,-1.000,0.000)"]
    volumes = [
        {
            "DiffusionBValue": 1000.0 if comment else 0.0,
            "ImageOrientationPatient": cosines,
            **({"ImageComments": comment} if comment else {}),
        }
        for comment in comments
    ]
    datasets = sequence(volumes, each=lambda volume, position: {"ImagePositionPatient": [3.0 * position, 0.0, 0.0]})
    session = session_of(datasets)
    (loadable,) = session.examine()
    found = session.load(loadable).axis("gradient").values
    np.testing.assert_allclose(found, [(0, 0, 0), (-0.8, 0.6, 0), (0, 0, 1)], atol=1e-6)


def test_a_private_element_of_another_creator_is_no_b_value():
    def private(dataset, volume, position):
        dataset.add_new((0x0019, 0x10), "LO", "SOMEBODY ELSE")
        dataset.add_new((0x0019, 0x100C), "IS", 1000 * volume)

    assert [one.options["axis"] for one in offered(sequence([{}] * 3, private=private))] == ["InstanceNumber"]


@pytest.mark.parametrize("timed", [True, False])
def test_every_position_lacking_another_volume_is_not_ordered_by_rank(session_of, timed):
    """As many frames at every position, yet none of the first four volumes is whole: order would mix them."""
    volumes = [{"AcquisitionTime": f"1200{2 * k:02d}"} if timed else {} for k in range(6)]
    datasets = sequence(volumes, positions=4)
    for position in (3, 2, 1, 0):
        del datasets[5 * position]
    loaded, loadable = values(session_of, datasets)
    check_voxels(loaded, [4, 5])
    assert loadable.confidence == 0.4
    assert "axis.incomplete" in codes(loadable)
