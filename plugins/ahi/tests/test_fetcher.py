"""Fetching frames: every fault of the service ends in the right pixels after a repetition, or in a named error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomlogic_core as dl
from dicomlogic_ahi import plugin
from dicomlogic_ahi.testing import Fault, ImageSet, Server, image_sets_from
from dicomlogic_core.pixels import codecs
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.fakes import FakeAdaptor, closed_manager, fake_plugin

# Loading gives the frames of a series as an array.
FRAMES = fake_plugin(dl.AdaptorProvider(name=FakeAdaptor.name, label="", factory=FakeAdaptor))
Start = Callable[..., Server]
FRAME = "getImageFrame"


@pytest.fixture
def session(tmp_path: Path) -> Iterator[dl.Session]:
    with dl.Session(tmp_path / "db", manager=closed_manager(plugin, FRAMES)) as made:
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("files")
    phantoms.write_ct(made, phantoms.regular(8))
    return made


@pytest.fixture(scope="module")
def wanted(folder: Path) -> Any:
    with dl.Session(manager=closed_manager(FRAMES)) as made:
        made.index(folder)
        return np.asarray(made.load(made.examine()[0]))


@pytest.fixture(params=["imagecodecs", "pydicom"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "imagecodecs":
        pytest.importorskip("imagecodecs")
    else:
        monkeypatch.setattr(codecs, "imagecodecs", lambda: None)
    return str(request.param)


def load(session: dl.Session, server: Server, **options: str) -> Any:
    session.index(f"ahi://{server.datastore}", options=options)
    return session.load(session.examine()[0])


# imagecodecs prints errors that it meets between the lines of an HTJ2K stream, and goes on.
PRINTED = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

REFUSALS = [
    Fault("error", path=FRAME, times=3, value="ThrottlingException"),
    Fault("error", path=FRAME, times=3, value="InternalServerException"),
    Fault("error", path=FRAME, times=2, value="ConflictException"),
    Fault("status", path=FRAME, times=2, value=503),
    Fault("drop", path=FRAME, times=1),
    Fault("short", path=FRAME, times=1),
    Fault("gzip", path=FRAME),
]
DAMAGE = [
    Fault("half", path=FRAME, times=1),
    Fault("hole", path=FRAME, times=1),
    Fault("garbage", path=FRAME, times=1),
]


@pytest.mark.parametrize("fault", REFUSALS, ids=lambda fault: f"{fault.kind}-{fault.value}")
def test_refusals_that_pass_leave_the_right_pixels(
    session: dl.Session, service: Start, folder: Path, wanted, fault: Fault
) -> None:
    server = service(image_sets_from(folder), faults=(fault,))
    np.testing.assert_array_equal(np.asarray(load(session, server)), wanted)


@PRINTED
@pytest.mark.parametrize("fault", DAMAGE, ids=lambda fault: fault.kind)
def test_damage_that_passes_leaves_the_right_pixels(
    session: dl.Session, service: Start, folder: Path, wanted, decoder: str, fault: Fault
) -> None:
    server = service(image_sets_from(folder), faults=(fault,))
    np.testing.assert_array_equal(np.asarray(load(session, server)), wanted)
    assert server.count(FRAME) <= 8 + 1


def refused(session: dl.Session, server: Server) -> str:
    """The code of the error that loading ends with; requests are repeated in one place, and a frame once more."""
    with pytest.raises(dl.DicomLogicError) as caught:
        load(session, server, attempts="2")
    assert server.count(FRAME) <= 8 * 2 * 2
    return caught.value.code


@pytest.mark.parametrize(
    ("fault", "codes"),
    [
        (Fault("error", path=FRAME, value="ThrottlingException"), {"network"}),
        (Fault("error", path=FRAME, value="InternalServerException"), {"network"}),
        (Fault("error", path=FRAME, value="ConflictException"), {"network.busy"}),
        (Fault("error", path=FRAME, value="AccessDeniedException"), {"network.forbidden"}),
        (Fault("error", path=FRAME, value="ResourceNotFoundException"), {"network.not-found"}),
        (Fault("error", path=FRAME, value="NotAcceptableException"), {"network.no-form"}),
        (Fault("short", path=FRAME), {"network.truncated", "network.unavailable"}),
        (Fault("drop", path=FRAME), {"network.truncated", "network.unavailable"}),
    ],
    ids=lambda value: f"{value.kind}-{value.value}" if isinstance(value, Fault) else "",
)
def test_refusals_that_stay_are_named(
    session: dl.Session, service: Start, folder: Path, fault: Fault, codes: set[str]
) -> None:
    assert refused(session, service(image_sets_from(folder), faults=(fault,))) in codes


@PRINTED
@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("half", {"pixels.short"}),
        ("hole", {"pixels.checksum", "pixels.decode-failed"}),
        ("garbage", {"pixels.short", "pixels.decode-failed", "network.login-page"}),
    ],
)
def test_damage_that_stays_is_named(
    session: dl.Session, service: Start, folder: Path, decoder: str, kind: str, codes: set[str]
) -> None:
    if kind == "hole":  # of native frames the same bytes twice are believed
        pytest.importorskip("imagecodecs")
    assert refused(session, service(image_sets_from(folder), faults=(Fault(kind, path=FRAME),))) in codes


def test_wrong_checksums_are_an_error_where_nothing_was_lost(
    session: dl.Session, service: Start, folder: Path, decoder: str
) -> None:
    pytest.importorskip("imagecodecs", reason="frames are stored natively without it")
    server = service(image_sets_from(folder), checksums=False)
    with pytest.raises(dl.PixelError) as caught:
        load(session, server)
    assert caught.value.code == "pixels.checksum"


@pytest.mark.parametrize("storage", ["HTJ2K", "JPEG_2000_LOSSLESS"])
@pytest.mark.parametrize("stored_syntax", [True, False])
def test_the_bytes_tell_how_they_are_decoded(
    session: dl.Session, service: Start, folder: Path, wanted, decoder: str, storage: str, stored_syntax: bool
) -> None:
    sets = image_sets_from(folder, lossless=storage, stored_syntax=stored_syntax)
    server = service(sets, frame_type="image/j2c")
    np.testing.assert_array_equal(np.asarray(load(session, server)), wanted)


def test_sixteen_frames_are_asked_for_at_once(session: dl.Session, service: Start, multi_frame) -> None:
    server = service(multi_frame, latency=0.1)
    session.index(f"ahi://{server.datastore}")
    loadable = session.examine()[0]
    server.log.clear()
    session.load(loadable)
    assert server.most_open == 16


# --- multi-frame -----------------------------------------------------------------------------------------------------


def test_a_frame_is_fetched_by_its_own_id_after_reopening(
    service: Start, multi_frame: list[ImageSet], tmp_path: Path
) -> None:
    server = service(multi_frame)
    manager = closed_manager(plugin, FRAMES)
    with dl.Session(tmp_path / "db", manager=manager) as first:
        first.index(f"ahi://{server.datastore}")
        (row,) = first.list("instance")
        assert len(row["RetrieveURL"].split("/")) == 7
    server.log.clear()
    with dl.Session(tmp_path / "db", manager=manager) as session:
        loadable = session.examine()[0]
        frames = session.load(loadable, lazy=True)
        assert not server.log
        np.testing.assert_array_equal(frames[8], session.load(loadable)[8])
    (instance,) = next(iter(multi_frame[0].document["Study"]["Series"].values()))["Instances"].values()
    ids = [frame["ID"] for frame in instance["ImageFrames"]]
    asked = [json.loads(request.body)["imageFrameId"] for request in server.log]
    assert asked[0] == ids[loadable.frames[8].frame - 1]
    assert sorted(asked[1:]) == sorted(ids)


def test_frames_that_the_image_set_does_not_name_are_not_asked_for(
    session: dl.Session, service: Start, multi_frame: list[ImageSet]
) -> None:
    document = json.loads(json.dumps(multi_frame[0].document))
    for series in document["Study"]["Series"].values():
        for instance in series["Instances"].values():
            instance["ImageFrames"] = instance["ImageFrames"][:-1]
    server = service([multi_frame[0].updated(document=document)])
    with pytest.raises(dl.PixelError) as caught:
        load(session, server)
    assert caught.value.code == "pixels.missing" and "frame 24" in caught.value.where


def test_no_frames_at_all_is_indexed_and_nothing_is_asked(
    session: dl.Session, service: Start, multi_frame: list[ImageSet]
) -> None:
    document = json.loads(json.dumps(multi_frame[0].document))
    for series in document["Study"]["Series"].values():
        for instance in series["Instances"].values():
            instance["ImageFrames"] = []
    server = service([multi_frame[0].updated(document=document)])
    session.index(f"ahi://{server.datastore}")
    (row,) = session.list("instance")
    assert len(row["RetrieveURL"].split("/")) == 6
    with pytest.raises(dl.DicomLogicError) as caught:
        session.load(session.examine()[0])
    assert caught.value.code == "pixels.missing" and server.count(FRAME) == 0


def test_only_frames_are_to_be_had(session: dl.Session, service: Start, folder: Path) -> None:
    from dicomlogic_ahi.fetcher import FrameFetcher

    server = service(image_sets_from(folder))
    session.index(f"ahi://{server.datastore}")
    row = session.list("instance")[0]
    ref = dl.InstanceRef(study_uid="1.2", series_uid="1.3", sop_uid="1.4")
    location = dl.Location(ref=ref, url=row["RetrieveURL"])
    (result,) = FrameFetcher().fetch([location], _Context(session))
    assert result.error is not None and result.error.code == "network.no-form" and not result.retryable


@pytest.mark.parametrize("url", ["ahi://x/y", "https://evil.example/1", "ahi://" + "d" * 32 + "/../../1.2/1.3/x", ""])
def test_locations_of_a_hostile_database_reach_no_request(session: dl.Session, url: str) -> None:
    from dicomlogic_ahi.fetcher import FrameFetcher

    ref = dl.FrameRef(study_uid="1.2", series_uid="1.3", sop_uid="1.4")
    (result,) = FrameFetcher().fetch([dl.Location(ref=ref, url=url, frame_id="../x")], _Context(session))
    assert result.error is not None and result.error.code == "usage.url"


class _Context:
    """Meets FetchContext as far as the fetcher uses it."""

    def __init__(self, session: dl.Session) -> None:
        self.http = session.clients.http

    def cancelled(self) -> bool:
        return False
