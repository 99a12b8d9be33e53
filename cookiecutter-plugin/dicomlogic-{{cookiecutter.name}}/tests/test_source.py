"""What the source indexes of a service that runs for the test, found by its entry point as a user would."""

from __future__ import annotations

import dicomlogic_core as dl
import pytest
from dicomlogic_core.testing import phantoms
from image_box import ImageBox


def test_every_series_of_every_page_is_indexed(box: ImageBox) -> None:
    with dl.open() as session:
        result = session.index(box.root)
        assert (result.series, result.instances, result.failed) == (2, 40, ())
        descriptions = {row["SeriesDescription"] for row in session.list("series")}
    assert descriptions == {"head", "foot"}
    assert [path for path in box.asked if "page" in path] == ["series?page=1", "series?page=2"]


def test_indexing_again_asks_for_listings_only(box: ImageBox) -> None:
    with dl.open() as session:
        session.index(box.root)
        box.asked.clear()
        assert session.index(box.root).skipped == 40
    assert all("page" in path for path in box.asked)


def test_a_series_that_cannot_be_had_costs_the_others_nothing(box: ImageBox) -> None:
    first = str(next(iter(box.files.values())).SeriesInstanceUID)
    box.refused.add(first)
    with dl.open() as session:
        result = session.index(box.root, options={"attempts": "1"})
    assert result.instances == 20
    assert [failure["location"].rpartition("/")[2] for failure in result.failed] == [first]


def test_a_listing_that_is_none_is_named(box: ImageBox) -> None:
    with dl.open() as session, pytest.raises(dl.SourceError, match="not-there|404|not found"):
        session.index(f"{box.root}/not-there", options={"attempts": "1"})


def test_a_token_is_sent_and_never_shown(box: ImageBox, monkeypatch: pytest.MonkeyPatch) -> None:
    box.token = "a-very-secret-token"
    with dl.open() as session, pytest.raises(dl.NetworkError) as refused:
        session.index(box.root)
    monkeypatch.setenv("BOX_TOKEN", box.token)
    with dl.open() as session:
        assert session.index(box.root, options={"auth": "env:BOX_TOKEN"}).instances == 40
        assert box.token not in repr(session) + str(refused.value)


def test_only_instances_that_fit_are_kept(box: ImageBox) -> None:
    with dl.open() as session:
        result = session.index(box.root, where={"SeriesDescription": "head"})
    assert result.instances == len(phantoms.regular())
