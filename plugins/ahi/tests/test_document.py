"""Metadata documents to DICOM JSON: equal to the headers of the files, and the real sample of the service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import dicomlogic_core as dl
from dicomlogic_ahi.document import HTJ2K, Instance, read_document
from dicomlogic_ahi.elements import Elements
from dicomlogic_ahi.testing import image_sets_from
from dicomlogic_core.header.dicomjson import JsonReader
from dicomlogic_core.header.part10 import Part10Reader
from dicomlogic_core.header.wanted import wanted_tags
from dicomlogic_core.testing.server_store import Store

CASES = [
    "ct/ct_gantry_tilt",
    "mr_anatomical/ge_anatomical",
    "mr_anatomical/philips_anatomical_implicit",
    "mr_enhanced/siemens_enh_multiframe",
    "mr_mosaic/siemens_mosaic_ax_asc35",
    "seg_pm_sr/dcmqi",
    "rt/pydicom_rt_small",
]


def instances_of(document: Any, elements: Elements | None = None) -> dict[str, Instance]:
    found = read_document(json.dumps(document).encode(), elements or Elements(), "here")
    return {one.sop_uid: one for one in found}


@pytest.mark.parametrize("case", CASES)
def test_every_column_is_that_of_the_file(case: str, shared_data: Path) -> None:
    folder = shared_data / case / "dicom"
    files = Store.read(folder).instances
    wanted = wanted_tags()
    reader, files_reader = JsonReader(wanted), Part10Reader(wanted)
    compared = 0
    for one in image_sets_from(folder):
        for uid, instance in instances_of(one.document).items():
            row = reader.row(json.loads(instance.header))
            expected = files_reader.read(Path(files[uid].path).read_bytes())
            for key, text, wanted_text in zip(wanted.keys, row.texts, expected.texts):
                assert text == wanted_text, (dl.keyword_of(key), uid)
            assert dict(row.frames or {}) == dict(expected.frames or {})
            assert (row.frame_count, row.grid) == (expected.frame_count, expected.grid)
            assert (row.items or {}).keys() == (expected.items or {}).keys()
            compared += 1
    assert compared == len(files)


# --- the sample ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample(shared_data: Path) -> dict[str, Any]:
    path = shared_data / "ahi" / "image_set_metadata_us_doppler.json"
    if not path.is_file():
        pytest.skip(f"no sample at {path}")
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def test_the_sample_is_read_whole(sample: dict[str, Any]) -> None:
    elements = Elements()
    found = instances_of(sample, elements)
    assert len(found) == 9 and not elements.unknown
    frames = sorted(len(one.frame_ids) for one in found.values())
    assert frames == [1] * 8 + [14]
    # Those of the largest of three resolutions, which the document lists last.
    assert found["1.3.6.1.4.1.25403.166563008443.732.20120418082502.1"].checksums == (2095233973,)
    assert {one.transfer_syntax for one in found.values()} == {HTJ2K}


def test_the_sample_says_the_same_as_dicom_json(sample: dict[str, Any]) -> None:
    for uid, instance in instances_of(sample).items():
        header = json.loads(instance.header)
        series = next(iter(sample["Study"]["Series"].values()))
        levels = (sample["Patient"], sample["Study"], series, series["Instances"][uid])
        blocks = [level["DICOM"] for level in levels]
        merged = {keyword: value for block in blocks for keyword, value in block.items()}
        for keyword, value in merged.items():
            key = keyword if keyword[:3].isupper() and keyword[:4].isalnum() and len(keyword) == 8 else ""
            key = key or dl.tag_key(keyword)
            if key.startswith("0002"):
                assert key not in header
                continue
            element = header[key]
            if value in (None, "", []):
                assert element.keys() == {"vr"}
            elif element["vr"] == "SQ":
                assert [len(item) for item in element["Value"]] == [len(item) for item in value]
            elif "InlineBinary" in element:
                assert element["InlineBinary"] == value
            elif element["vr"] == "PN":
                assert "=".join(element["Value"][0].values()) == value
            else:
                values = value if isinstance(value, list) else [value]
                assert [one or "" for one in element["Value"]] == [one or "" for one in values]
        assert next(iter(header["00186011"]["Value"][0])).startswith("0018")


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


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"Study": 1}', b"<html>", b"[" * 100_000])
def test_anything_else_is_no_document(data: bytes) -> None:
    with pytest.raises(dl.NetworkError) as caught:
        read_document(data, Elements(), "here")
    assert caught.value.code == "network.not-json"
