"""``ahi://`` URLs: what is written, what is accepted, and what never reaches a request."""

from __future__ import annotations

import pytest

import dicomlogic_core as dl
from dicomlogic_ahi.addresses import Address, parse

STORE, SET, FRAME = "d" * 32, "0123456789abcdef" * 2, "f" * 32
FULL = f"ahi://{STORE}/{SET}/1.2.3/1.2.3.4/{FRAME}"


def test_an_instance_with_pixels_has_seven_fields():
    place = parse(FULL)
    assert place == Address(datastore=STORE, image_set=SET, series_uid="1.2.3", sop_uid="1.2.3.4", frame_id=FRAME)
    assert place.url == FULL and len(FULL.split("/")) == 7


@pytest.mark.parametrize("fields", range(1, 5))
def test_each_level_can_be_named(fields):
    url = "/".join(FULL.split("/")[: 2 + fields])
    assert parse(url).url == parse(url + "/").url == url


def test_the_mark_of_the_program_before_means_no_pixels():
    assert parse(f"ahi://{STORE}/{SET}/1.2.3/1.2.3.4/TODO-non-image-instance").frame_id == ""


@pytest.mark.parametrize(
    "url",
    [
        "ahi://short",
        f"ahi://{STORE.upper()}",
        f"ahi://{STORE}/../{SET}",
        f"ahi://{STORE}/{SET}?version=2",
        f"ahi://{STORE}/{SET}/1.2.x/1.2.3.4/{FRAME}",
        f"ahi://{STORE}/{SET}/1.2.3/1.2.3.4/{FRAME}/more",
        f"ahi://user:pw@{STORE}",
        f"https://{STORE}/{SET}",
        f"ahi://{STORE}//{SET}",
        "",
    ],
)
def test_anything_else_is_refused(url):
    with pytest.raises(dl.UsageError) as caught:
        parse(url)
    assert caught.value.code == "usage.url"
