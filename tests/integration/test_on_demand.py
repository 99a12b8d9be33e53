"""What costs how many requests, by the loopback server's own log; the same answers from a real Orthanc."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomlogic_core as dl
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.server import Server

SLICES = 48


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CT of 48 slices in a random order, slice k filled with k."""
    target = tmp_path_factory.mktemp("ct")
    phantoms.write_ct(target, phantoms.regular(SLICES), shuffle_seed=7)
    return target


@pytest.fixture
def expected(folder: Path) -> np.ndarray[Any, Any]:
    """The volume that the files give."""
    with dl.open() as session:
        session.index(folder)
        (loadable,) = session.examine()
        return np.asarray(session.load(loadable))


@pytest.fixture
def session() -> Iterator[dl.Session]:
    with dl.open() as opened:
        yield opened


def _indexed(session: dl.Session, url: str) -> dl.Loadable:
    session.index(url)
    (loadable,) = session.examine()
    assert len(loadable.frames) == SLICES
    return loadable


FRAME = r"/instances/[^/]+/frames/"
OBJECT = r"/(studies|series|instances)/[0-9.]+$"


def test_indexing_and_examining_ask_for_no_pixels(
    session: dl.Session, folder: Path, dicomweb_server: Callable[..., Server]
) -> None:
    server = dicomweb_server(folder)
    _indexed(session, server.url)
    assert server.count(FRAME) == server.count("bulkdata") == 0
    assert server.count("/metadata$") == 1
    before = len(server.log)
    session.examine(all=True)
    assert len(server.log) == before


def test_one_slice_of_a_lazy_volume_costs_one_frame_request(
    session: dl.Session, folder: Path, dicomweb_server: Callable[..., Server], expected: np.ndarray[Any, Any]
) -> None:
    server = dicomweb_server(folder)
    loadable = _indexed(session, server.url)
    server.log.clear()
    volume = session.load(loadable, lazy=True)
    assert server.log == []  # shape, type and geometry come from headers
    assert (volume.array.shape, volume.array.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(volume.array[40], expected[40])
    assert [record.path.rpartition("/instances/")[2] for record in server.log] == [f"{_sop(loadable, 40)}/frames/1"]
    np.testing.assert_array_equal(volume.array[40], expected[40])
    assert len(server.log) == 1  # it is kept
    np.testing.assert_array_equal(volume.array[[3, 5, 40]], expected[[3, 5, 40]])
    assert server.count(FRAME) == len(server.log) == 3


def _sop(loadable: dl.Loadable, k: int) -> str:
    return loadable.frames[k].sop_uid


def test_a_whole_series_costs_one_request_where_the_server_offers_it(
    session: dl.Session, folder: Path, dicomweb_server: Callable[..., Server], expected: np.ndarray[Any, Any]
) -> None:
    server = dicomweb_server(folder)
    loadable = _indexed(session, server.url)
    server.log.clear()
    np.testing.assert_array_equal(np.asarray(session.load(loadable)), expected)
    assert [record.path.rpartition("/")[2] for record in server.log] == list(loadable.series_uids)


def test_a_lazy_volume_fetched_whole_costs_one_request_too(
    session: dl.Session, folder: Path, dicomweb_server: Callable[..., Server], expected: np.ndarray[Any, Any]
) -> None:
    server = dicomweb_server(folder)
    volume = session.load(_indexed(session, server.url), lazy=True)
    server.log.clear()
    np.testing.assert_array_equal(np.asarray(volume.fetch()), expected)
    assert len(server.log) == 1


def test_without_series_retrieval_one_request_per_slice_eight_at_once(
    session: dl.Session, folder: Path, dicomweb_server: Callable[..., Server], expected: np.ndarray[Any, Any]
) -> None:
    server = dicomweb_server(folder, objects=False)
    loadable = _indexed(session, server.url)
    server.log.clear()
    server.set(latency=0.02)  # long enough for the requests to meet
    np.testing.assert_array_equal(np.asarray(session.load(loadable)), expected)
    frames = [record.path for record in server.log if "/frames/" in record.path]
    assert len(frames) == len(set(frames)) == SLICES
    assert server.most_open == 8
    # What is not a frame is the question whether the server has whole series.
    assert server.count(OBJECT) <= 1


def test_two_slices_of_many_are_fetched_as_frames(
    session: dl.Session, folder: Path, dicomweb_server: Callable[..., Server], expected: np.ndarray[Any, Any]
) -> None:
    server = dicomweb_server(folder)
    volume = session.load(_indexed(session, server.url), lazy=True)
    server.log.clear()
    np.testing.assert_array_equal(volume.array[10:12], expected[10:12])
    assert (server.count(FRAME), server.count(OBJECT)) == (2, 0)


def test_indexing_again_asks_for_listings_only(
    session: dl.Session, folder: Path, dicomweb_server: Callable[..., Server]
) -> None:
    server = dicomweb_server(folder)
    _indexed(session, server.url)
    server.log.clear()
    result = session.index(server.url)
    assert (result.instances, result.skipped) == (0, SLICES)
    assert server.count("/metadata$") == 0


def test_the_same_from_orthanc(
    session: dl.Session, folder: Path, orthanc: Callable[..., Any], expected: np.ndarray[Any, Any]
) -> None:
    loadable = _indexed(session, orthanc(folder).url)
    volume = session.load(loadable, lazy=True)
    np.testing.assert_array_equal(volume.array[40], expected[40])
    assert volume.array.held == 1
    np.testing.assert_array_equal(np.asarray(session.load(loadable)), expected)


def test_orthanc_with_a_password(folder: Path, orthanc: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    url = orthanc(folder, auth=True).url
    monkeypatch.setenv("ORTHANC_PASSWORD", "secret")
    with dl.open(sources=[{"location": url, "user": "alice", "password": "env:ORTHANC_PASSWORD"}]) as session:
        loadable = _indexed(session, url)
        assert np.asarray(session.load(loadable)).shape[0] == SLICES
    with dl.open() as session, pytest.raises(dl.NetworkError) as caught:
        session.index(url)
    assert caught.value.code == "network.unauthorized" and caught.value.status == 401


@pytest.mark.parametrize("metadata", ["MainDicomTags", "Extrapolate"])
def test_orthanc_with_partial_metadata(
    session: dl.Session, folder: Path, orthanc: Callable[..., Any], expected: np.ndarray[Any, Any], metadata: str
) -> None:
    loadable = _indexed(session, orthanc(folder, metadata=metadata).url)
    np.testing.assert_array_equal(np.asarray(session.load(loadable)), expected)


def test_a_lazy_sequence_costs_the_frames_that_are_looked_at(
    session: dl.Session, shared_data: Path, dicomweb_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = dicomweb_server(shared_data / "mr_fmri" / "ge_fmri_epi" / "dicom")
    session.index(server.url)
    (loadable,) = session.examine()
    sequence = session.load(loadable, lazy=True)
    assert (len(sequence), sequence[0].array.shape[0]) == (10, 15)
    server.log.clear()
    frame = sequence[7].array[4]
    assert server.count(FRAME) == 1
    curve = [volume.array[4] for volume in sequence]
    assert server.count(FRAME) == 10
    assert np.array_equal(curve[7], frame)
    server.log.clear()
    session.preview(loadable, tmp_path / "look.png")
    assert server.count(FRAME) == 20
    assert server.count(OBJECT) == 0
