"""Headers out of metadata documents: equal to those of real files, and the real sample of the service."""

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
