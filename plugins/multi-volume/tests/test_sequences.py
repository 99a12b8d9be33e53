"""Sequences as they are loaded: geometry, pixels, provenance, laziness; films; sets of series."""

from __future__ import annotations

import math

import numpy as np
import pytest

import dicomlogic_core as dl
from dicomlogic_core.testing.phantom_mosaic import mosaic
from dicomlogic_core.testing.phantom_objects import ENHANCED_MR, Slice, base, enhanced, set_pixels
from dicomlogic_core.testing.phantom_sequences import mr_slice, sequence, voxel

TIMES = [{"AcquisitionTime": f"1200{second:02d}"} for second in (0, 2, 4)]
NM_IMAGE = "1.2.840.10008.5.1.4.1.1.20"
US_FILM = "1.2.840.10008.5.1.4.1.1.3.1"
XA_IMAGE = "1.2.840.10008.5.1.4.1.1.12.1"


def selected(session: dl.Session, **options: str) -> dl.VolumeSequence:
    (loadable,) = session.examine(options=options)
    loaded = session.load(loadable, options=options)
    assert isinstance(loaded, dl.VolumeSequence)
    return loaded


def test_all_volumes_have_the_geometry_of_the_positions(session_of):
    loaded = selected(session_of(sequence(TIMES, positions=5)))
    expected = np.diag([1.25, 1.5, 3.0, 1.0])
    expected[:3, 3] = (-10, -20, 0)
    for volume in loaded.volumes:
        np.testing.assert_allclose(volume.geometry.ijk_to_lps, expected, atol=1e-9)
        assert volume.geometry.size_ijk == (8, 6, 5)
        assert volume.frame_of_reference_uid
        assert volume.unit == "1"


def test_provenance_names_the_frames_of_every_voxel(session_of):
    datasets = sequence(TIMES, positions=3)
    by_uid = {str(dataset.SOPInstanceUID): int(dataset.pixel_array[0, 0]) for dataset in datasets}
    loaded = selected(session_of(datasets))
    for volume in loaded.volumes:
        for k, ref in enumerate(volume.provenance):
            assert int(volume.array[k, 0, 0]) == by_uid[ref.sop_uid]


def test_pixels_lie_in_one_array(session_of):
    loaded = selected(session_of(sequence(TIMES)))
    first, *others = (np.asarray(volume.array) for volume in loaded.volumes)
    assert all(np.shares_memory(other.base, first.base) for other in others)
    assert not first.flags.writeable


def test_lazy_volumes_fetch_the_frames_that_are_looked_at(session_of):
    session = session_of(sequence(TIMES))
    (loadable,) = session.examine()
    lazy = session.load(loadable, lazy=True)
    second = lazy.volumes[1]
    assert second.lazy
    assert int(second.array[2][0, 0]) == voxel(1, 2)
    assert [volume.array.held for volume in lazy.volumes] == [0, 1, 0]
    assert second.fetch().array[:, 0, 0].tolist() == [voxel(1, k) for k in range(4)]


def test_a_missing_slice_of_every_volume_is_filled_at_its_place(session_of):
    datasets = [one for one in sequence(TIMES, positions=6) if one.ImagePositionPatient[2] != 9.0]
    session = session_of(datasets)
    (loadable,) = session.examine()
    assert loadable.confidence == 0.5
    assert "geometry.gap" in {found.code for found in loadable.findings}
    loaded = session.load(loadable)
    for number, volume in enumerate(loaded.volumes):
        assert volume.missing == (3,)
        assert volume.array[4, 0, 0] == voxel(number, 4)
    as_is = selected(session, irregular="as-is")
    assert as_is.volumes[0].array.shape[0] == 5


def test_an_enhanced_object_with_shuffled_frames(session_of):
    rng = np.random.default_rng(2)
    frames = [(time, k) for time in (1, 2, 3) for k in range(4)]
    frames = [frames[number] for number in rng.permutation(len(frames))]
    slices = [Slice(position=(0, 0, 2.0 * k), value=100 * time + k) for time, k in frames]
    one = enhanced(slices, name="enhanced", sop_class=ENHANCED_MR, modality="MR", temporal=[time for time, _ in frames])
    loaded = selected(session_of([one]))
    assert loaded.axes[0].name == "TemporalPositionIndex"
    for time, volume in zip((1, 2, 3), loaded.volumes):
        assert (np.asarray(volume.array)[:, 0, 0] + 1024).tolist() == [100 * time + k for k in range(4)]
        assert [frames[ref.frame - 1] for ref in volume.provenance] == [(time, k) for k in range(4)]


