"""Header values by column: numbers, the frame table, references of a study."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from dicomlogic_core.contracts import TileGrid
from dicomlogic_core.errors import HeaderError
from dicomlogic_core.series import parse_column, parse_numbers
from dicomlogic_core.testing.phantom_objects import Slice, ct_slice, enhanced, uid
from dicomlogic_core.testing.phantoms import regular
from dicomlogic_core.testing.views import series_view, study_view

TEXTS = st.one_of(
    st.none(),
    st.sampled_from(["", "x", "nan", "inf", "1", "1\\2", "1\\2\\3", " 1.5 \\2\\-3e2", "1\\\\3", "1\\2\\x"]),
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=4).map(lambda values: "\\".join(map(repr, values))),
)


@given(texts=st.lists(TEXTS, max_size=12), count=st.integers(1, 3))
def test_a_column_is_parsed_as_its_texts_are_one_by_one(texts, count):
    expected = np.array([parse_numbers(text, count) for text in texts], dtype=float).reshape(len(texts), count)
    found = parse_column(texts, count)
    assert found.shape == ((len(texts),) if count == 1 else (len(texts), count))
    np.testing.assert_array_equal(found.reshape(len(texts), count), expected)


@pytest.mark.parametrize(
    ("text", "count", "values"),
    [
        ("1.5\\-2", 2, (1.5, -2)),
        (" 1.5", 1, (1.5,)),
        ("1\\2\\3", 2, (math.nan, math.nan)),
        ("1\\x", 2, (math.nan, math.nan)),
        ("", 1, (math.nan,)),
        (None, 1, (math.nan,)),
    ],
)
def test_texts_to_numbers(text, count, values):
    np.testing.assert_array_equal(parse_numbers(text, count), values)


def test_columns_of_classic_images():
    view = series_view([ct_slice(number, one, name="series") for number, one in enumerate(regular(3))])
    assert view["RescaleSlope"].tolist() == [1, 1, 1]
    assert view["ImagePositionPatient"].tolist() == [[-10, -20, 0], [-10, -20, 2], [-10, -20, 4]]
    assert view["0018,0050"].tolist() == [2, 2, 2]
    assert np.isnan(view["EchoTime"]).all()
    assert view.text("Modality") == ["CT"] * 3
    assert view.frames.refs([2])[0].sop_uid == uid("series", "instance", 2)
    assert view.frames.rows_of(view.frames.refs([2, 0])) == [2, 0]
    with pytest.raises(HeaderError):
        view.dataset(0)


def test_a_per_frame_group_wins_over_a_shared_one_and_that_over_the_top_level():
    dataset = enhanced([Slice(position=(0, 0, z)) for z in (0.0, 3.0)], name="groups")
    dataset.RescaleIntercept = "7"  # the shared group says -1024
    dataset.SliceThickness = "9"  # the frames' own groups say 2
    dataset.EchoTime = "4"  # in no group
    frames = series_view([dataset]).frames
    assert frames.numbers("RescaleIntercept").tolist() == [-1024, -1024]
    assert frames.numbers("SliceThickness").tolist() == [2, 2]
    assert frames.numbers("EchoTime").tolist() == [4, 4]
    assert frames.position[:, 2].tolist() == [0, 3]
    assert frames.frame.tolist() == [1, 2]


def test_the_frame_table_of_mixed_objects():
    """A classic image, one without pixels, a mosaic of three tiles and an enhanced object of two frames."""
    classic, empty, mosaic = (ct_slice(number, Slice(position=(0, 0, 0)), name="mixed") for number in range(3))
    del empty.PixelData, empty.Rows
    multi = enhanced([Slice(position=(0, 0, z)) for z in (5.0, 6.0)], name="mixed", number=3)
    grid = TileGrid(
        tiles=3,
        per_row=2,
        rows=4,
        columns=6,
        positions=((0, 0, 1), (0, 0, 2), (0, 0, 3)),
        orientation=(1, 0, 0, 0, 1, 0),
    )
    frames = series_view([classic, empty, mosaic, multi], grids={2: grid}).frames
    assert frames.instance.tolist() == [0, 2, 2, 2, 3, 3]
    assert frames.frame.tolist() == [1, 1, 1, 1, 1, 2]
    assert frames.region.tolist() == [0, 1, 2, 3, 0, 0]
    assert frames.position[:, 2].tolist() == [0, 1, 2, 3, 5, 6]
    assert frames.size().tolist() == [[32, 24], *[[4, 6]] * 3, *[[32, 24]] * 2]


def test_sizes_that_are_none():
    def sized(rows: object) -> Dataset:
        dataset = ct_slice(0, Slice(position=(0, 0, 0)), name="size")
        dataset.Rows = rows
        return dataset

    assert series_view([sized(32)]).frames.size().tolist() == [[32, 24]]
    view = series_view([sized(32)])
    view.columns.text = lambda key: ["99999999999999999999"] if key == "00280010" else ["24"]  # type: ignore[method-assign]
    assert view.frames.size().tolist() == [[-1, 24]]


def test_a_study_finds_series_and_instances():
    datasets = [ct_slice(number, one, name="study") for number, one in enumerate(regular(4))]
    datasets[3].SeriesInstanceUID, datasets[3].Modality = "1.2.3", "SR"
    referenced = Dataset()
    referenced.SeriesInstanceUID = datasets[0].SeriesInstanceUID
    datasets[3].ReferencedSeriesSequence = [referenced]
    study = study_view(datasets, options={"axis": "EchoTime"})
    (report,), (images,) = study.series(Modality="SR"), study.series(Modality="CT")
    assert study.references(report) == [images]
    assert study.referring(images) == [report]
    assert study.instance(uid("study", "instance", 2)) == (images, 2)
    assert study.instance("1.9") is None
    assert study.options == {"axis": "EchoTime"}
    assert study.with_options({}).options == {}
    with pytest.raises(KeyError):
        study.by_uid("1.9")
