"""Real world value mappings: what is read from them, the trap of stored and rescaled values, and what is written."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

import dicomlogic_core as dl
from dicomlogic_core import FrameRef, Volume, WriteError
from dicomlogic_core.testing import phantom_pet as pet
from dicomlogic_core.testing.phantom_pet_enhanced import BQML, SUV_BW, enhanced_pet, mapping_item
from dicomlogic_pet_ct.norms import VARIANTS
from dicomlogic_pet_ct.rwvm import mappings_of
from dicomlogic_pet_ct.rwvm_dataset import Mapped, mapping_dataset
from dicomlogic_pet_ct.rwvm_object import ValueMappings
from dicomlogic_pet_ct.rwvm_scale import MappedScale, mapped_scale
from dicomlogic_pet_ct.rwvm_writer import write_rwvm

FACTOR = 1000 * pet.WEIGHT_KG / (pet.DOSE_BQ * 2 ** (-pet.UPTAKE_S / pet.HALF_LIFE_S))
EXPECTED = np.array([pet.activity(k) * FACTOR for k in range(5)])
SLOPES = np.array([pet.slope(k) for k in range(5)])


TYPE_1 = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "InstanceNumber"),
    *("ContentDate", "ContentTime", "ContentLabel"),
    *("Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions"),
)
TYPE_2 = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
    *("SeriesNumber", "ContentDescription", "ContentCreatorName"),
)


def mapping_of(images: list[Dataset], slopes: np.ndarray, *, kind: str = "bw", manufacturer: str = "") -> Dataset:
    frames = tuple(
        FrameRef(
            study_uid=str(image.StudyInstanceUID),
            series_uid=str(image.SeriesInstanceUID),
            sop_uid=str(image.SOPInstanceUID),
            frame=number + 1,
        )
        for image in images
        for number in range(int(image.get("NumberOfFrames", 1)))
    )
    dataset = mapping_dataset(
        Mapped(
            frames=frames,
            slopes=tuple(slopes.tolist()),
            variant=VARIANTS[kind],
            sop_class=str(images[0].SOPClassUID),
            signed=True,
            date="20200102",
            time="110000",
            attributes={"PatientID": "PHANTOM", "PatientName": str(images[0].PatientName)},
        )
    )
    if manufacturer:
        dataset.Manufacturer = manufacturer
    return dataset


def offered(session: dl.Session, kind: str = "volume") -> list[dl.Loadable]:
    return [one for one in session.examine(all=True) if one.adaptor == "pet-ct-rwvm" and one.kind == kind]


def values(session: dl.Session, loadable: dl.Loadable, **how: bool) -> np.ndarray:
    volume = session.load(loadable, **how)
    assert volume.unit == "g/ml"
    assert volume.quantity == "standardized uptake value"
    return np.asarray(volume)[:, 0, 0]


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("basis", ["stored", "rescaled"])
@pytest.mark.parametrize("known", [True, False])
def test_a_mapping_for_stored_and_one_for_rescaled_values_give_the_same_uptake(session_of, lazy, basis, known):
    """With the weight the computed factors decide; without it how slopes vary beside the rescale slopes."""
    images = pet.pet_series() if known else pet.pet_series(PatientWeight=None)
    slopes = SLOPES * FACTOR if basis == "stored" else np.full(5, FACTOR)
    session = session_of([*images, mapping_of(images, slopes)])
    (one,) = offered(session)
    assert one.options["rwvm-basis"] == basis
    assert one.confidence == 1.0
    assert one.name.endswith("(SUVbw RWVM)")
    np.testing.assert_allclose(values(session, one, lazy=lazy), EXPECTED, rtol=1e-6)


def test_a_job_has_the_mapping_with_it_and_writes_its_report(session_of, tmp_path):
    images = pet.pet_series(PatientWeight=None)
    session = session_of([*images, mapping_of(images, np.full(5, FACTOR))])
    jobs = dl.make_jobs(session, offered(session), tmp_path / "out")
    (result,) = dl.run_jobs(pickle.loads(pickle.dumps(jobs)))
    assert result.error is None
    (path,) = (path for path in result.paths if path.endswith(".report.json"))
    report = json.loads(Path(path).read_text(encoding="utf-8"))
    assert report["read_as"] == "rescaled"
    assert report["inputs"][0]["value"] == FACTOR
    assert report["codes"]["unit"]["value"] == "g/ml{SUVbw}"


def test_a_mapping_that_fits_neither_is_named_and_not_used(session_of):
    images = pet.pet_series()
    session = session_of([*images, mapping_of(images, 1.3 * SLOPES * FACTOR)])
    assert offered(session) == []
    (itself,) = offered(session, "value-mapping")
    (found,) = itself.findings
    assert found.code == "suv.rwvm-ambiguous"
    assert "30.00%" in found.message


def test_one_slope_without_anything_to_compare_is_ambiguous_unless_slicer_wrote_it(session_of):
    def equal(place: int) -> dict[str, str]:
        return {"RescaleSlope": "2.5"}

    images = pet.pet_series(each=equal, PatientWeight=None)
    session = session_of([*images, mapping_of(images, np.full(5, FACTOR))])
    assert offered(session) == []
    assert [found.code for found in offered(session, "value-mapping")[0].findings] == ["suv.rwvm-ambiguous"]
    maker = "https://github.com/QIICR/Slicer-PETDICOMExtension"
    session = session_of([*images, mapping_of(images, np.full(5, FACTOR), manufacturer=maker)])
    (one,) = offered(session)
    expected = [2.5 * pet.stored(k) * FACTOR for k in range(5)]
    np.testing.assert_allclose(values(session, one), expected, rtol=1e-6)


@pytest.mark.parametrize("change", [{"RealWorldValueSlope": math.nan}, {"RealWorldValueIntercept": 5.0}])
def test_a_mapping_that_is_no_line_through_zero_is_named_and_not_used(session_of, change):
    images = pet.pet_series()
    mapping = mapping_of(images, SLOPES * FACTOR)
    for item in mapping.ReferencedImageRealWorldValueMappingSequence:
        pet.set_values(item.RealWorldValueMappingSequence[0], change)
    session = session_of([*images, mapping, *pet.pet_series(name="not mapped")])
    assert offered(session) == []
    (itself,) = offered(session, "value-mapping")
    assert [found.code for found in itself.findings] == ["suv.rwvm-ambiguous"]


def test_frames_that_the_mapping_leaves_out_make_it_ambiguous(session_of):
    images = pet.pet_series()
    mapping = mapping_of(images, SLOPES * FACTOR)
    del mapping.ReferencedImageRealWorldValueMappingSequence[2]
    session = session_of([*images, mapping])
    assert offered(session) == []


def test_an_intercept_or_two_meanings_of_a_frame_are_not_used(session_of):
    images = pet.pet_series()
    shifted = mapping_of(images, SLOPES * FACTOR)
    shifted.ReferencedImageRealWorldValueMappingSequence[0].RealWorldValueMappingSequence[0].RealWorldValueIntercept = 1
    assert offered(session_of([*images, shifted])) == []
    doubled = mapping_of(images, SLOPES * FACTOR)
    other = mapping_of(images, 2 * SLOPES * FACTOR)
    doubled.ReferencedImageRealWorldValueMappingSequence.extend(other.ReferencedImageRealWorldValueMappingSequence)
    assert offered(session_of([*images, doubled])) == []


def test_a_mapping_without_images_is_for_all_of_its_series(session_of):
    images = pet.pet_series(each=lambda place: {"RescaleSlope": "1"})
    mapping = mapping_of(images, np.full(5, FACTOR))
    (item,) = mapping.ReferencedImageRealWorldValueMappingSequence
    del item.ReferencedImageSequence
    session = session_of([*images, mapping])
    (one,) = offered(session)
    np.testing.assert_allclose(values(session, one), [pet.stored(k) * FACTOR for k in range(5)], rtol=1e-6)


@pytest.mark.parametrize("order", [0, 1])
def test_mappings_inside_an_enhanced_pet_are_read_by_frame(session_of, order):
    """Of the two meanings the standard asks for, Bq/ml and an uptake value, either may come first."""

    def both(number: int) -> list[Dataset]:
        items = [mapping_item(pet.slope(number), BQML), mapping_item(FACTOR * pet.slope(number), SUV_BW)]
        return items[::-1] if order else items

    session = session_of([enhanced_pet(mappings=both)])
    (one,) = offered(session)
    assert one.options["rwvm"] == "inside"
    np.testing.assert_allclose(values(session, one), EXPECTED, rtol=1e-6)


def test_a_frame_of_an_enhanced_pet_without_its_mapping_is_refused(session_of):
    def missing(number: int) -> list[Dataset]:
        return [] if number == 3 else [mapping_item(FACTOR * pet.slope(number), SUV_BW)]

    session = session_of([enhanced_pet(mappings=missing)])
    (one,) = offered(session)
    with pytest.raises(dl.QuantityError, match="every frame") as caught:
        session.load(one)
    assert caught.value.code == "suv.rwvm-ambiguous"


def test_an_object_for_frames_of_an_enhanced_pet_names_their_numbers(session_of):
    image = enhanced_pet()
    mapping = mapping_of([image], SLOPES * FACTOR)
    items = mapping.ReferencedImageRealWorldValueMappingSequence
    assert [item.ReferencedImageSequence[0].ReferencedFrameNumber for item in items] == [1, 2, 3, 4, 5]
    session = session_of([image, mapping])
    np.testing.assert_allclose(values(session, offered(session)[0]), EXPECTED, rtol=1e-6)


def test_the_object_itself_can_be_loaded_and_said_in_json(session_of, tmp_path):
    images = pet.pet_series()
    session = session_of([*images, mapping_of(images, SLOPES * FACTOR)])
    (one,) = offered(session, "value-mapping")
    assert one.selected
    loaded = session.load(one)
    assert isinstance(loaded, ValueMappings)
    said = loaded.as_dict()
    assert [mapping["slope"] for mapping in said["mappings"]] == (SLOPES * FACTOR).tolist()
    assert all(mapping["quantity"] == "bw" for mapping in said["mappings"])
    (path,) = session.write(loaded, tmp_path / "out")
    assert path.suffix == ".json"


@pytest.mark.parametrize(
    ("unit", "method", "kind"),
    [
        ("{SUVbw}g/ml", "", "bw"),
        ("g/ml{SUVbw}", "", "bw"),
        ("{SUVlbm}g/ml", "", "lbm"),
        ("{SUVlbm}g/ml", "126411", "lbm-120"),
        ("{SUVlbm}g/ml", "126414", "lbm-janma"),
        ("g/ml{SUVlbm(James128)}", "", "lbm"),
        ("g/ml{SUVlbm(Janma)}", "", "lbm-janma"),
        ("{SUVbsa}cm2/ml", "", "bsa"),
        ("g/ml{SUVibw}", "", "ibw"),
        ("Bq/ml", "", "activity"),
        ("[hnsf'U]", "", ""),
        ("", "", ""),
    ],
)
def test_units_of_both_editions_of_the_standard_are_known(unit, method, kind):
    code = {"00080100": {"vr": "SH", "Value": [unit]}}
    concept = {"0040A168": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": [method]}}]}}
    item = {"004008EA": {"vr": "SQ", "Value": [code]}, "00409220": {"vr": "SQ", "Value": [concept]}}
    assert mappings_of([item])[0].quantity == kind


# --- the scale, by itself ----------------------------------------------------------------------------------------

positive = st.floats(1e-6, 1e3)
counts = st.integers(1, 6)


@pytest.mark.parametrize("by_slicer", [False, True])
def test_what_slopes_show_counts_more_than_who_wrote_them(by_slicer):
    made = mapped_scale(SLOPES * FACTOR, SLOPES, None, by_slicer=by_slicer)
    assert isinstance(made, MappedScale)
    assert made.basis == "stored"
    neither = mapped_scale(SLOPES**2, SLOPES, None, by_slicer=by_slicer)
    assert not isinstance(neither, MappedScale)


@given(st.data(), counts)
def test_with_computed_factors_both_readings_give_the_computed_uptake(data, count):
    rescale = np.array(data.draw(st.lists(positive, min_size=count, max_size=count)))
    computed = np.array(data.draw(st.lists(positive, min_size=count, max_size=count)))
    for slopes in (computed * rescale, computed):
        made = mapped_scale(slopes, rescale, computed)
        assert isinstance(made, MappedScale)
        assert made.off is not None
        np.testing.assert_allclose(made.scale, computed * rescale, rtol=0.0101)


@example([1.0, 8.98846567431158e307], False)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=5), st.booleans())
def test_no_slopes_give_a_scale_that_is_no_positive_number(slopes, by_slicer):
    rescale = np.linspace(1, 2, len(slopes)) if slopes else np.empty(0)
    made = mapped_scale(np.array(slopes), rescale, None, by_slicer=by_slicer)
    if isinstance(made, MappedScale):
        assert len(slopes) > 0
        assert (np.isfinite(made.scale) & (made.scale > 0)).all()
        assert all(math.isfinite(slope) and slope > 0 for slope in slopes)
    else:
        assert made.code == "suv.rwvm-ambiguous"


# --- writing -----------------------------------------------------------------------------------------------------


def _uptake(session_of, **options: str) -> tuple[list[Dataset], Volume]:
    images = pet.pet_series()
    session = session_of([*images, mapping_of(images, SLOPES * FACTOR)])
    return images, session.load(offered(session)[0], options=options)


def test_what_is_written_is_read_back_to_the_same_uptake(session_of, tmp_path):
    images, volume = _uptake(session_of, show_phi="true")
    path = write_rwvm(volume, tmp_path / "mapping.dcm")
    session = session_of([*images, pydicom.dcmread(path)])
    (one,) = offered(session)
    np.testing.assert_array_equal(np.asarray(session.load(one)), np.asarray(volume))


@pytest.mark.parametrize("enhanced", [False, True])
@pytest.mark.parametrize("kind", ["bw", "lbm", "lbm-janma", "bsa", "ibw"])
def test_computed_uptake_values_are_written_and_read_back(session_of, tmp_path, kind, enhanced):
    images = [enhanced_pet(CorrectedImage=["ATTN", "DECY"])] if enhanced else pet.pet_series()
    session = session_of(images)
    (one,) = (one for one in session.examine(all=True) if one.adaptor == "pet-ct" and one.options["suv"] == kind)
    computed = session.load(one, options={"show_phi": "true"})
    again = session_of([*images, pydicom.dcmread(write_rwvm(computed, tmp_path / "mapping.dcm"))])
    (mapped,) = offered(again)
    assert mapped.options["rwvm-quantity"] == kind
    assert mapped.options["rwvm-basis"] == "stored"
    np.testing.assert_array_equal(np.asarray(again.load(mapped)), np.asarray(computed))


def test_one_item_per_distinct_slope_with_its_images(session_of, tmp_path):
    images = pet.pet_series(6, each=lambda place: {"RescaleSlope": "0.5" if place < 4 else "2"})
    slopes = np.array([0.5 * FACTOR] * 4 + [2 * FACTOR] * 2)
    session = session_of([*images, mapping_of(images, slopes)])
    path = write_rwvm(session.load(offered(session)[0]), tmp_path / "mapping.dcm")
    written = pydicom.dcmread(path)
    items = written.ReferencedImageRealWorldValueMappingSequence
    found = {
        item.RealWorldValueMappingSequence[0].RealWorldValueSlope: {
            image.ReferencedSOPInstanceUID for image in item.ReferencedImageSequence
        }
        for item in items
    }
    uids = [image.SOPInstanceUID for image in images]
    assert found == {0.5 * FACTOR: set(uids[:4]), 2 * FACTOR: set(uids[4:])}


def test_the_written_object_has_what_its_modules_ask_for(session_of, tmp_path):
    """PS3.3 A.46: the attributes of type 1 have values, those of type 2 are there; codes are those of PS3.16."""
    images, volume = _uptake(session_of, show_phi="true")
    written = pydicom.dcmread(write_rwvm(volume, tmp_path / "mapping.dcm"))
    assert [keyword for keyword in TYPE_1 if not written.get(keyword)] == []
    assert [keyword for keyword in TYPE_2 if keyword not in written] == []
    assert written.file_meta.MediaStorageSOPClassUID == pydicom.uid.RealWorldValueMappingStorage
    assert written.Modality == "RWV"
    assert written.StudyInstanceUID == images[0].StudyInstanceUID
    assert (written.StudyDate, written.StudyTime) == (images[0].StudyDate, images[0].StudyTime)
    assert (written.PatientID, str(written.PatientName)) == ("PHANTOM", str(images[0].PatientName))
    (series,) = written.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == images[0].SeriesInstanceUID
    assert len(series.ReferencedInstanceSequence) == len(images)
    (item,) = written.ReferencedImageRealWorldValueMappingSequence[0].RealWorldValueMappingSequence
    (unit,) = item.MeasurementUnitsCodeSequence
    assert codes.cid85.StandardizedUptakeValueBodyWeight == Code(
        unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning
    )
    concepts = [
        (one.ConceptNameCodeSequence[0].CodeValue, one.ConceptCodeSequence[0].CodeValue) for one in item[0x00409220]
    ]
    assert concepts == [("246205007", "126400"), ("370129005", "126410")]
    assert item.RealWorldValueIntercept == 0
    assert (item.RealWorldValueFirstValueMapped, item.RealWorldValueLastValueMapped) == (-32768, 32767)
    assert item["RealWorldValueFirstValueMapped"].VR == "SS"


def test_its_date_and_uids_follow_from_the_images_and_the_kind(session_of, tmp_path):
    images = pet.pet_series(SeriesTime="105930.25")
    session = session_of(images)
    loadables = [
        one for one in session.examine(all=True) if one.adaptor == "pet-ct" and one.options["suv"] != "activity"
    ]
    paths = [write_rwvm(session.load(one), tmp_path / f"{number}.dcm") for number, one in enumerate(loadables)]
    written = [pydicom.dcmread(path) for path in paths]
    assert {(one.ContentDate, one.ContentTime) for one in written} == {("20200102", "105930")}
    uids = [uid for one in written for uid in (one.SOPInstanceUID, one.SeriesInstanceUID)]
    assert len(set(uids)) == 2 * len(VARIANTS) - 2
    assert all(pydicom.uid.UID(uid).is_valid and uid.startswith("2.25.") for uid in uids)
    mapped = session_of([*images, written[0]])
    (one,) = offered(mapped)
    again = pydicom.dcmread(write_rwvm(mapped.load(one), tmp_path / "again.dcm"))
    assert again == written[0]


def test_without_leave_no_patient_is_named(session_of, tmp_path):
    _, volume = _uptake(session_of)
    data = write_rwvm(volume, tmp_path / "mapping.dcm").read_bytes()
    assert b"PHANTOM" not in data
    assert b"Tricky" not in data


def test_what_holds_no_uptake_values_is_refused_and_leaves_nothing(session_of, tmp_path):
    _, volume = _uptake(session_of)
    plain = Volume(array=np.zeros((2, 2, 2)), geometry=dl.Geometry(size_ijk=(2, 2, 2), ijk_to_lps=np.eye(4)))
    for wrong in (plain, dl.resample_volume(volume, plain.geometry), "a text"):
        with pytest.raises(WriteError):
            write_rwvm(wrong, tmp_path / "mapping.dcm")
    assert list(Path(tmp_path).glob("*.dcm")) == []


def test_the_session_writes_it_by_format(session_of, tmp_path):
    images = pet.pet_series()
    session = session_of([*images, mapping_of(images, SLOPES * FACTOR)])
    volume = session.load(offered(session)[0], lazy=True)
    (path,) = session.write(volume, tmp_path / "out", format="rwvm")
    assert path.name.endswith(".rwvm.dcm")
    assert volume.lazy
    plain = Volume(array=np.zeros((2, 2, 2)), geometry=dl.Geometry(size_ijk=(2, 2, 2), ijk_to_lps=np.eye(4)))
    with pytest.raises(WriteError, match="only uptake values"):
        session.write(plain, tmp_path, format="rwvm")