@pytest.mark.parametrize("against", [False, True])
def test_a_series_of_mosaics(session_of, against):
    datasets = []
    for number in range(3):
        one = mosaic(
            Slice(position=(0, 0, 0)), [100 * number + k for k in range(5)], name="m", step_mm=4, against=against
        )
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = f"{one.SOPInstanceUID}.{number}"
        one.InstanceNumber = number + 1
        one.AcquisitionTime = f"1200{2 * number:02d}"
        datasets.append(one)
    loaded = selected(session_of(datasets))
    assert loaded.axes[0].values == (0.0, 2000.0, 4000.0)
    order = range(4, -1, -1) if against else range(5)
    for number, volume in enumerate(loaded.volumes):
        assert np.asarray(volume.array)[:, 0, 0].tolist() == [100 * number + k for k in order]


def test_gated_nuclear_medicine(session_of):
    """Two time slots of three slices in one object: the vectors name slice and slot of every frame."""
    dataset = base("nm", NM_IMAGE, "NM", 0)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "RECON GATED TOMO", "EMISSION"]
    item = dl_item(ImagePositionPatient=[0.0, 0.0, 10.0], ImageOrientationPatient=[1.0, 0, 0, 0, 1.0, 0])
    dataset.DetectorInformationSequence = [item]
    dataset.NumberOfFrames = 6
    dataset.PixelSpacing = [2.0, 2.0]
    dataset.SpacingBetweenSlices = 2.5
    dataset.SliceVector = [1, 2, 3, 1, 2, 3]
    dataset.TimeSlotVector = [1, 1, 1, 2, 2, 2]
    dataset.FrameIncrementPointer = [0x00540070, 0x00540080]
    set_pixels(dataset, np.repeat([11, 12, 13, 21, 22, 23], 16).reshape(6, 4, 4).astype("<u2"))
    loaded = selected(session_of([dataset]))
    (axis,) = loaded.axes
    assert (axis.name, axis.tag, axis.values) == ("TimeSlot", "00540070", (1, 2))
    assert np.asarray(loaded.volumes[1].array)[:, 0, 0].tolist() == [21, 22, 23]
    assert loaded.volumes[0].geometry.spacing_mm[2] == pytest.approx(2.5)


def dl_item(**values):
    from pydicom.dataset import Dataset

    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def film(sop_class: str, modality: str, number: int = 0, frames: int = 4):
    dataset = base("film", sop_class, modality, number)
    del dataset.FrameOfReferenceUID
    dataset.NumberOfFrames = frames
    set_pixels(dataset, np.arange(frames * 16).reshape(frames, 4, 4).astype("<u2"))
    return dataset


def region(**values):
    standard = {
        "RegionSpatialFormat": 1,
        "RegionDataType": 1,
        "PhysicalUnitsXDirection": 3,
        "PhysicalUnitsYDirection": 3,
        "PhysicalDeltaX": 0.03,
        "PhysicalDeltaY": 0.05,
    }
    return dl_item(**{**standard, **values})


def test_an_ultrasound_film_has_seconds_and_millimetres(session_of):
    dataset = film(US_FILM, "US")
    dataset.FrameTime = 33
    dataset.FrameIncrementPointer = 0x00181063
    dataset.SequenceOfUltrasoundRegions = [region()]
    session = session_of([dataset])
    (loadable,) = session.examine()
    assert (loadable.confidence, loadable.name) == (0.7, "7: film [1]")
    loaded = session.load(loadable)
    (axis,) = loaded.axes
    assert (axis.name, axis.unit) == ("FrameTime", "s")
    assert axis.values == pytest.approx((0, 0.033, 0.066, 0.099))
    assert loaded.volumes[0].geometry.spacing_mm[:2] == pytest.approx((0.3, 0.5))
    assert int(loaded.volumes[3].array[0, 0, 0]) == 48


@pytest.mark.parametrize("regions", [[region(), region(PhysicalDeltaX=0.1)], [region(PhysicalUnitsXDirection=4)]])
def test_an_ultrasound_film_of_unknown_scale_says_so(session_of, regions):
    dataset = film(US_FILM, "US")
    dataset.SequenceOfUltrasoundRegions = regions
    loaded = selected(session_of([dataset]))
    assert loaded.volumes[0].geometry.spacing_mm[:2] == (1, 1)
    assert "geometry.uncalibrated" in {found.code for found in loaded.findings}
    assert loaded.axes[0].name == "frame"


