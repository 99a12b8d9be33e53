"""Notebook faces: escaped, without patient data, small, and never fetching."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image

import dicomlogic_core as dl
from dicomlogic_core.faces import Rows, failures_html, findings_html, rows_html
from dicomlogic_core.loadable import Loadables

EVIL = "<img src=x onerror=alert(1)>"


class Tags(HTMLParser):
    """Elements and texts of a page, as a browser would see them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def loadable(name: str = "1: Head", **values: Any) -> dl.Loadable:
    frames = (dl.FrameRef(study_uid="1", series_uid="1.2", sop_uid="1.2.3"),)
    return dl.Loadable(
        adaptor="scalar-volume", kind="volume", name=name, study_uid="1", series_uids=("1.2",), frames=frames, **values
    )


def volume(array: Any, **values: Any) -> dl.Volume:
    return dl.Volume(array=array, geometry=dl.Geometry(size_ijk=array.shape[2::-1], ijk_to_lps=np.eye(4)), **values)


def test_header_texts_cannot_become_markup() -> None:
    found = dl.finding("geometry.tilt", EVIL)
    pages = [
        rows_html([{"PatientName": EVIL, "SeriesDescription": EVIL}], show_phi=True),
        Loadables([loadable(EVIL, findings=(found,))])._repr_html_(),
        findings_html([found]),
        volume(np.zeros((2, 3, 4)), name=EVIL, unit=EVIL, quantity=EVIL, findings=(found,))._repr_html_(),
    ]
    for page in pages:
        seen = Tags(page)
        assert seen.tags <= {"table", "thead", "tbody", "tr", "th", "td", "p", "b", "img"}
        assert EVIL in "".join(seen.texts) or EVIL[:10] in "".join(seen.texts)
        assert "<img src=x" not in page


def test_patient_fields_are_hidden_by_default() -> None:
    rows = Rows(
        [
            {
                "PatientName": "CANARY^A",
                "PatientID": "CANARY-1",
                "AccessionNumber": "CANARY-2",
                "InstitutionName": "CANARY-3",
                "path": "/data/CANARY/1.dcm",
                "SeriesDescription": "Head",
                "StudyInstanceUID": "1.2.3",
            }
        ]
    )
    assert "CANARY" not in rows._repr_html_()
    assert "CANARY" not in repr(rows)
    assert "Head" in rows._repr_html_()
    rows.show_phi = True
    assert rows._repr_html_().count("CANARY") == 5
    assert rows[0]["PatientName"] == "CANARY^A"


def test_messages_and_remedies_are_shown_whole() -> None:
    found = dl.finding("geometry.gap", "slice k = 3 missing: " + "10 mm where the step is 5 mm, " * 4, remedy="x" * 80)
    page = findings_html([found])
    assert found.message in page
    assert found.remedy in page
    assert "1) to LPS mm" in volume(np.zeros((2, 3, 4)))._repr_html_()


def test_a_thousand_series_stay_below_100_kb() -> None:
    rows = Rows({f"Column{n}": "long text " * 20 for n in range(8)} for _ in range(1000))
    many = Loadables(loadable("a name of ordinary length " + str(n)) for n in range(1000))
    for page in (rows._repr_html_(), many._repr_html_()):
        assert len(page.encode()) < 100_000
        assert "more" in page


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_a_volume_shows_its_planes_as_a_real_picture(dtype: Any) -> None:
    array = np.random.default_rng(0).integers(0, 1000, (40, 200, 200)).astype(dtype)
    page = volume(array, unit="[hnsf'U]", missing=(3,))._repr_html_()
    assert len(page.encode()) < 100_000
    data = re.search(r'src="data:image/png;base64,([^"]+)"', page)
    assert data is not None
    with Image.open(io.BytesIO(base64.b64decode(data[1]))) as image:
        image.load()
    assert "array[k, j, i]" in page
    assert "filled slices" in page


def test_a_lazy_volume_with_a_dead_network_still_has_a_face() -> None:
    def load(wanted: Any) -> Any:
        raise AssertionError("a face must not fetch")

    page = volume(dl.FrameArray((20, 8, 8), np.dtype("i2"), load))._repr_html_()
    assert "0 of 20 frames held" in page
    assert "<img" not in page


def test_failed_plugins_are_named_with_their_reason() -> None:
    failure = type("F", (), {"plugin": "rt", "distribution": "d", "version": "1", "stage": "import", "error": EVIL})()
    assert "rt" in failures_html([failure])
    assert "<img src=x" not in failures_html([failure])
    assert failures_html([]) == ""
