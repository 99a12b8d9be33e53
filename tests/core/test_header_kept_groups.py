"""Sequences that are kept from functional groups: of the shared one, of converted attributes, of the first frame."""

from __future__ import annotations

import io
import json
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset

from dicomlogic_core.header.dicomjson import JsonReader
from dicomlogic_core.header.part10 import Part10Reader
from dicomlogic_core.header.wanted import wanted_tags
from dicomlogic_core.tags import tag_key
from dicomlogic_core.testing.phantom_pet_enhanced import SUV_BW, enhanced_pet, item, legacy_pet, mapping_item

WANTED = wanted_tags()
MAPPING, ISOTOPE = tag_key("RealWorldValueMappingSequence"), tag_key("RadiopharmaceuticalInformationSequence")
LUT = tag_key("ModalityLUTSequence")


def _items(dataset: Dataset) -> dict[str, Any]:
    """What is kept of a data set, which is the same from a file and from DICOM JSON."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    row = Part10Reader(WANTED).read(buffer.getvalue())
    obj = pydicom.dcmread(io.BytesIO(buffer.getvalue())).to_json_dict(
        bulk_data_threshold=1 << 10, bulk_data_element_handler=lambda element: "bulk"
    )
    (other,) = JsonReader(WANTED).rows(json.dumps(obj).encode())
    assert row.items == other.items
    return dict(row.items or {})


def _unit(kept: dict[str, Any]) -> str:
    (mapping,) = kept[MAPPING]
    return str(mapping["004008EA"]["Value"][0]["00080100"]["Value"][0])


def test_the_first_frame_tells_what_the_values_are():
    assert _unit(_items(enhanced_pet())) == "Bq/ml"


@pytest.mark.parametrize("shared", [False, True])
def test_what_the_object_or_the_shared_group_says_comes_first(shared):
    dataset = enhanced_pet()
    place = dataset.SharedFunctionalGroupsSequence[0] if shared else dataset
    place.RealWorldValueMappingSequence = [mapping_item(1.0, SUV_BW)]
    assert _unit(_items(dataset)) == "{SUVbw}g/ml"


def test_attributes_of_converted_images_are_kept_from_where_they_went():
    kept = _items(legacy_pet(isotope={"RadionuclideTotalDose": "123000000"}))
    (isotope,) = kept[ISOTOPE]
    assert isotope["00181074"]["Value"] == [123e6]


def test_other_sequences_of_one_frame_are_not_taken_for_those_of_all():
    dataset = enhanced_pet()
    dataset.PerFrameFunctionalGroupsSequence[0].PixelValueTransformationSequence[0].ModalityLUTSequence = [item()]
    dataset.PerFrameFunctionalGroupsSequence[0].ModalityLUTSequence = [item(LUTExplanation="of one frame")]
    assert LUT not in _items(dataset)
