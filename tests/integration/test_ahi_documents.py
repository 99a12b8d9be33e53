"""The fake's metadata documents against the real sample, the data dictionary, and the files they were made of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword
from pydicom.misc import is_dicom
from pydicom.multival import MultiValue
from pydicom.valuerep import PersonName

from dicomlogic_ahi.testing import ImageSet, image_sets_from

CASES = [
    "ct/ct_gantry_tilt",
    "mr_enhanced/philips_enh_fmri",
    "mr_mosaic/siemens_mosaic_ax_asc35",
    "mr_anatomical/philips_anatomical_implicit",
    "pet_suv/suv_dro_0_0",
    "rt/dicompyler_dose_struct_plan",
    "seg_pm_sr/dcmqi",
    "charset/pydicom_charsets",
]


@pytest.fixture(scope="session")
def sample(shared_data: Path) -> dict[str, Any]:
    """A document of the service itself."""
    return json.loads((shared_data / "ahi/image_set_metadata_us_doppler.json").read_text())


@pytest.fixture(scope="session", params=CASES)
def case(request: pytest.FixtureRequest, shared_data: Path) -> tuple[Path, list[ImageSet]]:
    folder = shared_data / request.param
    return folder, image_sets_from(folder)


def blocks(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Blocks of elements: of every level, and all sequence items in them."""
    series = document["Study"]["Series"].values()
    instances = [instance for one in series for instance in one["Instances"].values()]
    todo = [level["DICOM"] for level in (document["Patient"], document["Study"], *series, *instances)]
    while todo:
        block = todo.pop()
        yield block
        for value in block.values():
            if isinstance(value, list):
                todo += [item for item in value if isinstance(item, dict)]


def against_the_typing_rule(document: dict[str, Any]) -> list[tuple[str, Any]]:
    """Public elements that break it: a list if and only if the dictionary's VM is not 1, null when empty."""
    broken = []
    for block in blocks(document):
        for keyword, value in block.items():
            tag = tag_for_keyword(keyword)
            if tag is None or value is None:
                continue
            vr = dictionary_VR(tag)
            if vr == "SQ":
                fits = isinstance(value, list) and all(isinstance(item, dict) for item in value) and bool(value)
            else:
                many = dictionary_VM(tag) != "1"
                values = value if many and isinstance(value, list) else [value]
                kinds = (int, float) if vr[:2] in ("US", "SS", "UL", "SL", "FL", "FD") else str
                fits = isinstance(value, list) == many and all(isinstance(one, kinds) for one in values)
                fits = fits and values != [""]
            if not fits:
                broken.append((keyword, value))
    return broken


def test_the_rule_is_that_of_the_service(sample):
    assert against_the_typing_rule(sample) == []
    assert sum(len(block) for block in blocks(sample)) > 500


def test_documents_follow_the_typing_rule(case):
    _, sets = case
    assert [broken for one in sets for broken in against_the_typing_rule(json.loads(json.dumps(one.document)))] == []


def test_documents_have_the_sample_s_shape(sample, case):
    _, sets = case
    for document in (one.document for one in sets):
        assert list(document) == list(sample)
        assert set(document["Patient"]) == set(sample["Patient"]) and set(document["Study"]) == set(sample["Study"])
        (theirs,) = sample["Study"]["Series"].values()
        (ours,) = document["Study"]["Series"].values()
        assert set(ours) == set(theirs)
        model = next(iter(theirs["Instances"].values()))
        for instance in ours["Instances"].values():
            assert set(instance) - {"StoredTransferSyntaxUID"} == set(model)
            for frame in instance["ImageFrames"]:
                assert {"ID", "FrameSizeInBytes"} <= set(frame) <= set(model["ImageFrames"][0])
                known = model["ImageFrames"][0]["PixelDataChecksumFromBaseToFullResolution"][0]
                for entry in frame.get("PixelDataChecksumFromBaseToFullResolution", ()):
                    assert set(entry) == set(known)


