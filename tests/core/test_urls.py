"""URLs: the one written form, checked parts, and origins (database page, section 9)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomlogic_core import UsageError, WebLocation, is_uid, normalise_url, split_url
from dicomlogic_core.urls import check_uid, is_within, origin, shown

INSTANCE = "https://host/root/studies/1.2/series/3.4/instances/5.6"


@pytest.mark.parametrize(
    ("given_url", "written"),
    [
        ("HTTPS://Host.Example.ORG:443/Root/studies/1.2/", "https://host.example.org/Root/studies/1.2"),
        ("http://host:80/", "http://host"),
        ("http://host:8042/dicom-web", "http://host:8042/dicom-web"),
        ("https://host//dw///studies/1.2", "https://host/dw/studies/1.2"),
        ("https://host/root?token=x#frag", "https://host/root"),
        ("dicomweb+https://host/root", "https://host/root"),
        ("dicomweb+http://host/root", "http://host/root"),
        ("wadors:" + INSTANCE + "/frames/1", INSTANCE + "/frames/1"),
        ("wadouri:https://host/wado", "https://host/wado"),
        ("dicomweb:" + INSTANCE, INSTANCE),
        ("https://[2001:DB8::1]:8080/x", "https://[2001:db8::1]:8080/x"),
        ("https://host/a%20b/c+d", "https://host/a%20b/c+d"),
        ("ahi://" + "a" * 32 + "/" + "b" * 32 + "/1.2/3.4/" + "c" * 32,) * 2,
    ],
)
def test_the_written_form(given_url: str, written: str) -> None:
    assert normalise_url(given_url) == written
    assert normalise_url(written) == written


@pytest.mark.parametrize(
    "bad",
    [
        "https://user:secret@host/x",
        "https://user@host/x",
        "https://host/../etc",
        "https://host/a/%2e%2e/b",
        "https://host/a/./b",
        "https://host/a\\b",
        "https://host/a\nb",
        "https://host/studies/1.2;drop",
        "https://host/studies/1.2/series/" + "1" * 65,
        "https://host/" + "x" * 2048,
        "https:///x",
        "https://[::1/x",
        "https://host:99999/x",
        "/local/folder",
        "folder",
        "",
        "dicomweb://unknown/studies/1.2",
    ],
)
def test_what_cannot_be_meant_is_refused_without_repeating_secrets(bad: str) -> None:
    with pytest.raises(UsageError) as caught:
        normalise_url(bad)
    assert "secret" not in str(caught.value)


def test_a_label_stands_for_its_source() -> None:
    labels = {"pacs": "https://host/root/"}
    assert normalise_url("dicomweb://pacs/studies/1.2", labels) == "https://host/root/studies/1.2"
    with pytest.raises(UsageError, match="pacs"):
        normalise_url("dicomweb://other/studies/1.2", labels)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://h/dicom-web", {"base": "https://h/dicom-web"}),
        ("https://h/dicom-web/studies", {"base": "https://h/dicom-web"}),
        ("https://h/studies/1.2", {"base": "https://h", "study_uid": "1.2"}),
        ("https://h/b/studies/1.2/series", {"base": "https://h/b", "study_uid": "1.2"}),
        (
            "https://h/b/studies/1/series/2/instances/3/frames/4,5",
            {"base": "https://h/b", "study_uid": "1", "series_uid": "2", "sop_uid": "3", "frame": 4},
        ),
    ],
)
def test_a_dicomweb_url_in_parts(url: str, parts: dict[str, object]) -> None:
    assert split_url(url) == WebLocation(**parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "bad",
    [
        "https://h/studies/1/instances/2",
        "https://h/studies/1/series/2/instances/3/frames/0",
        "https://h/studies/1/series/2/instances/3/frames/x",
        "https://h/studies/1/series/2/metadata",
        "https://h/studies/x.y/series/2",
        "https://h/studies/1/series/2/instances/3/frames/1/rendered",
    ],
)
def test_what_follows_studies_is_levels_and_uids(bad: str) -> None:
    with pytest.raises(UsageError):
        split_url(bad)


uids = st.text("0123456789.", min_size=1, max_size=64)


@given(uids, uids, uids, st.integers(1, 10_000))
def test_parts_make_the_url_again(study: str, series: str, sop: str, frame: int) -> None:
    place = WebLocation(base="https://h/b", study_uid=study, series_uid=series, sop_uid=sop, frame=frame)
    if any(uid in {".", ".."} for uid in (study, series, sop)):
        return
    assert split_url(place.url) == place


@given(st.text())
def test_any_text_is_a_url_or_a_usage_error(text: str) -> None:
    try:
        normal = normalise_url(text)
    except UsageError:
        return
    assert normalise_url(normal) == normal and "@" not in normal.partition("/studies")[0].split("/")[2]


@pytest.mark.parametrize("bad", ["", "1.2/../3", "1.2 ", "1.2\n", "a.b", "1" * 65, "\u0661.2", "../x"])
def test_uids(bad: str) -> None:
    assert not is_uid(bad)
    with pytest.raises(UsageError):
        check_uid(bad)


def test_a_uid_of_64_digits_is_one() -> None:
    assert check_uid("1" * 64) == "1" * 64


def test_origins() -> None:
    assert origin("https://u:p@Host:443/x?y") == origin("https://host") == "https://host"
    assert origin("http://host:443") != origin("http://host")
    assert origin("https://host") != origin("http://host")
    assert origin("http://[::1]:8042/x") == "http://[::1]:8042"
    assert origin("/folder") == origin("http://host:bad/") == "://"


def test_being_below_a_base_counts_components_not_characters() -> None:
    assert is_within("https://h/dicom-web/studies/1", "https://h/dicom-web")
    assert is_within("https://h/dicom-web", "https://h/dicom-web/")
    assert not is_within("https://h/dicom-web2/studies/1", "https://h/dicom-web")
    assert not is_within("https://h:8443/dicom-web", "https://h/dicom-web")
    assert not is_within("https://h.evil.example/dicom-web", "https://h/dicom-web")


@pytest.mark.parametrize(
    "url", ["https://u:secret@host/x?PatientName=secret#secret", "https://u:secret@host?secret", "secret?secret"]
)
def test_shown_urls_hold_no_userinfo_or_query(url: str) -> None:
    assert "secret" not in shown(url).removeprefix("secret")
