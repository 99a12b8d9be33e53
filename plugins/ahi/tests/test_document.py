"""Metadata documents to DICOM JSON: equal to the headers of the files, value by value, and what is damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dicomlogic_core as dl
from dicomlogic_ahi.document import Instance, read_document
from dicomlogic_ahi.elements import Elements
from dicomlogic_ahi.testing import image_sets_from
from dicomlogic_core.header.dicomjson import JsonReader
from dicomlogic_core.header.part10 import Part10Reader
from dicomlogic_core.header.wanted import wanted_tags
from dicomlogic_core.testing import phantom_objects, phantoms
from dicomlogic_core.testing.server_store import Store


def instances_of(document: Any, elements: Elements | None = None) -> dict[str, Instance]:
    found = read_document(json.dumps(document).encode(), elements or Elements(), "here")
    return {one.sop_uid: one for one in found}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CT and an enhanced CT."""
    made = tmp_path_factory.mktemp("files")
    phantoms.write_ct(made / "ct", phantoms.regular(3))
    phantoms.write(made / "enhanced", [phantom_objects.enhanced(phantoms.regular(4), name="enhanced")])
    return made


def test_every_column_is_that_of_the_file(folder: Path) -> None:
    files = Store.read(folder).instances
    wanted = wanted_tags()
    reader, files_reader = JsonReader(wanted), Part10Reader(wanted)
    found = {uid: one for made in image_sets_from(folder) for uid, one in instances_of(made.document).items()}
    assert found.keys() == files.keys()
    for uid, instance in found.items():
        row = reader.row(json.loads(instance.header))
        expected = files_reader.read(Path(files[uid].path).read_bytes())
        assert row.texts == expected.texts
        assert (row.frames, row.items, row.frame_count) == (expected.frames, expected.items, expected.frame_count)


# --- values ----------------------------------------------------------------------------------------------------------


def converted(vrs: dict[str, str] | None = None, signed: bool = False, **values: Any) -> dict[str, Any]:
    texts: dict[str, str] = {}
    Elements().fill(texts, values, vrs or {}, signed=signed)
    return json.loads("{" + ",".join(text for text in texts.values() if text) + "}")