def test_frame_times_that_vary(session_of):
    dataset = film(XA_IMAGE, "XA")
    dataset.FrameTimeVector = [0, 100, 100, 250]
    dataset.FrameIncrementPointer = 0x00181065
    loaded = selected(session_of([dataset]))
    assert loaded.axes[0].values == pytest.approx((0, 0.1, 0.2, 0.45))


def test_a_biplane_is_two_films(session_of):
    planes = [film(XA_IMAGE, "XA", number) for number in range(2)]
    for plane, angle in zip(planes, (30, -60)):
        plane.InstanceNumber = 5
        plane.PositionerPrimaryAngle, plane.PositionerSecondaryAngle = angle, 0
        plane.CineRate = 10
    found = session_of(planes).examine()
    assert sorted(one.name for one in found) == ["7: film [5] (-60/0)", "7: film [5] (30/0)"]


def phases(labels, *, step: float = 3.0):
    """One CT-like series per label, of one geometry; description and value differ."""
    datasets = []
    for number, label in enumerate(labels):
        for position in range(4):
            one = mr_slice(position, voxel(number, position), position, name=f"phase {label}")
            one.StudyInstanceUID = "2.25.1"
            one.FrameOfReferenceUID = "2.25.2"
            one.ImagePositionPatient = [0.0, 0.0, step * position]
            one.SeriesDescription = f"CTA {label}%"
            one.StudyDescription = "Heart"
            one.SeriesNumber = 20 - number
            datasets.append(one)
    return datasets


def test_phases_in_ten_series_are_one_sequence(session_of):
    labels = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]
    session = session_of(phases(labels))
    (loadable,) = session.examine()
    assert len(loadable.series_uids) == 10
    loaded = session.load(loadable)
    assert loaded.axes[0].unit == "%"
    assert loaded.axes[0].values == tuple(labels)
    for number, volume in enumerate(loaded.volumes):
        assert np.asarray(volume.array)[:, 0, 0].tolist() == [voxel(number, k) for k in range(4)]
        assert {ref.series_uid for ref in volume.provenance} == {loadable.series_uids[number]}
    assert loadable.name == "20: MR Heart - 10 frames Volume Sequence by phase"


def test_series_of_other_geometry_or_frame_of_reference_are_no_set(session_of):
    datasets = phases([0, 10])
    for one in datasets[4:]:
        one.FrameOfReferenceUID = "2.25.3"
    assert "sequence" not in {one.kind for one in session_of(datasets).examine(all=True)}
    datasets = phases([0]) + phases([10], step=3.5)
    assert "sequence" not in {one.kind for one in session_of(datasets).examine(all=True)}


def test_a_repeated_scan_is_not_made_a_time_series(session_of, volumes_offered):
    datasets = phases(["a", "b"])
    for number, one in enumerate(datasets):
        one.SeriesDescription = "t1"
        one.AcquisitionTime = f"12{number // 4:02d}00"
    session = session_of(datasets)
    assert [one.kind for one in session.examine()] == ["volume", "volume"]
    (other,) = [one for one in session.examine(all=True) if one.kind == "sequence"]
    assert session.load(other).axes[0].values == (0, 60000)


def test_a_refused_axis_names_the_ones_there_are(session_of):
    session = session_of(sequence(TIMES))
    (loadable,) = session.examine()
    wrong = dl.Loadable(
        **{
            **{name: getattr(loadable, name) for name in loadable.__dataclass_fields__},
            "options": {"axis": "EchoTime"},
        }
    )
    with pytest.raises(dl.UsageError, match="AcquisitionTime"):
        session.load(wrong)


def test_uneven_slices_keep_their_places(session_of):
    datasets = sequence(TIMES, positions=4)
    for one in datasets:
        if math.isclose(one.ImagePositionPatient[2], 9.0):
            one.ImagePositionPatient = [-10.0, -20.0, 10.3]
    loaded = selected(session_of(datasets))
    places = np.array(loaded.volumes[2].metadata["slice_positions_lps_mm"])
    assert places[:, 2].tolist() == [0, 3, 6, 10.3]
    assert {"geometry.spacing-irregular", "geometry.spacing-varies"} & {found.code for found in loaded.findings}


def test_patient_attributes_only_on_request(session_of):
    session = session_of(sequence(TIMES))
    (loadable,) = session.examine()
    assert "PHANTOM" not in str(session.load(loadable).volumes[0].metadata)
    shown = session.load(loadable, options={"show_phi": "true"})
    assert shown.volumes[1].metadata["common"]["PatientID"] == "PHANTOM"
