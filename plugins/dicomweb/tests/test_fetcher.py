"""Frames, instances, series and bulk values: what is asked for, what is believed, and what comes of failures."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import dicomlogic_core as dl
from dicomlogic_core.testing.server import PROFILES, Fault, Server
from dicomlogic_dicomweb.fetcher import DicomwebFetcher

Serve = Callable[..., Server]
HTJ2K = "1.2.840.10008.1.2.4.202"
# Letter and number are those of the variants in the parser's tests; the server has them by these names.
READABLE = [
    "plain",
    "M2",
    "M4",
    "M5",
    "M6",
    "M7",
    "M8",
    "M11",
    "M13",
    "M14",
    "M18",
    "M25",
    "M27",
    "M28",
    "M29",
    "M29-close",
    "M30",
    "M31",
    "M31-long",
    "M33",
    "M34",
    "byte-long",
]
UNUSABLE = ["M15", "M19", "M21", "M22", "M36-more", "half", "byte-short", "two-bytes-long"]


def stored(results: list[dl.FetchResult], number_of: Callable[[int], int] = lambda place: 1) -> list[int]:
    """The value that fills each frame; whole instances are opened by pydicom."""
    values = []
    for place, result in enumerate(results):
        assert result.error is None and result.data is not None, result.error
        data = bytes(result.data)
        if result.media_type == "application/dicom":
            dataset = pydicom.dcmread(pydicom.filebase.DicomBytesIO(data))
            frames = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
            values.append(int(frames[number_of(place) - 1][0, 0]))
        else:
            values.append(int(np.frombuffer(data[: len(data) - len(data) % 2], "<u2")[0]))
    return values


# --- single frames ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_every_server_gives_the_right_frames(web: Any, ct: Path, dicomweb_server: Serve, profile: str) -> None:
    indexed = web.frames(dicomweb_server(ct).url)
    server = dicomweb_server(ct, profile=profile)
    places = [replace(one, url=one.url.replace(one.source, server.url), source=server.url) for one in indexed]
    assert stored(web.fetch(places)) == list(range(20))  # as a whole
    assert stored(web.fetch([places[7], places[3]])) == [7, 3]  # one by one


@pytest.mark.parametrize("form", READABLE)
def test_frames_come_out_of_every_form_of_answer(web: Any, ct: Path, dicomweb_server: Serve, form: str) -> None:
    server = dicomweb_server(ct)
    places = web.frames(server.url)[4:6]
    server.set(multipart=form)
    assert stored(web.fetch(places)) == [4, 5]


@pytest.mark.parametrize("form", UNUSABLE)
def test_a_frame_that_cannot_be_right_is_an_error_value(web: Any, ct: Path, dicomweb_server: Serve, form: str) -> None:
    server = dicomweb_server(ct)
    places = web.frames(server.url)[4:5]
    web.session.clients.name(server.url, {"attempts": "1"})
    server.set(multipart=form, objects=False, single_part=406, metadata=frozenset())
    (result,) = web.fetch(places)
    assert result.data is None and isinstance(result.error, dl.NetworkError)
    assert result.error.where and result.error.code.startswith("network.")


def test_the_form_that_worked_is_asked_first_from_then_on(web: Any, ct: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(ct)
    places = web.frames(server.url)
    server.set(faults=[Fault("status", path="/frames/", value=406, times=2)])
    server.log.clear()
    assert stored(web.fetch(places[:1])) == [0] and len(server.log) == 3
    server.log.clear()
    assert stored(web.fetch(places[1:2])) == [1] and len(server.log) == 1
    assert server.log[0].headers["accept"].endswith("transfer-syntax=1.2.840.10008.1.2.1")


def test_one_media_type_per_request_and_none_that_makes_a_server_compress(
    web: Any, ct: Path, dicomweb_server: Serve
) -> None:
    server = dicomweb_server(ct)
    places = web.frames(server.url)[:1]
    server.set(faults=[Fault("status", path="/(frames|instances)/", value=406)])
    server.log.clear()
    (result,) = web.fetch(places)
    accepts = [record.headers["accept"] for record in server.log]
    assert len(accepts) == len(set(accepts)) >= 8
    assert not any("image/" in accept or "," in accept for accept in accepts)
    assert all(record.headers["accept-encoding"] == "identity" for record in server.log if "/frames/" in record.path)
    assert isinstance(result.error, dl.NetworkError) and "406" in str(result.error)


def test_a_compressed_type_is_asked_for_when_it_was_announced(web: Any, ct: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(ct)
    (place,) = web.frames(server.url)[:1]
    server.set(faults=[Fault("status", path="/(frames|instances)/", value=406)])
    server.log.clear()
    web.fetch([replace(place, transfer_syntax=HTJ2K)])
    asked = [record.headers["accept"] for record in server.log if "image/" in record.headers["accept"]]
    assert asked == [f'multipart/related; type="image/jphc"; transfer-syntax={HTJ2K}']


def test_an_instance_that_vanished_is_not_found_and_the_others_come(web: Any, ct: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(ct, objects=False)
    places = web.frames(server.url)
    server.set(faults=[Fault("status", path=places[5].ref.sop_uid, value=404)])
    results = web.fetch(places)
    assert [index for index, result in enumerate(results) if result.error] == [5]
    error = results[5].error
    assert (error.code, error.status, results[5].retryable) == ("network.not-found", 404, False)
    assert stored(results[:5] + results[6:]) == [*range(5), *range(6, 20)]


@pytest.mark.parametrize(("status", "retryable"), [(403, False), (503, True)])
def test_what_is_no_matter_of_form_is_not_asked_in_other_forms(
    web: Any, ct: Path, dicomweb_server: Serve, status: int, retryable: bool
) -> None:
    server = dicomweb_server(ct)
    places = web.frames(server.url)[:1]
    web.session.clients.name(server.url, {"attempts": "2"})
    server.set(faults=[Fault("status", path="/frames/", value=status)])
    server.log.clear()
    (result,) = web.fetch(places)
    assert (result.error.status, result.retryable) == (status, retryable)
    assert len({record.headers["accept"] for record in server.log}) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://user:secret@127.0.0.1/dicom-web/studies/1/series/2/instances/3/frames/1",
        "http://127.0.0.1/dicom-web/../studies/1/series/2/instances/3/frames/1",
        "http://127.0.0.1/dicom-web/studies/1/series/2/instances/x;y/frames/1",
        "http://127.0.0.1/dicom-web/studies/1/series/2",
        "http://169.254.169.254/studies/1/series/2/instances/3/frames/1",
        "",
    ],
)
def test_a_hostile_location_is_an_error_value_without_a_request(
    web: Any, ct: Path, dicomweb_server: Serve, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    (place,) = web.frames(dicomweb_server(ct).url)[:1]
    monkeypatch.setattr(socket, "create_connection", lambda *args, **options: pytest.fail("a request was made"))
    (result,) = web.fetch([replace(place, url=url)])
    assert isinstance(result.error, dl.UsageError) and "secret" not in str(result.error)


# --- multi-frame -----------------------------------------------------------------------------------------------------


def test_frames_of_a_multi_frame_come_in_lists_of_ten(web: Any, multi_frame: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(multi_frame)
    places = web.frames(server.url)
    server.log.clear()
    assert stored(web.fetch(places)) == list(range(24))
    lists = [record.path.rpartition("/")[2] for record in server.log]
    assert lists == [",".join(map(str, range(start, min(start + 10, 25)))) for start in (1, 11, 21)]


@pytest.mark.parametrize("form", ["M35", "unlabelled", "M14"])
def test_parts_are_labelled_by_their_location_else_by_the_order_asked(
    web: Any, multi_frame: Path, dicomweb_server: Serve, form: str
) -> None:
    server = dicomweb_server(multi_frame)
    places = web.frames(server.url)
    server.set(multipart=form)
    assert stored(web.fetch(places)) == list(range(24))


@pytest.mark.parametrize("form", ["M36-fewer", "M36-more", "M36-twice"])
def test_parts_that_do_not_fit_the_question_are_never_combined(
    web: Any, multi_frame: Path, dicomweb_server: Serve, form: str
) -> None:
    server = dicomweb_server(multi_frame)
    places = web.frames(server.url)
    web.session.clients.name(server.url, {"attempts": "1"})
    server.set(multipart=form)
    results = web.fetch(places[:10])
    assert all(result.error.code == "network.parts" and result.data is None for result in results)


def test_a_server_without_lists_is_asked_frame_by_frame_and_not_for_lists_again(
    web: Any, multi_frame: Path, dicomweb_server: Serve
) -> None:
    server = dicomweb_server(multi_frame, frame_lists=False)
    places = web.frames(server.url)
    server.log.clear()
    assert stored(web.fetch(places)) == list(range(24))
    assert server.count(r"/frames/\d+$") == 24 and server.count(",") == 1


def test_one_instance_serves_all_its_frames_where_nothing_else_is_offered(
    web: Any, multi_frame: Path, dicomweb_server: Serve
) -> None:
    server = dicomweb_server(multi_frame)
    places = web.frames(server.url)
    server.set(frames=False)
    server.log.clear()
    results = web.fetch(places)
    assert stored(results, lambda place: place + 1) == list(range(24))
    assert server.count(r"/instances/[0-9.]+$") == 1


# --- a series --------------------------------------------------------------------------------------------------------


def test_a_series_that_breaks_off_is_completed_frame_by_frame(web: Any, ct: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(ct)
    places = web.frames(server.url)
    server.set(faults=[Fault("short", path=r"/series/[0-9.]+$", value=12_000, times=1)])
    server.log.clear()
    assert stored(web.fetch(places)) == list(range(20))
    frames = server.count("/frames/")
    assert 3 <= frames <= 8 and server.count(r"/series/[0-9.]+$") == 1


def test_an_instance_missing_in_a_series_costs_only_itself(web: Any, ct: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(ct)
    places = web.frames(server.url)
    lost = list(server.store.instances)[-1]
    server.set(
        faults=[
            Fault("switch", path=r"/series/[0-9.]+$", value={"multipart": "M36-fewer"}),
            Fault("status", path=lost, value=404),
        ]
    )
    results = web.fetch(places)
    (missing,) = [result for result in results if result.error]
    assert (missing.ref.sop_uid, missing.error.code) == (lost, "network.not-found")
    kept = [index for index, result in enumerate(results) if not result.error]
    assert stored([results[index] for index in kept]) == kept


def test_a_series_in_another_order(web: Any, ct: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(ct)
    places = web.frames(server.url)
    server.set(multipart="M35")
    server.log.clear()
    assert stored(web.fetch(places)) == list(range(20)) and len(server.log) == 1


def test_a_server_without_series_is_asked_once_for_one(web: Any, ct: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(ct)
    places = web.frames(server.url)
    server.set(objects=False, latency=0.02)
    server.log.clear()
    assert stored(web.fetch(places)) == list(range(20))
    assert server.count("/frames/") == 20 and server.most_open == 8
    server.log.clear()
    assert stored(web.fetch(places)) == list(range(20))
    assert len(server.log) == 20


def test_few_frames_of_a_long_series_are_not_worth_the_series(web: Any, ct: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(ct)
    places = web.frames(server.url)
    assert [len(batch) for batch in DicomwebFetcher().plan(places)] == [20]
    assert [len(batch) for batch in DicomwebFetcher().plan(places[:10])] == [1] * 10
    assert [len(batch) for batch in DicomwebFetcher().plan(places[:3])] == [1] * 3
    unknown = [replace(place, series_instances=0) for place in places]
    assert [len(batch) for batch in DicomwebFetcher().plan(unknown)] == [1] * 20


def test_a_server_that_is_gone_is_given_up_soon(web: Any, ct: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(ct)
    places = web.frames(server.url)
    web.session.clients.name(server.url, {"attempts": "1"})
    server.set(faults=[Fault("drop")])
    server.log.clear()
    results = web.fetch(places)
    assert all(result.error.code == "network.unavailable" and result.retryable for result in results)
    assert len(server.log) < 20


def test_cancel_ends_a_fetch(web: Any, ct: Path, dicomweb_server: Serve) -> None:
    server = dicomweb_server(ct)
    places = web.frames(server.url)
    server.set(faults=[Fault("hang", value=30)])
    timer = threading.Timer(0.3, lambda: setattr(web, "stop", True))
    timer.start()
    try:
        with pytest.raises(dl.Cancelled):
            web.fetch(places)
    finally:
        timer.join()
    assert len(server.log) >= 1


# --- instances and bulk values ---------------------------------------------------------------------------------------


def test_whole_instances(web: Any, ct: Path, dicomweb_server: Serve) -> None:
    (place,) = web.frames(dicomweb_server(ct).url)[9:10]
    ref = dl.InstanceRef(study_uid=place.ref.study_uid, series_uid=place.ref.series_uid, sop_uid=place.ref.sop_uid)
    (result,) = web.fetch([replace(place, ref=ref)])
    assert (result.media_type, result.transfer_syntax) == ("application/dicom", "1.2.840.10008.1.2.1")
    dataset = pydicom.dcmread(pydicom.filebase.DicomBytesIO(bytes(result.data)))
    assert dataset.SOPInstanceUID == place.ref.sop_uid


@pytest.mark.parametrize(
    "switches", [{"bulk_threshold": 0}, {"bulk_threshold": 1 << 30}, {"metadata": frozenset()}, {"binary": False}]
)
def test_bulk_values_by_tag_path(
    web: Any, ct: Path, tmp_path: Path, dicomweb_server: Serve, switches: dict[str, Any]
) -> None:
    dataset = pydicom.dcmread(sorted(ct.iterdir())[0])
    item = pydicom.Dataset()
    item.SpectroscopyData = b"\1\2\3\4" * 100
    item.EncapsulatedDocument = b"document"
    dataset.ReferencedImageSequence = [pydicom.Dataset(), item]
    dataset.save_as(tmp_path / "one.dcm")
    server = dicomweb_server(tmp_path)
    (place,) = web.frames(server.url)
    server.set(**switches)
    uids = {"study_uid": place.ref.study_uid, "series_uid": place.ref.series_uid, "sop_uid": place.ref.sop_uid}
    ref = dl.BulkRef(**uids, path=("00081140", 1, "00420011"))
    (result,) = web.fetch([replace(place, ref=ref)])
    assert result.error is None and bytes(result.data) == b"document"
    (result,) = web.fetch([replace(place, ref=dl.BulkRef(**uids, path=("00081140", 7, "00420011")))])
    assert result.error.code == "network.not-found"