def test_elements_of_the_sample_s_levels_are_at_the_same_level(sample, case):
    _, sets = case
    levels = {
        "Patient": sample["Patient"]["DICOM"],
        "Study": sample["Study"]["DICOM"],
        "Series": next(iter(sample["Study"]["Series"].values()))["DICOM"],
    }
    for document in (one.document for one in sets):
        (series,) = document["Study"]["Series"].values()
        blocks = {
            "Patient": document["Patient"]["DICOM"],
            "Study": document["Study"]["DICOM"],
            "Series": series["DICOM"],
        }
        for name, keywords in levels.items():
            others = set().union(*(blocks[other] for other in levels if other != name))
            assert not set(keywords) & others


def text_of(value: Any) -> str:
    return str(value) if isinstance(value, PersonName) else str(getattr(value, "original_string", value))


def expected(dataset: Dataset) -> Iterator[tuple[str, Any]]:
    """Keyword and value of the texts and numbers of a data set, by pydicom."""
    for element in dataset:
        plain = element.keyword and element.VR not in ("SQ", "OB", "OW", "UN", "OF", "OD", "OL", "OV", "AT")
        if not plain or element.tag.element == 0:
            continue
        numbers = element.VR in ("US", "SS", "UL", "SL", "FL", "FD")
        values = list(element.value) if isinstance(element.value, list | MultiValue) else [element.value]
        values = [] if element.is_empty else [one if numbers else text_of(one).strip(" ") for one in values]
        yield element.keyword, (values if dictionary_VM(element.tag) != "1" else (values or [None])[0]) or None


def test_values_are_those_of_the_files(case):
    folder, sets = case
    found: dict[str, dict[str, Any]] = {}
    for document in (one.document for one in sets):
        for series in document["Study"]["Series"].values():
            outer = document["Patient"]["DICOM"] | document["Study"]["DICOM"] | series["DICOM"]
            found |= {uid: outer | instance["DICOM"] for uid, instance in series["Instances"].items()}
    compared = 0
    for uid, dataset in headers(folder).items():
        for part in (dataset, dataset.file_meta):
            for keyword, value in expected(part):
                assert keyword in found[uid], keyword
                assert same(found[uid][keyword], value), (keyword, found[uid][keyword], value)
                compared += 1
    assert compared > 30


def headers(folder: Path) -> dict[str, Dataset]:
    """SOP Instance UID -> header; where two files have the same one, the later file counts."""
    read = [dcmread(path, stop_before_pixels=True) for path in sorted(folder.rglob("*")) if is_dicom_file(path)]
    return {dataset.SOPInstanceUID: dataset for dataset in read if "SOPInstanceUID" in dataset}


def is_dicom_file(path: Path) -> bool:
    return path.is_file() and is_dicom(path)


def same(ours: Any, pydicom: Any) -> bool:
    """Equal; 0 is a value and not nothing."""
    return ours == pydicom or (ours in (0, [0]) and pydicom is None)


def test_private_elements_have_their_vr_beside_them(shared_data):
    (one,) = image_sets_from(shared_data / "mr_mosaic/siemens_mosaic_ax_asc35")
    (series,) = one.document["Study"]["Series"].values()
    for instance in series["Instances"].values():
        private = {key for key in instance["DICOM"] if re.fullmatch("[0-9A-F]{3}[13579BDF][0-9A-F]{4}", key)}
        assert private == set(instance["DICOMVRs"]) and len(private) > 5
        assert instance["DICOM"]["00290010"] == "SIEMENS CSA HEADER" and instance["DICOMVRs"]["00290010"] == "LO"


def test_objects_without_pixels_have_no_frames(shared_data):
    sets = image_sets_from(shared_data / "rt/dicompyler_dose_struct_plan")
    counts = {}
    for one in sets:
        (series,) = one.document["Study"]["Series"].values()
        (instance,) = series["Instances"].values()
        counts[series["DICOM"]["Modality"]] = len(instance["ImageFrames"])
        assert ("StoredTransferSyntaxUID" in instance) == bool(instance["ImageFrames"])
    assert counts == {"CT": 1, "RTDOSE": 98, "RTPLAN": 0, "RTSTRUCT": 0}