@pytest.mark.parametrize(
    ("keyword", "value", "element"),
    [
        ("Rows", 512, {"vr": "US", "Value": [512]}),
        ("Rows", [512], {"vr": "US", "Value": [512]}),
        ("SliceThickness", "2.50", {"vr": "DS", "Value": ["2.50"]}),
        ("WindowCenter", ["40", "80"], {"vr": "DS", "Value": ["40", "80"]}),
        ("WindowCenter", "40", {"vr": "DS", "Value": ["40"]}),
        ("ImageType", ["ORIGINAL", "", None, "X"], {"vr": "CS", "Value": ["ORIGINAL", None, None, "X"]}),
        ("PatientID", None, {"vr": "LO"}),
        ("PatientID", "", {"vr": "LO"}),
        ("ImageType", [], {"vr": "CS"}),
        ("PatientName", "A^B=C=D", {"vr": "PN", "Value": [{"Alphabetic": "A^B", "Ideographic": "C", "Phonetic": "D"}]}),
        ("PatientName", "==D", {"vr": "PN", "Value": [{"Phonetic": "D"}]}),
        ("FrameIncrementPointer", ["(0018,1063)"], {"vr": "AT", "Value": ["00181063"]}),
        ("FrameIncrementPointer", "00181063", {"vr": "AT", "Value": ["00181063"]}),
        ("RedPaletteColorLookupTableData", "AAE=", {"vr": "OW", "InlineBinary": "AAE="}),
        ("LUTData", [1, 2], {"vr": "US", "Value": [1, 2]}),
        ("LUTData", "AQA=", {"vr": "OW", "InlineBinary": "AQA="}),
        ("ImageComments", "a\\b", {"vr": "LT", "Value": ["a\\b"]}),
        ("ReferencedImageSequence", [], {"vr": "SQ"}),
        ("ReferencedImageSequence", None, {"vr": "SQ"}),
        (
            "ReferencedImageSequence",
            [{"ReferencedSOPInstanceUID": "1.2", "NoSuchKeyword": 1}, {}],
            {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.2"]}}, {}]},
        ),
        ("TransferSyntaxUID", "1.2.840.10008.1.2", None),
        ("NoSuchKeyword", 1, None),
    ],
)
def test_values(keyword: str, value: Any, element: Any) -> None:
    found = converted(**{keyword: value})
    assert found == ({} if element is None else {dl.tag_key(keyword): element})


def test_the_sign_is_told_by_pixel_representation() -> None:
    assert converted(PixelPaddingValue=-2000, signed=True)["00280120"]["vr"] == "SS"
    assert converted(PixelPaddingValue=63536)["00280120"]["vr"] == "US"


def test_private_elements_have_the_vr_that_is_told() -> None:
    vrs = {"00091001": "UN", "00091002": "FD", "00091003": "SQ", "00090010": "LO"}
    values = {"00090010": "X", "00091001": "AQA=", "00091002": [1.5, 2], "00091003": [{"00091004": 3}]}
    assert converted(vrs, **values) == {
        "00090010": {"vr": "LO", "Value": ["X"]},
        "00091001": {"vr": "UN", "InlineBinary": "AQA="},
        "00091002": {"vr": "FD", "Value": [1.5, 2]},
        "00091003": {"vr": "SQ", "Value": [{"00091004": {"vr": "UN", "Value": [3]}}]},
    }


def test_what_is_remembered_depends_on_all_that_matters() -> None:
    elements = Elements()
    for vrs, signed in (({"00091001": "LO"}, False), ({"00091001": "UN"}, False), ({}, True), ({}, False)):
        for values in ({"00091001": "AQA=", "PixelPaddingValue": 1}, {"00091001": ["AQA="], "PixelPaddingValue": [1]}):
            texts: dict[str, str] = {}
            elements.fill(texts, values, vrs, signed=signed)
            assert json.loads("{" + ",".join(texts.values()) + "}") == converted(vrs, signed, **values)


def test_inner_levels_win_and_damaged_ones_cost_themselves() -> None:
    document = {
        "Patient": {"DICOM": {"PatientID": "outer", "PatientSex": "F"}},
        "Study": {
            "DICOM": {"StudyInstanceUID": "1.2"},
            "Series": {
                "1.3": {
                    "DICOM": {"SeriesInstanceUID": "1.3"},
                    "Instances": {
                        "1.4": {"DICOM": {"SOPInstanceUID": "1.4", "PatientID": "inner"}, "ImageFrames": None},
                        "1.5": None,
                        "1.6": {"DICOM": {"SOPInstanceUID": "1.6"}, "ImageFrames": [{"ID": "../x"}, "?", {}]},
                    },
                },
                "1.7": "damaged",
            },
        },
    }
    found = instances_of(document)
    assert set(found) == {"1.4", "1.6"}
    header = json.loads(found["1.4"].header)
    assert header["00100020"]["Value"] == ["inner"] and header["00100040"]["Value"] == ["F"]
    assert found["1.6"].frame_ids == ("", "", "") and found["1.6"].checksums == (None, None, None)


READER = JsonReader(wanted_tags())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Rows", "00091001"]), inner, max_size=2)
    ),
    max_leaves=8,
)
KEYWORDS = st.sampled_from(
    ["Rows", "PatientName", "LUTData", "PixelData", "ImageType", "FrameIncrementPointer", "00091001", "X"]
)


VRS = st.sampled_from(["SQ", "UN", "", None, []])


@settings(deadline=None)
@given(block=st.dictionaries(KEYWORDS, JSON, max_size=4), vrs=st.dictionaries(KEYWORDS, VRS), frames=JSON)
def test_any_values_cost_themselves_at_most(block: Any, vrs: Any, frames: Any) -> None:
    instances = {"1.4": {"DICOM": block, "DICOMVRs": vrs, "ImageFrames": frames}, "1.5": {"DICOM": {"Rows": 5}}}
    series = {"1.3": {"DICOM": block, "Instances": instances}}
    document = {"Patient": {"DICOM": block}, "Study": {"DICOM": {"StudyInstanceUID": "1.2"}, "Series": series}}
    found = instances_of(document)
    assert json.loads(found["1.5"].header)["00280010"]["Value"] == [5]
    assert len(READER.rows(f"[{found['1.4'].header}]".encode())) == 1


@pytest.mark.parametrize("opening", ["[", '{"Rows":'])
def test_depth_is_limited(opening: str) -> None:
    nested = opening * 900 + "1" + ("]" if opening == "[" else "}") * 900
    data = '{"Study":{"Series":{"1.3":{"Instances":{"1.4":{"DICOM":{"Rows":' + nested + "}}}}}}}"
    try:
        read_document(data.encode(), Elements(), "here")
    except dl.NetworkError as error:
        assert error.code == "network.not-json"


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"Study": 1}', b"<html>", b"[" * 100_000])
def test_anything_else_is_no_document(data: bytes) -> None:
    with pytest.raises(dl.NetworkError) as caught:
        read_document(data, Elements(), "here")
    assert caught.value.code == "network.not-json"
