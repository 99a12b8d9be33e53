"""Damage of any kind and anywhere: the volume is the right one, or there is a named error; never wrong pixels."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dicomlogic_core as dl
from dicomlogic_ahi import plugin
from dicomlogic_ahi.testing import Fault, Server, image_sets_from, serve
from dicomlogic_core.pixels import codecs
from dicomlogic_core.testing import phantoms
from dicomlogic_core.testing.fakes import closed_manager
from dicomlogic_scalar_volume import plugin as scalar_volume

FRAME, METADATA = "getImageFrame", "getImageSetMetadata"
SLICES = 5
# imagecodecs does not raise at damage inside an HTJ2K stream, it writes to the unraisable hook and gives what it has.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

quick = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
places = st.floats(0, 1, exclude_max=True)  # in a body whose length is not known beforehand


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("files")
    phantoms.write_ct(made, phantoms.regular(SLICES))
    return made


@pytest.fixture(scope="module")
def wanted(folder: Path) -> Any:
    with dl.Session(manager=closed_manager(scalar_volume)) as session:
        session.index(folder)
        return np.asarray(session.load(session.examine()[0]))


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    pytest.importorskip("imagecodecs")
    with serve(image_sets_from(folder)) as running:
        yield running


@pytest.fixture
def load(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Index and load by a session of its own, with few and quick repetitions, and no AWS configuration but its own."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)

    def loaded() -> Any:
        with dl.Session(manager=closed_manager(plugin, scalar_volume)) as session:
            result = session.index(f"ahi://{server.datastore}", options={"attempts": "2", "timeout": "5"})
            if result.failed:
                assert all(failure["code"] and failure["message"] for failure in result.failed)
                return None
            return np.asarray(session.load(session.examine()[0]))

    return loaded


@pytest.fixture(params=["imagecodecs", "pydicom"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "pydicom":
        monkeypatch.setattr(codecs, "imagecodecs", lambda: None)


def right_or_named(load: Callable[..., Any], wanted: Any) -> bool:
    """Whether the volume came; it must be the right one, and an error must have a name."""
    try:
        found = load()
    except dl.DicomLogicError as error:
        assert error.code and str(error)
        return False
    if found is not None:
        np.testing.assert_array_equal(found, wanted)
    return found is not None


@quick
@given(place=places, bits=st.integers(1, 255), times=st.sampled_from([1, None]))
def test_a_changed_byte(server: Server, load, decoder, wanted, place: float, bits: int, times: int | None) -> None:
    def change(data: bytes) -> bytes:
        at = int(place * len(data))
        return data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :]

    server.set(faults=[Fault("changed", path=FRAME, times=times, value=change)])
    came = right_or_named(load, wanted)
    assert came or times is None, "what was damaged once is fetched again"


@quick
@given(place=places, end=st.sampled_from([b"", b"\xff\xd9", b"\xff\xd9\x00", b"\x00"]))
def test_a_stream_cut_anywhere(server: Server, load, decoder, wanted, place: float, end: bytes) -> None:
    server.set(faults=[Fault("changed", path=FRAME, value=lambda data: data[: int(place * len(data))] + end)])
    right_or_named(load, wanted)


@quick
@given(place=places, times=st.sampled_from([1, None]))
def test_metadata_cut_anywhere(server: Server, load, wanted, place: float, times: int | None) -> None:
    server.set(faults=[Fault("changed", path=METADATA, times=times, value=lambda data: data[: int(place * len(data))])])
    right_or_named(load, wanted)


@quick
@given(place=places, bits=st.integers(1, 255))
def test_a_changed_byte_of_compressed_metadata(server: Server, load, wanted, place: float, bits: int) -> None:
    def change(data: bytes) -> bytes:
        at = int(place * len(data))
        return data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :]

    server.set(faults=[Fault("changed", path=METADATA, value=change)])
    right_or_named(load, wanted)


@quick
@given(swapped=st.permutations(range(SLICES)))
def test_frames_of_other_instances(server: Server, load, wanted, swapped: list[int]) -> None:
    """The service sends the right frames under the wrong ids."""
    (image_set,) = server.image_sets.values()
    bodies = [frame.data for frame in image_set.frames.values()]
    faults = [
        Fault("changed", path=frame_id, value=lambda _, body=bodies[other]: body)
        for frame_id, other in zip(image_set.frames, swapped)
    ]
    server.set(faults=faults)
    assert right_or_named(load, wanted) == (swapped == sorted(swapped))


MIXED = [
    Fault("error", path=FRAME, times=1, value="ThrottlingException", headers={"Retry-After": "0"}),
    Fault("error", path=FRAME, times=1, value="InternalServerException"),
    Fault("error", path=METADATA, times=1, value="ConflictException"),
    Fault("error", path="searchImageSets", times=1, value="InternalServerException"),
    Fault("error", path=FRAME, value="ResourceNotFoundException"),
    Fault("drop", path=FRAME, times=1),
    Fault("drop", path=METADATA, times=1),
    Fault("short", path=FRAME, times=1, value=1),
    Fault("cut", path=FRAME, times=1, value=7),
    Fault("cut", path=METADATA, times=1, value=7),
    Fault("close", path=FRAME),
    Fault("gzip", path=FRAME, times=2),
    Fault("login", path=FRAME, times=1),
    Fault("garbage", path=FRAME, times=1),
    Fault("garbage", path=METADATA, times=1),
    Fault("half", path=FRAME, times=1),
    Fault("hole", path=FRAME, times=1),
    Fault("switch", path=METADATA, times=1, value={"checksums": False}),
    Fault("switch", path=METADATA, times=1, value={"stored_syntax": False, "metadata": "unlabelled"}),
    Fault("switch", path=FRAME, value={"frame_type": "image/j2c"}),
]


@quick
@given(faults=st.lists(st.sampled_from(MIXED), max_size=4))
def test_faults_together(server: Server, load, wanted, faults: list[Fault]) -> None:
    server.set(faults=faults)
    came = right_or_named(load, wanted)
    assert came or faults
