"""Segmentations: layers and segments that fit each other, masks and volumes."""

from __future__ import annotations

import dataclasses
import json
import pickle
from typing import Any

import numpy as np
import pytest

import dicomlogic_core as dl

GRID = dl.Geometry(
    size_ijk=(6, 5, 4), ijk_to_lps=np.array([[2.0, 0, 0, -5], [0, 2, 0.5, 3], [0, 0, 2.5, 7], [0, 0, 0, 1]])
)


def segment(number: int, **values: Any) -> dl.Segment:
    return dl.Segment(
        **{"id": f"Segment_{number}", "name": f"name {number}", "colour": (0.1, 0.2, 0.3), "label": number, **values}
    )


def made(**values: Any) -> dl.Segmentation:
    layers = np.zeros((2, 4, 5, 6), np.uint8)
    layers[0, :2] = 1
    layers[0, 3, :, :3] = 2
    layers[1, 1:] = 1
    segments = (segment(1), segment(2), segment(3, label=1, layer=1, name="name 1"))
    return dl.Segmentation(**{"layers": layers, "geometry": GRID, "segments": segments, **values})


def test_masks_by_id_name_and_number() -> None:
    segmentation = made()
    for which in ("Segment_1", "name 1", 0):
        mask = segmentation.mask(which)
        assert mask.shape == (4, 5, 6)
        assert mask.dtype == bool
        assert np.array_equal(mask, segmentation.layers[0] == 1)
    assert segmentation.mask("Segment_3").sum() == 90
    assert segmentation.segment(2).id == "Segment_3"
    for which in ("heart", 3, -1):
        with pytest.raises(KeyError, match=r"there are (name 1|3)"):
            segmentation.mask(which)


def test_volumes_are_those_of_sheared_voxels() -> None:
    segmentation = made()
    assert segmentation.voxel_counts() == (60, 15, 90)
    assert segmentation.voxel_volume_ml == pytest.approx(2 * 2 * 2.5 / 1000)
    assert [int(segmentation.mask(number).sum()) for number in range(3)] == [60, 15, 90]
    told = json.loads(json.dumps(segmentation.as_dict(), allow_nan=False))
    assert [one["volume_ml"] for one in told["segments"]] == pytest.approx([0.6, 0.15, 0.9])


@pytest.mark.parametrize(
    "values",
    [
        {"layers": np.zeros((4, 5, 6), np.uint8)},
        {"layers": np.zeros((0, 4, 5, 6), np.uint8)},
        {"layers": np.zeros((2, 4, 5, 7), np.uint8)},
        {"layers": np.zeros((2, 4, 5, 6), np.int16)},
        {"segments": (segment(1), segment(1, label=2))},
        {"segments": (segment(1), segment(2, label=1))},
        {"segments": (segment(1, layer=2),)},
        {"segments": (segment(256),)},
    ],
)
def test_what_does_not_fit_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"layer|labels|segments"):
        made(**values)


@pytest.mark.parametrize("values", [{"label": 0}, {"colour": (0, 0, 255)}, {"colour": (0, 0)}])
def test_segments_that_cannot_be(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Segment_1"):
        segment(1, **values)


def test_values_stay_as_they_are() -> None:
    segmentation = made(name="organs")
    with pytest.raises(ValueError, match="read-only"):
        segmentation.layers[0, 0, 0, 0] = 7
    with pytest.raises(dataclasses.FrozenInstanceError):
        segmentation.name = "other"  # type: ignore[misc]  # what is refused
    again = pickle.loads(pickle.dumps(segmentation))
    assert again.segments == segmentation.segments
    assert np.array_equal(again.layers, segmentation.layers)


def test_the_face_escapes_names_and_tells_volumes() -> None:
    name = "<script>alert(1)</script>"
    text = made(name=name, segments=(segment(1, name=name, colour=(1.0, 0.5, 0.0)), segment(2)))._repr_html_()
    assert "<script>" not in text
    assert text.count("&lt;script&gt;") == 2
    assert "#ff8000" in text
    assert "0.6 ml" in text
